//! The pages as a program sees them: the same entries as the API, nothing foreign that acts or hides, no way out of here.

use crate::api::{line, uuid};
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};
use std::io::Read;

/// The ids of the rows of a page, from the top.
fn rows(page: &str) -> Vec<String> {
    let table = page.split("<tbody id=\"rows\">").nth(1);
    let body = table.and_then(|rest| rest.split("</tbody>").next());
    let marks = body.unwrap_or_default().split("data-id=\"").skip(1);
    marks
        .filter_map(|mark| mark.split('"').next().map(Into::into))
        .collect()
}

fn page(server: &TestServer, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    answer.text().to_owned()
}

fn fifty_entries() -> String {
    let actions = ["createCluster", "createUser", "deleteWebhook", "frobnicate"];
    let entry = |n: u32| {
        line(
            n,
            json!({
                "timestamp": format!("2026-10-{:02}T10:{n:02}:00Z", n % 28 + 1),
                "action": actions[n as usize % actions.len()],
                "actor": {"type": "user", "name": format!("Person, {}*", n % 7), "email": format!("p{}@acme.example", n % 7)},
                "result": if n.is_multiple_of(5) { "failure" } else { "success" },
                "scope": {"organization": if n.is_multiple_of(2) { "acme" } else { "globex" }, "project": format!("p{}", n % 3)},
                "request": {"id": format!("req_{}", n / 2), "ip": format!("10.0.{}.1", n % 4)},
                "context": {"ticket": format!("OPS-{n}")},
            }),
        )
    };
    (0..50).map(entry).collect()
}

