use super::*;
use crate::foreign::{Claims, Mapper};
use crate::formats::{Formats, TableMapper};
use crate::kubernetes::Kubernetes;
use crate::testing::{self, context, fixture, outcome_of};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// Making the patterns takes a while.
static REDACTION: LazyLock<Redaction> = LazyLock::new(Redaction::default);

fn redacted(event: &str) -> String {
    let mut value = json::parse(event.as_bytes()).expect("JSON");
    REDACTION.value(&mut value);
    value.to_string()
}

fn claims() -> Claims {
    Claims {
        redaction: Some(Arc::new(Redaction::default())),
        ..testing::claims("x")
    }
}

#[test]
fn members_are_secret_by_their_names() {
    for (member, rule) in [
        ("password", "password"),
        ("DB_PASSWORD", "password"),
        ("newPasswd", "password"),
        ("pwd", "password"),
        ("client-secret", "secret"),
        ("SecretAccessKey", "secret"),
        ("access_token", "token"),
        ("X-Auth-Token", "token"),
        ("apiKey", "api_key"),
        ("x-api-key", "api_key"),
        ("Authorization", "authorization"),
        ("Set-Cookie", "cookie"),
        ("private_key", "private_key"),
        ("tls.key", "private_key"),
        ("connectionString", "connection_string"),
        ("credentials", "credential"),
    ] {
        let event = format!(r#"{{"a":{{"{member}":"hunter2"}}}}"#);
        assert_eq!(
            redacted(&event),
            format!(r#"{{"a":{{"{member}":"[redacted: {rule}]"}}}}"#)
        );
        let list = format!(
            r#"{{"env":[{{"name":"{member}","value":"hunter2"}}],"l":{{"{member}":["a","b"]}}}}"#
        );
        assert!(
            !redacted(&list).contains("hunter2") && !redacted(&list).contains(r#""a""#),
            "{}",
            redacted(&list)
        );
    }
    for harmless in [
        r#"{"authorization.k8s.io/decision":"allow","nextToken":"abc","secretName":"db","token_type":"service","tokenId":"7","passwordPolicy":"strict"}"#,
        r#"{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","automountServiceAccountToken":true,"password":"","secret":null,"token":"***"}"#,
        r#"{"client_token":"hmac-sha256:abc","imagePullSecrets":[{"name":"regcred"}],"kind":"Pod","data":{"a":"b"},"maxTokens":7}"#,
    ] {
        assert_eq!(
            redacted(harmless),
            json::parse(harmless.as_bytes()).expect("JSON").to_string()
        );
    }
    assert_eq!(
        redacted(r#"{"kind":"Secret","data":{"a":"b"},"metadata":{"name":"n"}}"#),
        r#"{"data":{"a":"[redacted: secret]"},"kind":"Secret","metadata":{"name":"n"}}"#
    );
}

#[test]
fn texts_are_secret_by_their_looks() {
    let jwt =
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    for (text, wanted) in [
        (
            "Bearer abcdefghijklmnop",
            "Bearer [redacted: bearer]".to_owned(),
        ),
        (jwt, "[redacted: jwt]".to_owned()),
        (
            "postgres://app:s3cr3t@db/x",
            "postgres://app:[redacted: url_password]@db/x".to_owned(),
        ),
        (
            "/cb?a=1&token=abc&b=2",
            "/cb?a=1&token=[redacted: url_secret]&b=2".to_owned(),
        ),
        (
            "key AKIAIOSFODNN7EXAMPLE leaked",
            "key [redacted: aws_key] leaked".to_owned(),
        ),
        (
            "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
            "[redacted: vendor_token]".to_owned(),
        ),
        (
            "run --db-password=hunter2 -v",
            "run --db-password=[redacted: assignment] -v".to_owned(),
        ),
        (
            "said {\"password\": \"hunter2\"} twice",
            "said {\"password\": \"[redacted: assignment]\"} twice".to_owned(),
        ),
        (
            "AccountName=a;AccountKey=abc+/=;X=1",
            "AccountName=a;AccountKey=[redacted: connection_string];X=1".to_owned(),
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
            "[redacted: private_key]\nrest".to_owned(),
        ),
    ] {
        let event = Value::from(vec![Value::from(text)]).to_string();
        assert_eq!(
            redacted(&event),
            Value::from(vec![Value::from(wanted)]).to_string()
        );
        assert!(Redaction::default().text(text).is_some());
    }
    for harmless in [
        "Basic auth is off",
        "a secret = no",
        "https://example.com/a:b@c",
        "token: none",
        "2001:db8::1",
        "user:pass without a scheme",
    ] {
        assert_eq!(Redaction::default().text(harmless), None, "{harmless}");
    }
}

#[test]
fn a_rule_is_switched_off_alone_and_a_name_is_added() {
    let event = r#"{"password":"a1b2","staff_PIN-code":"1234","token":"abc"}"#;
    let redaction = Redaction::default()
        .without("password")
        .expect("a rule")
        .with_name("staffPinCode");
    let mut value = json::parse(event.as_bytes()).expect("JSON");
    assert!(redaction.value(&mut value));
    assert_eq!(
        value.to_string(),
        r#"{"password":"a1b2","staff_PIN-code":"[redacted: own]","token":"[redacted: token]"}"#
    );
    let unknown = Redaction::default().without("pigeon").expect_err("no rule");
    assert!(unknown.to_string().contains("password"), "{unknown}");
    for (rule, _) in RULES {
        Redaction::default()
            .without(rule)
            .expect("a rule of the list");
    }
}

#[test]
fn json_in_a_text_and_the_places_are_listed() {
    let applied = r#"{\"spec\":{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"}]}}"#;
    let event = format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","verb":"create","requestURI":"/x?token=hunter2","user":{{"username":"u"}},"objectRef":{{"resource":"deployments","name":"d"}},"requestObject":{{"metadata":{{"annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{applied}"}}}},"spec":{{"env":[{{"name":"DB_PASSWORD","value":"hunter2"}},{{"name":"MODE","value":"fast"}}]}}}}}}"#
    );
    let mut mapper = Kubernetes::new(claims());
    let draft = outcome_of(&mut mapper, event.as_bytes()).drafts.remove(0);
    let mut bytes = Vec::new();
    draft.write_json(&mut bytes);
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
    assert_eq!(
        context(&draft, "/redacted").as_deref(),
        Some(
            r#"["/context/requestObject/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration","/context/requestObject/spec/env/0/value","/request/path"]"#
        )
    );
    assert_eq!(
        context(&draft, "/requestObject/spec/env/1/value").as_deref(),
        Some("fast")
    );
}

#[test]
fn two_events_that_differ_in_a_secret_alone_cannot_be_told_apart_by_anything_that_is_stored() {
    let table = Formats::built_in().table("okta").expect("a table").clone();
    let draft = |secret: &str| {
        let event = format!(
            r#"{{"uuid":"u","eventType":"x","displayMessage":"m","debugContext":{{"password":"{secret}"}}}}"#
        );
        let mut mapper: Box<dyn Mapper> = Box::new(TableMapper::new(table.clone(), claims()));
        outcome_of(mapper.as_mut(), event.as_bytes())
            .drafts
            .remove(0)
    };
    assert_eq!(draft("hunter2"), draft("hunter3"));
}

#[test]
fn the_recorded_log_keeps_none_of_its_passwords() {
    let Some(text) = fixture("kubernetes/kube-apiserver/audit_shared.ndjson") else {
        return;
    };
    let mut mapper = Kubernetes::new(claims());
    let drafts = outcome_of(&mut mapper, &text).drafts;
    assert_eq!(drafts.len(), 1512);
    let listed = drafts
        .iter()
        .filter(|d| context(d, "/redacted").is_some())
        .count();
    let found = String::from_utf8_lossy(&text)
        .matches("DB_PASSWORD")
        .count();
    assert!(
        found == 0 || listed > 0,
        "{found} in the recording, {listed} listed"
    );
    for draft in &drafts {
        let mut bytes = Vec::new();
        draft.write_json(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        for (at, _) in text.match_indices(r#""name":"DB_PASSWORD","value":"#) {
            assert!(
                text[at..].starts_with(r#""name":"DB_PASSWORD","value":"[redacted: password]""#),
                "{}",
                &text[at..at + 80]
            );
        }
    }
}

#[test]
fn hostile_sizes_take_time_in_proportion() {
    let timed = |n: usize| {
        let parts = [
            "password=",
            "a://b:",
            "Bearer ",
            "eyJ",
            "-----BEGIN PRIVATE KEY-----",
            "?token=",
            "{\"a\":",
        ];
        for part in parts {
            let text = part.repeat(n);
            let event = Value::from(vec![Value::from(text)]).to_string();
            let _ = redacted(&event);
        }
        // Texts of JSON in texts of JSON, far deeper than is looked into.
        let mut inner = "1".to_owned();
        for _ in 0..12 {
            inner = Value::from(vec![Value::from(inner)]).to_string();
        }
        redacted(&inner)
    };
    // Were it quadratic, this would not end.
    timed(30_000);
}

fn values() -> impl Strategy<Value = Value<'static>> {
    let text = prop_oneof![
        "(\\PC|\\s){0,20}".prop_map(String::from),
        prop::sample::select(vec![
            "Bearer abcdefghijklmnopqrstuvwx",
            "password=hunter22",
            "https://u:p@h/?token=abc&sig=x",
            "{\"password\":\"x\"}",
            "[redacted: token]",
            "x [redacted: jwt] y",
            "token=[redacted: assignment]",
            "a://b:[redacted: url_password]@c",
            "AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN PRIVATE KEY-----\nab",
            "password=a&token=Bearer abcdefghijklmnopqr",
        ])
        .prop_map(String::from),
    ];
    let names = prop::sample::select(vec![
        "password",
        "token",
        "name",
        "value",
        "kind",
        "data",
        "x",
        "env",
        "accessKeyId",
        "cookie",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner.clone()), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn doing_it_again_changes_nothing(mut value in values()) {
        let redaction = &*REDACTION;
        redaction.value(&mut value);
        let once = value.to_string();
        prop_assert!(!redaction.value(&mut value), "{once}\n{value}");
        prop_assert_eq!(value.to_string(), once);
    }
}

#[test]
fn what_folding_made_of_a_secret_is_found_where_that_is_looked_for() {
    let folded = Redaction::default().in_folded_too();
    for (text, expected) in [
        (
            "search:eyjhbgcioijiuzi1nij9.eyjzdwiioiixmjm0nty3ody5mcj9.dozjgnryp4j3jvmnhl0w5n",
            "search:[redacted: jwt]",
        ),
        ("akiaiosfodnn7example", "[redacted: aws_key]"),
        (
            "\"-----begin rsa private key-----\\nmiie\\n-----end rsa private key-----\"",
            "\"[redacted: private_key]\"",
        ),
        (
            "mar_one_0123456789abc_0123456789",
            "[redacted: vendor_token]",
        ),
    ] {
        assert_eq!(folded.text(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "asia",
        "akia and asia",
        "eyj",
        "actor:ana email:*@acme.example",
    ] {
        assert_eq!(folded.text(text), None, "{text}");
    }
}
