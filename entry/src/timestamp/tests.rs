use super::*;
use proptest::prelude::*;

fn at(text: &str) -> i64 {
    Timestamp::parse(text)
        .unwrap_or_else(|why| panic!("{text}: {why}"))
        .as_micros()
}

#[test]
fn an_instant_is_read_whatever_its_offset_and_fraction() {
    assert_eq!(at("1970-01-01T00:00:00Z"), 0);
    assert_eq!(
        at("2026-10-05t09:31:22.104512z"),
        at("2026-10-05T11:31:22.104512+02:00")
    );
    assert_eq!(
        at("2026-10-05T09:31:22.1Z"),
        at("2026-10-05T09:31:22.100000Z")
    );
    assert_eq!(at("2026-10-05T00:00:00-00:00"), at("2026-10-05T00:00:00Z"));
    assert_eq!(at("2026-10-05T00:00:00+23:59"), at("2026-10-04T00:01:00Z"));
    assert_eq!(
        at("2000-02-29T12:00:00Z") - at("2000-02-28T12:00:00Z"),
        86_400_000_000
    );
}

#[test]
fn digits_past_the_microsecond_are_cut_and_never_rounded() {
    assert_eq!(
        at("2026-10-05T09:31:22.9999999999999999Z"),
        at("2026-10-05T09:31:22.999999Z")
    );
    assert_eq!(at("1969-12-31T23:59:59.9999999Z"), -1);
}

#[test]
fn the_first_and_the_last_instant_are_kept() {
    assert_eq!(at("0001-01-01T00:00:00Z"), Timestamp::MIN.as_micros());
    assert_eq!(
        at("9999-12-31T23:59:59.999999Z"),
        Timestamp::MAX.as_micros()
    );
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    assert_eq!(Timestamp::from_micros(Timestamp::MAX.as_micros() + 1), None);
    assert_eq!(Timestamp::from_micros(Timestamp::MIN.as_micros() - 1), None);
}

#[test]
fn impossible_times_are_refused() {
    let impossible = [
        "",
        "2026-10-05",
        "2026-10-05T09:31:22",
        "2026-10-05 09:31:22Z",
        "2026-10-05T09:31Z",
        "2026-10-05T09:31:22+0200",
        "2026-10-05T09:31:22+02",
        "2026-10-05T09:31:22+24:00",
        "2026-10-05T09:31:22+02:60",
        "2026-10-05T09:31:22 Z",
        "2026-10-05T09:31:22.Z",
        "2026-10-05T09:31:22,5Z",
        "2026-10-05T09:31:22ZZ",
        "2026-10-05T24:00:00Z",
        "2026-10-05T09:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-00-05T09:31:22Z",
        "2026-13-05T09:31:22Z",
        "2026-02-29T09:31:22Z",
        "1900-02-29T09:31:22Z",
        "2026-04-31T09:31:22Z",
        "2026-10-00T09:31:22Z",
        "0000-12-31T23:59:59Z",
        "0000-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+2026-10-05T09:31:22Z",
        "-026-10-05T09:31:22Z",
        "2026-10-05T09:31:22.1٢Z",
        "２０２６-10-05T09:31:22Z",
        "1759656682",
    ];
    for text in impossible {
        assert!(Timestamp::parse(text).is_err(), "{text:?} was read");
    }
}

fn instants() -> impl Strategy<Value = i64> {
    Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn text_and_instant_agree_with_jiff(micros in instants(), offset_minutes in -1439_i64..=1439) {
        let ours = Timestamp::from_micros(micros).expect("within the years");
        let text = ours.to_string();
        prop_assert_eq!(text.len(), 27);
        prop_assert_eq!(Timestamp::parse(&text), Ok(ours));
        let theirs = jiff::Timestamp::from_microsecond(micros);
        // jiff's own range ends some hours before ours on both sides.
        if let Ok(theirs) = theirs {
            prop_assert_eq!(format!("{theirs:.6}"), text);
        }
        if let Some(local) = Timestamp::from_micros(micros + offset_minutes * 60_000_000) {
            let sign = if offset_minutes < 0 { '-' } else { '+' };
            let offset = offset_minutes.abs();
            let shifted = format!("{}{sign}{:02}:{:02}", &local.to_string()[..26], offset / 60, offset % 60);
            prop_assert_eq!(Timestamp::parse(&shifted), Ok(ours));
        }
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = Timestamp::parse(&text);
    }

    #[test]
    fn a_text_with_one_character_changed_is_answered(micros in instants(), at in 0_usize..27, to in any::<char>()) {
        let text = Timestamp::from_micros(micros).expect("within the years").to_string();
        let changed: String = text.chars().enumerate().map(|(i, c)| if i == at { to } else { c }).collect();
        if let Ok(read) = Timestamp::parse(&changed) {
            prop_assert!(read.to_string().eq_ignore_ascii_case(&changed));
        }
    }
}
