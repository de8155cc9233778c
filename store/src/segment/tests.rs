//! Segments under damage: an answer is right, or it is an error; never a panic, never another entry.

use super::*;
use crate::test_entries;
use crate::test_entries::{Plan, any_plan};
use crate::view::{Direction, LogView, Order, PageQuery, Snapshot};
use entry::Filter;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use proptest::prelude::*;

fn entries(plans: &[Plan]) -> Vec<Arc<Kept>> {
    let of = |(at, plan): (usize, &Plan)| {
        test_entries::kept(plan.entry(Seq(at as u64), 1_000_000 + at as i64))
    };
    plans.iter().enumerate().map(of).collect()
}

/// Half of the entries in each of two segments, merged: blocks compressed, everything as in a file.
fn file_bytes(organization: &Organization, entries: &[Arc<Kept>]) -> Vec<u8> {
    let (first, second) = entries.split_at(entries.len() / 2);
    let built = [first, second].into_iter().filter(|half| !half.is_empty());
    let built: Vec<Arc<Segment>> = built
        .map(|half| Arc::new(Segment::build(organization, half)))
        .collect();
    let mut bytes = Vec::new();
    Segment::merge(&built, &mut bytes).expect("honest segments merge");
    bytes
}

fn of_one_log(plans: Vec<Plan>) -> Vec<Plan> {
    let organization = plans[0].organization();
    plans
        .into_iter()
        .filter(|plan| plan.organization() == organization)
        .collect()
}

fn any_log() -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(any_plan(), 1..80).prop_map(of_one_log)
}

fn questions() -> Vec<Filter> {
    let value = |field, text| Filter::Term(Term::Value(field, Pattern::substring(text)));
    let mut all: Vec<Filter> = Field::ALL.iter().map(|field| value(*field, "a")).collect();
    all.push(Filter::everything());
    all.push(Filter::Not(Box::new(Term::search("an").into())));
    all.push(Term::words("ops-88").into());
    all.push(Term::Context("a".into(), Pattern::substring("b")).into());
    all.push(Term::Has(Field::Target).into());
    all
}

/// Asks a segment everything; what it gives must be entries that were put into it.
fn ask(segment: Segment, honest: &[Arc<Kept>]) -> Result<(), TestCaseError> {
    let organization = segment.organization().clone();
    let segment = Arc::new(segment);
    for entry in honest {
        for found in segment
            .find(&entry.id)
            .into_iter()
            .flatten()
            .chain(segment.entry_at_seq(entry.seq))
        {
            prop_assert!(honest.iter().any(|honest| honest.entry == found));
        }
    }
    let log = LogView {
        organization,
        segments: vec![segment.clone()],
        tail: Arc::default(),
    };
    let snapshot = Snapshot {
        logs: Arc::new(vec![log]),
        as_of: Some(segment.last_received()),
    };
    for filter in questions() {
        let (order, direction) = (Order::Time, Direction::Descending);
        let query = PageQuery {
            filter: filter.clone(),
            order,
            direction,
            limit: 20,
            after: None,
            as_of: None,
        };
        for found in snapshot
            .scan(query.clone())
            .map_while(Result::ok)
            .chain(snapshot.page(&query).into_iter().flat_map(|p| p.entries))
        {
            prop_assert!(
                honest.iter().any(|honest| honest.entry == found),
                "{found:?}"
            );
        }
        // Counts over damaged indexes may be wrong; they must come back, or say what is damaged.
        for result in [
            snapshot.facets(&filter, Field::ALL, 5).map(|_| ()),
            snapshot.count(&filter).map(|_| ()),
        ] {
            if let Err(error) = result {
                prop_assert!(matches!(error, Error::Damaged { .. }), "{error}");
            }
        }
    }
    let mut out = Vec::new();
    if Segment::merge(std::slice::from_ref(&segment), &mut out).is_ok() {
        prop_assert!(Segment::open(SegmentBytes::Memory(out), Path::new("merged")).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flipped_bits_are_an_error_or_do_no_harm(
        plans in any_log(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..6),
        compressed in any::<bool>(),
    ) {
        let honest = entries(&plans);
        let organization = plans[0].organization();
        let mut bytes = match compressed {
            true => file_bytes(&organization, &honest),
            false => build::bytes(&organization, &honest),
        };
        let original = bytes.clone();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let changed = bytes != original;
        match Segment::open(SegmentBytes::Memory(bytes), Path::new("flipped")) {
            Ok(segment) => {
                let report = segment.check().expect("the frame was read");
                prop_assert_eq!(!report.differences.is_empty(), changed, "check sees every flipped bit");
                let scrubbed = segment.scrub(&mut |_| true).expect("it may go on");
                prop_assert_eq!(!scrubbed.is_empty(), changed, "so does a scrub");
                prop_assert_eq!(segment.scrub(&mut |_| false), None, "it ends when told to");
                ask(segment, &honest)?;
            }
            Err(error) => prop_assert!(matches!(error, Error::Damaged { .. } | Error::NewerFormat { .. }), "{error}"),
        }
    }

    #[test]
    fn a_cut_segment_does_not_open(plans in any_log(), end in any::<prop::sample::Index>()) {
        let mut bytes = file_bytes(&plans[0].organization(), &entries(&plans));
        bytes.truncate(end.index(bytes.len()));
        prop_assert!(Segment::open(SegmentBytes::Memory(bytes), Path::new("cut")).is_err());
    }

    #[test]
    fn any_bytes_between_an_honest_table_and_its_sections_do_not_panic(
        plans in any_log(), noise in prop::collection::vec(any::<u8>(), 64..65), at in any::<prop::sample::Index>(),
    ) {
        let honest = entries(&plans);
        let mut bytes = file_bytes(&plans[0].organization(), &honest);
        let (_, placed) = layout::read_frame(&bytes).ok().expect("an honest frame");
        let range = placed[at.index(placed.len())].range.clone();
        for (byte, noise) in bytes[range].iter_mut().zip(noise.iter().cycle()) {
            *byte = *noise;
        }
        let segment = Segment::open(SegmentBytes::Memory(bytes), Path::new("noise")).expect("the frame is sound");
        ask(segment, &honest)?;
    }
}
