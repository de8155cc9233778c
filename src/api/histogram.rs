//! Success and failure over time, on boundaries a person would choose.

use super::query::Parameters;
use crate::problem::{Fault, Problem};
use crate::reading::Reading;
use entry::{Filter, Timestamp};
use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use store::view::Bar;

/// Bars where the caller names no number.
pub const BUCKETS_DEFAULT: usize = 60;
/// The most bars: more than a page has room for.
pub const BUCKETS_MAX: usize = 200;

/// How many bars at most, and whose days.
#[derive(Clone, Debug)]
pub struct HistogramQuery {
    pub buckets: usize,
    pub timezone: TimeZone,
}

/// The bars of one filter.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// `1h`, `1d`, `1mo`; empty where nothing matches and no time is named.
    pub step: &'static str,
    pub timezone: String,
    pub bars: Vec<Bar>,
    /// Where the last bar ends.
    pub end: Option<Timestamp>,
}

impl HistogramQuery {
    pub const PARAMETERS: &[&str] = &["buckets", "timezone"];

    pub fn parse(parameters: &mut Parameters, faults: &mut Vec<Fault>) -> Self {
        let buckets = parameters
            .number("buckets", 1, BUCKETS_MAX, faults)
            .unwrap_or(BUCKETS_DEFAULT);
        let timezone = match parameters.once("timezone", faults) {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(&name).unwrap_or_else(|_| {
                let detail = format!("no time zone {name:?}; an IANA name such as Europe/Madrid");
                faults.push(Fault::parameter("timezone", detail));
                TimeZone::UTC
            }),
        };
        Self { buckets, timezone }
    }
}

/// Counts the bars of a filter.
pub fn histogram(
    reading: &Reading,
    filter: &Filter,
    wanted: &HistogramQuery,
) -> Result<Histogram, Problem> {
    let timezone = wanted.timezone.iana_name().unwrap_or("UTC").to_owned();
    let Some((from, to)) = range(reading, filter)? else {
        return Ok(Histogram {
            step: "",
            timezone,
            bars: Vec::new(),
            end: None,
        });
    };
    let (step, edges) = edges(from, to, wanted.buckets, &wanted.timezone);
    let bars = reading.histogram(filter, &edges)?;
    Ok(Histogram {
        step,
        timezone,
        bars,
        end: edges.last().copied(),
    })
}

