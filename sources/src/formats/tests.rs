mod tabular;
mod told;
mod wrapped;

use super::*;
use crate::testing::*;
use entry::address::parse_ip;
use entry::{ActorKind, Draft, Result as Ended};

fn count(drafts: &[Draft], holds: impl Fn(&Draft) -> bool) -> usize {
    drafts.iter().filter(|draft| holds(draft)).count()
}

fn shown(draft: &Draft) -> (&str, ActorKind, Option<&str>) {
    (
        draft.actor.party.shown().unwrap_or(""),
        draft.actor.party.kind,
        draft.target.as_ref().and_then(|target| target.shown()),
    )
}

fn failed(draft: &Draft) -> bool {
    draft.result == Ended::Failure
}

#[test]
fn every_table_of_ours_can_be_read_and_is_named_as_its_file() {
    let formats = Formats::built_in();
    let found: Vec<&str> = formats.names().map(|(name, _)| name).collect();
    let known: Vec<&str> = names().collect();
    assert_eq!(found, known);
    for (name, title) in formats.names() {
        assert!(title.len() > name.len(), "{name} has a title");
    }
}

/// A line of each format, made after real ones.
const SAMPLES: &[(&str, &str)] = &[
    (
        "mar",
        r#"{"action":"createCluster","actor":{"type":"user","name":"ana"},"result":"success"}"#,
    ),
    (
        "kubernetes",
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"}}"#,
    ),
    (
        "cloudtrail",
        r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"ana"},"eventSource":"iam.amazonaws.com","eventName":"CreateUser"}"#,
    ),
    (
        "auth0",
        r#"{"log_id":"9","data":{"date":"2026-01-02T03:04:05.678Z","type":"fp","description":"Wrong password","client_id":"c","client_name":"Console","ip":"203.0.113.5","user_id":"auth0|1","user_name":"ana@example.com","log_id":"9"}}"#,
    ),
    (
        "azure",
        r#"{"time":"2026-01-02T03:04:05.1234567Z","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/PROD/PROVIDERS/MICROSOFT.COMPUTE/DISKS/d","operationName":"MICROSOFT.COMPUTE/DISKS/DELETE","category":"Administrative","resultType":"Failed","callerIpAddress":"203.0.113.7:4711","correlationId":"c","identity":{"claims":{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"ana@example.com"}}}"#,
    ),
    (
        "cadf",
        r#"{"event_type":"identity.user.created","message_id":"m","payload":{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","id":"e","eventTime":"2026-11-23T09:40:48.811531+0000","action":"created.user","outcome":"pending","initiator":{"typeURI":"service/security/account/user","id":"u","username":"admin","request_id":"req-1","host":{"address":"192.0.2.1","agent":"curl"}},"target":{"typeURI":"data/security/account/user","id":"t"}}}"#,
    ),
    (
        "cef",
        r"CEF:0|V|P|1|s|n|5|suser=ana act=delete src=203.0.113.9",
    ),
    (
        "gcp",
        r#"{"insertId":"i","logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-01-02T03:04:05.123456789Z","resource":"...","operation":{"id":"op","first":true},"protoPayload":{"methodName":"v1.compute.disks.delete","serviceName":"compute.googleapis.com","resourceName":"projects/p/disks/d","status":{},"requestMetadata":"...","authenticationInfo":{"principalEmail":"ci@p.iam.gserviceaccount.com","serviceAccountDelegationInfo":[{"firstPartyPrincipal":{"principalEmail":"ana@example.com"}}]}}}"#,
    ),
    (
        "github",
        r#"{"@timestamp":1621305118553.0,"_document_id":"d","action":"org.add_member","actor":"ana","user":"bo","org":"acme","business":"","actor_ip":"::ffff:203.0.113.9"}"#,
    ),
    (
        "google_workspace",
        r#"{"kind":"admin#reports#activity","id":{"time":"2026-01-02T03:04:05.678Z","uniqueQualifier":"-5","applicationName":"admin","customerId":"C1"},"actor":{"email":"ana@example.com","profileId":"7"},"ipAddress":"2001:db8::1","events":[{"type":"USER_SETTINGS","name":"CREATE_USER","parameters":[{"name":"USER_EMAIL","value":"bo@example.com"}]},{"type":"USER_SETTINGS","name":"GRANT_ADMIN","parameters":[{"name":"USER_EMAIL","value":"bo@example.com"},{"name":"OK","boolValue":true}]}]}"#,
    ),
    (
        "leef",
        "<134>Feb 01 05:00:00 h syslog: LEEF:1.0|V|P|1|login|usrName=ana\tsrc=203.0.113.9",
    ),
    (
        "m365",
        r#"{"CreationTime":"2022-05-07T12:55:53","Id":"i","Operation":"Set-Mailbox","Workload":"Exchange","UserId":"NT AUTHORITY\\SYSTEM (Microsoft.Exchange.Servicehost)","ClientIP":"<null>","ResultStatus":"True","ObjectId":"mailbox","UserType":2,"Parameters":[{"Name":"Identity","Value":"x"}]}"#,
    ),
    (
        "ocsf",
        r#"{"class_uid":3001,"activity_id":1,"time":1767323045678.0,"type_name":"Account Change: Create","status_id":2,"status":"Failure","status_detail":"no","actor":{"user":{"name":"ana","email_addr":"ana@example.com"}},"user":{"name":"bo","uid":"u2"},"src_endpoint":{"ip":"203.0.113.3"},"metadata":{"version":"1.1.0","uid":"m"}}"#,
    ),
    (
        "okta",
        r#"{"uuid":"u","published":"2026-01-02T03:04:05.678Z","eventType":"user.session.start","displayMessage":"User login","actor":{"id":"1","type":"User","alternateId":"ana@example.com","displayName":"Ana"},"client":{"ipAddress":"203.0.113.4","zone":"null"},"outcome":{"result":"CHALLENGE"},"target":[{"id":"f","type":"Factor","displayName":"OTP"},{"id":"a","type":"AppInstance","displayName":"Console"}],"transaction":{"id":"t"},"debugContext":{"debugData":{"requestId":"r"}}}"#,
    ),
    (
        "retraced",
        r#"{"id":"e","action":"cluster.create","crud":"c","created":"2026-01-02T03:04:05Z","is_failure":false,"group":{"id":"acme"},"actor":{"id":"1","name":"ana@example.com"},"target":{"id":"c1","name":"pay","type":"cluster"},"source_ip":"203.0.113.2"}"#,
    ),
    (
        "syslog",
        "<38>1 2026-11-23T09:30:04.487377+00:00 vm app 1 login - hello",
    ),
    (
        "teleport",
        r#"{"event":"user.login","code":"t1000w","uid":"u","time":"2026-01-02T03:04:05.678Z","user":"ana","cluster_name":"t","addr.remote":"[2001:db8::2]:4022","error":"no"}"#,
    ),
    (
        "vault",
        r#"{"time":"2026-01-02T03:04:05.123456789Z","type":"response","auth":{"display_name":"oidc-ana","entity_id":"e","metadata":{"email":"ana@example.com"}},"request":{"id":"r","operation":"update","path":"sys/policies/acl/x","mount_type":"system","remote_address":"203.0.113.1","namespace":{"id":"root"}},"error":"1 error occurred:\n\t* permission denied\n\n"}"#,
    ),
    (
        "workos",
        r#"{"action":"user.signed_in","occurred_at":"2026-01-02T03:04:05Z","actor":{"type":"user","id":"1","name":"Ana"},"targets":[{"type":"team","id":"t1","name":"Ops"}],"context":{"location":"203.0.113.6","user_agent":"Chrome"}}"#,
    ),
];

