//! Behind a proxy: what it says of callers is believed from it, and from nobody else.

use crate::access::{PASSWORD, claimed};
use crate::api::problem;
use crate::test_server::{Answer, TestServer};
use entry::address::Cidr;
use mar_audit::app::Settings;
use mar_audit::server::{Refused, must_listen_safely};
use serde_json::{Value, json};

/// Every test calls from this machine: trusted where that is the proxy, a stranger where the proxy is elsewhere.
fn behind(proxy: &str) -> TestServer {
    TestServer::guarded_with(Settings {
        proxies: Vec::from([Cidr::parse(proxy).expect("a network")]),
        ..Settings::default()
    })
}

fn sign_in(server: &TestServer, login: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"login": login, "password": password}).to_string();
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    server.send("POST", "/v1/access/sign-in", &all, body.as_bytes())
}

/// The addresses of failed attempts to sign in, the newest first.
fn noted(owner: &crate::access::Caller<'_>) -> Vec<Value> {
    let failed = owner.entries("q=action:signIn%20result:failure");
    failed
        .iter()
        .map(|entry| entry["request"]["ip"].clone())
        .collect()
}

#[test]
fn a_trusted_proxy_says_whom_a_call_comes_from_and_how() {
    let server = behind("127.0.0.0/8");
    let owner = claimed(&server);
    for headers in [
        &[("x-forwarded-for", "198.51.100.1, 192.0.2.1")][..],
        &[("forwarded", "for=\"192.0.2.1:9\";proto=https")][..],
        &[("x-forwarded-for", "192.0.2.1, 127.0.0.8")][..],
    ] {
        problem(
            &sign_in(&server, "nobody", "wrong", headers),
            401,
            "unauthenticated",
        );
        assert_eq!(noted(&owner)[0], "192.0.2.1", "{headers:?}");
    }
    let cookie = |headers: &[(&str, &str)]| {
        let answer = sign_in(&server, "root@log.example", PASSWORD, headers);
        answer.header("set-cookie").expect("a cookie").to_owned()
    };
    let for_one = ("x-forwarded-for", "192.0.2.1");
    assert!(cookie(&[for_one, ("x-forwarded-proto", "https")]).contains("; Secure"));
    assert!(!cookie(&[for_one, ("x-forwarded-proto", "http")]).contains("Secure"));
    assert!(!cookie(&[for_one]).contains("Secure"));

    let page = |headers: &[(&str, &str)]| {
        let mut all = vec![owner.credential()];
        all.extend_from_slice(headers);
        let answer = server.send("GET", "/integrity", &all, b"");
        assert_eq!(answer.status, 200);
        answer.text().to_owned()
    };
    let address = |scheme: &str| format!("{scheme}://{}/v1/logs/", server.address);
    let https = page(&[for_one, ("x-forwarded-proto", "https")]);
    assert!(https.contains(&address("https")) && !https.contains(&address("http")));
    assert!(page(&[for_one]).contains(&address("http")));
}

#[test]
fn what_a_stranger_says_of_itself_is_believed_by_nobody() {
    let server = behind("10.0.0.0/8");
    let owner = claimed(&server);
    let forged = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1;proto=https"),
    ];
    problem(
        &sign_in(&server, "nobody", "wrong", &forged),
        401,
        "unauthenticated",
    );
    assert_eq!(noted(&owner), [json!("127.0.0.1")]);
    let known = sign_in(&server, "root@log.example", PASSWORD, &forged);
    let cookie = known.header("set-cookie").expect("a cookie");
    assert!(!cookie.contains("Secure"), "{cookie}");
}

