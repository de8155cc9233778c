//! Dates whose months have names, or whose parts stand in another order: `Nov 23 2026 09:40:48.811 UTC`, `Mon, 23 Nov 2026 09:40:48 +0100`,
//! `Mon Nov 23 09:40:48 2026`, `23/Nov/2026:09:40:48 +0000`, `11/23/2026 9:40:48 AM`, and syslog's `Oct  5 09:31:22`.

use super::{ForeignTime, zone};
use entry::Timestamp;
use std::fmt::Write as _;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Longer texts are no dates.
const BYTES_MAX: usize = 100;

/// What the words of a date say.
#[derive(Default)]
struct Date<'t> {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
    /// `9:40:48.811`
    clock: Option<&'t str>,
    /// After noon; `None` of 24 hours.
    is_pm: Option<bool>,
    zone: Option<&'t str>,
}

/// `now` tells the year where none is written.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<ForeignTime> {
    if text.len() > BYTES_MAX {
        return None;
    }
    // Browsers write the zone's name behind its offset.
    let text = text.split('(').next().unwrap_or(text);
    let text = text.trim_matches(['[', ']', ' ']);
    let mut date = Date::default();
    for word in text.split_ascii_whitespace() {
        date.take(word.trim_end_matches(','))?;
    }
    date.instant(now)
}

impl<'t> Date<'t> {
    /// `None` if the word is none of a date, or there is one of its kind already.
    fn take(&mut self, word: &'t str) -> Option<()> {
        let first = word.bytes().next()?;
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        match first {
            b'0'..=b'9' if digits && word.len() == 4 => set(&mut self.year, word.parse().ok()),
            b'0'..=b'9' if digits && word.len() <= 2 => set(&mut self.day, word.parse().ok()),
            b'0'..=b'9' if word.contains(['/', '-']) => self.whole(word),
            b'0'..=b'9' if word.contains(':') => set(&mut self.clock, Some(word)),
            b'0'..=b'9' => None,
            _ if word.eq_ignore_ascii_case("am") => set(&mut self.is_pm, Some(false)),
            _ if word.eq_ignore_ascii_case("pm") => set(&mut self.is_pm, Some(true)),
            // Of a zone, its own word or one behind it (`+0000 UTC`).
            _ if self.clock.is_some() && zone::is_zone(word) => {
                self.zone.get_or_insert(word);
                Some(())
            }
            _ => match (named(&MONTHS, word), named(&DAYS, word)) {
                (Some(month), _) => set(&mut self.month, Some(month)),
                (None, Some(_)) => Some(()),
                (None, None) => None,
            },
        }
    }

    /// `23/Nov/2026:09:40:48`, `23-Nov-2026`, `2026/11/23`, `11/23/2026`.
    fn whole(&mut self, word: &'t str) -> Option<()> {
        let (date, clock) = match word.split_once(':') {
            Some((date, clock)) => (date, Some(clock)),
            None => (word, None),
        };
        let mut parts = date.split(['/', '-']);
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let number = |part: &str| part.parse::<u8>().ok().filter(|_| part.len() <= 2);
        let year = |part: &str| part.parse::<u16>().ok().filter(|_| part.len() == 4);
        let (y, m, d) = match (named(&MONTHS, b), year(a)) {
            (Some(month), _) => (year(c)?, month, number(a)?),
            (None, Some(y)) => (y, number(b)?, number(c)?),
            (None, None) => {
                let (a, b) = (number(a)?, number(b)?);
                // Here the month is first, there the day: only what can be but one of them is read.
                match (a, b) {
                    (13.., _) => (year(c)?, b, a),
                    (_, 13..) => (year(c)?, a, b),
                    _ if a == b => (year(c)?, a, b),
                    _ => return None,
                }
            }
        };
        if let Some(clock) = clock {
            set(&mut self.clock, Some(clock))?;
        }
        set(&mut self.year, Some(y))?;
        set(&mut self.month, Some(m))?;
        set(&mut self.day, Some(d))
    }

    fn instant(&self, now: Timestamp) -> Option<ForeignTime> {
        let (month, day) = (self.month?, self.day?);
        let (zone, zone_assumed) = match self.zone {
            Some(zone) => zone::read(zone)?,
            None => ("Z".to_owned(), true),
        };
        let clock = match self.clock {
            Some(clock) => self.clock(clock)?,
            // Without a year a day alone is none.
            None => self.year.map(|_| "00:00:00".to_owned())?,
        };
        let of = |year: i64| {
            Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T{clock}{zone}")).ok()
        };
        let timestamp = match self.year {
            Some(year) => of(i64::from(year))?,
            None => latest(now, of)?,
        };
        Some(ForeignTime {
            timestamp,
            zone_assumed,
        })
    }

    /// `9:40:48 PM` as `21:40:48`.
    fn clock(&self, clock: &str) -> Option<String> {
        let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
        let mut parts = clock.split(':');
        let mut next = |default: &'static str| {
            let part = parts.next().unwrap_or(default);
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            (digits && matches!(part.len(), 1 | 2)).then(|| part.parse::<u8>().ok())?
        };
        let (hour, minute, second) = (next("")?, next("")?, next("0")?);
        if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let hour = match self.is_pm {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(is_pm) => hour % 12 + if is_pm { 12 } else { 0 },
        };
        let mut text = format!("{hour:02}:{minute:02}:{second:02}");
        if !fraction.is_empty() {
            let fraction = fraction.get(..9).unwrap_or(fraction);
            write!(text, ".{fraction}").expect("a string takes everything");
        }
        Some(text)
    }
}

/// Of the year that makes it the past, or at most a day ahead.
fn latest(now: Timestamp, of: impl Fn(i64) -> Option<Timestamp>) -> Option<Timestamp> {
    const DAY_MICROS: i64 = 86_400 * 1_000_000;
    let year: i64 = now.to_string().get(..4)?.parse().ok()?;
    let latest = now.as_micros().saturating_add(DAY_MICROS);
    // A year without 29 February is passed over.
    (0..8)
        .filter_map(|back| of(year + 1 - back))
        .find(|t| t.as_micros() <= latest)
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value?);
    Some(())
}

/// The number of a name, from 1; its first three letters are enough, of September four.
fn named(names: &[&str], word: &str) -> Option<u8> {
    let word = if word.eq_ignore_ascii_case("sept") {
        "sep"
    } else {
        word
    };
    let is = |name: &&str| {
        let short = name.get(..3).filter(|_| word.len() == 3);
        name.eq_ignore_ascii_case(word)
            || short.is_some_and(|short| short.eq_ignore_ascii_case(word))
    };
    let at = names.iter().position(is)?;
    u8::try_from(at + 1).ok()
}
