//! Forged, broken and foreign headers.

use super::*;
use proptest::prelude::*;

const PROXY: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn proxies() -> Vec<Cidr> {
    let all = ["10.0.0.0/8", "fd00::/8"];
    all.map(|one| Cidr::parse(one).expect(one)).to_vec()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn from(peer: &str, lines: &[(&'static str, &str)]) -> Sender {
    sender(ip(peer), &proxies(), &headers(lines))
}

#[test]
fn a_stranger_is_believed_nothing() {
    let forged = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=192.0.2.1;proto=https"),
        ("x-real-ip", "192.0.2.1"),
    ];
    let told = from("203.0.113.9", &forged);
    let direct = Sender {
        ip: ip("203.0.113.9"),
        by_proxy: false,
        https: None,
    };
    assert_eq!(told, direct);
    assert_eq!(sender(ip(PROXY), &[], &headers(&forged)).ip, ip(PROXY));
}

#[test]
fn the_caller_is_the_nearest_hop_that_is_no_proxy() {
    for (value, caller) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("198.51.100.7, 192.0.2.1", "192.0.2.1"),
        ("198.51.100.7,192.0.2.1 , 10.1.1.1, fd00::7", "192.0.2.1"),
        ("198.51.100.7, ::ffff:10.9.9.9", "198.51.100.7"),
        // Everybody is one of ours.
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
        // What the nearest proxy wrote is not understood: nothing before it is believed.
        ("192.0.2.1, unknown", PROXY),
        ("192.0.2.1, _hidden", PROXY),
        ("192.0.2.1, ", PROXY),
        ("192.0.2.1, 10.1.1.1, 300.1.1.1", PROXY),
        ("", PROXY),
        ("192.0.2.1;", PROXY),
        ("192.0.2.1 198.51.100.7", PROXY),
        ("é", PROXY),
        // What stands before the caller is the caller's.
        ("unknown, 192.0.2.1", "192.0.2.1"),
        ("\"[::1]:9\", 192.0.2.1", "192.0.2.1"),
    ] {
        let told = from(PROXY, &[("x-forwarded-for", value)]);
        assert_eq!(told.ip, ip(caller), "{value:?}");
        assert!(told.by_proxy);
    }
    let lines = [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-for", "192.0.2.1, 10.1.1.1"),
    ];
    assert_eq!(from(PROXY, &lines).ip, ip("192.0.2.1"));
    let mapped = from("::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.1")]);
    assert_eq!(mapped.ip, ip("192.0.2.1"));
}

#[test]
fn more_hops_than_anybody_has_are_not_looked_at() {
    let line = format!("192.0.2.1{}", ", 10.3.3.3".repeat(HOPS_MAX));
    assert_eq!(
        from(PROXY, &[("x-forwarded-for", &line)]).ip,
        ip("10.3.3.3")
    );
    let line = format!("192.0.2.1{}", ", 10.3.3.3".repeat(HOPS_MAX - 1));
    assert_eq!(
        from(PROXY, &[("x-forwarded-for", &line)]).ip,
        ip("192.0.2.1")
    );
}

#[test]
fn forwarded_is_read_as_its_standard_says() {
    for (value, caller, https) in [
        ("for=192.0.2.1;proto=https", "192.0.2.1", Some(true)),
        (
            "For=\"[2001:db8::1]:4711\"; Proto=HTTP ;by=x",
            "2001:db8::1",
            Some(false),
        ),
        ("for=\"192.0.2.1:_port\"", "192.0.2.1", None),
        ("for=192.0.2.1:80", "192.0.2.1", None),
        ("for=\"\\192.0.2.1\"", "192.0.2.1", None),
        (
            "for=198.51.100.7;proto=https, for=192.0.2.1;proto=http,for=10.1.1.1;proto=https",
            "192.0.2.1",
            Some(false),
        ),
        ("host=\"a,b;c=\\\"d\";for=192.0.2.1", "192.0.2.1", None),
        ("for=unknown;proto=https", PROXY, Some(true)),
        ("proto=https", PROXY, Some(true)),
        // Not as the standard says, so nothing of it counts.
        ("for=192.0.2.1;for=198.51.100.7", PROXY, None),
        ("for=192.0.2.1;proto=https;proto=http", PROXY, None),
        ("for=\"192.0.2.1", PROXY, None),
        ("for=\"x, for=\"192.0.2.1\"", PROXY, None),
        ("for=\"x, for=\"[2001:db8::1]:80\"", PROXY, None),
        ("for", PROXY, None),
        ("=192.0.2.1", PROXY, None),
        ("for=", PROXY, None),
        ("for=192.0.2.1,", PROXY, None),
        ("", PROXY, None),
        ("for=192.0.2.1 for=198.51.100.7", PROXY, None),
    ] {
        let told = from(PROXY, &[("forwarded", value)]);
        assert_eq!((told.ip, told.https), (ip(caller), https), "{value:?}");
    }
    // A quotation mark that the caller opens does not reach into what the proxy adds.
    let lines = [
        ("forwarded", "for=198.51.100.7;a=\""),
        ("forwarded", "for=192.0.2.1"),
    ];
    assert_eq!(from(PROXY, &lines).ip, ip("192.0.2.1"));
}

