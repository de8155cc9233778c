//! Keys of the signed-note format: a name, a kind of signature, an Ed25519 key. Verifier keys are written as *vkeys*.

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::{Error, Hash, text};

/// Who signs: a log's origin or a witness's name. Not empty, without white space, `+` or control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// # Errors
    /// [`Error::Malformed`] for a name that a signature line or a vkey could not hold.
    pub fn new(name: &str) -> Result<Self, Error> {
        let breaks = |c: char| c.is_whitespace() || c == '+' || c < ' ';
        if name.is_empty() || name.contains(breaks) {
            return Err(Error::malformed(
                "a key's name",
                "it is empty, or has a space, a plus or a control character",
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a key's signatures say. The number is the signature type of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// `0x01`: Ed25519 over the note's text. A log signs its checkpoints so.
    Ed25519 = 1,
    /// `0x04`: C2SP `cosignature/v1`, a witness's statement of what it saw, and when.
    Cosignature = 4,
}

/// The first four bytes of a hash of name, kind and key: says which key a signature names, proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &KeyName, kind: KeyKind, key: &[u8; 32]) -> Self {
        let Hash([a, b, c, d, ..]) =
            Hash::of(&[name.as_str().as_bytes(), b"\n", &[kind as u8], key]);
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds since 1970, UTC, by a witness's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PosixSeconds(pub u64);

/// A public key that signatures are checked with. Displays as its vkey, `<name>+<id>+<base64(kind ‖ key)>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// # Errors
    /// [`Error::Malformed`] if `key` is not a point of the curve, or one under which anyone can sign.
    pub fn new(name: KeyName, kind: KeyKind, key: &[u8; 32]) -> Result<Self, Error> {
        let refuse = |why| Error::malformed("a verifier key", why);
        let id = KeyId::of(&name, kind, key);
        if !is_canonical(key) {
            return Err(refuse("it is a second spelling of an Ed25519 key"));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(key)
            .map_err(|_| refuse("it is not an Ed25519 key"))?;
        if key.is_weak() {
            return Err(refuse("it is of small order: anyone can sign under it"));
        }
        Ok(Self {
            name,
            kind,
            id,
            key,
        })
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// [`Error::Malformed`], also for signature types other than the two of [`KeyKind`] and for an id that is not the key's.
    pub fn parse(vkey: &str) -> Result<Self, Error> {
        let refuse = |why| Error::malformed("a vkey", why);
        let (name, rest) = vkey
            .split_once('+')
            .ok_or(refuse("it is not <name>+<id>+<key>"))?;
        let (id, key) = rest
            .split_once('+')
            .ok_or(refuse("it is not <name>+<id>+<key>"))?;
        let [kind, key @ ..]: [u8; 33] = text::from_base64_array(key)
            .ok_or(refuse("its key is not base64 of a type and 32 bytes"))?;
        let kind = match kind {
            1 => KeyKind::Ed25519,
            4 => KeyKind::Cosignature,
            _ => {
                return Err(refuse(
                    "its signature type is neither Ed25519 (1) nor cosignature/v1 (4)",
                ));
            }
        };
        let parsed = Self::new(KeyName::new(name)?, kind, &key)?;
        if parsed.id.to_string() != id {
            return Err(refuse("its id is not that of its name and key"));
        }
        Ok(parsed)
    }

    /// Whose key it is.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What its signatures say.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// How signature lines name it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The public key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks a signature over a note's text, by the strict rules (no other signature of the same meaning passes too); says
    /// when a witness signed.
    pub(crate) fn verify(
        &self,
        text: &str,
        signature: &[u8],
    ) -> Result<Option<PosixSeconds>, Error> {
        let refuse = |why| Error::refuted("a signature", why);
        let (time, signature) = match self.kind {
            KeyKind::Ed25519 => (None, signature),
            KeyKind::Cosignature => {
                let (time, rest) = signature
                    .split_first_chunk()
                    .ok_or(refuse("it has no timestamp"))?;
                (Some(PosixSeconds(u64::from_be_bytes(*time))), rest)
            }
        };
        if time.is_some_and(|time| time.0 > text::NUMBER_MAX) {
            return Err(refuse("its timestamp is above 2^63 - 1"));
        }
        let signature = ed25519_dalek::Signature::from_slice(signature)
            .map_err(|_| refuse("it is not 64 bytes long"))?;
        self.key
            .verify_strict(signed_message(text, time).as_bytes(), &signature)
            .map_err(|_| refuse("it was not made by its key over this text"))?;
        Ok(time)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{}+{}",
            self.name,
            self.id,
            kind_and_key(self.kind, self.key.as_bytes())
        )
    }
}

fn kind_and_key(kind: KeyKind, key: &[u8; 32]) -> String {
    text::to_base64(&[&[kind as u8], key.as_slice()].concat())
}

/// Whether the point's y is below the field's prime, 2^255 - 19: else the same point has two encodings, and two ids. (Of the
/// two points with x = 0, whose sign has two spellings, both are of small order.)
fn is_canonical(point: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = point;
    highest & 0x7f < 0x7f || middle.iter().any(|byte| *byte < 0xff) || *lowest < 0xed
}

/// What is signed: the text, and for a witness, before it, what it says about the text.
fn signed_message(text: &str, time: Option<PosixSeconds>) -> String {
    match time {
        None => text.to_owned(),
        Some(PosixSeconds(seconds)) => format!("cosignature/v1\ntime {seconds}\n{text}"),
    }
}

/// A private key. Its seed is never shown by `Debug` or `Display`, and is wiped when it is dropped.
pub struct SigningKey {
    verifier: VerifierKey,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key of a 32-byte random seed.
    pub fn from_seed(name: KeyName, kind: KeyKind, seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let id = KeyId::of(&name, kind, public.as_bytes());
        Self {
            verifier: VerifierKey {
                name,
                kind,
                id,
                key: public,
            },
            key,
        }
    }

    /// Reads the secret form that [`SigningKey::to_secret_text`] writes.
    ///
    /// # Errors
    /// [`Error::Malformed`]; no error repeats any of the text.
    pub fn parse(secret: &str) -> Result<Self, Error> {
        let refuse = |why| Error::malformed("a signing key", why);
        let mut parts = secret
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(refuse("it does not begin with PRIVATE+KEY+"))?
            .split('+');
        let mut part = || {
            parts
                .next()
                .ok_or(refuse("it is not PRIVATE+KEY+<name>+<id>+<key>"))
        };
        let (name, id) = (KeyName::new(part()?)?, part()?);
        let key = parts.collect::<Vec<_>>().join("+");
        let [kind, seed @ ..]: [u8; 33] = text::from_base64_array(&key)
            .ok_or(refuse("its key is not base64 of a type and 32 bytes"))?;
        let kind = match kind {
            1 => KeyKind::Ed25519,
            4 => KeyKind::Cosignature,
            _ => {
                return Err(refuse(
                    "its signature type is neither Ed25519 (1) nor cosignature/v1 (4)",
                ));
            }
        };
        let parsed = Self::from_seed(name, kind, &seed);
        if parsed.verifier.id.to_string() != id {
            return Err(refuse("its id is not that of its name and key"));
        }
        Ok(parsed)
    }

    /// The form Go's `note` package keeps keys in. Secret: for a file that only its owner can read.
    pub fn to_secret_text(&self) -> String {
        let VerifierKey { name, id, kind, .. } = &self.verifier;
        format!(
            "PRIVATE+KEY+{name}+{id}+{}",
            kind_and_key(*kind, self.key.as_bytes())
        )
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signature bytes over a note's text. A cosignature states `now`; a plain signature has no time and ignores it.
    pub(crate) fn sign(&self, text: &str, now: PosixSeconds) -> Vec<u8> {
        match self.verifier.kind {
            KeyKind::Ed25519 => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            KeyKind::Cosignature => {
                let signature = self.key.sign(signed_message(text, Some(now)).as_bytes());
                [now.0.to_be_bytes().as_slice(), &signature.to_bytes()].concat()
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}
