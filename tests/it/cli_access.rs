//! Access on the command line, against the real binary: from the link of the first start to the least token for each command.

use crate::program::{Done, Program, command, directory, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse battery";

/// A server with an owner, and its owner's token in a file.
pub struct House {
    pub dir: TempDir,
    pub server: Program,
}

pub fn guarded(data: &Path) -> Program {
    Program::serve_with(data, "127.0.0.1:0", |arguments| {
        let mut command = command(arguments);
        command.args(["--access", "required"]);
        command
    })
}

/// Words of a command line; a `~` is a blank within one.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .map(|word| word.replace('~', " "))
        .collect()
}

impl House {
    pub fn new() -> Self {
        let dir = directory();
        let server = guarded(&dir.path().join("data"));
        let house = Self { dir, server };
        let link = house.dir.path().join("data/first-sign-in");
        let claim = format!(
            "user claim --link @{} --login ana@acme.example --name Ana~Ruiz --password-stdin",
            link.display()
        );
        house.say(&claim, PASSWORD).ok();
        let token = house.say(
            "token create --sign-in ana@acme.example --password-stdin --name owner --permission \
             entries:record,entries:read,entries:export,entries:unmask,entries:redact,logs:verify,access:manage,sources:manage,\
             sinks:manage,retention:manage",
            PASSWORD,
        );
        house.keep("owner", &token.ok().out);
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn keep(&self, name: &str, secret: &str) {
        fs::write(self.path(name), secret).expect("written");
    }

    /// A command with lines on stdin.
    pub fn say(&self, line: &str, stdin: &str) -> Done {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.server
            .run_with_stdin(&words, format!("{stdin}\n").as_bytes())
    }

    /// A command of who has the token in that file.
    fn by(&self, who: &str, line: &str) -> Done {
        let words = words(line);
        let token = format!("@{}", self.path(who).display());
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--token", &token]);
        self.server.run(&words)
    }

    pub fn owner(&self, line: &str) -> Done {
        self.by("owner", line)
    }

    /// A service with a role somewhere and a token for all that it permits.
    pub fn service(&self, login: &str, permissions: &str, place: &str) {
        let role = format!("only-{login}");
        self.owner(&format!("role put {role} --permission {permissions}"))
            .ok();
        self.owner(&format!(
            "user add {login} --name {login} --service --role {role} {place}"
        ))
        .ok();
        let token = self.owner(&format!(
            "token create --name {login} --account {login} --permission {permissions}"
        ));
        self.keep(login, &token.ok().out);
    }

    fn record(&self, who: &str, organization: &str) -> Done {
        self.by(
            who,
            &format!(
                "record --action createCluster --result success --actor-name Bo~Li --actor-email bo@acme.example --ip 203.0.113.9 \
                 --organization {organization} --project pay -o ndjson"
            ),
        )
    }
}

#[track_caller]
pub fn refused(done: &Done, said: &str) {
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains(said), "{said} in {done:?}");
    assert_eq!(done.out, "", "{done:?}");
}

#[test]
fn an_owner_comes_in_without_a_browser_and_gets_a_token() {
    let house = House::new();
    assert!(!house.path("data/first-sign-in").exists(), "it is used up");
    let secret = fs::read_to_string(house.path("owner")).expect("written");
    assert!(
        secret.starts_with("mar_pat_") && secret.trim_end().len() == 61,
        "alone on stdout: {secret:?}"
    );
    let me = house.owner("whoami").ok().out;
    for part in [
        "Ana Ruiz · ana@acme.example (user)",
        "token ",
        "access required",
        "access:manage",
        "the whole server",
    ] {
        assert!(me.contains(part), "{part} in {me}");
    }
    let me = house.owner("whoami -o json").ok().json();
    assert_eq!(
        (&me["type"], &me["access"]),
        (&"token".into(), &"required".into())
    );
    // The session of a command is over with it.
    assert_eq!(house.owner("session list -o json").ok().out, "[]\n");
    let again = house.say(
        "user claim --link mar_one_x --login bo --name Bo --password-stdin",
        PASSWORD,
    );
    refused(&again, "that is no link of a first start");
}

