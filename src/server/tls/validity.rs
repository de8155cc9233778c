//! When a certificate expires: the one thing that is read of it here. All else is read by who verifies it.

use entry::Timestamp;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version's tag, `[0]`.
const VERSION: u8 = 0xa0;

/// `notAfter` of a certificate in DER (RFC 5280, 4.1); `None` for anything else.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(SEQUENCE, der)?;
    let (signed, _) = expect(SEQUENCE, certificate)?;
    let signed = expect(VERSION, signed).map_or(signed, |(_, after)| after);
    let (_serial, after) = expect(INTEGER, signed)?;
    let (_algorithm, after) = expect(SEQUENCE, after)?;
    let (_issuer, after) = expect(SEQUENCE, after)?;
    let (validity, _) = expect(SEQUENCE, after)?;
    let (_, _not_before, after) = element(validity)?;
    let (tag, not_after, _) = element(after)?;
    moment(tag, not_after)
}

/// The content of an element with this tag, and what follows it.
fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, after) = element(der)?;
    (found == tag).then_some((content, after))
}

/// Tag, content and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], after) = der.split_first_chunk()?;
    let (length, after) = match first {
        ..=0x7f => (usize::from(first), after),
        // Four bytes of length are 4 GiB.
        0x80 | 0x85.. => return None,
        _ => {
            let (bytes, after) = after.split_at_checked(usize::from(first - 0x80))?;
            let length = bytes
                .iter()
                .fold(0, |length, &byte| length << 8 | usize::from(byte));
            (length, after)
        }
    };
    let (content, after) = after.split_at_checked(length)?;
    Some((tag, content, after))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the only forms that certificates may have.
fn moment(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.get(..2)?) {
        (UTC_TIME, year) if year >= "50" => format!("19{text}"),
        (UTC_TIME, _) => format!("20{text}"),
        (GENERALIZED_TIME, _) => text.to_owned(),
        _ => return None,
    };
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (date, time) = text.split_at(8);
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute, second) = (&time[..2], &time[2..4], &time[4..]);
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["log.example".to_owned()]).expect("a name");
        params.not_after = date_time_ymd(year, 3, 9);
        let made = params.self_signed(&key).expect("a certificate");
        made.der().to_vec()
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_spellings_of_time() {
        // Until 2049 years have two digits.
        for year in [1999, 2026, 2049, 2050, 9999] {
            let found = not_after(&certificate(year)).map(|at| at.to_string());
            let meant = format!("{year}-03-09T00:00:00");
            assert!(
                found.as_ref().is_some_and(|at| at.starts_with(&meant)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_is_cut_says_nothing() {
        let whole = certificate(2030);
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        assert_eq!(moment(UTC_TIME, b"301301000000Z"), None);
        assert_eq!(moment(UTC_TIME, b"3001010000Z"), None);
        assert_eq!(moment(GENERALIZED_TIME, b"20300101000000+0100"), None);
        assert_eq!(moment(INTEGER, b"20300101000000Z"), None);
        assert_eq!(moment(UTC_TIME, "é00101000000Z".as_bytes()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            other in any::<u8>(),
        ) {
            not_after(&bytes);
            let mut altered = certificate(2030);
            let at = at.index(altered.len());
            altered[at] = other;
            not_after(&altered);
        }
    }
}
