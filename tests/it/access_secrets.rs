//! Secrets are in no output: every kind of token, and passwords, brought in by every way that a caller may take, rightly and
//! wrongly, are in no line of the log, no answer, no header, no measure and no file of the data directory.

use crate::access::ALL;
use crate::program::{Program, directory};
use crate::sources_grpc::{EXPORT, GRPC, call, framed, records, run, speak};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tokio::net::TcpStream;

const PASSWORD: &str = "canary-of-a-password";

/// Where pages in frames come from, so that the way in for them is open.
const SITE: &str = "https://console.example";

/// A guarded server of its own process that logs all it can, and all that it answered.
struct Loud {
    server: Program,
    agent: ureq::Agent,
    /// Heads and bodies, each with the call that it answers.
    answers: Vec<(String, String)>,
}

struct Said {
    status: u16,
    cookie: Option<String>,
    body: String,
}

type Headers<'a> = &'a [(&'a str, &'a str)];

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Loud {
    fn start(data: &Path, log: &Path) -> Self {
        let loud = |arguments: &[&str]| {
            let mut command = crate::program::command(arguments);
            let file = fs::File::create(log).expect("a file");
            command.args(["--access", "required", "--embed-origin", SITE]);
            command
                .stderr(Stdio::from(file))
                .env("MAR_AUDIT_LOG", "trace");
            command
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0);
        Self {
            server: Program::serve_with(data, "127.0.0.1:0", loud),
            agent: agent.build().into(),
            answers: Vec::new(),
        }
    }

    /// What is answered, and its headers.
    fn ask(&self, method: &str, path: &str, headers: Headers<'_>, body: &str) -> (Said, String) {
        let call = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server.url))
            .header("sec-fetch-site", "same-origin")
            // One that was refused before its body was read is not waited for.
            .header("connection", "close");
        let call = { headers.iter() }.fold(call, |call, (name, value)| call.header(*name, *value));
        let sent = self.agent.run(call.body(body.to_owned()).expect("a call"));
        let mut answer = sent.expect("an answer");
        let (mut head, mut cookie) = (String::new(), None);
        for (name, value) in answer.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            match name.as_str() {
                "set-cookie" => cookie = Some(value.into_owned()),
                name => head.push_str(&format!("{name}: {value}\n")),
            }
        }
        let said = Said {
            status: answer.status().as_u16(),
            cookie,
            body: answer.body_mut().read_to_string().expect("text"),
        };
        (said, head)
    }

    /// Shows what is secret where it is made, which is right, and is not looked at.
    fn make(&self, path: &str, shown: (&str, &str), body: &Value) -> Value {
        let (said, _) = self.ask("POST", path, &[JSON, shown], &body.to_string());
        assert!((200..300).contains(&said.status), "{path}: {}", said.body);
        serde_json::from_str(&said.body).expect("JSON")
    }

    /// Must not repeat what came with it.
    fn note(&mut self, method: &str, path: &str, headers: Headers<'_>, body: &str) -> u16 {
        let (said, mut head) = self.ask(method, path, headers, body);
        // A way in gives a cookie, and that is all that may hold what was shown.
        if said.status >= 400 {
            head.push_str(said.cookie.as_deref().unwrap_or_default());
        }
        let call = format!("{method} {}", &path[..path.len().min(40)]);
        self.answers.push((call, head + "\n" + &said.body));
        said.status
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Every kind of secret, by what it is called, and a cookie of the owner's.
fn secrets(loud: &Loud, data: &Path) -> (Vec<(&'static str, String)>, String) {
    let link = fs::read_to_string(data.join("first-sign-in")).expect("a link");
    let link = link.trim().to_owned();
    let claim = json!({"link": link, "login": "root", "name": "Root", "password": PASSWORD});
    let (said, _) = loud.ask("POST", "/v1/access/claim", &[JSON], &claim.to_string());
    let cookie = said.cookie.expect("signed in");
    let (cookie, _) = cookie.split_once(';').expect("attributes");
    let (_, session) = cookie.split_once('=').expect("a pair");
    let owner = ("cookie", cookie);
    let account = |login: &str, role: &str| {
        let user = json!({"kind": "service", "login": login, "name": login});
        let account = text(&loud.make("/v1/access/users", owner, &user)["id"]);
        let binding = json!({"account": account, "role": role});
        loud.make("/v1/access/bindings", owner, &binding);
        account
    };
    let token = |wanted: &Value| text(&loud.make("/v1/access/tokens", owner, wanted)["secret"]);
    let personal = token(&json!({"name": "own", "permissions": ALL}));
    let account = account("svc", "owner");
    let service = token(&json!({"name": "svc", "account": account, "permissions": ALL}));
    let recorder = token(
        &json!({"name": "rec", "kind": "recorder", "account": account, "permissions": ["entries:record"]}),
    );
    let day = 86_400_000_000;
    let tomorrow = entry::Timestamp::from_micros(mar_audit::clock::now().as_micros() + day);
    let tomorrow = tomorrow.expect("an instant").to_string();
    let wanted = json!({"name": "aud", "permissions": ["entries:read"], "expires_at": tomorrow});
    let auditor = loud.make("/v1/access/links", owner, &wanted);
    let bearer = format!("Bearer {service}");
    let embed = loud.make("/v1/access/embed", ("authorization", &bearer), &json!({}));
    let all = vec![
        ("a password", PASSWORD.to_owned()),
        ("a session", session.to_owned()),
        ("a first-start link", link),
        ("a personal token", personal),
        ("a service's token", service),
        ("a recorder's token", recorder),
        ("an auditor's link", text(&auditor["secret"])),
        ("an embed token", text(&embed["secret"])),
    ];
    (all, cookie.to_owned())
}

const BULK: &str = "{\"create\":{}}\n{\"event\":{\"action\":\"login\"},\"user\":{\"id\":\"n\"}}\n";
const EVENT: &str = r#"{"event":{"action":"login","user_id":"u"}}"#;
const RECORDS: &str =
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"login"}]}]}]}"#;
const DRAFT: &str = r#"{"actor":{"type":"system","name":"s"},"action":"tune","result":"success"}"#;

