//! The certificate that connections are encrypted with: read, checked, and read again when its files change.
//!
//! - [`validity`]: how long a certificate is good
//! - [`handshake`]: from a connection to an encrypted one
//! - [`renewal`]: looks at the files, and tells of what it finds
//!
//! A pair of files that cannot be used never takes the place of one that can.

pub mod handshake;
pub mod renewal;
mod validity;

use entry::Timestamp;
use parking_lot::{Mutex, RwLock};
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// The longest file of a certificate or key that is read: chains are a few kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM: the server's own certificate first, then its chain.
    pub certificate: PathBuf,
    /// PEM: PKCS#8, SEC1 or PKCS#1, not encrypted.
    pub key: PathBuf,
}

/// Why a pair of files cannot be used. Nothing of what is in them is repeated.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{path}: {source}")]
    Unread { path: PathBuf, source: io::Error },
    #[error("{0} is longer than a certificate or key ever is")]
    TooLong(PathBuf),
    #[error("{0} holds no certificate (PEM, BEGIN CERTIFICATE)")]
    NoCertificate(PathBuf),
    #[error("{0} holds no private key (PEM: PKCS#8, SEC1 or PKCS#1, not encrypted)")]
    NoKey(PathBuf),
    #[error("{certificate} is not of the key in {key}")]
    Mismatched { certificate: PathBuf, key: PathBuf },
    #[error("{path} cannot be served with: {what}")]
    Unfit { path: PathBuf, what: String },
    #[error("{path} has expired, at {at}")]
    Expired { path: PathBuf, at: Timestamp },
}

/// HTTP/2, as it is named in a handshake.
pub const MULTIPLEXED: &[u8] = b"h2";

/// What connections are encrypted with.
pub struct Tls {
    files: Files,
    /// What new connections get; those that are open keep what they have.
    current: RwLock<Pair>,
    /// Guards what was seen of the files.
    seen: Mutex<Seen>,
    /// Guards who is told when the process is; nobody where it is not listened to.
    hangup: Mutex<Option<Signal>>,
}

/// A certificate with its key, ready to be served with.
#[derive(Clone)]
struct Pair {
    config: Arc<ServerConfig>,
    chain: Arc<[CertificateDer<'static>]>,
    expires_at: Timestamp,
}

/// What tells two states of the files apart without reading them. A file that is not there is a state, too.
type State = [Option<(u64, u64, u64, i64, i64)>; 2];

struct Seen {
    /// What was read last, whatever came of it.
    tried: State,
    /// At the last look.
    last: State,
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Found {
    Nothing,
    /// Read again because somebody asked, and the same as before.
    Same,
    /// New connections get another certificate. What tells them apart is as [`Tls::fingerprint`].
    Renewed {
        before: String,
        after: String,
    },
    /// The one before stays.
    Refused(Unusable),
}

impl Tls {
    /// Reads the files. A certificate that has expired is served all the same: there is no other, and programs that do
    /// not look go on recording.
    pub fn open(files: Files) -> Result<Arc<Self>, Unusable> {
        let state = state(&files);
        let pair = Pair::read(&files)?;
        warn_of_readers(&files.key);
        Ok(Arc::new(Self {
            current: RwLock::new(pair),
            seen: Mutex::new(Seen {
                tried: state,
                last: state,
            }),
            hangup: Mutex::new(None),
            files,
        }))
    }

    /// Reads the files again whenever the process is sent `SIGHUP`, from this call on. It would end by that before.
    pub fn heed_hangup(&self) -> io::Result<()> {
        *self.hangup.lock() = Some(signal(SignalKind::hangup())?);
        Ok(())
    }

    /// Reads the files again if they changed and then stood still from one look to the next, since one of the two is
    /// written first; at once, if somebody asked.
    pub fn look(&self, now: Timestamp, is_asked: bool) -> Found {
        let mut seen = self.seen.lock();
        let state = state(&self.files);
        let stands_still = seen.last == state;
        seen.last = state;
        if !is_asked && (seen.tried == state || !stands_still) {
            return Found::Nothing;
        }
        seen.tried = state;
        let pair = match Pair::read(&self.files) {
            Ok(pair) if pair.expires_at <= now => {
                return Found::Refused(Unusable::Expired {
                    path: self.files.certificate.clone(),
                    at: pair.expires_at,
                });
            }
            Ok(pair) => pair,
            Err(unusable) => return Found::Refused(unusable),
        };
        warn_of_readers(&self.files.key);
        let before = std::mem::replace(&mut *self.current.write(), pair.clone());
        match before.chain == pair.chain {
            true if is_asked => Found::Same,
            true => Found::Nothing,
            false => Found::Renewed {
                before: fingerprint(&before.chain),
                after: fingerprint(&pair.chain),
            },
        }
    }

