//! `[oidc]`: the OpenID provider where people sign in.

use super::{Error, Layers};
use crate::access::Secret;
use std::fs;
use std::path::PathBuf;
use ureq::tls::{Certificate, PemItem, parse_pem};
use url::{Host, Url};

/// What the settings say, with files not read yet: only a server needs what is in them.
#[derive(Clone, Debug)]
pub struct Written {
    settings: Settings,
    secret_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

/// The provider where people sign in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As the provider writes it: compared letter by letter.
    pub issuer: String,
    pub client_id: String,
    /// `None`: a public client.
    pub client_secret: Option<Secret>,
    /// Where browsers find this server, without a slash at its end.
    pub public_url: String,
    /// What the button says.
    pub name: String,
    pub scopes: Vec<String>,
    pub groups_claim: String,
    /// Only who is in one of these signs in; empty: everybody whom the provider knows.
    pub allowed_groups: Vec<String>,
    /// Addresses and user names are taken as the provider says them.
    pub assume_verified: bool,
    /// Who vouches for the provider; `None`: who vouches for the web.
    pub authorities: Option<Vec<Certificate<'static>>>,
}

impl Settings {
    /// Where the provider says what it is.
    pub fn discovery(&self) -> Url {
        let issuer = self.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        address.parse().expect("an issuer is an address")
    }

    /// Browsers reach this server by TLS.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    #[cfg(test)]
    pub fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: "mar-audit".into(),
            client_secret: None,
            public_url: "https://audit.example".into(),
            name: "provider".into(),
            scopes: vec!["openid".into()],
            groups_claim: "groups".into(),
            allowed_groups: Vec::new(),
            assume_verified: false,
            authorities: None,
        }
    }
}

/// A name or address that never leaves this machine.
pub fn is_on_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The settings without which the others mean nothing.
const NEEDED: [&str; 3] = ["oidc_issuer", "oidc_client_id", "oidc_public_url"];
/// Those that are nobody's unless there is a provider.
const OTHERS: [&str; 4] = [
    "oidc_client_secret",
    "oidc_client_secret_file",
    "oidc_allowed_groups",
    "oidc_ca_file",
];

impl Layers {
    /// `None` where no provider is set.
    pub(super) fn provider(&self) -> Result<Option<Written>, Error> {
        let is_set = |key: &str| self.figment.contains(key);
        let mut all = NEEDED.iter().chain(&OTHERS);
        let Some(first) = all.find(|key| is_set(key)) else {
            return Ok(None);
        };
        if let Some(missing) = NEEDED.iter().find(|key| !is_set(key)) {
            return Err(self.wrong(first, &format!("means nothing without {missing}")));
        }
        let issuer: String = self.get("oidc_issuer")?;
        self.address("oidc_issuer", &issuer)?;
        let public_url: String = self.get("oidc_public_url")?;
        if self.address("oidc_public_url", &public_url)?.path() != "/" {
            return Err(self.wrong("oidc_public_url", "has no path: scheme, host and port"));
        }
        let client_id: String = self.get("oidc_client_id")?;
        if client_id.is_empty() {
            return Err(self.wrong("oidc_client_id", "is empty"));
        }
        let secret: Option<String> = self.optional("oidc_client_secret")?;
        let secret_file = self.optional("oidc_client_secret_file")?;
        if secret.is_some() && secret_file.is_some() {
            let what = "is there beside oidc_client_secret_file; one of them is enough";
            return Err(self.wrong("oidc_client_secret", what));
        }
        let scopes: Vec<String> = self.get("oidc_scopes")?;
        if !scopes.iter().any(|scope| scope == "openid") {
            return Err(self.wrong("oidc_scopes", "are without `openid`"));
        }
        if !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(self.wrong("oidc_scopes", "hold one that can be none"));
        }
        let settings = Settings {
            issuer,
            client_id,
            client_secret: secret.map(Secret::new),
            public_url: public_url.trim_end_matches('/').to_owned(),
            name: self.get("oidc_name")?,
            scopes,
            groups_claim: self.get("oidc_groups_claim")?,
            allowed_groups: self.optional("oidc_allowed_groups")?.unwrap_or_default(),
            assume_verified: self.get("oidc_assume_verified")?,
            authorities: None,
        };
        Ok(Some(Written {
            settings,
            secret_file,
            ca_file: self.optional("oidc_ca_file")?,
        }))
    }

    /// An address that passwords may be entered at: encrypted, or on this machine.
    fn address(&self, key: &str, text: &str) -> Result<Url, Error> {
        let wrong = |what: &str| self.wrong(key, &format!("`{text}` {what}"));
        let address = Url::parse(text).map_err(|_| wrong("is no address"))?;
        let plain = address.query().is_none()
            && address.fragment().is_none()
            && address.username().is_empty()
            && address.password().is_none();
        match address.scheme() {
            "https" | "http" if !plain => Err(wrong("has more than scheme, host, port and path")),
            "https" => Ok(address),
            "http" if is_on_this_machine(&address) => Ok(address),
            _ => Err(wrong("starts with https://")),
        }
    }
}

/// RFC 6749, 3.3.
fn is_scope(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    !text.is_empty() && text.bytes().all(known)
}

