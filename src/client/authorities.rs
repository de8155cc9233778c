//! Who is believed when a server shows a certificate, and why one was not.

use super::Error;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The longest file of authorities that is read: all public ones together have a quarter of that.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Who vouches for servers.
#[derive(Clone, Debug, Default)]
pub enum Authorities {
    /// Those that browsers trust.
    #[default]
    Public,
    /// These, and no others.
    Own(Arc<Vec<Certificate<'static>>>),
}

impl Authorities {
    /// Those of a PEM file, or the public ones where none is named.
    pub fn read(file: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = file else {
            return Ok(Self::Public);
        };
        let wrong = |what: String| Error::Authorities {
            path: path.to_owned(),
            what,
        };
        let mut pem = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut pem))
            .map_err(|error| wrong(error.to_string()))?;
        if read as u64 == FILE_BYTES_MAX {
            return Err(wrong("is longer than all authorities together".to_owned()));
        }
        let all: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&pem).collect();
        let all = all.ok().filter(|all| !all.is_empty());
        let all = all.ok_or_else(|| wrong("holds no certificate (PEM)".to_owned()))?;
        let mut known = RootCertStore::empty();
        for one in &all {
            let added = known.add(one.clone());
            added.map_err(|error| wrong(error.to_string()))?;
        }
        let all = all
            .iter()
            .map(|one| Certificate::from_der(one.as_ref()).to_owned());
        Ok(Self::Own(Arc::new(all.collect())))
    }

    pub(super) fn tls(&self) -> TlsConfig {
        let roots = match self {
            Self::Public => RootCerts::WebPki,
            Self::Own(certificates) => RootCerts::Specific(Arc::clone(certificates)),
        };
        TlsConfig::builder().root_certs(roots).build()
    }
}

/// Why a server that was reached is not spoken to, in words for a person; `None`: something else went wrong.
pub(super) fn distrust(error: &ureq::Error) -> Option<String> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    let why = match error {
        rustls::Error::InvalidCertificate(error) => return Some(fault(error)),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
        error => error.to_string(),
    };
    Some(why)
}

fn fault(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "nobody whom we trust vouches for its certificate; --ca-file FILE names an authority of your own"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not good yet".to_owned()
        }
        CertificateError::BadSignature => {
            "its certificate is not signed by whom it names; the authority of that name in --ca-file has another key"
                .to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("its certificate is for another name: {}", presented.join(", "))
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is one of an authority (CA:TRUE), not one of a server".to_owned()
        }
        error => format!("its certificate is no good: {error}"),
    }
}
