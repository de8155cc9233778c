//! The routine of the platform: deployments, restarts, alerts, logins; a function of the hour alone.

use super::Scene;
use crate::bench::workload::Numbers;
use serde_json::{Value, json};

pub(super) const HOUR: i64 = 3_600 * 1_000_000;
const SECOND: i64 = 1_000_000;

struct Person {
    id: &'static str,
    name: &'static str,
    email: &'static str,
    ip: &'static str,
    agent: &'static str,
}

struct Project {
    organization: &'static str,
    name: &'static str,
    people: &'static [Person],
    clusters: &'static [&'static str],
    profiles: &'static [&'static str],
    alerts: &'static [&'static str],
    webhooks: &'static [&'static str],
}

const FIREFOX: &str = "mar-console/2026.11 (Firefox 145; macOS)";
const CHROME: &str = "mar-console/2026.11 (Chrome 142; Linux)";
const CLI: &str = "mar-cli/2.4.1 (linux; amd64)";
const TERRAFORM: &str = "terraform-provider-mar/1.8.2";

const fn person(
    id: &'static str,
    name: &'static str,
    email: &'static str,
    ip: &'static str,
    agent: &'static str,
) -> Person {
    Person {
        id,
        name,
        email,
        ip,
        agent,
    }
}

const ACME: &[Person] = &[
    person(
        "usr_ana",
        "Ana Ruiz",
        "ana.ruiz@acme.example",
        "203.0.113.24",
        FIREFOX,
    ),
    person(
        "usr_ada",
        "Ada Byron",
        "ada.byron@acme.example",
        "203.0.113.31",
        CLI,
    ),
    person(
        "usr_bo",
        "Bo Li",
        "bo.li@acme.example",
        "203.0.113.42",
        CHROME,
    ),
    person(
        "usr_tomas",
        "Tomás Weber",
        "tomas.weber@acme.example",
        "198.51.100.17",
        CLI,
    ),
    person(
        "usr_marek",
        "Marek Dvořák",
        "marek.dvorak@acme.example",
        "203.0.113.57",
        CHROME,
    ),
    person(
        "usr_priya",
        "Priya Nair",
        "priya.nair@acme.example",
        "203.0.113.63",
        FIREFOX,
    ),
    person(
        "usr_sofia",
        "Σοφία Παππά",
        "sofia.pappa@acme.example",
        "203.0.113.70",
        FIREFOX,
    ),
    person(
        "usr_kofi",
        "Kofi Mensah",
        "kofi.mensah@acme.example",
        "203.0.113.71",
        CLI,
    ),
];

const GLOBEX: &[Person] = &[
    person(
        "usr_noor",
        "Noor Haddad",
        "noor.haddad@globex.example",
        "198.51.100.90",
        TERRAFORM,
    ),
    person(
        "usr_lars",
        "Lars Øst",
        "lars.ost@globex.example",
        "198.51.100.93",
        CHROME,
    ),
    person(
        "usr_yuki",
        "田中 由紀",
        "yuki.tanaka@globex.example",
        "2001:db8:90::21",
        FIREFOX,
    ),
];

const INITECH: &[Person] = &[
    person(
        "usr_peter",
        "Peter Gibbons",
        "peter.gibbons@initech.example",
        "192.0.2.14",
        CHROME,
    ),
    person(
        "usr_mina",
        "Mina O'Hara",
        "mina.ohara@initech.example",
        "192.0.2.19",
        CLI,
    ),
];