#[test]
fn attempts_to_sign_in_count_for_the_caller_not_for_the_proxy() {
    let server = behind("127.0.0.1");
    let from = |caller: &str, n: usize| {
        let login = format!("nobody{n}");
        sign_in(&server, &login, "wrong", &[("x-forwarded-for", caller)])
    };
    let attempts: Vec<u16> = (0..31).map(|n| from("192.0.2.1", n).status).collect();
    assert_eq!(attempts[..30], [401; 30]);
    assert_eq!(attempts[30], 429);
    assert_eq!(from("192.0.2.2", 40).status, 401, "another caller");
    assert_eq!(
        from("203.0.113.1, 192.0.2.1", 41).status,
        429,
        "the same, who says it is another"
    );
}

#[test]
fn a_stranger_is_counted_by_its_own_address_whatever_it_says() {
    let server = behind("10.0.0.0/8");
    let from = |n: usize| {
        let (login, caller) = (format!("nobody{n}"), format!("192.0.2.{n}"));
        sign_in(&server, &login, "wrong", &[("x-forwarded-for", &caller)]).status
    };
    let attempts: Vec<u16> = (0..31).map(from).collect();
    assert_eq!(attempts[30], 429, "{attempts:?}");
}

/// A proxy on this machine makes everybody's call come from this machine.
#[test]
fn what_comes_through_a_proxy_is_no_collector_on_this_machine() {
    let metrics = |server: &TestServer, headers: &[(&str, &str)]| {
        server.send("GET", "/metrics", headers, b"").status
    };
    let proxied = behind("127.0.0.1");
    assert_eq!(metrics(&proxied, &[]), 401);
    assert_eq!(metrics(&proxied, &[("x-forwarded-for", "127.0.0.1")]), 401);
    assert_eq!(metrics(&proxied, &[("x-forwarded-for", "nonsense")]), 401);
    let direct = behind("10.0.0.0/8");
    assert_eq!(metrics(&direct, &[]), 200);
    assert_eq!(metrics(&direct, &[("forwarded", "for=127.0.0.1")]), 401);
}

/// A page of the same name that came unencrypted may have been written on the way.
#[test]
fn a_form_of_an_unencrypted_page_is_refused_where_the_caller_speaks_tls() {
    let server = behind("127.0.0.1");
    let owner = claimed(&server);
    let post = |scheme: &str| {
        let origin = format!("{scheme}://{}", server.address);
        let headers = [
            owner.credential(),
            ("x-forwarded-proto", "https"),
            ("origin", &origin),
        ];
        server.send("POST", "/v1/access/sign-out", &headers, b"")
    };
    problem(&post("http"), 403, "cross-origin");
    assert_eq!(post("https").status, 204);
}

#[test]
fn an_address_that_others_reach_takes_encryption_by_somebody() {
    let (near, far) = ("127.0.0.1:1".parse(), "192.0.2.1:1".parse());
    let (near, far) = (near.expect("an address"), far.expect("an address"));
    let plain = Settings::default();
    let insecure = Settings {
        insecure_listen: true,
        ..Settings::default()
    };
    let proxied = Settings {
        proxies: Vec::from([Cidr::parse("10.0.0.1").expect("an address")]),
        ..Settings::default()
    };
    assert!(must_listen_safely(near, false, &plain).is_ok());
    assert!(must_listen_safely(near, true, &plain).is_ok());
    assert!(must_listen_safely(far, false, &insecure).is_ok());
    assert!(must_listen_safely(far, false, &proxied).is_ok());
    let refused = must_listen_safely(far, false, &plain).expect_err("nothing encrypts");
    let said = refused.to_string();
    for way in [
        "--tls-cert",
        "--tls-key",
        "--behind-proxy",
        "--insecure-listen",
    ] {
        assert!(said.contains(way), "{said}");
    }
    for (address, settings) in [(far, &plain), (far, &insecure)] {
        let refused = must_listen_safely(address, true, settings);
        assert!(matches!(refused, Err(Refused::Open(_))), "{refused:?}");
    }
    for address in [near, far] {
        let refused = must_listen_safely(address, true, &proxied);
        assert!(
            matches!(refused, Err(Refused::OpenBehindProxy)),
            "{refused:?}"
        );
    }
}
