//! What secrets look like in the middle of a text.

use super::names;
use regex::{Captures, Regex, RegexSet};
use std::collections::BTreeSet;

/// Rules, what finds them, and whether the second group is the secret rather than the whole.
///
/// The engine takes time in proportion to the text, whatever the text is.
const PATTERNS: &[(&str, &str)] = &[
    (
        "private_key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    (
        "jwt",
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    ),
    (
        "bearer",
        r"((?-u:\b)(?:[Bb]earer|[Bb]asic|BEARER|BASIC)\s{1,8})(?P<secret>[A-Za-z0-9._~+/-]{12,}=*)",
    ),
    (
        "vendor_token",
        r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|AIza[A-Za-z0-9_-]{30,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|mar_(?:svc|pat|rec|adt|emb|ses|one)_[A-Za-z0-9_-]{16,})",
    ),
    ("aws_key", r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)"),
    (
        "url_password",
        r"([A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:?#\x22']*:)(?P<secret>[^\s/@\x22']+)@",
    ),
    (
        "url_secret",
        r"([?&;](?:access_token|refresh_token|id_token|stateToken|sessionToken|token|api_?[kK]ey|apikey|key|sig|signature|X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|X-Goog-Signature|password|passwd|pwd|client_secret|secret|code|SAMLResponse|SAMLRequest)=)(?P<secret>[^\s&;#\x22'<>]+)",
    ),
    (
        "connection_string",
        r"((?-u:\b)(?:[Aa]ccount[Kk]ey|[Ss]hared[Aa]ccess[Kk]ey|[Ss]hared[Aa]ccess[Ss]ignature)=)(?P<secret>[^\s;\x22']{4,})",
    ),
    (
        "assignment",
        r"((?:[Pp]ass[Ww]ord|PASSWORD|[Pp]asswd|PASSWD|[Pp]assphrase|[Pp]wd|PWD|[Ss]ecret|SECRET|[Tt]oken|TOKEN|[Aa]pi_?[Kk]ey|API_?KEY|(?:(?-u:\b)|_|PG)(?:[Pp]ass|PASS|[Pp]w|PW))(?:\\?[\x22']\s{0,4}:\s{0,4}\\?[\x22']|\s{0,2}=\s{0,2}[\x22']?))(?P<secret>[^\s\x22'&;,|<>\\]{3,})",
    ),
];

/// What the patterns that have capital letters find, in small ones. Without the tables that case takes the engine, which are
/// left out of the program.
const FOLDED: &[(&str, &str)] = &[
    (
        "private_key",
        r"-----begin [a-z0-9 ]{0,40}private key(?: block)?-----[^-]*(?:-----end [a-z0-9 ]{0,40}private key(?: block)?-----)?",
    ),
    (
        "jwt",
        r"(?-u:\b)eyj[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}\.[a-z0-9_-]*",
    ),
    (
        "vendor_token",
        r"(?-u:\b)(?:aiza[a-z0-9_-]{30,}|sg\.[a-z0-9_-]{16,}\.[a-z0-9_-]{16,})",
    ),
    ("aws_key", r"(?-u:\b)(?:akia|asia)[a-z0-9]{16}(?-u:\b)"),
    (
        "url_secret",
        r"([?&;](?:statetoken|sessiontoken|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|samlresponse|samlrequest)=)(?P<secret>[^\s&;#\x22'<>]+)",
    ),
];

/// The patterns, made once.
#[derive(Clone, Debug)]
pub struct Texts {
    /// All at once: most texts hold nothing.
    any: RegexSet,
    each: Vec<(&'static str, Regex)>,
}

impl Texts {
    pub fn new() -> Self {
        Self::of(PATTERNS.to_vec())
    }

    /// With those that folding makes of some.
    pub fn in_folded_too() -> Self {
        Self::of([PATTERNS, FOLDED].concat())
    }

    fn of(patterns: Vec<(&'static str, &str)>) -> Self {
        let texts = patterns.iter().map(|(_, pattern)| *pattern);
        Self {
            any: RegexSet::new(texts).expect("patterns of ours"),
            each: patterns
                .iter()
                .map(|(rule, pattern)| (*rule, Regex::new(pattern).expect("a pattern of ours")))
                .collect(),
        }
    }

    /// The text with markers, if it holds what a rule that is on finds; `key_id` where the id of an AWS key belongs.
    pub fn redacted(
        &self,
        text: &str,
        off: &BTreeSet<&'static str>,
        key_id: bool,
    ) -> Option<String> {
        let found = self.any.matches(text);
        if !found.matched_any() {
            return None;
        }
        let mut redacted: Option<String> = None;
        for at in found.iter() {
            let (rule, pattern) = &self.each[at];
            if off.contains(rule) || (key_id && *rule == "aws_key") {
                continue;
            }
            let before = redacted.as_deref().unwrap_or(text);
            let after = pattern.replace_all(before, |found: &Captures<'_>| replaced(found, rule));
            if after != before {
                redacted = Some(after.into_owned());
            }
        }
        redacted
    }
}

/// The marker in the place of the secret; as it was, where a marker stands already.
fn replaced(found: &Captures<'_>, rule: &str) -> String {
    let whole = &found[0];
    let Some(secret) = found.name("secret") else {
        return super::marker(rule);
    };
    if names::says_nothing(secret.as_str()) || secret.as_str().starts_with("[redacted:") {
        return whole.to_owned();
    }
    let start = secret.start() - found.get(0).map_or(0, |all| all.start());
    let said = secret.as_str();
    // `PWD=/home/ana` is where somebody was, and a switch is no password.
    let is_none = rule == "assignment"
        && (names::is_directory(whole[..start].trim_end_matches(['=', ' ']), said)
            || ["true", "false", "none"].contains(&said));
    if is_none {
        return whole.to_owned();
    }
    let end = start + secret.len();
    format!(
        "{}{}{}",
        &whole[..start],
        super::marker(rule),
        &whole[end..]
    )
}
