//! The ticket that a browser sets out with: what binds the way back to it.
//!
//! The cookie holds a random seed, an end and where to go afterwards, signed. State, nonce and the PKCE verifier are
//! made of the seed with this server's key, so that nothing of them is in the cookie and nothing is kept here for
//! strangers who only set out.

use crate::access::{Access, Error, Secret};
use crate::cursor::{base64url, from_base64url};
use entry::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The cookie's name.
pub const COOKIE: &str = "mar_oidc";
/// From setting out to coming back, in seconds: a password, a second factor, and a telephone call.
pub const LIFE_SECONDS: i64 = 10 * 60;
/// The longest way onward that a cookie has room for, in bytes.
const NEXT_BYTES_MAX: usize = 2 * 1024;
const SEED_BYTES: usize = 24;

/// What a browser sets out with.
#[derive(Clone, Debug)]
pub struct Ticket {
    seed: String,
    expires_at: Timestamp,
    /// A path of ours.
    pub next: String,
}

/// What belongs to a ticket and is not in it.
pub struct Secrets {
    pub state: String,
    pub nonce: String,
    pub verifier: Secret,
}

impl Secrets {
    /// What the provider is shown of the verifier: RFC 7636, S256.
    pub fn challenge(&self) -> String {
        base64url(&Sha256::digest(self.verifier.expose()))
    }
}

/// Where a browser goes once it is in: only to a path of this server, never elsewhere.
pub fn own_path(next: Option<&str>) -> &str {
    let fits = |path: &&str| {
        path.len() <= NEXT_BYTES_MAX
            && path.starts_with('/')
            && !path.starts_with("//")
            && !path.starts_with("/sign-in")
            && !path.contains(|c: char| c == '\\' || !c.is_ascii_graphic())
    };
    next.filter(fits).unwrap_or("/")
}

impl Ticket {
    pub fn new(next: Option<&str>, now: Timestamp) -> Result<Self, Error> {
        let mut seed = [0; SEED_BYTES];
        crate::access::system_random()(&mut seed)?;
        let expires_at = now.as_micros().saturating_add(LIFE_SECONDS * 1_000_000);
        Ok(Self {
            seed: base64url(&seed),
            expires_at: Timestamp::from_micros(expires_at).unwrap_or(Timestamp::MAX),
            next: own_path(next).to_owned(),
        })
    }

    /// As the cookie holds it.
    pub fn write(&self, access: &Access) -> String {
        let (next, expires) = (base64url(self.next.as_bytes()), self.expires());
        let signature = access.sign("oidc/ticket", &[&self.seed, &expires, &next]);
        format!("{}.{expires}.{next}.{signature}", self.seed)
    }

    /// `None` unless this server gave it out, lately.
    pub fn read(text: &str, access: &Access, now: Timestamp) -> Option<Self> {
        let mut parts = text.split('.');
        let (seed, expires, next) = (parts.next()?, parts.next()?, parts.next()?);
        let signature = parts.next().filter(|_| parts.clone().next().is_none())?;
        if !access.is_signed("oidc/ticket", &[seed, expires, next], signature) {
            return None;
        }
        let ticket = Self {
            seed: seed.to_owned(),
            expires_at: Timestamp::from_micros(expires.parse().ok()?)?,
            next: String::from_utf8(from_base64url(next)?).ok()?,
        };
        (now < ticket.expires_at).then_some(ticket)
    }

    pub fn secrets(&self, access: &Access) -> Secrets {
        let of = |purpose: &str| access.sign(purpose, &[&self.seed, &self.expires()]);
        // Two of 33 characters: a verifier has 43 at least.
        let verifier = of("oidc/verifier/1") + &of("oidc/verifier/2");
        Secrets {
            state: of("oidc/state"),
            nonce: of("oidc/nonce"),
            verifier: Secret::new(verifier),
        }
    }

    /// True if that is the state it set out with. Compared in constant time.
    pub fn is_of(&self, state: &str, access: &Access) -> bool {
        access.is_signed("oidc/state", &[&self.seed, &self.expires()], state)
    }

    fn expires(&self) -> String {
        self.expires_at.as_micros().to_string()
    }
}

/// Tickets remembered as used: their seeds, for ten minutes.
const USED_MAX: usize = 4 * 1024;

