//! Exports as CSV, with a line that names the columns.

use super::*;

const WORKOS: &str = "id,action,occurred_at,actor_id,actor_name,actor_type,targets,context_location,context_user_agent,metadata\r\n\
    e1,user.signed_in,2026-01-02T03:04:05.678Z,u1,ana@example.com,user,\"[{\"\"id\"\":\"\"t1\"\",\"\"type\"\":\"\"team\"\",\"\"name\"\":\"\"Ops, EU\"\"},{\"\"id\"\":\"\"t2\"\",\"\"type\"\":\"\"team\"\"}]\",203.0.113.6,Chrome,\"{\"\"request_id\"\":\"\"r1\"\",\"\"result\"\":\"\"failure\"\"}\"\r\n\
    e2,user.signed_out,2026-01-02T03:05:05Z,u1,\"Ana\nRuiz\",user,[],,,\r\n";

const RETRACED: &str = "id,description,action,crud,is_failure,is_anonymous,created,received,source_ip,country,group,target,actor_created,actor_name,fields\n\
    e1,no,cluster.create,c,1,,2026-01-02T03:04:05.000Z,2026-01-02T03:04:06.000Z,203.0.113.2,,\"{\"\"id\"\":\"\"acme\"\"}\",\"{\"\"id\"\":\"\"c1\"\",\"\"name\"\":\"\"pay\"\",\"\"type\"\":\"\"cluster\"\"}\",1767323045000,ana@example.com,\"{\"\"request_id\"\":\"\"r1\"\"}\"\n\
    e2,,cluster.view,r,,,1767323045000,,,,,,,,\n";

#[test]
fn an_export_of_workos_is_recognised_by_its_columns_and_read() {
    assert_eq!(
        Formats::built_in().recognise(WORKOS.as_bytes()),
        Recognised::One("workos".into())
    );
    let outcome = outcome("workos", WORKOS.as_bytes());
    assert_eq!(
        (outcome.drafts.len(), outcome.refused.len()),
        (2, 0),
        "{outcome:?}"
    );
    let [first, second] = outcome.drafts.as_slice() else {
        panic!("two")
    };
    assert_eq!(
        shown(first),
        ("ana@example.com", ActorKind::User, Some("Ops, EU"))
    );
    assert_eq!(first.actor.party.email.as_deref(), Some("ana@example.com"));
    assert_eq!((first.related.len(), first.result), (1, Ended::Failure));
    assert_eq!(
        (first.request.id.as_deref(), first.request.ip.as_deref()),
        (Some("r1"), Some("203.0.113.6"))
    );
    assert_eq!(
        first.timestamp.expect("a time").to_string(),
        "2026-01-02T03:04:05.678000Z"
    );
    assert_eq!(
        context(first, "/parsed/metadata/result").as_deref(),
        Some("failure")
    );
    assert_eq!(shown(second).0, "Ana\nRuiz");
    // A column in which nothing stands is no member.
    assert_eq!(context(second, "/workos/context_location"), None);
    // By other names of the same columns.
    for header in [
        "ID,Action,Occurred At,Actor ID,Actor Name,Actor Type",
        "id,action,occurred_at,actor.id,actor.name,actor.type",
    ] {
        let text = format!("{header}\ne1,user.signed_in,2026-01-02T03:04:05Z,u1,Ana,api_key\n");
        assert_eq!(
            Formats::built_in().recognise(text.as_bytes()),
            Recognised::One("workos".into()),
            "{header}"
        );
        let draft = draft("workos", &text);
        assert_eq!(
            (shown(&draft).0, shown(&draft).1),
            ("Ana", ActorKind::ServiceAccount),
            "{header}"
        );
        assert_eq!(draft.actor.party.id.as_deref(), Some("u1"), "{header}");
        assert!(draft.timestamp.is_some(), "{header}");
    }
    // JSON is read as before.
    assert_eq!(
        shown(&sample("workos")),
        ("Ana", ActorKind::User, Some("Ops"))
    );
}

#[test]
fn a_saved_export_of_retraced_is_recognised_by_its_columns_and_read() {
    assert_eq!(
        Formats::built_in().recognise(RETRACED.as_bytes()),
        Recognised::One("retraced".into())
    );
    let outcome = outcome("retraced", RETRACED.as_bytes());
    assert_eq!(
        (outcome.drafts.len(), outcome.refused.len()),
        (2, 0),
        "{outcome:?}"
    );
    let [first, second] = outcome.drafts.as_slice() else {
        panic!("two")
    };
    assert_eq!(
        shown(first),
        ("ana@example.com", ActorKind::User, Some("pay"))
    );
    assert_eq!(
        (first.result, first.request.id.as_deref()),
        (Ended::Failure, Some("r1"))
    );
    assert_eq!(context(second, "/noise").as_deref(), Some("read"));
    assert_eq!(
        (shown(second).1, second.result),
        (ActorKind::System, Ended::Success)
    );
    assert!(second.timestamp.is_some());
}

#[test]
fn what_is_broken_in_a_table_is_refused_and_the_rest_is_read() {
    let text = "id,action,occurred_at,actor_name\n\
        1,a.b,2026-01-02T03:04:05Z,ana\n\
        2,a.b\n\
        3,a.b,2026-01-02T03:04:05Z,ana,more\n\
        4,,2026-01-02T03:04:05Z,ana\n\
        5,a.b,2026-01-02T03:04:05Z,a\u{0}b\n\
        6,a.b,2026-01-02T03:04:05Z,=cmd|'/c calc'!A1\n";
    let outcome = outcome("workos", text.as_bytes());
    assert_eq!(
        outcome.refused,
        [
            "a record of 2 fields, where the header names 4",
            "a record of 5 fields, where the header names 4",
            "no workos event: it says no action",
        ]
    );
    let names: Vec<&str> = outcome.drafts.iter().map(|draft| shown(draft).0).collect();
    assert_eq!(names, ["ana", "a\u{0}b", "=cmd|'/c calc'!A1"]);
}

#[test]
fn a_table_of_one_s_own_reads_csv() {
    let mut formats = Formats::built_in();
    let table = "name = \"door\"\nreads = \"csv\"\nrecognise = { present = \"/badge\" }\naction = \"/what\"\nactor.name = \"/badge\"\n";
    formats.add("door.toml", table).expect("a table");
    let text = "at;what;badge\n2026-01-02;opened;\n2026-01-02;\"forced; twice\";b7\n";
    assert_eq!(
        formats.recognise(text.as_bytes()),
        Recognised::One("door".into())
    );
    let mut mapper = formats.mapper("door", claims("door")).expect("a mapper");
    let drafts = outcome_of(mapper.as_mut(), text.as_bytes()).drafts;
    assert_eq!(
        (shown(&drafts[0]).0, &*drafts[1].action),
        ("unknown", "forced; twice")
    );
    for (reads, told) in [
        (
            "[\"csv\", \"syslog\"]",
            "of several there are json and csv only",
        ),
        ("[]", "of several there are json and csv only"),
        ("\"tsv\"", "`tsv`: json, csv, syslog, cef or leef"),
    ] {
        let table = format!("name = \"own\"\naction = \"/a\"\nreads = {reads}\n");
        let error = formats.add("own.toml", &table).expect_err(reads);
        assert!(error.to_string().contains(told), "{error}");
    }
    let error = formats.add(
        "own.toml",
        "name = \"own\"\naction = \"/a\"\nwrappers = [\"/a/*\"]\n",
    );
    assert!(error.expect_err("no").to_string().contains("names alone"));
}
