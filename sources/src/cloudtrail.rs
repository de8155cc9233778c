//! AWS CloudTrail: files of `{"Records":[…]}`, arrays, lines, the answers of LookupEvents, and what EventBridge and CloudWatch pass on.
//!
//! The eventID is unique where AWS made it; samples and tools reuse it. So the event id is the eventID with a digest of the content:
//! a copy is a duplicate, another event under the same id is another entry.

mod targets;

use super::foreign::{self, Choice, Claims, Fate, Item, Layout, Mapper};
use super::redact;
use entry::json::{self, Object, Value};
use entry::{Actor, ActorKind, Category, Draft, Json, Party, Request, Result, Source};

/// See the module.
pub struct CloudTrail {
    claims: Claims,
}

impl CloudTrail {
    pub fn new(claims: Claims) -> Self {
        Self { claims }
    }
}

/// Members whose arrays hold events: of files and of LookupEvents; of CloudWatch, each in a message.
pub const WRAPPERS: &[&str] = &["Records", "Events", "logEvents", "events"];

/// Members that hold an event in what is around it, as an object or as JSON in a text: of LookupEvents, EventBridge, CloudWatch.
const WITHIN: [&str; 3] = ["CloudTrailEvent", "detail", "message"];

/// How often an event stands in another's member: EventBridge's target may be CloudWatch.
const WRAPS_MAX: usize = 4;

/// Whether it is a CloudTrail event, or has one in it.
pub fn recognises(value: &Value<'_>) -> bool {
    let said = |value: &Value<'_>, names: [&str; 2]| names.iter().any(|n| value.get(n).is_some());
    let is_one = |value: &Value<'_>| {
        said(value, ["eventName", "eventname"])
            && said(value, ["eventSource", "eventsource"])
            && (said(value, ["userIdentity", "useridentity"])
                || said(value, ["eventVersion", "eventversion"]))
    };
    value.get("CloudTrailEvent").is_some()
        || is_one(value)
        || within(value).is_some() && unwrapped(value.clone()).is_ok_and(|event| is_one(&event))
}

