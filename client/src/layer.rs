//! Requests that record themselves: a layer for whatever is built on tower, such as axum, hyper and tonic.
//!
//! Each request that may change something (`POST`, `PUT`, `PATCH`, `DELETE`, and whatever [`Routes`] lists besides) leaves one
//! entry when it is answered: the action of its route, the target of its path, the result of its status. A handler that panics
//! and a caller that hangs up leave a failure. A route that is not listed is recorded under its method and path, and counted.
//!
//! A required entry is recorded when the operation is done, since before there is no result. Where the log did not answer within
//! the last second, the request is refused before anything is done (503); where it stops answering in between, the answer is 503
//! though the operation was done. [`Audit`] is what a handler offers; `request` is what a request says of itself.

mod offer;
mod request;

pub use offer::Audit;

use crate::building::{Actor, By, Entry, Request as EntryRequest};
use crate::routes::{Found, Route, Routes, decode};
use crate::{Action, Draft, Guarantee, Recorder, Recording};
use entry::Organization;
use entry::address::Cidr;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use std::any::Any;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// For so long after a call that failed the log is taken for gone: a required request is refused before it does anything.
const GONE: Duration = Duration::from_secs(1);

type Extract<T> = Box<dyn Fn(&Parts) -> Option<T> + Send + Sync>;

/// Where a request belongs.
pub type Scope = (Organization, Option<Box<str>>);

/// Records each changing request. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct AuditLayer(Arc<Settings>);

struct Settings {
    recorder: Recorder,
    routes: Routes,
    actor: Extract<Actor>,
    scope: Extract<Scope>,
    peer: Extract<IpAddr>,
    trusted: Vec<Cidr>,
    unlisted: AtomicU64,
}

impl AuditLayer {
    /// A layer that knows nobody: see [`AuditLayer::actor`].
    pub fn new(recorder: Recorder, routes: Routes) -> Self {
        Self(Arc::new(Settings {
            recorder,
            routes,
            actor: Box::new(|_| None),
            scope: Box::new(|_| None),
            peer: Box::new(|_| None),
            trusted: Vec::new(),
            unlisted: AtomicU64::new(0),
        }))
    }

    /// Who sends a request, by what a layer around this one has found out: usually an extension. Who is not known, here or by
    /// the handler's [`Audit`], is `anonymous`.
    #[must_use]
    pub fn actor(self, actor: impl Fn(&Parts) -> Option<Actor> + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.actor = Box::new(actor))
    }

    /// Where a request belongs.
    #[must_use]
    pub fn scope(self, scope: impl Fn(&Parts) -> Option<Scope> + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.scope = Box::new(scope))
    }

    /// The address of the connection's other end. With axum: the extension `ConnectInfo<SocketAddr>`.
    #[must_use]
    pub fn peer(self, peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.peer = Box::new(peer))
    }

    /// Proxies whose `X-Forwarded-For` is believed. Of none, if this is not called.
    #[must_use]
    pub fn trusting(self, proxies: impl IntoIterator<Item = Cidr>) -> Self {
        let proxies = proxies.into_iter().collect();
        self.set(|settings| settings.trusted = proxies)
    }

    /// Requests of changing routes that the table does not list, so far.
    pub fn unlisted(&self) -> u64 {
        self.0.unlisted.load(Ordering::Relaxed)
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::get_mut(&mut self.0).expect("a layer is set up before it is cloned or used"));
        self
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audited<S>;

    fn layer(&self, inner: S) -> Audited<S> {
        Audited {
            inner,
            settings: Arc::clone(&self.0),
        }
    }
}

/// A service whose changing requests are recorded.
#[derive(Clone)]
pub struct Audited<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, B, R> Service<Request<B>> for Audited<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let claim = Claim::of(&self.settings, &parts);
        if let Some(claim) = claim {
            if claim.guarantee == Guarantee::Required && self.settings.recorder.is_gone(GONE) {
                return Answering::refused(claim);
            }
            let inner = self.inner.call(Request::from_parts(parts, body));
            return Answering::handling(inner, Some(claim));
        }
        let inner = self.inner.call(Request::from_parts(parts, body));
        Answering::handling(inner, None)
    }
}

pin_project! {
    /// A request on its way through.
    pub struct Answering<F, R> {
        #[pin]
        inner: Option<F>,
        claim: Option<Claim>,
        waiting: Option<Waiting<R>>,
    }
}

/// An answer that waits for its entry.
struct Waiting<R> {
    recording: Recording,
    response: Response<R>,
    guarantee: Guarantee,
    settings: Arc<Settings>,
    action: Box<str>,
}

