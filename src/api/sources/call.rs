//! A call of a source on its way: who sends it, whose log it is for, its bytes, and its place among others.

use super::super::query::Parameters;
use super::super::{Answer, json};
use super::organization;
use crate::access::Permission;
use crate::app::App;
use crate::body::{self, Coding, Share};
use crate::guard::Caller;
use crate::guard::caller::{SignInFirst, unauthenticated};
use crate::intake::shelf::{Sender, SourceName};
use crate::intake::tally::Tally;
use crate::intake::{self, Origin, Sent, Taken};
use crate::problem::{Kind, Problem};
use crate::reading::{self, forbidden};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use entry::Organization;
use sources::sent::Unreadable;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// A call as it came in, before anything of it is believed.
pub struct Call {
    caller: Result<Caller, SignInFirst>,
    raw: Option<String>,
    pub headers: HeaderMap,
    body: Body,
    /// Named by the address.
    of: Option<Organization>,
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        Ok(Self {
            caller: Caller::from_request_parts(&mut parts, app).await,
            raw: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            body,
            of: None,
        })
    }
}

impl Call {
    /// Of an organization that its address names.
    pub fn of(self, organization: Organization) -> Self {
        Self {
            of: Some(organization),
            ..self
        }
    }

    /// Takes a place, and all of the body. From here on a refusal of the whole call is counted, as that source's.
    pub async fn receive(self, app: &Arc<App>, source: SourceName) -> Result<Received, Problem> {
        let Self {
            caller,
            raw,
            headers,
            body,
            of,
        } = self;
        let admitted = match Admitted::of(app, caller, raw.as_deref(), of.as_ref()) {
            Ok(admitted) => admitted,
            Err(problem) => {
                body::linger(body);
                return Err(problem);
            }
        };
        let sender = Sender {
            organization: admitted.organization.clone(),
            source,
        };
        let whole = whole(app, &headers, body).await;
        let (body, share, place) = whole.inspect_err(|problem| refused(app, &sender, problem))?;
        Ok(Received {
            admitted,
            sender,
            headers,
            body,
            share,
            place,
        })
    }

    /// The answer to a call of which nothing is read.
    pub fn refuse(self, problem: Problem) -> Problem {
        body::linger(self.body);
        problem
    }
}

fn program(caller: Result<Caller, SignInFirst>) -> Result<Caller, Problem> {
    caller.map_err(|first| match first {
        SignInFirst::Program(problem) => *problem,
        SignInFirst::Person(_) | SignInFirst::Frame(_) => unauthenticated("a source shows a token"),
    })
}

/// Whoever may record something may ask what is said to senders alone.
pub fn may_record(caller: Result<Caller, SignInFirst>) -> Result<(), Problem> {
    reading::must_hold(&program(caller)?.principal, Permission::Record)
}

/// All of a body, the memory it takes, and a place among the calls of sources.
async fn whole(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, Share, OwnedSemaphorePermit), Problem> {
    let coding = match Coding::of(headers) {
        Ok(coding) => coding,
        Err(problem) => {
            body::linger(body);
            return Err(problem);
        }
    };
    let mut share = Share::none_yet(app);
    let packed = body::receive(app, headers, body, &mut share).await?;
    // Only now: who sends slowly takes nobody's place.
    let place = app.intake.calls.enter().await;
    let busy = |_| Kind::Overloaded.detail("too many calls of sources at once");
    let place = place.map_err(busy)?;
    let (body, share) = body::unpack(app, coding, packed, share).await?;
    Ok((body, share, place))
}

fn refused(app: &App, sender: &Sender, problem: &Problem) {
    let status = problem.kind.status().as_u16();
    app.intake.tallies.refuse(sender, status);
}

/// What is known before the body.
struct Admitted {
    caller: Caller,
    organization: Organization,
    parameters: Parameters,
}

impl Admitted {
    fn of(
        app: &App,
        caller: Result<Caller, SignInFirst>,
        raw: Option<&str>,
        of: Option<&Organization>,
    ) -> Result<Self, Problem> {
        let caller = program(caller)?;
        let reach = reading::reach(&caller, Permission::Record)?;
        let mut parameters = Parameters::read(raw)?;
        let mut faults = Vec::new();
        let named = of.or(caller.principal.home());
        let otherwise = named.unwrap_or(&app.settings.default_organization).clone();
        let organization = organization(&mut parameters, &otherwise, &mut faults);
        if !faults.is_empty() {
            return Err(super::super::query::refused(faults));
        }
        if !reach.touches(&organization) {
            return Err(forbidden(Permission::Record));
        }
        Ok(Self {
            caller,
            organization,
            parameters,
        })
    }
}

