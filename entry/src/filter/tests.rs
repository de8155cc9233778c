use super::*;
use crate::{
    Actor, ActorKind, Category, EntryId, Error, Json, Party, Request, Result, Scope, Seq, Source,
    Target,
};
use proptest::prelude::*;

fn party(kind: ActorKind, id: Option<&str>, name: Option<&str>, email: Option<&str>) -> Party {
    Party {
        kind,
        id: id.map(Into::into),
        name: name.map(Into::into),
        email: email.map(Into::into),
    }
}

fn target(kind: &str, id: &str, name: &str) -> Target {
    Target {
        kind: Some(kind.into()),
        id: Some(id.into()),
        name: Some(name.into()),
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("within the years")
}

pub(crate) fn sample() -> Entry {
    Entry {
        seq: Seq(7),
        received_at: time(2_000_000),
        id: EntryId::from_bytes(*b"0123456789abcdef"),
        timestamp: time(1_000_000),
        actor: Actor {
            party: party(ActorKind::User, Some("usr_5"), Some("Ana Ruiz"), Some("ana@acme.example")),
            on_behalf_of: Some(party(ActorKind::User, None, Some("Bo Li"), Some("bo@acme.example"))),
        },
        action: "scaleCluster".into(),
        category: Category::Cluster,
        target: Some(target("cluster", "clu_9", "Pay-EU")),
        related: vec![target("config_profile", "cp_2", "large")],
        scope: Scope { organization: Organization::parse("acme").expect("a slug"), project: Some("payments".into()) },
        request: Request {
            id: Some("req_77c".into()),
            ip: Some("203.0.113.9:443".into()),
            user_agent: Some("mar-cli/2.4".into()),
            ..Request::default()
        },
        result: Result::Failure,
        error: Some(Error { code: Some("403".into()), message: Some("Missing clusters:update".into()) }),
        changes: Some(Json::from_canonical(
            r#"[{"after":5,"before":3,"path":"/spec/replicas"}]"#.into(),
        )),
        context: Some(Json::from_canonical(
            r#"{"labels":[{"team":"Blue"},{"team":"green"}],"note":"rolled back by hand","ticket":"OPS-88"}"#.into(),
        )),
        source: Some(Source { name: "mar-api".into(), event_id: None, sequence: None }),
        erased: Vec::new(),
        hidden: crate::Mask::NONE,
    }
}

fn value(field: Field, text: &str) -> Filter {
    Term::Value(field, Pattern::exact(text)).into()
}

fn matches(filter: impl Into<Filter>) -> bool {
    filter.into().matches(&sample())
}

#[test]
fn every_field_has_its_values_in_the_order_pages_show_them() {
    let mut found = Vec::new();
    for field in Field::ALL {
        let mut values = Vec::new();
        field.each_value(&sample(), &mut |value| values.push(value.to_owned()));
        assert_eq!(
            field.first_value(&sample()).as_deref(),
            values.first().map(String::as_str)
        );
        found.push((field.name(), values.join("|")));
    }
    let expected = [
        ("actor", "Ana Ruiz|usr_5"),
        ("email", "ana@acme.example"),
        ("target", "Pay-EU|clu_9|large|cp_2"),
        ("request_id", "req_77c"),
        ("action", "scaleCluster"),
        ("category", "cluster"),
        ("target_type", "cluster|config_profile"),
        ("result", "failure"),
        ("organization", "acme"),
        ("project", "payments"),
        ("ip", "203.0.113.9:443"),
        ("actor_type", "user"),
        ("source", "mar-api"),
        ("id", "30313233-3435-3637-3839-616263646566"),
    ];
    assert_eq!(
        found,
        expected.map(|(name, values)| (name, values.to_owned()))
    );
}

#[test]
fn an_actor_known_only_by_mail_is_found_by_it() {
    let mut entry = sample();
    entry.actor.party = party(ActorKind::User, None, None, Some("ana@acme.example"));
    assert!(value(Field::Actor, "ANA@acme.example").matches(&entry));
    assert!(!matches(value(Field::Actor, "ana@acme.example")));
}

#[test]
fn the_search_box_looks_into_the_four_and_nowhere_else() {
    for text in ["ana r", "ACME.EXAMPLE", "pay-eu", "large", "EQ_77", ""] {
        assert!(matches(Term::search(text)), "{text}");
    }
    for text in [
        "usr_5",
        "clu_9",
        "bo li",
        "OPS-88",
        "scaleCluster",
        "ana  ruiz",
    ] {
        assert!(!matches(Term::search(text)), "{text}");
    }
}

#[test]
fn a_bare_word_also_finds_words_of_context_error_and_changes() {
    for text in [
        "ruiz",
        "ops-88",
        "88",
        "BLUE",
        "back by",
        "403",
        "clusters update",
        "replicas",
        "5",
        "spec/replicas",
    ] {
        assert!(matches(Term::words(text)), "{text}");
    }
    // A part of a word, a phrase over two leaves, a phrase with a gap, a member's name, punctuation alone.
    for text in [
        "replica",
        "blue green",
        "rolled by",
        "ticket",
        "::",
        "mar-cli",
    ] {
        assert!(!matches(Term::words(text)), "{text}");
    }
}

#[test]
fn networks_hold_addresses_not_texts() {
    let network = |text| Term::Network(Cidr::parse(text).expect("a network"));
    assert!(matches(network("203.0.113.0/24")));
    assert!(matches(network("203.0.113.9")));
    assert!(!matches(network("10.0.0.0/8")));
    let mut entry = sample();
    entry.request.ip = Some("AWS Internal".into());
    assert!(!Filter::from(network("0.0.0.0/0")).matches(&entry));
}

#[test]
fn context_is_asked_by_path() {
    let context = |path: &str, pattern| Term::Context(path.into(), pattern);
    assert!(matches(context("ticket", Pattern::exact("ops-88"))));
    assert!(matches(context("labels.team", Pattern::exact("GREEN"))));
    assert!(matches(context("note", Pattern::substring("Back"))));
    assert!(!matches(context("labels", Pattern::exact("green"))));
    assert!(!matches(context("Ticket", Pattern::exact("ops-88"))));
    assert!(matches(Term::HasContext("labels".into())));
    assert!(matches(Term::HasContext("labels.team".into())));
    assert!(!matches(Term::HasContext("lab".into())));
}

#[test]
fn times_are_from_inclusive_to_exclusive() {
    assert!(matches(Term::From(time(1_000_000))));
    assert!(!matches(Term::From(time(1_000_001))));
    assert!(matches(Term::To(time(1_000_001))));
    assert!(!matches(Term::To(time(1_000_000))));
}

#[test]
fn a_facet_is_counted_without_its_own_conditions() {
    let result = value(Field::Result, "failure");
    let action = value(Field::Action, "scaleCluster");
    let network: Filter = Term::Network(Cidr::parse("10.0.0.0/8").expect("a network")).into();
    let from: Filter = Term::From(time(0)).into();
    let mixed = Filter::Or(vec![result.clone(), action.clone()]);
    let not_result = Filter::Not(Box::new(Filter::Or(vec![
        result.clone(),
        Term::Has(Field::Result).into(),
    ])));
    let all = Filter::And(vec![
        Filter::And(vec![result, action.clone()]),
        network.clone(),
        not_result,
        mixed.clone(),
        from.clone(),
    ]);
    let without = Filter::And(vec![action.clone(), network, mixed.clone(), from.clone()]);
    assert_eq!(all.without(Field::Result), without);
    assert_eq!(
        without.without(Field::Ip),
        Filter::And(vec![action, mixed, from])
    );
    assert_eq!(Filter::nothing().without(Field::Result), Filter::nothing());
    assert_eq!(
        value(Field::Result, "x").without(Field::Result),
        Filter::everything()
    );
}

#[test]
fn bounds_are_the_tightest_of_the_top_level() {
    let from = |micros| Filter::from(Term::From(time(micros)));
    let to = |micros| Filter::from(Term::To(time(micros)));
    let filter = Filter::And(vec![
        from(1),
        Filter::And(vec![from(5), to(9)]),
        to(20),
        Filter::Or(vec![from(7), from(8)]),
    ]);
    assert_eq!(filter.time_range(), (Some(time(5)), Some(time(9))));
    assert_eq!(Filter::everything().time_range(), (None, None));
}

#[test]
fn organizations_are_known_where_a_condition_names_them() {
    let organization = |text| value(Field::Organization, text);
    let names = |filter: Filter| {
        filter.organizations().map(|all| {
            all.iter()
                .map(Organization::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    let two = Filter::Or(vec![organization("Beta"), organization("acme")]);
    assert_eq!(names(two.clone()).as_deref(), Some("acme beta"));
    assert_eq!(
        names(Filter::And(vec![two, organization("acme")])).as_deref(),
        Some("acme")
    );
    assert_eq!(names(organization("no slug")).as_deref(), Some(""));
    assert_eq!(names(Filter::Not(Box::new(organization("acme")))), None);
    assert_eq!(
        names(Filter::Or(vec![
            organization("acme"),
            value(Field::Result, "failure")
        ])),
        None
    );
    assert_eq!(names(Filter::everything()), None);
}

/// Every value of a field, stated once more, plainly.
fn model_values(field: Field, entry: &Entry) -> Vec<String> {
    let own = |values: &[&Option<Box<str>>]| {
        values
            .iter()
            .filter_map(|v| v.as_deref().map(str::to_owned))
            .collect()
    };
    let party = &entry.actor.party;
    let targets: Vec<&Target> = entry.target.iter().chain(&entry.related).collect();
    match field {
        Field::Actor if party.name.is_none() && party.id.is_none() => own(&[&party.email]),
        Field::Actor => own(&[&party.name, &party.id]),
        Field::Email => own(&[&party.email]),
        Field::Target => targets
            .iter()
            .flat_map(|t| own(&[&t.name, &t.id]) as Vec<String>)
            .collect(),
        Field::TargetType => targets
            .iter()
            .flat_map(|t| own(&[&t.kind]) as Vec<String>)
            .collect(),
        Field::RequestId => own(&[&entry.request.id]),
        Field::Ip => own(&[&entry.request.ip]),
        Field::Project => own(&[&entry.scope.project]),
        Field::Action => vec![entry.action.to_string()],
        Field::Category => vec![entry.category.to_string()],
        Field::Result => vec![entry.result.to_string()],
        Field::Organization => vec![entry.scope.organization.to_string()],
        Field::ActorType => vec![entry.actor.party.kind.to_string()],
        Field::Source => entry
            .source
            .iter()
            .map(|source| source.name.to_string())
            .collect(),
        Field::Id => vec![uuid::Uuid::from_bytes(*entry.id.as_bytes()).to_string()],
    }
}

fn model_matches(field: Field, pattern: &Pattern, entry: &Entry) -> bool {
    model_values(field, entry)
        .iter()
        .map(|value| text::fold(value).into_owned())
        .any(|value| match pattern {
            Pattern::Exact(text) => value == **text,
            Pattern::Prefix(text) => value.starts_with(&**text),
            Pattern::Suffix(text) => value.ends_with(&**text),
            Pattern::Substring(text) => value.contains(&**text),
        })
}

fn any_text() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of("[aAbBéÉΣ .-]{0,4}".prop_map(Into::into))
}

fn any_target() -> impl Strategy<Value = Target> {
    (any_text(), any_text(), any_text()).prop_map(|(kind, id, name)| Target { kind, id, name })
}

prop_compose! {
    pub(crate) fn any_entry()(
        actor in (any_text(), any_text(), any_text()),
        target in prop::option::of(any_target()),
        related in prop::collection::vec(any_target(), 0..3),
        request in (any_text(), any_text()),
        project in any_text(),
        action in "[aAbBéÉ]{1,4}",
        source in prop::option::of("[aAb]{1,3}"),
        words in prop::sample::select(vec![(Category::Alert, Result::Success), (Category::Other, Result::Failure)]),
    ) -> Entry {
        let mut entry = sample();
        (entry.actor.party.id, entry.actor.party.name, entry.actor.party.email) = actor;
        (entry.target, entry.related, entry.scope.project) = (target, related, project);
        (entry.request.id, entry.request.ip) = request;
        (entry.category, entry.result) = words;
        entry.action = action.into();
        entry.source = source.map(|name| Source { name: name.into(), event_id: None, sequence: None });
        entry
    }
}

pub(crate) fn any_pattern() -> impl Strategy<Value = Pattern> {
    let text = prop_oneof![
        "[aAbBéÉΣ .-]{0,3}",
        "[a-z\\\\\"*,():-]{0,4}",
        Just("fail".to_owned()),
        any::<String>()
    ];
    let of: Vec<fn(&str) -> Pattern> = vec![
        Pattern::exact,
        Pattern::prefix,
        Pattern::suffix,
        Pattern::substring,
    ];
    (text, prop::sample::select(of)).prop_map(|(text, of)| of(&text))
}

pub(crate) fn any_field() -> impl Strategy<Value = Field> {
    prop::sample::select(Field::ALL)
}

pub(crate) fn any_filter() -> impl Strategy<Value = Filter> {
    let path = || {
        prop_oneof![
            "[a-z.]{1,5}",
            any::<String>().prop_filter("a path", |path| !path.is_empty())
        ]
    };
    let micros = Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros();
    let term = prop_oneof![
        4 => (any_field(), any_pattern()).prop_map(|(field, pattern)| Term::Value(field, pattern)),
        1 => any::<String>().prop_map(|text| Term::search(&text)),
        1 => any::<String>().prop_map(|text| Term::words(&text)),
        1 => any_field().prop_map(Term::Has),
        1 => any::<(std::net::IpAddr, u8)>().prop_map(|(ip, prefix)| {
            let prefix = prefix % if ip.is_ipv4() { 33 } else { 129 };
            Term::Network(Cidr::parse(&format!("{ip}/{prefix}")).expect("a network"))
        }),
        1 => (path(), any_pattern()).prop_map(|(path, pattern)| Term::Context(path.into(), pattern)),
        1 => path().prop_map(|path| Term::HasContext(path.into())),
        1 => micros.clone().prop_map(|micros| Term::From(time(micros))),
        1 => micros.prop_map(|micros| Term::To(time(micros))),
    ];
    term.prop_map(Filter::Term)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
                inner.prop_map(|filter| Filter::Not(Box::new(filter))),
            ]
        })
}

/// The words of a text, stated once more, plainly.
fn model_words(text: &str) -> Vec<String> {
    let folded = text::fold(text);
    let runs = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty());
    // Two-byte letters at most, so that a cut at 64 is a cut at a character or one byte before.
    runs.map(|run| {
        run.chars()
            .scan(0, |bytes, c| {
                *bytes += c.len_utf8();
                (*bytes <= 64).then_some(c)
            })
            .collect()
    })
    .collect()
}

