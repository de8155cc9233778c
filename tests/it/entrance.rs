//! The pages by which people come in and leave, as a browser without scripts uses them.

use crate::access::{Caller, PASSWORD, claimed, entry};
use crate::api::uuid;
use crate::test_server::{Answer, TestServer};
use mar_audit::app::Settings;
use serde_json::{Value, json};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Sends a form of our own pages.
fn post(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = encoded(fields);
    server.send("POST", path, &[FORM, OURS], body.as_bytes())
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields).finish()
}

fn sign_in(server: &TestServer, password: &str, next: &str) -> Answer {
    let fields = [
        ("login", "root@log.example"),
        ("password", password),
        ("next", next),
    ];
    post(server, "/sign-in", &fields)
}

fn cookies(answer: &Answer) -> Vec<&str> {
    let set = answer.headers.iter();
    let set = set.filter(|(name, _)| name == "set-cookie");
    set.map(|(_, value)| value.as_str()).collect()
}

/// A page that nobody keeps and no other site frames.
#[track_caller]
fn is_guarded_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
}

fn own(owner: &Caller<'_>, act: &str) -> Vec<Value> {
    owner.entries(&format!("action={act}&limit=100"))
}

#[test]
fn every_page_of_the_entrance_is_kept_by_nobody_and_framed_by_nobody() {
    let server = TestServer::guarded();
    for path in ["/sign-in", "/sign-out", "/claim", "/link"] {
        let page = server.get(path);
        is_guarded_page(&page, 200);
        let link = server.link.as_ref().expect("a link").expose();
        assert!(!page.text().contains(link), "{path}");
    }
}

#[test]
fn the_first_owner_comes_in_by_the_link_or_its_secret() {
    for whole in [true, false] {
        let server = TestServer::guarded();
        let secret = server.link.as_ref().expect("a link").expose().to_owned();
        let link = match whole {
            true => format!(" {} ", server.url(&format!("/claim#{secret}"))),
            false => secret.clone(),
        };
        let fields = |link: &str, login: &str, password: &str| {
            let fields = [
                ("link", link),
                ("name", "Ana <Ruiz>"),
                ("login", login),
                ("password", password),
            ];
            post(&server, "/claim", &fields)
        };
        let wrong = fields("mar_one_x", "ana@acme.example", PASSWORD);
        is_guarded_page(&wrong, 401);
        assert!(wrong.text().contains("not known here") && !wrong.text().contains("mar_one_x"));
        for (login, password, said) in [
            ("ana@acme.example", "short", "at least 12 characters"),
            ("no login", PASSWORD, "mail address"),
        ] {
            let wrong = fields(&link, login, password);
            is_guarded_page(&wrong, 422);
            let text = wrong.text();
            assert!(
                text.contains(said) && text.contains("Ana &lt;Ruiz&gt;"),
                "{text}"
            );
            assert!(!text.contains(PASSWORD) && !text.contains("value=\"short\""));
        }
        let claimed = fields(&link, "ana@acme.example", PASSWORD);
        assert_eq!(
            (claimed.status, claimed.header("location")),
            (303, Some("/"))
        );
        let owner = Caller::with_cookie(&server, &claimed);
        assert!(owner.get("/").text().contains("ana@acme.example"));
        assert_eq!(own(&owner, "claimServer").len(), 1);
        is_guarded_page(&fields(&link, "eve", PASSWORD), 401);
    }
}

#[test]
fn a_wrong_password_and_a_wrong_login_are_told_alike() {
    let server = TestServer::guarded();
    claimed(&server);
    let wrong = sign_in(&server, "not the password", "/");
    is_guarded_page(&wrong, 401);
    assert!(cookies(&wrong).is_empty());
    let fields = [
        ("login", "nobody@log.example"),
        ("password", "x"),
        ("next", "/"),
    ];
    let unknown = post(&server, "/sign-in", &fields);
    is_guarded_page(&unknown, 401);
    let text = unknown
        .text()
        .replace("nobody@log.example", "root@log.example");
    assert_eq!(text, wrong.text());
    assert!(text.contains("The login or the password is wrong."));
    assert!(!text.contains("not the password"));
}

#[test]
fn too_many_attempts_are_told_how_long_to_wait() {
    let server = TestServer::guarded();
    claimed(&server);
    let slow = (0..30).map(|_| sign_in(&server, "not the password", "/"));
    let slow = { slow }.find(|answer| answer.status == 429).expect("slow");
    is_guarded_page(&slow, 429);
    let seconds = slow.header("retry-after").expect("a time").to_owned();
    let said = format!("The next may be made in {seconds} s.");
    assert!(slow.text().contains(&said), "{}", slow.text());
}

