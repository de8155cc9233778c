//! Calls to a server, for the commands that are its clients.

mod authorities;

pub use authorities::Authorities;

use serde::Deserialize;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::http::{Response, StatusCode, header};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body};

/// A server and who we are to it.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    /// Without a slash at its end.
    server: String,
    token: Option<String>,
}

/// What a call came to that was no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Correct the address.
    #[error("`{0}` is no address of a server: it starts with http:// or https://")]
    Address(String),
    /// Correct the file.
    #[error("{path}: {what}")]
    Authorities { path: PathBuf, what: String },
    /// Somebody answers there, who may be anybody.
    #[error("{server} is not trusted: {what}")]
    Untrusted { server: String, what: String },
    /// Start the server, or correct the address.
    #[error("{server} cannot be reached: {what}")]
    Unreachable { server: String, what: String },
    /// The server said no.
    #[error("{problem}")]
    Refused {
        status: StatusCode,
        retry_after: Option<Duration>,
        problem: Problem,
    },
    /// It was no server of ours that answered.
    #[error("{server} did not answer as mar-audit does: {what}")]
    Strange { server: String, what: String },
    /// The answer stopped before its end.
    #[error("the answer of {server} stopped early: {what}")]
    Cut { server: String, what: String },
}

/// A problem document, as far as people read it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub title: String,
    pub detail: String,
    pub errors: Vec<Fault>,
}

/// What tells an answer with receipts from any other.
#[derive(Deserialize)]
struct WithReceipts {
    #[serde(rename = "receipts")]
    _receipts: Vec<serde::de::IgnoredAny>,
}

