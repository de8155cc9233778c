//! Whom a call comes from, where a proxy hands it on: what headers say of that is believed from proxies that are trusted by
//! address, and from nobody else.
//!
//! `X-Forwarded-For` and `X-Forwarded-Proto` count where there is either; else `Forwarded` (RFC 7239). Hops are read from the
//! nearest on: the first that is no trusted proxy is the caller, and whatever stands before it may be the caller's invention.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use entry::address::{Cidr, parse_ip};
use std::net::IpAddr;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Hops that are looked at, the nearest first. Nobody has more proxies; a caller may invent thousands.
const HOPS_MAX: usize = 64;

/// Whom a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    pub ip: IpAddr,
    /// A trusted proxy handed the call on.
    pub by_proxy: bool,
    /// Whether the caller speaks TLS to the proxy, if the proxy says so.
    pub https: Option<bool>,
}

/// One hop, as the proxy after it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hop {
    /// `None`: what stands there is no address.
    ip: Option<IpAddr>,
    https: Option<bool>,
}

/// Whom a call from `peer` comes from. Where a trusted proxy says nothing that is understood, from the proxy.
pub fn sender(peer: IpAddr, proxies: &[Cidr], headers: &HeaderMap) -> Sender {
    let is_trusted = |ip: IpAddr| proxies.iter().any(|proxy| proxy.contains(ip));
    let peer = peer.to_canonical();
    let mut sender = Sender {
        ip: peer,
        by_proxy: is_trusted(peer),
        https: None,
    };
    if !sender.by_proxy {
        return sender;
    }
    let by_x = [FORWARDED_FOR, FORWARDED_PROTO];
    let hops = match by_x.iter().any(|name| headers.contains_key(name)) {
        true => x_hops(headers),
        false => hops(headers),
    };
    // All of them trusted: the one furthest away is as much as anybody knows.
    let is_caller = |hop: &&Hop| hop.ip.is_none_or(|ip| !is_trusted(ip));
    let Some(hop) = hops.iter().find(is_caller).or(hops.last()) else {
        return sender;
    };
    sender.ip = hop.ip.unwrap_or(peer);
    sender.https = hop.https;
    sender
}

/// The hops of the `X-` headers, the nearest first.
fn x_hops(headers: &HeaderMap) -> Vec<Hop> {
    let https: Vec<_> = items(headers, FORWARDED_PROTO)
        .take(HOPS_MAX)
        .map(|item| item.and_then(is_https))
        .collect();
    let at = |n: usize| {
        // Of fewer schemes than hops the furthest counts for all beyond: most proxies tell one.
        let furthest = https.len().checked_sub(1)?;
        https[n.min(furthest)]
    };
    let hops = items(headers, FORWARDED_FOR).take(HOPS_MAX).enumerate();
    let hops = hops.map(|(n, item)| Hop {
        ip: item.and_then(parse_ip),
        https: at(n),
    });
    let hops: Vec<Hop> = hops.collect();
    match hops.is_empty() {
        true => Vec::from([Hop {
            ip: None,
            https: at(0),
        }]),
        false => hops,
    }
}

/// The items of a list that may stand in several headers, the last first. `None`: not even text.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&str>> {
    let values = headers.get_all(name).into_iter().rev();
    values.flat_map(|value| {
        let text = value.to_str().ok();
        let items = text.map(|text| text.rsplit(',').map(|item| Some(item.trim())));
        let garbage = text.is_none().then_some(None);
        items.into_iter().flatten().chain(garbage)
    })
}

fn is_https(scheme: &str) -> Option<bool> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Some(true),
        _ if scheme.eq_ignore_ascii_case("http") => Some(false),
        _ => None,
    }
}

/// The hops of `Forwarded`, the nearest first; a header that is not as the standard says is one hop of which nothing is known.
fn hops(headers: &HeaderMap) -> Vec<Hop> {
    let values = headers.get_all(FORWARDED).into_iter().rev();
    let told = values.flat_map(|value: &HeaderValue| {
        let hops = value.to_str().ok().and_then(elements);
        let mut hops = hops.unwrap_or_else(|| Vec::from([Hop::default()]));
        hops.reverse();
        hops
    });
    told.collect()
}

/// The elements of one header, in the order written.
fn elements(mut text: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    loop {
        let (hop, after) = element(text)?;
        hops.push(hop);
        match after.strip_prefix(',') {
            Some(next) => text = next,
            None => return after.is_empty().then_some(hops),
        }
    }
}

/// One element and what follows it: pairs between semicolons, each name once.
fn element(mut text: &str) -> Option<(Hop, &str)> {
    let mut hop = Hop::default();
    let (mut has_for, mut has_proto) = (false, false);
    loop {
        let (name, value, after) = pair(text)?;
        if name.eq_ignore_ascii_case("for") {
            if std::mem::replace(&mut has_for, true) {
                return None;
            }
            hop.ip = node(&value);
        } else if name.eq_ignore_ascii_case("proto") {
            if std::mem::replace(&mut has_proto, true) {
                return None;
            }
            hop.https = is_https(&value);
        }
        match after.strip_prefix(';') {
            Some(next) => text = next,
            None => return Some((hop, after)),
        }
    }
}

/// An address; its port may be a made-up name.
fn node(text: &str) -> Option<IpAddr> {
    let named = text
        .rsplit_once(':')
        .filter(|(_, port)| port.starts_with('_'));
    parse_ip(named.map_or(text, |(address, _)| address))
}

/// `name=value` and what follows it, without white space around.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches(BLANK);
    let (name, after) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let (value, after) = match after.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let end = after.find([',', ';', ' ', '\t']).unwrap_or(after.len());
            let (value, after) = after.split_at(end);
            let is_plain = |b: u8| is_token(b) || matches!(b, b':' | b'[' | b']');
            if value.is_empty() || !value.bytes().all(is_plain) {
                return None;
            }
            (value.to_owned(), after)
        }
    };
    Some((name, value, after.trim_start_matches(BLANK)))
}

const BLANK: [char; 2] = [' ', '\t'];

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// What stands before the closing quotation mark, and what follows that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests;