#[test]
fn the_x_headers_count_where_both_are_sent() {
    let lines = [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=198.51.100.7;proto=https"),
    ];
    let told = from(PROXY, &lines);
    assert_eq!((told.ip, told.https), (ip("192.0.2.1"), None));
    let lines = [
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=198.51.100.7"),
    ];
    let told = from(PROXY, &lines);
    assert_eq!((told.ip, told.https), (ip(PROXY), Some(true)));
}

#[test]
fn the_scheme_is_that_of_the_hop() {
    for (hops, schemes, https) in [
        ("192.0.2.1", "https", Some(true)),
        ("192.0.2.1", "HTTPS", Some(true)),
        ("192.0.2.1", "http", Some(false)),
        // The caller claimed the first; the proxy added the second.
        ("192.0.2.1", "https, http", Some(false)),
        ("192.0.2.1, 10.1.1.1", "https, http", Some(true)),
        // One for all.
        ("192.0.2.1, 10.1.1.1", "https", Some(true)),
        ("192.0.2.1", "wss", None),
        ("192.0.2.1", "", None),
        ("192.0.2.1", "https,", None),
    ] {
        let lines = [("x-forwarded-for", hops), ("x-forwarded-proto", schemes)];
        assert_eq!(from(PROXY, &lines).https, https, "{hops} {schemes}");
    }
    let unsaid = from(PROXY, &[("x-forwarded-for", "192.0.2.1")]);
    assert_eq!(unsaid.https, None);
}

/// An address as proxies write it.
fn written() -> impl Strategy<Value = (IpAddr, String)> {
    let any_ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u16; 8]>().prop_map(IpAddr::from),
    ];
    (any_ip, any::<Option<u16>>()).prop_map(|(ip, port)| {
        let text = match (ip, port) {
            (ip, None) => ip.to_string(),
            (ip, Some(port)) => std::net::SocketAddr::new(ip, port).to_string(),
        };
        (ip.to_canonical(), text)
    })
}

/// Whatever a header can hold, mostly of the characters that mean something in it.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ \\t,;=\"\\\\:\\[\\]0-9a-f.]{0,60}",
        "(for=|proto=|https|10\\.0\\.0\\.1|192\\.0\\.2\\.1|[,;=\" ]){0,20}",
        "[\\x20-\\x7e]{0,60}",
    ]
}

proptest! {
    /// Whatever a caller sends before what the proxy adds, the proxy's word counts.
    #[test]
    fn no_invention_beats_what_a_proxy_adds(
        invented in proptest::collection::vec(hostile(), 0..4),
        (real, text) in written(),
        further in any::<bool>(),
    ) {
        prop_assume!(!proxies().iter().any(|proxy| proxy.contains(real)));
        // Appended to the caller's own line, as most proxies do.
        let mut line = invented.join(", ");
        if !invented.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&text);
        if further {
            line.push_str(", 10.7.7.7");
        }
        prop_assert_eq!(from(PROXY, &[("x-forwarded-for", &line)]).ip, real);
        // Added as a header of its own.
        let mut lines: Vec<(&'static str, &str)> =
            invented.iter().map(|line| ("forwarded", line.as_str())).collect();
        let own = format!("for=\"{text}\";proto=https");
        lines.push(("forwarded", &own));
        let told = from(PROXY, &lines);
        prop_assert_eq!((told.ip, told.https), (real, Some(true)));
        // Appended to the caller's line: the proxy's word, or nobody's.
        let line = format!("{}, {own}", invented.join(", "));
        let told = from(PROXY, &[("forwarded", &line)]);
        prop_assert!(told.ip == real || told.ip == ip(PROXY), "{}", told.ip);
    }

    /// Anything at all, from anybody: no panic, and from a stranger no effect.
    #[test]
    fn bytes_of_strangers_change_nothing(
        lines in proptest::collection::vec((0usize..3, proptest::collection::vec(any::<u8>(), 0..80)), 0..5),
    ) {
        let mut headers = HeaderMap::new();
        for (name, bytes) in &lines {
            let name = [FORWARDED, FORWARDED_FOR, FORWARDED_PROTO][*name].clone();
            if let Ok(value) = HeaderValue::from_bytes(bytes) {
                headers.append(name, value);
            }
        }
        let stranger = ip("203.0.113.9");
        prop_assert_eq!(sender(stranger, &proxies(), &headers).ip, stranger);
        prop_assert!(sender(ip(PROXY), &proxies(), &headers).by_proxy);
    }
}