    /// When the certificate that is served expires.
    pub fn expires_at(&self) -> Timestamp {
        self.current.read().expires_at
    }

    /// SHA-256 of the certificate that is served, in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.current.read().chain)
    }

    /// Whether the certificate that is served is one for this name or address.
    pub fn is_for(&self, name: &str) -> bool {
        let current = self.current.read();
        let own = ParsedCertificate::try_from(&current.chain[0]);
        match (own, ServerName::try_from(name)) {
            (Ok(own), Ok(name)) => verify_server_name(&own, &name).is_ok(),
            _ => false,
        }
    }

    /// With what senders are met that speak no HTTP: the same certificate, renewed with it. Where authorities are given, a sender shows
    /// a certificate of one of them.
    pub fn for_senders(
        self: &Arc<Self>,
        authorities: Option<&Path>,
    ) -> Result<Arc<ServerConfig>, Unusable> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has both");
        let builder = match authorities {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(authorities_in(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = verifier.build().map_err(|error| Unusable::Unfit {
                    path: path.to_owned(),
                    what: error.to_string(),
                })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        Ok(Arc::new(
            builder.with_cert_resolver(Arc::new(Current(Arc::clone(self)))),
        ))
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().config))
    }
}

/// Whatever certificate is served now.
#[derive(Debug)]
struct Current(Arc<Tls>);

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let config = Arc::clone(&self.0.current.read().config);
        config.cert_resolver.resolve(hello)
    }
}

fn authorities_in(path: &Path) -> Result<RootCertStore, Unusable> {
    let unfit = |what: String| Unusable::Unfit {
        path: path.to_owned(),
        what,
    };
    let pem = bytes(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| Unusable::NoCertificate(path.to_owned()))?;
        roots
            .add(certificate)
            .map_err(|error| unfit(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(Unusable::NoCertificate(path.to_owned())),
        false => Ok(roots),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Pair {
    fn read(files: &Files) -> Result<Self, Unusable> {
        let Files { certificate, key } = files;
        let pem = bytes(certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| Unusable::NoCertificate(certificate.clone()))?;
        let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
            .map_err(|_| Unusable::NoKey(key.clone()))?;
        // Of the server's own: chains hold expired ones for old clients, and are good all the same.
        let expires_at = validity::not_after(&chain[0]).ok_or_else(|| Unusable::Unfit {
            path: certificate.clone(),
            what: "it does not say how long it is good".to_owned(),
        })?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has both")
            .with_no_client_auth();
        let config = builder.with_single_cert(chain.clone(), private);
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Unusable::Mismatched {
                    certificate: certificate.clone(),
                    key: key.clone(),
                }
            }
            // What rustls says of a key is its kind, never its content.
            error => Unusable::Unfit {
                path: certificate.clone(),
                what: error.to_string(),
            },
        })?;
        // In this order: who speaks both (browsers do) is answered in the first.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), MULTIPLEXED.to_vec()];
        Ok(Self {
            config: Arc::new(config),
            chain: chain.into(),
            expires_at,
        })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unusable> {
    let unread = |source| Unusable::Unread {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unread)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    match read.map_err(unread)? as u64 {
        ..=FILE_BYTES_MAX => Ok(bytes),
        _ => Err(Unusable::TooLong(path.to_owned())),
    }
}

fn state(files: &Files) -> State {
    [&files.certificate, &files.key].map(|path| {
        // Through links: an orchestrator exchanges the directory that they point to.
        let file = fs::metadata(path).ok()?;
        let (device, inode, length) = (file.dev(), file.ino(), file.len());
        Some((device, inode, length, file.mtime(), file.mtime_nsec()))
    })
}

fn warn_of_readers(key: &Path) {
    let mode = fs::metadata(key).map(|file| file.mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        let path = key.display();
        tracing::warn!(%path, "everybody on this machine may read the key of the certificate; chmod o= closes it");
    }
}

fn fingerprint(chain: &[CertificateDer<'static>]) -> String {
    let own = chain.first().expect("a chain has its first");
    let digest = Sha256::digest(own.as_ref());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
