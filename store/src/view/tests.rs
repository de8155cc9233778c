//! The index agrees with [`Filter::matches`], whatever the entries, the filters and the pieces they lie in.

use super::*;
use crate::segment::SegmentBytes;
use crate::test_entries;
use crate::test_entries::{Plan, any_plan, plain};
use entry::address::Cidr;
use entry::filter::{Pattern, Term};
use entry::mask::{Hidden, Mask};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How the entries of one log are cut: lengths of segments built in memory; runs of them are merged.
#[derive(Clone, Debug)]
struct Cut {
    lengths: Vec<usize>,
    merged: Vec<usize>,
}

fn log_view(organization: &Organization, entries: &[Arc<Kept>], cut: &Cut) -> LogView {
    let mut segments = Vec::new();
    let mut left = entries;
    for length in &cut.lengths {
        let (run, rest) = left.split_at((*length).min(left.len()));
        if !run.is_empty() {
            segments.push(Arc::new(Segment::build(organization, run)));
        }
        left = rest;
    }
    for count in &cut.merged {
        let run: Vec<Arc<Segment>> = segments.drain(..(*count).min(segments.len())).collect();
        if !run.is_empty() {
            segments.insert(0, Arc::new(merged(&run)));
        }
    }
    LogView {
        organization: organization.clone(),
        segments,
        tail: Arc::new(left.iter().cloned().collect()),
    }
}

fn merged(run: &[Arc<Segment>]) -> Segment {
    let mut bytes = Vec::new();
    Segment::merge(run, &mut bytes).expect("honest segments merge");
    Segment::open(SegmentBytes::Memory(bytes), Path::new("merged"))
        .expect("what was written can be read")
}

fn any_cut() -> impl Strategy<Value = Cut> {
    (
        prop::collection::vec(0usize..60, 0..5),
        prop::collection::vec(0usize..4, 0..3),
    )
        .prop_map(|(lengths, merged)| Cut { lengths, merged })
}

/// Several logs, their entries received in turn, and the same entries as one plain list.
fn world(plans: &[Plan], cuts: &[Cut]) -> (Snapshot, Vec<Arc<Kept>>) {
    let mut logs: BTreeMap<Organization, Vec<Arc<Kept>>> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        let log = logs.entry(plan.organization()).or_default();
        // Groups of up to three entries of all logs share one time of receipt.
        let entry = plan.entry(Seq(log.len() as u64), 1_000_000 + at as i64 / 3);
        log.push(test_entries::kept(entry));
    }
    let all = logs.values().flatten().cloned().collect::<Vec<_>>();
    let views = logs
        .iter()
        .zip(cuts.iter().cycle())
        .map(|((name, entries), cut)| log_view(name, entries, cut));
    let as_of = all.iter().map(|entry| entry.received_at).max();
    (
        Snapshot {
            logs: Arc::new(views.collect()),
            as_of,
        },
        all,
    )
}

fn sort_key(order: Order) -> impl Fn(&Entry) -> (Timestamp, Timestamp, Organization, Seq) {
    move |entry| {
        let time = match order {
            Order::Time => entry.timestamp,
            Order::Received => entry.received_at,
        };
        (
            time,
            entry.received_at,
            entry.scope.organization.clone(),
            entry.seq,
        )
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(plain::TEXTS).prop_map(str::to_owned),
        2 => prop::sample::select(plain::TEXTS).prop_flat_map(|text| {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            (prop::sample::select(places.clone()), prop::sample::select(places))
                .prop_map(move |(a, b)| text[a.min(b)..a.max(b)].to_owned())
        }),
        1 => "[a-e]{1,2}",
    ]
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let of: Vec<fn(&str) -> Pattern> = vec![
        Pattern::exact,
        Pattern::exact,
        Pattern::prefix,
        Pattern::suffix,
        Pattern::substring,
    ];
    (any_text(), prop::sample::select(of)).prop_map(|(text, of)| of(&text))
}