#[test]
fn one_goes_on_to_where_one_was_going_and_to_no_other_site() {
    let server = TestServer::guarded();
    claimed(&server);
    let sent = server.get("/entries/x?organization=acme");
    let sign_in_at = sent.header("location").expect("a way").to_owned();
    assert!(
        server
            .get(&sign_in_at)
            .text()
            .contains("value=\"/entries/x?organization=acme\"")
    );
    let there = sign_in(&server, PASSWORD, "/entries/x?organization=acme");
    let location = there.header("location");
    assert_eq!(
        (there.status, location),
        (303, Some("/entries/x?organization=acme"))
    );
    for elsewhere in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "/a\r\nset-cookie: mar_session=x",
        "/\u{0}",
        "evil.example",
        "",
    ] {
        let answer = sign_in(&server, PASSWORD, elsewhere);
        assert_eq!(answer.header("location"), Some("/"), "{elsewhere:?}");
        assert_eq!(cookies(&answer).len(), 1, "{elsewhere:?}");
        let asked = encoded(&[("next", elsewhere)]);
        let page = server.get(&format!("/sign-in?{asked}"));
        assert!(
            page.text().contains("name=\"next\" value=\"/\""),
            "{elsewhere:?}"
        );
    }
}

#[test]
fn the_cookie_is_read_by_no_script_and_sent_by_no_other_site() {
    let server = TestServer::guarded();
    claimed(&server);
    let answer = sign_in(&server, PASSWORD, "/");
    let cookie = cookies(&answer)[0].to_owned();
    for part in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let caller = Caller::with_cookie(&server, &answer);
    let page = caller.get("/");
    for part in [
        "Root",
        "root@log.example",
        "owner",
        "/access",
        "/account",
        "/sign-out",
    ] {
        assert!(page.text().contains(part), "{part}");
    }
    let asked = caller.get("/sign-in");
    assert!(asked.text().contains("You are in already"));
    let out = caller.call("POST", "/sign-out", "");
    assert_eq!(
        (out.status, out.header("location")),
        (303, Some("/sign-out"))
    );
    let gone: Vec<&str> = cookies(&out)
        .iter()
        .map(|c| c.split('=').next().expect("a name"))
        .collect();
    assert_eq!(gone, ["mar_session", "mar_audit_purpose"]);
    assert!(
        cookies(&out)
            .iter()
            .all(|cookie| cookie.contains("Max-Age=0"))
    );
    assert_eq!(caller.get("/").status, 303, "the session is over");
    assert!(
        server
            .get("/sign-out")
            .text()
            .contains("You are signed out")
    );
}

#[test]
fn no_other_site_signs_anybody_in_or_out() {
    let server = TestServer::guarded();
    claimed(&server);
    let fields = encoded(&[("login", "root@log.example"), ("password", PASSWORD)]);
    for path in ["/sign-in", "/sign-out", "/claim", "/link", "/preferences"] {
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let answer = server.send("POST", path, &[FORM, foreign], fields.as_bytes());
            assert_eq!(answer.status, 403, "{path} {foreign:?}");
            assert!(cookies(&answer).is_empty());
        }
    }
}

#[test]
fn who_comes_before_the_first_owner_hears_of_the_link() {
    let server = TestServer::guarded();
    let told = || {
        server
            .get("/sign-in")
            .text()
            .contains("Nobody owns them yet")
    };
    assert!(told());
    claimed(&server);
    assert!(!told());
}

#[test]
fn behind_an_open_door_nobody_signs_in() {
    let server = TestServer::start();
    let page = server.get("/sign-in");
    assert!(page.text().contains("is open") && !page.text().contains("type=\"password\""));
    assert!(server.get("/").text().contains("open access"));
    let answer = sign_in(&server, PASSWORD, "/");
    assert_eq!(answer.status, 409);
    assert!(cookies(&answer).is_empty());
}

/// A link for an auditor of acme, good for an hour of the test's clock.
fn link(owner: &Caller<'_>, server: &TestServer) -> (String, String) {
    let expires = entry::Timestamp::from_micros(server.clock.now().as_micros() + 3_600_000_000);
    let wanted = json!({
        "name": "Acme & Auditors", "permissions": ["entries:read", "logs:verify"], "organization": "acme",
        "filter": "action:createCluster", "expires_at": expires.expect("a time").to_string(),
    });
    let made = owner.done("POST", "/v1/access/links", &wanted);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["secret"]), text(&made["link"]["id"]))
}

