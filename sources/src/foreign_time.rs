//! Instants as other systems write them.
//!
//! - this file: numbers, and RFC 3339 with its relatives
//! - `words`: dates whose months have names, or whose parts stand in another order
//! - `zone`: offsets, and the letters that stand for them

mod words;
mod zone;

use entry::Timestamp;
use entry::json::Value;

/// An instant, and whether it was said in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignTime {
    pub timestamp: Timestamp,
    /// No zone was written; UTC is assumed.
    pub zone_assumed: bool,
}

/// The instant of a JSON value: a text, or a number since 1970. `now` tells the year where none is written.
pub fn read(value: &Value<'_>, now: Timestamp) -> Option<ForeignTime> {
    match value {
        Value::String(text) => parse(text, now),
        Value::Number(text) => epoch(text).map(full),
        _ => None,
    }
}

/// Whether a word is a zone whose offset is known, and not a host that is called so.
pub(crate) fn is_zone_name(word: &str) -> bool {
    zone::is_known(word)
}

/// Whether a text says no more than the timestamp read from it: RFC 3339, without digits beyond microseconds.
pub fn says_no_more(text: &str) -> bool {
    Timestamp::parse(text).is_ok() && text.len() <= "2026-11-23T09:09:34.723264Z".len()
}

/// The instant of a text: RFC 3339 and its relatives (a space for the `T`, `+0000`, no zone, a comma before the fraction, no
/// separators at all), dates with the names of months, with or without a year (`Nov 23 2026 09:40:48`, mail's, syslog's `Oct  5 09:31:22`), `11/23/2026
/// 9:40:48 AM` where no other order can be meant, or a number since 1970 in seconds, milli-, micro- or nanoseconds.
pub fn parse(text: &str, now: Timestamp) -> Option<ForeignTime> {
    let text = text.trim();
    if text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !text.get(1..).is_some_and(|rest| rest.contains('-'))
    {
        // Fourteen digits are a date if they can be one: as milliseconds they would lie centuries ahead.
        return date_time(text)
            .filter(|_| text.len() >= COMPACT_DIGITS)
            .or_else(|| epoch(text).map(full));
    }
    if let Ok(timestamp) = Timestamp::parse(text) {
        return Some(full(timestamp));
    }
    date_time(text).or_else(|| words::parse(text, now))
}

/// Of `20261123094048`.
const COMPACT_DIGITS: usize = 14;

fn full(timestamp: Timestamp) -> ForeignTime {
    ForeignTime {
        timestamp,
        zone_assumed: false,
    }
}

/// A count since 1970; its unit is told by its size, which leaves no doubt between 1973 and 5138.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = match text.split_once(['.', 'e', 'E']) {
        // An exponent is how a float's printer writes a large number.
        Some(_) if text.contains(['e', 'E']) => return float_epoch(text),
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let count: i128 = whole.parse().ok()?;
    let nanos_each: i128 = match count.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut part = 0;
    let mut unit = nanos_each;
    for digit in fraction.bytes().take(9) {
        unit /= 10;
        part += i128::from(digit - b'0') * unit;
    }
    let nanos = count.checked_mul(nanos_each)?;
    let nanos = if whole.starts_with('-') {
        nanos - part
    } else {
        nanos + part
    };
    Timestamp::from_micros(i64::try_from(nanos.div_euclid(1_000)).ok()?)
}

fn float_epoch(text: &str) -> Option<Timestamp> {
    let count: f64 = text.parse().ok()?;
    epoch(&format!("{count:.6}"))
}

/// `2020-01-01 00:00:00.000`, `2022-02-08 09:23:37+1100`, `20230710T114739Z`, brought into RFC 3339.
fn date_time(text: &str) -> Option<ForeignTime> {
    let text = expand(text).unwrap_or_else(|| text.to_owned());
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    let clock_end = rest
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ',')))
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let clock = match clock.len() {
        0 => "00:00:00".to_owned(),
        5 => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    let fraction = match fraction {
        "" => String::new(),
        digits => format!(".{}", digits.get(..9).unwrap_or(digits)),
    };
    // Go prints a zone's name after its offset.
    let zone = zone.trim().split(' ').next().unwrap_or("");
    let (zone, zone_assumed) = zone::read(zone)?;
    let timestamp = Timestamp::parse(&format!("{date}T{clock}{fraction}{zone}")).ok()?;
    Some(ForeignTime {
        timestamp,
        zone_assumed,
    })
}

