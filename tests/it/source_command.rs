//! `mar-audit source`, against the real binary: a cluster is pointed here by what it prints, and sources are seen and cleaned up.

use crate::certificates::{Authority, ours, text};
use crate::program::{Done, Program, command, directory};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use yaml_rust2::{Yaml, YamlLoader};

/// What an API server's policy says of a request, by the rules of `audit.k8s.io/v1`: the first that fits decides.
struct Policy {
    rules: Vec<Yaml>,
}

/// A request, as rules see it. `what` is a path, or `group:resource[/subresource]` with `core` for the group without a name.
struct Asked<'a> {
    user: Option<(&'a str, &'a [&'a str])>,
    verb: &'a str,
    what: &'a str,
}

fn strings(yaml: &Yaml) -> Vec<&str> {
    let all = yaml.as_vec().into_iter().flatten();
    all.map(|one| one.as_str().expect("a text")).collect()
}

impl Policy {
    fn read(text: &str) -> Self {
        let documents = YamlLoader::load_from_str(text).expect("YAML");
        let policy = &documents[0];
        assert_eq!(policy["apiVersion"].as_str(), Some("audit.k8s.io/v1"));
        assert_eq!(policy["kind"].as_str(), Some("Policy"));
        members(
            policy,
            &[
                "apiVersion",
                "kind",
                "omitStages",
                "omitManagedFields",
                "rules",
            ],
        );
        assert_eq!(policy["omitManagedFields"].as_bool(), Some(true));
        stages(&policy["omitStages"]);
        let rules = policy["rules"].as_vec().expect("rules").clone();
        rules.iter().for_each(well_formed);
        Self { rules }
    }

    fn level(&self, asked: &Asked<'_>) -> &str {
        let fits = self.rules.iter().find(|rule| fits(rule, asked));
        fits.and_then(|rule| rule["level"].as_str())
            .unwrap_or("None")
    }
}

fn members(yaml: &Yaml, known: &[&str]) {
    let hash = yaml.as_hash().expect("an object");
    for key in hash.keys() {
        let key = key.as_str().expect("a text");
        assert!(known.contains(&key), "no member {key} is known");
    }
}

fn stages(yaml: &Yaml) {
    let known = [
        "RequestReceived",
        "ResponseStarted",
        "ResponseComplete",
        "Panic",
    ];
    assert!(strings(yaml).iter().all(|stage| known.contains(stage)));
}

/// What the API server refuses to start with.
fn well_formed(rule: &Yaml) {
    members(
        rule,
        &[
            "level",
            "users",
            "userGroups",
            "verbs",
            "resources",
            "nonResourceURLs",
            "omitStages",
        ],
    );
    let levels = ["None", "Metadata", "Request", "RequestResponse"];
    assert!(levels.contains(&rule["level"].as_str().expect("a level")));
    stages(&rule["omitStages"]);
    let urls = strings(&rule["nonResourceURLs"]);
    assert!(urls.is_empty() || rule["resources"].is_badvalue(), "either");
    for url in urls {
        let stem = url.strip_suffix('*').unwrap_or(url);
        assert!(url.starts_with('/') && !stem.contains('*'), "{url}");
    }
    for of in rule["resources"].as_vec().into_iter().flatten() {
        members(of, &["group", "resources"]);
        assert!(of["group"].as_str().is_some());
    }
}

fn fits(rule: &Yaml, asked: &Asked<'_>) -> bool {
    let users = strings(&rule["users"]);
    let groups = strings(&rule["userGroups"]);
    let verbs = strings(&rule["verbs"]);
    let known = |of: &dyn Fn(&str, &[&str]) -> bool| asked.user.is_some_and(|(n, g)| of(n, g));
    let by = (users.is_empty() || known(&|name, _| users.contains(&name)))
        && (groups.is_empty() || known(&|_, mine| mine.iter().any(|one| groups.contains(one))))
        && (verbs.is_empty() || verbs.contains(&asked.verb));
    let urls = strings(&rule["nonResourceURLs"]);
    let resources = rule["resources"].as_vec();
    by && match asked.what.starts_with('/') {
        true if resources.is_some() => false,
        true => {
            let matches = |url: &&str| match url.strip_suffix('*') {
                Some(stem) => asked.what.starts_with(stem),
                None => asked.what == *url,
            };
            urls.is_empty() || urls.iter().any(matches)
        }
        false if !urls.is_empty() => false,
        false => resources.is_none_or(|all| all.iter().any(|of| is_of(of, asked.what))),
    }
}

fn is_of(of: &Yaml, what: &str) -> bool {
    let (group, resource) = what.split_once(':').expect("a group and a resource");
    let group = if group == "core" { "" } else { group };
    let named = strings(&of["resources"]);
    let fits = |name: &&str| match name.strip_prefix("*/") {
        Some(sub) => resource.split_once('/').is_some_and(|(_, s)| s == sub),
        None => *name == resource,
    };
    of["group"].as_str() == Some(group) && (named.is_empty() || named.iter().any(fits))
}

#[test]
#[rustfmt::skip]
fn the_policy_tells_what_people_change_and_who_reads_secrets_and_not_how_a_cluster_hums() {
    let policy = Policy::read(mar_audit::setup::kubernetes::POLICY);
    let ana = Some(("ana@acme.example", &["system:authenticated"][..]));
    let bot = Some(("system:serviceaccount:pay:bot", &["system:serviceaccounts", "system:serviceaccounts:pay", "system:authenticated"][..]));
    let node = Some((
        "system:node:n1",
        &["system:nodes", "system:authenticated"][..],
    ));
    let control = Some((
        "system:kube-controller-manager",
        &["system:authenticated"][..],
    ));
    let stranger = Some(("system:anonymous", &["system:unauthenticated"][..]));
    let told = [
        (ana, "create", "core:pods", "RequestResponse"),
        (ana, "patch", "apps:deployments/scale", "RequestResponse"),
        (bot, "delete", "core:namespaces", "RequestResponse"),
        (ana, "create", "rbac.authorization.k8s.io:rolebindings", "RequestResponse"),
        (ana, "delete", "coordination.k8s.io:leases", "RequestResponse"),
        (ana, "update", "core:nodes/status", "RequestResponse"),
        (ana, "create", "core:secrets", "Metadata"),
        (ana, "get", "core:secrets", "Metadata"),
        (bot, "list", "core:secrets", "Metadata"),
        (node, "get", "core:secrets", "Metadata"),
        (bot, "create", "core:serviceaccounts/token", "Metadata"),
        (ana, "update", "core:configmaps", "Metadata"),
        (ana, "create", "authentication.k8s.io:tokenreviews", "Metadata"),
        (ana, "get", "core:pods/exec", "Metadata"),
        (ana, "create", "core:pods/attach", "Metadata"),
        (bot, "get", "core:pods/portforward", "Metadata"),
        (ana, "get", "core:pods", "None"),
        (bot, "watch", "apps:deployments", "None"),
        (node, "update", "coordination.k8s.io:leases", "None"),
        (node, "patch", "core:nodes/status", "None"),
        (node, "watch", "core:secrets", "None"),
        (node, "create", "core:pods", "Metadata"),
        (control, "list", "core:secrets", "None"),
        (control, "update", "apps:replicasets/status", "None"),
        (control, "create", "core:pods", "Metadata"),
        (stranger, "get", "/healthz", "None"),
        (stranger, "get", "/api/v1/namespaces", "Metadata"),
        (stranger, "list", "core:pods", "Metadata"),
        // Nobody could be made out: the one stage that a refused sign-in leaves.
        (None, "get", "core:pods", "Metadata"),
        (None, "list", "core:secrets", "Metadata"),
    ];
    for (user, verb, what, level) in told {
        let asked = Asked { user, verb, what };
        assert_eq!(policy.level(&asked), level, "{verb} {what}");
    }
}

/// A server that encrypts and lets nobody in without a token; its owner has one in the file `owner`.
struct Guarded {
    dir: tempfile::TempDir,
    authority: Authority,
    server: Program,
}

impl Guarded {
    fn new() -> Self {
        let (authority, dir) = (Authority::new(), directory());
        let files = authority.put_issued(&authority.issue(&ours()));
        let server = Program::serve_with(&dir.path().join("data"), "127.0.0.1:0", |arguments| {
            let mut command = command(arguments);
            command.args(["--access", "required"]);
            command.env("MAR_AUDIT_TLS_CERT", &files.certificate);
            command.env("MAR_AUDIT_TLS_KEY", &files.key);
            command
        });
        let here = Self {
            dir,
            authority,
            server,
        };
        let link = format!("@{}", here.path("data/first-sign-in"));
        let claim = [
            "user",
            "claim",
            "--link",
            &link,
            "--login",
            "ana@acme.example",
            "--name",
            "Ana",
            "--password-stdin",
        ];
        here.run_with(&claim).ok();
        let permissions = "entries:record,entries:read,access:manage,sources:manage";
        let token = [
            "token",
            "create",
            "--sign-in",
            "ana@acme.example",
            "--password-stdin",
            "--name",
            "owner",
            "--permission",
            permissions,
        ];
        let token = here.run_with(&token).ok().out;
        fs::write(here.path("owner"), token).expect("written");
        here
    }

    fn path(&self, name: &str) -> String {
        text(&self.dir.path().join(name)).to_owned()
    }

    /// With the password on stdin.
    fn run_with(&self, arguments: &[&str]) -> Done {
        let mut arguments = arguments.to_vec();
        let trusted = self.authority.trusted();
        arguments.extend(["--ca-file", text(&trusted)]);
        let password = format!("{}\n", crate::cli_access::PASSWORD);
        self.server.run_with_stdin(&arguments, password.as_bytes())
    }

    fn owner(&self, arguments: &[&str]) -> Done {
        let token = format!("@{}", self.path("owner"));
        let mut arguments = arguments.to_vec();
        arguments.extend(["--token", &token]);
        self.run_with(&arguments)
    }
}

fn event(id: &str) -> Value {
    json!({
        "level": "Metadata", "auditID": id, "stage": "ResponseComplete", "verb": "delete",
        "user": {"username": "ana@acme.example"}, "responseStatus": {"code": 200},
        "objectRef": {"resource": "pods", "namespace": "pay", "name": "web-1"},
        "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
    })
}

fn events(items: &[Value]) -> String {
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).to_string()
}

