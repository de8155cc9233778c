//! An instant: UTC, microseconds, year 1 to 9999.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z; year 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// 0001-01-01T00:00:00.000000Z
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// `None` outside of year 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&micros)
            .then_some(Self(micros))
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant of an RFC 3339 text: any offset, any number of fraction digits (past the sixth cut off).
    /// The error says what is impossible about it.
    ///
    /// Refused although RFC 3339 has a place for them: second 60 (a UTC day of ours has 86,400 seconds, so two instants
    /// would become one) and a blank instead of `T`.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let bytes = text.as_bytes();
        let Some((date_time, rest)) = bytes.split_at_checked(19) else {
            return Err("too short for YYYY-MM-DDThh:mm:ss and a zone");
        };
        let days = parse_date(date_time)?;
        let seconds = parse_time_of_day(date_time)?;
        let (fraction, rest) = parse_fraction(rest)?;
        let offset = parse_offset(rest)?;
        let seconds = days * SECONDS_PER_DAY + seconds - offset;
        Self::from_micros(seconds * MICROS_PER_SECOND + fraction)
            .ok_or("not within year 1 to 9999 in UTC")
    }

    /// `2026-10-05T09:31:22.104512Z`, what [`fmt::Display`] shows.
    pub fn to_ascii(self) -> [u8; 27] {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let mut fraction = self.0.rem_euclid(MICROS_PER_SECOND);
        let (year, month, day) = date_of(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let mut out = *b"0000-00-00T00:00:00.000000Z";
        two_digits(&mut out, 0, year / 100);
        two_digits(&mut out, 2, year % 100);
        two_digits(&mut out, 5, month);
        two_digits(&mut out, 8, day);
        two_digits(&mut out, 11, of_day / 3600);
        two_digits(&mut out, 14, of_day / 60 % 60);
        two_digits(&mut out, 17, of_day % 60);
        for at in [24, 22, 20] {
            two_digits(&mut out, at, fraction % 100);
            fraction /= 100;
        }
        out
    }
}

/// `2026-10-05T09:31:22.104512Z`, always 27 bytes.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_ascii()).expect("digits and punctuation are ASCII"))
    }
}

fn two_digits(out: &mut [u8; 27], at: usize, number: i64) {
    out[at] = b'0' + (number / 10) as u8;
    out[at + 1] = b'0' + (number % 10) as u8;
}

/// The number written in `bytes`; `None` unless all are digits.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days since 1970-01-01 of `YYYY-MM-DD` at the start of `text`.
fn parse_date(text: &[u8]) -> std::result::Result<i64, &'static str> {
    let shape = "not of the form YYYY-MM-DDThh:mm:ss and a zone";
    if text[4] != b'-' || text[7] != b'-' || !matches!(text[10], b'T' | b't') {
        return Err(shape);
    }
    let year = digits(&text[..4]).ok_or(shape)?;
    let month = digits(&text[5..7]).ok_or(shape)?;
    let day = digits(&text[8..10]).ok_or(shape)?;
    if year == 0 {
        return Err("not within year 1 to 9999 in UTC");
    }
    if !(1..=12).contains(&month) {
        return Err("no such month");
    }
    if day == 0 || day > days_in(year, month) {
        return Err("no such day in that month");
    }
    Ok(days_of(year, month, day))
}

/// Seconds of the day of `…Thh:mm:ss` at the end of `text`.
fn parse_time_of_day(text: &[u8]) -> std::result::Result<i64, &'static str> {
    let shape = "not of the form YYYY-MM-DDThh:mm:ss and a zone";
    if text[13] != b':' || text[16] != b':' {
        return Err(shape);
    }
    let hour = digits(&text[11..13]).ok_or(shape)?;
    let minute = digits(&text[14..16]).ok_or(shape)?;
    let second = digits(&text[17..19]).ok_or(shape)?;
    if hour > 23 {
        return Err("no such hour");
    }
    if minute > 59 {
        return Err("no such minute");
    }
    if second > 59 {
        return Err("no such second (leap seconds cannot be kept)");
    }
    Ok(hour * 3600 + minute * 60 + second)
}

/// Microseconds of a fraction, and what follows it.
fn parse_fraction(text: &[u8]) -> std::result::Result<(i64, &[u8]), &'static str> {
    let Some(text) = text.strip_prefix(b".") else {
        return Ok((0, text));
    };
    let length = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    if length == 0 {
        return Err("no digits after the point");
    }
    let kept = digits(&text[..length.min(6)]).expect("counted as digits");
    let scale = 10_i64.pow(6 - length.min(6) as u32);
    Ok((kept * scale, &text[length..]))
}

/// Seconds east of UTC.
fn parse_offset(text: &[u8]) -> std::result::Result<i64, &'static str> {
    let sign = match text {
        b"Z" | b"z" => return Ok(0),
        [] => return Err("no zone: end it with Z or an offset such as +02:00"),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return Err("the zone is neither Z nor an offset such as +02:00"),
    };
    match (digits(&text[1..3]), digits(&text[4..6])) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(sign * (hours * 3600 + minutes * 60)),
        _ => Err("no such offset"),
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, by Howard Hinnant's `days_from_civil`: years begin in March, so the leap day comes last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month, day: the inverse of [`days_of`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