#[test]
fn each_format_is_recognised_as_itself_alone() {
    let formats = Formats::built_in();
    for (name, sample) in SAMPLES {
        if sample.starts_with('{') {
            let array = format!("[{sample},\n{sample}]");
            assert_eq!(
                formats.recognise(array.as_bytes()),
                Recognised::One((*name).into())
            );
        }
        for input in [
            (*sample).to_owned(),
            format!("\n{sample}\n{sample}\n"),
            // Cut off in the middle of an item.
            format!("{sample}\n{}", &sample[..sample.len() / 2]),
        ] {
            assert_eq!(
                formats.recognise(input.as_bytes()),
                Recognised::One((*name).into()),
                "{input}"
            );
        }
    }
    for (name, sample) in SAMPLES.iter().filter(|(_, text)| text.starts_with('{')) {
        let event = json::parse(sample.as_bytes()).expect("JSON");
        assert_eq!(formats.of_event(&event), Some(*name));
    }
    assert_eq!(formats.of_event(&Value::Null), None);
    let known: Vec<&str> = names().collect();
    let sampled: Vec<&str> = SAMPLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, sampled);
}

#[test]
fn nothing_is_guessed() {
    let formats = Formats::built_in();
    let sample = |wanted| {
        let found = SAMPLES.iter().find(|(name, _)| *name == wanted);
        found.expect("a sample").1
    };
    let two = format!("{}\n{}", sample("cloudtrail"), sample("gcp"));
    for input in [
        two.as_str(),
        "",
        "\n",
        "{}",
        "[1,2]",
        "no JSON at all",
        r#"{"action":"x"}"#,
        "\u{0}\u{1}",
    ] {
        assert_eq!(
            formats.recognise(input.as_bytes()),
            Recognised::Unknown,
            "{input}"
        );
    }
    let mut formats = Formats::built_in();
    let table = "name = \"own\"\naction = \"/action\"\nrecognise = \"/crud\"\n";
    formats.add("own.toml", table).expect("a table");
    let retraced = sample("retraced");
    assert_eq!(
        formats.recognise(retraced.as_bytes()),
        Recognised::Several(vec!["retraced".into(), "own".into()])
    );
    formats
        .add("own.toml", &format!("{table}before = [\"retraced\"]\n"))
        .expect("a table");
    assert_eq!(
        formats.recognise(retraced.as_bytes()),
        Recognised::One("own".into())
    );
}