#[test]
fn an_auditor_comes_in_by_a_link_and_sees_that_it_is_one() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for n in 1..4 {
        let organization = ["acme", "other"][n as usize % 2];
        let line = entry(n, organization, None);
        owner.done(
            "POST",
            "/v1/entries",
            &serde_json::from_str(&line).expect("JSON"),
        );
    }
    let (secret, id) = link(&owner, &server);
    let entered = post(
        &server,
        "/link",
        &[("link", &format!("{}#{secret}", server.url("/link")))],
    );
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/"))
    );
    let auditor = Caller::with_cookie(&server, &entered);
    let page = auditor.get("/");
    assert_eq!(page.status, 200);
    for said in [
        "Acme &amp; Auditors",
        "read only",
        "action:createcluster",
        "2026",
    ] {
        assert!(page.text().contains(said), "{said}");
    }
    for hidden in ["other", "/access\"", "Export"] {
        assert!(!page.text().contains(hidden), "{hidden}");
    }
    let left = own(&owner, "signIn");
    let by_link: Vec<&Value> = left
        .iter()
        .filter(|e| e["context"]["link"] == json!(id))
        .collect();
    assert_eq!(by_link.len(), 1, "{left:?}");
    assert_eq!(by_link[0]["actor"]["name"], "Acme & Auditors");
    assert_eq!(auditor.call("POST", "/sign-out", "").status, 303);
}

#[test]
fn a_link_that_lets_nobody_in_says_what_to_do() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (secret, id) = link(&owner, &server);
    let cut = &secret[..secret.len() - 1];
    let (token, ..) = owner.service("svc", &[json!({"role": "viewer"})]);
    let follow = |secret: &str, said: &str| {
        let answer = post(&server, "/link", &[("link", secret)]);
        is_guarded_page(&answer, 401);
        assert!(answer.text().contains(said), "{}", answer.text());
        assert!(cookies(&answer).is_empty() && !answer.text().contains(secret));
    };
    follow(cut, "cut or mistyped");
    follow("nothing", "cut or mistyped");
    follow(&token, "not known here");
    let (revoked, other) = link(&owner, &server);
    owner.done("DELETE", &format!("/v1/access/links/{other}"), &Value::Null);
    follow(&revoked, "revoked");
    let signed_in = own(&owner, "signIn");
    server.clock.advance(std::time::Duration::from_secs(3_601));
    follow(&secret, "is over");
    assert!(
        signed_in
            .iter()
            .all(|entry| entry["context"]["link"] != json!(id))
    );
}

#[test]
fn a_purpose_that_is_kept_is_noted_with_what_follows() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let fields = encoded(&[
        ("purpose", " OPS-88: who, & why? é "),
        ("return", "/?result=failure"),
    ]);
    let headers = [owner.credential(), FORM, OURS];
    let kept = server.send("POST", "/preferences", &headers, fields.as_bytes());
    assert_eq!(
        (kept.status, kept.header("location")),
        (303, Some("/?result=failure"))
    );
    let cookie = cookies(&kept)[0];
    assert!(
        cookie.contains("HttpOnly; SameSite=Lax") && !cookie.contains("Max-Age"),
        "{cookie}"
    );
    let both = format!(
        "{}; {}",
        owner.credential().1,
        cookie.split(';').next().expect("a pair")
    );
    let page = server.send("GET", "/?search=ana", &[("cookie", &both)], b"");
    assert!(page.text().contains("value=\"OPS-88: who, &amp; why? é\""));
    let searches = own(&owner, "searchEntries");
    assert_eq!(searches[0]["context"]["purpose"], "OPS-88: who, & why? é");
    let shown = owner.get("/?category=audit");
    assert!(
        shown
            .text()
            .contains("Purpose <bdi>OPS-88: who, &amp; why? é"),
        "{}",
        shown.text()
    );
    let none = encoded(&[("purpose", " "), ("return", "/")]);
    let gone = server.send("POST", "/preferences", &headers, none.as_bytes());
    assert!(cookies(&gone)[0].starts_with("mar_audit_purpose=;"));
}

const CONSOLE: &str = "https://console.mar.example";

/// A server whose pages the console may show.
fn embeddable() -> TestServer {
    let site = mar_audit::guard::framing::Site::parse(CONSOLE).expect("a site");
    TestServer::guarded_with(Settings {
        embed_origins: vec![site],
        ..Settings::default()
    })
}

