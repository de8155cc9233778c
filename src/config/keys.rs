//! The table of the settings.

/// How the text of a variable becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Switch,
    Whole,
    /// Separated by commas in the environment.
    List,
    /// As [`Kind::Text`], never shown.
    Secret,
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// As it would be written in the file; `None`: not set.
    pub built_in: Option<&'static str>,
    pub says: &'static str,
}

const fn key(
    name: &'static str,
    kind: Kind,
    built_in: Option<&'static str>,
    says: &'static str,
) -> Key {
    Key {
        name,
        kind,
        built_in,
        says,
    }
}

/// Every setting, in the order `config show` prints them.
pub const KEYS: &[Key] = &[
    key("data", Kind::Text, Some("./data"), "the data directory"),
    key(
        "listen",
        Kind::Text,
        Some("127.0.0.1:8080"),
        "the address to listen on",
    ),
    key(
        "access",
        Kind::Text,
        Some("required"),
        "required: nobody without a credential; open: every caller on this machine is an owner",
    ),
    key(
        "tls_cert",
        Kind::Text,
        None,
        "the certificate that connections are encrypted with, and its chain: a PEM file, read again when it changes",
    ),
    key(
        "tls_key",
        Kind::Text,
        None,
        "the key of the certificate: a PEM file",
    ),
    key(
        "behind_proxy",
        Kind::List,
        None,
        "addresses or networks of proxies that encrypt before us and are believed whom a call comes from",
    ),
    key(
        "insecure_listen",
        Kind::Switch,
        Some("false"),
        "accept an address that other machines can reach, without encryption",
    ),
    key(
        "allow_volatile",
        Kind::Switch,
        Some("false"),
        "accept a file system that does not survive a restart",
    ),
    key(
        "public_host",
        Kind::List,
        None,
        "host names, besides the address itself, that calls may be addressed to; logs are named after the first",
    ),
    key(
        "embed_origins",
        Kind::List,
        None,
        "sites, such as https://console.mar.example, whose pages may show these in a frame, by an embed token",
    ),
    key(
        "known_checkpoints",
        Kind::Text,
        None,
        "where each log's newest checkpoint is kept; beside the data directory if not set, `none`: nowhere",
    ),
    key(
        "default_organization",
        Kind::Text,
        Some("default"),
        "the organization of entries that name none",
    ),
    key(
        "log",
        Kind::Text,
        Some("info"),
        "what is written to stderr: error, warn, info, debug, or a tracing filter",
    ),
    key(
        "connections_max",
        Kind::Whole,
        Some("1024"),
        "connections served at once",
    ),
    key(
        "header_timeout_seconds",
        Kind::Whole,
        Some("20"),
        "how long a client may take to send the head of a call",
    ),
    key(
        "body_timeout_seconds",
        Kind::Whole,
        Some("10"),
        "how long the body of a call may stand still",
    ),
    key(
        "waiting_entries_max",
        Kind::Whole,
        Some("100000"),
        "entries that may wait for the disk; more are answered 503",
    ),
    key(
        "open_mib_max",
        Kind::Whole,
        Some("128"),
        "memory for entries that are not in a segment yet",
    ),
    key(
        "oidc_issuer",
        Kind::Text,
        None,
        "the OpenID provider where people sign in, as it writes its own address",
    ),
    key(
        "oidc_client_id",
        Kind::Text,
        None,
        "what the provider calls this server",
    ),
    key(
        "oidc_client_secret",
        Kind::Secret,
        None,
        "what it proves that by; rather in a file",
    ),
    key(
        "oidc_client_secret_file",
        Kind::Text,
        None,
        "a file with the client secret; none: a public client",
    ),
    key(
        "oidc_public_url",
        Kind::Text,
        None,
        "where browsers find this server; the provider sends them back to /sign-in/oidc/callback below it",
    ),
    key(
        "oidc_name",
        Kind::Text,
        Some("single sign-on"),
        "what the button says after `Sign in with`",
    ),
    key(
        "oidc_scopes",
        Kind::List,
        Some("openid,profile,email"),
        "what the provider is asked for; some want `groups` as well",
    ),
    key(
        "oidc_groups_claim",
        Kind::Text,
        Some("groups"),
        "the claim that holds the names of groups",
    ),
    key(
        "oidc_allowed_groups",
        Kind::List,
        None,
        "only who is in one of these signs in",
    ),
    key(
        "oidc_assume_verified",
        Kind::Switch,
        Some("false"),
        "take addresses and user names though the provider does not say that they are verified",
    ),
    key(
        "oidc_ca_file",
        Kind::Text,
        None,
        "certificates in PEM that vouch for the provider, instead of those of the web",
    ),
    key(
        "quarantine_mib_max",
        Kind::Whole,
        Some("256"),
        "disk for what sources sent and no mapping could take; an organization has at most half of what the others leave; more is refused",
    ),
    key(
        "syslog_udp",
        Kind::Text,
        None,
        "the address where syslog is listened for over UDP, such as 127.0.0.1:514",
    ),
    key("syslog_tcp", Kind::Text, None, "the same over TCP"),
    key(
        "syslog_tls",
        Kind::Text,
        None,
        "the same over TLS, with the certificate of tls_cert",
    ),
    key(
        "syslog_relp",
        Kind::Text,
        None,
        "the same by RELP, which answers for each message",
    ),
    key(
        "syslog_from",
        Kind::List,
        None,
        "addresses or networks that may send syslog; not set: this machine alone",
    ),
    key(
        "syslog_clients_file",
        Kind::Text,
        None,
        "certificates in PEM of the authorities that vouch for senders over TLS; these need not be named in syslog_from",
    ),
    key(
        "syslog_organization",
        Kind::Text,
        None,
        "whose log syslog goes to; not set: default_organization",
    ),
    key(
        "syslog_source",
        Kind::Text,
        Some("syslog"),
        "what syslog is called as a source",
    ),
    key(
        "server",
        Kind::Text,
        Some("http://127.0.0.1:8080"),
        "where client commands find the server",
    ),
    key(
        "token",
        Kind::Secret,
        None,
        "sent by client commands as a bearer token; `@FILE`: what is in the file",
    ),
    key(
        "token_file",
        Kind::Text,
        None,
        "the file that holds the token, where `token` is not set in the same place or a stronger one",
    ),
    key(
        "ca_file",
        Kind::Text,
        None,
        "who client commands trust to vouch for an https server, instead of the public authorities: a PEM file",
    ),
];
