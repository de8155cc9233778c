//! Measures building, merging and asking segments of the reference workload, without journal or server.
//!
//! `cargo run --release -p mar-audit-store --example segments -- DIR ENTRIES [one|many [TIMES]]` keeps the segments in
//! DIR and only asks when they are there already; TIMES asks that many copies of them.

use entry::address::Cidr;
use entry::draft::Defaults;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Catalogue, Filter, Organization, Seq, Timestamp};
use proof::leaf::Seed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::disk::{Disk, real::RealDisk};
use store::segment::Segment;
use store::view::{Direction, LogView, Order, PageQuery, Snapshot};
use store::{Kept, Salts};

#[path = "../../src/bench/workload.rs"]
#[allow(dead_code)]
mod workload;
use workload::{Logs, Workload};

const BUILT: usize = 8192;
const SEALED: usize = 32;
const FULL: usize = 4;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().expect("a directory"));
    let entries: u64 = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a number of entries");
    let logs = match arguments.next().as_deref() {
        Some("many") => Logs::PerOrganization,
        _ => Logs::One,
    };
    if !dir.exists() {
        build(&dir, &Workload::new(entries, logs));
    }
    let started = Instant::now();
    let times = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let snapshot = repeated(open(&dir), times);
    println!("open {:?}", started.elapsed());
    sizes(&snapshot);
    ask(&snapshot, entries);
    memory();
}

/// What this process has used of processors: other work on the machine does not count.
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[derive(Default)]
struct Spent {
    build: Duration,
    seal: Duration,
    merge: Duration,
}

fn build(dir: &Path, workload: &Workload) {
    std::fs::create_dir_all(dir).expect("a directory");
    let catalogue = Catalogue::built_in();
    let mut spent = Spent::default();
    let mut open: BTreeMap<Organization, Log> = BTreeMap::new();
    for i in 0..workload.entries {
        let draft = workload.draft(i);
        let organization = draft
            .scope
            .organization
            .clone()
            .expect("the workload names it");
        let log = open.entry(organization.clone()).or_default();
        let category = catalogue.category(&draft.action, draft.category);
        let defaults = Defaults {
            id: draft.id.expect("the workload names it"),
            organization: organization.clone(),
            category,
        };
        let received = Timestamp::from_micros(workload::START_MICROS + (i / 500) as i64 * 5_000)
            .expect("within the years");
        log.entries.push(Arc::new(Kept {
            entry: draft.accept(Seq(log.next), received, defaults),
            salts: Salts::Seed(seed_of(log.next)),
        }));
        log.next += 1;
        if log.entries.len() == BUILT {
            log.seal(dir, &organization, &mut spent, false);
        }
    }
    for (organization, log) in &mut open {
        log.seal(dir, organization, &mut spent, true);
    }
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / workload.entries as f64;
    println!(
        "per entry: build {:.2} us, seal {:.2} us, merge {:.2} us",
        each(spent.build),
        each(spent.seal),
        each(spent.merge)
    );
}

/// Sixteen bytes that compress as badly as random ones.
fn seed_of(seq: u64) -> Seed {
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    seed[8..].copy_from_slice(&(!seq).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes());
    Seed(seed)
}

#[derive(Default)]
struct Log {
    next: u64,
    entries: Vec<Arc<Kept>>,
    built: Vec<Arc<Segment>>,
    sealed: Vec<(PathBuf, Arc<Segment>)>,
}

impl Log {
    fn seal(&mut self, dir: &Path, organization: &Organization, spent: &mut Spent, all: bool) {
        if !self.entries.is_empty() {
            let started = cpu();
            self.built
                .push(Arc::new(Segment::build(organization, &self.entries)));
            spent.build += cpu() - started;
            self.entries.clear();
        }
        if self.built.len() >= SEALED || all && !self.built.is_empty() {
            let started = cpu();
            self.sealed.push(merge(dir, organization, &self.built));
            spent.seal += cpu() - started;
            self.built.clear();
        }
        if self.sealed.len() >= FULL || all && self.sealed.len() > 1 {
            let started = cpu();
            let inputs: Vec<Arc<Segment>> = self
                .sealed
                .iter()
                .map(|(_, segment)| segment.clone())
                .collect();
            merge(dir, organization, &inputs);
            spent.merge += cpu() - started;
            self.sealed
                .drain(1..)
                .for_each(|(path, _)| std::fs::remove_file(path).expect("it is there"));
            self.sealed.clear();
        }
    }
}

