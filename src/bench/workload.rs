//! The reference workload: 90 days of a platform's life, computed entry by entry.
//!
//! Deterministic, and random access: entry `i` is a function of `(i, entries, logs)` alone, so parallel clients
//! generate disjoint ranges, and a query's values are known without reading anything. 20,000 users and 200 service
//! accounts act on 200,000 targets in 50 organizations of 10 projects; 52 actions; 3 % failures; unique request ids;
//! three addresses per actor; five context keys over a vocabulary of 5,000 words; about 640 bytes of JSON.
//! Ranks follow Zipf with exponent 1, stepwise: every octave of ranks is equally likely.
//!
//! Depends on `entry` and nothing else, so that measurements of the store alone can include this file.

use entry::Draft;
use std::io::Write;
use std::ops::Range;

pub const USERS: u64 = 20_000;
pub const SERVICE_ACCOUNTS: u64 = 200;
pub const ORGANIZATIONS: u64 = 50;
pub const PROJECTS: u64 = 10;
pub const VOCABULARY: u64 = 5_000;

/// 2026-08-01T00:00:00Z in microseconds: where the 90 days begin.
pub const START_MICROS: i64 = 1_785_542_400_000_000;
pub const SPAN_MICROS: i64 = 90 * 86_400 * 1_000_000;

/// How the entries are spread over logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// Fifty organizations, one log each.
    PerOrganization,
    /// One organization; the fifty become part of the project's name.
    One,
}

/// What an action is done to: name on the wire, prefix of ids, collection in paths, targets per organization.
struct Kind {
    name: &'static str,
    prefix: &'static str,
    collection: &'static str,
    per_organization: u64,
}

const CLUSTER: Kind = kind("cluster", "clu", "clusters", 600);
const INSTANCE: Kind = kind("instance", "ins", "instances", 2_000);
const PROFILE: Kind = kind("config_profile", "cfg", "config-profiles", 400);
const ALERT: Kind = kind("alert", "alr", "alerts", 400);
const USER: Kind = kind("user", "usr", "users", USERS / ORGANIZATIONS);
const ROLE: Kind = kind("role", "rol", "roles", 60);
const ACCOUNT: Kind = kind("service_account", "sva", "service-accounts", 4);
const TOKEN: Kind = kind("token", "tok", "tokens", 16);
const WEBHOOK: Kind = kind("webhook", "whk", "webhooks", 120);

const fn kind(
    name: &'static str,
    prefix: &'static str,
    collection: &'static str,
    per_organization: u64,
) -> Kind {
    Kind {
        name,
        prefix,
        collection,
        per_organization,
    }
}

