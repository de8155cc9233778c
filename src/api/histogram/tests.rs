use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a test's time")
}

fn shown(from: &str, to: &str, buckets: usize, zone: &str) -> (&'static str, Vec<String>) {
    let zone = TimeZone::get(zone).expect("a zone of the bundled database");
    let (step, edges) = edges(at(from), at(to), buckets, &zone);
    (
        step,
        edges
            .iter()
            .map(|edge| edge.to_string()[..16].to_owned())
            .collect(),
    )
}

#[test]
fn bars_lie_on_boundaries_a_person_would_choose() {
    let (step, edges) = shown("2026-10-05T09:31:22Z", "2026-10-05T12:00:00Z", 4, "UTC");
    assert_eq!(
        (step, edges),
        (
            "1h",
            ["09:00", "10:00", "11:00", "12:00"]
                .map(|t| format!("2026-10-05T{t}"))
                .to_vec()
        )
    );
    let (step, edges) = shown("2026-01-15T00:00:00Z", "2026-04-01T00:00:00Z", 5, "UTC");
    let months = [
        "2026-01-01T00:00",
        "2026-02-01T00:00",
        "2026-03-01T00:00",
        "2026-04-01T00:00",
    ];
    assert_eq!((step, edges), ("1mo", months.map(String::from).to_vec()));
    let (step, edges) = shown("2026-10-08T10:00:00Z", "2026-10-27T00:00:00Z", 5, "UTC");
    assert_eq!(
        (step, &*edges[0], &*edges[3]),
        ("1w", "2026-10-05T00:00", "2026-10-26T00:00")
    );
}

#[test]
fn days_begin_at_local_midnight_on_both_sides_of_a_clock_change() {
    let (step, edges) = shown(
        "2026-10-24T12:00:00Z",
        "2026-10-27T00:00:00Z",
        10,
        "Europe/Madrid",
    );
    assert_eq!(step, "12h");
    let halves = [
        "24T10:00", "24T22:00", "25T11:00", "25T23:00", "26T11:00", "26T23:00", "27T11:00",
    ];
    assert_eq!(edges, halves.map(|half| format!("2026-10-{half}")));
    let (step, edges) = shown(
        "2026-10-24T12:00:00Z",
        "2026-10-27T00:00:00Z",
        4,
        "Europe/Madrid",
    );
    let midnights = [
        "2026-10-23T22:00",
        "2026-10-24T22:00",
        "2026-10-25T23:00",
        "2026-10-26T23:00",
        "2026-10-27T23:00",
    ];
    assert_eq!((step, edges), ("1d", midnights.map(String::from).to_vec()));
}

#[test]
fn a_zone_off_by_half_an_hour_has_its_own_hours() {
    let (_, edges) = shown(
        "2026-10-05T09:31:22Z",
        "2026-10-05T11:00:00Z",
        2,
        "Asia/Kolkata",
    );
    assert_eq!(
        edges,
        ["2026-10-05T09:30", "2026-10-05T10:30", "2026-10-05T11:30"]
    );
}

#[test]
fn any_range_fits_in_any_number_of_bars() {
    let ends = [
        Timestamp::MIN,
        at("0001-06-01T00:00:00Z"),
        at("1969-12-31T23:59:59.5Z"),
        at("2026-10-25T00:30:00Z"),
    ];
    let later = [
        at("2026-10-25T00:30:00.000001Z"),
        at("2027-01-01T00:00:00Z"),
        at("9999-12-31T23:00:00Z"),
        Timestamp::MAX,
    ];
    for zone in [
        "UTC",
        "Europe/Madrid",
        "Pacific/Auckland",
        "America/St_Johns",
        "Asia/Kathmandu",
    ] {
        let zone = TimeZone::get(zone).expect("a zone of the bundled database");
        for (from, to) in ends
            .iter()
            .flat_map(|from| later.iter().map(move |to| (*from, *to)))
        {
            for buckets in [1, 2, 7, 60, BUCKETS_MAX] {
                let (step, edges) = edges(from, to, buckets, &zone);
                assert!(
                    edges.len() >= 2 && edges.len() <= buckets + 1,
                    "{step} {from} {to} {buckets}"
                );
                assert!(
                    edges.windows(2).all(|pair| pair[0] < pair[1]),
                    "{step} {edges:?}"
                );
                assert!(
                    edges[0] <= from && edges[edges.len() - 1] >= to,
                    "{step} {edges:?}"
                );
            }
        }
    }
}

/// The calendar of time zones ends a day before our time does: no bar was as wide as its step there.
#[test]
fn the_last_second_there_is_has_a_bar_of_its_own() {
    for zone in ["UTC", "Pacific/Auckland", "Pacific/Honolulu"] {
        let zone = TimeZone::get(zone).expect("a zone of the bundled database");
        let (step, edges) = edges(Timestamp::MAX, Timestamp::MAX, 60, &zone);
        assert_eq!(
            (step, edges),
            ("1s", vec![at("9999-12-31T23:59:59Z"), Timestamp::MAX])
        );
    }
}
