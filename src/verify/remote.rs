//! A log that a server gives out, at `http(s)://…/v1/logs/<organization>` or wherever C2SP tlog-tiles are served.

use super::Error;
use super::log::Evidence;
use crate::client::{self, Authorities, Client};
use proof::leaf::Leaf;
use proof::note;
use std::fmt::Display;
use url::Url;

/// Bytes of a leaf in a bundle: its length comes first.
const LEAF_BYTES: usize = 2 + Leaf::BYTES;

/// Reads the evidence under an address.
pub struct Remote {
    client: Client,
}

impl Remote {
    pub fn new(
        address: &str,
        token: Option<String>,
        authorities: &Authorities,
    ) -> Result<Self, Error> {
        let strange = || Error::Trust(client::Error::Address(address.to_owned()).to_string());
        let url = Url::parse(address).map_err(|_| strange())?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(strange());
        }
        let client = Client::for_evidence(address, token, authorities).map_err(|_| strange())?;
        Ok(Self { client })
    }

    /// Calls `read` with what reads from there.
    pub fn with<T>(&self, read: impl FnOnce(&mut Evidence<'_>) -> T) -> T {
        let get = |path: &dyn Display, bytes_max| -> Result<Vec<u8>, Error> {
            let answer = self.client.get(&format!("/{path}"), &[], &[]);
            let bytes = answer.and_then(|answer| self.client.bytes(answer, bytes_max));
            bytes.map_err(|source| Error::Call {
                path: path.to_string(),
                source: Box::new(source),
            })
        };
        read(&mut Evidence {
            checkpoint: &mut || get(&"checkpoint", note::BYTES_MAX),
            tile: &mut |tile| get(&tile, tile.length_bytes()),
            leaves: &mut |bundle| get(&bundle, usize::from(bundle.width()) * LEAF_BYTES),
        })
    }
}

/// Whether two addresses are of one server.
pub fn same_server(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin() && one.origin().is_tuple(),
        _ => false,
    }
}
