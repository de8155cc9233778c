//! What `main` builds once and hands down: no globals.

use crate::api::proof;
use crate::config::provider::Settings as Provider;
use crate::guard::Door;
use crate::guard::framing::Site;
use crate::intake::Intake;
use crate::intake::tables::Tables;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::server::Tls;
use crate::syslog::Listening;
use crate::watching::Watch;
use entry::address::Cidr;
use entry::limits::BATCH_BYTES_MAX;
use entry::{Catalogue, Organization, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::{Clock, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinError;

/// The running product: the store and everything that answers from it.
pub struct App {
    pub store: Store,
    /// Who is let in.
    pub door: Door,
    /// Where people sign in who do not here.
    #[cfg(feature = "oidc")]
    pub provider: Option<Arc<crate::oidc::Provider>>,
    /// What was noted lately.
    pub watch: Watch,
    /// What sources sent.
    pub intake: Intake,
    /// Passwords that are hashed right now: each takes 19 MiB and a processor.
    pub hashing: Gate,
    pub catalogue: Arc<Catalogue>,
    pub settings: Settings,
    /// The server's clock, for relative times; the store has its own, never falling one.
    pub clock: Clock,
    pub metrics: Metrics,
    pub proofs: proof::Shared,
    /// Decoded bytes of calls in flight, in KiB: what bounds memory under many large batches.
    pub bytes_in_flight: Arc<Semaphore>,
    /// What those take once they are parsed, in KiB, until the log has them: see [`crate::body::room_to_parse`].
    pub parsed_in_flight: Arc<Semaphore>,
    /// Answers that are made and not sent yet, in KiB: what bounds memory under many callers that do not read.
    pub answers_in_flight: Arc<Semaphore>,
    /// Calls that parse, search or encode right now.
    pub work: Gate,
    /// Exports that stream right now.
    pub exports: Gate,
    /// Tails that are open right now.
    pub tails: Gate,
    /// Erasures right now: they take long, and must not take the places of searches.
    pub redactions: Gate,
    /// Changes with every commit: what tails wait for.
    pub commits: watch::Sender<()>,
    /// Changes with every checkpoint of any log: what proofs wait for.
    pub checkpoints: watch::Sender<()>,
    /// Calls that are carried through, heard or not: what the end of the server waits for.
    pub carried: watch::Sender<usize>,
    /// True once the server shuts down: what never ends by itself ends then.
    pub closing: watch::Sender<bool>,
}

/// Passwords hashed at the same time.
const HASHING_MAX: usize = 2;
/// Who may wait for that; more are answered 503.
const HASHING_WAITING_MAX: usize = 64;

/// What a deployment may choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The organization of entries that name none.
    pub default_organization: Organization,
    /// Names under which this server may be called, besides the loopback ones: `audit.example.org`, port optional.
    pub public_hosts: Vec<String>,
    /// Listen on an address that others can reach though nothing is encrypted.
    pub insecure_listen: bool,
    /// With what connections are encrypted; `None`: not by us.
    pub tls: Option<Arc<Tls>>,
    /// Who is believed whom a call comes from. Where there is any, they encrypt.
    pub proxies: Vec<Cidr>,
    /// Where people sign in who do not here.
    pub provider: Option<Provider>,
    /// Sites whose pages may show ours in a frame, to who has an embed token.
    pub embed_origins: Vec<Site>,
    /// Where syslog is listened for.
    pub syslog: Option<Listening>,
    /// Sources that go by a table of one's own.
    pub tables: Tables,
    pub limits: Limits,
}

/// How long and how much one caller may take. Each has its reason.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Silence before the head of a call is complete, and between two calls of one connection; and a whole TLS handshake.
    pub header_wait: Duration,
    /// Silence within a body; a sender that stalls is answered 408.
    pub body_wait: Duration,
    /// The slowest sender, in bytes per second, after `body_wait`: a drip holds memory like a flood does.
    pub body_bytes_per_second_min: u64,
    /// Silence while our answer is not read; such a connection is cut.
    pub write_wait: Duration,
    /// Request line and headers, in bytes: a thousand ids fit, the most terms that parameters may have; a flood does not.
    pub header_bytes_max: usize,
    /// Connections; more are answered 503 and closed.
    pub connections_max: usize,
    /// Decoded bytes of all calls in flight; more are answered 503.
    pub bytes_in_flight_max: usize,
    /// Memory of parsed batches until they are stored; more wait. The largest batch takes all of it.
    pub parsed_bytes_in_flight_max: usize,
    /// Bytes of large answers that are not sent yet; more are answered 503. Eight of the largest pages.
    pub answers_in_flight_max: usize,
    /// Calls that parse, search or encode at the same time.
    pub work_max: usize,
    /// Calls that may wait for that; more are answered 503.
    pub work_waiting_max: usize,
    pub exports_max: usize,
    pub tails_max: usize,
    /// Erasures at the same time; each may read everything.
    pub redactions_max: usize,
    /// Erasures that may wait for that; more are answered 503.
    pub redactions_waiting_max: usize,
    /// Calls in flight are given this long at shutdown.
    pub shutdown_wait: Duration,
    /// Silence of a tail before a heartbeat keeps its connection known to be alive.
    pub heartbeat: Duration,
    /// How long a call waits for a checkpoint: they come once a second, and a log whose disk is slow or whose files are damaged
    /// must not hold its callers.
    pub checkpoint_wait: Duration,
    /// How long a source waits for its answer: an API server in blocking mode holds the request that it audits for as long.
    pub source_wait: Duration,
    /// The same of any other source: those give up after ten seconds, and send more at once.
    pub exporter_wait: Duration,
    /// How often it is looked whether the certificate was renewed.
    pub certificate_look: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_wait: Duration::from_secs(20),
            body_wait: Duration::from_secs(10),
            body_bytes_per_second_min: 4 * 1024,
            write_wait: Duration::from_secs(60),
            header_bytes_max: 64 * 1024,
            connections_max: 1_024,
            bytes_in_flight_max: 64 * 1024 * 1024,
            parsed_bytes_in_flight_max: crate::body::PARSED_PER_BYTE * BATCH_BYTES_MAX,
            answers_in_flight_max: 64 * 1024 * 1024,
            work_max: 8,
            work_waiting_max: 512,
            exports_max: 8,
            tails_max: 256,
            redactions_max: 4,
            redactions_waiting_max: 32,
            shutdown_wait: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            checkpoint_wait: Duration::from_secs(5),
            source_wait: Duration::from_millis(900),
            exporter_wait: Duration::from_secs(5),
            certificate_look: Duration::from_secs(5),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_organization: Organization::parse("default").expect("a slug"),
            public_hosts: Vec::new(),
            insecure_listen: false,
            tls: None,
            proxies: Vec::new(),
            provider: None,
            embed_origins: Vec::new(),
            syslog: None,
            tables: Tables::default(),
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// The server may have been told to listen where others reach it.
    pub fn may_be_reached(&self) -> bool {
        self.insecure_listen || self.tls.is_some() || !self.proxies.is_empty()
    }
}

