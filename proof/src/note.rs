//! Signed notes (C2SP signed-note): a text, an empty line, and signatures, one a line.

use std::fmt;

use crate::{
    Error,
    key::{KeyId, KeyName, PosixSeconds, SigningKey, VerifierKey},
    text,
};

/// What is longer is not read: a checkpoint has some hundred bytes, and Go's reader stops here too.
pub const BYTES_MAX: usize = 1_000_000;

/// The format asks for at least 16; Go's reader stops at 100.
pub const SIGNATURES_MAX: usize = 100;

/// A text and who claims to have signed it. Nothing in it is to be believed before [`Note::verified_by`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

/// A key that was found to have signed a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// When it signed, if it is a witness's: the latest, if it signed more than once.
    pub time: Option<PosixSeconds>,
}

fn malformed(why: &'static str) -> Error {
    Error::malformed("a signed note", why)
}

impl Note {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it does not end in a newline or has other control characters.
    pub fn new(text: String) -> Result<Self, Error> {
        if !text.ends_with('\n') {
            return Err(malformed("its text does not end in a newline"));
        }
        if text.contains(|c: char| c < ' ' && c != '\n') {
            return Err(malformed("it has a control character"));
        }
        Ok(Self {
            text,
            signatures: Vec::new(),
        })
    }

    /// Reads a note with at least one signature.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(malformed("it is longer than a million bytes"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (text, signatures) = whole
            .rsplit_once("\n\n")
            .ok_or(malformed("no empty line parts text and signatures"))?;
        let mut note = Self::new(format!("{text}\n"))?;
        let signatures = signatures
            .strip_suffix('\n')
            .ok_or(malformed("its last line does not end"))?;
        for line in signatures.split('\n') {
            note.push(Signature::parse(line)?)?;
        }
        Ok(note)
    }

    /// What was signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature by `key`; a witness's states `now`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the note has as many as it may.
    pub fn sign(&mut self, key: &SigningKey, now: PosixSeconds) -> Result<(), Error> {
        let (name, id) = (key.verifier().name().clone(), key.verifier().id());
        self.push(Signature {
            name,
            id,
            bytes: key.sign(&self.text, now),
        })
    }

    /// Adds a signature that somebody else made, such as a witness's.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the note has as many as it may.
    pub fn push(&mut self, signature: Signature) -> Result<(), Error> {
        if self.signatures.len() == SIGNATURES_MAX {
            return Err(malformed("it has more than 100 signatures"));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Which of `keys` have signed. Signatures by other keys are passed over, as the format demands.
    ///
    /// # Errors
    /// [`Error::Refuted`] if a signature that names one of `keys` is not by it: then the whole note is in doubt.
    pub fn verified_by<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<Signer<'k>>, Error> {
        let mut signers = Vec::new();
        for key in keys {
            let named = self
                .signatures
                .iter()
                .filter(|line| line.name == *key.name() && line.id == key.id());
            let times = named
                .map(|line| key.verify(&self.text, &line.bytes))
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(time) = times.into_iter().max() {
                signers.push(Signer { key, time });
            }
        }
        Ok(signers)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    /// Reads a signature line, without its newline.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken.
    pub fn parse(line: &str) -> Result<Self, Error> {
        let (name, signature) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(malformed("a signature line is not — <name> <signature>"))?;
        let bytes =
            text::from_base64(signature).ok_or(malformed("a signature is not padded base64"))?;
        let (id, bytes) = bytes
            .split_first_chunk()
            .ok_or(malformed("a signature has no key id"))?;
        if bytes.is_empty() {
            return Err(malformed("a signature is only a key id"));
        }
        Ok(Self {
            name: KeyName::new(name)?,
            id: KeyId(*id),
            bytes: bytes.to_vec(),
        })
    }

    /// Who claims to have made it.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key it claims to be made with.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.0.as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, text::to_base64(&bytes))
    }
}
