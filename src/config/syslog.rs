//! `[syslog]`: where syslog is listened for, and who may send it.

use super::{Error, Layers};
use crate::intake::shelf::SourceName;
use entry::Organization;
use entry::address::Cidr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// What the settings say. Nobody listens where no address is set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    pub tls: Option<SocketAddr>,
    pub relp: Option<SocketAddr>,
    /// Who may send; not set: this machine.
    pub from: Option<Vec<Cidr>>,
    /// Whose certificates let senders in over TLS.
    pub clients_file: Option<PathBuf>,
    /// Whose log it goes to.
    pub organization: Organization,
    /// The name of the source.
    pub source: SourceName,
}

impl Settings {
    /// Who may send without showing a certificate.
    pub fn senders(&self) -> Vec<Cidr> {
        let loopback = || {
            let v4 = Cidr {
                network: Ipv4Addr::new(127, 0, 0, 0).into(),
                prefix: 8,
            };
            vec![v4, Cidr::of(IpAddr::V6(Ipv6Addr::LOCALHOST))]
        };
        self.from.clone().unwrap_or_else(loopback)
    }
}

impl Layers {
    pub(super) fn syslog(&self) -> Result<Settings, Error> {
        let organization = self.optional("syslog_organization")?;
        let organization: String = match organization {
            Some(text) => text,
            None => self.get("default_organization")?,
        };
        let wrong =
            |key: &str, text: &str, what: &str| self.wrong(key, &format!("`{text}` is {what}"));
        let source: String = self.get("syslog_source")?;
        let slug = "not a name: 1 to 63 of a-z 0-9 . _ -, a letter or digit first";
        let settings = Settings {
            udp: self.socket("syslog_udp")?,
            tcp: self.socket("syslog_tcp")?,
            tls: self.socket("syslog_tls")?,
            relp: self.socket("syslog_relp")?,
            from: self.networks("syslog_from")?,
            clients_file: self.optional("syslog_clients_file")?,
            organization: Organization::parse(&organization)
                .ok_or_else(|| wrong("syslog_organization", &organization, slug))?,
            source: SourceName::parse(&source)
                .ok_or_else(|| wrong("syslog_source", &source, slug))?,
        };
        if settings.tls.is_some() && !self.figment.contains("tls_cert") {
            return Err(self.wrong("syslog_tls", "needs a certificate: tls_cert and tls_key"));
        }
        if settings.clients_file.is_some() && settings.tls.is_none() {
            return Err(self.wrong("syslog_clients_file", "means nothing without syslog_tls"));
        }
        let known = settings.from.is_some();
        let by_certificate = settings.clients_file.is_some();
        for (key, address, is_told) in [
            ("syslog_udp", settings.udp, known),
            ("syslog_tcp", settings.tcp, known),
            ("syslog_relp", settings.relp, known),
            ("syslog_tls", settings.tls, known || by_certificate),
        ] {
            if address.is_some_and(|address| !address.ip().is_loopback()) && !is_told {
                let what = "can be reached by others, and nobody else than this machine may send: name them in syslog_from";
                return Err(self.wrong(key, what));
            }
        }
        Ok(settings)
    }

    fn socket(&self, key: &str) -> Result<Option<SocketAddr>, Error> {
        let text: Option<String> = self.optional(key)?;
        let read = |text: String| {
            let what = format!("`{text}` is not an address and port, such as 0.0.0.0:514");
            text.parse().map_err(|_| self.wrong(key, &what))
        };
        text.map(read).transpose()
    }
}