/// Action, what it is done to (`None`: nothing but the platform itself), weight.
const ACTIONS: [(&str, Option<&Kind>, u32); 52] = [
    ("createCluster", Some(&CLUSTER), 20),
    ("updateCluster", Some(&CLUSTER), 55),
    ("deleteCluster", Some(&CLUSTER), 8),
    ("scaleCluster", Some(&CLUSTER), 90),
    ("upgradeCluster", Some(&CLUSTER), 12),
    ("startCluster", Some(&CLUSTER), 25),
    ("stopCluster", Some(&CLUSTER), 25),
    ("restartCluster", Some(&CLUSTER), 15),
    ("createInstance", Some(&INSTANCE), 80),
    ("updateInstance", Some(&INSTANCE), 40),
    ("deleteInstance", Some(&INSTANCE), 60),
    ("startInstance", Some(&INSTANCE), 120),
    ("stopInstance", Some(&INSTANCE), 110),
    ("restartInstance", Some(&INSTANCE), 140),
    ("createConfigProfile", Some(&PROFILE), 10),
    ("updateConfigProfile", Some(&PROFILE), 45),
    ("duplicateConfigProfile", Some(&PROFILE), 6),
    ("deleteConfigProfile", Some(&PROFILE), 4),
    ("applyConfigProfile", Some(&PROFILE), 80),
    ("rollbackConfigProfile", Some(&PROFILE), 5),
    ("createAlertRule", Some(&ALERT), 12),
    ("updateAlertRule", Some(&ALERT), 22),
    ("deleteAlertRule", Some(&ALERT), 5),
    ("pauseAlertRule", Some(&ALERT), 8),
    ("resumeAlertRule", Some(&ALERT), 8),
    ("raiseAlert", Some(&ALERT), 90),
    ("acknowledgeAlert", Some(&ALERT), 60),
    ("resolveAlert", Some(&ALERT), 75),
    ("createUser", Some(&USER), 10),
    ("updateUser", Some(&USER), 24),
    ("deleteUser", Some(&USER), 5),
    ("inviteUser", Some(&USER), 12),
    ("disableUser", Some(&USER), 4),
    ("enableUser", Some(&USER), 3),
    ("resetPassword", Some(&USER), 18),
    ("createRole", Some(&ROLE), 3),
    ("updateRole", Some(&ROLE), 9),
    ("deleteRole", Some(&ROLE), 2),
    ("createRoleBinding", Some(&ROLE), 20),
    ("deleteRoleBinding", Some(&ROLE), 12),
    ("createServiceAccount", Some(&ACCOUNT), 3),
    ("deleteServiceAccount", Some(&ACCOUNT), 1),
    ("createToken", Some(&TOKEN), 9),
    ("revokeToken", Some(&TOKEN), 7),
    ("createWebhook", Some(&WEBHOOK), 8),
    ("updateWebhook", Some(&WEBHOOK), 14),
    ("deleteWebhook", Some(&WEBHOOK), 4),
    ("pauseWebhook", Some(&WEBHOOK), 6),
    ("testWebhook", Some(&WEBHOOK), 30),
    ("deliverWebhook", Some(&WEBHOOK), 160),
    ("login", None, 130),
    ("logout", None, 70),
];

const ERRORS: [(&str, &str, u32); 8] = [
    ("403", "missing permission for this scope", 40),
    ("404", "no such target", 15),
    ("409", "another change is in progress", 12),
    ("422", "the value is out of range", 12),
    ("429", "too many requests", 6),
    ("500", "internal error", 5),
    ("503", "no capacity in the zone", 7),
    ("timeout", "the control plane did not answer in 30 s", 3),
];

const AGENTS: [&str; 8] = [
    "mar-cli/2.4.1 (linux; amd64)",
    "mar-cli/2.3.0 (darwin; arm64)",
    "mar-console/2026.10",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15)",
    "terraform-provider-mar/1.8.2",
    "mar-operator/0.31.0",
    "python-mar/1.12",
];

const SOURCES: [&str; 4] = ["mar-api", "mar-console", "mar-operator", "mar-alerts"];

const REGIONS: [&str; 6] = [
    "eu-west", "eu-north", "us-east", "us-west", "ap-south", "sa-east",
];

const FIRST_NAMES: &str = "Ada Adam Aiko Aisha Alan Alma Amara Amir Ana Anders Anya Arjun Astrid Ayla Beatriz Ben Björn Bo \
    Camille Carlos Carmen Chen Chloé Clara Dafne Dana Daniel David Diego Dina Edith Elena Elif Emil Emma Enzo Erik Esra Eva \
    Fatima Felix Fiona Frida Gita Grace Hana Hugo Ida Ines Ivan Iris Jamal Jana José Jun Kai Karim Kasia Kofi Lars Leila Lena \
    Leo Liam Lin Lucía Łukasz Maja Marco Maria Mateo Maya Mei Mila Milan Nadia Nils Noor Nora Olga Omar Øyvind Paula Pedro \
    Priya Quinn Rafael Ravi Rosa Ruth Sana Sara Selma Sofia Tara Theo Tomás Uma Vera Viktor Wanda Wei";

const SYLLABLES: [&str; 18] = [
    "ba", "ce", "do", "fi", "gu", "ha", "je", "ko", "li", "mu", "na", "pe", "ro", "si", "tu", "va",
    "we", "zo",
];

