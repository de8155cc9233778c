//! Tokens do not belong into addresses: those are kept by histories, proxies and whoever logs them, and repeated by answers.

use crate::access::token::Kind;
use crate::problem::{Kind as Problems, Problem};
use axum::http::Uri;
use percent_encoding::percent_decode_str;

/// How a token of ours begins; the letters of its kind follow.
const PREFIX: &str = "mar_";

/// So much of a token is more than its id, which may be told.
const TELLING_CHARS: usize = 24;

/// 400 for an address that holds a token of ours, or much of one. The answer does not repeat it.
pub fn must_hold_no_token(uri: &Uri) -> Result<(), Problem> {
    let address = uri.path_and_query().map_or("", |both| both.as_str());
    match holds_token(&percent_decode_str(address).decode_utf8_lossy()) {
        false => Ok(()),
        true => Err(Problems::BadRequest.detail(
            "the address holds a token: send it in the header Authorization, or in the form that asks for it",
        )),
    }
}

fn holds_token(text: &str) -> bool {
    let after = text.match_indices(PREFIX);
    let mut after = after.map(|(at, found)| &text[at + found.len()..]);
    after.any(|rest| {
        let parts = rest.split_once('_');
        parts.is_some_and(|(kind, rest)| {
            let is_part = |c: &char| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(c);
            Kind::parse(kind).is_some() && rest.chars().take_while(is_part).count() >= TELLING_CHARS
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_seen_whole_cut_and_encoded_and_its_id_is_none() {
        let token = format!("mar_svc_{}_{}", "a".repeat(13), "b".repeat(39));
        let seen = |address: &str| {
            let uri: Uri = address.parse().expect("an address");
            must_hold_no_token(&uri).is_err()
        };
        assert!(seen(&format!("/v1/entries/{token}")));
        assert!(seen(&format!("/v1/entries?search=x{token}")));
        assert!(seen(&format!("/?{}=1", &token[..token.len() - 20])));
        assert!(seen(&format!("/?a={}", token.replace('_', "%5F"))));
        assert!(!seen("/v1/entries?search=mar_svc_aaaaaaaaaaaaa"));
        assert!(!seen(&format!("/{}", token.replace("svc", "abc"))));
        assert!(!seen("/targets/user/mar_"));
    }
}