fn sample(name: &str) -> Draft {
    let text = SAMPLES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a sample")
        .1;
    draft(name, text)
}

#[test]
fn an_import_again_is_the_same_entry_and_other_content_under_its_id_is_another() {
    for (name, text) in SAMPLES
        .iter()
        .skip(3)
        .filter(|(_, text)| text.starts_with('{'))
    {
        let first = outcome(name, text.as_bytes()).drafts;
        let again = outcome(name, text.as_bytes()).drafts;
        let ids = |drafts: &[Draft]| -> Vec<_> {
            let of = |d: &Draft| {
                d.source
                    .as_ref()
                    .and_then(|s| s.identity())
                    .map(str::to_owned)
            };
            drafts.iter().map(of).collect()
        };
        assert_eq!(ids(&first), ids(&again), "{name}");
        assert!(ids(&first).iter().all(Option::is_some), "{name}");
        let changed = text.replacen('{', r#"{"zz":"more","#, 1).replacen(
            r#""data":{"#,
            r#""data":{"zz":1,"#,
            1,
        );
        let changed = changed.replacen(r#""payload":{"#, r#""payload":{"zz":1,"#, 1);
        assert_ne!(
            ids(&first),
            ids(&outcome(name, changed.as_bytes()).drafts),
            "{name}"
        );
    }
}

#[test]
fn github_names_the_person_an_action_is_about() {
    let draft = sample("github");
    assert_eq!(shown(&draft), ("ana", ActorKind::User, Some("bo")));
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2021-05-18T02:31:58.553000Z"
    );
    let ip = draft.request.ip.as_deref().expect("an ip");
    assert_eq!(
        (ip, parse_ip(ip).map(|ip| ip.to_string()).as_deref()),
        ("::ffff:203.0.113.9", Some("203.0.113.9"))
    );
    let own = r#"{"action":"hook.create","actor":"dependabot[bot]","user":"dependabot[bot]","org":"acme","data":{"hook_id":7},"external_identity_nameid":""}"#;
    let own = crate::testing::draft("github", own);
    assert_eq!(
        shown(&own),
        ("dependabot[bot]", ActorKind::System, Some("7"))
    );
    assert_eq!((own.actor.party.email, own.timestamp), (None, None));
    let Some(text) = fixture("github/panther_github_audit.ndjson") else {
        return;
    };
    let drafts = outcome("github", &text).drafts;
    assert_eq!((drafts.len(), count(&drafts, failed)), (34, 0));
    assert_eq!(
        count(&drafts, |d| d.actor.party.kind == ActorKind::Anonymous),
        2
    );
    assert_eq!(count(&drafts, |d| d.actor.party.email.is_some()), 1);
    assert_eq!(count(&drafts, |d| d.target.is_some()), 33);
}

