//! Calls to the log, and what their answers mean.

use crate::{Config, OpenError, Token};
use entry::json::{Value, parse};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::Write;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig};

/// The longest answer that is read: ten thousand receipts, each with a sentence.
const ANSWER_BYTES_MAX: u64 = 32 << 20;

/// A log, and who we are to it. Each thread that sends has its own, so that none waits for another's connection.
pub struct Sender {
    agent: Agent,
    url: String,
    compress_over_bytes: usize,
}

/// Without the agent, which has nothing to show.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.url).finish()
    }
}

/// What a call came to.
#[derive(Debug)]
pub enum Answer {
    /// One outcome for each entry, in the order sent.
    Receipts(Vec<Outcome>),
    /// Not stored, for what the body holds: send less at once, and alone what cannot be less.
    Body { why: String },
    /// Not stored: the log does not let us.
    Unauthorized {
        status: u16,
        why: String,
        retry_after: Option<Duration>,
    },
    /// Not stored: later.
    Later {
        why: String,
        retry_after: Option<Duration>,
    },
    /// No answer, or none that says: the log may have stored it.
    Unknown { why: String },
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored { seq: u64, is_new: bool },
    Rejected { why: String },
}

impl Sender {
    pub fn new(config: &Config) -> Result<Self, OpenError> {
        let wrong = |what: String| OpenError::Config(what);
        let server = config.server.trim_end_matches('/');
        let uri: Uri = server
            .parse()
            .map_err(|_| wrong(format!("`{server}` is no address of a server")))?;
        let is_plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => {
                return Err(wrong(format!(
                    "`{server}` does not start with http:// or https://"
                )));
            }
        };
        let host = uri
            .host()
            .ok_or_else(|| wrong(format!("`{server}` names no host")))?;
        if is_plain && config.token.is_some() && !config.plain_http && !is_loopback(host) {
            return Err(wrong(format!(
                "a token would go to {host} unencrypted; use https://, or say plain_http where something else encrypts"
            )));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(config.connect_wait_max))
            .timeout_global(Some(config.call_wait_max))
            .user_agent(concat!("mar-audit-client/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(config)?)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: format!("{server}/v1/entries"),
            compress_over_bytes: config.compress_over_bytes,
        })
    }

    /// Sends entries, one a line.
    pub fn send(&self, token: Option<&Token>, lines: &[u8], count: usize) -> Answer {
        let mut call = self
            .agent
            .post(&self.url)
            .header("content-type", "application/x-ndjson");
        if let Some(token) = token {
            call = call.header("authorization", format!("Bearer {}", token.reveal()));
        }
        let answer = if lines.len() > self.compress_over_bytes {
            let packed = gzip(lines);
            call.header("content-encoding", "gzip").send(&packed)
        } else {
            call.send(lines)
        };
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => return unanswered(&error),
        };
        let (status, retry_after) = (answer.status(), retry_after(answer.headers()));
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        match body.read_to_vec() {
            Ok(body) => judge(status, retry_after, &body, count),
            Err(error) if status.is_success() => Answer::Unknown {
                why: format!("the answer stopped early: {error}"),
            },
            // The status says enough.
            Err(_) => judge(status, retry_after, b"", count),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn tls(config: &Config) -> Result<TlsConfig, OpenError> {
    let Some(path) = &config.ca_file else {
        return Ok(TlsConfig::default());
    };
    let pem = std::fs::read(path).map_err(|error| crate::spool::recovery::io(path, error))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => {
                return Err(OpenError::Config(format!("{}: {error}", path.display())));
            }
        }
    }
    if certificates.is_empty() {
        let path = path.display();
        return Err(OpenError::Config(format!("{path} holds no certificate")));
    }
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).build())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).expect("memory is written");
    encoder.finish().expect("memory is written")
}

/// Only what fails before a byte of the body can have left is certain.
fn unanswered(error: &ureq::Error) -> Answer {
    use std::io::ErrorKind;
    use ureq::{Error, Timeout};
    let why = error.to_string();
    let is_certain = match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::Tls(_) | Error::Rustls(_) => true,
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::AddrNotAvailable
        ),
        _ => false,
    };
    if is_certain {
        Answer::Later {
            why,
            retry_after: None,
        }
    } else {
        Answer::Unknown { why }
    }
}

