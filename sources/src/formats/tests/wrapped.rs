//! What clouds and shippers put around events, as they pass them on: the entry is the same, whatever it came in.

use super::*;

const AUDIT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/x/pods/web","verb":"delete","user":{"username":"ana@example.com"},"objectRef":{"resource":"pods","namespace":"x","name":"web","apiVersion":"v1"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.000001Z"}"#;

const TRAIL: &str = r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"ana"},"eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","eventID":"e","requestParameters":{"userName":"bo"}}"#;

const OKTA: &str = r#"{"uuid":"u","published":"2026-01-02T03:04:05.678Z","eventType":"user.lifecycle.create","displayMessage":"Create user","actor":{"id":"1","type":"User","alternateId":"ana@example.com","displayName":"Ana"},"outcome":{"result":"SUCCESS"}}"#;

/// JSON as a text of JSON.
fn quoted(text: &str) -> String {
    Value::String(text.into()).to_string()
}

fn recognised(text: &str) -> Recognised {
    Formats::built_in().recognise(text.as_bytes())
}

/// Recognised as that format alone, and the same entries by its name as the event itself.
fn is_the_same(format: &str, plain: &str, wrapped: &str) {
    let expected = outcome(format, plain.as_bytes()).drafts;
    let found = outcome(format, wrapped.as_bytes());
    assert_eq!(found.refused, Vec::<String>::new(), "{wrapped}");
    assert_eq!(found.drafts.len(), 1, "{wrapped}");
    assert_eq!(found.drafts, expected, "{wrapped}");
    assert_eq!(
        recognised(wrapped),
        Recognised::One(format.into()),
        "{wrapped}"
    );
}

/// What CloudWatch writes of a log group: a subscription's record, and the answer of filter-log-events.
fn in_cloudwatch(message: &str) -> [String; 2] {
    let message = quoted(message);
    [
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{{"id":"3","timestamp":1767323045000,"message":{message}}}]}}"#
        ),
        format!(
            r#"{{"events":[{{"logStreamName":"s","timestamp":1767323045000,"message":{message},"ingestionTime":1767323046000,"eventId":"3"}}],"searchedLogStreams":[]}}"#
        ),
    ]
}

fn in_eventbridge(kind: &str, source: &str, detail: &str) -> String {
    format!(
        r#"{{"version":"0","id":"b","detail-type":"{kind}","source":"{source}","account":"1","time":"2026-01-02T03:04:06Z","region":"eu-west-1","resources":[],"detail":{detail}}}"#
    )
}