impl App {
    pub fn new(
        store: Store,
        door: Door,
        intake: Intake,
        catalogue: Catalogue,
        settings: Settings,
        clock: Clock,
    ) -> Arc<Self> {
        let limits = &settings.limits;
        #[cfg(feature = "oidc")]
        let provider = settings.provider.clone();
        #[cfg(feature = "oidc")]
        let provider = provider.map(|one| crate::oidc::Provider::new(one, clock.clone()));
        let commits = watch::Sender::new(());
        let wake = commits.clone();
        store.on_commit(Box::new(move |_| wake.send_modify(|()| {})));
        let checkpoints = watch::Sender::new(());
        let wake = checkpoints.clone();
        store.on_checkpoint(Box::new(move |_, _| wake.send_modify(|()| {})));
        let mut metrics = Metrics::new();
        intake.tallies.register(&mut metrics.registry);
        intake.sequences.register(&mut metrics.registry);
        Arc::new(Self {
            commits,
            checkpoints,
            carried: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            door,
            #[cfg(feature = "oidc")]
            provider: provider.map(Arc::new),
            intake,
            watch: Watch::default(),
            hashing: Gate::new(HASHING_MAX, HASHING_WAITING_MAX),
            catalogue: Arc::new(catalogue),
            clock,
            metrics,
            proofs: proof::Shared::default(),
            bytes_in_flight: Arc::new(Semaphore::new(limits.bytes_in_flight_max / 1024)),
            parsed_in_flight: Arc::new(Semaphore::new(limits.parsed_bytes_in_flight_max / 1024)),
            answers_in_flight: Arc::new(Semaphore::new(limits.answers_in_flight_max / 1024)),
            work: Gate::new(limits.work_max, limits.work_waiting_max),
            exports: Gate::new(limits.exports_max, 0),
            tails: Gate::new(limits.tails_max, 0),
            redactions: Gate::new(limits.redactions_max, limits.redactions_waiting_max),
            store,
            settings,
        })
    }