/// Posts as an API server would that was started with the kubeconfig: its address, its token, its authorities.
fn post_by(kubeconfig: &Path, authorities: &Path, body: &str) -> String {
    let config = fs::read_to_string(kubeconfig).expect("written");
    let config = &YamlLoader::load_from_str(&config).expect("YAML")[0];
    assert_eq!(config["kind"].as_str(), Some("Config"));
    let cluster = &config["clusters"][0]["cluster"];
    let pem = cluster["certificate-authority-data"]
        .as_str()
        .expect("authorities");
    let pem = data_encoding::BASE64.decode(pem.as_bytes());
    fs::write(authorities, pem.expect("base64")).expect("written");
    let url = cluster["server"].as_str().expect("an address");
    let token = config["users"][0]["user"]["token"]
        .as_str()
        .expect("a token");
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--cacert", text(authorities)])
        .args(["-H", "Content-Type: application/json"])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["--data-binary", body, &format!("{url}?timeout=30s")])
        .output();
    Done::of(&output.expect("curl runs")).ok().out
}

impl Guarded {
    /// A service that records into an organization, and the kubeconfig of a cluster that shows its token.
    fn cluster(&self, name: &str, organization: &str) -> PathBuf {
        let at = ["--organization", organization];
        let service = [
            "user",
            "add",
            name,
            "--name",
            name,
            "--service",
            "--role",
            "recorder",
        ];
        self.owner(&[&service[..], &at].concat()).ok();
        let out = self.path("out");
        let made = [
            "source",
            "kubernetes",
            "--name",
            name,
            "--account",
            name,
            "--out",
            &out,
        ];
        let made = self.owner(&[&made[..], &at].concat()).ok();
        let flag = "--audit-webhook-truncate-enabled=true";
        assert!(made.out.contains(flag), "{made:?}");
        self.dir.path().join("out/audit-webhook.kubeconfig")
    }
}