fn merge(
    dir: &Path,
    organization: &Organization,
    inputs: &[Arc<Segment>],
) -> (PathBuf, Arc<Segment>) {
    let path = dir.join(format!(
        "{organization}:{:012}.seg",
        inputs[0].first_seq().0
    ));
    let temporary = path.with_extension("tmp");
    let file = std::fs::File::create(&temporary).expect("a file");
    let mut out = std::io::BufWriter::new(file);
    Segment::merge(inputs, &mut out).expect("merged");
    drop(out);
    std::fs::rename(&temporary, &path).expect("renamed");
    (path.clone(), Arc::new(open_segment(&path)))
}

fn open_segment(path: &Path) -> Segment {
    Segment::open(RealDisk.map(path).expect("mapped"), path).expect("opened")
}

fn open(dir: &Path) -> Snapshot {
    let mut names: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("listed")
        .map(|entry| entry.expect("listed").path())
        .collect();
    names.sort();
    let mut logs: BTreeMap<Organization, Vec<Arc<Segment>>> = BTreeMap::new();
    for path in names
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
    {
        let segment = open_segment(path);
        logs.entry(segment.organization().clone())
            .or_default()
            .push(Arc::new(segment));
    }
    let as_of = logs
        .values()
        .flatten()
        .map(|segment| segment.last_received())
        .max();
    let view = |(organization, segments)| LogView {
        organization,
        segments,
        tail: Arc::default(),
    };
    Snapshot {
        logs: Arc::new(logs.into_iter().map(view).collect()),
        as_of,
    }
}

/// The same segments as so many logs: what asking a longer history costs, without building one.
fn repeated(snapshot: Snapshot, times: usize) -> Snapshot {
    let name = |n: usize| Organization::parse(&format!("copy-{n:03}")).expect("a slug");
    let logs = snapshot
        .logs
        .iter()
        .cycle()
        .take(snapshot.logs.len() * times)
        .cloned();
    let renamed = logs.enumerate().map(|(n, log)| LogView {
        organization: name(n),
        ..log
    });
    Snapshot {
        logs: Arc::new(renamed.collect()),
        ..snapshot
    }
}

fn sizes(snapshot: &Snapshot) {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    let (mut total, mut segments) = (0, 0);
    for segment in snapshot.logs.iter().flat_map(|log| &log.segments) {
        total += segment.size_bytes();
        segments += 1;
        for (name, bytes) in segment.section_bytes() {
            *sizes.entry(name).or_default() += bytes;
        }
    }
    let entries = snapshot.size(None) as f64;
    println!(
        "{entries} entries, {segments} segments, {:.1} bytes per entry",
        total as f64 / entries
    );
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    for (name, bytes) in sizes
        .iter()
        .filter(|(_, bytes)| *bytes as f64 / entries >= 0.1)
    {
        println!("  {:8.2}  {name}", *bytes as f64 / entries);
    }
}

/// `ONLY` in the environment is a part of the names to be measured.
fn timed<T>(name: &str, mut work: impl FnMut() -> T) -> Option<T> {
    if std::env::var("ONLY").is_ok_and(|only| !name.contains(&only)) {
        return None;
    }
    let mut once = || {
        let started = (Instant::now(), cpu());
        let result = work();
        (result, started.0.elapsed(), cpu() - started.1)
    };
    let (result, first, _) = once();
    let mut times: Vec<(Duration, Duration)> = (0..9)
        .map(|_| once())
        .map(|(_, wall, used)| (wall, used))
        .collect();
    times.sort();
    let used = times.iter().map(|time| time.1).min().expect("nine times");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (least, median) = (ms(times[0].0), ms(times[4].0));
    println!(
        "{name:<50} first {:8.2}  least {least:8.2}  median {median:8.2}  processor {:8.2} ms",
        ms(first),
        ms(used)
    );
    Some(result)
}

fn newest(filter: Filter, order: Order) -> PageQuery {
    let direction = Direction::Descending;
    PageQuery {
        filter,
        order,
        direction,
        limit: 50,
        after: None,
        as_of: None,
    }
}

fn value(field: Field, text: &str) -> Filter {
    Term::Value(field, Pattern::exact(text)).into()
}

fn network(text: &str) -> Filter {
    Term::Network(Cidr::parse(text).expect("a network")).into()
}

/// What is asked by field, alone and together.
fn by_field(entries: u64) -> Vec<(&'static str, Filter)> {
    let failed = || value(Field::Result, "failure");
    let deleted = || value(Field::Action, "deleteCluster");
    let actor = |n| value(Field::Actor, &workload::user_name(n));
    let request = workload::request_id(entries / 2);
    vec![
        ("everything", Filter::everything()),
        ("frequent actor", actor(0)),
        ("rare actor", actor(19_999)),
        ("no such actor", value(Field::Actor, "nobody at all")),
        ("failures", failed()),
        ("category webhook", value(Field::Category, "webhook")),
        ("request id", value(Field::RequestId, &request)),
        ("network", network("10.1.2.0/24")),
        ("no such network", network("192.168.0.0/16")),
        (
            "three conditions",
            Filter::And(vec![failed(), deleted(), actor(7)]),
        ),
        (
            "three conditions, none",
            Filter::And(vec![failed(), deleted(), value(Field::ActorType, "agent")]),
        ),
        (
            "not success",
            Filter::Not(Box::new(value(Field::Result, "success"))),
        ),
    ]
}

