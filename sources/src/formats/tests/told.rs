//! How it ended, who did it and what it was done to: what some formats say in a way of their own.

use super::*;

fn targets(draft: &Draft) -> Vec<String> {
    let all = draft.target.iter().chain(&draft.related);
    all.map(|t| {
        format!(
            "{} {}",
            t.kind.as_deref().unwrap_or("-"),
            t.shown().unwrap_or("-")
        )
    })
    .collect()
}

#[test]
fn teleport_s_errors_and_what_a_cluster_refused_are_failures() {
    for (members, result) in [
        (r#""event":"exec","code":"T3002E""#, Ended::Failure),
        (r#""event":"subsystem","code":"T3001E""#, Ended::Failure),
        (r#""event":"port","code":"t3003e""#, Ended::Failure),
        (r#""event":"scp","code":"T3004E""#, Ended::Failure),
        (r#""event":"sftp","code":"TS001E""#, Ended::Failure),
        (r#""event":"sftp","code":"TS001I""#, Ended::Success),
        (r#""event":"port","code":"T3003S""#, Ended::Success),
        (
            r#""event":"kube.request","code":"T3009I","response_code":403"#,
            Ended::Failure,
        ),
        (
            r#""event":"kube.request","code":"T3009I","response_code":200"#,
            Ended::Success,
        ),
    ] {
        let event =
            format!(r#"{{{members},"uid":"u","time":"2026-01-02T03:04:05Z","user":"ana"}}"#);
        assert_eq!(draft("teleport", &event).result, result, "{event}");
    }
}

#[test]
fn teleport_s_agents_are_not_what_was_asked_for() {
    for (members, expected) in [
        (
            r#""event":"db.session.start","code":"TDB00I","user":"ana","server_id":"s","server_hostname":"agent","db_service":"pg-prod","db_name":"orders""#,
            &["database orders", "database pg-prod", "server agent"][..],
        ),
        (
            r#""event":"kube.request","code":"T3009I","user":"ana","server_id":"s","server_hostname":"agent","kubernetes_cluster":"prod","resource_kind":"secrets","resource_name":"key""#,
            &["cluster prod", "secrets key", "server agent"],
        ),
        (
            r#""event":"exec","code":"T3002I","user":"ana","server_id":"s","kubernetes_cluster":"prod","kubernetes_pod_name":"web""#,
            &["instance web", "cluster prod", "server s"],
        ),
        (
            r#""event":"app.session.start","code":"T2007I","user":"ana","server_id":"s","app_name":"wiki""#,
            &["app wiki", "server s"],
        ),
        (
            r#""event":"session.start","code":"T2000I","user":"ana","server_id":"s","server_hostname":"web-1","login":"root""#,
            &["server web-1", "login root"],
        ),
        (
            r#""event":"cert.create","code":"TC000I","cert_type":"user","identity":{"user":"ana","roles":["access"]}"#,
            &["user ana"],
        ),
    ] {
        let event = format!(r#"{{{members},"uid":"u","cluster_name":"t"}}"#);
        let draft = draft("teleport", &event);
        assert_eq!(targets(&draft), expected, "{event}");
        assert_eq!(
            (shown(&draft).0, shown(&draft).1),
            ("ana", ActorKind::User),
            "{event}"
        );
    }
}

#[test]
fn auth0_s_codes_that_end_in_a_failure_are_failures() {
    for (code, result) in [
        ("oidc_backchannel_logout_failed", Ended::Failure),
        ("actions_execution_failed", Ended::Failure),
        ("universal_logout_failed", Ended::Failure),
        ("passkey_challenge_failed", Ended::Failure),
        ("kms_key_management_failure", Ended::Failure),
        ("forms_submission_failed", Ended::Failure),
        ("federated_logout_failed", Ended::Failure),
        ("gd_auth_rejected", Ended::Failure),
        ("oidc_backchannel_logout_succeeded", Ended::Success),
        ("federated_logout_succeeded", Ended::Success),
        ("kms_key_management_success", Ended::Success),
        ("fcoa", Ended::Failure),
        ("f", Ended::Failure),
    ] {
        let event = format!(r#"{{"log_id":"1","type":"{code}","date":"2026-01-02T03:04:05Z"}}"#);
        assert_eq!(draft("auth0", &event).result, result, "{code}");
    }
}

#[test]
fn who_calls_auth0_s_own_api_is_a_person_or_a_program() {
    let called = |user: &str| {
        let event = format!(
            r#"{{"log_id":"1","type":"sapi","date":"2026-01-02T03:04:05Z","client_id":"c","client_name":"Dashboard","details":{{"request":{{"method":"post","path":"/api/v2/users","auth":{{"user":{user},"strategy":"jwt"}}}}}}}}"#
        );
        draft("auth0", &event)
    };
    let person = called(r#"{"user_id":"g|1","name":"Ana","email":"ana@example.com"}"#);
    assert_eq!(
        (shown(&person).0, shown(&person).1),
        ("Ana", ActorKind::User)
    );
    assert_eq!(person.actor.party.id.as_deref(), Some("g|1"));
    let program = called("{}");
    assert_eq!(
        (shown(&program).0, shown(&program).1),
        ("Dashboard", ActorKind::ServiceAccount)
    );
}

#[test]
fn a_new_user_s_id_is_no_project_and_a_new_project_s_is() {
    for (action, kind, project) in [
        ("created.user", "data/security/account/user", None),
        ("created.project", "data/security/project", Some("x1")),
    ] {
        let event = format!(
            r#"{{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","id":"e","eventTime":"2026-01-02T03:04:05Z","action":"{action}","outcome":"success","resource_info":"x1","initiator":{{"id":"u"}},"target":{{"id":"x1","typeURI":"{kind}"}}}}"#
        );
        let draft = draft("cadf", &event);
        assert_eq!(draft.scope.project.as_deref(), project, "{action}");
        assert_eq!(
            context(&draft, "/cadf/resource_info").as_deref(),
            Some("x1")
        );
    }
}

#[test]
fn the_person_who_joins_a_team_or_a_group_is_found_and_so_is_what_was_joined() {
    let team =
        r#"{"action":"team.add_member","actor":"ana","user":"bo","org":"acme","team":"acme/ops"}"#;
    assert_eq!(
        targets(&draft("github", team)),
        ["team acme/ops", "user bo"]
    );
    let own = team.replace("\"bo\"", "\"ana\"");
    assert_eq!(targets(&draft("github", &own)), ["team acme/ops"]);
    let event = |name: &str, more: &str| {
        let event = format!(
            r#"{{"id":{{"time":"2026-01-02T03:04:05Z","applicationName":"admin","uniqueQualifier":"1"}},"actor":{{"email":"ana@example.com"}},"events":[{{"name":"{name}","parameters":[{{"name":"USER_EMAIL","value":"bo@example.com"}},{more}]}}]}}"#
        );
        targets(&draft("google_workspace", &event))
    };
    let group = r#"{"name":"GROUP_EMAIL","value":"ops@example.com"}"#;
    assert_eq!(
        event("ADD_GROUP_MEMBER", group),
        ["user bo@example.com", "group ops@example.com"]
    );
    let role = r#"{"name":"ROLE_NAME","value":"_SEED_ADMIN_ROLE"},{"name":"ROLE_ID","value":"7"}"#;
    assert_eq!(
        event("ASSIGN_ROLE", role),
        ["user bo@example.com", "role _SEED_ADMIN_ROLE"]
    );
}

#[test]
fn sign_ins_to_entra_say_who_and_into_what_in_each_of_their_shapes() {
    let columns = r#"{"TenantId":"w","TimeGenerated":"2026-01-02T03:04:05Z","OperationName":"Sign-in activity","Category":"SignInLogs","ResultType":"50126","ResultDescription":"Invalid password","CorrelationId":"c","Identity":"Ana Ruiz","UserPrincipalName":"ana@example.com","UserId":"u1","UserDisplayName":"Ana Ruiz","ServicePrincipalId":"","AppDisplayName":"Azure Portal","AppId":"p1","ResourceDisplayName":"Graph","ResourceIdentity":"r1","IPAddress":"203.0.113.9","Status":"{\"errorCode\":50126,\"failureReason\":\"Invalid password\"}","Type":"SigninLogs"}"#;
    let graph = r#"{"@odata.context":"x","value":[{"id":"s","createdDateTime":"2026-01-02T03:04:05Z","userDisplayName":"Ana Ruiz","userPrincipalName":"ana@example.com","userId":"u1","appId":"p1","appDisplayName":"Azure Portal","ipAddress":"203.0.113.9","correlationId":"c","resourceDisplayName":"Graph","resourceId":"r1","status":{"errorCode":50126,"failureReason":"Invalid password","additionalDetails":null}}]}"#;
    for text in [columns, graph] {
        assert_eq!(
            Formats::built_in().recognise(text.as_bytes()),
            Recognised::One("azure".into())
        );
        let draft = draft("azure", text);
        let party = &draft.actor.party;
        assert_eq!(
            (party.id.as_deref(), party.email.as_deref(), party.kind),
            (Some("u1"), Some("ana@example.com"), ActorKind::User),
            "{text}"
        );
        assert_eq!(&*draft.action, "Sign-in activity");
        assert_eq!(
            targets(&draft),
            ["application Graph", "application Azure Portal"],
            "{text}"
        );
        assert_eq!(
            draft.target.as_ref().and_then(|t| t.id.as_deref()),
            Some("r1"),
            "{text}"
        );
        assert_eq!(draft.category, Some(entry::Category::AccessControl));
        assert_eq!(draft.request.ip.as_deref(), Some("203.0.113.9"));
        let error = draft.error.as_ref().expect("an error");
        assert_eq!(
            (error.code.as_deref(), error.message.as_deref()),
            (Some("50126"), Some("Invalid password"))
        );
        assert!(draft.timestamp.is_some());
    }
    let success = graph.replacen("50126", "0", 1);
    assert_eq!(draft("azure", &success).result, Ended::Success);
    assert_eq!(draft("azure", &success).error, None);
}

#[test]
fn log_analytics_names_its_columns_in_its_own_way() {
    let activity = r#"{"TimeGenerated":"2026-01-02T03:04:05Z","OperationName":"Delete Virtual Machine","OperationNameValue":"MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE","CategoryValue":"Administrative","ActivityStatusValue":"Success","Caller":"ana@example.com","CallerIpAddress":"203.0.113.9","CorrelationId":"c","SubscriptionId":"s","ResourceGroup":"PROD","_ResourceId":"/subscriptions/s/resourcegroups/prod/providers/microsoft.compute/virtualmachines/web","Claims":"{\"http://schemas.microsoft.com/identity/claims/objectidentifier\":\"u1\"}","Type":"AzureActivity"}"#;
    assert_eq!(
        Formats::built_in().recognise(activity.as_bytes()),
        Recognised::One("azure".into())
    );
    let draft = crate::testing::draft("azure", activity);
    assert_eq!(
        (&*draft.action, draft.category),
        (
            "MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE",
            Some(entry::Category::Instance)
        )
    );
    assert_eq!(
        targets(&draft),
        [
            "microsoft.compute /subscriptions/s/resourcegroups/prod/providers/microsoft.compute/virtualmachines/web"
        ]
    );
    assert_eq!(
        (
            draft.actor.party.email.as_deref(),
            draft.actor.party.id.as_deref()
        ),
        (Some("ana@example.com"), Some("u1"))
    );
    assert_eq!(
        (draft.scope.project.as_deref(), draft.result),
        (Some("PROD"), Ended::Success)
    );
    assert!(context(&draft, "/result_note").is_none());
    let office = r#"{"TimeGenerated":"2022-05-07T12:55:53Z","OfficeWorkload":"SharePoint","RecordType":"SharePointFileOperation","Operation":"FileDeleted","OrganizationId":"o","UserType":"Regular","UserKey":"k","UserId":"ana@example.com","ClientIP":"203.0.113.9","OfficeObjectId":"https://x.example/a.txt","OfficeId":"i","ResultStatus":"Succeeded","Type":"OfficeActivity"}"#;
    assert_eq!(
        Formats::built_in().recognise(office.as_bytes()),
        Recognised::One("m365".into())
    );
    let draft = crate::testing::draft("m365", office);
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2022-05-07T12:55:53.000000Z"
    );
    assert_eq!(targets(&draft), ["SharePoint https://x.example/a.txt"]);
    assert_eq!(draft.request.id.as_deref(), Some("i"));
}