fn any_term() -> impl Strategy<Value = Term> {
    let field = || prop::sample::select(Field::ALL);
    let path = || prop::sample::select(plain::PATHS);
    prop_oneof![
        8 => (field(), any_pattern()).prop_map(|(field, pattern)| Term::Value(field, pattern)),
        1 => plain::any_id().prop_map(|id| Term::Value(Field::Id, Pattern::exact(&id.to_string()))),
        3 => any_text().prop_map(|text| Term::search(&text)),
        3 => any_text().prop_map(|text| Term::words(&text)),
        2 => field().prop_map(Term::Has),
        2 => prop::sample::select(plain::NETWORKS).prop_map(|text| Term::Network(Cidr::parse(text).expect("a network"))),
        3 => (path(), any_pattern()).prop_map(|(path, pattern)| Term::Context(path.into(), pattern)),
        1 => path().prop_map(|path| Term::HasContext(path.into())),
        1 => plain::any_time().prop_map(Term::From),
        1 => plain::any_time().prop_map(Term::To),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    any_term()
        .prop_map(Filter::Term)
        .prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
                1 => inner.prop_map(|filter| Filter::Not(Box::new(filter))),
            ]
        })
        .prop_flat_map(|filter| any_mask().prop_map(move |mask| mask.filter(&filter)))
}

/// Mostly none: the reader who sees everything is the common one.
fn any_mask() -> impl Strategy<Value = Mask> {
    let hidden = prop::collection::vec(prop::sample::select(Hidden::ALL), 1..4);
    prop_oneof![2 => Just(Mask::NONE), 1 => hidden.prop_map(Mask::of)]
}

fn any_order() -> impl Strategy<Value = (Order, Direction)> {
    prop::sample::select(vec![
        (Order::Time, Direction::Descending),
        (Order::Time, Direction::Ascending),
        (Order::Received, Direction::Descending),
        (Order::Received, Direction::Ascending),
    ])
}

fn any_plans(max: usize) -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(any_plan(), 0..max)
}

fn any_cuts() -> impl Strategy<Value = Vec<Cut>> {
    prop::collection::vec(any_cut(), 1..4)
}

fn model_facet(all: &[Arc<Kept>], filter: &Filter, field: Field, top: usize) -> Facet {
    let under = filter.without(field);
    let mut counts: BTreeMap<Option<Box<str>>, u64> = BTreeMap::new();
    for entry in all.iter().filter(|entry| under.matches(entry)) {
        *counts.entry(field.first_value(entry)).or_default() += 1;
    }
    let total = counts.values().sum();
    let distinct = counts.keys().flatten().count() as u64;
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(top);
    Facet {
        field,
        total,
        distinct,
        top: values,
    }
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("MAR_AUDIT_INDEX_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    ProptestConfig {
        max_shrink_iters: 2_000,
        ..ProptestConfig::with_cases(cases.unwrap_or(96))
    }
}

