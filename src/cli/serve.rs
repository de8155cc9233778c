//! `serve`: the server, from settings to shutdown.

mod settings;

use crate::access::{Secret, system_random};
use crate::app::{App, Limits, Settings};
use crate::cli::{Context, Failure};
use crate::config::{Config, Flag, Shown};
use crate::guard::{Caller, Door, door};
use crate::intake::Intake;
use crate::intake::tables::Tables;
use crate::server::Tls;
use crate::server::tls::Files;
use crate::syslog::Listeners;
use crate::watching::{Act, Deed};
use crate::{clock, demo, random, server, syslog};
use clap::Args;
use serde_json::Value;
use signal_hook::consts::SIGXFSZ;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Flags of `serve`. Each has the name of its setting.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Serve")]
pub struct Arguments {
    /// Data directory [env: MAR_AUDIT_DATA=] [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [env: MAR_AUDIT_LISTEN=] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Record a platform's demo data and go on living, in ./data-demo unless --data says otherwise
    #[arg(long)]
    pub demo: bool,
    /// Who is let in: `required`, whoever has a credential; `open`, everybody on this machine [env: MAR_AUDIT_ACCESS=]
    /// [default: required, open with --demo]
    #[arg(long, value_name = "MODE")]
    pub access: Option<String>,
    /// Encrypt connections with this certificate and its chain, a PEM file; read again when it changes [env:
    /// MAR_AUDIT_TLS_CERT=]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, a PEM file [env: MAR_AUDIT_TLS_KEY=]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// An address or a network, such as 10.0.0.0/8, of a proxy that encrypts before us and is believed whom a call comes from;
    /// repeatable [env: MAR_AUDIT_BEHIND_PROXY=]
    #[arg(long, value_name = "ADDR|CIDR")]
    pub behind_proxy: Vec<String>,
    /// Listen on an address that other machines can reach, though nothing is encrypted: for laboratories
    #[arg(long)]
    pub insecure_listen: bool,
    /// Keep data on a file system that does not survive a restart
    #[arg(long)]
    pub allow_volatile: bool,
    /// A host name, besides the address itself, that calls may be addressed to; repeatable. Logs are named after the first
    #[arg(long, value_name = "HOST")]
    pub public_host: Vec<String>,
    /// A site, such as https://console.mar.example, whose pages may show the audit logs in a frame, by an embed token;
    /// repeatable [env: MAR_AUDIT_EMBED_ORIGINS=]
    #[arg(long, alias = "embed-origins", value_name = "ORIGIN")]
    pub embed_origin: Vec<String>,
}

impl Arguments {
    fn flags(&self) -> Result<Vec<Flag>, Failure> {
        let mut flags = Vec::new();
        let files = [
            ("data", &self.data),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
        ];
        for (key, path) in files {
            flags.extend(path_flag(key, path.as_deref())?);
        }
        if self.data.is_none() && self.demo {
            // Wherever else the directory is named, real data is meant.
            flags.push(Flag::new("data", demo::DATA));
        }
        flags.extend(self.listen.iter().map(|v| Flag::new("listen", v.as_str())));
        match &self.access {
            Some(mode) => flags.push(Flag::new("access", mode.as_str())),
            // What it holds is made up.
            None if self.demo => flags.push(Flag::new("access", "open")),
            None => {}
        }
        if !self.behind_proxy.is_empty() {
            flags.push(Flag::new("behind_proxy", self.behind_proxy.clone()));
        }
        flags.extend(
            self.insecure_listen
                .then(|| Flag::new("insecure_listen", true)),
        );
        flags.extend(
            self.allow_volatile
                .then(|| Flag::new("allow_volatile", true)),
        );
        if !self.public_host.is_empty() {
            flags.push(Flag::new("public_host", self.public_host.clone()));
        }
        if !self.embed_origin.is_empty() {
            flags.push(Flag::new("embed_origins", self.embed_origin.clone()));
        }
        Ok(flags)
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let layers = context.layers(arguments.flags()?)?;
    let (config, shown) = (layers.check()?, layers.show());
    log_to_stderr(&config)?;
    let settings = chosen(&config)?;
    let listener = listen(&config, &settings)?;
    let syslog = Listeners::bind(&config.syslog, settings.tls.as_ref());
    let syslog = syslog.map_err(Failure::failed)?;
    let settings = Settings {
        syslog: syslog.listening(),
        ..settings
    };
    ignore_file_size_signal()?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let store = Store::open(&config.data, store_options(&config, address))?;
    let sockets = Sockets { listener, syslog };
    let served = serve(&config, settings, &shown, sockets, &store, arguments.demo);
    // Closed even if serving failed: what was acknowledged is safe either way, but the next start is faster.
    let closed = store.close();
    served?;
    Ok(closed?)
}

/// How the store of a data directory is opened, whoever opens it. `address` names the logs of a new one.
pub(super) fn store_options(config: &Config, address: SocketAddr) -> store::Options {
    store::Options {
        clock: clock::system(),
        random: random::system(),
        public_host: config.public_hosts.first().cloned(),
        default_host: address.to_string(),
        known: config.known_checkpoints.clone(),
        allow_volatile: config.allow_volatile,
        waiting_max: config.waiting_entries_max,
        open_bytes_max: config.open_bytes_max,
    }
}

pub(super) fn chosen(config: &Config) -> Result<Settings, Failure> {
    let tls = config.tls.clone().map(|(certificate, key)| {
        Tls::open(Files { certificate, key }).map_err(|e| Failure::failed(format!("TLS: {e}")))
    });
    let provider = { config.provider.as_ref() }.map(|written| written.read());
    let provider = provider.transpose().map_err(Failure::failed)?;
    if provider.is_some() && !cfg!(feature = "oidc") {
        let what = "oidc_issuer: this program was built without OpenID Connect (feature `oidc`)";
        return Err(Failure::failed(what));
    }
    Ok(Settings {
        provider,
        default_organization: config.default_organization.clone(),
        public_hosts: config.public_hosts.clone(),
        embed_origins: config.embed_origins.clone(),
        syslog: None,
        tables: Tables::read(&config.tables).map_err(Failure::failed)?,
        insecure_listen: config.insecure_listen,
        tls: tls.transpose()?,
        proxies: config.proxies.clone(),
        limits: Limits {
            header_wait: config.header_timeout,
            body_wait: config.body_timeout,
            connections_max: config.connections_max,
            ..Limits::default()
        },
    })
}

fn log_to_stderr(config: &Config) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|e| Failure::failed(format!("log: {e}")))?;
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour)
        .try_init()
        .map_err(|e| Failure::failed(format!("log: {e}")))
}