/// As a credential, in each header that carries one.
fn shown(loud: &mut Loud, secret: &str) {
    let packed = |user: &str| BASE64.encode(format!("{user}:{secret}").as_bytes());
    let bearer = format!("Bearer {secret}");
    let elastic = "/v1/sources/elastic/shop/_bulk";
    for (path, body, says) in [
        ("/v1/entries", DRAFT, bearer.clone()),
        ("/v1/entries", DRAFT, format!("{bearer}, {bearer}")),
        ("/v1/entries", DRAFT, format!("Basic {}", packed("x"))),
        ("/v1/entries", DRAFT, format!("Token {secret}")),
        ("/v1/entries", DRAFT, secret.to_owned()),
        ("/v1/entries", "{\"actor\":", bearer.clone()),
        (elastic, BULK, format!("Basic {}", packed("elastic"))),
        (elastic, BULK, format!("ApiKey {}", packed("id"))),
        (elastic, BULK, format!("ApiKey {secret}")),
        (elastic, BULK, bearer.clone()),
        (
            "/services/collector/event",
            EVENT,
            format!("Splunk {secret}"),
        ),
        (
            "/services/collector/event",
            EVENT,
            format!("Basic {}", packed("x")),
        ),
        ("/v1/logs", RECORDS, bearer.clone()),
        ("/v1/sources/otlp/shop/v1/logs", RECORDS, bearer.clone()),
    ] {
        loud.note("POST", path, &[JSON, ("authorization", &says)], body);
    }
    let cookies = ["mar_session", "mar_embed"].map(|name| format!("{name}={secret}"));
    for header in [("authorization", bearer.as_str())]
        .into_iter()
        .chain(cookies.iter().map(|cookie| ("cookie", cookie.as_str())))
    {
        for path in [
            "/v1/entries?limit=1",
            "/",
            "/account",
            "/metrics",
            "/v1/access/me",
        ] {
            loud.note("GET", path, &[header], "");
        }
    }
    run(async {
        let stream = TcpStream::connect(loud.server.address()).await;
        let calls = speak(stream.expect("the server accepts")).await;
        for says in [bearer.as_str(), secret] {
            let headers = [GRPC, ("authorization", says)];
            call(&calls, EXPORT, &headers, framed(false, &records(&["n"]))).await;
        }
    });
}