impl<F, R: Default> Answering<F, R> {
    fn handling(inner: F, claim: Option<Claim>) -> Self {
        Self {
            inner: Some(inner),
            claim,
            waiting: None,
        }
    }

    /// Nothing is done, and that is recorded as surely as it can be without the log.
    fn refused(mut claim: Claim) -> Self {
        claim.guarantee = Guarantee::Spooled;
        let message = "not done: the log that must record it did not answer";
        let draft = claim.failure("503", message);
        Self {
            inner: None,
            claim: None,
            waiting: Some(claim.wait(draft, unavailable())),
        }
    }
}

impl<F, R, E> Future for Answering<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.waiting.is_none() {
            let inner = this.inner.as_pin_mut().expect("not polled once more");
            let Some(claim) = this.claim.as_mut() else {
                return inner.poll(context);
            };
            claim.is_begun = true;
            let polled = catch_unwind(AssertUnwindSafe(|| inner.poll(context)));
            let answer = match polled {
                Ok(polled) => ready!(polled),
                Err(panic) => {
                    claim.leave(|claim| claim.failure("500", panic_message(&*panic)));
                    resume_unwind(panic)
                }
            };
            let mut response = match answer {
                Ok(response) => response,
                Err(error) => {
                    claim.leave(|claim| claim.failure("500", "the service failed"));
                    return Poll::Ready(Err(error));
                }
            };
            let offer = response.extensions_mut().remove::<Audit>();
            let mut claim = this.claim.take().expect("it was there");
            claim.is_begun = false;
            match claim.answered(offer.unwrap_or_default(), &response) {
                None => return Poll::Ready(Ok(response)),
                Some(draft) => *this.waiting = Some(claim.wait(draft, response)),
            }
        }
        let waiting = this.waiting.as_mut().expect("it was put there");
        let outcome = ready!(Pin::new(&mut waiting.recording).poll(context));
        let waiting = this.waiting.take().expect("it was there");
        Poll::Ready(Ok(match outcome {
            Ok(_) => waiting.response,
            Err(error) => {
                let recorder = &waiting.settings.recorder;
                recorder.unrecorded(&waiting.action, &error);
                match waiting.guarantee {
                    Guarantee::Required => unavailable(),
                    Guarantee::Spooled | Guarantee::BestEffort => waiting.response,
                }
            }
        }))
    }
}