/// Seconds; a date, which servers of ours never send, is passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// What an answer means. Foreign bytes: a proxy may have written them.
fn judge(status: StatusCode, retry_after: Option<Duration>, body: &[u8], count: usize) -> Answer {
    let document = parse(body).ok();
    if matches!(status.as_u16(), 200 | 422)
        && let Some(outcomes) = document.as_ref().and_then(receipts)
    {
        return if outcomes.len() == count {
            Answer::Receipts(outcomes)
        } else {
            let why = format!("{} receipts for {count} entries", outcomes.len());
            Answer::Unknown { why }
        };
    }
    let problem = |name: &str| document.as_ref()?.get(name)?.as_str();
    let is_ours = problem("type").is_some_and(|kind| kind.starts_with("urn:mar-audit:problem:"));
    let said = problem("detail").or_else(|| problem("title"));
    let why = match said {
        Some(said) => format!("{}: {}", status.as_u16(), shortened(said)),
        None => format!("the answer was {status}"),
    };
    match status.as_u16() {
        401 | 403 => Answer::Unauthorized {
            status: status.as_u16(),
            why,
            retry_after,
        },
        413 => Answer::Body { why },
        400 | 422 if is_ours => Answer::Body { why },
        429 | 503 | 507 => Answer::Later { why, retry_after },
        // Nothing of ours stores and then answers so; but nothing of ours may have answered.
        300..=499 => Answer::Later { why, retry_after },
        _ => Answer::Unknown { why },
    }
}

/// What is told of a foreign answer ends somewhere.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.chars()
        .filter(|c| !c.is_control())
        .take(CHARACTERS_MAX)
        .collect()
}

fn receipts(document: &Value<'_>) -> Option<Vec<Outcome>> {
    let receipts = document.get("receipts")?.as_array()?;
    receipts.iter().map(outcome).collect()
}

fn outcome(receipt: &Value<'_>) -> Option<Outcome> {
    let stored = |is_new| {
        let seq = receipt.get("seq")?.as_u64()?;
        Some(Outcome::Stored { seq, is_new })
    };
    match receipt.get("status")?.as_str()? {
        "accepted" => stored(true),
        "duplicate" => stored(false),
        "rejected" => {
            let said = |name: &str| receipt.get("error")?.get(name)?.as_str();
            let why = said("detail").or_else(|| said("title"));
            Some(Outcome::Rejected {
                why: shortened(why.unwrap_or("no reason was given")),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(status: u16, body: &str, count: usize) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        judge(status, None, body.as_bytes(), count)
    }

    #[test]
    fn receipts_are_taken_one_by_one() {
        let body = r#"{"receipts":[{"status":"accepted","seq":4},{"status":"duplicate","seq":2},
            {"status":"rejected","error":{"title":"t","detail":"/actor: is required"}}]}"#;
        let Answer::Receipts(outcomes) = of(200, body, 3) else {
            panic!("receipts");
        };
        let rejected = Outcome::Rejected {
            why: "/actor: is required".to_owned(),
        };
        let stored = |seq, is_new| Outcome::Stored { seq, is_new };
        assert_eq!(outcomes, [stored(4, true), stored(2, false), rejected]);
        assert!(matches!(of(200, body, 4), Answer::Unknown { .. }));
    }

    #[test]
    fn only_a_certain_refusal_is_one() {
        let ours = r#"{"type":"urn:mar-audit:problem:bad-json","detail":"no"}"#;
        assert!(matches!(of(400, ours, 1), Answer::Body { .. }));
        assert!(matches!(
            of(400, "<html>plain HTTP to an HTTPS port", 1),
            Answer::Later { .. }
        ));
        assert!(matches!(of(413, "", 1), Answer::Body { .. }));
        assert!(matches!(of(401, ours, 1), Answer::Unauthorized { .. }));
        assert!(matches!(of(403, "", 1), Answer::Unauthorized { .. }));
        assert!(matches!(of(302, "", 1), Answer::Later { .. }));
        assert!(matches!(of(503, "", 1), Answer::Later { .. }));
        assert!(matches!(of(502, "", 1), Answer::Unknown { .. }));
        assert!(matches!(of(500, ours, 1), Answer::Unknown { .. }));
        assert!(
            matches!(of(200, "hello", 1), Answer::Unknown { .. }),
            "a captive portal"
        );
    }

    #[test]
    fn a_token_goes_over_an_encrypted_connection_or_nowhere_else() {
        let new = |server: &str| Sender::new(&Config::new(server, "s", "/nowhere").token("t"));
        for server in [
            "https://audit.example",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/",
            "http://localhost",
        ] {
            assert!(new(server).is_ok(), "{server}");
        }
        for server in [
            "http://audit.example",
            "http://10.0.0.1:8080",
            "audit.example",
            "ftp://x",
            "",
        ] {
            assert!(matches!(new(server), Err(OpenError::Config(_))), "{server}");
        }
        let config = Config {
            plain_http: true,
            ..Config::new("http://audit.example", "s", "/nowhere").token("t")
        };
        assert!(Sender::new(&config).is_ok());
    }

    #[test]
    fn authorities_are_read_from_their_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let config = Config {
            ca_file: Some(file.path().to_owned()),
            ..Config::new("https://audit.example", "s", "/nowhere")
        };
        let error = Sender::new(&config).expect_err("an empty file");
        assert!(error.to_string().contains("holds no certificate"));
    }

    proptest! {
        #[test]
        fn foreign_answers_never_panic(status in 100_u16..1000, body in ".{0,200}", count in 0_usize..3) {
            let _ = of(status, &body, count);
        }
    }
}
