//! Until when something lets somebody in: a span from now, a day, an instant, or for ever.

use crate::access::Secret;
use crate::cli::verify::duration;
use crate::clock;
use entry::Timestamp;

/// What `--expires` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    Never,
    At(Timestamp),
}

impl Expiry {
    /// As bodies of calls say it; `None`: never.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Expiry::Never => None,
            Expiry::At(at) => Some(at.to_string()),
        }
    }
}

/// `90d`, `2027-03-31`, `2027-03-31T18:00:00Z`, `never`.
pub fn parse(text: &str) -> Result<Expiry, String> {
    parse_at(text, clock::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    let span = duration(text).ok().map(|span| {
        let micros = i64::try_from(span.as_micros()).ok();
        let at = micros.and_then(|micros| now.as_micros().checked_add(micros));
        at.and_then(Timestamp::from_micros)
            .ok_or("that is after the year 9999")
    });
    if let Some(at) = span {
        return Ok(Expiry::At(at?));
    }
    let whole = if text.len() == "2027-03-31".len() {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    Timestamp::parse(&whole).map(Expiry::At).map_err(|_| {
        "a span such as 90d or 12h, a day such as 2027-03-31 (its start, UTC), RFC 3339, or never".to_owned()
    })
}

/// What is said once beside a secret, on stderr: stdout has the secret alone, so that `$(…)` is it.
pub fn say_once(what: &str, secret: &Secret, until: &str) {
    let until = match until {
        "" => "it does not expire; --expires makes one that does".to_owned(),
        at => format!("it expires at {at}"),
    };
    debug_assert!(!what.contains(secret.expose()));
    crate::terminal::say(format_args!(
        "{}: shown this once, keep it; {until}",
        crate::terminal::visible(what)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_span_a_day_an_instant_or_never() {
        let now = Timestamp::parse("2026-11-24T12:00:00Z").expect("a time");
        let at = |text| Expiry::At(Timestamp::parse(text).expect("a time"));
        assert_eq!(parse_at("never", now), Ok(Expiry::Never));
        assert_eq!(parse_at("90d", now), Ok(at("2027-02-22T12:00:00Z")));
        assert_eq!(parse_at("12h", now), Ok(at("2026-11-25T00:00:00Z")));
        assert_eq!(parse_at("2027-03-31", now), Ok(at("2027-03-31T00:00:00Z")));
        let zoned = "2027-03-31T18:00:00+02:00";
        assert_eq!(parse_at(zoned, now), Ok(at(zoned)));
        for wrong in [
            "",
            "soon",
            "90",
            "-1d",
            "2027-02-30",
            "99999999999d",
            "2027-3-31",
        ] {
            assert!(parse_at(wrong, now).is_err(), "{wrong}");
        }
    }
}