    /// The server's time now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Runs blocking work (a search, a parse) beside the async threads, a bounded number at a time.
    pub async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<App>) -> Result<T, Problem> + Send + 'static,
    {
        self.blocking_in(&self.work, work).await
    }

    /// As [`App::blocking`], through another gate.
    pub async fn blocking_in<T, F>(self: &Arc<Self>, gate: &Gate, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<App>) -> Result<T, Problem> + Send + 'static,
    {
        let permit = gate.enter().await?;
        let app = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&app)
        });
        done.await.unwrap_or_else(panicked)
    }

    /// Runs to its end what is to be noted when it is done, whether or not the caller waits for it. The server does.
    pub async fn carried_through<T, F>(self: &Arc<Self>, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        self.carried.send_modify(|count| *count += 1);
        let carried = Carried(Arc::clone(self));
        let done = tokio::spawn(async move {
            let _carried = carried;
            work.await
        });
        done.await.unwrap_or_else(panicked)
    }
}

fn panicked<T>(error: JoinError) -> Result<T, Problem> {
    tracing::error!(%error, "a call's work panicked");
    Err(Kind::Internal.detail("the server failed on this call; its log says more"))
}

/// One of [`App::carried`].
struct Carried(Arc<App>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.carried.send_modify(|count| *count -= 1);
    }
}

/// A bounded number inside, a bounded number waiting, everyone else is told at once.
pub struct Gate {
    inside: Arc<Semaphore>,
    inside_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Gate {
    pub fn new(inside_max: usize, waiting_max: usize) -> Self {
        Self {
            inside: Arc::new(Semaphore::new(inside_max)),
            inside_max,
            waiting: AtomicUsize::new(0),
            waiting_max,
        }
    }

    /// How many are inside now.
    pub fn inside(&self) -> usize {
        self.inside_max - self.inside.available_permits()
    }

    /// A place inside, or a 503 that says when to come again.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(permit) = Arc::clone(&self.inside).try_acquire_owned() {
            return Ok(permit);
        }
        let _place =
            Place::take(self).ok_or_else(|| Kind::Overloaded.detail("too many calls at once"))?;
        let permit = Arc::clone(&self.inside).acquire_owned().await;
        Ok(permit.expect("the gate is never closed"))
    }
}

/// A place in the queue before a gate, given back on drop: a caller may hang up while it waits.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(gate: &'a Gate) -> Option<Self> {
        let taken = gate
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < gate.waiting_max).then_some(waiting + 1)
            });
        taken.ok().map(|_| Self(&gate.waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