const PROJECTS: &[Project] = &[
    Project {
        organization: "acme",
        name: "payments",
        people: ACME,
        clusters: &["pay-eu", "pay-us", "pay-sandbox"],
        profiles: &["payments-base", "pool-large", "debug-logging"],
        alerts: &["payments error rate > 1 %", "payment queue > 10,000"],
        webhooks: &["on-call pager", "payments chat"],
    },
    Project {
        organization: "acme",
        name: "storefront",
        people: ACME,
        clusters: &["shop-eu", "shop-us", "search-eu"],
        profiles: &["storefront-base", "sale-week"],
        alerts: &["checkout latency p95 > 800 ms", "search index age > 15 min"],
        webhooks: &["storefront chat"],
    },
    Project {
        organization: "acme",
        name: "platform",
        people: ACME,
        clusters: &["gateway", "build", "metrics"],
        profiles: &["gateway-base", "build-cache"],
        alerts: &["certificate expires in < 14 days", "build queue > 50"],
        webhooks: &["deploy announcements", "audit to data lake"],
    },
    Project {
        organization: "globex",
        name: "logistics",
        people: GLOBEX,
        clusters: &["route-planner", "tracking"],
        profiles: &["logistics-base"],
        alerts: &["route planning > 30 s"],
        webhooks: &["dispatch"],
    },
    Project {
        organization: "globex",
        name: "analytics",
        people: GLOBEX,
        clusters: &["warehouse", "stream-jobs"],
        profiles: &["spark-small", "spark-large"],
        alerts: &["warehouse disk > 90 %"],
        webhooks: &["data quality"],
    },
    Project {
        organization: "initech",
        name: "reports",
        people: INITECH,
        clusters: &["tps-reports"],
        profiles: &["reports-base"],
        alerts: &["report is late"],
        webhooks: &["cover sheets"],
    },
];

/// What a failed action says.
const ERRORS: &[(&str, &str)] = &[
    ("403", "missing permission for this project"),
    ("409", "another change is in progress"),
    ("422", "the value is out of range"),
    ("500", "the control plane did not answer in 30 s"),
    ("503", "no capacity left in the zone"),
];

/// Everything of one hour since 1970: busy on working days, quiet at night.
pub(super) fn hour(hour: i64) -> Vec<Scene> {
    let mut numbers = Numbers::new(hour as u64);
    let (of_day, day) = (hour.rem_euclid(24), (hour.div_euclid(24) + 3).rem_euclid(7));
    let busy: u64 = match (day, of_day) {
        (5 | 6, _) => 3,
        (_, 9..12 | 13..17) => 17,
        (_, 7..9 | 12 | 17..19) => 10,
        _ => 3,
    };
    (0..busy / 2 + numbers.below(busy))
        .flat_map(|n| {
            let at = hour * HOUR + numbers.below(HOUR as u64) as i64;
            activity(at, &format!("{hour}-{n}"), &mut numbers)
        })
        .collect()
}

/// One thing that happens at `micros`: one entry, or several that belong together. `key` makes its ids.
pub(super) fn activity(micros: i64, key: &str, numbers: &mut Numbers) -> Vec<Scene> {
    let mut stage = Stage {
        micros,
        key,
        project: pick(PROJECTS, numbers),
        request: format!("req_{:011x}", numbers.any() >> 20),
        scenes: Vec::new(),
    };
    match numbers.below(100) {
        0..14 => stage.deployment(numbers),
        14..26 => stage.autoscaling(numbers),
        26..46 => stage.instance(numbers),
        46..56 => stage.profile(numbers),
        56..68 => stage.alert(numbers),
        68..78 => stage.webhook(numbers),
        78..90 => stage.session(numbers),
        90..96 => stage.access(numbers),
        _ => stage.cluster(numbers),
    }
    stage.scenes
}

fn pick<'a, T>(from: &'a [T], numbers: &mut Numbers) -> &'a T {
    &from[numbers.below(from.len() as u64) as usize]
}