/// Where none belongs: in addresses.
fn addressed(loud: &mut Loud, secret: &str, cookie: &str) {
    let owner = ("cookie", cookie);
    for path in [
        format!("/v1/entries?access_token={secret}"),
        format!("/v1/entries?{secret}=1"),
        format!("/v1/entries?cursor={secret}"),
        format!("/v1/entries/{secret}"),
        format!("/v1/entries/{secret}/proof"),
        format!("/v1/access/tokens/{secret}"),
        format!("/v1/logs/{secret}/checkpoint"),
        format!("/v1/sources/{secret}/quarantine"),
        format!("/services/collector/event?token={secret}"),
        format!("/entries/{secret}"),
        format!("/sources/{secret}"),
        format!("/link/{secret}"),
        format!("/link?link={secret}"),
        format!("/embed?token={secret}"),
        format!("/claim?link={secret}"),
        format!("/sign-in?token={secret}"),
        format!("/assets/{secret}/x.css"),
        format!("/{secret}"),
        format!("/?search={secret}"),
        format!("/v1/entries?q=actor:{secret}"),
    ] {
        loud.note("GET", &path, &[owner], "");
        loud.note("GET", &path, &[("accept", "text/html")], "");
        loud.note("POST", &path, &[owner, JSON], DRAFT);
    }
}

/// In forms and bodies, right and wrong ones.
fn filled_in(loud: &mut Loud, secret: &str, cookie: &str) {
    let owner = ("cookie", cookie);
    let cut = &secret[..secret.len() - 3];
    for (path, fields) in [
        ("/link", format!("link={secret}")),
        ("/link", format!("link={cut}")),
        ("/embed", format!("token={secret}")),
        ("/embed", format!("token={cut}")),
        // What was typed as a name stands there again; it was no secret then.
        ("/sign-in", format!("login=root&password={secret}")),
        (
            "/claim",
            format!("link={secret}&login=x&name=x&password=a+long+password"),
        ),
        (
            "/account/password",
            format!("old_password={secret}&password={secret}&again={secret}x"),
        ),
    ] {
        loud.note("POST", path, &[FORM], &fields);
        loud.note("POST", path, &[FORM, owner], &fields);
    }
    for (path, body) in [
        (
            "/v1/access/sign-in",
            json!({"login": secret, "password": secret}),
        ),
        (
            "/v1/access/sign-in",
            json!({"login": 1, "password": secret}),
        ),
        ("/v1/access/sign-in", json!({secret: 1})),
        (
            "/v1/access/claim",
            json!({"link": secret, "login": "eve", "name": "Eve", "password": secret}),
        ),
    ] {
        loud.note("POST", path, &[JSON], &body.to_string());
    }
}

/// Within what sources send: stored, and kept beside, without it.
fn sent(loud: &mut Loud, secret: &str, recorder: &str) {
    let bearer = format!("Bearer {recorder}");
    let known = json!({
        "auditID": format!("id-{}", loud.answers.len()), "stage": "ResponseComplete", "verb": "update",
        "user": {"username": "ana", "extra": {"seen": [secret]}}, "responseStatus": {"code": 200},
        "objectRef": {"resource": "pods", "namespace": "pay", "name": "web-1"},
        "requestObject": {"note": format!("it is {secret}, they said")},
        "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
    });
    let unknown = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "note": format!("told {secret}")});
    let list =
        json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [known, unknown]});
    let document = json!({"event": {"action": "login"}, "user": {"id": "n"}, "seen": secret});
    let event =
        json!({"event": {"action": "login", "user_id": "u", "note": format!("told {secret}")}});
    let attribute = json!({"key": "seen", "value": {"stringValue": secret}});
    let user = json!({"key": "user.id", "value": {"stringValue": "u"}});
    let record = json!({"eventName": "login", "attributes": [attribute, user]});
    let records = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    let bulk = format!("{{\"create\":{{}}}}\n{document}\n");
    for (path, body) in [
        ("/v1/sources/kubernetes/prod", list.to_string()),
        ("/v1/sources/elastic/shop/_bulk", bulk),
        ("/services/collector/event", event.to_string()),
        ("/services/collector/raw", event["event"].to_string()),
        ("/v1/logs", records.to_string()),
    ] {
        let status = loud.note("POST", path, &[JSON, ("authorization", &bearer)], &body);
        assert_eq!(status, 200, "{path}: {:?}", loud.answers.last());
    }
    let event = json!({"specversion": "1.0", "id": "1", "source": "/shop", "type": "login", "subject": "u",
        "data": {"note": format!("told {secret}")}});
    let kind = ("content-type", "application/cloudevents+json");
    let path = "/v1/sources/cloudevents/shop";
    loud.note(
        "POST",
        path,
        &[kind, ("authorization", &bearer)],
        &event.to_string(),
    );
}

