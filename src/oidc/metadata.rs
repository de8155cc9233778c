//! What the provider says of itself, asked for when it is needed and believed for an hour.
//!
//! A provider that is down keeps nobody from starting this server, and is not asked again by every stranger's click.

use super::Failure;
use super::keys::Keys;
use super::wire::{Unanswered, Wire};
use crate::config::provider::{Settings, is_on_this_machine};
use entry::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use store::Clock;
use url::Url;

/// What is known is asked for anew after this: addresses and keys change, though seldom.
const BELIEVED: Duration = Duration::from_secs(3_600);
/// A provider that did not answer is not asked again within this.
const LATELY: Duration = Duration::from_secs(2);
/// Keys are asked for again, for the sake of one that is not known, no more often than this.
const KEYS_EVERY: Duration = Duration::from_secs(10);

/// The provider's configuration: OpenID Connect Discovery 1.0, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    fn read(document: Value, settings: &Settings) -> Result<Self, Failure> {
        let read: Result<Self, _> = serde_json::from_value(document);
        let metadata = read.map_err(|_| Failure::Unusable("incomplete_configuration"))?;
        if metadata.issuer != settings.issuer {
            return Err(Failure::Unusable("another_issuer"));
        }
        let addresses = [
            Some(&metadata.authorization_endpoint),
            Some(&metadata.token_endpoint),
            Some(&metadata.jwks_uri),
            metadata.userinfo_endpoint.as_ref(),
        ];
        // Nothing is sent in the clear, but to a provider on this machine, in trying things out.
        let is_safe = |address: &&Url| {
            address.scheme() == "https"
                || (settings.issuer.starts_with("http:") && is_on_this_machine(address))
        };
        match addresses.iter().flatten().all(is_safe) {
            true => Ok(metadata),
            false => Err(Failure::Unusable("unencrypted_address")),
        }
    }

    /// Refuses what another provider sent back: RFC 9207.
    pub fn must_be_from(&self, issuer: Option<&str>) -> Result<(), Failure> {
        match issuer {
            Some(issuer) if issuer == self.issuer => Ok(()),
            Some(_) => Err(Failure::Untrusted("answer_of_another_issuer")),
            None if self.authorization_response_iss_parameter_supported => {
                Err(Failure::Untrusted("answer_without_issuer"))
            }
            None => Ok(()),
        }
    }

    /// Basic is what a provider that says nothing takes.
    pub fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let offers = |name: &str| methods.is_some_and(|all| all.iter().any(|one| one == name));
        !offers("client_secret_basic") && offers("client_secret_post")
    }
}

/// What is known of the provider.
#[derive(Default)]
pub struct Known {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<Keys>, Timestamp)>,
    /// When it last did not answer.
    failed_at: Option<Timestamp>,
    /// When its keys were last asked for because of one that was not known.
    renewed_at: Option<Timestamp>,
}

/// True within that time after an instant; a clock that went back has left it.
fn within(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    let passed = now.as_micros().saturating_sub(since.as_micros());
    (0..i64::try_from(span.as_micros()).unwrap_or(i64::MAX)).contains(&passed)
}

impl Known {
    pub fn metadata(
        &mut self,
        wire: &Wire,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Arc<Metadata>, Failure> {
        let now = clock();
        if let Some((metadata, at)) = &self.metadata
            && within(*at, BELIEVED, now)
        {
            return Ok(Arc::clone(metadata));
        }
        let metadata = self.asking(clock, || {
            let document = wire.get(&settings.discovery(), None)?;
            Metadata::read(document.into(), settings)
        })?;
        let metadata = Arc::new(metadata);
        self.metadata = Some((Arc::clone(&metadata), clock()));
        Ok(metadata)
    }

    pub fn keys(
        &mut self,
        wire: &Wire,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Arc<Keys>, Failure> {
        match &self.keys {
            Some((keys, at)) if within(*at, BELIEVED, clock()) => Ok(Arc::clone(keys)),
            _ => self.ask_for_keys(wire, settings, clock),
        }
    }

    /// Keys that may have one more: providers sign with a new one before we ask.
    pub fn newer_keys(
        &mut self,
        wire: &Wire,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Arc<Keys>, Failure> {
        let now = clock();
        if self
            .renewed_at
            .is_some_and(|at| within(at, KEYS_EVERY, now))
        {
            return Err(Failure::Untrusted("unknown_key"));
        }
        self.renewed_at = Some(now);
        self.ask_for_keys(wire, settings, clock)
    }

    fn ask_for_keys(
        &mut self,
        wire: &Wire,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Arc<Keys>, Failure> {
        let metadata = self.metadata(wire, settings, clock)?;
        let keys = self.asking(clock, || {
            let document = wire.get(&metadata.jwks_uri, None)?;
            Keys::read(&document)
        })?;
        let keys = Arc::new(keys);
        self.keys = Some((Arc::clone(&keys), clock()));
        Ok(keys)
    }

    fn asking<T>(
        &mut self,
        clock: &Clock,
        ask: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.failed_at.is_some_and(|at| within(at, LATELY, clock())) {
            return Err(Unanswered::Lately.into());
        }
        let answer = ask();
        // Counted from the end of the wait: whoever waited as well hears the same.
        self.failed_at = answer.is_err().then(|| clock());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/keys",
        })
    }

    fn read(document: Value) -> Result<Metadata, Failure> {
        Metadata::read(document, &Settings::of("https://id.example"))
    }

    #[test]
    fn a_configuration_is_of_the_issuer_that_was_asked_and_leads_nowhere_in_the_clear() {
        let metadata = read(document()).expect("complete");
        assert!(!metadata.wants_secret_in_body());
        for (name, value) in [
            ("issuer", "https://id.example/"),
            ("token_endpoint", "http://id.example/token"),
            ("jwks_uri", "http://127.0.0.1/keys"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("userinfo_endpoint", "file:///etc/passwd"),
        ] {
            let mut changed = document();
            changed[name] = value.into();
            assert!(
                matches!(read(changed), Err(Failure::Unusable(_))),
                "{name} {value}"
            );
        }
        for name in ["issuer", "jwks_uri", "token_endpoint"] {
            let mut less = document();
            less.as_object_mut().expect("an object").remove(name);
            assert!(matches!(read(less), Err(Failure::Unusable(_))), "{name}");
        }
    }

    #[test]
    fn an_answer_names_its_issuer_where_the_provider_tells_it() {
        let metadata = read(document()).expect("complete");
        assert!(metadata.must_be_from(None).is_ok());
        assert!(metadata.must_be_from(Some("https://id.example")).is_ok());
        assert!(
            metadata
                .must_be_from(Some("https://other.example"))
                .is_err()
        );
        let mut tells = document();
        tells["authorization_response_iss_parameter_supported"] = true.into();
        let metadata = read(tells).expect("complete");
        assert!(metadata.must_be_from(None).is_err());
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let with = |methods: Value| {
            let mut changed = document();
            changed["token_endpoint_auth_methods_supported"] = methods;
            read(changed).expect("complete").wants_secret_in_body()
        };
        assert!(!with(json!(["client_secret_post", "client_secret_basic"])));
        assert!(with(json!(["client_secret_post", "private_key_jwt"])));
        assert!(!with(json!([])));
    }

    #[test]
    fn time_that_went_back_is_not_within() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).expect("a time");
        let hour = Duration::from_secs(3_600);
        assert!(within(at(0), hour, at(0)) && within(at(0), hour, at(3_599)));
        assert!(!within(at(0), hour, at(3_600)) && !within(at(10), hour, at(9)));
    }
}
