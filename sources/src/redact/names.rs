//! Which names of members are those of secrets.

/// Longer names are nobody's.
const NAME_BYTES_MAX: usize = 128;

/// Letters and digits alone, in small letters: `X-Api_Key` and `xApiKey` are one name.
pub fn plain(name: &str) -> String {
    name.bytes()
        .take(NAME_BYTES_MAX)
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

/// Names, whole.
const WHOLE: &[(&str, &[&str])] = &[
    (
        "password",
        &["pin", "otp", "passcode", "mfacode", "onetimecode"],
    ),
    (
        "authorization",
        &[
            "authorization",
            "proxyauthorization",
            "xauthorization",
            "authorizationheader",
            "authheader",
        ],
    ),
    ("credential", &["credential", "credentials"]),
];

/// What names end in.
const ENDS: &[(&str, &[&str])] = &[
    ("password", &["pwd", "pass", "pw"]),
    (
        "secret",
        &[
            "secret",
            "secrets",
            "secretkey",
            "secretaccesskey",
            "secretstring",
            "secretbinary",
            "secretvalue",
        ],
    ),
    ("token", &["token", "tokens"]),
    (
        "api_key",
        &[
            "apikey",
            "accesskey",
            "subscriptionkey",
            "authkey",
            "encryptionkey",
            "masterkey",
            "sharedkey",
            "accountkey",
            "signingkey",
            "webhookkey",
        ],
    ),
    ("cookie", &["cookie", "cookies"]),
    (
        "private_key",
        &[
            "privatekey",
            "privatekeydata",
            "privatekeypem",
            "sshkey",
            "tlskey",
            "keymaterial",
        ],
    ),
    (
        "connection_string",
        &[
            "connectionstring",
            "connectionstrings",
            "connstring",
            "connstr",
        ],
    ),
];

/// A password's policy, age or count is none.
const TOLD_OF: &[&str] = &[
    "name",
    "names",
    "policy",
    "count",
    "attempts",
    "type",
    "id",
    "ids",
    "enabled",
    "expiry",
    "expires",
    "age",
    "length",
    "version",
    "reset",
    "required",
    "changed",
    "lastused",
    "lastchanged",
    "date",
    "time",
    "at",
    "file",
    "path",
    "stdin",
    "prompt",
    "days",
    "updated",
];

/// They end as a password's names do.
const PASSES: &[&str] = &[
    "bypass",
    "compass",
    "overpass",
    "underpass",
    "surpass",
    "trespass",
];

/// They page through answers, or count.
const HARMLESS: &[&str] = &[
    "nexttoken",
    "pagetoken",
    "nextpagetoken",
    "continuationtoken",
    "synctoken",
    "startingtoken",
    "hashedtoken",
    "nextforwardtoken",
    "nextbackwardtoken",
    "maxtokens",
    "totaltokens",
    "tokens",
    "httptokens",
    "sequencetoken",
    "nextsequencetoken",
    "clientrequesttoken",
];

/// The rule for a plain name.
pub fn rule(name: &str) -> Option<&'static str> {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if HARMLESS.contains(&name) || ends_in(PASSES) {
        return None;
    }
    if let Some((rule, _)) = WHOLE.iter().find(|(_, names)| names.contains(&name)) {
        return Some(rule);
    }
    let of_password = ["password", "passwd", "passphrase"]
        .iter()
        .any(|part| name.contains(part));
    if of_password && !ends_in(TOLD_OF) {
        return Some("password");
    }
    ENDS.iter()
        .find(|(_, ends)| ends_in(ends))
        .map(|(rule, _)| *rule)
}

/// Members that hold the id of a key, which is no secret, where a key would be.
pub fn is_key_id(name: &str) -> bool {
    let name = plain(name);
    [
        "accesskeyid",
        "keyid",
        "username",
        "principalid",
        "arn",
        "id",
    ]
    .iter()
    .any(|end| name.ends_with(end))
}

