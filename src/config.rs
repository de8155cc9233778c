//! The settings: built-in values, then `mar-audit.toml`, then `MAR_AUDIT_*`, then flags; each remembers where it came from.
//!
//! - [`keys`]: the one table of them; the file, the environment, the flags and `config show` follow from it
//! - [`provider`], [`syslog`]: those of a table of their own

pub mod keys;
pub mod provider;
pub mod syslog;

pub use keys::{KEYS, Key, Kind};

use crate::guard::framing::Site;
use crate::intake::shelf::SourceName;
use crate::intake::tables;
use entry::address::Cidr;
use entry::catalogue::Action;
use entry::{Catalogue, Category, Organization};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Known;

/// The file read from the working directory where none is named.
pub const FILE: &str = "mar-audit.toml";

const ENVIRONMENT_PREFIX: &str = "MAR_AUDIT_";

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// Every caller on this machine is an owner.
    pub open: bool,
    /// The files of the certificate and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub proxies: Vec<Cidr>,
    pub insecure_listen: bool,
    pub allow_volatile: bool,
    pub public_hosts: Vec<String>,
    /// Sites whose pages may show ours in a frame.
    pub embed_origins: Vec<Site>,
    pub known_checkpoints: Known,
    pub default_organization: Organization,
    pub log: String,
    pub connections_max: usize,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub waiting_entries_max: usize,
    pub open_bytes_max: usize,
    pub quarantine_bytes_max: u64,
    pub syslog: syslog::Settings,
    pub server: String,
    /// The bearer token of client commands, or `@` and the file that holds it.
    pub token: Option<String>,
    pub ca_file: Option<PathBuf>,
    /// Where people sign in who do not here.
    pub provider: Option<provider::Written>,
    /// Rows of `[[catalogue]]`.
    pub actions: Vec<Action>,
    /// Rows of `[[sources]]`.
    pub tables: Vec<tables::Row>,
}

/// What is wrong with a setting, and where it came from.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    pub key: &'static str,
    pub value: Value,
}

impl Flag {
    pub fn new(key: &'static str, value: impl Into<Value>) -> Self {
        Self {
            key,
            value: value.into(),
        }
    }
}

/// Where settings come from, besides the built-in values.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; without it [`FILE`], if there is one.
    pub file: Option<PathBuf>,
    /// Names and values, as the process was given them.
    pub environment: Vec<(String, String)>,
    pub flags: Vec<Flag>,
}

/// Settings with their origins, not checked yet.
pub struct Layers {
    figment: Figment,
}

/// One line of `config show`.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
    pub says: &'static str,
}

/// One value under one name.
struct One {
    origin: Metadata,
    key: &'static str,
    value: Value,
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        self.origin.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(Dict::from([(self.key.to_owned(), self.value.clone())])))
    }
}

/// A row of `[[sources]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRow {
    name: String,
    organization: Option<String>,
    mapping: PathBuf,
}

/// A row of `[[catalogue]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    category: String,
    target_type: String,
    title: Option<String>,
    sentence: Option<String>,
}

