//! Whose signatures are enough (C2SP tlog-policy): known logs, known witnesses, and a quorum of the witnesses.
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <name>…
//! quorum <name>|none
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Error,
    checkpoint::SignedCheckpoint,
    key::{KeyKind, VerifierKey},
    note::Signer,
    text::from_decimal,
};

/// Which checkpoints a verifier accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    groups: Vec<Group>,
    /// `None`: no witness is asked for.
    quorum: Option<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// At least `threshold` of the members; a group's members are defined before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// Who vouched for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<'p> {
    /// The log's key that signed it; its name is the origin.
    pub log: &'p VerifierKey,
    /// The known witnesses that signed it, whether the quorum needed them or not.
    pub witnesses: Vec<Signer<'p>>,
}

impl Policy {
    /// Accepts what this one log has signed, without witnesses.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the key is not of the kind that signs checkpoints.
    pub fn of_log(key: VerifierKey) -> Result<Self, Error> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(Error::malformed("a log's key", "it is a witness's"));
        }
        Ok(Self {
            logs: vec![key],
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
        })
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken. Keys of other kinds than this crate can check are refused, not
    /// passed over: a policy means what it says or nothing.
    pub fn parse(file: &[u8]) -> Result<Self, Error> {
        let refuse = |why| Error::malformed("a policy", why);
        if file
            .iter()
            .any(|byte| matches!(byte, 0..=8 | 11..=31 | 127))
        {
            return Err(refuse("it has a control character"));
        }
        // A file cut in its last line could name another, weaker quorum.
        let lines = file
            .strip_suffix(b"\n")
            .ok_or(refuse("its last line does not end"))?;
        let mut reader = Reader::default();
        for line in lines.split(|byte| *byte == b'\n') {
            let words: Vec<&[u8]> = line
                .split(|byte| matches!(byte, b' ' | b'\t'))
                .filter(|w| !w.is_empty())
                .collect();
            match words.split_first() {
                None => {}
                Some((keyword, _)) if keyword.starts_with(b"#") => {}
                Some((keyword, words)) => reader.line(keyword, words).map_err(refuse)?,
            }
        }
        let quorum = reader.quorum.ok_or(refuse("it has no quorum line"))?;
        Ok(Self {
            logs: reader.logs,
            witnesses: reader.witnesses,
            groups: reader.groups,
            quorum,
        })
    }

    /// The logs it accepts.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses it knows.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// Accepts a checkpoint that is signed by one of the logs, under the origin that is the key's name, and by a quorum of
    /// the witnesses.
    ///
    /// # Errors
    /// [`Error::Refuted`] if a known key's signature is false; [`Error::PolicyUnmet`] if signatures are missing.
    pub fn accept(&self, signed: &SignedCheckpoint) -> Result<Accepted<'_>, Error> {
        let origin = signed.checkpoint().origin();
        let unmet = |why: &str| Error::PolicyUnmet {
            why: why.to_owned(),
        };
        // Every known key first: one false signature puts the whole note in doubt, whoever else signed it.
        let logs = signed.note().verified_by(&self.logs)?;
        let witnesses = signed.note().verified_by(&self.witnesses)?;
        let of_origin = |signer: &&Signer<'_>| signer.key.name().as_str() == origin;
        let Some(Signer { key: log, .. }) = logs.iter().find(of_origin) else {
            return Err(unmet(&format!(
                "no known key of the log {origin:?} has signed the checkpoint"
            )));
        };
        if !self.is_quorum(&witnesses) {
            return Err(unmet(&format!(
                "{} of the known witnesses signed: not a quorum",
                witnesses.len()
            )));
        }
        Ok(Accepted { log, witnesses })
    }

    fn is_quorum(&self, signers: &[Signer<'_>]) -> bool {
        let signed: Vec<bool> = self
            .witnesses
            .iter()
            .map(|key| signers.iter().any(|signer| signer.key == key))
            .collect();
        let holds = |groups: &[bool], member: &Member| match member {
            Member::Witness(at) => signed.get(*at) == Some(&true),
            Member::Group(at) => groups.get(*at) == Some(&true),
        };
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let holding = group
                .members
                .iter()
                .filter(|member| holds(&groups, member))
                .count();
            groups.push(holding >= group.threshold);
        }
        self.quorum.is_none_or(|member| holds(&groups, &member))
    }
}

#[derive(Default)]
struct Reader<'a> {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    groups: Vec<Group>,
    names: BTreeMap<&'a [u8], Member>,
    grouped: BTreeSet<&'a [u8]>,
    quorum: Option<Option<Member>>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, keyword: &[u8], words: &[&'a [u8]]) -> Result<(), &'static str> {
        match (keyword, words) {
            (b"log", [vkey] | [vkey, _]) => add_key(&mut self.logs, vkey, KeyKind::Ed25519),
            (b"witness", [name, vkey] | [name, vkey, _]) => {
                self.define(name, Member::Witness(self.witnesses.len()))?;
                add_key(&mut self.witnesses, vkey, KeyKind::Cosignature)
            }
            (b"group", [name, threshold, members @ ..]) => self.group(name, threshold, members),
            (b"quorum", [name]) => {
                let quorum = if *name == b"none" {
                    None
                } else {
                    Some(self.defined(name)?)
                };
                match self.quorum.replace(quorum) {
                    None => Ok(()),
                    Some(_) => Err("it has two quorum lines"),
                }
            }
            (b"log" | b"witness" | b"group" | b"quorum", _) => {
                Err("a line has too few or too many words")
            }
            _ => Err("a line begins with none of log, witness, group, quorum"),
        }
    }

    fn group(
        &mut self,
        name: &'a [u8],
        threshold: &[u8],
        members: &[&'a [u8]],
    ) -> Result<(), &'static str> {
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            _ => std::str::from_utf8(threshold)
                .ok()
                .and_then(from_decimal)
                .and_then(|number| usize::try_from(number).ok())
                .ok_or("a group's threshold is not all, any or a decimal")?,
        };
        if threshold == 0 || threshold > members.len() {
            return Err("a group's threshold is not between 1 and its number of members");
        }
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            found.push(self.defined(member)?);
            if !self.grouped.insert(member) {
                return Err("a name is a member twice");
            }
        }
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group {
            threshold,
            members: found,
        });
        Ok(())
    }

    fn define(&mut self, name: &'a [u8], member: Member) -> Result<(), &'static str> {
        if name == b"none" {
            return Err("the name none is taken");
        }
        match self.names.insert(name, member) {
            None => Ok(()),
            Some(_) => Err("a name is defined twice"),
        }
    }

    fn defined(&self, name: &[u8]) -> Result<Member, &'static str> {
        self.names
            .get(name)
            .copied()
            .ok_or("a name is used before it is defined")
    }
}

fn add_key(keys: &mut Vec<VerifierKey>, vkey: &[u8], kind: KeyKind) -> Result<(), &'static str> {
    let key = std::str::from_utf8(vkey)
        .ok()
        .and_then(|vkey| VerifierKey::parse(vkey).ok())
        .ok_or("a vkey is malformed")?;
    if key.kind() != kind {
        return Err(
            "a vkey is of the wrong type: logs have Ed25519 (1), witnesses cosignature/v1 (4)",
        );
    }
    if keys.iter().any(|known| known.as_bytes() == key.as_bytes()) {
        return Err("a public key is listed twice");
    }
    keys.push(key);
    Ok(())
}