#[test]
fn a_page_shows_exactly_the_entries_that_the_api_lists() {
    let server = TestServer::start();
    server.record(fifty_entries());
    for query in [
        "",
        "limit=7",
        "search=P3%40ACME",
        "category=cluster,webhook&-result=failure",
        "action=create*&organization=acme&order=received&direction=asc",
        "actor=Person%5C,%203%5C*",
        "ip=10.0.2.0/24&from=2026-10-10&to=2026-10-20T12:00:00Z",
        "has=project&context.ticket=OPS-1*",
        "q=action:create*%20(project:p1%20OR%20project:p2)%20-organization:globex",
        "search=nobody",
    ] {
        let mut cursor = String::new();
        loop {
            let asked = format!("{query}{cursor}");
            let api = server.get(&format!("/v1/entries?{asked}")).json();
            let listed: Vec<String> = api["entries"]
                .as_array()
                .expect("entries")
                .iter()
                .map(|entry| entry["id"].as_str().expect("an id").to_owned())
                .collect();
            let shown = page(
                &server,
                &format!("/?{asked}&columns=actor&tz=Europe/Rome&live=on"),
            );
            assert_eq!(rows(&shown), listed, "{asked}");
            match api["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
}

#[test]
fn a_chosen_value_keeps_its_place_and_count_among_the_facets_however_rare() {
    let server = TestServer::start();
    let mut lines = String::new();
    let mut id = 0;
    for actor in 1..=60 {
        for _ in 0..=60 - actor {
            id += 1;
            let actor = json!({"type": "user", "name": format!("actor-{actor}")});
            lines.push_str(&line(id, json!({"actor": actor})));
        }
    }
    server.record(lines);
    let facet = |query: &str| {
        let html = page(&server, query);
        let rest = html.split("data-key=\"actor\"").nth(1).expect("a facet");
        rest.split("</details>").next().expect("its end").to_owned()
    };
    let start = facet("/");
    assert!(start.contains("actor-7<") && !start.contains("actor-8<"));
    let ninth = facet("/?actor=Actor-9");
    assert!(ninth.contains("<li class=\"on\">"), "{ninth}");
    assert!(
        ninth.contains("Actor-9</bdi></span><span class=\"n\">52</span>"),
        "{ninth}"
    );
    let last = facet("/?-actor=actor-60");
    assert!(last.contains("<li class=\" off\">"), "{last}");
    assert!(
        last.contains("actor-60</bdi></span><span class=\"n\"></span>"),
        "{last}"
    );
    let few = facet("/?actor=nobody&search=actor-1");
    assert!(
        few.contains("nobody</bdi></span><span class=\"n\">0</span>"),
        "{few}"
    );
    let all = facet("/?expand=actor");
    assert!(all.contains("actor-50<") && all.contains("the 50 most frequent of 60"));
}

/// The switch once counted dry runs and left them in the list.
#[test]
fn the_switch_hides_as_many_entries_of_noise_as_it_says() {
    let server = TestServer::start();
    let marks = [
        json!("read"),
        json!("system"),
        json!("dry_run"),
        Value::Null,
    ];
    let entries = marks.iter().zip(1..).map(|(mark, n)| match mark {
        Value::Null => line(n, json!({})),
        mark => line(n, json!({"context": {"noise": mark}})),
    });
    server.record(entries.collect::<String>());
    let html = page(&server, "/");
    assert!(html.contains("Hide 3 reads and system noise"), "{html}");
    let before = html.split("\">Hide 3 reads").next();
    let link = before.and_then(|before| before.rsplit("href=\"").next());
    let link = link.expect("a link").replace("&amp;", "&");
    assert_eq!(rows(&page(&server, &link)).len(), 1, "{link}");
}

#[test]
fn every_link_of_the_list_is_understood() {
    let server = TestServer::start();
    server.record(fifty_entries());
    let start = page(&server, &format!("/?result=success&selected={}", uuid(7)));
    let links: Vec<String> = start
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|href| href.replace("&amp;", "&"))
        .filter(|href| !href.starts_with('#') && !href.contains("/v1/tail"))
        .collect();
    assert!(links.len() > 100, "{} links", links.len());
    for link in links {
        let answer = server.get(link.split('#').next().expect("a path"));
        assert!(
            matches!(answer.status, 200 | 303),
            "{link}: {}",
            answer.status
        );
    }
}

/// What escaping alone would pass on: it hides, or turns the direction of what follows.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A page without the values of its fields.
fn without_values(html: &str) -> String {
    let mut pieces = html.split(" value=\"");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |mut out, piece| {
        let end = piece.find('"').expect("a value ends");
        out.push_str(&piece[end..]);
        out
    })
}

#[test]
fn naughty_strings_neither_act_nor_hide_on_any_page() {
    let strings: Vec<String> =
        serde_json::from_str(include_str!("../../entry/fixtures/blns.json")).expect("JSON");
    let server = TestServer::start();
    let entry = |(n, text): (u32, &String)| {
        let fields = json!({
            "actor": {"type": "user", "id": "u", "name": text, "email": text},
            "action": if text.is_empty() { "none" } else { text },
            "target": {"type": text, "id": text, "name": text},
            "request": {"id": text, "ip": text, "user_agent": text, "path": text},
            "changes": [{"path": "/x", "before": text, "after": {text: text}}],
            "context": {text: [text]},
        });
        line(n, fields)
    };
    let lines: String = (0..).zip(&strings).map(entry).collect();
    server.record(lines);
    let inert = |path: &str, html: &str| {
        // A field sends its value back as it is; what is shown of it is its text.
        let html = without_values(html);
        let hidden: Vec<char> = html.chars().filter(|c| hides(*c) && *c != '\n').collect();
        assert!(hidden.is_empty(), "{path}: {hidden:?}");
        let tags = |name: &str| html.matches(&format!("<{name}")).count();
        assert_eq!(tags("script"), 1, "{path} has the page's own script only");
        assert_eq!(tags("img") + tags("iframe") + tags("object"), 0, "{path}");
    };
    let list = page(&server, "/?limit=1000&joined=no");
    assert_eq!(rows(&list).len(), strings.len());
    inert("/", &list);
    for n in 0..u32::try_from(strings.len()).expect("few") {
        let path = format!("/entries/{}", uuid(n));
        let html = page(&server, &path);
        // In the raw JSON a line feed is white space of its own.
        inert(&path, &html);
    }
}

#[test]
fn what_a_form_sends_is_brought_into_the_form_of_the_api() {
    let server = TestServer::start();
    let to = |path: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 303, "{path}");
        answer.header("location").expect("a place").to_owned()
    };
    assert_eq!(to("/?search=&result=failure&q="), "/?result=failure");
    assert_eq!(to("/?search="), "/");
    assert_eq!(
        to("/?from=2026-10-05T09:31&to=2026-10-06T00:00:30&tz=Europe/Rome"),
        "/?tz=Europe/Rome&from=2026-10-05T09:31:00%2B02:00&to=2026-10-06T00:00:30%2B02:00"
    );
    assert_eq!(server.get("/?from=24h").status, 200);
}