/// What is asked by text.
fn by_text(entries: u64) -> Vec<(&'static str, Filter)> {
    let request = workload::request_id(entries / 2);
    let word = workload::word;
    let context = |path: &str, pattern| Filter::from(Term::Context(path.into(), pattern));
    vec![
        ("search, no hit", Term::search("zzqqzz").into()),
        (
            "search, no hit of two characters",
            Term::search("#!").into(),
        ),
        (
            "search, rare name",
            Term::search(&workload::user_name(19_999)).into(),
        ),
        (
            "search, eight characters of a request id",
            Term::search(&request[4..12]).into(),
        ),
        (
            "search, five characters of a request id",
            Term::search(&request[4..9]).into(),
        ),
        ("search, a", Term::search("a").into()),
        ("search, ana", Term::search("ana").into()),
        (
            "search, email",
            Term::search(&workload::user_email(15_000)).into(),
        ),
        ("rare word", Term::words("zozozo").into()),
        ("common word", Term::words(&word(1)).into()),
        (
            "phrase",
            Term::words(&format!("{} {}", word(700), word(901))).into(),
        ),
        ("context, exact", context("team", Pattern::exact(&word(3)))),
        (
            "context, substring",
            context("reason", Pattern::substring("zozo")),
        ),
    ]
}

fn day(days: i64) -> Timestamp {
    let micros = workload::START_MICROS + days * 86_400_000_000;
    Timestamp::from_micros(micros).expect("within the years")
}

/// What is counted: everything, halves, and less.
fn counted() -> Vec<(&'static str, Filter)> {
    let of_organization = format!("{}/", workload::organization(3));
    vec![
        ("everything", Filter::everything()),
        (
            "half by time",
            Filter::And(vec![Term::From(day(20)).into(), Term::To(day(65)).into()]),
        ),
        (
            "half scattered",
            Filter::Or(vec![
                value(Field::Category, "instance"),
                value(Field::Category, "webhook"),
            ]),
        ),
        ("failures", value(Field::Result, "failure")),
        (
            "one organization",
            Term::Value(Field::Project, Pattern::prefix(&of_organization)).into(),
        ),
        ("search, ana", Term::search("ana").into()),
    ]
}

const FACETS: [Field; 7] = [
    Field::Result,
    Field::TargetType,
    Field::Action,
    Field::Actor,
    Field::Project,
    Field::Ip,
    Field::Category,
];

fn ask(snapshot: &Snapshot, entries: u64) {
    for (name, filter) in by_field(entries).into_iter().chain(by_text(entries)) {
        let query = newest(filter, Order::Time);
        let found = timed(&format!("page: {name}"), || {
            snapshot.page(&query).expect("sound")
        });
        if let Some(found) = found {
            println!("{:>50} found", found.entries.len());
        }
    }
    let received = newest(value(Field::Result, "failure"), Order::Received);
    timed("page: failures by receipt", || {
        snapshot.page(&received).expect("sound")
    });
    let edges: Vec<Timestamp> = (0..=90).map(day).collect();
    for (name, filter) in counted() {
        timed(&format!("count: {name}"), || {
            snapshot.count(&filter).expect("sound")
        });
        timed(&format!("facets: {name}"), || {
            snapshot.facets(&filter, &FACETS, 10).expect("sound")
        });
        for field in FACETS {
            let facet = || snapshot.facets(&filter, &[field], 10).expect("sound");
            timed(&format!("  facet {}: {name}", field.name()), facet);
        }
        timed(&format!("histogram: {name}"), || {
            snapshot.histogram(&filter, &edges).expect("sound")
        });
    }
    timed("suggest target", || {
        snapshot.suggest(Field::Target, "zozo", 10).expect("sound")
    });
    let started = (Instant::now(), cpu());
    let scan = snapshot
        .scan(newest(Filter::everything(), Order::Time))
        .take(1_000_000);
    let rows = scan
        .map(|entry| entry.expect("sound"))
        .filter(|entry| !entry.action.is_empty())
        .count();
    let (wall, used) = (
        started.0.elapsed().as_secs_f64(),
        (cpu() - started.1).as_secs_f64(),
    );
    println!(
        "scan: {:.0} rows/s, {:.2} us of a processor each",
        rows as f64 / wall,
        used * 1e6 / rows as f64
    );
}

fn memory() {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("Rss"))
        .for_each(|line| println!("{line}"));
}
