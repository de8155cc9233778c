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
        ("MYSQL_PWD", "password"),
        ("PGPASS", "password"),
        ("pass", "password"),
        ("pw", "password"),
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

/// Only objects that said `kind: Secret` were known as Secrets: patches, lists and the parts of them that a subresource takes are none.
#[test]
fn what_is_sent_to_where_secrets_are_is_secret_whatever_it_is_called() {
    for (what, wanted) in [
        (
            r#"{"data":{"x":"aHVudGVyMg=="},"type":"Opaque"}"#,
            r#"{"data":{"x":"[redacted: secret]"},"type":"Opaque"}"#,
        ),
        (
            r#"[{"op":"replace","path":"/data/x","value":"aHVudGVyMg=="},{"op":"add","path":"/metadata/labels/a","value":"b"}]"#,
            r#"[{"op":"replace","path":"/data/x","value":"[redacted: secret]"},{"op":"add","path":"/metadata/labels/a","value":"b"}]"#,
        ),
        (
            r#"[{"op":"add","path":"/stringData","value":{"x":"hunter2"}},{"op":"replace","path":"","value":{"data":{"x":"hunter2"}}}]"#,
            r#"[{"op":"add","path":"/stringData","value":{"x":"[redacted: secret]"}},{"op":"replace","path":"","value":{"data":{"x":"[redacted: secret]"}}}]"#,
        ),
        (
            r#"{"items":[{"data":{"x":"aHVudGVyMg=="},"metadata":{"name":"n"}}]}"#,
            r#"{"items":[{"data":{"x":"[redacted: secret]"},"metadata":{"name":"n"}}]}"#,
        ),
    ] {
        for (resource, more) in [
            ("secrets", ""),
            ("secrets", r#","subresource":"status""#),
            ("secrets/status", ""),
        ] {
            let event = |of: &str| {
                format!(
                    r#"{{"objectRef":{{"name":"data","resource":"{resource}"{more}}},"requestObject":{of},"verb":"patch"}}"#
                )
            };
            assert_eq!(redacted(&event(what)), event(wanted));
        }
        let google =
            |of: &str| format!(r#"{{"methodName":"io.k8s.core.v1.secrets.patch","request":{of}}}"#);
        assert_eq!(redacted(&google(what)), google(wanted));
        let other =
            format!(r#"{{"objectRef":{{"resource":"configmaps"}},"requestObject":{what}}}"#);
        assert!(!redacted(&other).contains("redacted"), "{other}");
    }
    assert_eq!(
        redacted(
            r#"{"items":[{"data":{"x":"aHVudGVyMg=="},"metadata":{"name":"n"}}],"kind":"SecretList"}"#
        ),
        r#"{"items":[{"data":{"x":"[redacted: secret]"},"metadata":{"name":"n"}}],"kind":"SecretList"}"#
    );
    // What is no JSON, such as YAML, is not read but taken out.
    assert_eq!(
        redacted(
            r#"{"objectRef":{"resource":"secrets"},"requestObject":"data: {x: aHVudGVyMg==}"}"#
        ),
        r#"{"objectRef":{"resource":"secrets"},"requestObject":"[redacted: secret]"}"#
    );
}

/// `["--password","…"]`, `mysql -p…` and the same in the address of an exec were stored as they came.
#[test]
fn the_arguments_of_commands_are_secret_where_they_follow_such_a_flag() {
    for (event, wanted) in [
        (
            r#"["run","--password","hunter2","--name","ana"]"#,
            r#"["run","--password","[redacted: password]","--name","ana"]"#,
        ),
        (
            r#"["--api-token","abc",{"a":["--pin",1234]}]"#,
            r#"["--api-token","[redacted: token]",{"a":["--pin","[redacted: password]"]}]"#,
        ),
        (
            r#"["/usr/bin/mysql","-uroot","-phunter"]"#,
            r#"["/usr/bin/mysql","-uroot","-p[redacted: password]"]"#,
        ),
        (
            r#"{"args":["-phunter"],"command":["mysqldump"]}"#,
            r#"{"args":["-p[redacted: password]"],"command":["mysqldump"]}"#,
        ),
        (r#"["-phunter22"]"#, r#"["-p[redacted: password]"]"#),
        (
            r#"["sh","-c","mysql -uroot -p'hunter two' db && sshpass -p hunter2 ssh a"]"#,
            r#"["sh","-c","mysql -uroot -p'[redacted: password]' db && sshpass -p [redacted: password] ssh a"]"#,
        ),
        (
            r#"["curl -u ana:hunter2 https://a","docker login -u ana -p hunter2 r"]"#,
            r#"["curl -u ana:[redacted: password] https://a","docker login -u ana -p [redacted: password] r"]"#,
        ),
        (
            r#"{"requestURI":"/api/v1/namespaces/n/pods/p/exec?command=mysql&command=-uroot&command=-phunter&container=c"}"#,
            r#"{"requestURI":"/api/v1/namespaces/n/pods/p/exec?command=mysql&command=-uroot&command=-p[redacted: password]&container=c"}"#,
        ),
        (
            r#"{"requestURI":"/exec?command=a&command=--password%3Dhunter2&command=--token&command=x1%26&stdin=true"}"#,
            r#"{"requestURI":"/exec?command=a&command=--password=[redacted: assignment]&command=--token&command=[redacted: token]&stdin=true"}"#,
        ),
        (
            r#"{"requestURI":"/exec?command=sh&command=-c&command=mysql+-phunter2%26%26echo"}"#,
            r#"{"requestURI":"/exec?command=sh&command=-c&command=mysql -p[redacted: password]"}"#,
        ),
    ] {
        assert_eq!(redacted(event), wanted);
        assert_eq!(redacted(wanted), wanted);
    }
    for harmless in [
        r#"["docker","run","-p","8080:80","-p8080","-phttp2:80","a"]"#,
        r#"["mkdir","-p","/var/lib/mysql","-p/var"]"#,
        r#"["-profile","-port=8080","-pprof-addr","-policy"]"#,
        r#"["--password-file","/run/secrets/a","--no-password","ana","--use-token","x","--password","$(DB_PASSWORD)"]"#,
        r#"["mysql","-uroot","-p","payments"]"#,
        r#"["the flag --password is required","no --token flag","mkdir -p /var/lib -m 700"]"#,
        r#"{"requestURI":"/exec?command=ls&command=-la&container=c"}"#,
        r#"{"p":"/x?command=mkdir&command=-p&command=%2Fvar"}"#,
    ] {
        assert_eq!(redacted(harmless), harmless);
    }
}

/// A ConfigMap's YAML and a header are texts; of texts only `password=…` and JSON's quotes were known.
#[test]
fn lines_of_a_text_are_secret_by_their_keys() {
    for (text, wanted) in [
        ("password: hunter2", "password: [redacted: password]"),
        (
            "db:\n  host: a\n  password: 'hunter two' # old\n  port: 5432\n",
            "db:\n  host: a\n  password: '[redacted: password]' # old\n  port: 5432\n",
        ),
        (
            "a: b\n- token: hunter2\r\n- name: x\r\n",
            "a: b\n- token: [redacted: token]\r\n- name: x\r\n",
        ),
        (
            "tls.key: |\n  hunter2\n  hunter3\nhost: a",
            "tls.key: |\n  [redacted: private_key]\nhost: a",
        ),
        (
            "env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: MODE\n  value: fast",
            "env:\n- name: DB_PASSWORD\n  value: [redacted: password]\n- name: MODE\n  value: fast",
        ),
        (
            "kind: Secret\ndata:\n  a: hunter2\n  b: |\n    hunter2\n  c: hunter2\nmetadata:\n  name: n",
            "kind: Secret\ndata:\n  a: [redacted: secret]\n  b: |\n    [redacted: secret]\n  c: [redacted: secret]\nmetadata:\n  name: n",
        ),
        (
            "GET / HTTP/1.1\nCookie: a=hunter2; b=c\nX-Api-Key: hunter2",
            "GET / HTTP/1.1\nCookie: [redacted: cookie]\nX-Api-Key: [redacted: api_key]",
        ),
        (
            "MYSQL_PWD=hunter2 db_pass=hunter2",
            "MYSQL_PWD=[redacted: assignment] db_pass=[redacted: assignment]",
        ),
    ] {
        let redacted = Redaction::default().text(text);
        assert_eq!(redacted.as_deref(), Some(wanted));
        assert_eq!(Redaction::default().text(wanted), None, "{wanted}");
    }
    for harmless in [
        "password: must be at least 8 characters",
        "token: expired",
        "secret: not found",
        "secretName: db\nnextToken: abc\ntokens: 5\ntokenTTL: 5m\npassword:\n  min: 8\n",
        "password: ${DB_PASSWORD}\ntoken: \"\"\nsecret: true\n",
        "ana : TTY=pts/0 ; PWD=/home/ana ; USER=root ; COMMAND=/bin/ls",
        "kind: ConfigMap\ndata:\n  a: b\n",
        "bypass: maybe\nbypass=strict",
    ] {
        assert_eq!(Redaction::default().text(harmless), None, "{harmless}");
    }
}

/// Azure's column says what was allowed where; a header of the same name is a secret.
#[test]
fn an_authorization_that_is_an_object_is_looked_into() {
    let column = r#"{"Authorization":"{\"action\":\"Microsoft.Compute/write\",\"scope\":\"/subscriptions/7\"}"}"#;
    assert_eq!(redacted(column), column);
    let object =
        r#"{"Authorization":{"action":"Microsoft.Compute/write","scope":"/subscriptions/7"}}"#;
    assert_eq!(redacted(object), object);
    assert_eq!(
        redacted(
            r#"{"Authorization":"{\"action\":\"x\",\"token\":\"hunter2\"}","l":{"authorization":"{hunter2"}}"#
        ),
        r#"{"Authorization":"{\"action\":\"x\",\"token\":\"[redacted: token]\"}","l":{"authorization":"[redacted: authorization]"}}"#
    );
}

#[test]
fn objects_of_credentials_keep_what_tells_whose_they_are() {
    for (event, wanted) in [
        (
            r#"{"credentials":{"a":"hunter2","accessKeyId":"ASIAIOSFODNN7EXAMPLE","expiration":"Jan 1, 2026","l":["hunter2"],"username":"ana"}}"#,
            r#"{"credentials":{"a":"[redacted: credential]","accessKeyId":"ASIAIOSFODNN7EXAMPLE","expiration":"Jan 1, 2026","l":["[redacted: credential]"],"username":"ana"}}"#,
        ),
        (
            r#"{"credentials":[{"temporary":false,"type":"password","value":"hunter2"}]}"#,
            r#"{"credentials":[{"temporary":false,"type":"password","value":"[redacted: credential]"}]}"#,
        ),
        (
            r#"{"cookies":[{"name":"sid","value":"hunter2"}],"password":{"value":"hunter2"}}"#,
            r#"{"cookies":[{"name":"sid","value":"[redacted: cookie]"}],"password":{"value":"[redacted: password]"}}"#,
        ),
    ] {
        assert_eq!(redacted(event), wanted);
        assert_eq!(redacted(wanted), wanted);
    }
    for harmless in [
        r#"{"PasswordUpdated":"Success","credentials":{"groups":["dev"],"jti":"7"},"httpTokens":"required"}"#,
        r#"{"secret":{"name":"db"},"summary":{"fail":0,"pass":12}}"#,
        r#"{"env":[{"name":"PWD","value":"/home/ana"}],"passwordFile":"/run/a"}"#,
    ] {
        assert_eq!(redacted(harmless), harmless);
    }
}

/// A bulk call's two lines are not one JSON value, and were looked at as a text.
#[test]
fn bytes_are_read_line_by_line_and_by_names_where_they_are_damaged() {
    let bytes = |raw: &str| {
        let once = REDACTION.bytes(raw.as_bytes().to_vec());
        assert_eq!(REDACTION.bytes(once.clone()), once);
        String::from_utf8(once).expect("a text")
    };
    let secrets = r#"{"a":{"data":{"x":"aHVudGVyMg=="},"kind":"Secret"},"cookie":"hunter2","headers":[{"name":"Authorization","value":"hunter2"}],"password":12345678,"passwords":["hunter2",7]}"#;
    let action = "{ \"create\": {\"_index\":\"i\"} }\r\n";
    let two = bytes(&format!("{action}{secrets}\r\n"));
    assert!(two.starts_with(action) && two.ends_with("}\r\n"), "{two}");
    for (damage, at) in [
        ("\"", 3),
        ("}", secrets.len()),
        (",", 1),
        ("\\", 3),
        ("\"p\":1,\"p\":2,", 1),
    ] {
        let mut damaged = secrets.to_owned();
        damaged.insert_str(at, damage);
        for raw in [
            damaged.clone(),
            format!("{action}{damaged}\n"),
            damaged.replace(',', ",\n  "),
        ] {
            let said = bytes(&raw);
            for secret in ["hunter2", "12345678", "aHVudGVyMg"] {
                assert!(!said.contains(secret), "{raw}\n{said}");
            }
        }
    }
    let cut = bytes(r#"{"a":"b","cookie":"hunter2"#);
    assert_eq!(cut, r#"{"a":"b","cookie":"[redacted: cookie]""#);
    let odd = [
        b"{\"cookie\":\"hunter2\",\"a\":\"".as_slice(),
        b"\xff\",\"token\":\"hunter2\"}",
    ]
    .concat();
    let odd = REDACTION.bytes(odd);
    assert!(memchr::memmem::find(&odd, b"hunter2").is_none() && odd.contains(&0xff));
    let harmless = "{\"a\":1\n{\"nextPageToken\":7,\"secretName\":\"db\"";
    assert_eq!(bytes(harmless), harmless);
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
            " --password",
            " mysql -p'",
            "command=-p&?",
            "password: |\n ",
            "\"password\":[1,",
            "\\\"\":",
            "\"\":\"",
        ];
        for part in parts {
            let text = part.repeat(n);
            let event = Value::from(vec![Value::from(text.clone())]).to_string();
            let _ = redacted(&event);
            let _ = REDACTION.bytes(text.into_bytes());
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
            "--password",
            "-phunter22",
            "mysql -p'a b' --token",
            "/exec?command=mysql&command=-pa%20b&token=x",
            "password: a\ntoken: |\n  a\n  b\nname: pass\nvalue: a b",
            "kind: Secret\ndata:\n  a: b\n",
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
        "credentials",
        "objectRef",
        "requestObject",
        "resource",
        "path",
        "op",
        "args",
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

    #[test]
    fn of_damaged_bytes_doing_it_again_changes_nothing(value in values(), cut in 0_usize..200, other in any::<u8>()) {
        let mut bytes = value.to_string().into_bytes();
        if let Some(byte) = bytes.get_mut(cut) {
            *byte = other;
        }
        let once = REDACTION.bytes(bytes);
        let twice = REDACTION.bytes(once.clone());
        prop_assert!(twice == once, "{}\n{}", String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
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