impl Layers {
    /// Reads every source; refuses names that no setting has.
    pub fn read(sources: Sources) -> Result<Self, Error> {
        let mut figment = Figment::new();
        for key in KEYS {
            if let Some(text) = key.built_in {
                let value = parse(key, text).map_err(|e| Error(format!("{}: {e}", key.name)))?;
                figment = figment.merge(One {
                    origin: Metadata::named("built in"),
                    key: key.name,
                    value,
                });
            }
        }
        if let Some((path, text)) = read_file(sources.file.as_deref())? {
            let file = Toml::string(&text);
            let found = file
                .data()
                .map_err(|e| Error(format!("{}: {e}", path.display())))?;
            let found: Vec<(String, Value)> = found.into_values().flat_map(flattened).collect();
            for (name, _) in &found {
                known(name).map_err(|e| Error(format!("{}: {e}", path.display())))?;
            }
            let origin = Metadata::from("file", path.as_path());
            for (name, value) in found {
                let key = KEYS
                    .iter()
                    .map(|k| k.name)
                    .chain(ROWS)
                    .find(|k| *k == name)
                    .unwrap_or(CATALOGUE);
                figment = figment.merge(One {
                    origin: origin.clone(),
                    key,
                    value,
                });
            }
        }
        for (variable, text) in &sources.environment {
            let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            // Not refused: an orchestrator invents names under this prefix (`MAR_AUDIT_SERVICE_HOST`).
            let Some(key) = KEYS.iter().find(|k| k.name == name) else {
                continue;
            };
            let value = parse(key, text).map_err(|e| Error(format!("{variable}: {e}")))?;
            let origin = Metadata::named(format!("environment {variable}"));
            figment = figment.merge(One {
                origin,
                key: key.name,
                value,
            });
        }
        for flag in sources.flags {
            let origin = Metadata::named(format!("flag --{}", flag.key.replace('_', "-")));
            figment = figment.merge(One {
                origin,
                key: flag.key,
                value: flag.value,
            });
        }
        Ok(Self { figment })
    }

    /// The settings, or the first that is impossible and where it came from.
    pub fn check(&self) -> Result<Config, Error> {
        let listen: String = self.get("listen")?;
        let organization: String = self.get("default_organization")?;
        Ok(Config {
            data: self.get("data")?,
            listen: listen.parse().map_err(|_| {
                self.wrong(
                    "listen",
                    &format!("`{listen}` is not an address and port, such as 127.0.0.1:8080"),
                )
            })?,
            open: match self.get::<String>("access")?.as_str() {
                "required" => false,
                "open" => true,
                other => {
                    let what = format!("`{other}` is neither `required` nor `open`");
                    return Err(self.wrong("access", &what));
                }
            },
            tls: self.tls()?,
            proxies: self.networks("behind_proxy")?.unwrap_or_default(),
            insecure_listen: self.get("insecure_listen")?,
            allow_volatile: self.get("allow_volatile")?,
            public_hosts: self.optional("public_host")?.unwrap_or_default(),
            embed_origins: self.embed_origins()?,
            known_checkpoints: match self.optional::<String>("known_checkpoints")?.as_deref() {
                None => Known::Beside,
                Some("none") => Known::Off,
                Some("") => {
                    return Err(self.wrong("known_checkpoints", "is empty; `none` switches it off"));
                }
                Some(dir) => Known::At(dir.into()),
            },
            default_organization: Organization::parse(&organization).ok_or_else(|| {
                self.wrong(
                    "default_organization",
                    &format!("`{organization}` is not a slug: a-z, 0-9, `.`, `_`, `-`, at most 63"),
                )
            })?,
            log: self.get("log")?,
            connections_max: self.at_least_one("connections_max")?,
            header_timeout: Duration::from_secs(self.at_least_one("header_timeout_seconds")? as u64),
            body_timeout: Duration::from_secs(self.at_least_one("body_timeout_seconds")? as u64),
            waiting_entries_max: self.at_least_one("waiting_entries_max")?,
            open_bytes_max: self
                .at_least_one("open_mib_max")?
                .saturating_mul(1024 * 1024),
            quarantine_bytes_max: (self.at_least_one("quarantine_mib_max")? as u64)
                .saturating_mul(1024 * 1024),
            syslog: self.syslog()?,
            server: self.get("server")?,
            token: self.token()?,
            ca_file: self.optional("ca_file")?,
            provider: self.provider()?,
            actions: self.actions()?,
            tables: self.tables()?,
        })
    }

    fn embed_origins(&self) -> Result<Vec<Site>, Error> {
        let named: Vec<String> = self.optional("embed_origins")?.unwrap_or_default();
        let read = |text: &String| {
            let what = format!("`{text}` is not a site, such as https://console.mar.example");
            Site::parse(text).ok_or_else(|| self.wrong("embed_origins", &what))
        };
        named.iter().map(read).collect()
    }

