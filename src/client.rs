//! Calls to a server, for the commands that are its clients.

mod authorities;

pub use authorities::Authorities;

use crate::access::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use ureq::typestate::AgentScope;
use ureq::{Agent, AsSendBody, Body};

/// A server and who we are to it.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    /// Without a slash at its end.
    server: String,
    credential: Credential,
    /// What goes along with every call, on any route.
    always: Vec<(String, String)>,
    /// What goes along with every call that only reads.
    reading: Vec<(String, String)>,
}

/// What a call shows of who makes it.
#[derive(Clone)]
enum Credential {
    Nothing,
    Token(Secret),
    /// The cookie of a session, as `name=value`.
    Session(Secret),
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
    /// Correct the token. It is not part of this.
    #[error("the token has characters that no token has")]
    Token,
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

const JSON: (&str, &str) = ("content-type", "application/json");

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
        let credential = match token {
            None => Credential::Nothing,
            Some(token) if token.bytes().all(|b| b.is_ascii_graphic()) => {
                Credential::Token(Secret::new(token))
            }
            Some(_) => return Err(Error::Token),
        };
        let agent = agent
            .http_status_as_error(false)
            .user_agent(concat!("mar-audit/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            server: server.trim_end_matches('/').to_owned(),
            credential,
            always: Vec::new(),
            reading: Vec::new(),
        })
    }

    /// Says with every call why it is made: the log notes it.
    pub fn with_purpose(mut self, purpose: &str) -> Self {
        self.always.push(("purpose".into(), purpose.into()));
        self
    }

    /// Asks for what a role hides, wherever something is read.
    pub fn unmasking(mut self) -> Self {
        self.reading.push(("unmask".into(), "true".into()));
        self
    }

    /// The same server, within a session; [`Client::sign_out`] ends it.
    pub fn sign_in(self, login: &str, password: &Secret) -> Result<Self, Error> {
        let body = json!({"login": login, "password": password.expose()});
        let answer = self.send("POST", "/v1/access/sign-in", Some(&body))?;
        self.within(&answer)
    }

    /// Makes the first owner: the server's answer, and a client within its session.
    pub fn claim(self, body: &Value) -> Result<(Value, Self), Error> {
        let answer = self.send("POST", "/v1/access/claim", Some(body))?;
        let owner = self.clone().within(&answer)?;
        Ok((self.json(answer)?, owner))
    }

    fn within(self, answer: &Response<Body>) -> Result<Self, Error> {
        let set = answer.headers().get(header::SET_COOKIE);
        let pair = set.and_then(|set| Some(set.to_str().ok()?.split(';').next()?.trim()));
        let pair = pair.filter(|pair| !pair.is_empty());
        let pair = pair
            .ok_or_else(|| self.strange("it set no cookie"))?
            .to_owned();
        Ok(Self {
            credential: Credential::Session(Secret::new(pair)),
            ..self
        })
    }

    /// Ends the session that [`Client::sign_in`] began, unless it is over: another password ends all of an account's.
    pub fn sign_out(&self) -> Result<(), Error> {
        match self.send("POST", "/v1/access/sign-out", None) {
            Err(Error::Refused { status, .. }) if status == StatusCode::UNAUTHORIZED => Ok(()),
            answer => answer.map(drop),
        }
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
        self.checked(self.run("GET", self.url(path, parameters, true), headers, ())?)
    }

    /// `POST /v1/entries`; the receipts, also where every item was refused.
    pub fn append(&self, body: &[u8], headers: &[(&str, &str)]) -> Result<String, Error> {
        let url = self.url("/v1/entries", &[], false);
        let answer = self.run("POST", url, headers, body)?;
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
        let url = self.url(path, parameters, false);
        self.checked(self.run("POST", url, &[JSON], body)?)
    }

    /// What is at a path, as JSON.
    pub fn get_json(&self, path: &str) -> Result<Value, Error> {
        self.json(self.get(path, &[], &[])?)
    }

    /// Changes what is at a path; the answer's JSON, null where it has none.
    pub fn change(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let answer = self.send(method, path, body)?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(Value::Null),
            _ => self.json(answer),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Body>, Error> {
        let url = self.url(path, &[], false);
        let answer = match body {
            Some(body) => self.run(method, url, &[JSON], body.to_string().as_str()),
            None => self.run(method, url, &[], ()),
        };
        self.checked(answer?)
    }

    fn json(&self, answer: Response<Body>) -> Result<Value, Error> {
        serde_json::from_str(&self.text(answer)?).map_err(|e| self.strange(e))
    }

    /// One call, whatever its answer says.
    fn run(
        &self,
        method: &str,
        url: String,
        headers: &[(&str, &str)],
        body: impl AsSendBody,
    ) -> Result<Response<Body>, Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("one of our own methods");
        let mut call = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        let secret = |text: String| {
            let value = HeaderValue::try_from(text).map_err(|_| Error::Token);
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        };
        match &self.credential {
            Credential::Nothing => {}
            Credential::Token(token) => {
                let value = secret(format!("Bearer {}", token.expose()))?;
                call = call.header(header::AUTHORIZATION, value);
            }
            Credential::Session(cookie) => {
                let value = secret(cookie.expose().to_owned())?;
                // What a browser says of a page of this server's own.
                call = call
                    .header(header::COOKIE, value)
                    .header(header::ORIGIN, self.origin());
            }
        }
        let call = call.body(body).map_err(|e| self.unreachable(&e.into()))?;
        self.agent.run(call).map_err(|e| self.unreachable(&e))
    }

    fn origin(&self) -> String {
        let url = url::Url::parse(&self.server).expect("parsed when it was given");
        url.origin().ascii_serialization()
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

    fn url(&self, path: &str, parameters: &[(String, String)], only_reads: bool) -> String {
        let mut url = format!("{}{path}", self.server);
        let reading = self.reading.iter().filter(|_| only_reads);
        let all = parameters.iter().chain(&self.always).chain(reading);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        url
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
            client.url("/v1/entries", &parameters, true),
            "http://127.0.0.1:8080/v1/entries?q=a+b%26c%3Dd&-field=%C3%BC"
        );
        let client = client.with_purpose("OPS 88").unmasking();
        assert_eq!(
            client.url("/v1/entries", &[], true),
            "http://127.0.0.1:8080/v1/entries?purpose=OPS+88&unmask=true"
        );
        assert!(
            client
                .url("/v1/entries", &[], false)
                .ends_with("?purpose=OPS+88")
        );
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_refused_unsaid() {
        for token in ["two\nlines", "a space", "ü", "canary\u{7}"] {
            let given = Some(token.to_owned());
            let refused = Client::new("http://127.0.0.1:8080", given, &Authorities::Public);
            let said = refused.map(drop).expect_err("no token").to_string();
            assert!(!said.contains(token), "{said}");
        }
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
