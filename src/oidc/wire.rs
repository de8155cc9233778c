//! Calls to the provider: bounded in time and bytes, redirected nowhere, and nothing of them in any log.

use super::Failure;
use crate::access::Secret;
use crate::config::provider::Settings;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

/// One call, from resolving the name to the last byte: a person waits for two or three of them.
const CALL_MAX: Duration = Duration::from_secs(10);
/// The longest answer: keys, or the claims of somebody in a great many groups.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Why there is no answer. Nothing of the answer is in it.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("{0}")]
    Failed(String),
    #[error("it took longer than {} s", CALL_MAX.as_secs())]
    Slow,
    #[error("its answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it answered {}", .0.as_u16())]
    Status(StatusCode),
    #[error("its answer is no JSON object")]
    NotJson,
    /// It failed a moment ago, and is not asked again at once.
    #[error("it did not answer a moment ago")]
    Lately,
}

/// Who we are to the provider.
pub struct AsClient<'a> {
    pub id: &'a str,
    /// `None`: a public client, which has PKCE only.
    pub secret: Option<&'a Secret>,
    /// `client_secret_post`, else `client_secret_basic`.
    pub in_body: bool,
}

/// What a code is worth.
pub struct Tokens {
    pub id_token: Secret,
    pub access_token: Option<Secret>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    #[serde(default)]
    error: String,
}

/// Calls to one provider.
pub struct Wire {
    agent: Agent,
}

impl Wire {
    pub fn new(settings: &Settings) -> Self {
        let roots = match &settings.authorities {
            // A provider with an authority of its own is vouched for by that one alone.
            Some(authorities) => RootCerts::new_with_certs(authorities),
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_MAX))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("mar-audit/", env!("CARGO_PKG_VERSION")));
        Self {
            agent: config.build().new_agent(),
        }
    }

    /// The JSON object at an address.
    pub fn get(
        &self,
        address: &Url,
        bearer: Option<&Secret>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut call = self.agent.get(address.as_str());
        call = call.header(header::ACCEPT, "application/json");
        if let Some(bearer) = bearer {
            call = call.header(header::AUTHORIZATION, format!("Bearer {}", bearer.expose()));
        }
        let (status, body) = read(call.call())?;
        match status {
            StatusCode::OK => Ok(object(&body)?),
            other => Err(Unanswered::Status(other).into()),
        }
    }

    /// What the code is worth, told in our own call: nobody on the way can have put it there.
    pub fn tokens(
        &self,
        address: &Url,
        form: &[(&str, &str)],
        client: &AsClient<'_>,
    ) -> Result<Tokens, Failure> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let mut call = self.agent.post(address.as_str());
        call = call.header(header::ACCEPT, "application/json");
        call = call.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match client.secret {
            Some(secret) if !client.in_body => {
                let basic = basic(client.id, secret);
                call = call.header(header::AUTHORIZATION, basic.expose());
            }
            secret => {
                body.append_pair("client_id", client.id);
                if let Some(secret) = secret {
                    body.append_pair("client_secret", secret.expose());
                }
            }
        }
        let (status, body) = read(call.send(body.finish()))?;
        match status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => return Err(refused(&body)),
            other => return Err(Unanswered::Status(other).into()),
        }
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| Unanswered::NotJson)?;
        let id_token = answer.id_token.ok_or(Failure::Untrusted("no_id_token"))?;
        Ok(Tokens {
            id_token: Secret::new(id_token),
            access_token: answer.access_token.map(Secret::new),
        })
    }
}

/// The provider's reason, by the words of RFC 6749; its own texts are repeated nowhere.
fn refused(body: &[u8]) -> Failure {
    let known = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let said = serde_json::from_slice(body).map_or(String::new(), |said: TokenError| said.error);
    let word = known.into_iter().find(|known| *known == said);
    Failure::CodeRefused(word.unwrap_or("code_refused"))
}

/// RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
fn basic(id: &str, secret: &Secret) -> Secret {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
    let pair = data_encoding::BASE64.encode(pair.as_bytes());
    Secret::new(format!("Basic {pair}"))
}

fn read(answer: Result<Response<Body>, ureq::Error>) -> Result<(StatusCode, Vec<u8>), Unanswered> {
    let mut answer = answer.map_err(unanswered)?;
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = body.read_to_vec().map_err(unanswered)?;
    Ok((answer.status(), body))
}

fn unanswered(error: ureq::Error) -> Unanswered {
    match error {
        ureq::Error::Timeout(_) => Unanswered::Slow,
        ureq::Error::BodyExceedsLimit(_) => Unanswered::TooLarge,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Unanswered::Slow,
        other => Unanswered::Failed(other.to_string()),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Unanswered> {
    serde_json::from_slice(body).map_err(|_| Unanswered::NotJson)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_sent_as_the_standard_says() {
        let sent = basic("mar audit", &Secret::new("a:b/ü".into()));
        let pair = sent.expose().strip_prefix("Basic ").expect("the scheme");
        let pair = data_encoding::BASE64.decode(pair.as_bytes());
        assert_eq!(pair.expect("base64"), b"mar%20audit:a%3Ab%2F%C3%BC");
    }

    #[test]
    fn what_the_provider_says_in_its_own_words_is_not_repeated() {
        let of = |body: &[u8]| refused(body).reason();
        assert_eq!(of(br#"{"error":"invalid_grant"}"#), "invalid_grant");
        for other in [
            &br#"{"error":"the code is 4711"}"#[..],
            b"<html>",
            b"{}",
            b"\xff",
        ] {
            assert_eq!(of(other), "code_refused");
        }
    }
}