/// `20230710T114739…` or `20230710114739…` with its separators; `None` for anything else.
fn expand(text: &str) -> Option<String> {
    let digits =
        |t: &str, n: usize| t.len() >= n && t.as_bytes()[..n].iter().all(u8::is_ascii_digit);
    let compact = || {
        let is_compact = digits(text, COMPACT_DIGITS)
            && !text[COMPACT_DIGITS..].starts_with(|c: char| c.is_ascii_digit())
            && matches!(&text[..2], "19" | "20");
        is_compact.then(|| text.split_at(8))
    };
    let (date, clock) = text.split_once('T').or_else(compact)?;
    if date.len() != 8 || !digits(date, 8) || !digits(clock, 6) {
        return None;
    }
    let ((year, month, day), (hour, minute, rest)) = (
        (&date[..4], &date[4..6], &date[6..]),
        (&clock[..2], &clock[2..4], &clock[4..]),
    );
    Some(format!("{year}-{month}-{day}T{hour}:{minute}:{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-01T00:00:00Z").expect("an instant")
    }

    /// As written, as meant, and whether the zone had to be assumed.
    const REAL: &[(&str, &str, bool)] = &[
        (
            "2026-11-23T09:09:34.723264Z",
            "2026-11-23T09:09:34.723264Z",
            false,
        ),
        (
            "2025-01-21T17:39:10.379877250Z",
            "2025-01-21T17:39:10.379877Z",
            false,
        ),
        (
            "2022-02-08 09:23:37+11:00",
            "2022-02-07T22:23:37.000000Z",
            false,
        ),
        (
            "2022-02-08T09:23:37+1100",
            "2022-02-07T22:23:37.000000Z",
            false,
        ),
        (
            "2022-02-08T09:23:37.5-03",
            "2022-02-08T12:23:37.500000Z",
            false,
        ),
        (
            "2020-01-01 00:00:00.000",
            "2020-01-01T00:00:00.000000Z",
            true,
        ),
        (
            "2025-01-21 17:39:10.000000000",
            "2025-01-21T17:39:10.000000Z",
            true,
        ),
        (
            "2022-11-29 00:09:04.38",
            "2022-11-29T00:09:04.380000Z",
            true,
        ),
        (
            "2020-01-01 00:00:00,250",
            "2020-01-01T00:00:00.250000Z",
            true,
        ),
        (
            "2020-01-01 00:00:00.123456789012 +0000 UTC",
            "2020-01-01T00:00:00.123456Z",
            false,
        ),
        (
            "2020-01-01 00:00:00 UTC",
            "2020-01-01T00:00:00.000000Z",
            false,
        ),
        ("2020-01-01", "2020-01-01T00:00:00.000000Z", true),
        ("2020-01-01 12:30", "2020-01-01T12:30:00.000000Z", true),
        ("20230710T114739Z", "2023-07-10T11:47:39.000000Z", false),
        ("1688989659", "2023-07-10T11:47:39.000000Z", false),
        ("1688989659123", "2023-07-10T11:47:39.123000Z", false),
        ("1688989659123456", "2023-07-10T11:47:39.123456Z", false),
        ("1688989659123456789", "2023-07-10T11:47:39.123456Z", false),
        ("1688989659.25", "2023-07-10T11:47:39.250000Z", false),
        ("-1.5", "1969-12-31T23:59:58.500000Z", false),
        ("Jul 10 11:47:39", "2025-07-10T11:47:39.000000Z", true),
        ("Feb  5 09:31:22", "2026-02-05T09:31:22.000000Z", true),
        ("Feb 29 09:31:22", "2024-02-29T09:31:22.000000Z", true),
        (
            "Jul 10 11:47:39.5 CEST",
            "2025-07-10T09:47:39.500000Z",
            false,
        ),
    ];

    /// Of these a year is written, and was not read: all were taken for the time of receipt, or for a year six hundred years ahead.
    const WITH_YEAR: &[(&str, &str, bool)] = &[
        ("Nov 23 2026 09:40:48", "2026-11-23T09:40:48.000000Z", true),
        (
            "Nov 23 2026 09:40:48.811 UTC",
            "2026-11-23T09:40:48.811000Z",
            false,
        ),
        (
            "Nov 23 2026 09:40:48.811 EST",
            "2026-11-23T14:40:48.811000Z",
            false,
        ),
        (
            "November 23, 2026 9:40 PM",
            "2026-11-23T21:40:00.000000Z",
            true,
        ),
        ("Nov  3 2026", "2026-11-03T00:00:00.000000Z", true),
        (
            "Mon Nov 23 09:40:48 2026",
            "2026-11-23T09:40:48.000000Z",
            true,
        ),
        (
            "Mon Nov 23 09:40:48 CET 2026",
            "2026-11-23T08:40:48.000000Z",
            false,
        ),
        (
            "Mon, 23 Nov 2026 09:40:48 +0100",
            "2026-11-23T08:40:48.000000Z",
            false,
        ),
        (
            "Mon, 23 Nov 2026 09:40:48 GMT",
            "2026-11-23T09:40:48.000000Z",
            false,
        ),
        (
            "Mon Nov 23 2026 09:40:48 GMT+0100 (Central European Standard Time)",
            "2026-11-23T08:40:48.000000Z",
            false,
        ),
        (
            "[23/Nov/2026:09:40:48 +0000]",
            "2026-11-23T09:40:48.000000Z",
            false,
        ),
        (
            "23-Nov-2026 09:40:48,5",
            "2026-11-23T09:40:48.500000Z",
            true,
        ),
        ("2026/11/23 09:40:48", "2026-11-23T09:40:48.000000Z", true),
        ("11/23/2026 9:40:48 AM", "2026-11-23T09:40:48.000000Z", true),
        (
            "11/23/2026 12:00:00 AM",
            "2026-11-23T00:00:00.000000Z",
            true,
        ),
        ("23/11/2026 09:40:48", "2026-11-23T09:40:48.000000Z", true),
        ("20261123094048", "2026-11-23T09:40:48.000000Z", true),
        ("20261123094048.811", "2026-11-23T09:40:48.811000Z", true),
        ("20261123094048Z", "2026-11-23T09:40:48.000000Z", false),
        ("20261123094048+0100", "2026-11-23T08:40:48.000000Z", false),
        (
            "2026-11-23 09:40:48 CET",
            "2026-11-23T08:40:48.000000Z",
            false,
        ),
        (
            "2026-11-23 09:40:48 PDT",
            "2026-11-23T16:40:48.000000Z",
            false,
        ),
        // America's or China's, India's or Ireland's: nobody can tell.
        (
            "2026-11-23 09:40:48 CST",
            "2026-11-23T09:40:48.000000Z",
            true,
        ),
        (
            "Nov 23 2026 09:40:48 IST",
            "2026-11-23T09:40:48.000000Z",
            true,
        ),
        // No date, so milliseconds; and no year of ours.
        ("20261399094048", "2612-01-22T22:24:54.048000Z", false),
        ("16889896591230", "2505-03-21T21:56:31.230000Z", false),
    ];

    #[test]
    fn instants_are_read_as_they_occur_in_real_data() {
        for (text, expected, assumed) in REAL.iter().chain(WITH_YEAR) {
            let found = parse(text, now()).unwrap_or_else(|| panic!("{text} is an instant"));
            assert_eq!(
                (found.timestamp.to_string().as_str(), found.zone_assumed),
                (*expected, *assumed),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_are_read_by_their_size_whatever_their_form() {
        for text in [
            "1688989659",
            "1688989659.0",
            "1.688989659e9",
            "1688989659000",
            "1.688989659E12",
        ] {
            let found = read(&Value::Number(text.into()), now()).expect("an instant");
            assert_eq!(
                found.timestamp.to_string(),
                "2023-07-10T11:47:39.000000Z",
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "-",
            ".",
            "null",
            "yesterday",
            "2020-13-01",
            "2020-01-01T25:00:00Z",
            "2020-01-01T00:00:00+",
            "2020-01-01T00:00:00+1",
            "99999999999999999999999999",
            "1e400",
            "NaN",
            "Jul 99 00:00:00",
            "Ju\u{301}l 1 00:00:00",
            "20230710T11",
            "ééééé 2020-01-01",
            "2020-01-0é",
            "11/12/2026 09:40:48",
            "9/10/2026 1:02:03 PM",
            "11/23/26 09:40:48",
            "Nov 23 2026 2026",
            "Nov 23 2026 13:00 PM",
            "Nov 31 2026 09:40:48",
            "Nov 23 09:40:48 web-1",
            "Nov 23",
            "Novem 23 2026",
            "23 2026 09:40:48",
            "Nov 23 2026 09:40:48 +9",
            "2026-11-23 09:40:48 ABCDEF",
        ] {
            assert_eq!(parse(text, now()), None, "{text}");
        }
        assert_eq!(read(&Value::Bool(true), now()), None);
    }
}