/// An embed token for what is acme's, by a service that may read it.
fn embed_token(owner: &Caller<'_>) -> String {
    let (secret, ..) = owner.service("console", &[json!({"role": "viewer"})]);
    let console = Caller::with_token(owner.server, &secret);
    let wanted = json!({"organization": "acme", "life_seconds": 60});
    let made = console.done("POST", "/v1/access/embed", &wanted);
    made["secret"].as_str().expect("a secret").to_owned()
}

/// What the console's own page posts into its frame.
fn bring(server: &TestServer, origin: &str, fields: &[(&str, &str)]) -> Answer {
    let headers = [
        FORM,
        ("origin", origin),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-dest", "iframe"),
    ];
    server.send("POST", "/embed", &headers, encoded(fields).as_bytes())
}

#[track_caller]
fn is_framed(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("x-frame-options"), None);
    let policy = answer.header("content-security-policy").expect("a policy");
    let framed = format!("frame-ancestors {CONSOLE}");
    assert!(policy.ends_with(&framed), "{policy}");
}

/// What a frame of another site asks for, with these cookies.
fn frame(server: &TestServer, path: &str, held: &str) -> Answer {
    let headers = [("cookie", held), ("sec-fetch-dest", "iframe")];
    server.send("GET", path, &headers, b"")
}

/// The cookies that an answer sets, as they are sent back.
fn held(answer: &Answer) -> String {
    let set = cookies(answer).into_iter();
    let pairs: Vec<&str> = set.filter_map(|set| set.split(';').next()).collect();
    pairs.join("; ")
}

#[test]
fn an_embedded_page_shows_the_list_in_the_frame_of_its_site_and_of_no_other() {
    let server = embeddable();
    let owner = claimed(&server);
    for (n, organization) in [(1, "acme"), (2, "other")] {
        let line = entry(n, organization, None);
        let line = serde_json::from_str(&line).expect("JSON");
        owner.done("POST", "/v1/entries", &line);
    }
    let token = embed_token(&owner);
    is_framed(&server.get("/embed"), 200);
    let fields = [
        ("token", token.as_str()),
        ("theme", "dark"),
        ("tz", "Europe/Madrid"),
        ("next", "/?category=cluster"),
    ];
    let entered = bring(&server, CONSOLE, &fields);
    is_framed(&entered, 303);
    assert_eq!(entered.header("location"), Some("/?category=cluster"));
    for (cookie, name) in cookies(&entered)
        .into_iter()
        .zip(["mar_embed=", "mar_embed_look="])
    {
        let told = "; Path=/; HttpOnly; SameSite=None; Secure; Partitioned";
        assert!(
            cookie.starts_with(name) && cookie.ends_with(told),
            "{cookie}"
        );
    }
    let held = held(&entered);
    let page = frame(&server, "/", &held);
    is_framed(&page, 200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for said in ["person-1", "data-theme=\"dark\"", "Audit Logs"] {
        assert!(page.text().contains(said), "{said}");
    }
    for gone in ["person-2", "class=\"top\"", "Share", "Export", "/integrity"] {
        assert!(!page.text().contains(gone), "{gone}");
    }
    let details = frame(&server, &format!("/entries/{}", uuid(1)), &held);
    is_framed(&details, 200);
    assert!(details.text().contains("CET"), "{}", details.text());
    let json = frame(&server, &format!("/v1/entries/{}", uuid(1)), &held);
    is_framed(&json, 200);
    // Of somebody who signed in, nothing is framed, nor does a window show what a frame was let in for.
    let session = owner.credential().1;
    is_guarded_page(&frame(&server, "/", session), 200);
    let both = format!("{session}; {held}");
    is_framed(&frame(&server, "/", &both), 200);
    let window = [("cookie", both.as_str()), ("sec-fetch-dest", "document")];
    let page = server.send("GET", "/", &window, b"");
    is_guarded_page(&page, 200);
    assert!(page.text().contains("person-2"));
}

#[test]
fn a_frame_whose_token_is_over_says_so_within_its_site() {
    let server = embeddable();
    let token = embed_token(&claimed(&server));
    let fields = [("token", token.as_str())];
    let entered = bring(&server, CONSOLE, &fields);
    let held = held(&entered);
    is_framed(&frame(&server, "/?limit=25", &held), 200);
    server.clock.advance(std::time::Duration::from_secs(61));
    let over = frame(&server, "/?limit=25", &held);
    is_framed(&over, 303);
    assert_eq!(over.header("location"), Some("/embed?over=expired"));
    let said = frame(&server, "/embed?over=expired", &held);
    is_framed(&said, 200);
    assert!(said.text().contains("This view is over"));
    let none = frame(&server, "/", "mar_embed=");
    is_framed(&none, 303);
    assert_eq!(none.header("location"), Some("/embed?over=unknown"));
    is_framed(&bring(&server, CONSOLE, &fields), 401);
}

#[test]
fn only_the_way_in_takes_forms_of_other_sites_and_only_of_those_that_are_named() {
    let server = embeddable();
    let owner = claimed(&server);
    let token = embed_token(&owner);
    let fields = [("token", token.as_str()), ("next", "//evil.example")];
    let entered = bring(&server, CONSOLE, &fields);
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/"))
    );
    for origin in [
        "https://evil.example",
        "null",
        "http://console.mar.example",
        "https://console.mar.example.evil.example",
    ] {
        let answer = bring(&server, origin, &fields);
        assert_eq!(answer.status, 403, "{origin}");
        assert!(cookies(&answer).is_empty());
    }
    for path in [
        "/sign-in",
        "/sign-out",
        "/link",
        "/claim",
        "/preferences",
        "/v1/access/sign-out",
        "/embed/",
    ] {
        let headers = [FORM, ("origin", CONSOLE), ("sec-fetch-site", "cross-site")];
        let answer = server.send("POST", path, &headers, encoded(&fields).as_bytes());
        assert_eq!(answer.status, 403, "{path}");
    }
    for wrong in ["", "mar_emb_x", owner.credential().1] {
        let answer = bring(&server, CONSOLE, &[("token", wrong)]);
        is_framed(&answer, 401);
        assert!(cookies(&answer).is_empty());
    }
}

