//! Certificates as an authority of a test issues them, and a client that knows it.

use mar_audit::server::Tls;
use mar_audit::server::tls::Files;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// The name that certificates are for, besides this machine's address.
pub const NAME: &str = "log.example";

pub type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// An authority, one that it vouches for, and a place for the files of a server.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    between: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate of a server, with its chain, and its key.
pub struct Issued {
    pub der: CertificateDer<'static>,
    pub chain: String,
    pub key: String,
}

/// Two authorities of one name would be taken for one whose signature is broken.
static ISSUERS: AtomicU32 = AtomicU32::new(0);

fn issuing(name: &str) -> CertificateParams {
    let number = ISSUERS.fetch_add(1, Ordering::Relaxed);
    let mut params = CertificateParams::new([]).expect("no names");
    let name = format!("{name} {number}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// What a certificate of our names says.
pub fn ours() -> CertificateParams {
    let names = [NAME.to_owned(), "127.0.0.1".to_owned()];
    CertificateParams::new(names).expect("names")
}

impl Authority {
    pub fn new() -> Self {
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(issuing("root"), key()).expect("signed");
        let between = CertifiedIssuer::signed_by(issuing("between"), key(), &root);
        let dir = tempfile::tempdir().expect("a directory");
        let place = Self {
            between: between.expect("signed"),
            root,
            dir,
        };
        std::fs::write(place.file("root.pem"), place.root.pem()).expect("written");
        place
    }

    /// The file that whoever trusts this authority has.
    pub fn trusted(&self) -> PathBuf {
        self.file("root.pem")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn files(&self) -> Files {
        Files {
            certificate: self.file("server.pem"),
            key: self.file("server.key"),
        }
    }

    pub fn issue(&self, params: &CertificateParams) -> Issued {
        self.issue_for(params, &KeyPair::generate().expect("a key"))
    }

    pub fn issue_for(&self, params: &CertificateParams, key: &KeyPair) -> Issued {
        let own = params.signed_by(key, &self.between).expect("signed");
        Issued {
            der: own.der().clone(),
            chain: own.pem() + &self.between.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts files where the server reads them, each at once, as renewing programs do.
    pub fn put(&self, chain: &str, key: &str) -> Files {
        let files = self.files();
        for (path, text) in [(&files.certificate, chain), (&files.key, key)] {
            let unfinished = path.with_extension("tmp");
            std::fs::write(&unfinished, text).expect("written");
            std::fs::rename(&unfinished, path).expect("renamed");
        }
        files
    }

    pub fn put_issued(&self, issued: &Issued) -> Files {
        self.put(&issued.chain, &issued.key)
    }

    /// With what a server of a new certificate encrypts, and that certificate.
    pub fn serve(&self) -> (Arc<Tls>, Issued) {
        let issued = self.issue(&ours());
        let tls = Tls::open(self.put_issued(&issued)).expect("good files");
        (tls, issued)
    }

    /// A client that trusts this authority alone.
    pub fn client(&self) -> ClientConfig {
        self.client_of(ALL_VERSIONS)
    }

    pub fn client_of(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("an authority");
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

/// Shakes hands with a server.
pub fn shake(address: SocketAddr, client: &ClientConfig) -> io::Result<Encrypted> {
    let name = NAME.try_into().expect("a name");
    let client = ClientConnection::new(Arc::new(client.clone()), name);
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(client.expect("a client"), stream);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// The certificate that the server showed.
pub fn shown(stream: &Encrypted) -> CertificateDer<'static> {
    let chain = stream.conn.peer_certificates().expect("a chain");
    chain[0].clone().into_owned()
}

/// As text, for a command's flag.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a test's path is text")
}