#[test]
fn okta_takes_the_application_before_the_factor_and_keeps_the_challenge() {
    let draft = sample("okta");
    assert_eq!(shown(&draft), ("Ana", ActorKind::User, Some("Console")));
    assert_eq!(draft.related.len(), 1);
    assert_eq!(draft.request.id.as_deref(), Some("r"));
    assert_eq!(
        (draft.result, context(&draft, "/result_detail").as_deref()),
        (Ended::Success, Some("CHALLENGE"))
    );
    let none = crate::testing::draft(
        "okta",
        r#"{"eventType":"system.x","displayMessage":"m","target":null,"actor":{"type":"IP address","displayName":"unknown","alternateId":"-"},"outcome":{"result":"SKIPPED"}}"#,
    );
    assert_eq!(shown(&none), ("unknown", ActorKind::Anonymous, None));
    assert_eq!(context(&none, "/result_detail").as_deref(), Some("SKIPPED"));
    assert!(context(&none, "/result_note").is_some());
    let Some(text) = fixture("okta/panther_okta_systemlog.ndjson") else {
        return;
    };
    let outcome = outcome("okta", &text);
    let drafts = &outcome.drafts;
    assert_eq!((drafts.len(), outcome.refused.len()), (40, 0));
    // One names its address in the chain alone.
    assert_eq!(count(drafts, |d| d.request.ip.is_some()), 36);
    assert_eq!(count(drafts, |d| d.target.is_some()), 25);
}

#[test]
fn google_cloud_is_never_indexed_blindly_and_knows_its_service_accounts() {
    let draft = sample("gcp");
    assert_eq!(
        shown(&draft),
        (
            "ci@p.iam.gserviceaccount.com",
            ActorKind::ServiceAccount,
            Some("projects/p/disks/d")
        )
    );
    assert_eq!(draft.actor.party.email, None);
    let caller = draft.actor.on_behalf_of.as_ref().expect("who delegated");
    assert_eq!(caller.email.as_deref(), Some("ana@example.com"));
    assert_eq!(
        (draft.result, draft.request.id.as_deref()),
        (Ended::Success, Some("op"))
    );
    assert_eq!(draft.scope.project.as_deref(), Some("p"));
    let Some(text) = fixture("gcp/panther_gcp_auditlog.ndjson") else {
        return;
    };
    let outcome = outcome("gcp", &text);
    assert_eq!(outcome.drafts.len() + outcome.refused.len(), 100);
    assert!(
        outcome
            .refused
            .iter()
            .all(|why| why.contains("it says no action")),
        "{:?}",
        outcome.refused
    );
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let codes = lines.filter(|line| {
        let value = json::parse(line).expect("JSON");
        let code = value
            .pointer("/protoPayload/status/code")
            .and_then(Value::as_u64);
        code.is_some_and(|code| code > 0)
    });
    assert_eq!(count(&outcome.drafts, failed), codes.count());
    let mail_of_system =
        |d: &Draft| d.actor.party.email.is_some() && d.actor.party.kind != ActorKind::User;
    assert_eq!(count(&outcome.drafts, mail_of_system), 0);
}

#[test]
fn one_record_of_workspace_is_as_many_entries_as_it_holds() {
    let text = SAMPLES
        .iter()
        .find(|(name, _)| *name == "google_workspace")
        .expect("a sample")
        .1;
    let drafts = outcome("google_workspace", text.as_bytes()).drafts;
    let actions: Vec<&str> = drafts.iter().map(|d| &*d.action).collect();
    assert_eq!(actions, ["CREATE_USER", "GRANT_ADMIN"]);
    assert_eq!(drafts[0].request.id, drafts[1].request.id);
    assert_ne!(drafts[0].source, drafts[1].source);
    assert_eq!(
        context(&drafts[1], "/parsed/parameters/OK").as_deref(),
        Some("true")
    );
    assert_eq!(
        shown(&drafts[1]),
        ("ana@example.com", ActorKind::User, Some("bo@example.com"))
    );
    let Some(text) = fixture("google_workspace/panther_gsuite_activity.ndjson") else {
        return;
    };
    let outcome = outcome("google_workspace", &text);
    assert_eq!((outcome.drafts.len(), outcome.refused.len()), (57, 5));
}