/// All that can be asked for afterwards.
fn looked_through(loud: &mut Loud, cookie: &str) {
    for path in [
        "/metrics",
        "/v1/entries?limit=1000",
        "/v1/export?format=ndjson",
        "/v1/export?format=csv",
        "/v1/access/tokens",
        "/v1/access/sessions",
        "/v1/access/users",
        "/v1/access/links",
        "/v1/access/bindings",
        "/v1/sources",
        "/v1/sources/prod/quarantine",
        "/",
        "/sources",
        "/sources/prod",
        "/account",
        "/access/people",
        "/access/tokens",
        "/access/links",
        "/access/sessions",
    ] {
        let status = loud.note("GET", path, &[("cookie", cookie)], "");
        assert_eq!(status, 200, "{path}");
    }
}

#[test]
fn no_secret_is_in_any_output_or_file() {
    let dir = directory();
    let (data, log) = (dir.path().join("data"), dir.path().join("stderr"));
    let mut loud = Loud::start(&data, &log);
    let (secrets, cookie) = secrets(&loud, &data);
    let recorder = secrets[5].1.clone();
    for (name, secret) in &secrets {
        shown(&mut loud, secret);
        filled_in(&mut loud, secret, &cookie);
        // A password looks like nothing.
        if *name != "a password" {
            addressed(&mut loud, secret, &cookie);
            sent(&mut loud, secret, &recorder);
        }
    }
    looked_through(&mut loud, &cookie);
    let Loud {
        server, answers, ..
    } = loud;
    assert!(answers.iter().any(|(_, said)| said.contains("startServer")));
    assert!(answers.iter().any(|(_, said)| said.contains("[redacted: ")));
    assert_eq!(server.stop(), 0);
    let mut found = Vec::new();
    let mut look = |what: &str, bytes: &[u8]| {
        for (name, secret) in &secrets {
            if holds(bytes, secret) {
                found.push(format!("{what} holds {name}"));
            }
        }
    };
    { answers.iter() }.for_each(|(call, said)| look(call, said.as_bytes()));
    let mut files = 0;
    each_file(dir.path(), &mut |path, bytes| {
        files += 1;
        look(&path.display().to_string(), bytes);
    });
    let logged = fs::metadata(&log).expect("a file").len();
    assert!(logged > 0 && files > 5, "{files} files");
    assert_eq!(found, Vec::<String>::new());
}

/// True if the secret is there: itself, what of it is no name of it, or as Basic packs it.
fn holds(bytes: &[u8], secret: &str) -> bool {
    let alone = secret.rsplit('_').next().expect("a last part");
    let packed =
        ["x", "id", "elastic"].map(|user| BASE64.encode(format!("{user}:{secret}").as_bytes()));
    let texts = [secret, alone].into_iter().map(str::to_owned);
    let mut texts = texts.chain(packed);
    texts.any(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

fn each_file(dir: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for found in fs::read_dir(dir).expect("a directory") {
        let path = found.expect("a name").path();
        match path.is_dir() {
            true => each_file(&path, look),
            false => look(&path, &fs::read(&path).expect("a file")),
        }
    }
}
