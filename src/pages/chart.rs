//! How many entries when: a bar per bucket, failures on top, each bar a link to its time.

use super::list::Listing;
use super::setting::Setting;
use super::visible::count;
use entry::Timestamp;
use maud::{Markup, html};
use store::view::Bar;

/// Bars of the page: wide enough to hit, narrow enough to see a pattern.
pub const BARS: usize = 64;

const HEIGHT: f64 = 70.0;
/// Labels nearer than this, in percent of the width, would run into each other on a phone.
const APART: f64 = 16.0;

/// Bars on human boundaries; the last ends at `end`.
#[derive(Clone, Debug)]
pub struct Chart {
    pub bars: Vec<Bar>,
    pub end: Timestamp,
}

impl Chart {
    fn end_of(&self, at: usize) -> Timestamp {
        self.bars.get(at + 1).map_or(self.end, |bar| bar.start)
    }

    fn span(&self) -> i64 {
        self.bars
            .first()
            .map_or(1, |first| self.end.as_micros() - first.start.as_micros())
            .max(1)
    }

    fn place(&self, at: Timestamp) -> f64 {
        let start = self.bars.first().map_or(0, |first| first.start.as_micros());
        (at.as_micros() - start) as f64 * 100.0 / self.span() as f64
    }
}

pub fn chart(setting: &Setting, listing: &Listing) -> Markup {
    let Some(chart) = listing
        .chart
        .as_ref()
        .filter(|chart| !chart.bars.is_empty())
    else {
        return html! {};
    };
    let (success, failure) = chart
        .bars
        .iter()
        .fold((0, 0), |(s, f), bar| (s + bar.success, f + bar.failure));
    html! {
        figure.chart #chart data-from=(chart.bars[0].start) data-to=(chart.end) {
            figcaption.legend {
                span.key { (count(success)) " succeeded" }
                span.key.fail { (count(failure)) " failed" }
                span { (step(chart)) " a bar" }
                (table(setting, chart))
            }
            (bars(setting, chart))
        }
    }
}

fn bars(setting: &Setting, chart: &Chart) -> Markup {
    let largest = chart
        .bars
        .iter()
        .map(|b| b.success + b.failure)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    // A lone failure among thousands must still be seen.
    let tall = |n: u64| {
        if n == 0 {
            0.0
        } else {
            (n as f64 * HEIGHT / largest).max(2.0)
        }
    };
    html! {
        svg aria-hidden="true" data-chart {
            @for (i, bar) in chart.bars.iter().enumerate() {
                @let (x, end) = (chart.place(bar.start), chart.place(chart.end_of(i)));
                @let (failed, succeeded) = (tall(bar.failure), tall(bar.success));
                @let total = bar.success + bar.failure;
                @let gap = (end - x) * 0.14;
                @if total > 0 {
                    a href=(zoom(setting, bar.start, chart.end_of(i))) tabindex="-1" {
                        title { (tip(setting, chart, i)) }
                        rect.hit x=(pc(x)) width=(pc(end - x)) y="0" height=(px(HEIGHT)) {}
                        @if bar.success > 0 { rect.ok x=(pc(x + gap / 2.0)) width=(pc(end - x - gap)) y=(px(HEIGHT - succeeded)) height=(px(succeeded)) {} }
                        @if bar.failure > 0 { rect.fail x=(pc(x + gap / 2.0)) width=(pc(end - x - gap)) y=(px((HEIGHT - succeeded - failed).max(0.0))) height=(px(failed)) {} }
                    }
                }
            }
            line.base x1="0" x2="100%" y1=(px(HEIGHT + 0.5)) y2=(px(HEIGHT + 0.5)) {}
            @for (x, anchor, label) in labels(setting, chart) {
                text x=(pc(x)) y="84" text-anchor=(anchor) { (label) }
            }
        }
    }
}