/// One fault of a problem document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    pub pointer: String,
    pub parameter: String,
    /// Byte position in the parameter's value.
    pub position: Option<usize>,
    pub detail: String,
    pub suggestion: Option<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = [&self.pointer, &self.parameter]
            .into_iter()
            .find(|place| !place.is_empty());
        match (place, self.position) {
            (Some(place), Some(at)) => write!(f, "{place}, at {at}: ")?,
            (Some(place), None) => write!(f, "{place}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.detail)?;
        match &self.suggestion {
            Some(right) => write!(f, "; did you mean `{right}`?"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.title.is_empty() {
            &self.detail
        } else {
            &self.title
        })?;
        // One fault says what the detail says, and where.
        if self.errors.len() != 1 && !self.title.is_empty() && !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for fault in &self.errors {
            write!(
                f,
                "{}{fault}",
                if self.errors.len() == 1 { ": " } else { "\n  " }
            )?;
        }
        Ok(())
    }
}

/// The longest problem document that is read: it is shown to a person.
const PROBLEM_BYTES_MAX: u64 = 1024 * 1024;

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The longest that one call for evidence may take: everything asked for is small.
const EVIDENCE_CALL_MAX: Duration = Duration::from_secs(60);

impl Client {
    pub fn new(
        server: &str,
        token: Option<String>,
        authorities: &Authorities,
    ) -> Result<Self, Error> {
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_MAX))
            .tls_config(authorities.tls());
        Self::with(server, token, agent)
    }

    /// For servers nobody vouches for: no redirects, and an end to waiting.
    pub fn for_evidence(
        server: &str,
        token: Option<String>,
        authorities: &Authorities,
    ) -> Result<Self, Error> {
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_MAX))
            .tls_config(authorities.tls())
            .timeout_global(Some(EVIDENCE_CALL_MAX))
            .max_redirects(0)
            .max_redirects_will_error(false);
        Self::with(server, token, agent)
    }

    fn with(
        server: &str,
        token: Option<String>,
        agent: ConfigBuilder<AgentScope>,
    ) -> Result<Self, Error> {
        let url = url::Url::parse(server).map_err(|_| Error::Address(server.to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(Error::Address(server.to_owned()));
        }
        let agent = agent
            .http_status_as_error(false)
            .user_agent(concat!("mar-audit/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            server: server.trim_end_matches('/').to_owned(),
            token,
        })
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    /// `GET`; an answer outside of 2xx is an error.
    pub fn get(
        &self,
        path: &str,
        parameters: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, Error> {
        let mut call = self.agent.get(self.url(path, parameters));
        for (name, value) in self
            .authorization()
            .iter()
            .map(|v| ("authorization", v.as_str()))
            .chain(headers.iter().copied())
        {
            call = call.header(name, value);
        }
        self.checked(call.call().map_err(|e| self.unreachable(&e))?)
    }

    /// `POST /v1/entries`; the receipts, also where every item was refused.
    pub fn append(&self, body: &[u8], headers: &[(&str, &str)]) -> Result<String, Error> {
        let mut call = self.agent.post(self.url("/v1/entries", &[]));
        for (name, value) in self
            .authorization()
            .iter()
            .map(|v| ("authorization", v.as_str()))
            .chain(headers.iter().copied())
        {
            call = call.header(name, value);
        }
        let answer = call.send(body).map_err(|e| self.unreachable(&e))?;
        if answer.status() != StatusCode::UNPROCESSABLE_ENTITY {
            return self.text(self.checked(answer)?);
        }
        // Where every item was refused the problem document has the receipts as a member.
        let text = self.text(answer)?;
        if serde_json::from_str::<WithReceipts>(&text).is_ok() {
            return Ok(text);
        }
        let problem = serde_json::from_str(&text).map_err(|e| self.strange(e))?;
        Err(Error::Refused {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            retry_after: None,
            problem,
        })
    }

    /// The whole of an answer that should have at most so many bytes: of a longer one, one byte more.
    pub fn bytes(&self, answer: Response<Body>, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut reader = self.reader(answer).take(bytes_max as u64 + 1);
        reader.read_to_end(&mut bytes).map_err(|e| self.cut(&e))?;
        Ok(bytes)
    }

    /// `POST` of JSON; an answer outside of 2xx is an error.
    pub fn post(
        &self,
        path: &str,
        parameters: &[(String, String)],
        body: &[u8],
    ) -> Result<Response<Body>, Error> {
        let mut call = self.agent.post(self.url(path, parameters));
        if let Some(authorization) = self.authorization() {
            call = call.header("authorization", authorization);
        }
        let call = call.header("content-type", "application/json");
        self.checked(call.send(body).map_err(|e| self.unreachable(&e))?)
    }

    /// The whole of an answer as text; for answers whose size the call itself bounds.
    pub fn text(&self, answer: Response<Body>) -> Result<String, Error> {
        let mut text = String::new();
        match self.reader(answer).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(e) => Err(self.cut(&e)),
        }
    }

    /// An answer as it arrives.
    pub fn reader(&self, answer: Response<Body>) -> BufReader<impl Read + Send + use<>> {
        BufReader::with_capacity(
            64 * 1024,
            answer
                .into_body()
                .into_with_config()
                .limit(u64::MAX)
                .reader(),
        )
    }

    pub fn cut(&self, why: &std::io::Error) -> Error {
        Error::Cut {
            server: self.server.clone(),
            what: why.to_string(),
        }
    }

    pub fn strange(&self, what: impl ToString) -> Error {
        Error::Strange {
            server: self.server.clone(),
            what: what.to_string(),
        }
    }

    fn url(&self, path: &str, parameters: &[(String, String)]) -> String {
        let mut url = format!("{}{path}", self.server);
        if !parameters.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(parameters)
                .finish();
            url.push('?');
            url.push_str(&query);
        }
        url
    }

    fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    fn unreachable(&self, why: &ureq::Error) -> Error {
        if let Some(what) = authorities::distrust(why) {
            let server = self.server.clone();
            return Error::Untrusted { server, what };
        }
        Error::Unreachable {
            server: self.server.clone(),
            what: why.to_string(),
        }
    }

    fn checked(&self, answer: Response<Body>) -> Result<Response<Body>, Error> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let retry_after = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|v| v.to_str().ok()?.parse().ok());
        let json = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|v| v.to_str().is_ok_and(|t| t.contains("json")));
        let to = answer.headers().get(header::LOCATION);
        let to = to.filter(|_| status.is_redirection());
        let detail = to
            .map(|to| format!("it points to {to:?}, which is not followed"))
            .unwrap_or_default();
        let mut text = String::new();
        // A body that cannot be read leaves the status, which says enough.
        let read = self
            .reader(answer)
            .take(PROBLEM_BYTES_MAX)
            .read_to_string(&mut text);
        let problem = match read {
            Ok(_) if json => serde_json::from_str(&text).ok(),
            _ => None,
        };
        let problem = problem.unwrap_or_else(|| Problem {
            title: format!("{} answered {status}", self.server),
            detail,
            ..Problem::default()
        });
        Err(Error::Refused {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_an_address_with_a_scheme() {
        for bad in [
            "127.0.0.1:8080",
            "ftp://127.0.0.1",
            "",
            "http://",
            "not an address",
        ] {
            assert!(
                matches!(
                    Client::new(bad, None, &Authorities::Public),
                    Err(Error::Address(_))
                ),
                "{bad}"
            );
        }
        let client =
            Client::new("http://127.0.0.1:8080/", None, &Authorities::Public).expect("an address");
        let parameters = [
            ("q".to_owned(), "a b&c=d".to_owned()),
            ("-field".to_owned(), "ü".to_owned()),
        ];
        assert_eq!(
            client.url("/v1/entries", &parameters),
            "http://127.0.0.1:8080/v1/entries?q=a+b%26c%3Dd&-field=%C3%BC"
        );
    }

    #[test]
    fn a_problem_names_each_fault_once() {
        for (json, said) in [
            (
                r#"{"title":"Invalid","detail":"1 entry","errors":[{"pointer":"/actor","detail":"is missing"}]}"#,
                "Invalid: /actor: is missing",
            ),
            (
                r#"{"title":"Wrong","detail":"two","errors":[{"parameter":"q","position":3,"detail":"no","suggestion":"yes"},{"detail":"b"}]}"#,
                "Wrong: two\n  q, at 3: no; did you mean `yes`?\n  b",
            ),
            (r#"{"title":"Gone","detail":""}"#, "Gone"),
            (r#"{"detail":"only this"}"#, "only this"),
        ] {
            let problem: Problem = serde_json::from_str(json).expect("a problem");
            assert_eq!(problem.to_string(), said);
        }
    }
}