/// A small generator of numbers (SplitMix64): the same seed, the same numbers, on every machine.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to `n - 1`, evenly.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.any()) * u128::from(n)) >> 64) as u64
    }

    /// A rank from 0 to `n - 1`, the small ones often: Zipf with exponent 1, by octaves.
    pub fn zipf(&mut self, n: u64) -> u64 {
        let octave = self.below(64 - u64::from(n.leading_zeros()));
        let first = 1 << octave;
        let end = (first * 2).min(n + 1);
        first + self.below(end - first) - 1
    }

    /// A place in a table of weights.
    fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u32 = weights.clone().sum();
        let mut left = self.below(u64::from(total)) as u32;
        for (at, weight) in weights.enumerate() {
            if left < weight {
                return at;
            }
            left -= weight;
        }
        unreachable!("a number below the sum of weights falls into one of them")
    }
}

/// A bijection of 64-bit numbers: what is mixed from different numbers differs.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A word of the vocabulary of 5,000.
pub fn word(n: u64) -> String {
    let n = n % VOCABULARY;
    [n / 324, n / 18 % 18, n % 18]
        .iter()
        .map(|&s| SYLLABLES[s as usize])
        .collect()
}

/// The name of a user, from 0: distinct for each.
pub fn user_name(user: u64) -> String {
    let first = FIRST_NAMES
        .split_ascii_whitespace()
        .nth((user % 100) as usize)
        .expect("a hundred first names");
    let mut last = word(mix(user / 100 + 1) % VOCABULARY);
    last[..1].make_ascii_uppercase();
    format!("{first} {last}{}", SYLLABLES[(user / 100 % 18) as usize])
}

/// The address of a user, from 0: distinct for each.
pub fn user_email(user: u64) -> String {
    format!(
        "{}{user}@{}.example",
        word(mix(user)),
        organization(user % ORGANIZATIONS)
    )
}

/// The name of a service account, from 0.
pub fn service_account_name(account: u64) -> String {
    format!("{}-{}-bot", word(mix(account + 7)), account)
}

/// The slug of an organization, from 0.
pub fn organization(n: u64) -> String {
    format!("{}-{n:02}", word(mix(n + 1_000)))
}

/// The name of a project of an organization, each from 0.
pub fn project(organization: u64, n: u64) -> String {
    format!("{}-{n}", word(mix(organization * PROJECTS + n + 2_000)))
}

/// The name of a cluster of an organization, each from 0.
pub fn cluster_name(organization: u64, rank: u64) -> String {
    target_name(&CLUSTER, organization, rank)
}

/// The request id of entry `i`: distinct for each.
pub fn request_id(i: u64) -> String {
    let mut id = String::from("req_");
    let mut left = mix(i ^ 0x5eed);
    for _ in 0..13 {
        id.push(char::from(
            b"0123456789abcdefghjkmnpqrstvwxyz"[(left & 31) as usize],
        ));
        left >>= 5;
    }
    id
}

fn target_name(kind: &Kind, organization: u64, rank: u64) -> String {
    let hash = mix(organization << 32
        | rank << 3
        | kind.prefix.len() as u64 ^ u64::from(kind.prefix.as_bytes()[1]));
    let base = word(hash);
    let region = REGIONS[(hash >> 20) as usize % REGIONS.len()];
    match kind.name {
        "instance" => format!("{base}-{:08x}-{}", (hash >> 24) as u32, word(hash >> 13)),
        "user" => user_name(rank * ORGANIZATIONS + organization),
        "webhook" => format!("https://hooks.{base}.example/{rank}"),
        "role" => format!("{base}-editor-{rank}"),
        "alert" => format!("{base}-{}-high-{rank}", word(hash >> 17)),
        _ => format!("{base}-{region}-{rank}"),
    }
}

/// Who acts: a user (two of three entries) or a service account.
enum Agent {
    User(u64),
    ServiceAccount(u64),
}