impl Written {
    /// Reads what is kept in files.
    pub fn read(&self) -> Result<Settings, String> {
        let mut settings = self.settings.clone();
        if let Some(path) = &self.secret_file {
            let text = fs::read_to_string(path)
                .map_err(|e| format!("oidc_client_secret_file: {}: {e}", path.display()))?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                let path = path.display();
                return Err(format!("oidc_client_secret_file: {path} is empty"));
            }
            settings.client_secret = Some(Secret::new(text.to_owned()));
        }
        if let Some(path) = &self.ca_file {
            let wrong = |what: String| format!("oidc_ca_file: {}: {what}", path.display());
            let text = fs::read(path).map_err(|e| wrong(e.to_string()))?;
            let items: Result<Vec<PemItem<'static>>, _> = parse_pem(&text).collect();
            let items = items.map_err(|e| wrong(e.to_string()))?;
            let certificates = items.into_iter().filter_map(|item| match item {
                PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            });
            let certificates: Vec<_> = certificates.collect();
            if certificates.is_empty() {
                return Err(wrong("it holds no certificate in PEM".to_owned()));
            }
            settings.authorities = Some(certificates);
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn layers(text: &str) -> (tempfile::TempDir, Result<Layers, Error>) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("mar-audit.toml");
        fs::write(&path, text).expect("written");
        let file = Some(path);
        let read = Layers::read(Sources {
            file,
            ..Sources::default()
        });
        (dir, read)
    }

    fn check(text: &str) -> Result<Option<Written>, String> {
        let (_dir, read) = layers(text);
        let config = read.and_then(|layers| layers.check());
        config
            .map(|config| config.provider)
            .map_err(|e| e.to_string())
    }

    const GOOD: &str = "[oidc]\nissuer = \"https://id.example/x\"\nclient_id = \"a\"\npublic_url = \"https://audit.example/\"\n";

    #[test]
    fn a_provider_is_a_table_whose_names_are_settings() {
        assert!(check("").expect("good").is_none());
        let text = format!("{GOOD}client_secret = \"canary\"\nallowed_groups = [\"staff\"]\n");
        let written = check(&text).expect("good").expect("a provider");
        assert!(!format!("{written:?}").contains("canary"));
        let settings = written.read().expect("no files");
        assert_eq!(settings.public_url, "https://audit.example");
        assert_eq!(settings.scopes, ["openid", "profile", "email"]);
        assert_eq!(settings.allowed_groups, ["staff"]);
        let at = "https://id.example/x/.well-known/openid-configuration";
        assert_eq!(settings.discovery().as_str(), at);
        let (_dir, read) = layers(&text);
        let shown = read.expect("known names").show();
        let line = |name| shown.iter().find(|one| one.name == name).expect("a row");
        assert_eq!(line("oidc_client_secret").value, "set, not shown");
        assert_eq!(line("oidc_client_id").value, "\"a\"");
        assert!(line("oidc_client_id").origin.contains("mar-audit.toml"));
    }

    #[test]
    fn what_cannot_be_is_told_before_anybody_signs_in() {
        for (more, said) in [
            ("issuers = 1\n", "did you mean `oidc_issuer`"),
            ("scopes = [\"email\"]\n", "without `openid`"),
            ("scopes = [\"openid\", \"a b\"]\n", "can be none"),
            (
                "client_secret = \"a\"\nclient_secret_file = \"b\"\n",
                "one of them",
            ),
        ] {
            let error = check(&format!("{GOOD}{more}")).expect_err(more);
            assert!(error.contains(said), "{error}");
        }
        for (good, wrong, said) in [
            (
                "https://id.example/x",
                "http://id.example",
                "starts with https://",
            ),
            (
                "https://id.example/x",
                "https://id.example?a=b",
                "more than",
            ),
            ("https://id.example/x", "id.example", "no address"),
            (
                "https://audit.example/",
                "https://audit.example/logs",
                "no path",
            ),
            (
                "https://audit.example/",
                "https://ana:b@audit.example/",
                "more than",
            ),
            ("\"a\"", "\"\"", "is empty"),
            ("client_id = \"a\"\n", "", "oidc_client_id"),
            ("issuer = \"https://id.example/x\"\n", "", "oidc_issuer"),
        ] {
            let error = check(&GOOD.replace(good, wrong)).expect_err(wrong);
            assert!(error.contains(said), "{error}");
        }
        let here = GOOD.replace("https://id.example/x", "http://[::1]:9000");
        assert!(check(&here).is_ok(), "on this machine");
    }

    #[test]
    fn what_is_in_files_is_read_when_it_is_needed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (secret, ca) = (dir.path().join("secret"), dir.path().join("ca.pem"));
        let text = format!("{GOOD}client_secret_file = {secret:?}\nca_file = {ca:?}\n");
        let written = check(&text)
            .expect("no file is needed")
            .expect("a provider");
        let told = |written: &Written| written.read().expect_err("not yet");
        assert!(told(&written).contains("oidc_client_secret_file"));
        fs::write(&secret, "\n").expect("written");
        assert!(told(&written).contains("is empty"));
        fs::write(&secret, "s e\n").expect("written");
        assert!(told(&written).contains("oidc_ca_file"));
        fs::write(&ca, "no PEM").expect("written");
        assert!(told(&written).contains("no certificate"));
        fs::write(
            &ca,
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        )
        .expect("written");
        let settings = written.read().expect("both");
        assert_eq!(settings.authorities.map(|all| all.len()), Some(1));
        let secret = settings.client_secret.expect("read");
        assert_eq!(secret.expose(), "s e");
    }
}
