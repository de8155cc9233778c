//! What a request says of itself: who sent it from where, and what it calls itself.

use crate::Request;
use entry::address::{Cidr, parse_ip};
use http::request::Parts;
use http::{HeaderMap, header};
use std::net::IpAddr;

/// The request of an entry. Its query is left out: it may hold secrets.
pub(super) fn read(parts: &Parts, path: &str, ip: Option<IpAddr>) -> Request {
    let trace = text(&parts.headers, "traceparent").and_then(trace_id);
    let mut request = Request::new().method(parts.method.as_str()).path(path);
    if let Some(id) = text(&parts.headers, "x-request-id").or(trace) {
        request = request.id(id);
    }
    if let Some(trace) = trace {
        request = request.trace_id(trace);
    }
    if let Some(agent) = text(&parts.headers, header::USER_AGENT.as_str()) {
        request = request.user_agent(agent);
    }
    if let Some(ip) = ip {
        request = request.ip(ip.to_string());
    }
    request
}

/// A header that is text and says something.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

/// The trace of a W3C `traceparent`: `00-<32 digits>-<16 digits>-<2 digits>`.
fn trace_id(header: &str) -> Option<&str> {
    let mut parts = header.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let is_hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_trace = version.len() == 2
        && trace.len() == 32
        && is_hexadecimal(trace)
        && trace.bytes().any(|b| b != b'0');
    is_trace.then_some(trace)
}

/// Who called, seen through the proxies that are trusted: the last address that none of them is.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer.to_canonical();
    for hop in said.iter().rev() {
        // What a stranger wrote is not believed, and what is no address ends what can be.
        let (true, Some(ip)) = (is_trusted(client), parse_ip(hop.trim())) else {
            break;
        };
        client = ip;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_32_digits() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let header = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_id(&header), Some(trace));
        for bad in [
            "",
            "00",
            "00-zzf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf9-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let trusted = [Cidr::parse("10.0.0.0/8").expect("a network")];
        let from = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append("x-forwarded-for", value.parse().expect("a value"));
            }
            client(peer.parse().expect("an address"), &headers, &trusted).to_string()
        };
        assert_eq!(from("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        // The first two were written by the caller.
        assert_eq!(
            from("10.0.0.1", &["1.1.1.1, 2.2.2.2, 203.0.113.9, 10.0.0.2"]),
            "203.0.113.9"
        );
        assert_eq!(from("10.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("10.0.0.1", &["unknown, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(from("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }
}