#[test]
fn a_token_is_looked_at_without_a_server() {
    let house = House::new();
    let path = house.path("owner");
    let path = path.to_str().expect("text");
    let kind = run(&["token", "check", path]).ok().out;
    assert!(
        kind.starts_with("personal token ") && kind.contains("whole"),
        "{kind}"
    );
    assert_eq!(
        run(&["token", "check", path, "-o", "json"]).ok().json()["kind"],
        "personal"
    );
    let secret = fs::read_to_string(path).expect("written");
    let mistyped = secret.replacen("mar_pat_", "mar_svc_", 1);
    let done = house.say("token check", mistyped.trim_end());
    refused(&done, "its checksum does not fit");
    assert!(!done.err.contains(mistyped.trim_end()), "{done:?}");
    refused(
        &house.say("token check", "canary"),
        "a token reads mar_<kind>_<id>_<secret>",
    );
}

impl House {
    /// Somebody who reads a project; the id.
    fn bo(&self) -> String {
        let token = self.path("owner");
        let add = "user add Bo@acme.example --name Bo~Li --role viewer --organization acme --project pay --password-stdin -o json";
        let added = self.say(&format!("{add} --token @{}", token.display()), PASSWORD);
        let told = "Bo@acme.example has the role viewer in acme (pay)";
        assert!(added.err.contains(told), "{added:?}");
        added.ok().json()["id"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn roles_are_given_shown_and_taken() {
    let house = House::new();
    let id = house.bo();
    let signed_in = house.say(
        "whoami --sign-in bo@acme.example --password-stdin",
        PASSWORD,
    );
    let me = signed_in.ok().out;
    assert!(me.contains("entries:read in acme (pay)"), "{me}");
    let all = house.owner("user list -o csv").ok().out;
    assert_eq!(all.lines().count(), 3, "{all}");
    let groups = "user groups bo@acme.example support night";
    house.owner(groups).ok();
    let put = "role put support --permission entries:read --mask email,ip";
    house.owner(put).ok();
    house
        .owner("binding add --group support --role support")
        .ok();
    let shown = house.owner(&format!("user show {id}")).ok().out;
    for part in [
        "bo@acme.example",
        "night, support",
        "viewer in acme (pay)",
        "support in the whole server, by the group support",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let all = house.owner("binding list -o ndjson").ok().out;
    let mut all = all
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_group = all.find(|one| one["group"] == "support").expect("listed");
    refused(&house.owner("role remove support"), "in use");
    let of_group = of_group["id"].as_str().expect("an id");
    house.owner(&format!("binding remove {of_group}")).ok();
    house.owner("role remove support").ok();
    refused(
        &house.owner("role show suport"),
        "there is no role `suport`",
    );
    let service = house.owner("user add bot --name Bot --service --role nonsense");
    assert_eq!(service.exit, 1, "{service:?}");
    let told = "bot was added, but not given the role nonsense";
    assert!(service.err.contains(told), "{service:?}");
    // A service has no password; who adds it does.
    let add = "user add bot2 --name Bot --service --sign-in ana@acme.example --password-stdin";
    house.say(add, PASSWORD).ok();
}

#[test]
fn an_account_is_disabled_and_changes_its_own_password() {
    let house = House::new();
    house.bo();
    let as_bo = |line: &str, lines: &str| {
        let line = format!("{line} --sign-in bo@acme.example --password-stdin");
        house.say(&line, lines)
    };
    let near = house.owner("user show bo@acme.exampel");
    refused(&near, "did you mean `bo@acme.example`?");
    house.owner("user disable bo@acme.example").ok();
    refused(&as_bo("whoami", PASSWORD), "nobody is known by that");
    house.owner("user enable bo@acme.example").ok();
    // Who manages nothing still changes its own password, and may list nobody.
    let other = "another horse battery";
    let both = format!("{PASSWORD}\n{other}");
    let changed = as_bo("user password bo@acme.example", &both).ok();
    assert_eq!(changed.err, "", "its session ended with the old one");
    refused(&as_bo("whoami", PASSWORD), "nobody is known by that");
    refused(&as_bo("user list", other), "access:manage");
    let last = house.owner("user disable ana@acme.example");
    refused(&last, "nobody would be left");
}

#[test]
fn tokens_end_and_the_others_of_a_list_are_revoked_all_the_same() {
    let house = House::new();
    house.service("svc", "entries:read", "");
    let made = house
        .owner("token create --name rec --account svc --kind rec --expires 90d -o json")
        .ok()
        .json();
    assert_eq!(made["token"]["kind"], "recorder");
    assert_eq!(
        made["token"]["permissions"],
        serde_json::json!(["entries:record"])
    );
    assert!(made["token"]["expires_at"].is_string());
    let secret = made["secret"].as_str().expect("a secret");
    let over = house.owner(
        "token create --name x --account svc --permission entries:read --expires 2020-01-01",
    );
    refused(&over, "is over already");
    refused(
        &house.owner("token create --name x --account svc --permission entries:reed"),
        "entries:reed",
    );
    assert_eq!(house.owner("token list -o csv").ok().out.lines().count(), 4);

    // Of a token that was found its id is enough; one that is not there keeps no other from being revoked.
    let done = house.owner(&format!("token revoke 0000000000000 {secret}"));
    assert_eq!(done.exit, 6, "{done:?}");
    assert!(
        done.err.contains("0000000000000: There is no such thing"),
        "{done:?}"
    );
    assert!(!done.err.contains(secret), "{done:?}");
    house.keep("gone", secret);
    refused(&house.record("gone", "acme"), "Sign in first");
    refused(&house.record("gone", "acme"), "token create");
}

#[test]
fn sessions_and_links_are_listed_and_ended() {
    let house = House::new();
    house.record("owner", "acme").ok();
    house.record("owner", "other").ok();
    let link = "link create --name Auditors --organization acme --expires 30d --filter actor:bo* --mask email";
    refused(&house.owner(link), "--sign-in LOGIN");
    let made = house
        .say(
            &format!("{link} --sign-in ana@acme.example --password-stdin"),
            PASSWORD,
        )
        .ok();
    assert!(made.err.contains("shown this once"), "{made:?}");
    let (page, secret) = made.out.split_once('#').expect("a link");
    assert_eq!(page, format!("{}/link", house.server.url));
    house.keep("link", secret);
    let seen = house.by("link", "search -o json").ok().json();
    let seen = seen.as_array().expect("entries");
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (
            &seen[0]["scope"]["organization"],
            &seen[0]["actor"]["email"]
        ),
        (&"acme".into(), &Value::Null)
    );
    let shown = house
        .by(
            "link",
            &format!("show {}", seen[0]["id"].as_str().expect("an id")),
        )
        .ok()
        .out;
    assert!(
        shown.contains("Hidden") && shown.contains("/actor/email"),
        "{shown}"
    );
    let all = house.owner("link list -o ndjson").ok().json();
    assert_eq!(all["name"], "Auditors");
    house
        .owner(&format!(
            "link revoke {}",
            all["id"].as_str().expect("an id")
        ))
        .ok();
    refused(&house.by("link", "search"), "Sign in first");

    let own = house
        .say(
            "session list -o ndjson --sign-in ana@acme.example --password-stdin",
            PASSWORD,
        )
        .ok()
        .json();
    assert_eq!(own["current"], true);
    let id = own["id"].as_str().expect("an id");
    refused(
        &house.owner(&format!("session end {id}")),
        "There is no such thing",
    );
}

/// What a command needs, as one permission or several, and the command; `ID` is an entry of acme.
const COMMANDS: &[(&str, &str)] = &[
    (
        "entries:record",
        "record --action a --result success --actor-name Bo --organization acme --project pay",
    ),
    ("entries:read", "search --limit 5"),
    ("entries:read", "search --limit 5 -o csv"),
    ("entries:read", "show ID"),
    ("entries:read", "show ID -o csv"),
    ("entries:read", "tail --limit 1"),
    ("entries:export", "export --format csv"),
    (
        "entries:export,logs:verify",
        "export --bundle FILE --organization acme",
    ),
    ("entries:redact", "redact ID /request/ip --reason r --yes"),
];

#[test]
fn every_client_command_takes_its_permission_and_no_more() {
    let house = House::new();
    let receipt = house.record("owner", "acme").ok().json();
    let id = receipt["id"].as_str().expect("an id").to_owned();
    house.service("nothing", "retention:manage", "");
    for (at, (permissions, line)) in COMMANDS.iter().enumerate() {
        let file = house.path("bundle");
        let line = line
            .replace("ID", &id)
            .replace("FILE", file.to_str().expect("text"));
        let missing = house.say(&line, "");
        refused(&missing, "Sign in first");
        assert!(missing.err.contains("--token @FILE"), "{missing:?}");
        let forbidden = house.by("nothing", &line);
        assert_eq!(forbidden.exit, 1, "{line}: {forbidden:?}");
        let named = permissions
            .split(',')
            .any(|one| forbidden.err.contains(one));
        assert!(
            named && forbidden.err.contains("mar-audit whoami"),
            "{line}: {forbidden:?}"
        );
        // Least: these permissions, in the one organization.
        let login = format!("least-{at}");
        house.service(&login, permissions, "--organization acme");
        if line.starts_with("tail") {
            tail_sees_one(&house, &login);
        } else {
            house.by(&login, &line).ok();
        }
        // And no other organization's.
        let login = format!("foreign-{at}");
        house.service(&login, permissions, "--organization other");
        let foreign = match line.starts_with("tail") {
            true => continue,
            false => house.by(&login, &line),
        };
        let is_list = line.starts_with("search") || line.starts_with("export --format");
        match is_list {
            true => assert!(!foreign.ok().out.contains(&id), "{line}"),
            false => assert!([1, 6].contains(&foreign.exit), "{line}: {foreign:?}"),
        }
    }
}

/// A tail that began is given what is recorded then.
fn tail_sees_one(house: &House, login: &str) {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let token = format!("@{}", house.path(login).display());
    let mut tail = house
        .server
        .command(&["tail", "--limit", "1", "-o", "ndjson", "--token", &token])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut out = BufReader::new(tail.stdout.take().expect("a pipe"));
    // That it began is noted, in the log of acme: one entry of its own, and the tail may be told of it.
    let began = || house.owner("search action:tailEntries -o json").ok().json();
    while began().as_array().expect("entries").is_empty() {}
    house.record("owner", "acme").ok();
    let mut line = String::new();
    out.read_line(&mut line).expect("an entry");
    let entry: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(entry["scope"]["organization"], "acme");
    assert!(tail.wait().expect("it ends").success());
}

#[test]
fn import_and_verify_take_a_token_as_well() {
    let house = House::new();
    let drafts = r#"{"actor":{"type":"user","name":"Bo"},"action":"a","result":"success","source":{"name":"s","event_id":"1"}}"#;
    let file = house.path("drafts.ndjson");
    fs::write(&file, drafts).expect("written");
    let import = format!(
        "import --format mar --organization acme --patience 0 {}",
        file.display()
    );
    let import = |who: Option<&str>| match who {
        Some(who) => house.by(who, &import),
        None => house.say(&import, ""),
    };
    let missing = import(None);
    assert_eq!(missing.exit, 1, "{missing:?}");
    assert!(
        missing.err.contains("Sign in first") && missing.err.contains("--token @FILE"),
        "{missing:?}"
    );
    house.service("rec", "entries:record", "--organization acme");
    house.service("foreign", "entries:record", "--organization other");
    let foreign = import(Some("foreign"));
    assert_eq!(foreign.exit, 6, "{foreign:?}");
    let kept = fs::read_to_string(house.path("drafts.ndjson.refused.ndjson")).expect("kept beside");
    assert!(
        kept.contains("entries:record"),
        "it says what is missing: {kept}"
    );
    import(Some("rec")).ok();

    house.service("ver", "logs:verify", "--organization acme");
    let keys = run(&[
        "key",
        "show",
        "--organization",
        "acme",
        "--data",
        house.path("data").to_str().expect("text"),
        "-o",
        "json",
    ]);
    let keys = keys.ok().json();
    let key = keys[0]["vkey"].as_str().expect("a key");
    let verify = |who: &str| {
        let url = format!("{}/v1/logs/acme", house.server.url);
        let token = format!("@{}", house.path(who).display());
        let mut words = vec!["verify", "log", &url, "--key", key];
        if !who.is_empty() {
            words.extend(["--token", &token]);
        }
        house.server.run(&words)
    };
    let verified = verify("ver").ok();
    assert!(verified.out.contains("verified"), "{verified:?}");
    refused(&verify(""), "Sign in first");
    refused(&verify("rec"), "logs:verify");
}

#[test]
fn what_is_hidden_is_marked_and_asked_for_with_a_purpose() {
    let house = House::new();
    house.record("owner", "acme").ok();
    house
        .owner("role put masked --permission entries:read,entries:unmask --mask ip,email")
        .ok();
    house
        .owner("user add eve --name Eve --service --role masked --organization acme")
        .ok();
    let token = house
        .owner("token create --name eve --account eve --permission entries:read,entries:unmask");
    house.keep("eve", &token.ok().out);
    let masked = house.by("eve", "search action:createCluster").ok().out;
    assert!(
        masked.contains("(hidden)") && !masked.contains("203.0.113.9"),
        "{masked}"
    );
    let whole = house
        .by(
            "eve",
            "search action:createCluster --unmask --purpose OPS-88",
        )
        .ok()
        .out;
    assert!(whole.contains("203.0.113.9"), "{whole}");
    let noted = house
        .owner("search action:searchEntries~context.purpose:OPS-88 -o json")
        .ok()
        .json();
    assert_eq!(noted.as_array().map(Vec::len), Some(1), "{noted}");
    assert_eq!(noted[0]["context"]["unmasked"], true);
    assert_eq!(noted[0]["actor"]["name"], "Eve");
}

#[test]
fn a_token_comes_from_a_flag_a_variable_or_a_file_and_the_nearest_counts() {
    let house = House::new();
    house.service("svc", "entries:read", "");
    let (owner, svc) = (house.path("owner"), house.path("svc"));
    let settings = house.path("settings.toml");
    fs::write(
        &settings,
        format!("token_file = {:?}\n", svc.display().to_string()),
    )
    .expect("written");
    let settings = settings.to_str().expect("text");
    let who = |variables: &[(&str, String)], arguments: &[&str]| {
        let mut command = house
            .server
            .command(&[&["whoami", "-o", "json", "--config", settings], arguments].concat());
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        let done = Done::of(&command.output().expect("the binary runs"))
            .ok()
            .json();
        done["actor"]["name"].as_str().expect("a name").to_owned()
    };
    let secret = fs::read_to_string(&owner)
        .expect("written")
        .trim_end()
        .to_owned();
    let at = |path: &Path| format!("@{}", path.display());
    assert_eq!(who(&[], &[]), "svc");
    assert_eq!(who(&[("MAR_AUDIT_TOKEN", secret)], &[]), "Ana Ruiz");
    assert_eq!(
        who(
            &[("MAR_AUDIT_TOKEN_FILE", owner.display().to_string())],
            &[]
        ),
        "Ana Ruiz"
    );
    assert_eq!(
        who(&[("MAR_AUDIT_TOKEN", at(&owner))], &["--token", &at(&svc)]),
        "svc"
    );
    let missing = house.by("nowhere", "whoami");
    refused(&missing, "nowhere: No such file");
    house.keep("broken", "two words\n");
    refused(
        &house.by("broken", "whoami"),
        "the token has characters that no token has",
    );
}