/// Questions per world: building one costs more than asking it.
const QUESTIONS: usize = 12;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn pages_counts_and_bounds_are_what_matches_says(
        plans in any_plans(150), cuts in any_cuts(),
        questions in prop::collection::vec((any_filter(), any_order(), 1usize..20), QUESTIONS),
    ) {
        let (snapshot, all) = world(&plans, &cuts);
        for (filter, (order, direction), limit) in questions {
            let mut expected: Vec<Entry> = all.iter().filter(|e| filter.matches(e)).map(|e| e.entry.clone()).collect();
            let key = sort_key(order);
            expected.sort_by_key(&key);
            if direction == Direction::Descending {
                expected.reverse();
            }
            let mut query = PageQuery { filter: filter.clone(), order, direction, limit, after: None, as_of: None };
            let scanned: Vec<Entry> = snapshot.scan(query.clone()).collect::<Result<_, _>>().expect("sound segments");
            prop_assert_eq!(&scanned, &expected, "scan of {:?}", filter);
            let mut paged = Vec::new();
            loop {
                let page = snapshot.page(&query).expect("sound segments");
                prop_assert!(page.entries.len() <= limit);
                paged.extend(page.entries);
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(&paged, &expected, "pages of {:?}", filter);
            prop_assert_eq!(snapshot.count(&filter).expect("sound segments"), expected.len() as u64);
            let times = expected.iter().map(|entry| entry.timestamp);
            let bounds = times.clone().min().zip(times.max());
            prop_assert_eq!(snapshot.time_bounds(&filter).expect("sound segments"), bounds);
        }
    }

    #[test]
    fn facets_histograms_and_suggestions_are_what_matches_says(
        plans in any_plans(150), cuts in any_cuts(),
        questions in prop::collection::vec((any_filter(), 1usize..8, any_text()), QUESTIONS),
        edges in prop::collection::btree_set(plain::any_time(), 0..8),
    ) {
        let (snapshot, all) = world(&plans, &cuts);
        let edges: Vec<Timestamp> = edges.into_iter().collect();
        for (filter, top, text) in questions {
            let facets = snapshot.facets(&filter, Field::ALL, top).expect("sound segments");
            let expected: Vec<Facet> = Field::ALL.iter().map(|field| model_facet(&all, &filter, *field, top)).collect();
            prop_assert_eq!(facets, expected, "facets of {:?}", filter);
            let bars = snapshot.histogram(&filter, &edges).expect("sound segments");
            let expected: Vec<Bar> = edges.windows(2).map(|pair| {
                let count = |result| {
                    let last = pair[1] == Timestamp::MAX;
                    let within = |e: &&Arc<Kept>| e.timestamp >= pair[0] && (e.timestamp < pair[1] || last);
                    all.iter().filter(within).filter(|e| e.result == result && filter.matches(e)).count() as u64
                };
                Bar { start: pair[0], success: count(entry::Result::Success), failure: count(entry::Result::Failure) }
            }).collect();
            prop_assert_eq!(bars, expected, "histogram of {:?}", filter);
            for field in Field::ALL {
                let folded = entry::text::fold(&text);
                let pattern = Pattern::substring(&folded);
                let mut counts: BTreeMap<Box<str>, u64> = BTreeMap::new();
                for entry in &all {
                    let mut values: BTreeSet<Box<str>> = BTreeSet::new();
                    field.each_value(entry, &mut |value| { values.insert(Box::from(value)); });
                    values.retain(|value| pattern.matches(value));
                    values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
                }
                let mut expected: Vec<_> = counts.into_iter().collect();
                expected.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                expected.truncate(top);
                let found = snapshot.suggest(*field, &folded, top).expect("sound segments");
                prop_assert_eq!(found, expected, "{} containing {:?}", field.name(), text);
            }
        }
    }

    #[test]
    fn a_walk_sees_one_state_while_entries_arrive(
        plans in any_plans(120), cuts in any_cuts(), seen in 0usize..120, limit in 1usize..9,
        filter in any_filter(), (order, direction) in any_order(),
    ) {
        let seen = seen.min(plans.len());
        let (before, all) = world(&plans[..seen], &cuts);
        let Some(as_of) = before.as_of else { return Ok(()) };
        let mut expected: Vec<Entry> = all.iter().filter(|e| filter.matches(e)).map(|e| e.entry.clone()).collect();
        expected.sort_by_key(sort_key(order));
        if direction == Direction::Descending {
            expected.reverse();
        }
        let mut query = PageQuery { filter, order, direction, limit, after: None, as_of: Some(as_of) };
        let mut walked = Vec::new();
        // The commit group of `as_of` is complete: a group is never shown in part.
        let arrived = (seen.div_ceil(3) * 3).min(plans.len()).min(seen);
        for step in arrived.. {
            let (now, _) = world(&plans[..seen], &cuts[..1]);
            let later: Vec<Plan> = plans[seen..].iter().take((step - arrived) * 7).cloned().collect();
            let snapshot = if later.is_empty() { now } else { with_later(&plans[..seen], &later, &cuts) };
            let page = snapshot.page(&query).expect("sound segments");
            walked.extend(page.entries);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        prop_assert_eq!(walked, expected);
    }

    #[test]
    fn what_the_columns_say_of_a_row_is_what_the_entry_would(
        plans in any_plans(100), cuts in any_cuts(), filter in any_filter(),
    ) {
        let (snapshot, _) = world(&plans, &cuts);
        for segment in snapshot.logs.iter().flat_map(|log| &log.segments) {
            for row in 0..segment.len() {
                let matches = filter.matches(&segment.entry(row).expect("sound segments"));
                for beside in [Beside::Nothing, Beside::Index] {
                    let said = index::row::matches(segment, row, &filter, beside).expect("sound segments");
                    prop_assert!(said.is_none_or(|said| said == matches), "{filter:?}");
                }
            }
        }
    }

    #[test]
    fn every_entry_is_found_by_id_and_by_seq_and_every_segment_is_sound(
        plans in any_plans(150), cuts in any_cuts(), stranger in plain::any_id(), within in any_filter(),
    ) {
        let (snapshot, all) = world(&plans, &cuts);
        for entry in &all {
            for within in [&Filter::everything(), &within] {
                let found = snapshot.get(&entry.id, within).expect("sound segments");
                let there = all.iter().filter(|e| e.id == entry.id && within.matches(e));
                let expected: Vec<Entry> = there.map(|e| e.entry.clone()).collect();
                prop_assert_eq!(found, expected);
            }
        }
        if all.iter().all(|entry| entry.id != stranger) {
            let found = snapshot.get(&stranger, &Filter::everything());
            prop_assert_eq!(found.expect("sound segments"), vec![]);
        }
        prop_assert_eq!(snapshot.size(None), all.len() as u64);
        for log in snapshot.logs.iter() {
            for segment in &log.segments {
                let report = segment.check().expect("readable");
                prop_assert_eq!(report.differences, Vec::<String>::new());
                prop_assert_eq!(report.entries, u64::from(segment.len()));
                for seq in segment.first_seq().0..segment.end_seq().0 {
                    let entry = segment.entry_at_seq(Seq(seq)).expect("sound segments");
                    let same = |e: &&Arc<Kept>| e.seq.0 == seq && e.scope.organization == log.organization;
                    prop_assert_eq!(Some(&entry), all.iter().find(same).map(|e| &e.entry));
                }
            }
        }
    }

    #[test]
    fn places_give_every_entry_as_it_was_kept_in_any_order(
        plans in any_plans(150), cuts in any_cuts(), jumps in prop::collection::vec(0u64..160, 0..30),
    ) {
        let (snapshot, all) = world(&plans, &cuts);
        for log in snapshot.logs.iter() {
            let of_log = all.iter().filter(|kept| kept.scope.organization == log.organization);
            let expected: Vec<&Arc<Kept>> = of_log.collect();
            let mut places = snapshot.places(&log.organization).expect("a log of the snapshot");
            prop_assert_eq!(places.size(), expected.len() as u64);
            for seq in (0..expected.len() as u64 + 2).chain(jumps.iter().copied()) {
                let kept = places.get(Seq(seq)).expect("sound segments");
                prop_assert_eq!(kept.as_ref(), expected.get(seq as usize).map(|kept| &***kept));
                prop_assert_eq!(snapshot.kept(&log.organization, Seq(seq)).expect("sound segments"), kept);
            }
            prop_assert_eq!(places.get(Seq(u64::MAX)).expect("sound segments"), None);
        }
    }
}

/// The world after later entries, each received after all before.
fn with_later(plans: &[Plan], later: &[Plan], cuts: &[Cut]) -> Snapshot {
    // Groups of three begin anew, so that no group of the earlier world grows.
    let mut all = plans.to_vec();
    let (mut snapshot, _) = world(plans, cuts);
    let mut logs = snapshot.logs.to_vec();
    for (at, plan) in later.iter().enumerate() {
        let organization = plan.organization();
        if logs.iter().all(|log| log.organization != organization) {
            logs.push(LogView {
                organization: organization.clone(),
                segments: Vec::new(),
                tail: Arc::default(),
            });
            logs.sort_by(|a, b| a.organization.cmp(&b.organization));
        }
        let log = logs
            .iter_mut()
            .find(|log| log.organization == organization)
            .expect("just added");
        let entry = plan.entry(Seq(log.size()), 2_000_000 + at as i64);
        snapshot.as_of = Some(entry.received_at);
        let mut tail = log.tail.to_vec();
        tail.push(test_entries::kept(entry));
        // Every few entries the tail is sealed under the walk.
        if tail.len() > 5 {
            log.segments
                .push(Arc::new(Segment::build(&organization, &tail)));
            tail.clear();
        }
        log.tail = Arc::new(tail.into_iter().collect());
        all.push(plan.clone());
    }
    snapshot.logs = Arc::new(logs);
    snapshot
}