#[test]
fn a_cluster_s_log_comes_through_cloudwatch_and_azure() {
    for wrapped in in_cloudwatch(AUDIT) {
        is_the_same("kubernetes", AUDIT, &wrapped);
    }
    let record = |log: &str| {
        format!(
            r#"{{"time":"2026-01-02T03:04:06Z","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/C","category":"kube-audit","operationName":"Microsoft.ContainerService/managedClusters/diagnosticLogs/Read","properties":{{"log":{log},"stream":"stdout","pod":"kube-apiserver-0"}}}}"#
        )
    };
    let column = format!(
        r#"{{"TenantId":"w","TimeGenerated":"2026-01-02T03:04:06Z","ResourceId":"/SUBSCRIPTIONS/S","Category":"kube-audit","OperationName":"Microsoft.ContainerService/managedClusters/diagnosticLogs/Read","log_s":{},"stream_s":"stdout"}}"#,
        quoted(AUDIT)
    );
    for event in [record(&quoted(AUDIT)), record(AUDIT), column.clone()] {
        is_the_same("kubernetes", AUDIT, &event);
        is_the_same("kubernetes", AUDIT, &format!(r#"{{"records":[{event}]}}"#));
        let by_azure = outcome("azure", format!(r#"{{"records":[{event}]}}"#).as_bytes());
        assert_eq!(&*by_azure.drafts[0].action, "deleteInstance", "{event}");
        assert_eq!(context(&by_azure.drafts[0], "/noise"), None, "{event}");
    }
    // The control plane's other logs are no audit events: a file of both is Azure's, and none of them reads as a read.
    let other = record(r#""I0102 03:04:05.6 1 controller.go:1] hello""#);
    let mixed = format!("{}\n{other}\n", record(AUDIT));
    assert_eq!(recognised(&mixed), Recognised::One("azure".into()));
    let mixed = outcome("azure", mixed.as_bytes()).drafts;
    assert_eq!((&*mixed[0].action, mixed.len()), ("deleteInstance", 2));
    assert_eq!(context(&mixed[1], "/noise"), None);
    assert_eq!(mixed[1].category, Some(entry::Category::Cluster));
    // Without a time of its own it has that of what is around it.
    let timeless = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","verb":"get","requestURI":"/","user":{"username":"u"}}"#;
    for wrapped in in_cloudwatch(timeless) {
        let time = draft("kubernetes", &wrapped).timestamp.expect("a time");
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.000000Z");
    }
}

#[test]
fn a_trail_comes_through_eventbridge_and_cloudwatch() {
    let bridged = in_eventbridge("AWS API Call via CloudTrail", "aws.iam", TRAIL);
    is_the_same("cloudtrail", TRAIL, &bridged);
    for message in [TRAIL, bridged.as_str()] {
        for wrapped in in_cloudwatch(message) {
            is_the_same("cloudtrail", TRAIL, &wrapped);
        }
    }
    let other = in_eventbridge(
        "EC2 Instance State-change Notification",
        "aws.ec2",
        r#"{"state":"stopped"}"#,
    );
    assert_eq!(recognised(&other), Recognised::Unknown);
    let other = outcome("cloudtrail", other.as_bytes());
    assert_eq!((other.drafts.len(), other.refused.len()), (0, 1));
}

#[test]
fn okta_calls_a_hook_with_several_events_and_sends_to_eventbridge() {
    let hook = |events: &str| {
        format!(
            r#"{{"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1","source":"https://o.example/api/v1/eventHooks/h","eventId":"h","data":{{"events":[{events}]}},"eventTime":"2026-01-02T03:04:06Z","contentType":"application/json"}}"#
        )
    };
    is_the_same("okta", OKTA, &hook(OKTA));
    let two = format!("{OKTA},{}", OKTA.replace("\"u\"", "\"v\""));
    let two = outcome("okta", hook(&two).as_bytes());
    assert_eq!((two.drafts.len(), two.refused.len()), (2, 0));
    assert_ne!(two.drafts[0].source, two.drafts[1].source);
    // A broken one costs itself, and a list of none is none.
    let broken = outcome("okta", hook(&format!("{OKTA},7,{{\"x\":1}}")).as_bytes());
    assert_eq!(
        (broken.drafts.len(), broken.refused.len()),
        (1, 2),
        "{broken:?}"
    );
    assert_eq!(
        outcome("okta", hook("").as_bytes()).skipped,
        ["a list of no events"]
    );
    let bridged = in_eventbridge("SystemLog", "aws.partner/okta.com/o/s", OKTA);
    let within = draft("okta", &bridged);
    assert_eq!(within.source, draft("okta", OKTA).source);
    assert_eq!(
        context(&within, "/around/detail-type").as_deref(),
        Some("SystemLog")
    );
    assert_eq!(recognised(&bridged), Recognised::One("okta".into()));
    // What comes over protocols is opened, too.
    let event = json::parse(bridged.as_bytes()).expect("JSON");
    assert_eq!(Formats::built_in().of_event(&event), Some("okta"));
}

#[test]
fn auth0_says_the_id_beside_the_event_or_not_at_all() {
    let inner = r#"{"date":"2026-01-02T03:04:05.678Z","type":"s","client_id":"c","client_name":"Console","user_id":"auth0|1","user_name":"ana@example.com"}"#;
    let with_id = inner.replacen('{', r#"{"log_id":"9","#, 1);
    let beside = format!(r#"{{"log_id":"9","data":{inner}}}"#);
    let bridged = in_eventbridge("Auth0 log", "aws.partner/auth0.com/t/auth0.logs", &beside);
    let expected = draft("auth0", &with_id);
    for wrapped in [
        beside.clone(),
        bridged,
        format!(r#"{{"log_id":"9","data":{with_id}}}"#),
    ] {
        let found = draft("auth0", &wrapped);
        assert_eq!(
            (&found.source, &found.request),
            (&expected.source, &expected.request),
            "{wrapped}"
        );
        assert_eq!(
            recognised(&wrapped),
            Recognised::One("auth0".into()),
            "{wrapped}"
        );
    }
    for wrapped in in_cloudwatch(&beside) {
        assert_eq!(draft("auth0", &wrapped).source, expected.source);
    }
    let nameless = format!(r#"{{"data":{inner}}}"#);
    assert_eq!(recognised(&nameless), Recognised::One("auth0".into()));
    assert!(draft("auth0", &nameless).timestamp.is_some());
}

#[test]
fn retraced_answers_a_search_with_edges_and_their_nodes() {
    let node = r#"{"id":"e","action":"cluster.create","crud":"c","created":"2026-01-02T03:04:05Z","is_failure":true,"description":"no","group":{"id":"acme","name":"Acme"},"actor":{"id":"1","name":"Ana","fields":[{"key":"email","value":"ana@example.com"}]},"target":{"id":"c1","name":"pay","type":"cluster"},"source_ip":"203.0.113.2","fields":[{"key":"request_id","value":"r-1"},{"key":"tier","value":"gold"}]}"#;
    let answer = format!(
        r#"{{"data":{{"search":{{"totalCount":1,"pageInfo":{{"hasPreviousPage":false}},"edges":[{{"cursor":"c","node":{node}}}]}}}}}}"#
    );
    assert_eq!(recognised(&answer), Recognised::One("retraced".into()));
    let found = draft("retraced", &answer);
    assert_eq!(shown(&found), ("Ana", ActorKind::User, Some("pay")));
    assert_eq!(found.actor.party.email.as_deref(), Some("ana@example.com"));
    assert_eq!(
        (found.request.id.as_deref(), found.result),
        (Some("r-1"), Ended::Failure)
    );
    assert_eq!(
        context(&found, "/parsed/fields/tier").as_deref(),
        Some("gold")
    );
    let pretty = answer.replace(',', ",\n ");
    assert_eq!(outcome("retraced", pretty.as_bytes()).drafts.len(), 1);
}

/// A record of a cluster's own log, as Cloud Logging has it.
fn of_gke(method: &str, place: &str, who: &str) -> Draft {
    let record = format!(
        r#"{{"insertId":"i","logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","timestamp":"2026-01-02T03:04:05Z","resource":{{"type":"k8s_cluster","labels":{{"project_id":"p","cluster_name":"c"}}}},"protoPayload":{{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"k8s.io","methodName":"{method}","resourceName":"{place}","authenticationInfo":{{"principalEmail":"{who}"}},"requestMetadata":{{"callerIp":"203.0.113.9"}},"status":{{}}}}}}"#
    );
    draft("gcp", &record)
}

/// A pod that somebody deletes is looked for by one name, whichever cloud the cluster is in.
#[test]
fn gke_s_requests_are_called_as_any_cluster_s() {
    for (method, place, expected) in [
        (
            "io.k8s.core.v1.pods.delete",
            "core/v1/namespaces/x/pods/web",
            "deleteInstance instance web",
        ),
        (
            "io.k8s.core.v1.pods.exec.get",
            "core/v1/namespaces/x/pods/web/exec",
            "execInstance instance web",
        ),
        (
            "io.k8s.core.v1.namespaces.create",
            "core/v1/namespaces/blue",
            "createCluster cluster blue",
        ),
        (
            "io.k8s.apps.v1.deployments.scale.patch",
            "apps/v1/namespaces/x/deployments/web/scale",
            "scaleDeployment instance web",
        ),
        (
            "io.k8s.authorization.rbac.v1.clusterrolebindings.create",
            "rbac.authorization.k8s.io/v1/clusterrolebindings/b",
            "createRoleBinding role b",
        ),
        (
            "io.cert-manager.v1.certificates.update",
            "cert-manager.io/v1/namespaces/x/certificates/t",
            "updateCertificate cert-manager.io/certificates t",
        ),
        (
            "io.k8s.core.v1.pods.list",
            "core/v1/namespaces/x/pods",
            "listInstances instance pods",
        ),
        // No resource: the address of the API server is what it is about.
        ("io.k8s.get", "healthz", "io.k8s.get k8s_cluster healthz"),
    ] {
        let draft = of_gke(method, place, "ana@example.com");
        let found = draft.target.as_ref().expect("a target");
        let kind = found.kind.as_deref().expect("a type");
        let named = format!("{} {kind} {}", draft.action, found.shown().unwrap_or("-"));
        assert_eq!(named, expected, "{method}");
        assert_eq!(draft.scope.project.as_deref(), Some("p"));
        assert_eq!(draft.actor.party.email.as_deref(), Some("ana@example.com"));
        let read = method.ends_with(".list") || method == "io.k8s.get";
        assert_eq!(context(&draft, "/noise").is_some(), read, "{method}");
        let kept = context(&draft, "/gcp/protoPayload/methodName");
        assert!(kept.as_deref() == Some(method) || *draft.action == *method);
    }
    for (who, kind) in [
        ("system:serviceaccount:x:ci", ActorKind::ServiceAccount),
        ("system:anonymous", ActorKind::Anonymous),
        ("system:kube-scheduler", ActorKind::System),
    ] {
        let party = of_gke(
            "io.k8s.core.v1.pods.delete",
            "core/v1/namespaces/x/pods/web",
            who,
        )
        .actor
        .party;
        assert_eq!((party.kind, party.email), (kind, None));
    }
}