/// The reference workload of a given size.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub entries: u64,
    pub logs: Logs,
}

impl Workload {
    pub fn new(entries: u64, logs: Logs) -> Self {
        Self { entries, logs }
    }

    /// Entry `i` as its sender has it.
    pub fn draft(&self, i: u64) -> Draft {
        let mut json = Vec::with_capacity(800);
        self.write_json(i, &mut json);
        Draft::from_json(&json).expect("the workload holds valid drafts")
    }

    /// A batch: one line per entry.
    pub fn ndjson(&self, range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::with_capacity(((range.end - range.start) * 700) as usize);
        for i in range {
            self.write_json(i, &mut out);
            out.push(b'\n');
        }
        out
    }

    /// Entry `i` in the order of arrival, as one JSON object.
    pub fn write_json(&self, i: u64, out: &mut Vec<u8>) {
        let mut numbers = Numbers::new(mix(i.wrapping_mul(2) + 1));
        let micros = self.timestamp(i, &mut numbers);
        let (agent, organization) = match numbers.below(3) {
            0 => {
                let account = numbers.zipf(SERVICE_ACCOUNTS);
                (Agent::ServiceAccount(account), account % ORGANIZATIONS)
            }
            _ => {
                let user = numbers.zipf(USERS);
                (Agent::User(user), user % ORGANIZATIONS)
            }
        };
        let (action, kind, _) = ACTIONS[numbers.weighted(ACTIONS.iter().map(|a| a.2))];
        let mut text = Text(out);
        text.identity(i, micros, &mut numbers);
        text.actor(&agent);
        text.write(format_args!(",\"action\":\"{action}\""));
        let rank = kind.map_or(0, |kind| numbers.zipf(kind.per_organization));
        if let Some(kind) = kind {
            text.target(kind, organization, rank);
        }
        self.scope(
            &mut text,
            organization,
            (rank * 7 + organization) % PROJECTS,
        );
        text.request(
            i,
            &agent,
            action,
            kind.map(|kind| (kind, organization, rank)),
            &mut numbers,
        );
        text.result(&mut numbers);
        text.context(&mut numbers);
        text.write(format_args!(
            ",\"source\":{{\"name\":\"{}\",\"sequence\":{i}}}}}",
            SOURCES[numbers.zipf(4) as usize]
        ));
    }

    /// In order of arrival but for two seconds of jitter; one in a hundred is late by up to twelve hours.
    fn timestamp(&self, i: u64, numbers: &mut Numbers) -> i64 {
        let even =
            (i128::from(SPAN_MICROS) * i128::from(i) / i128::from(self.entries.max(1))) as i64;
        let late = if numbers.below(100) == 0 {
            3_600_000_000 + numbers.below(11 * 3_600_000_000) as i64
        } else {
            0
        };
        let jitter = numbers.below(2_000_000) as i64;
        START_MICROS + (even - late + jitter).max(0)
    }

    fn scope(&self, text: &mut Text, at: u64, number: u64) {
        let project = project(at, number);
        match self.logs {
            Logs::PerOrganization => text.write(format_args!(
                ",\"scope\":{{\"organization\":\"{}\",\"project\":\"{project}\"}}",
                organization(at)
            )),
            Logs::One => text.write(format_args!(
                ",\"scope\":{{\"organization\":\"reference\",\"project\":\"{}/{project}\"}}",
                organization(at)
            )),
        }
    }
}

/// The members of one object, written one after the other. No value holds a character that JSON escapes.
struct Text<'a>(&'a mut Vec<u8>);

