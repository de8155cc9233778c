//! Who verified claims are about: what a new account is named by, and the groups.

use super::Failure;
use super::token::Claims;
use crate::access::Login;
use crate::access::provider::{Elsewhere, Newcomer, PROVIDER_GROUPS_MAX, group};
use crate::config::provider::Settings;
use serde_json::{Map, Value};

/// What the provider tells beside the ID token, asked with the access token.
pub struct Told(Map<String, Value>);

impl Told {
    /// Refuses what is told of somebody else.
    pub fn read(told: &Map<String, Value>, claims: &Claims) -> Result<Self, Failure> {
        match told.get("sub").and_then(Value::as_str) == Some(claims.subject.as_str()) {
            true => Ok(Self(told.clone())),
            false => Err(Failure::Untrusted("user_info_of_another")),
        }
    }
}

/// True if the ID token says all that is asked of it.
pub fn is_complete(settings: &Settings, claims: &Claims) -> bool {
    let has = |name: &str| claims.all.contains_key(name);
    has(&settings.groups_claim) && has("email") && has("name")
}

/// Who it is. What is signed counts before what is told.
pub fn newcomer(
    settings: &Settings,
    claims: &Claims,
    told: Option<Told>,
) -> Result<Newcomer, Failure> {
    let mut all = told.map_or_else(Map::new, |told| told.0);
    // Address and its being verified belong together, from one place.
    if claims.all.contains_key("email") {
        all.remove("email_verified");
    }
    all.extend(claims.all.clone());
    let groups = groups(all.get(&settings.groups_claim))?;
    if !settings.allowed_groups.is_empty() {
        let allowed = |name: &&str| settings.allowed_groups.iter().any(|one| one == name);
        if !groups.iter().any(allowed) {
            return Err(Failure::NotAllowed);
        }
    }
    let logins = logins(&all, settings.assume_verified);
    if logins.is_empty() {
        return Err(Failure::Nameless);
    }
    let name = all.get("name").and_then(Value::as_str).unwrap_or_default();
    Ok(Newcomer {
        elsewhere: Elsewhere {
            issuer: settings.issuer.clone(),
            subject: claims.subject.clone(),
        },
        logins,
        name: name.to_owned(),
        // What cannot be bound here grants nothing here.
        groups: groups.into_iter().filter_map(group).collect(),
    })
}

/// The names in the claim; none, if there is no claim.
fn groups(claim: Option<&Value>) -> Result<Vec<&str>, Failure> {
    let names = match claim {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(Failure::BadGroups),
    };
    if names.len() > PROVIDER_GROUPS_MAX {
        return Err(Failure::TooManyGroups {
            count: names.len(),
            max: PROVIDER_GROUPS_MAX,
        });
    }
    let names = names.iter().map(Value::as_str);
    names.collect::<Option<_>>().ok_or(Failure::BadGroups)
}

/// What a new account may be named by. A user name that looks like an address of mail would be shown as one.
fn logins(all: &Map<String, Value>, assume_verified: bool) -> Vec<Login> {
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    let verified = assume_verified || all.get("email_verified") == Some(&Value::Bool(true));
    let mail = text("email").filter(|mail| verified && mail.contains('@'));
    let user = text("preferred_username").filter(|user| assume_verified || !user.contains('@'));
    let both = mail.into_iter().chain(user);
    both.filter_map(Login::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(all: Value) -> Claims {
        Claims {
            subject: "7".into(),
            all: all.as_object().expect("an object").clone(),
        }
    }

    fn settings() -> Settings {
        Settings::of("https://id.example")
    }

    fn logins_of(all: Value, settings: &Settings) -> Result<Vec<String>, &'static str> {
        let newcomer = newcomer(settings, &claims(all), None);
        let newcomer = newcomer.map_err(|failure| failure.reason())?;
        Ok(newcomer.logins.iter().map(Login::to_string).collect())
    }

    #[test]
    fn an_address_is_a_name_only_if_somebody_vouches_for_it() {
        let trusting = Settings {
            assume_verified: true,
            ..settings()
        };
        let mail = "Ana@Acme.example";
        let both = Ok(vec!["ana@acme.example".to_owned(), "ana".to_owned()]);
        let all = json!({"email": mail, "email_verified": true, "preferred_username": "ana"});
        assert_eq!(logins_of(all, &settings()), both);
        for verified in [json!(false), json!("true"), json!(1), Value::Null] {
            let all = json!({"email": mail, "email_verified": verified});
            assert_eq!(logins_of(all.clone(), &settings()), Err("nameless"));
            assert_eq!(
                logins_of(all, &trusting),
                Ok(vec!["ana@acme.example".into()])
            );
        }
        let alike = json!({"preferred_username": mail});
        assert_eq!(logins_of(alike.clone(), &settings()), Err("nameless"));
        assert!(logins_of(alike, &trusting).is_ok());
        let odd = json!({"preferred_username": "Ana Ruiz", "email": "ana", "email_verified": true});
        assert_eq!(logins_of(odd, &settings()), Err("nameless"));
    }

    #[test]
    fn groups_are_names_of_the_providers_own_and_no_more_than_are_taken() {
        let of = |groups: Value, settings: &Settings| {
            let all = json!({"preferred_username": "ana", "groups": groups});
            let newcomer = newcomer(settings, &claims(all), None);
            newcomer
                .map(|newcomer| newcomer.groups)
                .map_err(|failure| failure.reason())
        };
        let own = settings();
        assert_eq!(
            of(json!(["a", "/b c"]), &own),
            Ok(vec!["oidc:a".into(), "oidc:/b c".into()])
        );
        assert_eq!(of(Value::Null, &own), Ok(Vec::new()));
        assert_eq!(of(json!([""]), &own), Ok(Vec::new()), "grants nothing");
        for odd in [json!("a"), json!({"a": true}), json!(7), json!(["a", 7])] {
            assert_eq!(of(odd, &own), Err("bad_groups"));
        }
        let many: Vec<String> = (0..5_000).map(|n| format!("g{n}")).collect();
        assert_eq!(of(json!(many), &own), Err("too_many_groups"));
        let strict = Settings {
            allowed_groups: vec!["staff".into()],
            ..settings()
        };
        assert_eq!(
            of(json!(["staff", "x"]), &strict).map(|all| all.len()),
            Ok(2)
        );
        for none in [json!(["Staff", "oidc:staff"]), Value::Null] {
            assert_eq!(of(none, &strict), Err("not_in_an_allowed_group"));
        }
    }

    #[test]
    fn what_is_told_is_of_the_same_person_and_yields_to_what_is_signed() {
        let signed = claims(json!({"sub": "7", "email": "ana@acme.example"}));
        let told = |of: Value| Told::read(of.as_object().expect("an object"), &signed);
        for other in [json!({"sub": "8"}), json!({}), json!({"sub": 7})] {
            assert!(told(other).is_err());
        }
        let lie = told(json!({"sub": "7", "email": "bo@acme.example", "email_verified": true}));
        let lie = newcomer(&settings(), &signed, Some(lie.expect("of her")));
        assert!(lie.is_err(), "verified is the other address");
        let signed = claims(json!({"sub": "7"}));
        let told = json!({"sub": "7", "preferred_username": "ana", "name": "Ana", "groups": ["a"]});
        let told = Told::read(told.as_object().expect("an object"), &signed);
        let ana = newcomer(&settings(), &signed, told.ok()).expect("named");
        assert_eq!((ana.name.as_str(), ana.groups.len()), ("Ana", 1));
    }
}