/// Binds before the store is opened: a wrong address is told before a long recovery, and callers of one wait instead of failing.
fn listen(config: &Config, settings: &Settings) -> Result<TcpListener, Failure> {
    let address = config.listen;
    server::must_listen_safely(address, config.open, settings).map_err(Failure::failed)?;
    let listener = TcpListener::bind(address).map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => Failure::failed(format!(
            "{address} is in use by another program; choose another with --listen"
        )),
        io::ErrorKind::PermissionDenied => {
            Failure::failed(format!("{address}: {e}; ports below 1024 belong to root"))
        }
        _ => Failure::failed(format!("{address}: {e}")),
    })?;
    listener
        .set_nonblocking(true)
        .map_err(|e| Failure::failed(format!("{address}: {e}")))?;
    Ok(listener)
}

/// A write past the limit on file size must fail like a full disk does, not end the process.
fn ignore_file_size_signal() -> Result<(), Failure> {
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))
        .map(drop)
        .map_err(|e| Failure::failed(format!("SIGXFSZ cannot be handled: {e}")))
}

/// Everything that is listened on.
struct Sockets {
    listener: TcpListener,
    syslog: Listeners,
}

fn serve(
    config: &Config,
    settings: Settings,
    shown: &[Shown],
    sockets: Sockets,
    store: &Store,
    demo: bool,
) -> Result<(), Failure> {
    let unkept = |e: io::Error| Failure::failed(format!("{}: {e}", settings::FILE));
    let compared = settings::Compared::read(&config.data, shown).map_err(unkept)?;
    let (door, link) = door(config)?;
    let intake =
        Intake::open(&config.data, config.quarantine_bytes_max).map_err(Failure::failed)?;
    let app = App::new(
        store.clone(),
        door,
        intake,
        config.catalogue(),
        settings,
        clock::system(),
    );
    let _demo = if demo { Some(demo::start(&app)?) } else { None };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no threads to serve with: {e}")))?;
    runtime.block_on(async {
        let Sockets { listener, syslog } = sockets;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Failure::failed)?;
        let stop =
            stopped().map_err(|e| Failure::failed(format!("signals cannot be handled: {e}")))?;
        if let Some(tls) = &app.settings.tls {
            tls.heed_hangup()
                .map_err(|e| Failure::failed(format!("signals cannot be handled: {e}")))?;
        }
        let watched = is_watched(config);
        if begin(&app, watched, &compared).await {
            compared.keep(&config.data).map_err(unkept)?;
        }
        announce(
            &app.settings,
            listener.local_addr().map_err(Failure::failed)?,
            link,
        )?;
        let (served, listened) = tokio::join!(
            async {
                let served = server::serve(Arc::clone(&app), listener, stop).await;
                // Also where it did not begin.
                app.closing.send_replace(true);
                served
            },
            async {
                let listened = syslog::serve(Arc::clone(&app), syslog).await;
                if let Err(error) = &listened {
                    // The server goes on: it is told now, not when it stops.
                    tracing::error!(%error, "syslog is not listened for");
                }
                listened
            }
        );
        note(&app, watched, Act::StopServer, ("version", VERSION.into())).await;
        listened.map_err(Failure::failed)?;
        served.map_err(Failure::failed)
    })
}