#[test]
fn a_wrong_parameter_is_said_on_the_page_and_in_the_status() {
    let server = TestServer::start();
    server.record(fifty_entries());
    for (query, words) in [
        ("actr=ana", "no such parameter"),
        ("limit=0", "a whole number"),
        ("tz=Mars/Olympus", "no such time zone"),
        ("q=accion:x", "Did you mean"),
        ("cursor=forged", "Start again from the first page"),
        ("from=yesteryear", "from"),
    ] {
        let answer = server.get(&format!("/?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(words), "{query}: {}", answer.text());
        assert!(rows(answer.text()).is_empty());
    }
    let gone = server.get(&format!("/entries/{}", uuid(4_000)));
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("no entry with this id"));
}

fn prefer(server: &TestServer, form: &str, headers: &[(&str, &str)]) -> Answer {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let headers: Vec<(&str, &str)> = headers.iter().copied().chain([kind]).collect();
    server.send("POST", "/preferences", &headers, form.as_bytes())
}

#[test]
fn preferences_are_kept_in_cookies_and_lead_nowhere_else() {
    let server = TestServer::start();
    let answer = prefer(&server, "theme=dark&return=/?result=failure", &[]);
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/?result=failure"));
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("mar_audit_theme=dark;"), "{cookie}");
    let dark = server.send("GET", "/", &[("cookie", "mar_audit_theme=dark")], b"");
    assert!(dark.text().contains("data-theme=\"dark\""));
    let zone = server.send("GET", "/", &[("cookie", "mar_audit_zone=Asia/Tokyo")], b"");
    assert!(zone.text().contains("Asia/Tokyo<svg"));
    for elsewhere in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "%09//evil.example",
    ] {
        let answer = prefer(&server, &format!("theme=dark&return={elsewhere}"), &[]);
        assert_eq!(answer.header("location"), Some("/"), "{elsewhere}");
    }
    let header = prefer(&server, "tz=UTC%0d%0aset-cookie:x=1&return=/", &[]);
    assert!(
        header
            .headers
            .iter()
            .all(|(_, value)| !value.starts_with("x=1"))
    );
    let foreign = prefer(&server, "theme=dark", &[("origin", "https://evil.example")]);
    assert_eq!(foreign.status, 403);
}

#[test]
fn a_page_is_compressed_for_those_who_read_that_and_is_the_same() {
    let server = TestServer::start();
    server.record(fifty_entries());
    let plain = page(&server, "/");
    let packed = server.send(
        "GET",
        "/",
        &[("accept-encoding", "br, gzip;q=0, gzip")],
        b"",
    );
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.body.as_slice())
        .read_to_string(&mut text)
        .expect("gzip");
    assert_eq!(text, plain);
    assert!(packed.body.len() < 30_000, "{} bytes", packed.body.len());
}

#[test]
fn files_are_kept_for_ever_under_their_hash_and_unknown_under_another() {
    let server = TestServer::start();
    let html = page(&server, "/");
    let mut names = 0;
    for rest in html.split("\"/assets/").skip(1) {
        let path = rest.split(['"', '#']).next().expect("a path");
        let answer = server.get(&format!("/assets/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        let cached = answer.header("cache-control").expect("how long");
        assert!(cached.contains("immutable"), "{path}: {cached}");
        names += 1;
    }
    assert!(names >= 4, "{names} files");
    assert_eq!(server.get("/assets/0000000000000000/page.css").status, 404);
}

#[test]
fn huge_entries_leave_the_list_small_and_are_shown_in_full() {
    let server = TestServer::start();
    let name = "n".repeat(300_000);
    let leaves: Vec<Value> = (0..20_000).map(|n| json!(n)).collect();
    let entry = |n: u32| {
        let fields = json!({
            "actor": {"type": "user", "name": name, "email": name},
            "action": name,
            "target": {"type": name, "id": name, "name": name},
            "context": {"leaves": leaves},
        });
        line(n, fields)
    };
    for n in 0..12 {
        server.record(entry(n));
    }
    let list = page(&server, &format!("/?selected={}", uuid(3)));
    assert!(list.len() < 3_000_000, "{} bytes", list.len());
    let list = page(&server, "/");
    assert!(list.len() < 150_000, "{} bytes", list.len());
    let full = page(&server, &format!("/entries/{}", uuid(3)));
    assert!(full.contains(&name) && full.contains("1,000 of 20,000 values are shown here"));
    assert!(full.contains("19999"), "the raw JSON holds all");
}

#[test]
fn the_page_of_the_logs_names_each_log_and_gives_out_its_key() {
    let server = TestServer::start();
    assert!(page(&server, "/integrity").contains("no log yet"));
    server.record(fifty_entries());
    let acme = page(&server, "/integrity");
    assert!(acme.contains("/v1/logs/acme+") && !acme.contains("/v1/logs/globex+"));
    let globex = page(&server, "/integrity?organization=globex");
    assert!(globex.contains("/v1/logs/globex+"));
    let key = server.get("/integrity/globex/key");
    assert_eq!(
        key.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let vkey = key.text().trim_end().to_owned();
    assert!(vkey.split('+').count() >= 3 && globex.contains(&vkey));
    // The panel of an entry trusts the key of its own log.
    let entry = page(&server, &format!("/entries/{}", uuid(1)));
    assert!(entry.contains(&vkey));
    for none in [
        "/integrity?organization=nobody",
        "/integrity/nobody/key",
        "/integrity/%00/key",
    ] {
        assert_eq!(server.get(none).status, 404, "{none}");
    }
}
