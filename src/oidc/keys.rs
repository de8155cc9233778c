//! The keys that the provider signs with: RFC 7517, of the kinds that are verified here.

use super::Failure;
use crate::cursor::from_base64url;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Keys of one provider: one or two are in use, some linger.
const KEYS_MAX: usize = 64;

/// How a token may be signed. `none` is no signature, and with HMAC whoever knows a public key could sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" | "Ed25519" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

/// A public key. Its kind says what it can verify, whatever a token says.
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

struct Key {
    id: Option<String>,
    material: Material,
}

/// What a provider publishes.
pub struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Keys of other kinds are passed over: a provider has some for other things.
    pub fn read(document: &Map<String, Value>) -> Result<Self, Failure> {
        let Some(Value::Array(written)) = document.get("keys") else {
            return Err(Failure::Unusable("no_keys"));
        };
        if written.len() > KEYS_MAX {
            return Err(Failure::Unusable("too_many_keys"));
        }
        let read = |one: &Value| Key::read(serde_json::from_value(one.clone()).ok()?);
        Ok(Self(written.iter().filter_map(read).collect()))
    }

    /// The keys that could have signed it. Without an id, a key must be the only one of its kind.
    fn fitting(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let all = self.0.iter();
        let mut fit = all.filter(move |key| {
            key.fits(algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let several = id.is_none() && fit.clone().nth(1).is_some();
        if several {
            fit.by_ref().for_each(drop);
        }
        fit
    }

    pub fn has(&self, id: Option<&str>, algorithm: Algorithm) -> bool {
        self.fitting(id, algorithm).next().is_some()
    }

    /// True if one of them signed the message.
    pub fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let mut fit = self.fitting(id, algorithm);
        fit.any(|key| key.signed(message, signature))
    }
}

impl Key {
    fn read(written: Written) -> Option<Self> {
        if written
            .purpose
            .as_deref()
            .is_some_and(|purpose| purpose != "sig")
        {
            return None;
        }
        let bytes = |text: &Option<String>| from_base64url(text.as_deref()?);
        let curve = written.crv.as_deref();
        let material = match (written.kty.as_str(), curve) {
            ("RSA", None) => Material::Rsa {
                n: without_zeros(bytes(&written.n)?),
                e: without_zeros(bytes(&written.e)?),
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&written.x)?, bytes(&written.y)?);
                let sized = x.len() == 32 && y.len() == 32;
                Material::P256([vec![4], x, y].concat()).filter(sized)?
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&written.x)?;
                let sized = x.len() == 32;
                Material::Ed25519(x).filter(sized)?
            }
            _ => return None,
        };
        let key = Self {
            id: written.kid,
            material,
        };
        let fits = written
            .alg
            .as_deref()
            .is_none_or(|name| Algorithm::parse(name).is_some_and(|algorithm| key.fits(algorithm)));
        fits.then_some(key)
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        )
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
        }
        .is_ok()
    }
}

impl Material {
    fn filter(self, fits: bool) -> Option<Self> {
        fits.then_some(self)
    }
}

fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::base64url;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    fn keys(written: Vec<Value>) -> Result<Keys, Failure> {
        let document = json!({ "keys": written });
        Keys::read(document.as_object().expect("an object"))
    }

    #[test]
    fn a_key_verifies_what_it_signed_in_its_own_way_only() {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("random bytes");
        let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("as made");
        let ways = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(ways, &random).expect("random bytes");
        let ec = EcdsaKeyPair::from_pkcs8(ways, ec.as_ref(), &random).expect("as made");
        let point = ec.public_key().as_ref();
        let published = keys(vec![
            json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": base64url(ed.public_key().as_ref())}),
            json!({"kty": "EC", "crv": "P-256", "kid": "p", "use": "sig", "alg": "ES256",
                "x": base64url(&point[1..33]), "y": base64url(&point[33..])}),
        ]);
        let published = published.expect("keys");
        let by_ed = ed.sign(b"text");
        let by_ec = ec.sign(&random, b"text").expect("random bytes");
        let holds = |id, way, signature: &[u8]| published.verify(id, way, b"text", signature);
        assert!(holds(Some("e"), Algorithm::EdDsa, by_ed.as_ref()));
        assert!(holds(Some("p"), Algorithm::Es256, by_ec.as_ref()));
        assert!(
            holds(None, Algorithm::EdDsa, by_ed.as_ref()),
            "one of its kind"
        );
        assert!(!holds(Some("p"), Algorithm::EdDsa, by_ed.as_ref()));
        assert!(!holds(Some("e"), Algorithm::Es256, by_ed.as_ref()));
        assert!(!holds(Some("x"), Algorithm::EdDsa, by_ed.as_ref()));
        assert!(!published.verify(Some("e"), Algorithm::EdDsa, b"Text", by_ed.as_ref()));
        for signature in [&b""[..], &[0; 64], &[0xff; 512]] {
            assert!(!holds(Some("e"), Algorithm::EdDsa, signature));
            assert!(!holds(Some("p"), Algorithm::Es256, signature));
        }
    }

    #[test]
    fn without_an_id_a_key_must_be_the_only_one_of_its_kind() {
        let one = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&[1; 32])});
        let two = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&[2; 32])});
        let single = keys(vec![one.clone()]).expect("keys");
        assert!(single.has(None, Algorithm::EdDsa) && !single.has(None, Algorithm::Rs256));
        let both = keys(vec![one, two]).expect("keys");
        assert!(!both.has(None, Algorithm::EdDsa));
    }

    #[test]
    fn keys_for_other_things_are_passed_over_and_nonsense_verifies_nothing() {
        let x = base64url(&[1; 32]);
        for odd in [
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "X25519", "x": x}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            json!({"kty": "oct", "k": x}),
            json!({"kty": "RSA", "n": "!", "e": "AQAB"}),
            json!({"kty": "EC", "crv": "P-256", "x": x}),
            json!(7),
        ] {
            let read = keys(vec![odd.clone()]).expect("a list");
            assert!(read.0.is_empty(), "{odd}");
        }
        let tiny = keys(vec![json!({"kty": "RSA", "n": "", "e": ""})]).expect("a list");
        assert!(!tiny.verify(None, Algorithm::Rs256, b"text", &[0; 256]));
        assert!(keys(vec![json!({}); KEYS_MAX + 1]).is_err());
        assert!(Keys::read(&Map::new()).is_err());
        for name in ["none", "HS256", "rs256", ""] {
            assert_eq!(Algorithm::parse(name), None);
        }
    }
}