/// The API server's log file says the same again, in its own way.
fn imports_nothing_new(here: &Guarded) {
    let mut logged = event("a");
    logged["kind"] = json!("Event");
    logged["apiVersion"] = json!("audit.k8s.io/v1");
    let file = here.path("audit.log");
    fs::write(&file, format!("{logged}\n")).expect("written");
    let again = [
        "import",
        "--format",
        "kubernetes",
        "--source",
        "prod",
        "--organization",
        "acme",
        &file,
        "-o",
        "json",
    ];
    let again = here.owner(&again).ok().json();
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(1)),
        "{again}"
    );
}

#[test]
fn a_cluster_records_by_the_files_that_are_printed_for_it_and_into_its_organization() {
    let here = Guarded::new();
    let kubeconfig = here.cluster("prod", "acme");
    let mode = { fs::metadata(&kubeconfig).expect("written") }.permissions();
    assert_eq!(mode.mode() & 0o777, 0o600, "it holds a token");
    let authorities = here.dir.path().join("ca.pem");
    let odd = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "reason": "Scheduled"});
    let answer = post_by(&kubeconfig, &authorities, &events(&[event("a"), odd]));
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let came = (&answer["stored"], &answer["quarantined"]);
    assert_eq!(came, (&json!(1), &json!(1)), "{answer}");
    imports_nothing_new(&here);

    let sources = here.owner(&["source", "list", "-o", "json"]).ok().json();
    let mut sources = sources.as_array().expect("sources").iter();
    let found = sources.find(|one| one["name"] == "prod");
    let found = found.expect("the cluster");
    assert_eq!(found["organization"], "acme");
    let counts = (&found["entries"], &found["quarantine"]["items"]);
    assert_eq!(counts, (&json!(1), &json!(1)));
    let table = here.owner(&["source", "list"]).ok().out;
    assert!(table.contains("prod") && table.contains("acme"), "{table}");

    let of = |what: &str, more: &[&str]| {
        let words = [
            "source",
            "quarantine",
            what,
            "prod",
            "--organization",
            "acme",
        ];
        here.owner(&[&words[..], more].concat())
    };
    let table = of("list", &[]).ok().out;
    assert!(table.contains("events.k8s.io/v1"), "{table}");
    let items = of("list", &["-o", "json"]).ok().json();
    let id = items[0]["id"].as_str().expect("an id");
    assert_eq!(of("replay", &[id, "-o", "json"]).ok().json()["stay"], 1);
    let unsaid = of("drop", &[]);
    assert!(
        unsaid.exit != 0 && unsaid.err.contains("--all"),
        "{unsaid:?}"
    );
    assert_eq!(
        of("drop", &["--all", "-o", "json"]).ok().json()["dropped"],
        1
    );
    assert_eq!(of("list", &["-o", "json"]).ok().out, "[]\n");
}

