//! Whether an ID token is from the provider, for us, for this sign-in, and now: OpenID Connect Core 1.0, 3.1.3.7.

use super::Failure;
use super::keys::{Algorithm, Keys};
use crate::cursor::from_base64url;
use entry::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// The longest subject that the standard allows, in bytes of ASCII.
const SUBJECT_BYTES_MAX: usize = 255;

/// What a token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: Timestamp,
}

/// A token, read and not believed yet.
pub struct Signed<'a> {
    algorithm: Algorithm,
    key: Option<String>,
    message: &'a str,
    said: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What must be understood; nothing of that is.
    crit: Option<Value>,
}

/// What the provider says of somebody, verified.
#[derive(Debug)]
pub struct Claims {
    pub subject: String,
    pub all: Map<String, Value>,
}

fn untrusted<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Untrusted(what))
}

impl<'a> Signed<'a> {
    pub fn read(text: &'a str) -> Result<Self, Failure> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, said, signature] = parts[..] else {
            return untrusted("malformed_token");
        };
        let read = || {
            let header: Header = serde_json::from_slice(&from_base64url(header)?).ok()?;
            Some((header, from_base64url(signature)?))
        };
        let (header, signature) = read().ok_or(Failure::Untrusted("malformed_token"))?;
        if header.crit.is_some() {
            return untrusted("malformed_token");
        }
        let algorithm = Algorithm::parse(&header.alg);
        Ok(Self {
            algorithm: algorithm.ok_or(Failure::Untrusted("algorithm"))?,
            key: header.kid,
            message: &text[..text.len() - parts[2].len() - 1],
            said,
            signature,
        })
    }

    /// True if one of these keys could have signed it.
    pub fn is_signed_by_one_of(&self, keys: &Keys) -> bool {
        keys.has(self.key.as_deref(), self.algorithm)
    }

    /// What it says, if it is what it must be.
    pub fn verify(self, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Failure> {
        if !self.is_signed_by_one_of(keys) {
            return untrusted("unknown_key");
        }
        let (key, message) = (self.key.as_deref(), self.message.as_bytes());
        if !keys.verify(key, self.algorithm, message, &self.signature) {
            return untrusted("signature");
        }
        let all = from_base64url(self.said);
        let all = all.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let all: Map<String, Value> = all.ok_or(Failure::Untrusted("malformed_token"))?;
        judge(all, expected)
    }
}

fn judge(all: Map<String, Value>, expected: &Expected<'_>) -> Result<Claims, Failure> {
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return untrusted("issuer");
    }
    // A second audience may not be one of ours, and could show us what was meant for it.
    let for_us = match all.get("aud") {
        Some(Value::String(one)) => one == expected.client_id,
        Some(Value::Array(several)) => several[..] == [Value::from(expected.client_id)],
        _ => false,
    };
    if !for_us {
        return untrusted("audience");
    }
    if all.contains_key("azp") && text("azp") != Some(expected.client_id) {
        return untrusted("authorized_party");
    }
    must_be_current(&all, expected.now)?;
    let nonce = text("nonce").unwrap_or_default().as_bytes();
    if !bool::from(nonce.ct_eq(expected.nonce.as_bytes())) {
        return untrusted("nonce");
    }
    let fits = |subject: &&str| (1..=SUBJECT_BYTES_MAX).contains(&subject.len());
    let subject = text("sub").filter(fits).map(str::to_owned);
    let subject = subject.ok_or(Failure::Untrusted("subject"))?;
    Ok(Claims { subject, all })
}

fn must_be_current(all: &Map<String, Value>, now: Timestamp) -> Result<(), Failure> {
    let now = now.as_micros() / 1_000_000;
    let Some(expires) = seconds(all.get("exp")) else {
        return untrusted("expires");
    };
    if expires.saturating_add(LEEWAY_SECONDS) <= now {
        return untrusted("expires");
    }
    let Some(issued) = seconds(all.get("iat")) else {
        return untrusted("issued_at");
    };
    if issued.saturating_sub(LEEWAY_SECONDS) > now {
        return untrusted("issued_at");
    }
    if let Some(written) = all.get("nbf") {
        let from = seconds(Some(written)).unwrap_or(i64::MAX);
        if from.saturating_sub(LEEWAY_SECONDS) > now {
            return untrusted("not_before");
        }
    }
    Ok(())
}

