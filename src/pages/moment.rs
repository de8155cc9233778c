//! Instants as people read them: in the zone they chose, to the microsecond where it matters.

use entry::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// The zone of a page and how it is named.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    pub fn utc() -> Self {
        Self {
            name: "UTC".into(),
            zone: TimeZone::UTC,
        }
    }

    /// An IANA name; `None` if there is no such zone.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        let zone = TimeZone::get(name).ok()?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Some(Self { name, zone })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn at(&self, instant: Timestamp) -> Option<jiff::ZonedDateTime> {
        let instant = jiff::Timestamp::from_microsecond(instant.as_micros()).ok()?;
        Some(instant.to_zoned_datetime(self.zone.clone()))
    }

    /// By a `strftime` pattern; the UTC text for the few instants of year 1 and 9999 that no zone can hold.
    pub fn format(&self, instant: Timestamp, pattern: &str) -> String {
        match self.at(instant) {
            Some(zoned) => zoned.strftime(pattern).to_string(),
            None => instant.to_string(),
        }
    }

    /// `2026-11-23T10:41:55.104512+01:00`: what a person can paste back.
    pub fn rfc3339(&self, instant: Timestamp) -> String {
        if self.is_utc() {
            return instant.to_string();
        }
        self.format(instant, "%Y-%m-%dT%H:%M:%S%.6f%:z")
    }

    /// `Mon 23 Nov 2026, 10:41:55.104512 CET`
    pub fn full(&self, instant: Timestamp) -> String {
        self.format(instant, "%a %-d %b %Y, %H:%M:%S%.6f %Z")
    }

    /// `Mon 23 Nov 2026, 10:41`, for chips.
    pub fn minute(&self, instant: Timestamp) -> String {
        self.format(instant, "%-d %b %Y, %H:%M")
    }

    /// The instant of a form's `datetime-local` field in this zone, as the API takes it; other texts are left alone.
    pub fn parse_field(&self, text: &str) -> Option<String> {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        if !text.contains('T')
            || text.ends_with(['Z', 'z'])
            || text.rfind(['+', '-']).is_some_and(|at| at > 9)
        {
            return None;
        }
        let zoned = local.to_zoned_datetime(self.zone.clone()).ok()?;
        let pattern = if self.is_utc() {
            "%Y-%m-%dT%H:%M:%SZ"
        } else {
            "%Y-%m-%dT%H:%M:%S%:z"
        };
        Some(zoned.strftime(pattern).to_string())
    }

    /// The text of a `datetime-local` field.
    pub fn format_field(&self, instant: Timestamp) -> String {
        self.format(instant, "%Y-%m-%dT%H:%M:%S")
    }
}

/// A cell: the time to the millisecond over the date.
pub fn cell(zone: &Zone, instant: Timestamp) -> Markup {
    html! {
        time datetime=(instant) {
            span.hms { (zone.format(instant, "%H:%M:%S")) }
            span.ms { (zone.format(instant, "%.3f")) }
            span.date { (zone.format(instant, "%-d %b %Y")) }
        }
    }
}

/// How long something took or is away: `3 ms`, `4.2 s`, `12 min`, `3 h`, `5 d`.
pub fn span(micros: i64) -> String {
    let micros = micros.unsigned_abs();
    let (second, minute, hour, day) = (1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ if micros < minute => format!("{}.{} s", micros / second, micros % second / 100_000),
        _ if micros < hour => format!("{} min", micros / minute),
        _ if micros < 2 * day => format!("{} h", micros / hour),
        _ => format!("{} d", micros / day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant() -> Timestamp {
        Timestamp::from_micros(1_795_426_915_104_512).expect("within range")
    }

    #[test]
    fn an_instant_is_read_in_the_zone_chosen() {
        let rome = Zone::parse("Europe/Rome").expect("is in the zone database");
        assert_eq!(rome.rfc3339(instant()), "2026-11-23T10:41:55.104512+01:00");
        assert_eq!(rome.full(instant()), "Mon 23 Nov 2026, 10:41:55.104512 CET");
        assert!(Zone::parse("Mars/Olympus").is_none());
        assert!(Zone::parse("../../etc/passwd").is_none());
    }

    #[test]
    fn a_field_of_a_form_is_meant_in_the_zone_of_the_page() {
        let rome = Zone::parse("Europe/Rome").expect("is in the zone database");
        assert_eq!(
            rome.parse_field("2026-11-23T10:41"),
            Some("2026-11-23T10:41:00+01:00".into())
        );
        assert_eq!(
            Zone::utc().parse_field("2026-11-23T10:41:05"),
            Some("2026-11-23T10:41:05Z".into())
        );
        assert_eq!(rome.parse_field("24h"), None);
        assert_eq!(rome.parse_field("2026-11-23T10:41:00Z"), None);
        assert_eq!(rome.parse_field("2026-11-23T10:41:00-05:00"), None);
    }

    #[test]
    fn spans_are_said_in_the_unit_that_fits() {
        assert_eq!(span(412), "412 µs");
        assert_eq!(span(-3_000), "3 ms");
        assert_eq!(span(4_230_000), "4.2 s");
        assert_eq!(span(90_000_000), "1 min");
        assert_eq!(span(3 * 86_400_000_000), "3 d");
    }
}