/// A call, received whole.
pub struct Received {
    admitted: Admitted,
    sender: Sender,
    pub headers: HeaderMap,
    body: Vec<u8>,
    /// Of the memory that calls in flight may take.
    share: Share,
    /// Among the calls of sources, until it is answered.
    place: OwnedSemaphorePermit,
}

/// What a parser made of a call: what came from where, and what its answer needs besides.
pub struct Parsed<T> {
    pub parts: Vec<(Origin, Vec<Sent>)>,
    pub more: T,
}

impl Received {
    /// Whose entries these are.
    pub fn organization(&self) -> &Organization {
        &self.sender.organization
    }

    /// Who sends them.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// A parameter of that kind of source.
    pub fn parameter(&mut self, name: &str) -> Option<String> {
        self.admitted.parameters.all(name).pop()
    }

    /// Refuses parameters that nobody asked for.
    pub fn takes_no_more_parameters(&mut self, app: &App) -> Result<(), Problem> {
        let parameters = std::mem::take(&mut self.admitted.parameters);
        let finished = parameters.finish(&["organization"], Vec::new());
        finished.inspect_err(|problem| refused(app, &self.sender, problem))
    }

    /// With the one message that the body holds in its place: how that is packed, and where it begins, is for `find` to tell.
    pub async fn unframed(
        mut self,
        app: &Arc<App>,
        find: impl FnOnce(&[u8]) -> Result<(Coding, usize), Problem>,
    ) -> Result<Self, Problem> {
        let (coding, start) =
            find(&self.body).inspect_err(|problem| refused(app, &self.sender, problem))?;
        self.body.drain(..start);
        let unpacked = body::unpack(app, coding, self.body, self.share).await;
        let (body, share) = unpacked.inspect_err(|problem| refused(app, &self.sender, problem))?;
        Ok(Self {
            body,
            share,
            ..self
        })
    }

    /// Reads the body and has everything stored: the answer, or a refusal, within that time.
    pub async fn take<T, F>(
        self,
        app: &Arc<App>,
        wait: Duration,
        read: F,
    ) -> Result<(Vec<Taken>, T), Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<App>, &[u8]) -> Result<Parsed<T>, Problem> + Send + 'static,
    {
        let until = Instant::now() + wait;
        let Self {
            admitted,
            sender,
            body,
            share,
            place: _place,
            ..
        } = self;
        let refuse = |problem: &Problem| refused(app, &sender, problem);
        let parse = async {
            let room = body::room_to_parse(app, body.len()).await;
            let parse = move |app: &Arc<App>| {
                let parsed = read(app, &body);
                drop((body, share));
                parsed
            };
            Ok::<_, Problem>((app.blocking(parse).await?, Arc::new(room)))
        };
        let parsed = timeout_at(until, parse).await.map_err(|_| slow());
        let (parsed, room) = parsed.flatten().inspect_err(refuse)?;
        let mut taken = Vec::with_capacity(parsed.parts.len());
        let mut parts = parsed.parts.into_iter();
        while let Some((origin, sent)) = parts.next() {
            match intake::take(app, &admitted.caller, origin, sent, until, &room).await {
                Ok(one) => taken.push(one),
                Err(problem) => {
                    refuse(&problem);
                    for (origin, sent) in parts {
                        let tally = Tally::refused(sent.len() as u64);
                        let tallies = &app.intake.tallies;
                        tallies.count(&origin.sender, app.now(), &tally);
                    }
                    return Err(problem);
                }
            }
        }
        Ok((taken, parsed.more))
    }
}

fn slow() -> Problem {
    Kind::Overloaded.detail("the server is too slow to answer in time; send it again")
}

pub fn unreadable(why: Unreadable) -> Problem {
    match why {
        Unreadable::Malformed(why) => Kind::BadRequest.detail(why),
        Unreadable::TooMuch(why) => Kind::TooLarge.detail(why),
        Unreadable::Unsupported(why) => Kind::UnsupportedType.detail(why),
    }
}

/// The answer that says how many of what was sent became what; why, if nothing of it was taken.
pub fn told(taken: &Taken) -> Answer {
    match taken.refusal() {
        Some(problem) => Err(problem),
        None => {
            let tally = serde_json::to_vec(&taken.tally);
            Ok(json(tally.expect("numbers are JSON")))
        }
    }
}

/// True if the same again may be taken later: nothing is wrong with it.
pub fn may_come_again(problem: &Problem) -> bool {
    problem.kind.status().is_server_error() || problem.kind == Kind::Timeout
}