/// A numeric date: seconds since 1970, possibly with a fraction.
fn seconds(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    // A float beyond what fits is the nearest that does.
    value.as_i64().or_else(|| Some(value.as_f64()? as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::base64url;
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    const NOW: i64 = 1_795_000_000;

    struct Provider {
        key: Ed25519KeyPair,
        keys: Keys,
    }

    impl Provider {
        fn new() -> Self {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let key = Ed25519KeyPair::from_pkcs8(made.expect("random bytes").as_ref());
            let key = key.expect("as made");
            let x = base64url(key.public_key().as_ref());
            let published = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]});
            let keys = Keys::read(published.as_object().expect("an object"));
            Self {
                key,
                keys: keys.expect("keys"),
            }
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| base64url(value.to_string().as_bytes());
            let message = format!("{}.{}", part(header), part(claims));
            let signature = self.key.sign(message.as_bytes());
            format!("{message}.{}", base64url(signature.as_ref()))
        }

        fn judge(&self, token: &str) -> Result<Claims, &'static str> {
            let expected = Expected {
                issuer: "https://id.example",
                client_id: "mar-audit",
                nonce: "n",
                now: Timestamp::from_micros(NOW * 1_000_000).expect("a time"),
            };
            let signed = Signed::read(token);
            let claims = signed.and_then(|signed| signed.verify(&self.keys, &expected));
            claims.map_err(|failure| failure.reason())
        }
    }

    fn header() -> Value {
        json!({"alg": "EdDSA", "kid": "1", "typ": "JWT"})
    }

    fn claims() -> Value {
        json!({"iss": "https://id.example", "aud": "mar-audit", "sub": "7", "nonce": "n",
            "exp": NOW + 300, "iat": NOW})
    }

    #[test]
    fn a_token_says_all_that_it_must() {
        let provider = Provider::new();
        let good = provider.judge(&provider.sign(&header(), &claims()));
        assert_eq!(good.expect("good").subject, "7");
        let long = "x".repeat(256);
        for (name, value, reason) in [
            ("iss", json!("https://id.example/"), "issuer"),
            ("iss", json!(["https://id.example"]), "issuer"),
            ("aud", json!("other"), "audience"),
            ("aud", json!(["mar-audit", "other"]), "audience"),
            ("aud", json!([]), "audience"),
            ("azp", json!("other"), "authorized_party"),
            ("azp", json!(7), "authorized_party"),
            ("nonce", json!("m"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("exp", json!(NOW - 60), "expires"),
            ("exp", json!("soon"), "expires"),
            ("exp", json!(-1e300), "expires"),
            ("iat", json!(NOW + 61), "issued_at"),
            ("iat", Value::Null, "issued_at"),
            ("nbf", json!(NOW + 61), "not_before"),
            ("nbf", json!("later"), "not_before"),
            ("sub", json!(""), "subject"),
            ("sub", json!(7), "subject"),
            ("sub", json!(long), "subject"),
        ] {
            let mut changed = claims();
            changed[name] = value.clone();
            let judged = provider.judge(&provider.sign(&header(), &changed));
            assert_eq!(judged.err(), Some(reason), "{name}: {value}");
        }
        for name in ["iss", "aud", "sub", "nonce", "exp", "iat"] {
            let mut less = claims();
            less.as_object_mut().expect("an object").remove(name);
            let judged = provider.judge(&provider.sign(&header(), &less));
            assert!(judged.is_err(), "{name}");
        }
        for (name, value) in [
            ("aud", json!(["mar-audit"])),
            ("azp", json!("mar-audit")),
            ("exp", json!(NOW - 59)),
            ("exp", json!(1e300)),
            ("iat", json!(f64::from(1_795_000_059) + 0.5)),
            ("nbf", json!(NOW + 60)),
        ] {
            let mut changed = claims();
            changed[name] = value.clone();
            let judged = provider.judge(&provider.sign(&header(), &changed));
            assert!(judged.is_ok(), "{name}: {value}");
        }
    }

    #[test]
    fn only_the_providers_keys_sign_and_nothing_is_signed_by_saying_so() {
        let (provider, stranger) = (Provider::new(), Provider::new());
        let foreign = stranger.sign(&header(), &claims());
        assert_eq!(provider.judge(&foreign).err(), Some("signature"));
        for (alg, reason) in [
            ("none", "algorithm"),
            ("HS256", "algorithm"),
            ("RS256", "unknown_key"),
        ] {
            let header = json!({"alg": alg, "kid": "1"});
            let judged = provider.judge(&provider.sign(&header, &claims()));
            assert_eq!(judged.err(), Some(reason), "{alg}");
        }
        let unknown = provider.sign(&json!({"alg": "EdDSA", "kid": "2"}), &claims());
        assert_eq!(provider.judge(&unknown).err(), Some("unknown_key"));
        let critical = json!({"alg": "EdDSA", "kid": "1", "crit": ["b64"], "b64": false});
        let critical = provider.sign(&critical, &claims());
        assert_eq!(provider.judge(&critical).err(), Some("malformed_token"));
        let good = provider.sign(&header(), &claims());
        let unsigned = &good[..good.rfind('.').expect("a dot") + 1];
        assert_eq!(provider.judge(unsigned).err(), Some("signature"));
        for text in ["", ".", "..", "a.b.c.d", "e30.e30.", &good[1..]] {
            assert!(provider.judge(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_change_of_a_token_is_believed(at in 0usize..400, by in 1u8..64) {
            let provider = Provider::new();
            let good = provider.sign(&header(), &claims());
            let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut bytes = good.clone().into_bytes();
            let at = at % bytes.len();
            if let Some(digit) = digits.iter().position(|digit| *digit == bytes[at]) {
                bytes[at] = digits[(digit + usize::from(by)) % 64];
            }
            let changed = String::from_utf8(bytes).expect("ASCII");
            prop_assume!(changed != good);
            prop_assert!(provider.judge(&changed).is_err());
        }

        #[test]
        fn no_text_is_a_token(text in "\\PC{0,200}") {
            prop_assert!(Provider::new().judge(&text).is_err());
        }
    }
}
