//! Syslog, listened for: what speaks it shows no token, so a deployment names who may send, and whose log it goes to.
//!
//! - this file: the sockets, and who may send
//! - [`stream`]: connections - TCP, TLS, and RELP, which is answered
//! - [`datagrams`]: what comes by UDP, and what of it is lost
//! - [`taking`]: from messages to the log, tried until they are stored
//!
//! A sender that is not answered cannot know what was lost on its way. So nothing that was read is given up but with the process; what is
//! not read yet waits in the sender, and what UDP drops is counted.

mod datagrams;
mod stream;
mod taking;

use crate::app::App;
use crate::config::syslog::Settings;
use crate::intake::shelf::SourceName;
use crate::server::closes;
use crate::server::tls::Tls;
use entry::Organization;
use entry::address::Cidr;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use taking::Taking;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How syslog travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Relp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Relp => "relp",
        })
    }
}

/// What is listened for, as those are told who point a sender here.
#[derive(Clone, Debug)]
pub struct Listening {
    pub addresses: Vec<(Transport, SocketAddr)>,
    pub organization: Organization,
    pub source: SourceName,
    /// Over TLS, a sender shows a certificate.
    pub by_certificate: bool,
}

/// Why syslog is not listened for.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("syslog_{transport}: {address} is in use by another program")]
    InUse {
        transport: Transport,
        address: SocketAddr,
    },
    #[error("syslog_{transport}: {address}: {source}")]
    Bind {
        transport: Transport,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("syslog_clients_file: {0}")]
    Clients(String),
}

/// What is measured of it.
#[derive(Debug, Default)]
pub struct Counts {
    connections: Gauge,
    refused: Family<Why, Counter>,
    dropped: Family<Why, Counter>,
    waiting: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    why: &'static str,
}

impl Why {
    const ADDRESS: Self = Self { why: "address" };
    const CONNECTIONS: Self = Self { why: "connections" };
    const HANDSHAKE: Self = Self { why: "handshake" };
    const QUEUE: Self = Self { why: "queue" };
    const KERNEL: Self = Self { why: "kernel" };
}

impl Counts {
    pub fn register(&self, to: &mut Registry) {
        let says = "Connections of syslog that are open";
        to.register("syslog_connections", says, self.connections.clone());
        let says = "Connections and datagrams of syslog that were not let in, by why";
        to.register("syslog_refused", says, self.refused.clone());
        let says =
            "Datagrams of syslog that came faster than they could be stored, by who dropped them";
        to.register("syslog_datagrams_dropped", says, self.dropped.clone());
        let says = "Messages of syslog that were read and are not stored yet";
        to.register("syslog_waiting", says, self.waiting.clone());
    }
}

/// Who may send without showing a certificate.
#[derive(Clone, Debug)]
struct Senders(Arc<[Cidr]>);

impl Senders {
    fn have(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }
}

/// A connection's way in.
#[derive(Clone)]
enum Entrance {
    Plain,
    Relp,
    /// `by_certificate`: who is met so has shown one, wherever it comes from.
    Encrypted {
        config: Arc<ServerConfig>,
        by_certificate: bool,
    },
}

/// The sockets, bound.
pub struct Listeners {
    senders: Senders,
    datagrams: Option<UdpSocket>,
    streams: Vec<(TcpListener, Entrance)>,
    addresses: Vec<(Transport, SocketAddr)>,
    settings: Settings,
}

impl Listeners {
    /// Binds every address of the settings.
    pub fn bind(settings: &Settings, tls: Option<&Arc<Tls>>) -> Result<Self, Refused> {
        let mut listeners = Self {
            senders: Senders(settings.senders().into()),
            datagrams: None,
            streams: Vec::new(),
            addresses: Vec::new(),
            settings: settings.clone(),
        };
        if let Some(address) = settings.udp {
            let bound = UdpSocket::bind(address).and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok((socket.local_addr()?, socket))
            });
            let (at, socket) = bound.map_err(|e| refused(Transport::Udp, address, e))?;
            listeners.addresses.push((Transport::Udp, at));
            listeners.datagrams = Some(socket);
        }
        listeners.stream(Transport::Tcp, settings.tcp, Entrance::Plain)?;
        listeners.stream(Transport::Relp, settings.relp, Entrance::Relp)?;
        if let (Some(address), Some(tls)) = (settings.tls, tls) {
            let clients = settings.clients_file.as_deref();
            let config = tls.for_senders(clients);
            let entrance = Entrance::Encrypted {
                config: config.map_err(|e| Refused::Clients(e.to_string()))?,
                by_certificate: clients.is_some(),
            };
            listeners.stream(Transport::Tls, Some(address), entrance)?;
        }
        Ok(listeners)
    }

    fn stream(
        &mut self,
        transport: Transport,
        address: Option<SocketAddr>,
        entrance: Entrance,
    ) -> Result<(), Refused> {
        let Some(address) = address else {
            return Ok(());
        };
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (at, listener) = bound.map_err(|e| refused(transport, address, e))?;
        self.addresses.push((transport, at));
        self.streams.push((listener, entrance));
        Ok(())
    }

    /// Where it is listened, with the ports that were given; `None` where it is not.
    pub fn listening(&self) -> Option<Listening> {
        let listening = Listening {
            addresses: self.addresses.clone(),
            organization: self.settings.organization.clone(),
            source: self.settings.source.clone(),
            by_certificate: self.settings.clients_file.is_some(),
        };
        (!self.addresses.is_empty()).then_some(listening)
    }
}

fn refused(transport: Transport, address: SocketAddr, source: io::Error) -> Refused {
    match source.kind() {
        io::ErrorKind::AddrInUse => Refused::InUse { transport, address },
        _ => Refused::Bind {
            transport,
            address,
            source,
        },
    }
}

/// Takes what comes until the server ends, and what was sent until then.
pub async fn serve(app: Arc<App>, listeners: Listeners) -> io::Result<()> {
    let taking = Arc::new(Taking::new(Arc::clone(&app), &listeners.settings));
    let mut tasks = JoinSet::new();
    if let Some(socket) = listeners.datagrams {
        let socket = datagrams::Socket::of(socket)?;
        tasks.spawn(datagrams::listen(
            Arc::clone(&taking),
            socket,
            listeners.senders.clone(),
        ));
    }
    let places = stream::places();
    for (listener, entrance) in listeners.streams {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let senders = listeners.senders.clone();
        let listening = stream::listen(
            Arc::clone(&taking),
            listener,
            entrance,
            senders,
            Arc::clone(&places),
        );
        tasks.spawn(listening);
    }
    closes(&mut app.closing.subscribe()).await;
    let ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(app.settings.limits.shutdown_wait, ended)
        .await
        .is_err()
    {
        let waiting = app.metrics.syslog.waiting.get();
        tracing::error!(
            waiting,
            "messages of syslog were read and could not be stored"
        );
    }
    tasks.shutdown().await;
    Ok(())
}