    /// Every setting with its value and origin.
    pub fn show(&self) -> Vec<Shown> {
        KEYS.iter()
            .map(|key| {
                let value = self.figment.find_value(key.name).ok();
                Shown {
                    name: key.name,
                    value: match (&value, key.kind) {
                        (None, _) => "not set".to_owned(),
                        (Some(_), Kind::Secret) => "set, not shown".to_owned(),
                        (Some(value), _) => written(value),
                    },
                    origin: if value.is_some() {
                        self.origin(key.name)
                    } else {
                        String::new()
                    },
                    says: key.says,
                }
            })
            .collect()
    }

    fn origin(&self, key: &str) -> String {
        match self.figment.find_metadata(key) {
            None => "built in".to_owned(),
            Some(metadata) => match &metadata.source {
                Some(source) => format!("{} {source}", metadata.name),
                None => metadata.name.to_string(),
            },
        }
    }

    fn wrong(&self, key: &str, what: &str) -> Error {
        Error(format!("{key} ({}): {what}", self.origin(key)))
    }

    fn get<'a, T: Deserialize<'a>>(&self, key: &str) -> Result<T, Error> {
        self.figment
            .extract_inner(key)
            .map_err(|e| self.wrong(key, &e.kind.to_string()))
    }

    fn optional<'a, T: Deserialize<'a>>(&self, key: &str) -> Result<Option<T>, Error> {
        if self.figment.contains(key) {
            self.get(key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Of a token and a file of one the stronger source counts: what is in the environment is meant rather than what is in a
    /// file of settings, and a flag rather than both.
    fn token(&self) -> Result<Option<String>, Error> {
        let token: Option<String> = self.optional("token")?;
        let file: Option<String> = self.optional("token_file")?;
        let file = file.map(|path| format!("@{path}"));
        let is_stronger = self.strength("token_file") > self.strength("token");
        Ok(if is_stronger { file } else { token.or(file) })
    }

    fn strength(&self, key: &str) -> u8 {
        let origin = self.origin(key);
        ["file", "environment", "flag"]
            .iter()
            .position(|source| origin.starts_with(source))
            .map_or(0, |at| at as u8 + 1)
    }

    fn at_least_one(&self, key: &str) -> Result<usize, Error> {
        match self.get(key)? {
            0 => Err(self.wrong(key, "must be at least 1")),
            n => Ok(n),
        }
    }

    fn tls(&self) -> Result<Option<(PathBuf, PathBuf)>, Error> {
        let files = ["tls_cert", "tls_key"].map(|key| self.optional::<PathBuf>(key));
        match files {
            [certificate, key] => match (certificate?, key?) {
                (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
                (None, None) => Ok(None),
                (Some(_), None) => Err(self.wrong("tls_cert", "needs its key: tls_key")),
                (None, Some(_)) => Err(self.wrong("tls_key", "needs its certificate: tls_cert")),
            },
        }
    }

    fn networks(&self, key: &str) -> Result<Option<Vec<Cidr>>, Error> {
        let all: Option<Vec<String>> = self.optional(key)?;
        let read = |text: &String| {
            let what = || format!("`{text}` is no address and no network, such as 10.0.0.0/8");
            Cidr::parse(text).ok_or_else(|| self.wrong(key, &what()))
        };
        all.map(|all| all.iter().map(read).collect()).transpose()
    }

    fn tables(&self) -> Result<Vec<tables::Row>, Error> {
        let rows: Vec<SourceRow> = self.optional(SOURCES)?.unwrap_or_default();
        let slug = |what: &str, text: &str| {
            let says = "1 to 63 of a-z 0-9 . _ -, a letter or digit first";
            self.wrong(SOURCES, &format!("{what} `{text}` is not a name: {says}"))
        };
        let read = |row: SourceRow| {
            let organization = row
                .organization
                .as_ref()
                .map(|text| Organization::parse(text).ok_or_else(|| slug("organization", text)));
            Ok(tables::Row {
                name: SourceName::parse(&row.name).ok_or_else(|| slug("name", &row.name))?,
                organization: organization.transpose()?,
                mapping: row.mapping,
            })
        };
        rows.into_iter().map(read).collect()
    }

    fn actions(&self) -> Result<Vec<Action>, Error> {
        let rows: Vec<Row> = self.optional(CATALOGUE)?.unwrap_or_default();
        rows.into_iter()
            .map(|row| {
                let category = Category::parse(&row.category).ok_or_else(|| {
                    let all: Vec<_> = Category::ALL.iter().map(|c| c.as_str()).collect();
                    self.wrong(
                        CATALOGUE,
                        &format!(
                            "action `{}`: `{}` is not a category; one of {}",
                            row.name,
                            row.category,
                            all.join(", ")
                        ),
                    )
                })?;
                let title = row.title.unwrap_or_else(|| row.name.clone());
                let sentence = row
                    .sentence
                    .unwrap_or_else(|| format!("{{actor}} did {} to {{target}}", row.name));
                Ok(Action {
                    name: row.name.into(),
                    category,
                    target_type: row.target_type.into(),
                    title: title.into(),
                    sentence: sentence.into(),
                })
            })
            .collect()
    }
}

impl Config {
    /// The built-in actions and those of the deployment.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue::built_in().with(self.actions.iter().cloned())
    }
}

const CATALOGUE: &str = "catalogue";
const SOURCES: &str = "sources";

/// Settings that are rows: in the file alone.
const ROWS: [&str; 2] = [CATALOGUE, SOURCES];

fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, Error> {
    let path = named.unwrap_or(Path::new(FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(e) => Err(Error(format!("{}: {e}", path.display()))),
    }
}

/// What a table says as settings of their own: `[oidc]` with `issuer` is `oidc_issuer`.
fn flattened(found: Dict) -> Vec<(String, Value)> {
    let each = found.into_iter().flat_map(|(name, value)| match value {
        Value::Dict(_, inner) if !inner.is_empty() => inner
            .into_iter()
            .map(|(key, value)| (format!("{name}_{key}"), value))
            .collect(),
        value => vec![(name, value)],
    });
    each.collect()
}

/// Refuses a name that no setting has, naming the nearest that exists.
fn known(name: &str) -> Result<(), Error> {
    let names = KEYS.iter().map(|k| k.name).chain(ROWS);
    if names.clone().any(|k| k == name) {
        return Ok(());
    }
    let nearest = entry::words::nearest(name, names)
        .map(|k| format!("; did you mean `{k}`?"))
        .unwrap_or_default();
    Err(Error(format!("unknown setting `{name}`{nearest}")))
}

fn parse(key: &Key, text: &str) -> Result<Value, String> {
    match key.kind {
        Kind::Text | Kind::Secret => Ok(Value::from(text)),
        Kind::Switch => text
            .parse()
            .map(|on: bool| Value::from(on))
            .map_err(|_| format!("`{text}` is neither true nor false")),
        Kind::Whole => text
            .parse()
            .map(|n: u64| Value::from(n))
            .map_err(|_| format!("`{text}` is not a whole number")),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|t| !t.is_empty());
            Ok(Value::from(items.map(Value::from).collect::<Vec<_>>()))
        }
    }
}

/// A value as it would be written in the file.
fn written(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, on) => on.to_string(),
        Value::Num(_, number) => {
            let whole = number
                .to_u128()
                .map(|n| n.to_string())
                .or_else(|| number.to_i128().map(|n| n.to_string()));
            whole
                .or_else(|| number.to_f64().map(|n| n.to_string()))
                .unwrap_or_default()
        }
        Value::Array(_, items) => format!(
            "[{}]",
            items.iter().map(written).collect::<Vec<_>>().join(", ")
        ),
        Value::Dict(..) => "a table".to_owned(),
        Value::Char(_, c) => format!("{c:?}"),
        Value::Empty(..) => "empty".to_owned(),
    }
}

#[cfg(test)]
mod tests;
