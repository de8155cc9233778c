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
        &["pwd", "pin", "otp", "passcode", "mfacode", "onetimecode"],
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
];

/// The rule for a plain name.
pub fn rule(name: &str) -> Option<&'static str> {
    let ends_in = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if HARMLESS.contains(&name) {
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

/// Texts that hide nothing: empty, stars, or what others put in the place of a secret.
pub fn says_nothing(text: &str) -> bool {
    let text = text.trim();
    text.chars()
        .all(|c| matches!(c, '*' | '•' | 'x' | 'X' | '-'))
        || text.starts_with("hmac-sha256:")
        || (text.starts_with(super::MARKER) && text.ends_with(']'))
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
