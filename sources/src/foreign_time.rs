//! Instants as other systems write them.

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

/// Whether a text says no more than the timestamp read from it: RFC 3339, without digits beyond microseconds.
pub fn says_no_more(text: &str) -> bool {
    Timestamp::parse(text).is_ok() && text.len() <= "2026-11-23T09:09:34.723264Z".len()
}

/// The instant of a text: RFC 3339 and its relatives (a space for the `T`, `+0000`, no zone, a comma before the fraction, no
/// separators at all), syslog's `Oct  5 09:31:22`, or a number since 1970 in seconds, milli-, micro- or nanoseconds.
pub fn parse(text: &str, now: Timestamp) -> Option<ForeignTime> {
    let text = text.trim();
    if text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !text.get(1..).is_some_and(|rest| rest.contains('-'))
    {
        return epoch(text).map(full);
    }
    if let Ok(timestamp) = Timestamp::parse(text) {
        return Some(full(timestamp));
    }
    date_time(text).or_else(|| syslog(text, now))
}

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
    let (zone, zone_assumed) = zone_of(zone.trim())?;
    let timestamp = Timestamp::parse(&format!("{date}T{clock}{fraction}{zone}")).ok()?;
    Some(ForeignTime {
        timestamp,
        zone_assumed,
    })
}

/// `20230710T114739…` with its separators; `None` for anything else.
fn expand(text: &str) -> Option<String> {
    let (date, clock) = text.split_once('T')?;
    let digits =
        |t: &str, n: usize| t.len() >= n && t.as_bytes()[..n].iter().all(u8::is_ascii_digit);
    if date.len() != 8 || !digits(date, 8) || !digits(clock, 6) {
        return None;
    }
    let ((year, month, day), (hour, minute, rest)) = (
        (&date[..4], &date[4..6], &date[6..]),
        (&clock[..2], &clock[2..4], &clock[4..]),
    );
    Some(format!("{year}-{month}-{day}T{hour}:{minute}:{rest}"))
}

/// A zone in RFC 3339's form, and whether it had to be assumed.
fn zone_of(zone: &str) -> Option<(String, bool)> {
    // Go prints a zone's name after its offset.
    let zone = zone.split(' ').next().unwrap_or("");
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    match (zone.get(..1), zone.get(1..)) {
        _ if matches!(zone, "UTC" | "GMT") => Some(("Z".to_owned(), false)),
        (None, _) => Some(("Z".to_owned(), true)),
        (Some("Z" | "z"), Some("")) => Some(("Z".to_owned(), false)),
        (Some(sign @ ("+" | "-")), Some(rest)) => match rest.len() {
            2 if digits(rest) => Some((format!("{sign}{rest}:00"), false)),
            4 if digits(rest) => Some((format!("{sign}{}:{}", &rest[..2], &rest[2..]), false)),
            5 => Some((zone.to_owned(), false)),
            _ => None,
        },
        _ => None,
    }
}

/// `Oct  5 09:31:22`: of the year that makes it the past, or at most a day ahead.
fn syslog(text: &str, now: Timestamp) -> Option<ForeignTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAY_MICROS: i64 = 86_400 * 1_000_000;
    let mut parts = text.split_ascii_whitespace();
    let (month, day, clock) = (parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    let day: u8 = day.parse().ok()?;
    let year: i32 = now.to_string().get(..4)?.parse().ok()?;
    let latest = now.as_micros().saturating_add(DAY_MICROS);
    // A year without 29 February is passed over.
    (0..8)
        .filter_map(|back| {
            Timestamp::parse(&format!(
                "{:04}-{month:02}-{day:02}T{clock}Z",
                year + 1 - back
            ))
            .ok()
        })
        .find(|t| t.as_micros() <= latest)
        .map(|timestamp| ForeignTime {
            timestamp,
            zone_assumed: true,
        })
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
    ];

    #[test]
    fn instants_are_read_as_they_occur_in_real_data() {
        for (text, expected, assumed) in REAL {
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
        ] {
            assert_eq!(parse(text, now()), None, "{text}");
        }
        assert_eq!(read(&Value::Bool(true), now()), None);
    }
}