/// The same for those who read rather than look, and for keys.
fn table(setting: &Setting, chart: &Chart) -> Markup {
    html! {
        details data-key="chart-table" {
            summary { "As a table" }
            div.tablewrap tabindex="0" role="region" aria-label="Entries over time" {
                table.plain-table {
                    thead { tr { th scope="col" { "From" } th.num scope="col" { "Succeeded" } th.num scope="col" { "Failed" } } }
                    tbody {
                        @for (i, bar) in chart.bars.iter().enumerate() {
                            @if bar.success + bar.failure > 0 {
                                tr {
                                    th scope="row" { a href=(zoom(setting, bar.start, chart.end_of(i))) { (label(setting, chart, bar.start)) } }
                                    td.num { (count(bar.success)) }
                                    td.num { (count(bar.failure)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn zoom(setting: &Setting, from: Timestamp, to: Timestamp) -> String {
    let here = setting.here.with("from", &short(setting, from));
    // What ends at the end of time holds its last instant, which `to` would leave out.
    if to == Timestamp::MAX {
        return here.href();
    }
    here.with("to", &short(setting, to)).href()
}

/// RFC 3339 without a fraction of zeros.
fn short(setting: &Setting, at: Timestamp) -> String {
    if setting.zone.is_utc() && at.as_micros() % 1_000_000 == 0 {
        return setting.zone.format(at, "%Y-%m-%dT%H:%M:%SZ");
    }
    setting.zone.rfc3339(at)
}

fn tip(setting: &Setting, chart: &Chart, at: usize) -> String {
    let bar = &chart.bars[at];
    format!(
        "{}: {} succeeded, {} failed",
        label(setting, chart, bar.start),
        count(bar.success),
        count(bar.failure)
    )
}

const DAY: i64 = 86_400_000_000;

fn width_of_bar(chart: &Chart) -> i64 {
    chart.bars.first().map_or(0, |first| {
        chart.end_of(0).as_micros() - first.start.as_micros()
    })
}

fn label(setting: &Setting, chart: &Chart, at: Timestamp) -> String {
    let width = width_of_bar(chart);
    let pattern = match width {
        _ if width >= 300 * DAY => "%Y",
        _ if width >= 27 * DAY => "%B %Y",
        _ if width >= 23 * DAY / 24 => "%a %-d %b %Y",
        _ if width >= 60_000_000 => "%a %-d %b %Y, %H:%M",
        _ => "%-d %b %Y, %H:%M:%S",
    };
    setting.zone.format(at, pattern)
}

fn step(chart: &Chart) -> String {
    let width = width_of_bar(chart);
    let (n, unit) = match width {
        _ if width >= 300 * DAY => (width / (365 * DAY), "year"),
        _ if width >= 27 * DAY => (width / (28 * DAY), "month"),
        _ if width >= 7 * DAY => (width / (7 * DAY), "week"),
        _ if width >= 23 * DAY / 24 => ((width + DAY / 12) / DAY, "day"),
        _ if width >= 3_600_000_000 => (width / 3_600_000_000, "hour"),
        _ if width >= 60_000_000 => (width / 60_000_000, "minute"),
        _ => (width / 1_000_000, "second"),
    };
    let n = n.max(1);
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

/// Five labels under the axis, the outer ones within the frame.
fn labels(setting: &Setting, chart: &Chart) -> Vec<(f64, &'static str, String)> {
    let span = chart.span();
    let pattern = match span {
        _ if span >= 3 * 365 * DAY => "%b %Y",
        _ if span >= 4 * DAY => "%-d %b",
        _ if span >= DAY => "%-d %b, %H:%M",
        _ if span >= 600_000_000 => "%H:%M",
        _ => "%H:%M:%S",
    };
    let count = chart.bars.len();
    let mut out: Vec<(f64, &'static str, String)> = Vec::new();
    for part in 0..5 {
        let Some(bar) = chart.bars.get(part * count / 5) else {
            continue;
        };
        let (x, text) = (
            chart.place(bar.start),
            setting.zone.format(bar.start, pattern),
        );
        let free = out
            .last()
            .is_none_or(|(last, _, said)| x - last >= APART && *said != text);
        if free && x <= 100.0 - APART {
            out.push((x, if part == 0 { "start" } else { "middle" }, text));
        }
    }
    let end = setting.zone.format(chart.end, pattern);
    if out.last().is_none_or(|(.., said)| *said != end) {
        out.push((100.0, "end", end));
    }
    out
}

fn pc(x: f64) -> String {
    format!("{x:.3}%")
}

fn px(y: f64) -> String {
    format!("{y:.1}")
}
