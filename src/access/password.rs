//! Passwords: Argon2id, and nothing kept but its result.

use super::Error;
use super::secret::Secret;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::sync::LazyLock;

/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The longest, in bytes: a passphrase fits; hashing a megabyte for a stranger does not.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Random bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// 19 MiB, two passes, one lane: the first of OWASP's recommendations for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for at most: whoever writes to the file must not be able to take the machine's memory.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;

/// What is kept of a password: a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept(PasswordHash);

impl Kept {
    /// Hashes a new password. Takes tens of milliseconds and 19 MiB: never on an async thread, and few at a time.
    pub fn new(password: &Secret, salt: [u8; SALT_BYTES]) -> Result<Self, Error> {
        let text = password.expose();
        if text.chars().count() < PASSWORD_CHARS_MIN {
            return Err(Error::invalid("password", "has at least 12 characters"));
        }
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(Error::invalid("password", "has at most 1,024 bytes"));
        }
        Ok(Self::hash(text, salt))
    }

    fn hash(text: &str, salt: [u8; SALT_BYTES]) -> Self {
        let hash = argon2().hash_password_with_salt(text.as_bytes(), &salt);
        Self(hash.expect("parameters and salt are within Argon2's bounds"))
    }

    /// True if this is the password. As slow as [`Kept::new`].
    pub fn is_of(&self, password: &Secret) -> bool {
        let text = password.expose();
        text.len() <= PASSWORD_BYTES_MAX
            && argon2().verify_password(text.as_bytes(), &self.0).is_ok()
    }

    /// Takes as long as [`Kept::is_of`] and is true of nothing: for accounts that do not exist.
    pub fn of_nobody(password: &Secret) -> bool {
        static NOBODY: LazyLock<Kept> =
            LazyLock::new(|| Kept::hash("nobody's password", [0; SALT_BYTES]));
        // Its own answer must not count: whoever reads this source knows that password.
        std::hint::black_box(NOBODY.is_of(password));
        false
    }

    /// True if it was made with other parameters than are used now: to be made anew when the password is known next.
    pub fn is_outdated(&self) -> bool {
        Params::try_from(&self.0).ok().as_ref().map(costs) != Some((MEMORY_KIB, PASSES, LANES))
    }

    fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let (memory, passes, _) = costs(&Params::try_from(&hash).ok()?);
        let bearable = memory <= MEMORY_KIB_MAX && passes <= PASSES_MAX;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        let ours = hash.algorithm.as_str() == "argon2id";
        (bearable && whole && ours).then_some(Self(hash))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let params = params.expect("parameters within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn costs(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.to_string().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?)
            .ok_or_else(|| de::Error::custom("no Argon2id hash within bounds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let kept =
            Kept::new(&secret("correct horse battery"), [3; SALT_BYTES]).expect("long enough");
        let text = serde_json::to_string(&kept).expect("a text");
        assert!(
            text.starts_with("\"$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        let read: Kept = serde_json::from_str(&text).expect("as written");
        assert!(read.is_of(&secret("correct horse battery")));
        for other in [
            "",
            "correct horse batterx",
            "Correct horse battery",
            "correct horse battery ",
        ] {
            assert!(!read.is_of(&secret(other)), "{other:?}");
        }
        assert!(!read.is_outdated());
        assert!(!format!("{read:?}").contains("argon2"));
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        for text in ["", "elevenchars", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            let refused = Kept::new(&secret(text), [3; SALT_BYTES]);
            assert!(matches!(refused, Err(Error::Invalid { .. })));
        }
    }

    #[test]
    fn nobodys_password_is_nobodys() {
        assert!(!Kept::of_nobody(&secret("nobody's password")));
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_not_read() {
        let salt_and_hash = "AwMDAwMDAwMDAwMDAwMDAw$RdescudvJCsgt3ub+b4dWRWJTmaWtpU9Q1XF1kq0PMw";
        let of = |head: &str| Kept::parse(&format!("{head}${salt_and_hash}"));
        assert!(
            of("$argon2id$v=19$m=4096,t=3,p=1")
                .expect("modest")
                .is_outdated()
        );
        for head in [
            "$argon2id$v=19$m=4194304,t=2,p=1",
            "$argon2id$v=19$m=19456,t=100000,p=1",
            "$argon2d$v=19$m=19456,t=2,p=1",
            "$scrypt$ln=16,r=8,p=1",
        ] {
            assert!(of(head).is_none(), "{head}");
        }
        for text in ["", "$", "plain", "$argon2id$v=19$m=19456,t=2,p=1"] {
            assert!(Kept::parse(text).is_none(), "{text}");
        }
    }
}