/// The time to show: what the filter names, and the data's bounds for what it leaves open. The end is exclusive, but for
/// the end of time, which is inside where the filter does not end there.
fn range(reading: &Reading, filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, Problem> {
    let after = |t: Timestamp| Timestamp::from_micros(t.as_micros() + 1).unwrap_or(Timestamp::MAX);
    let (from, to) = match filter.time_range() {
        (Some(from), Some(to)) => return Ok((from < to).then_some((from, to))),
        (from, to) => match (reading.time_bounds(filter)?, from, to) {
            (Some((oldest, newest)), from, to) => {
                (from.unwrap_or(oldest), to.unwrap_or(after(newest)))
            }
            (None, Some(from), None) => (from, after(from)),
            (None, None, Some(to)) => {
                (Timestamp::from_micros(to.as_micros() - 1).unwrap_or(to), to)
            }
            (None, ..) => return Ok(None),
        },
    };
    let last_instant = from == Timestamp::MAX && filter.time_range().1.is_none();
    Ok((from < to || last_instant).then_some((from, to)))
}

/// One width of bars: its name, its approximate length and its boundaries.
struct Step {
    name: &'static str,
    seconds: i64,
    boundaries: Boundaries,
}

enum Boundaries {
    /// Every so many seconds, counted from midnight of the first bar's day.
    Elapsed,
    /// Every so many hours by the wall clock; a day of 23 or 25 hours has one bar that is shorter or longer.
    Wall(i64),
    Days(i64),
    Weeks,
    Months(i64),
    Years(i64),
}

use Boundaries::{Days, Elapsed, Months, Wall, Weeks, Years};

const fn step(name: &'static str, seconds: i64, boundaries: Boundaries) -> Step {
    Step {
        name,
        seconds,
        boundaries,
    }
}

const DAY: i64 = 86_400;
const STEPS: &[Step] = &[
    step("1s", 1, Elapsed),
    step("5s", 5, Elapsed),
    step("15s", 15, Elapsed),
    step("30s", 30, Elapsed),
    step("1m", 60, Elapsed),
    step("5m", 300, Elapsed),
    step("15m", 900, Elapsed),
    step("30m", 1_800, Elapsed),
    step("1h", 3_600, Elapsed),
    step("3h", 3 * 3_600, Wall(3)),
    step("6h", 6 * 3_600, Wall(6)),
    step("12h", 12 * 3_600, Wall(12)),
    step("1d", DAY, Days(1)),
    step("1w", 7 * DAY, Weeks),
    step("1mo", 30 * DAY, Months(1)),
    step("3mo", 91 * DAY, Months(3)),
    step("1y", 365 * DAY, Years(1)),
    step("5y", 5 * 365 * DAY, Years(5)),
    step("10y", 10 * 365 * DAY, Years(10)),
    step("50y", 50 * 365 * DAY, Years(50)),
    step("100y", 100 * 365 * DAY, Years(100)),
    step("1000y", 1_000 * 365 * DAY, Years(1_000)),
    step("10000y", 10_000 * 365 * DAY, Years(10_000)),
];

/// The finest step that needs at most `buckets` bars, and the edges of those bars, ascending.
fn edges(
    from: Timestamp,
    to: Timestamp,
    buckets: usize,
    zone: &TimeZone,
) -> (&'static str, Vec<Timestamp>) {
    let seconds = (to.as_micros() - from.as_micros()) / 1_000_000;
    for step in STEPS {
        // Much too fine steps are not even tried; near ones are counted exactly.
        if seconds / step.seconds > 2 * buckets as i64 {
            continue;
        }
        let edges = step.edges(from, to, zone);
        if edges.len() <= buckets + 1 {
            return (step.name, edges);
        }
    }
    // A range that crosses a boundary of the widest step while one bar was asked for.
    ("all", vec![from, to])
}

impl Step {
    fn edges(&self, from: Timestamp, to: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let mut edges: Vec<Timestamp> = Vec::new();
        for nth in 0.. {
            let edge = self.edge(from, nth, zone);
            if edges.last().is_none_or(|last| *last < edge) {
                edges.push(edge);
            }
            if edge >= to || edge == Timestamp::MAX {
                break;
            }
        }
        edges
    }

    /// The nth boundary, from the last one at or before `from`; the ends of time where there is none.
    fn edge(&self, from: Timestamp, nth: i64, zone: &TimeZone) -> Timestamp {
        let end = if nth == 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        self.try_edge(from, nth, zone).unwrap_or(end)
    }

    fn try_edge(&self, from: Timestamp, nth: i64, zone: &TimeZone) -> Option<Timestamp> {
        // The calendar ends some hours before our time does; its last day goes on until then.
        let instant =
            jiff::Timestamp::from_microsecond(from.as_micros()).unwrap_or(jiff::Timestamp::MAX);
        let local = zone.to_datetime(instant);
        let midnight = local.date().to_datetime(jiff::civil::Time::midnight());
        let civil = |base: DateTime, span: Span| {
            base.checked_add(span).ok().and_then(|at| of_zone(at, zone))
        };
        let floor = |number: i16, to: i64| i64::from(number).div_euclid(to) * to;
        match self.boundaries {
            Elapsed => {
                let offset = i64::from(zone.to_offset(instant).seconds());
                let wall = from.as_micros().div_euclid(1_000_000) + offset;
                let first = wall.div_euclid(self.seconds) * self.seconds - offset;
                Timestamp::from_micros((first + nth * self.seconds).checked_mul(1_000_000)?)
            }
            Wall(hours) => {
                let first = i64::from(local.hour()) / hours * hours;
                civil(midnight, Span::new().try_hours(first + nth * hours).ok()?)
            }
            Days(days) => civil(midnight, Span::new().try_days(nth * days).ok()?),
            Weeks => {
                let since_monday = i64::from(local.date().weekday().to_monday_zero_offset());
                civil(midnight, Span::new().try_days(7 * nth - since_monday).ok()?)
            }
            Months(months) => {
                let first = floor(i16::from(local.month()) - 1, months);
                let january = midnight.date().with().month(1).day(1).build().ok()?;
                civil(
                    january.to_datetime(midnight.time()),
                    Span::new().try_months(first + nth * months).ok()?,
                )
            }
            Years(years) => {
                let first = i16::try_from(floor(local.year(), years) + nth * years).ok()?;
                of_zone(DateTime::new(first, 1, 1, 0, 0, 0, 0).ok()?, zone)
            }
        }
    }
}

/// The instant of a wall clock's time; one that a clock change skipped is taken as the change.
fn of_zone(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let instant = zone.to_timestamp(at).ok()?;
    Timestamp::from_micros(instant.as_microsecond())
}

impl Histogram {
    /// The answer of `GET /v1/histogram`.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Bucket {
            start: String,
            end: String,
            success: u64,
            failure: u64,
        }
        #[derive(Serialize)]
        struct Answer<'a> {
            step: Option<&'a str>,
            timezone: &'a str,
            buckets: Vec<Bucket>,
        }
        let ends = self
            .bars
            .iter()
            .skip(1)
            .map(|bar| bar.start)
            .chain(self.end);
        let buckets = self.bars.iter().zip(ends).map(|(bar, end)| Bucket {
            start: bar.start.to_string(),
            end: end.to_string(),
            success: bar.success,
            failure: bar.failure,
        });
        let step = (!self.step.is_empty()).then_some(self.step);
        let answer = Answer {
            step,
            timezone: &self.timezone,
            buckets: buckets.collect(),
        };
        serde_json::to_vec(&answer).expect("texts and numbers are JSON")
    }
}

#[cfg(test)]
mod tests;
