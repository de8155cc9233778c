//! Where the log is, what an action is worth, and every limit with its reason.

use crate::{Action, Notice};
use entry::Organization;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How surely an action is recorded before its caller goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// The log has it, or the caller is told and fails its operation.
    Required,
    /// It is on this machine's stable storage, and delivered in order when the log can be reached.
    #[default]
    Spooled,
    /// It is in memory. It costs the caller nothing and may be lost; what is lost is counted, and the log is told.
    BestEffort,
}

/// A bearer token. Never shown, not by `{:?}` either.
#[derive(Clone)]
pub struct Token(Box<str>);

impl Token {
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl<T: Into<Box<str>>> From<T> for Token {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Hears what happens to the recorder. Called on the recorder's own threads: it must not wait.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// How a [`Recorder`](crate::Recorder) is set up.
#[derive(Clone)]
pub struct Config {
    /// `https://audit.example`
    pub server: String,
    /// Who we are to it.
    pub token: Option<Token>,
    /// Certificates (PEM) of the authorities that the server's certificate is checked with, instead of the web's.
    pub ca_file: Option<PathBuf>,
    /// Lets a token go over plain HTTP to another machine, where something else encrypts.
    pub plain_http: bool,
    /// `source.name` of every entry: this service, and which of its replicas, such as `mar-api/pod-3`.
    pub source: String,
    /// The organization of entries that name none. Without it, the token or the server says.
    pub organization: Option<Organization>,
    /// A directory of this recorder alone, on a disk that outlives the process.
    pub spool: PathBuf,
    /// The most that the spool may take on disk. One GiB: more than a million entries, a day and more of most platforms.
    pub spool_bytes_max: u64,
    /// What an action is worth that [`Config::guarantees`] does not name.
    pub guarantee: Guarantee,
    /// What single actions are worth, by name.
    pub guarantees: HashMap<String, Guarantee>,
    /// How long the caller of a required entry waits for the log.
    pub required_wait_max: Duration,
    /// The most required entries that wait at once: each has a caller behind it.
    pub required_waiting_max: usize,
    /// The most memory for best-effort entries, in bytes.
    pub best_effort_bytes_max: usize,
    /// The most entries of one call, at most what the server takes.
    pub batch_entries_max: usize,
    /// The most bytes of one call before compression, at most what the server takes. One entry may be larger.
    pub batch_bytes_max: usize,
    /// Larger bodies are sent as gzip.
    pub compress_over_bytes: usize,
    /// How long a connection may take to be made.
    pub connect_wait_max: Duration,
    /// How long a call may take from its first byte to the last of its answer.
    pub call_wait_max: Duration,
    /// The longest pause between attempts while the log does not answer.
    pub pause_max: Duration,
    /// How long [`Recorder::close`](crate::Recorder::close) waits for what is not delivered yet.
    pub close_wait_max: Duration,
    /// Hears what happens.
    pub listener: Option<Listener>,
}

impl Config {
    /// The defaults of everything else.
    pub fn new(
        server: impl Into<String>,
        source: impl Into<String>,
        spool: impl Into<PathBuf>,
    ) -> Self {
        Self {
            server: server.into(),
            token: None,
            ca_file: None,
            plain_http: false,
            source: source.into(),
            organization: None,
            spool: spool.into(),
            spool_bytes_max: 1 << 30,
            guarantee: Guarantee::Spooled,
            guarantees: HashMap::new(),
            required_wait_max: Duration::from_secs(5),
            required_waiting_max: 10_000,
            best_effort_bytes_max: 16 << 20,
            batch_entries_max: 1_000,
            batch_bytes_max: 4 << 20,
            compress_over_bytes: 8 << 10,
            connect_wait_max: Duration::from_secs(5),
            call_wait_max: Duration::from_secs(30),
            pause_max: Duration::from_secs(30),
            close_wait_max: Duration::from_secs(5),
            listener: None,
        }
    }

    #[must_use]
    pub fn token(mut self, token: impl Into<Token>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// What every action is worth that is not named.
    #[must_use]
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// What one action is worth.
    #[must_use]
    pub fn guaranteeing(mut self, action: &Action, guarantee: Guarantee) -> Self {
        self.guarantees.insert(action.name().to_owned(), guarantee);
        self
    }

    #[must_use]
    pub fn listener(mut self, listener: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    pub(crate) fn guarantee_of(&self, action: &str) -> Guarantee {
        self.guarantees
            .get(action)
            .copied()
            .unwrap_or(self.guarantee)
    }

    /// Why these settings cannot work, if they cannot.
    pub(crate) fn fault(&self) -> Option<String> {
        let batch = 1..=entry::limits::BATCH_ENTRIES_MAX;
        if self.source.is_empty() {
            Some("the source has no name".to_owned())
        } else if entry::text::equals(&self.source, "mar-audit") {
            Some("the source `mar-audit` is the log itself".to_owned())
        } else if !batch.contains(&self.batch_entries_max) {
            Some(format!(
                "batch_entries_max is 1 to {}",
                entry::limits::BATCH_ENTRIES_MAX
            ))
        } else if self.batch_bytes_max > entry::limits::BATCH_BYTES_MAX {
            Some(format!(
                "batch_bytes_max is at most {}",
                entry::limits::BATCH_BYTES_MAX
            ))
        } else {
            None
        }
    }
}

/// Without the listener, which has nothing to show.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("server", &self.server)
            .field("token", &self.token)
            .field("source", &self.source)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;

    #[test]
    fn a_token_is_never_shown() {
        let config = Config::new("http://127.0.0.1:8080", "s", "/nowhere").token("mar_secret");
        let shown = format!("{config:?} {:?}", config.token);
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn an_action_is_worth_what_is_said_of_it() {
        let config = Config::new("http://x", "s", "/nowhere")
            .guarantee(Guarantee::BestEffort)
            .guaranteeing(&action::DELETE_CLUSTER, Guarantee::Required);
        assert_eq!(config.guarantee_of("deleteCluster"), Guarantee::Required);
        assert_eq!(config.guarantee_of("login"), Guarantee::BestEffort);
    }
}