/// Tickets that were used and are not over yet. Where more are used than are remembered, what would be over first is
/// forgotten: its code was taken back by the provider long before.
#[derive(Default)]
pub struct Used(HashMap<String, i64>);

impl Used {
    /// True the first time.
    pub fn first(&mut self, ticket: &Ticket, now: Timestamp) -> bool {
        if self.0.contains_key(&ticket.seed) {
            return false;
        }
        if self.0.len() >= USED_MAX {
            self.0.retain(|_, until| *until > now.as_micros());
        }
        if self.0.len() >= USED_MAX {
            let soonest = self.0.iter().min_by_key(|(_, until)| **until);
            if let Some(seed) = soonest.map(|(seed, _)| seed.clone()) {
                self.0.remove(&seed);
            }
        }
        let until = ticket.expires_at.as_micros();
        self.0.insert(ticket.seed.clone(), until).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Expect, Places, system_random};
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).expect("a time")
    }

    fn access(dir: &tempfile::TempDir) -> Access {
        let places = Places {
            file: dir.path().join("access.redb"),
            mark: dir.path().join("mark"),
        };
        Access::open(&places, Expect::Known, system_random()).expect("a new file")
    }

    #[test]
    fn a_ticket_is_read_as_it_was_written_for_ten_minutes_by_its_own_server() {
        let (dir, other) = (tempfile::tempdir(), tempfile::tempdir());
        let access = access(&dir.expect("a directory"));
        let other = self::access(&other.expect("a directory"));
        let ticket = Ticket::new(Some("/?actor=ana"), at(0)).expect("random bytes");
        let text = ticket.write(&access);
        let read = Ticket::read(&text, &access, at(599)).expect("as written");
        assert_eq!(read.next, "/?actor=ana");
        let (one, two) = (ticket.secrets(&access), read.secrets(&access));
        assert_eq!((&one.state, &one.nonce), (&two.state, &two.nonce));
        assert!(ticket.is_of(&one.state, &access) && !ticket.is_of(&one.nonce, &access));
        assert!(Ticket::read(&text, &access, at(600)).is_none(), "over");
        assert!(Ticket::read(&text, &other, at(0)).is_none(), "another's");
        for n in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[n] = if forged[n] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert!(Ticket::read(&forged, &access, at(0)).is_none(), "{forged}");
        }
        for secret in [&one.state, &one.nonce, one.verifier.expose()] {
            assert!(!text.contains(secret), "in the cookie");
        }
        assert!((43..=128).contains(&one.verifier.expose().len()));
        let next = Ticket::new(None, at(0)).expect("random bytes");
        assert_ne!(next.secrets(&access).state, one.state);
    }

    #[test]
    fn a_ticket_is_used_once_and_used_ones_take_no_more_than_their_room() {
        let mut used = Used::default();
        let ticket = Ticket::new(None, at(0)).expect("random bytes");
        assert!(used.first(&ticket, at(1)) && !used.first(&ticket, at(2)));
        for _ in 0..USED_MAX + 10 {
            let later = Ticket::new(None, at(100)).expect("random bytes");
            assert!(used.first(&later, at(100)));
        }
        assert!(used.0.len() <= USED_MAX);
        let after = Ticket::new(None, at(10_000)).expect("random bytes");
        assert!(used.first(&after, at(10_000)));
        assert_eq!(used.0.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn one_goes_on_to_this_server_only() {
        for ours in ["/", "/?actor=ana", "/entries/0199", "/integrity#x"] {
            assert_eq!(own_path(Some(ours)), ours);
        }
        let long = format!("/{}", "x".repeat(NEXT_BYTES_MAX));
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nset-cookie: x",
            "javascript:alert(1)",
            "",
            " /",
            "/é",
            "/sign-in?next=/",
            &long,
        ] {
            assert_eq!(own_path(Some(elsewhere)), "/", "{elsewhere:?}");
        }
        assert_eq!(own_path(None), "/");
    }

    #[test]
    fn no_text_is_a_ticket() {
        let dir = tempfile::tempdir().expect("a directory");
        let access = access(&dir);
        proptest!(|(text in "[A-Za-z0-9_.-]{0,200}")| {
            prop_assert!(Ticket::read(&text, &access, at(0)).is_none());
        });
    }
}