/// Members that hold the value, beside the one that holds its name.
pub fn is_value(name: &str) -> bool {
    [
        "value",
        "values",
        "oldvalue",
        "newvalue",
        "before",
        "after",
        "parametervalue",
        "content",
        "stringvalue",
        "intvalue",
        "multivalue",
    ]
    .contains(&plain(name).as_str())
}

/// Members that call the value beside them by a name.
pub const CALLS: [&str; 7] = [
    "name",
    "Name",
    "key",
    "Key",
    "ParameterKey",
    "path",
    "displayName",
];

/// Where a shell is, which is no secret, is called `PWD` as many a password is.
pub fn is_directory(name: &str, value: &str) -> bool {
    matches!(name, "PWD" | "OLDPWD") && value.starts_with('/')
}

/// What the names end in by which credentials say of themselves whose they are, of what kind, and for how long.
const WHOSE: &[&str] = &[
    "id",
    "ids",
    "name",
    "user",
    "type",
    "kind",
    "provider",
    "issuer",
    "algorithm",
    "format",
    "method",
    "scope",
    "scopes",
    "role",
    "arn",
    "email",
    "account",
    "project",
    "region",
    "host",
    "url",
    "uri",
    "version",
    "status",
    "state",
    "description",
    "expiration",
    "expiry",
    "expires",
    "at",
    "date",
    "time",
    "created",
    "updated",
    "source",
    "group",
    "groups",
    "jti",
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
];

/// Whether a member of credentials is none of them.
pub fn tells_whose(name: &str) -> bool {
    let name = plain(name);
    WHOSE.iter().any(|end| name.ends_with(end))
}

/// Flags that are a secret's by their names and take none.
pub fn is_switch(flag: &str) -> bool {
    [
        "no-", "use-", "with-", "enable-", "disable-", "skip-", "ask-", "print-", "show-",
        "allow-", "require-", "create-", "rotate-",
    ]
    .iter()
    .any(|start| flag.starts_with(start))
}

/// Words that stand where a secret would, and are none.
const WORDS: &str = "~ true false yes no none nil null on off ok is are was were be been has have had must may can cannot could \
    should will does did not and or to of for from in with by a an the if flag flags option options argument \
    arguments needs requires required optional provided given specified missing invalid valid expired revoked \
    changed unchanged reset set unset created updated deleted removed added enabled disabled accepted rejected \
    refused denied granted allowed forbidden failed failure success successful succeeded unknown unauthorized \
    malformed incorrect wrong empty blank error default hidden masked permitted configured";

/// Whether a text is one of them.
pub fn is_word(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'', '.', ',', ';', ':', '!', ')', '(']);
    text.is_empty()
        || WORDS
            .split_ascii_whitespace()
            .any(|word| word.eq_ignore_ascii_case(text))
}

/// `$(DB_PASSWORD)`, `${DB_PASSWORD}`, `$DB_PASSWORD`: where a secret is to be put, not the secret.
fn is_variable(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('$') else {
        return false;
    };
    let name = match rest.as_bytes().first() {
        Some(b'(') => rest[1..].strip_suffix(')'),
        Some(b'{') => rest[1..].strip_suffix('}'),
        _ => Some(rest).filter(|name| !name.bytes().any(|b| b.is_ascii_lowercase())),
    };
    name.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.len() >= 3
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Texts that hide nothing: empty, stars, or what others put in the place of a secret.
pub fn says_nothing(text: &str) -> bool {
    let text = text.trim();
    text.chars()
        .all(|c| matches!(c, '*' | '•' | 'x' | 'X' | '-'))
        || text.starts_with("hmac-sha256:")
        || (text.starts_with(super::MARKER) && text.ends_with(']'))
        || is_variable(text)
        || [
            "<redacted>",
            "[redacted]",
            "redacted",
            "<null>",
            "null",
            "HIDDEN_DUE_TO_SECURITY_REASONS",
            "(sensitive value)",
            "<sensitive>",
        ]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text))
}