#[test]
fn azure_and_its_many_spellings() {
    let draft = sample("azure");
    assert_eq!(shown(&draft).0, "ana@example.com");
    assert_eq!(
        (draft.result, draft.scope.project.as_deref()),
        (Ended::Failure, Some("prod"))
    );
    assert_eq!(
        parse_ip(draft.request.ip.as_deref().expect("an ip"))
            .map(|ip| ip.to_string())
            .as_deref(),
        Some("203.0.113.7")
    );
    // Seven digits of a second are more than a timestamp holds, so the text stays.
    assert!(context(&draft, "/azure/time").is_some());
    let log = r#"{"TimeGenerated":"2026-01-02T03:04:05Z","OperationName":"Update application – Certificates and secrets management ","Category":"ApplicationManagement","CorrelationId":"c","Result":"success","InitiatedBy":"{\"user\":{\"userPrincipalName\":\"ana@example.com\",\"id\":\"u\"}}","TargetResources":"[{\"displayName\":\"Console\",\"type\":\"Application\",\"id\":\"a\"}]"}"#;
    let log = crate::testing::draft("azure", log);
    assert_eq!(
        shown(&log),
        ("ana@example.com", ActorKind::User, Some("Console"))
    );
    assert_eq!(
        &*log.action,
        "Update application – Certificates and secrets management"
    );
    assert_eq!(
        context(&log, "/parsed/TargetResources/0/id").as_deref(),
        Some("a")
    );
    assert!(
        context(&log, "/azure/TargetResources")
            .expect("the text")
            .starts_with("[{")
    );
    let sign_in = r#"{"time":"2026-01-02T03:04:05Z","operationName":"Sign-in activity","category":"SignInLogs","tenantId":"t","resultType":"50126","resultDescription":"Invalid username or password","identity":"Ana","properties":{"userPrincipalName":"ana@example.com","resourceDisplayName":"Console"}}"#;
    let sign_in = crate::testing::draft("azure", sign_in);
    let error = sign_in.error.as_ref().expect("an error");
    assert_eq!(
        (error.code.as_deref(), error.message.as_deref()),
        (Some("50126"), Some("Invalid username or password"))
    );
    let Some(text) = fixture("azure/panther_azure_monitoractivity.ndjson") else {
        return;
    };
    let outcome = outcome("azure", &text);
    let drafts = &outcome.drafts;
    assert_eq!((drafts.len(), outcome.refused.len()), (124, 0));
    let of_aks = |d: &Draft| context(d, "/kubernetes/verb").is_some();
    assert_eq!(count(drafts, of_aks), 15);
    assert_eq!(count(drafts, |d| d.timestamp.is_none() != of_aks(d)), 0);
    let timed = r#"{"time":"2026-01-02T03:04:05Z","category":"kube-audit","properties":{"log":{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get","requestURI":"/","user":{"username":"u"}}}}"#;
    assert!(crate::testing::draft("azure", timed).timestamp.is_some());
}

#[test]
fn microsoft_365_says_utc_by_saying_nothing() {
    let draft = sample("m365");
    assert_eq!(shown(&draft).1, ActorKind::System);
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2022-05-07T12:55:53.000000Z"
    );
    assert_eq!(
        (
            context(&draft, "/timestamp_note"),
            draft.request.ip.as_deref()
        ),
        (None, None)
    );
    assert_eq!(
        context(&draft, "/parsed/Parameters/Identity").as_deref(),
        Some("x")
    );
    let Some(text) = fixture("azure/panther_m365_aad.ndjson") else {
        return;
    };
    let drafts = outcome("m365", &text).drafts;
    assert_eq!((drafts.len(), count(&drafts, failed)), (4, 1));
    let login = drafts.iter().find(|d| failed(d)).expect("one failed");
    assert_eq!(
        (
            &*login.action,
            login.error.as_ref().and_then(|e| e.code.as_deref())
        ),
        ("UserLoginFailed", Some("InvalidUserNameOrPassword"))
    );
}