fn unavailable<R: Default>() -> Response<R> {
    let mut response = Response::new(R::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What a panic says is not shown: it may hold anything.
fn panic_message(_: &(dyn Any + Send)) -> &'static str {
    "the handler panicked"
}

/// What is known of a request before it is answered. Dropped before that, it leaves a failure.
struct Claim {
    settings: Arc<Settings>,
    action: Action,
    guarantee: Guarantee,
    actor: Option<Actor>,
    scope: Option<Scope>,
    target: Option<entry::Target>,
    request: EntryRequest,
    /// No router and no table knows the path.
    is_stray: bool,
    is_begun: bool,
}

impl Claim {
    /// `None` for requests that leave no entry.
    fn of(settings: &Arc<Settings>, parts: &Parts) -> Option<Self> {
        let is_changing = matches!(
            parts.method,
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE
        );
        let (matched, path) = (matched_path(parts), full_path(parts));
        let found = match matched {
            Some(matched) => settings.routes.by_name(&parts.method, matched),
            None => settings.routes.by_request(&parts.method, path),
        };
        let (action, guarantee, target) = match found {
            Found::Exempt => return None,
            Found::Unlisted if !is_changing => return None,
            Found::Unlisted => {
                let route = matched.unwrap_or(path);
                let action = Action::custom(format!("{} {route}", parts.method));
                (action, None, None)
            }
            Found::Recorded(route, pattern) => {
                let parameter = |name: &Option<String>| pattern.parameter(path, name.as_deref()?);
                let target = target(route, parameter);
                (route.action.clone(), route.guarantee, target)
            }
        };
        let is_unlisted = matches!(found, Found::Unlisted);
        let is_stray = is_unlisted && matched.is_none();
        if is_unlisted && !is_stray {
            settings.unlisted.fetch_add(1, Ordering::Relaxed);
        }
        let peer = (settings.peer)(parts);
        let ip = peer.map(|peer| request::client(peer, &parts.headers, &settings.trusted));
        Some(Self {
            guarantee: guarantee.unwrap_or_else(|| settings.recorder.guarantee(action.name())),
            action,
            actor: (settings.actor)(parts),
            scope: (settings.scope)(parts),
            target,
            request: request::read(parts, path, ip),
            is_stray,
            is_begun: false,
            settings: Arc::clone(settings),
        })
    }

    /// The entry of an answer; `None` where nothing was there to change.
    fn answered<R>(&self, offer: Audit, response: &Response<R>) -> Option<Draft> {
        let status = response.status();
        let is_nowhere = matches!(
            status,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        );
        if self.is_stray {
            if is_nowhere {
                return None;
            }
            self.settings.unlisted.fetch_add(1, Ordering::Relaxed);
        }
        let message = offer.message.clone();
        let told = self.tell(offer);
        let said = |code: &str, reason: &str| {
            let message = message.as_deref().unwrap_or(reason).to_owned();
            (code.to_owned(), message)
        };
        let failure = if status.is_client_error() || status.is_server_error() {
            Some(said(
                status.as_str(),
                status.canonical_reason().unwrap_or(""),
            ))
        } else {
            grpc_failure(response).map(|(code, reason)| said(&code, &reason))
        };
        Some(match failure {
            Some((code, message)) => told.failure(code, message),
            None => told.success(),
        })
    }

    fn failure(&self, code: &str, message: &str) -> Draft {
        self.tell(Audit::new()).failure(code, message)
    }

    /// The entry but for its result.
    fn tell(&self, offer: Audit) -> crate::Did {
        let actor = offer.actor.or_else(|| self.actor.clone());
        let actor = actor.unwrap_or_else(|| Actor::anonymous("anonymous"));
        let action = offer.action.unwrap_or_else(|| self.action.clone());
        let by: By = Entry::by(actor);
        let mut told = by.did(action).request(self.request.clone());
        let mut target = self.target.clone().unwrap_or_default();
        target.id = offer.target_id.or(target.id);
        target.name = offer.target_name.or(target.name);
        if target != entry::Target::default() {
            told = told.to(target);
        }
        if let Some((organization, project)) = offer.scope.or_else(|| self.scope.clone()) {
            told = told.in_scope(Some(organization), project);
        }
        for related in offer.related {
            told = told.related(related);
        }
        for (key, value) in offer.context {
            told = told.context(key, value);
        }
        told.changes(offer.changes)
    }

    fn wait<R>(self, draft: Draft, response: Response<R>) -> Waiting<R> {
        let action = draft.action.clone();
        Waiting {
            recording: self.settings.recorder.recording_as(self.guarantee, draft),
            response,
            guarantee: self.guarantee,
            settings: Arc::clone(&self.settings),
            action,
        }
    }

    /// Records without anybody to wait for it: what cannot be recorded is counted.
    fn leave(&mut self, draft: impl FnOnce(&Self) -> Draft) {
        if std::mem::take(&mut self.is_begun) {
            let draft = draft(self);
            let action = draft.action.clone();
            let recorder = &self.settings.recorder;
            let mut recording = recorder.recording_as(self.guarantee, draft);
            let mut context = Context::from_waker(std::task::Waker::noop());
            if let Poll::Ready(Err(error)) = Pin::new(&mut recording).poll(&mut context) {
                recorder.unrecorded(&action, &error);
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let message = "the caller was gone before the answer; whether it was done is not known";
        self.leave(|claim| claim.failure("499", message));
    }
}

fn target(
    route: &Route,
    parameter: impl Fn(&Option<String>) -> Option<String>,
) -> Option<entry::Target> {
    let kind = route.target_kind.as_deref()?;
    Some(entry::Target {
        kind: Some(kind.into()),
        id: parameter(&route.id_parameter).map(Into::into),
        name: parameter(&route.name_parameter).map(Into::into),
    })
}

/// The failure of a gRPC call that says so in its head; one that ends a stream says it behind the body, where this layer does
/// not look.
fn grpc_failure<R>(response: &Response<R>) -> Option<(String, String)> {
    let said = |name: &str| response.headers().get(name)?.to_str().ok();
    let code = said("grpc-status").filter(|code| *code != "0")?;
    let message = decode(said("grpc-message").unwrap_or("gRPC failed"));
    Some((code.to_owned(), message))
}

/// The route that axum has matched, as written in it.
fn matched_path(parts: &Parts) -> Option<&str> {
    #[cfg(feature = "axum")]
    {
        let matched = parts.extensions.get::<axum::extract::MatchedPath>();
        matched.map(axum::extract::MatchedPath::as_str)
    }
    #[cfg(not(feature = "axum"))]
    {
        let _ = parts;
        None
    }
}

/// The path as the caller sent it, also inside of a nested router.
fn full_path(parts: &Parts) -> &str {
    #[cfg(feature = "axum")]
    if let Some(original) = parts.extensions.get::<axum::extract::OriginalUri>() {
        return original.0.path();
    }
    parts.uri.path()
}

#[cfg(all(test, feature = "axum"))]
mod tests;
