use super::*;
use crate::address::Cidr;
use crate::field::Field;
use crate::filter::tests::{any_filter, sample};
use crate::filter::{Pattern, Term};
use crate::limits::{PARAMETER_TERMS_MAX, QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};
use proptest::prelude::*;

fn now() -> Timestamp {
    Timestamp::parse("2026-10-05T12:00:00Z").expect("a time")
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn read(text: &str) -> Filter {
    parse(text, now()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn value(field: Field, text: &str) -> Filter {
    Term::Value(field, Pattern::exact(text)).into()
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn word(text: &str) -> Filter {
    Term::words(text).into()
}

#[test]
fn the_query_of_the_guide_is_read_as_it_says() {
    let text = r#"actor:ana action:create* -result:failure (category:cluster OR category:instance) ip:10.0.0.0/8
        has:email context.ticket:OPS-88 "exact words" since:7d"#;
    let expected = Filter::And(vec![
        value(Field::Actor, "ana"),
        Term::Value(Field::Action, Pattern::prefix("create")).into(),
        not(value(Field::Result, "failure")),
        Filter::Or(vec![
            value(Field::Category, "cluster"),
            value(Field::Category, "instance"),
        ]),
        Term::Network(Cidr::parse("10.0.0.0/8").expect("a network")).into(),
        Term::Has(Field::Email).into(),
        Term::Context("ticket".into(), Pattern::exact("ops-88")).into(),
        word("exact words"),
        Term::From(time("2026-09-28T12:00:00Z")).into(),
    ]);
    assert_eq!(read(text), expected);
    let printed = "actor:ana action:create* -result:failure (category:cluster OR category:instance) ip:10.0.0.0/8 \
         has:email context.ticket:ops-88 \"exact words\" from:2026-09-28T12:00:00.000000Z";
    assert_eq!(read(text).to_string(), printed);
}

#[test]
fn every_query_of_the_manual_is_read() {
    let manual = include_str!("../../../docs/query.md");
    let (_, queries) = manual.split_once("## Query text").expect("the section");
    let queries: Vec<&str> = queries
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(query, _)| query)
        .collect();
    assert!(queries.len() > 10, "{queries:?}");
    for query in queries {
        assert_eq!(read(&read(query).to_string()), read(query), "{query}");
    }
}

#[test]
fn operators_bind_as_in_every_search_box() {
    let (a, b, c) = (word("a"), word("b"), word("c"));
    let a_and_b = Filter::And(vec![a.clone(), b.clone()]);
    assert_eq!(
        read("a b OR c"),
        Filter::Or(vec![a_and_b.clone(), c.clone()])
    );
    assert_eq!(
        read("a AND b OR c"),
        Filter::Or(vec![a_and_b.clone(), c.clone()])
    );
    assert_eq!(
        read("a (b OR c)"),
        Filter::And(vec![a.clone(), Filter::Or(vec![b.clone(), c])])
    );
    assert_eq!(
        read("NOT a b"),
        Filter::And(vec![not(a.clone()), b.clone()])
    );
    assert_eq!(read("-(a b)"), not(a_and_b));
    assert_eq!(read("- -a".replace(' ', "").as_str()), a);
    assert_eq!(read("a or b"), Filter::And(vec![a.clone(), word("or"), b]));
    assert_eq!(read("\"OR\""), word("or"));
    assert_eq!(read("ORDER"), word("order"));
    for everything in ["", "  ", "*", "a OR *"] {
        assert_eq!(read(everything), Filter::everything(), "{everything}");
    }
    assert_eq!(read("-*"), Filter::nothing());
}

#[test]
fn values_are_lists_groups_patterns_and_phrases() {
    let ana_or_bob = Filter::Or(vec![value(Field::Actor, "ana"), value(Field::Actor, "bob")]);
    assert_eq!(read("actor:ana,bob"), ana_or_bob);
    assert_eq!(read("actor:(ana OR bob)"), ana_or_bob);
    assert_eq!(read("-actor:\"ana\",bob"), not(ana_or_bob));
    assert_eq!(
        read("actor:(system:* -bob)"),
        Filter::And(vec![
            Term::Value(Field::Actor, Pattern::prefix("system:")).into(),
            not(value(Field::Actor, "bob"))
        ])
    );
    for (text, pattern) in [
        ("target:pay*", Pattern::prefix("pay")),
        ("target:*pay", Pattern::suffix("pay")),
        ("target:*pay*", Pattern::substring("pay")),
        (r#"target:*"Pay EU"*"#, Pattern::substring("pay eu")),
        (r"target:\*pay\,\ eu", Pattern::exact("*pay, eu")),
        (r"target:ACME\ana", Pattern::exact(r"acme\ana")),
        (
            r#"target:"a \"b\" \\ \c *""#,
            Pattern::exact(r#"a "b" \ \c *"#),
        ),
        ("target:-a:b", Pattern::exact("-a:b")),
        (r#"target:"""#, Pattern::exact("")),
    ] {
        assert_eq!(
            read(text),
            Term::Value(Field::Target, pattern).into(),
            "{text}"
        );
    }
    assert_eq!(read("target:*"), Term::Has(Field::Target).into());
    assert_eq!(
        read(r"context.a\:b.c\ d:*"),
        Term::HasContext("a:b.c d".into()).into()
    );
    assert_eq!(
        read(r#"has:"context.c d""#),
        Term::HasContext("c d".into()).into()
    );
    assert_eq!(read("search:ANA"), Term::search("ana").into());
}

#[test]
fn an_address_without_a_prefix_is_its_own_network_and_other_text_is_text() {
    let network = |text| Filter::from(Term::Network(Cidr::parse(text).expect("a network")));
    assert_eq!(read("ip:203.0.113.9"), network("203.0.113.9/32"));
    assert_eq!(read("ip:2001:DB8::1"), network("2001:db8::1/128"));
    assert_eq!(read("ip:2001:db8::/32"), network("2001:db8::/32"));
    assert_eq!(
        read("ip:203.0.113.9:443"),
        value(Field::Ip, "203.0.113.9:443")
    );
    assert_eq!(
        read(r#"ip:"AWS Internal""#),
        value(Field::Ip, "aws internal")
    );
    assert_eq!(
        read("ip:203.0.113.*"),
        Term::Value(Field::Ip, Pattern::prefix("203.0.113.")).into()
    );
}

/// Query, byte position, what the sentence says, suggestion.
const WRONG: &[(&str, usize, &str, Option<&str>)] = &[
    ("actr:ana", 0, "no field is named `actr`", Some("actor:")),
    (
        "a org:b",
        2,
        "no field is named `org`",
        Some("organization:"),
    ),
    ("sinse:7d", 0, "no field is named `sinse`", Some("since:")),
    (
        "contxt.ticket:x",
        0,
        "no field is named `contxt.ticket`",
        None,
    ),
    (
        "system:kube-scheduler x",
        0,
        "no field is named `system`",
        None,
    ),
    (
        "result:maybe",
        7,
        "result is success or failure, not `maybe`",
        None,
    ),
    (
        "result:succes",
        7,
        "result is success or failure, not `succes`",
        Some("success"),
    ),
    (
        "category:access-control",
        9,
        "category is cluster, ",
        Some("access_control"),
    ),
    ("é category:bogus", 12, "category is cluster, ", None),
    ("has:mail", 4, "no field is named `mail`", Some("email")),
    ("ip:10.0.0.0/33", 3, "`10.0.0.0/33` is no network", None),
    ("organization:NOPE!", 13, "`NOPE!` is no organization", None),
    ("since:yesterday", 6, "`yesterday` is no time", None),
    (
        "since:2026-02-30",
        6,
        "`2026-02-30` is no time: no such day",
        None,
    ),
    ("since:7*", 6, "no star can stand here", None),
    (
        "creat*",
        0,
        "a star needs a field",
        Some("search:\"creat\""),
    ),
    (
        "action:cre*ate",
        11,
        "a star stands at the start or the end",
        None,
    ),
    (
        "result!=failure",
        0,
        "a field is asked with a colon",
        Some("-result:failure"),
    ),
    ("actor:", 6, "a value is missing here", None),
    ("actor:a,,b", 8, "a value is missing here", None),
    ("actor:(a", 6, "this parenthesis is not closed", None),
    ("a \"b", 2, "this quote is not closed", None),
    ("a) b", 1, "no parenthesis is open here", None),
    (
        "a ()",
        3,
        "a condition is missing before this parenthesis",
        None,
    ),
    ("a OR", 4, "a condition is missing here", None),
    ("AND a", 0, "AND joins two conditions", None),
    ("a - b", 2, "a condition must follow -", None),
    ("f(x)", 1, "a text that holds ( must be in quotes", None),
    (
        "\"a\"b",
        3,
        "a space is missing after the closing quote",
        None,
    ),
    (
        "(a)b",
        3,
        "a space is missing after a closing parenthesis",
        None,
    ),
];

#[test]
fn errors_name_the_place_and_the_nearest_valid_thing() {
    for &(text, position, detail, suggestion) in WRONG {
        let error = parse(text, now()).expect_err(text);
        assert_eq!(
            (error.position, error.detail.starts_with(detail)),
            (position, true),
            "{text}: {error}"
        );
        if let Some(suggestion) = suggestion {
            assert_eq!(error.suggestion.as_deref(), Some(suggestion), "{text}");
        }
    }
    let pasted = parse("arn:aws:iam x", now()).expect_err("no field");
    assert_eq!(pasted.suggestion.as_deref(), Some("\"arn:aws:iam\""));
}

#[test]
fn queries_are_bounded_in_length_conditions_and_depth() {
    let longest = "x".repeat(QUERY_BYTES_MAX);
    assert_eq!(read(&longest), word(&longest));
    assert!(
        parse(&(longest + "x"), now())
            .expect_err("too long")
            .detail
            .contains("4096 bytes")
    );
    let most = vec!["a:b".replace("a", "actor"); QUERY_TERMS_MAX].join(" ");
    assert_eq!(read(&most), value(Field::Actor, "b"));
    assert!(
        parse(&(most.clone() + " x"), now())
            .expect_err("too many")
            .detail
            .contains("64 conditions")
    );
    let list = format!("actor:{}", vec!["b"; QUERY_TERMS_MAX + 1].join(","));
    assert!(
        parse(&list, now())
            .expect_err("too many")
            .detail
            .contains("64 conditions")
    );
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(read(&nested(QUERY_DEPTH_MAX)), word("a"));
    assert!(
        parse(&nested(QUERY_DEPTH_MAX + 1), now())
            .expect_err("too deep")
            .detail
            .contains("16 deep")
    );
    for deep in ["(", "-", "NOT ", "actor:("] {
        let text = deep.repeat(QUERY_BYTES_MAX / deep.len());
        assert!(parse(&text, now()).is_err(), "{deep}");
    }
}

#[test]
fn times_are_instants_dates_and_spans_before_now() {
    for (text, instant) in [
        ("now", "2026-10-05T12:00:00Z"),
        ("90s", "2026-10-05T11:58:30Z"),
        ("30m", "2026-10-05T11:30:00Z"),
        ("24h", "2026-10-04T12:00:00Z"),
        ("7d", "2026-09-28T12:00:00Z"),
        ("now-2w", "2026-09-21T12:00:00Z"),
        ("0s", "2026-10-05T12:00:00Z"),
        ("2026-10-05", "2026-10-05T00:00:00Z"),
        (
            "2026-10-05T09:31:22.104512+02:00",
            "2026-10-05T07:31:22.104512Z",
        ),
    ] {
        assert_eq!(parse_time(text, now()), Ok(time(instant)), "{text}");
    }
    for text in [
        "",
        "d",
        "7",
        "7y",
        "-7d",
        "+7d",
        "now-",
        "now-now",
        "now+1h",
        "2026-13-01",
        "2026-10-5",
        "9é",
        "999999d",
        "99999999999999999999w",
    ] {
        assert!(parse_time(text, now()).is_err(), "{text}");
    }
}

fn parameters<'a>(pairs: &[(&'a str, &'a str)]) -> (Filter, Vec<&'a str>) {
    Filter::from_parameters(pairs.iter().copied(), now())
        .unwrap_or_else(|errors| panic!("{pairs:?}: {errors:?}"))
}

/// Parameters, the query text they mean.
const SENT: &[(&[(&str, &str)], &str)] = &[
    (&[], "*"),
    (&[("search", " Ana, Ruiz* ")], r#"search:"ana, ruiz*""#),
    (
        &[("search", "ana"), ("search", "bob")],
        "search:ana OR search:bob",
    ),
    (
        &[
            ("actor", "ana,bob"),
            ("result", "FAILURE"),
            ("actor", "eve"),
        ],
        "(actor:ana OR actor:bob OR actor:eve) result:failure",
    ),
    (
        &[("-actor", "ana"), ("actor!", "bob")],
        "-(actor:ana OR actor:bob)",
    ),
    (
        &[("action", "create*"), ("target", "*eu*"), ("project", "*x")],
        "action:create* target:*eu* project:*x",
    ),
    (
        &[("target", r"a\,b\*\\"), ("project", r"ACME\ana")],
        r#"target:"a,b*\\" project:"acme\\ana""#,
    ),
    (
        &[("ip", "10.0.0.0/8,192.0.2.7"), ("-ip", "AWS Internal")],
        r#"(ip:10.0.0.0/8 OR ip:192.0.2.7/32) -ip:"aws internal""#,
    ),
    (&[("ip", r"a\/b")], r#"ip:"a/b""#),
    (
        &[("has", "email,context.ticket"), ("-has", "ip")],
        "(has:email OR has:context.ticket) -has:ip",
    ),
    (
        &[("context.a.b", "1,x*"), ("-context.c", "*")],
        "(context.a.b:1 OR context.a.b:x*) -has:context.c",
    ),
    (
        &[("from", "7d"), ("to", "2026-10-05T00:00:00 02:00")],
        "from:2026-09-28T12:00:00.000000Z to:2026-10-04T22:00:00.000000Z",
    ),
    (&[("q", "a OR b"), ("q", "c"), ("action", "")], "(a OR b) c"),
    // A blank behind the comma, as people write lists, was part of the value, which nothing then had.
    (
        &[
            ("action", " login, scale* ,  *up "),
            ("ip", "10.0.0.0/8, 192.0.2.7"),
        ],
        "(action:login OR action:scale* OR action:*up) (ip:10.0.0.0/8 OR ip:192.0.2.7/32)",
    ),
    (
        &[("actor", r"Ana  Ruiz,\ x\ ,a *,* b")],
        r#"actor:"ana  ruiz" OR actor:" x " OR actor:"a "* OR actor:*" b""#,
    ),
    (
        &[("result", "failure, success")],
        "result:failure OR result:success",
    ),
    (
        &[
            ("result", "all"),
            ("category", "cluster,all"),
            ("-actor_type", "all"),
        ],
        "*",
    ),
    (
        &[
            ("actor", " "),
            ("target", ","),
            ("search", "  "),
            ("from", ""),
            ("q", ""),
        ],
        "*",
    ),
    (
        &[("target_type", "all"), ("actor", "*")],
        "target_type:all has:actor",
    ),
];

#[test]
fn parameters_mean_what_a_query_says() {
    for (sent, query) in SENT {
        let (filter, others) = parameters(sent);
        assert_eq!(
            (filter.to_string().as_str(), others.len()),
            (*query, 0),
            "{sent:?}"
        );
    }
}

#[test]
fn parameters_that_are_no_filter_are_left_to_the_caller() {
    let sent = [
        ("limit", "5"),
        ("actor", "ana"),
        ("-from", "7d"),
        ("since", "7d"),
        ("context.", "x"),
        ("-q", "x"),
        ("-limit", ""),
    ];
    let (filter, others) = parameters(&sent);
    assert_eq!(filter, value(Field::Actor, "ana"));
    assert_eq!(
        others,
        ["limit", "-from", "since", "context.", "-q", "-limit"]
    );
}

#[test]
fn every_wrong_parameter_is_told() {
    let sent = [
        ("result", "maybe"),
        ("ip", "10.0.0.0/64"),
        ("from", "soon"),
        ("q", "é actr:x"),
        ("category", "clusters"),
        ("action", "a*b"),
    ];
    let errors = Filter::from_parameters(sent, now()).expect_err("all wrong");
    let told: Vec<_> = errors
        .iter()
        .map(|e| (e.name.as_str(), e.suggestion.as_deref(), e.position))
        .collect();
    let expected = [
        ("result", None, None),
        ("ip", None, None),
        ("from", None, None),
        ("q", Some("actor:"), Some(3)),
        ("category", Some("cluster"), None),
        ("action", None, None),
    ];
    assert_eq!(told, expected);
    let many = vec!["x"; PARAMETER_TERMS_MAX + 1].join(",");
    let errors = Filter::from_parameters([("actor", many.as_str())], now()).expect_err("too many");
    assert!(errors[0].detail.contains("1000 conditions"));
}

#[test]
fn the_query_of_a_person_finds_the_entry() {
    for text in [
        "ana result:failure",
        "since:1970-01-01 before:now \"missing clusters\"",
        "labels OR context.labels.team:blue",
    ] {
        assert!(read(text).matches(&sample()), "{text}");
    }
    assert!(!read("ana -action:scale*").matches(&sample()));
}

proptest! {
    #[test]
    fn a_printed_filter_is_read_back(filter in any_filter()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= QUERY_BYTES_MAX && filter.terms() <= QUERY_TERMS_MAX / 2);
        let back = parse(&text, now());
        prop_assert_eq!(back.as_ref(), Ok(&filter.simplified()), "{}", text);
    }

    #[test]
    fn no_text_panics_and_errors_point_into_it(text in r#"([a-c"():*,\\ \-é=]|OR |NOT |actor:|ip:|has:|context\.|since:7){0,24}"#) {
        match parse(&text, now()) {
            Ok(filter) => prop_assert_eq!(parse(&filter.to_string(), now()), Ok(filter)),
            Err(error) => prop_assert!(text.is_char_boundary(error.position), "{}", error),
        }
    }

    #[test]
    fn no_parameter_panics(name in "-?(actor|ip|from|to|q|has|result|context\\.a|search|x)!?", text in any::<String>(), dense in r"[a\\*,/:.0-9é -]{0,30}") {
        let _ = Filter::from_parameters([(name.as_str(), text.as_str()), (name.as_str(), dense.as_str())], now());
        let _ = parse_time(&dense, now());
    }

    #[test]
    fn an_escaped_value_means_exactly_itself(field in crate::filter::tests::any_field(), text in any::<String>(), dense in r"[a\\*,/:é \t]{0,6}") {
        for text in [text.as_str(), dense.as_str()].into_iter().filter(|text| !text.is_empty()) {
            let sent = parameter_value(field, text);
            if let Ok((filter, _)) = Filter::from_parameters([(field.name(), &*sent)], now()) {
                let network = field == Field::Ip && Cidr::parse(text).is_some();
                prop_assert!(network || filter == value(field, text), "{}", filter);
            } else {
                let no_slug = field == Field::Organization && !is_slug(text);
                prop_assert!(field.vocabulary().is_some() || no_slug);
            }
        }
    }
}