#[test]
fn a_kubeconfig_whose_token_would_never_be_shown_is_not_made() {
    let here = Guarded::new();
    let unsaid = here.run_with(&["source", "kubernetes"]);
    assert!(unsaid.err.contains("--account"), "{unsaid:?}");
    for by in [["--account", "prod"], ["--recorder-token", "mar_rec_x"]] {
        let words = [
            "source",
            "kubernetes",
            "--server",
            "http://log.example",
            by[0],
            by[1],
        ];
        let refused = here.run_with(&words);
        assert!(
            refused.exit == 1 && refused.err.contains("over https only"),
            "{refused:?}"
        );
    }
    let strange = ["source", "kubernetes", "--name", "../x"];
    assert!(here.run_with(&strange).err.contains("1 to 63"));
}

#[test]
fn behind_an_open_door_all_of_it_is_one_text_of_yaml_without_a_token() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let all = server
        .run(&["source", "kubernetes", "--name", "prod"])
        .ok()
        .out;
    let documents = YamlLoader::load_from_str(&all).expect("YAML");
    assert_eq!(documents[0]["kind"].as_str(), Some("Policy"));
    let url = documents[1]["clusters"][0]["cluster"]["server"].as_str();
    assert_eq!(
        url,
        Some(&*format!("{}/v1/sources/kubernetes/prod", server.url))
    );
    assert!(documents[1]["users"][0]["user"]["token"].is_badvalue());
    assert!(
        all.contains("\n# --audit-policy-file=/etc/kubernetes/"),
        "{all}"
    );
}