/// The member of an envelope that holds what is within.
fn within(value: &Value<'_>) -> Option<&'static str> {
    let envelope = value.as_object()?;
    if ["eventName", "eventname"]
        .iter()
        .any(|name| envelope.get(name).is_some())
    {
        return None;
    }
    let holds = |name: &&str| match envelope.get(name) {
        Some(Value::Object(_)) => true,
        Some(Value::String(text)) => text.trim_start().starts_with('{'),
        _ => false,
    };
    WITHIN.into_iter().find(holds)
}

/// The event in what AWS puts around it.
fn unwrapped(mut value: Value<'_>) -> std::result::Result<Value<'_>, String> {
    for _ in 0..WRAPS_MAX {
        let (Some(name), Value::Object(envelope)) = (within(&value), &mut value) else {
            break;
        };
        value = match envelope.remove(name) {
            Some(Value::String(text)) => json::parse(text.as_bytes())
                .map_err(|e| format!("{name}: {e}"))?
                .into_owned(),
            Some(inner) => inner,
            None => break,
        };
    }
    Ok(value)
}

impl Mapper for CloudTrail {
    fn layout(&self) -> Layout {
        Layout::json(WRAPPERS)
    }

    fn take(&mut self, item: Item, _header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let fate = match map(&self.claims, &item.raw) {
            Ok(draft) => Fate::Send(Box::new(draft)),
            Err(why) => Fate::Refuse(why),
        };
        done(item, fate);
    }
}

fn map(claims: &Claims, raw: &[u8]) -> std::result::Result<Draft, String> {
    let mut value = json::parse(raw).map_err(|e| e.to_string())?;
    let redacted = claims.redact(&mut value);
    let mut draft = event_within(claims, value)?;
    if redacted {
        redact::list_places(&mut draft);
    }
    Ok(draft)
}

fn event_within(claims: &Claims, value: Value<'_>) -> std::result::Result<Draft, String> {
    match unwrapped(value)? {
        Value::Object(event) => draft(claims, event),
        other => Err(format!("no CloudTrail event but {}", other.what())),
    }
}

fn draft(claims: &Claims, mut event: Object<'_>) -> std::result::Result<Draft, String> {
    foreign::drop_nulls(&mut event);
    let digest = foreign::digest(&mut event);
    restore_names(&mut event);
    let action = foreign::take_text(&mut event, "eventName")
        .ok_or("no CloudTrail event: it has no eventName")?;
    let service = foreign::text(event.get("eventSource"))
        .unwrap_or("")
        .to_owned();
    let mut draft = Draft::new(actor(&mut event, &service), action, Result::Success);
    draft.category = Some(category(&service));
    let mut targets = targets::of_event(&event, &service).into_iter();
    draft.target = targets.next();
    draft.related = targets.collect();
    set_scope(&mut draft, &mut event, claims);
    let event_id = foreign::text(event.get("eventID")).unwrap_or("");
    draft.source = Some(Source {
        name: claims.source.clone(),
        event_id: Some(format!("{event_id}/{digest}").into()),
        sequence: None,
    });
    draft.request = Request {
        id: foreign::take_text(&mut event, "requestID"),
        ip: foreign::take_text(&mut event, "sourceIPAddress"),
        user_agent: foreign::take_text(&mut event, "userAgent"),
        ..Request::default()
    };
    set_result(&mut draft, &mut event);
    let time = foreign::take_time(&mut event, "eventTime", claims.now);
    let mut context = Object::new();
    foreign::set_time(&mut draft, &mut context, time);
    if let Some(noise) = noise(&draft, &event) {
        context.insert("noise", noise);
    }
    // These stand after the rest: only the first leaves are indexed, and theirs may be many.
    for body in [
        "requestParameters",
        "responseElements",
        "serviceEventDetails",
    ] {
        if let Some(value) = event.remove(body) {
            context.insert(body, value);
        }
    }
    context.insert("cloudtrail", event);
    draft.context = Some(Json::from(&Value::Object(context)));
    Ok(draft)
}

/// Members some pipelines write in small letters.
fn restore_names(event: &mut Object<'_>) {
    const NAMES: [&str; 13] = [
        "eventName",
        "eventSource",
        "eventTime",
        "eventID",
        "eventVersion",
        "awsRegion",
        "userIdentity",
        "requestID",
        "sourceIPAddress",
        "userAgent",
        "requestParameters",
        "responseElements",
        "recipientAccountId",
    ];
    for name in NAMES {
        if event.get(name).is_none()
            && let Some(value) = event.remove(&name.to_ascii_lowercase())
        {
            event.insert(name, value);
        }
    }
}

/// The account is the project, unless it is asked to be the organization.
fn set_scope(draft: &mut Draft, event: &mut Object<'_>, claims: &Claims) {
    let account = foreign::text(event.get("recipientAccountId"))
        .filter(|a| a.len() <= entry::limits::PROJECT_BYTES_MAX)
        .map(Box::<str>::from);
    draft.scope.organization = claims.organization.organization(account.as_deref());
    if claims.organization == Choice::FromSource && draft.scope.organization.is_some() {
        event.remove("recipientAccountId");
    } else if account.is_some() {
        event.remove("recipientAccountId");
        draft.scope.project = account;
    }
}

/// Who called: by the type of identity. Services and roles in between are whom it was done on behalf of.
fn actor(event: &mut Object<'_>, service: &str) -> Actor {
    let empty = Value::Object(Object::new());
    let identity = event.get("userIdentity").unwrap_or(&empty);
    let text = |path: &str| foreign::text(identity.pointer(path));
    let arn = text("/arn");
    let invoked_by = text("/invokedBy");
    let issuer = text("/sessionContext/sessionIssuer/userName");
    let (kind, name): (ActorKind, Option<String>) = match text("/type") {
        Some("AWSService") => (
            ActorKind::System,
            invoked_by.or(text("/principalId")).map(str::to_owned),
        ),
        Some("Root") => (ActorKind::User, Some("root".to_owned())),
        Some("IdentityCenterUser") => (ActorKind::User, text("/userName").map(str::to_owned)),
        Some("AssumedRole") => assumed_role(arn, issuer, text("/principalId"), invoked_by),
        // S3 says so in the account and leaves the principal empty; others say so in the principal.
        Some("AWSAccount")
            if ["/accountId", "/principalId"]
                .iter()
                .any(|path| text(path) == Some("ANONYMOUS_PRINCIPAL")) =>
        {
            (ActorKind::Anonymous, Some("anonymous".to_owned()))
        }
        Some("AWSAccount") => (ActorKind::User, text("/accountId").map(str::to_owned)),
        Some(_) => (
            ActorKind::User,
            text("/userName").or(arn.and_then(tail)).map(str::to_owned),
        ),
        None if invoked_by.is_some() => (ActorKind::System, invoked_by.map(str::to_owned)),
        None => (
            ActorKind::Anonymous,
            text("/userName").or(arn.and_then(tail)).map(str::to_owned),
        ),
    };
    let of_center = text("/onBehalfOf/userId");
    let id = match text("/type") {
        // The account is where, not who.
        Some("IdentityCenterUser") => of_center.or(text("/principalId")),
        _ => arn.or(text("/principalId")),
    };
    let id = id.or(text("/accountId"));
    let name = name.or_else(|| {
        id.is_none().then(|| {
            if service.is_empty() {
                "unknown".to_owned()
            } else {
                format!("unknown ({service})")
            }
        })
    });
    let email = name
        .as_deref()
        .and_then(|name| foreign::mail(name).or_else(|| name.rsplit('/').find_map(foreign::mail)));
    let on_behalf_of = on_behalf_of(identity, id, name.as_deref());
    let party = Party {
        kind,
        id: id.map(Box::from),
        name: name.map(Box::from),
        email,
    };
    Actor {
        party,
        on_behalf_of,
    }
}

/// Whom it was done for, if the actor is another one.
fn on_behalf_of(identity: &Value<'_>, id: Option<&str>, name: Option<&str>) -> Option<Party> {
    let text = |path: &str| foreign::text(identity.pointer(path));
    let of_center = text("/onBehalfOf/userId").filter(|user| Some(*user) != id);
    let invoked_by = text("/invokedBy").filter(|by| Some(*by) != name);
    let issuer = text("/sessionContext/sessionIssuer/userName").filter(|of| Some(*of) != name);
    Some(match (of_center, invoked_by, issuer) {
        // A role that an application took on for somebody who signed in to Identity Center.
        (Some(user), ..) => Party {
            id: Some(user.into()),
            ..Party::of(ActorKind::User)
        },
        (_, Some(by), _) => Party {
            name: Some(by.into()),
            ..Party::of(ActorKind::System)
        },
        (_, _, Some(issuer)) => Party {
            name: Some(issuer.into()),
            id: text("/sessionContext/sessionIssuer/arn").map(Box::from),
            ..Party::of(ActorKind::ServiceAccount)
        },
        _ => return None,
    })
}

/// `role/session`. A service's own roles and machines are no people.
fn assumed_role(
    arn: Option<&str>,
    issuer: Option<&str>,
    principal: Option<&str>,
    invoked_by: Option<&str>,
) -> (ActorKind, Option<String>) {
    let mut parts = arn
        .and_then(|arn| arn.split_once(":assumed-role/"))
        .map(|(_, rest)| rest.splitn(2, '/'));
    let role_of_arn = parts.as_mut().and_then(Iterator::next);
    let session = parts.as_mut().and_then(Iterator::next).or_else(|| {
        principal
            .and_then(|p| p.split_once(':'))
            .map(|(_, session)| session)
    });
    let role = issuer.or(role_of_arn);
    let of_service = role.is_some_and(|role| role.starts_with("AWSServiceRole"))
        || session.is_some_and(|session| session.starts_with("i-"))
        || invoked_by.is_some_and(|by| by.ends_with(".amazonaws.com"));
    let name = match (role, session) {
        (Some(role), Some(session)) => Some(format!("{role}/{session}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (None, None) => None,
    };
    (
        if of_service {
            ActorKind::ServiceAccount
        } else {
            ActorKind::User
        },
        name,
    )
}

/// What an ARN ends in.
fn tail(arn: &str) -> Option<&str> {
    arn.rsplit(['/', ':'])
        .next()
        .filter(|tail| !tail.is_empty())
}

/// A failure is an error code, an error message without one (the console's sign-in), or a sign-in that says so: under its own name, as
/// `ConsoleLogin`, `SwitchRole`, `ExitRole`, `CheckMfa`.
fn set_result(draft: &mut Draft, event: &mut Object<'_>) {
    let code = foreign::text(event.get("errorCode")).map(Box::from);
    let message = foreign::take_text(event, "errorMessage");
    let of_sign_in =
        foreign::text(event.get("eventSource")).is_some_and(|source| source.starts_with("signin."));
    let answers = event.get("responseElements").and_then(Value::as_object);
    let refused = answers.is_some_and(|answers| {
        answers.iter().any(|(name, answer)| {
            (of_sign_in || name == "ConsoleLogin" || *name == *draft.action)
                && answer
                    .as_str()
                    .is_some_and(|word| word.eq_ignore_ascii_case("Failure"))
        })
    });
    if code.is_some() || message.is_some() || refused {
        draft.result = Result::Failure;
        draft.error =
            (code.is_some() || message.is_some()).then_some(entry::Error { code, message });
    }
}

/// What is seldom looked for. What was denied is never noise: it is how an intruder looks around.
fn noise(draft: &Draft, event: &Object<'_>) -> Option<&'static str> {
    /// Parts of the codes, which are the services' own: `VpceAccessDenied`, `Client.UnauthorizedOperation`.
    const DENIED: [&str; 5] = [
        "AccessDenied",
        "Unauthorized",
        "NotAuthorized",
        "AuthFailure",
        "Forbidden",
    ];
    let code = draft.error.as_ref().and_then(|error| error.code.as_deref());
    let denied = code.is_some_and(|code| DENIED.iter().any(|part| code.contains(part)));
    let read = event.get("readOnly").and_then(Value::as_bool) == Some(true);
    match draft.actor.party.kind {
        _ if denied => None,
        _ if read => Some("read"),
        ActorKind::System => Some("system"),
        _ => None,
    }
}

fn category(service: &str) -> Category {
    const ACCESS: [&str; 9] = [
        "iam",
        "sts",
        "signin",
        "sso",
        "sso-directory",
        "identitystore",
        "organizations",
        "rolesanywhere",
        "cognito-idp",
    ];
    match service.split('.').next() {
        Some(name) if ACCESS.contains(&name) => Category::AccessControl,
        Some("eks" | "ecs") => Category::Cluster,
        Some("cloudtrail" | "config" | "ssm" | "appconfig") => Category::Config,
        _ => Category::Other,
    }
}

#[cfg(test)]
mod tests;