#[test]
fn where_no_site_is_named_nothing_is_embedded_and_the_page_says_what_to_set() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let token = embed_token(&owner);
    let way = server.get("/embed");
    is_guarded_page(&way, 403);
    assert!(way.text().contains("embed_origins"), "{}", way.text());
    let answer = post(&server, "/embed", &[("token", &token)]);
    is_guarded_page(&answer, 403);
    assert!(cookies(&answer).is_empty());
    assert_eq!(bring(&server, CONSOLE, &[("token", &token)]).status, 403);
}

#[test]
fn what_a_role_hides_is_said_where_it_stands_and_shown_to_who_may_ask() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let line = serde_json::from_str(&entry(1, "acme", None)).expect("JSON");
    owner.done("POST", "/v1/entries", &line);
    let role = |name: &str, permissions: &[&str]| {
        let role = json!({"permissions": permissions, "mask": ["email", "ip", "context"]});
        owner.done("PUT", &format!("/v1/access/roles/{name}"), &role);
        let (secret, ..) = owner.service(name, &[json!({"role": name})]);
        secret
    };
    let masked = role("masked", &["entries:read"]);
    let asking = role("asking", &["entries:read", "entries:unmask"]);
    let masked = Caller::with_token(&server, &masked);
    let asking = Caller::with_token(&server, &asking);
    let path = format!("/entries/{}", uuid(1));
    for path in ["/?columns=actor,email,ip", "/?selected=", &path] {
        let path = path.replace("selected=", &format!("selected={}", uuid(1)));
        let (page, offered) = (masked.get(&path), asking.get(&path));
        for page in [&page, &offered] {
            let text = page.text();
            assert!(
                text.contains("erased veiled") && !text.contains("192.0.2.1"),
                "{path} {text}"
            );
            assert!(!text.contains("person-1@acme.example"));
        }
        assert!(!page.text().contains("Show hidden values"), "{path}");
        assert!(offered.text().contains("Show hidden values"), "{path}");
    }
    let details = masked.get(&path);
    assert!(
        details.text().contains("3 members are") || details.text().contains("2 members are"),
        "{}",
        details.text()
    );
    assert!(!details.text().contains("data-proof"), "it may not verify");
    let before = own(&owner, "viewEntry").len();
    let shown = asking.get(&format!("{path}?unmask=true&purpose=OPS-88"));
    assert!(
        shown.text().contains("person-1@acme.example") && shown.text().contains("Hide them again")
    );
    let left = own(&owner, "viewEntry");
    assert_eq!(left.len(), before + 1);
    assert_eq!(
        (
            &left[0]["context"]["unmasked"],
            &left[0]["context"]["purpose"]
        ),
        (&json!(true), &json!("OPS-88"))
    );
    assert_eq!(masked.get(&format!("{path}?unmask=true")).status, 403);
}