#[test]
fn auth0_codes_with_an_f_failed_but_for_forms_and_flows() {
    assert!(failed(&sample("auth0")));
    assert_eq!(shown(&sample("auth0")).2, Some("Console"));
    let ended = |code: &str| {
        crate::testing::draft(
            "auth0",
            &format!(r#"{{"log_id":"1","type":"{code}","date":"2026-01-02T03:04:05Z"}}"#),
        )
        .result
    };
    for (code, result) in [
        ("s", Ended::Success),
        ("sapi", Ended::Success),
        ("feoobft", Ended::Failure),
        ("fapi", Ended::Failure),
        ("flows_execution_completed", Ended::Success),
        ("flows_execution_failed", Ended::Failure),
        ("forms_submission_succeeded", Ended::Success),
        ("signup_pwd_leak", Ended::Failure),
    ] {
        assert_eq!(ended(code), result, "{code}");
    }
    let Some(text) = fixture("auth0/panther_auth0_events.ndjson") else {
        return;
    };
    let outcome = outcome("auth0", &text);
    assert_eq!((outcome.drafts.len(), outcome.refused.len()), (17, 0));
    assert_eq!(
        count(&outcome.drafts, |d| d.actor.party.email.is_some()),
        17
    );
}

#[test]
fn vault_s_request_and_response_are_one_entry() {
    let draft = sample("vault");
    assert_eq!(&*draft.action, "update sys/policies/acl/x");
    assert_eq!(draft.actor.party.email.as_deref(), Some("ana@example.com"));
    assert_eq!(
        draft.error.as_ref().and_then(|e| e.message.as_deref()),
        Some("1 error occurred:\n\t* permission denied")
    );
    let line = |kind: &str, error: &str| {
        format!(
            r#"{{"time":"2026-01-02T03:04:05Z","type":"{kind}","auth":{{"token_type":"default"}},"request":{{"id":"r","operation":"read","path":"hmac-sha256:ab","remote_address":"203.0.113.1:6000"}}{error}}}"#
        )
    };
    let both = format!(
        "{}\n{}\n",
        line("request", r#","error":"no""#),
        line("response", "")
    );
    let both = outcome("vault", both.as_bytes());
    assert_eq!((both.drafts.len(), both.skipped.len()), (1, 1));
    assert!(failed(&both.drafts[0]));
    assert_eq!(
        shown(&both.drafts[0]),
        ("unknown", ActorKind::Anonymous, None)
    );
    // The other way round, and alone.
    let turned = format!("{}\n{}\n", line("response", ""), line("request", ""));
    assert_eq!(outcome("vault", turned.as_bytes()).drafts.len(), 1);
    let alone = outcome("vault", line("request", "").as_bytes());
    assert_eq!((alone.drafts.len(), alone.skipped.len()), (1, 0));
    let Some(text) = fixture("vault/trenner1_test.log") else {
        return;
    };
    let outcome = outcome("vault", &text);
    assert_eq!((outcome.drafts.len(), outcome.skipped.len()), (12, 12));
}

#[test]
fn teleport_warns_in_any_letters() {
    let draft = sample("teleport");
    assert_eq!(
        (
            draft.result,
            draft.error.as_ref().and_then(|e| e.code.as_deref())
        ),
        (Ended::Failure, Some("t1000w"))
    );
    assert_eq!(
        parse_ip(draft.request.ip.as_deref().expect("an ip"))
            .map(|ip| ip.to_string())
            .as_deref(),
        Some("2001:db8::2")
    );
    let Some(text) = fixture("teleport/crowdsec_teleport-logs.log") else {
        return;
    };
    let drafts = outcome("teleport", &text).drafts;
    assert_eq!(drafts[0].request.ip.as_deref(), Some("172.19.0.2:34204"));
    assert!(failed(&drafts[0]));
}

#[test]
fn cadf_in_its_envelope_and_without() {
    let draft = sample("cadf");
    assert_eq!(shown(&draft), ("admin", ActorKind::User, Some("t")));
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2026-11-23T09:40:48.811531Z"
    );
    assert_eq!(
        context(&draft, "/result_detail").as_deref(),
        Some("pending")
    );
    assert_eq!(context(&draft, "/around/message_id").as_deref(), Some("m"));
    let oslo = r#"{"oslo.message":"{\"payload\":{\"typeURI\":\"http://schemas.dmtf.org/cloud/audit/1.0/event\",\"action\":\"authenticate\",\"outcome\":\"failure\",\"id\":\"e\"},\"message_id\":\"m\"}","oslo.version":"2.0"}"#;
    let oslo = crate::testing::draft("cadf", oslo);
    assert_eq!(
        (oslo.result, shown(&oslo).1),
        (Ended::Failure, ActorKind::System)
    );
    let Some(text) = fixture("cadf/keystone_docs_cadf.ndjson") else {
        return;
    };
    let outcome = outcome("cadf", &text);
    assert_eq!(
        (outcome.drafts.len(), outcome.refused.len()),
        (6, 2),
        "{:?}",
        outcome.refused
    );
}

#[test]
fn ocsf_retraced_and_workos_by_their_own_words() {
    let ocsf = sample("ocsf");
    assert_eq!(
        (&*ocsf.action, shown(&ocsf)),
        ("Create", ("ana", ActorKind::User, Some("bo")))
    );
    assert_eq!(
        (
            ocsf.result,
            ocsf.timestamp.expect("a time").to_string().as_str()
        ),
        (Ended::Failure, "2026-01-02T03:04:05.678000Z")
    );
    let retraced = sample("retraced");
    assert_eq!(
        (shown(&retraced), retraced.result),
        (
            ("ana@example.com", ActorKind::User, Some("pay")),
            Ended::Success
        )
    );
    let workos = sample("workos");
    assert_eq!(shown(&workos), ("Ana", ActorKind::User, Some("Ops")));
    assert!(context(&workos, "/result_note").is_some());
}

#[test]
fn what_is_no_audit_event_of_kubernetes_is_recognised_as_nothing() {
    let Some(text) = fixture("kubernetes/negative_k8s_events_not_audit.ndjson") else {
        return;
    };
    assert_eq!(Formats::built_in().recognise(&text), Recognised::Unknown);
}

#[test]
fn every_recorded_file_is_recognised_and_no_foreign_one_is() {
    let Some(root) = fixtures() else { return };
    for (file, format) in [
        ("github/panther_github_audit.ndjson", "github"),
        ("okta/panther_okta_systemlog.ndjson", "okta"),
        ("gcp/panther_gcp_auditlog.ndjson", "gcp"),
        ("gcp/plaso_gcp_logging.jsonl", "gcp"),
        (
            "google_workspace/panther_gsuite_activity.ndjson",
            "google_workspace",
        ),
        ("azure/panther_azure_audit.ndjson", "azure"),
        ("azure/panther_azure_monitoractivity.ndjson", "azure"),
        ("azure/plaso_azure_activity_log.jsonl", "azure"),
        ("azure/panther_m365_aad.ndjson", "m365"),
        ("azure/panther_m365_sharepoint.ndjson", "m365"),
        ("auth0/panther_auth0_events.ndjson", "auth0"),
        ("vault/trenner1_test.log", "vault"),
        ("teleport/panther_teleport_audit.ndjson", "teleport"),
        (
            "kubernetes/kube-apiserver/audit_shared.ndjson",
            "kubernetes",
        ),
        (
            "kubernetes/kube-apiserver/webhook_batch/00003.json",
            "kubernetes",
        ),
        (
            "cloudtrail/stratus/aws.discovery.ec2-download-user-data.json",
            "cloudtrail",
        ),
        ("cloudtrail/plaso_aws_cloudtrail.jsonl", "cloudtrail"),
    ] {
        let text = std::fs::read(root.join(file)).expect("readable");
        let sample = &text[..text.len().min(SAMPLE_BYTES_MAX)];
        assert_eq!(
            Formats::built_in().recognise(sample),
            Recognised::One(format.into()),
            "{file}"
        );
    }
    for file in std::fs::read_dir(root.join("other-saas")).expect("a directory") {
        let path = file.expect("a file").path();
        let text = std::fs::read(&path).expect("readable");
        assert_eq!(
            Formats::built_in().recognise(&text),
            Recognised::Unknown,
            "{}",
            path.display()
        );
    }
}