impl Text<'_> {
    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(arguments)
            .expect("memory takes every write");
    }

    /// A UUID of version 7 whose random part is a bijection of `i`, and the timestamp.
    fn identity(&mut self, i: u64, micros: i64, numbers: &mut Numbers) {
        let millis = (micros / 1_000) as u64;
        let distinct = mix(i);
        let high = distinct >> 52;
        let low = distinct & ((1 << 52) - 1) | numbers.below(1 << 10) << 52;
        self.write(format_args!(
            "{{\"id\":\"{:08x}-{:04x}-7{high:03x}-{:04x}-{:012x}\",\"timestamp\":\"",
            millis >> 16,
            millis & 0xffff,
            0x8000 | low >> 48,
            low & ((1 << 48) - 1),
        ));
        self.instant(micros);
        self.0.push(b'"');
    }

    /// RFC 3339 with six digits, by the civil calendar (Hinnant's days algorithm).
    fn instant(&mut self, micros: i64) {
        let days = micros.div_euclid(86_400_000_000) + 719_468;
        let rest = micros.rem_euclid(86_400_000_000);
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let seconds = rest / 1_000_000;
        self.write(format_args!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60,
            rest % 1_000_000
        ));
    }

    fn actor(&mut self, agent: &Agent) {
        match *agent {
            Agent::User(user) => self.write(format_args!(
                ",\"actor\":{{\"type\":\"user\",\"id\":\"usr_{user:05}\",\"name\":\"{}\",\"email\":\"{}\"}}",
                user_name(user),
                user_email(user)
            )),
            Agent::ServiceAccount(account) => self.write(format_args!(
                ",\"actor\":{{\"type\":\"service_account\",\"id\":\"sva_{account:03}\",\"name\":\"{}\"}}",
                service_account_name(account)
            )),
        }
    }

    fn target(&mut self, kind: &Kind, organization: u64, rank: u64) {
        self.write(format_args!(
            ",\"target\":{{\"type\":\"{}\",\"id\":\"{}_{organization:02}{rank:04}\",\"name\":\"{}\"}}",
            kind.name,
            kind.prefix,
            target_name(kind, organization, rank)
        ));
    }

    fn request(
        &mut self,
        i: u64,
        agent: &Agent,
        action: &str,
        target: Option<(&Kind, u64, u64)>,
        numbers: &mut Numbers,
    ) {
        let (seed, user_agent) = match *agent {
            Agent::User(user) => (user, AGENTS[(mix(user) % 5) as usize]),
            Agent::ServiceAccount(account) => (account + USERS, AGENTS[(5 + account % 3) as usize]),
        };
        let ip = mix(seed * 3 + numbers.zipf(3));
        self.write(format_args!(",\"request\":{{\"id\":\"{}\"", request_id(i)));
        match ip % 10 {
            0 => self.write(format_args!(
                ",\"ip\":\"2001:db8:{:x}::{:x}\"",
                ip >> 48,
                ip >> 16 & 0xfff
            )),
            _ => self.write(format_args!(
                ",\"ip\":\"10.{}.{}.{}\"",
                ip >> 8 & 0xff,
                ip >> 16 & 0xff,
                ip >> 24 & 0xff
            )),
        }
        let method = if action.starts_with("create") || target.is_none() {
            "POST"
        } else if action.starts_with("delete") {
            "DELETE"
        } else {
            "PATCH"
        };
        self.write(format_args!(
            ",\"user_agent\":\"{user_agent}\",\"method\":\"{method}\",\"path\":\"/v1/"
        ));
        match target {
            Some((kind, organization, rank)) => {
                self.write(format_args!(
                    "{}/{}_{organization:02}{rank:04}",
                    kind.collection, kind.prefix
                ));
            }
            None => self.write(format_args!("sessions")),
        }
        self.write(format_args!("\"}}"));
    }

    fn result(&mut self, numbers: &mut Numbers) {
        if numbers.below(100) < 3 {
            let (code, message, _) = ERRORS[numbers.weighted(ERRORS.iter().map(|e| e.2))];
            self.write(format_args!(
                ",\"result\":\"failure\",\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}"
            ));
        } else {
            self.write(format_args!(",\"result\":\"success\""));
        }
    }

    fn context(&mut self, numbers: &mut Numbers) {
        let mut next = || word(numbers.zipf(VOCABULARY));
        let [a, b, c, d, e, f] = [next(), next(), next(), next(), next(), next()];
        self.write(format_args!(
            ",\"context\":{{\"change\":\"{a}\",\"part\":\"{b}\",\"reason\":\"{c} {d}\",\"team\":\"{e}\",\"zone\":\"{f}\"}}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const SAMPLE: u64 = 20_000;

    fn values(logs: Logs) -> Vec<serde_json::Value> {
        let workload = Workload::new(SAMPLE, logs);
        let lines = workload.ndjson(0..SAMPLE);
        lines
            .split(|&b| b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("every line is JSON"))
            .collect()
    }

    #[test]
    fn entries_are_about_640_bytes_three_in_a_hundred_failed() {
        let bytes = Workload::new(SAMPLE, Logs::PerOrganization)
            .ndjson(0..SAMPLE)
            .len() as u64
            / SAMPLE;
        assert!((610..=670).contains(&bytes), "{bytes} bytes per entry");
        let failures = values(Logs::PerOrganization)
            .iter()
            .filter(|v| v["result"] == "failure")
            .count();
        assert!(
            (500..=700).contains(&failures),
            "{failures} failures of {SAMPLE}"
        );
    }

    #[test]
    fn every_draft_is_valid_and_every_action_known() {
        let catalogue = entry::Catalogue::built_in();
        let workload = Workload::new(SAMPLE, Logs::PerOrganization);
        for i in 0..SAMPLE {
            let draft = workload.draft(i);
            assert!(catalogue.get(&draft.action).is_some(), "{}", draft.action);
        }
    }

    #[test]
    fn ids_request_ids_and_names_are_distinct() {
        let entries = values(Logs::One);
        let distinct = |pointer: &str| {
            entries
                .iter()
                .map(|v| v.pointer(pointer).unwrap().to_string())
                .collect::<HashSet<_>>()
        };
        assert_eq!(distinct("/id").len() as u64, SAMPLE);
        assert_eq!(distinct("/request/id").len() as u64, SAMPLE);
        assert_eq!(distinct("/scope/organization").len(), 1);
        assert_eq!(
            (0..USERS).map(user_email).collect::<HashSet<_>>().len() as u64,
            USERS
        );
        assert_eq!(
            (0..ORGANIZATIONS)
                .map(organization)
                .collect::<HashSet<_>>()
                .len() as u64,
            ORGANIZATIONS
        );
        assert_eq!(
            (0..VOCABULARY).map(word).collect::<HashSet<_>>().len() as u64,
            VOCABULARY
        );
    }

    #[test]
    fn an_entry_is_the_same_whichever_range_it_is_generated_in() {
        let workload = Workload::new(SAMPLE, Logs::PerOrganization);
        let whole = workload.ndjson(100..200);
        let halves = [workload.ndjson(100..150), workload.ndjson(150..200)].concat();
        assert_eq!(whole, halves);
    }

    #[test]
    fn one_in_a_hundred_is_late_and_the_rest_arrive_in_order() {
        let workload = Workload::new(SAMPLE, Logs::One);
        let step = SPAN_MICROS / SAMPLE as i64;
        let late = (0..SAMPLE)
            .filter(|&i| {
                let on_time = START_MICROS + step * i as i64;
                workload.timestamp(i, &mut Numbers::new(mix(i * 2 + 1))) < on_time - 3_000_000_000
            })
            .count();
        assert!((140..=260).contains(&late), "{late} late of {SAMPLE}");
    }

    #[test]
    fn small_ranks_come_often_and_every_rank_is_within_bounds() {
        let mut numbers = Numbers::new(1);
        let ranks: Vec<u64> = (0..100_000).map(|_| numbers.zipf(USERS)).collect();
        assert!(ranks.iter().all(|&rank| rank < USERS));
        let first = ranks.iter().filter(|&&rank| rank == 0).count();
        assert!(
            (6_000..=7_400).contains(&first),
            "rank 0 came {first} times of 100,000"
        );
        assert!(ranks.iter().any(|&rank| rank > USERS - 500));
    }
}