proptest! {
    #[test]
    fn a_phrase_is_words_in_a_row_of_one_leaf(
        leaves in prop::collection::vec("([aAbBé]{1,2}[ .:-]{0,2}){0,5}", 1..4),
        phrase in "([aAbBÉ]{1,2}[ .-]{0,2}){1,3}",
        long in prop::sample::select(vec!["", "x", "é"]),
    ) {
        let long = long.repeat(70);
        let mut entry = sample();
        let leaves: Vec<String> = leaves.into_iter().map(|leaf| leaf + &long).collect();
        let phrase = phrase + &long;
        let members = leaves.iter().enumerate().map(|(n, leaf)| (n.to_string(), leaf.clone().into()));
        let context = serde_json::Value::Object(members.collect()).to_string();
        entry.context = Some(Json::from_canonical(context.into()));
        (entry.changes, entry.error) = (None, None);
        let wanted = model_words(&phrase);
        let in_a_row = leaves.iter().any(|leaf| model_words(leaf).windows(wanted.len().max(1)).any(|run| run == wanted));
        let found = Term::search(&phrase).matches(&entry) || in_a_row;
        prop_assert_eq!(Term::words(&phrase).matches(&entry), found);
    }

    #[test]
    fn a_value_condition_means_what_the_plain_model_says(
        entry in any_entry(), field in any_field(), pattern in any_pattern(),
    ) {
        let term = Term::Value(field, pattern.clone());
        prop_assert_eq!(term.matches(&entry), model_matches(field, &pattern, &entry));
        prop_assert_eq!(Term::Has(field).matches(&entry), !model_values(field, &entry).is_empty());
    }

    #[test]
    fn the_plainest_form_means_the_same(entry in any_entry(), filter in any_filter()) {
        let plain = filter.clone().simplified();
        prop_assert_eq!(plain.matches(&entry), filter.matches(&entry));
        prop_assert_eq!(plain.clone().simplified(), plain);
    }

    #[test]
    fn every_match_lies_within_the_bounds_and_organizations(entry in any_entry(), filter in any_filter()) {
        if filter.matches(&entry) {
            let (from, to) = filter.time_range();
            prop_assert!(from.is_none_or(|from| entry.timestamp >= from) && to.is_none_or(|to| entry.timestamp < to));
            prop_assert!(filter.organizations().is_none_or(|all| all.contains(&entry.scope.organization)));
            prop_assert!(Field::ALL.iter().all(|&field| filter.without(field).matches(&entry)));
        }
    }
}