/// True if the log says what this process does to the directory: it is guarded, or it was before, so that whoever opens it
/// to read what they may not is seen by who guards it again. Of one that never was, a demo or a trial, nothing is guarded.
fn is_watched(config: &Config) -> bool {
    let marks = [config.data.join(door::FILE), access_mark(config)];
    !config.open || marks.iter().any(|mark| mark.exists())
}

/// Notes the start, and with which other settings than the last; false unless those may be taken for known.
async fn begin(app: &Arc<App>, watched: bool, compared: &settings::Compared) -> bool {
    note(app, watched, Act::StartServer, ("version", VERSION.into())).await;
    let changed = compared.differences();
    let with = ("settings", Value::from(changed.clone()));
    changed.is_empty() || note(app, watched, Act::ChangeConfig, with).await
}

/// Notes what this process does; false if that is not on stable storage. It does it also then: a full disk must not keep it
/// from answering.
async fn note(app: &Arc<App>, watched: bool, act: Act, with: (&str, Value)) -> bool {
    if !watched {
        return true;
    }
    let deed = Deed::new(act).with(with.0, with.1);
    let noted = app.note_anyway(&Caller::process(), deed).await;
    if let Err(problem) = &noted {
        app.metrics.unnoted.inc();
        tracing::error!(
            detail = problem.detail,
            "what this process did was not noted"
        );
    }
    noted.is_ok()
}

/// Open, or guarded by what the data directory says of who may come in.
fn door(config: &Config) -> Result<(Door, Option<Secret>), Failure> {
    if config.open {
        return Ok((Door::Open, None));
    }
    let mark = access_mark(config);
    let guarded = Door::guarded(&config.data, mark, system_random(), clock::now());
    Ok(guarded?)
}

/// Where the mark of the access file is, that tells an older or a foreign one.
pub(super) fn access_mark(config: &Config) -> PathBuf {
    let beside = || {
        let mut known = config.data.clone().into_os_string();
        known.push(".known");
        PathBuf::from(known)
    };
    let mark = match &config.known_checkpoints {
        store::Known::Beside => beside(),
        store::Known::At(dir) => dir.clone(),
        store::Known::Off => config.data.clone(),
    };
    mark.join(door::MARK)
}

/// The line that says it is ready, for people and for programs that wait for it; and once, how the first owner comes in.
/// The secret is behind a `#`: no browser sends that to anybody.
fn announce(settings: &Settings, address: SocketAddr, link: Option<Secret>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let outside = outside(settings, address);
    let mut say = || {
        writeln!(out, "mar-audit listening on {scheme}://{address}")?;
        if let Some(link) = &link {
            let link = link.expose();
            writeln!(
                out,
                "first sign-in, once, within a day: {outside}/claim#{link}"
            )?;
        }
        let syslog = settings.syslog.iter().flat_map(|one| &one.addresses);
        for (transport, address) in syslog {
            writeln!(out, "syslog listening on {transport}://{address}")?;
        }
        out.flush()
    };
    // A closed stdout is no reason not to serve.
    match say() {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// What people call the server: the first public host, where encryption is ours or a proxy's; else the address itself.
pub(super) fn outside(settings: &Settings, address: SocketAddr) -> String {
    let host = settings.public_hosts.first();
    match (host, &settings.tls) {
        (Some(host), None) if !settings.proxies.is_empty() => format!("https://{host}"),
        (Some(host), Some(_)) if host.contains(':') || address.port() == 443 => {
            format!("https://{host}")
        }
        (Some(host), Some(_)) => format!("https://{host}:{}", address.port()),
        (None, Some(_)) => format!("https://{address}"),
        (_, None) => format!("http://{address}"),
    }
}

fn path_flag(key: &'static str, path: Option<&Path>) -> Result<Option<Flag>, Failure> {
    let Some(path) = path else {
        return Ok(None);
    };
    let name = key.replace('_', "-");
    let no_text = || Failure::failed(format!("--{name}: the path is not UTF-8"));
    Ok(Some(Flag::new(key, path.to_str().ok_or_else(no_text)?)))
}

/// Resolves when the process is asked to end.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; calls in flight are finished first");
    })
}
