//! Signing in at an OpenID provider: authorization code with PKCE, for browsers.
//!
//! We send a browser to the provider with a ticket in a cookie, it comes back with a code, and we ask the provider, in our own
//! call, what the code is worth. What comes of it is a [`Newcomer`], or a [`Failure`] that a page can say. In reading order:
//! - [`ticket`]: what binds the way back to the browser that set out
//! - [`wire`]: calls to the provider, bounded in time and bytes
//! - [`metadata`]: what the provider says of itself, asked for when it is needed
//! - [`keys`]: the keys it signs with
//! - [`token`]: whether an ID token is from it, for us, for this sign-in, and now
//! - [`person`]: who its claims are about
//! - [`failure`]: why nobody came in
//!
//! Nothing here writes to disk or knows pages. It blocks: calls run beside the async threads.

pub mod failure;
pub mod keys;
pub mod metadata;
pub mod person;
pub mod ticket;
pub mod token;
pub mod wire;

pub use failure::Failure;
pub use ticket::Ticket;

use crate::access::Secret;
use crate::access::provider::Newcomer;
use crate::app::Gate;
use crate::config::provider::Settings;
use entry::Timestamp;
use metadata::{Known, Metadata};
use parking_lot::Mutex;
use std::sync::Arc;
use store::Clock;
use token::Expected;
use url::Url;
use wire::Wire;

/// Calls to the provider at the same time; a slow one must not take the places of searches.
const CALLS_MAX: usize = 8;
/// Sign-ins that may wait for that; more are answered 503.
const CALLS_WAITING_MAX: usize = 64;

/// Where the provider sends browsers back to, below the public address.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// The provider of this server, and what it said of itself lately.
pub struct Provider {
    pub settings: Settings,
    wire: Wire,
    /// Guards what the provider said, and is held while it is asked: whoever comes meanwhile hears the same.
    known: Mutex<Known>,
    /// Guards the tickets that were used lately.
    used: Mutex<ticket::Used>,
    clock: Clock,
    pub calls: Gate,
}

/// What came back with a browser.
#[derive(Debug, Default)]
pub struct Returned {
    pub code: Option<Secret>,
    pub state: Option<String>,
    /// Who says so, where the provider tells.
    pub issuer: Option<String>,
    /// The provider's word for why there is no code.
    pub error: Option<String>,
}

impl Provider {
    pub fn new(settings: Settings, clock: Clock) -> Self {
        Self {
            wire: Wire::new(&settings),
            settings,
            known: Mutex::default(),
            used: Mutex::default(),
            clock,
            calls: Gate::new(CALLS_MAX, CALLS_WAITING_MAX),
        }
    }

    fn metadata(&self) -> Result<Arc<Metadata>, Failure> {
        let mut known = self.known.lock();
        known.metadata(&self.wire, &self.settings, &self.clock)
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.settings.public_url)
    }

    /// Where a browser with this ticket goes to sign in.
    pub fn address(&self, secrets: &ticket::Secrets) -> Result<Url, Failure> {
        let metadata = self.metadata()?;
        let mut address = metadata.authorization_endpoint.clone();
        let scope = self.settings.scopes.join(" ");
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &scope)
            .append_pair("state", &secrets.state)
            .append_pair("nonce", &secrets.nonce)
            .append_pair("code_challenge", &secrets.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(address)
    }

    /// Each ticket is good for one way back, whatever comes of it.
    pub fn use_up(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Failure> {
        match self.used.lock().first(ticket, now) {
            true => Ok(()),
            false => Err(Failure::NotBegun),
        }
    }

    /// Who came back. The browser is known to have set out with these secrets.
    pub fn finish(
        &self,
        secrets: &ticket::Secrets,
        returned: &Returned,
    ) -> Result<Newcomer, Failure> {
        let metadata = self.metadata()?;
        metadata.must_be_from(returned.issuer.as_deref())?;
        if returned.error.is_some() {
            return Err(Failure::Declined);
        }
        let code = returned.code.as_ref().ok_or(Failure::NotBegun)?;
        let answer = self.exchange(&metadata, secrets, code)?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &secrets.nonce,
            now: (self.clock)(),
        };
        let signed = token::Signed::read(answer.id_token.expose())?;
        let keys = self.keys_for(&signed)?;
        let claims = signed.verify(&keys, &expected)?;
        let told = self.user_info(&metadata, &claims, &answer)?;
        person::newcomer(&self.settings, &claims, told)
    }

    /// The keys; asked for again if none of them is the one that the token names.
    fn keys_for(&self, signed: &token::Signed<'_>) -> Result<Arc<keys::Keys>, Failure> {
        let mut known = self.known.lock();
        let keys = known.keys(&self.wire, &self.settings, &self.clock)?;
        match signed.is_signed_by_one_of(&keys) {
            true => Ok(keys),
            false => known.newer_keys(&self.wire, &self.settings, &self.clock),
        }
    }

    fn exchange(
        &self,
        metadata: &Metadata,
        secrets: &ticket::Secrets,
        code: &Secret,
    ) -> Result<wire::Tokens, Failure> {
        let redirect_uri = self.redirect_uri();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", secrets.verifier.expose()),
        ];
        let as_client = wire::AsClient {
            id: &self.settings.client_id,
            secret: self.settings.client_secret.as_ref(),
            in_body: metadata.wants_secret_in_body(),
        };
        self.wire
            .tokens(&metadata.token_endpoint, &form, &as_client)
    }

    /// What the ID token leaves out, for providers that say it only when asked again.
    fn user_info(
        &self,
        metadata: &Metadata,
        claims: &token::Claims,
        answer: &wire::Tokens,
    ) -> Result<Option<person::Told>, Failure> {
        let complete = person::is_complete(&self.settings, claims);
        let (Some(address), Some(access), false) =
            (&metadata.userinfo_endpoint, &answer.access_token, complete)
        else {
            return Ok(None);
        };
        let told = self.wire.get(address, Some(access))?;
        person::Told::read(&told, claims).map(Some)
    }
}