fn choose(from: &[&'static str], numbers: &mut Numbers) -> &'static str {
    pick::<&str>(from, numbers)
}

fn target(kind: &str, name: &str) -> Value {
    let slug: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    json!({"type": kind, "id": format!("{}_{slug}", &kind[..3]), "name": name})
}

/// Where one activity plays, and what of it is written down so far.
struct Stage<'a> {
    micros: i64,
    key: &'a str,
    project: &'static Project,
    request: String,
    scenes: Vec<Scene>,
}

impl Stage<'_> {
    /// One entry, `later` seconds after the first. `rest` holds the members that differ.
    fn entry(&mut self, later: i64, actor: Value, action: &str, target: Value, rest: Value) {
        let mut body = json!({
            "actor": actor,
            "action": action,
            "scope": {"organization": self.project.organization, "project": self.project.name},
            "request": {"id": self.request},
            "result": "success",
            "source": {"name": "mar-api", "event_id": format!("{}-{}", self.key, self.scenes.len())},
        });
        if !target.is_null() {
            body["target"] = target;
        }
        for (name, value) in rest.as_object().into_iter().flatten() {
            match (name.as_str(), value.as_object()) {
                ("request" | "source", Some(members)) => {
                    for (member, value) in members {
                        body[name][member] = value.clone();
                    }
                }
                _ => body[name] = value.clone(),
            }
        }
        self.scenes.push(Scene {
            micros: self.micros + later * SECOND,
            body,
        });
    }

    /// As [`Stage::entry`], by a person of the project: one of twenty-five fails.
    fn by_person(
        &mut self,
        person: &Person,
        action: &str,
        target: Value,
        mut rest: Value,
        numbers: &mut Numbers,
    ) {
        rest["request"] = json!({"ip": person.ip, "user_agent": person.agent});
        if numbers.below(25) == 0 {
            let (code, message) = pick(ERRORS, numbers);
            rest["result"] = json!("failure");
            rest["error"] = json!({"code": code, "message": message});
        }
        let actor =
            json!({"type": "user", "id": person.id, "name": person.name, "email": person.email});
        self.entry(0, actor, action, target, rest);
    }

    /// The pipeline applies a profile and restarts instances: one request, several entries.
    fn deployment(&mut self, numbers: &mut Numbers) {
        let cluster = choose(self.project.clusters, numbers);
        let profile = choose(self.project.profiles, numbers);
        let (minor, patch) = (numbers.below(40), numbers.below(9));
        let ci = json!({"type": "service_account", "id": "sva_ci", "name": "ci-deployer"});
        let request = json!({"ip": "10.20.0.14", "user_agent": TERRAFORM});
        let context = json!({
            "pipeline": format!("deploy/{}", 4_000 + numbers.below(900)),
            "version": format!("1.{minor}.{patch}"),
        });
        let rest = json!({
            "related": [target("cluster", cluster)],
            "request": request,
            "changes": [{
                "path": "/spec/image/tag",
                "before": format!("1.{minor}.{}", patch.saturating_sub(1)),
                "after": format!("1.{minor}.{patch}"),
            }],
            "context": context,
        });
        self.entry(
            0,
            ci.clone(),
            "applyConfigProfile",
            target("config_profile", profile),
            rest,
        );
        for n in 0..1 + numbers.below(3) {
            let instance = target("instance", &format!("{cluster}-{n}"));
            let rest = json!({"request": request, "context": context});
            self.entry(
                4 + 7 * n as i64,
                ci.clone(),
                "restartInstance",
                instance,
                rest,
            );
        }
    }

    fn autoscaling(&mut self, numbers: &mut Numbers) {
        let cluster = choose(self.project.clusters, numbers);
        let before = 2 + numbers.below(6);
        let after = if numbers.below(2) == 0 {
            before + 1 + numbers.below(3)
        } else {
            before - 1
        };
        let mut rest = json!({
            "changes": [{"path": "/spec/replicas", "before": before, "after": after}],
            "context": {"cpu_percent": 35 + numbers.below(60), "policy": "cpu-70"},
            "source": {"name": "mar-autoscaler"},
        });
        if numbers.below(40) == 0 {
            rest["result"] = json!("failure");
            rest["error"] = json!({"code": "503", "message": "no capacity left in the zone"});
        }
        let actor = json!({"type": "system", "name": "autoscaler"});
        self.entry(0, actor, "scaleCluster", target("cluster", cluster), rest);
    }

    fn instance(&mut self, numbers: &mut Numbers) {
        let cluster = choose(self.project.clusters, numbers);
        let action = choose(
            &[
                "startInstance",
                "stopInstance",
                "restartInstance",
                "restartInstance",
                "createInstance",
                "deleteInstance",
            ],
            numbers,
        );
        let person = pick(self.project.people, numbers);
        let instance = target("instance", &format!("{cluster}-{}", numbers.below(8)));
        let reason = choose(
            &["maintenance", "memory leak", "stuck", "node drain", "test"],
            numbers,
        );
        let rest = json!({"related": [target("cluster", cluster)], "context": {"reason": reason}});
        self.by_person(person, action, instance, rest, numbers);
    }

    fn profile(&mut self, numbers: &mut Numbers) {
        let profile = choose(self.project.profiles, numbers);
        let person = pick(self.project.people, numbers);
        let memory = 256 << numbers.below(4);
        let rest = json!({
            "changes": [{"path": "/spec/memory_mib", "before": memory, "after": memory * 2}],
            "context": {"ticket": format!("OPS-{}", 100 + numbers.below(400))},
        });
        let action = choose(
            &[
                "updateConfigProfile",
                "updateConfigProfile",
                "updateConfigProfile",
                "duplicateConfigProfile",
            ],
            numbers,
        );
        self.by_person(
            person,
            action,
            target("config_profile", profile),
            rest,
            numbers,
        );
    }

    /// Raised, perhaps acknowledged, resolved.
    fn alert(&mut self, numbers: &mut Numbers) {
        let alert = target("alert", choose(self.project.alerts, numbers));
        let cluster = target("cluster", choose(self.project.clusters, numbers));
        let manager = json!({"type": "system", "name": "alert-manager"});
        let severity = choose(&["info", "warning", "warning", "critical"], numbers);
        let rest = json!({"related": [cluster], "context": {"severity": severity}, "source": {"name": "mar-alerts"}});
        self.entry(
            0,
            manager.clone(),
            "raiseAlert",
            alert.clone(),
            rest.clone(),
        );
        let minutes = 2 + numbers.below(40) as i64;
        if numbers.below(2) == 0 {
            let person = pick(self.project.people, numbers);
            let actor = json!({"type": "user", "id": person.id, "name": person.name, "email": person.email});
            let request = json!({"request": {"ip": person.ip, "user_agent": person.agent}});
            self.entry(
                minutes * 20,
                actor,
                "acknowledgeAlert",
                alert.clone(),
                request,
            );
        }
        self.entry(minutes * 60, manager, "resolveAlert", alert, rest);
    }

    fn webhook(&mut self, numbers: &mut Numbers) {
        let webhook = target("webhook", choose(self.project.webhooks, numbers));
        let dispatcher = json!({"type": "system", "name": "webhook-dispatcher"});
        let mut rest = json!({
            "context": {"attempt": 1, "duration_ms": 40 + numbers.below(400), "response_status": 204},
            "source": {"name": "mar-webhooks"},
        });
        if numbers.below(16) == 0 {
            rest["result"] = json!("failure");
            rest["error"] =
                json!({"code": "504", "message": "the receiver did not answer in 10 s"});
            rest["context"] = json!({"attempt": 1, "duration_ms": 10_000});
        }
        self.entry(0, dispatcher, "deliverWebhook", webhook, rest);
    }

    fn session(&mut self, numbers: &mut Numbers) {
        let person = pick(self.project.people, numbers);
        let action = choose(&["login", "login", "logout"], numbers);
        let rest =
            json!({"context": {"method": "sso", "mfa": choose(&["webauthn", "totp"], numbers)}});
        self.by_person(person, action, Value::Null, rest, numbers);
    }

    fn access(&mut self, numbers: &mut Numbers) {
        let person = pick(self.project.people, numbers);
        let other = pick(self.project.people, numbers);
        let user = json!({"type": "user", "id": other.id, "name": other.name});
        let ticket = json!({"ticket": format!("HR-{}", 300 + numbers.below(90))});
        match numbers.below(3) {
            0 => {
                let role = target("role", choose(&["viewer", "deployer", "on-call"], numbers));
                let rest = json!({"related": [user], "context": ticket});
                self.by_person(person, "createRoleBinding", role, rest, numbers);
            }
            1 => {
                let change =
                    json!({"path": "/team", "before": "growth", "after": self.project.name});
                let rest = json!({"changes": [change], "context": ticket});
                self.by_person(person, "updateUser", user, rest, numbers);
            }
            _ => self.by_person(
                person,
                "resetPassword",
                user,
                json!({"context": ticket}),
                numbers,
            ),
        }
    }

    fn cluster(&mut self, numbers: &mut Numbers) {
        let cluster = target("cluster", choose(self.project.clusters, numbers));
        let person = pick(self.project.people, numbers);
        let patch = numbers.below(6);
        let (action, changes) = match numbers.below(3) {
            0 => ("upgradeCluster", {
                let (before, after) = (format!("1.31.{patch}"), format!("1.31.{}", patch + 1));
                json!([{"path": "/spec/version", "before": before, "after": after}])
            }),
            1 => (
                "updateCluster",
                json!([{"path": "/spec/backup/hour", "before": patch, "after": patch + 2}]),
            ),
            _ => (
                "restartCluster",
                json!([{"path": "/status/generation", "before": patch + 10, "after": patch + 11}]),
            ),
        };
        self.by_person(
            person,
            action,
            cluster,
            json!({"changes": changes}),
            numbers,
        );
    }
}
