//! Identities, targets and results by their tables.

use super::*;
use entry::Timestamp;

fn claims() -> Claims {
    let now = Timestamp::parse("2026-11-23T00:00:00Z").expect("an instant");
    Claims {
        source: "cloudtrail".into(),
        organization: Choice::Unsaid,
        now,
        redaction: None,
    }
}

/// The draft of an event with these members.
fn mapped(members: &str) -> Draft {
    let usual = [("eventName", "E"), ("eventSource", "ec2.amazonaws.com")];
    let unsaid = usual
        .iter()
        .filter(|(name, _)| !members.contains(&format!("\"{name}\"")));
    let unsaid: String = unsaid
        .map(|(name, value)| format!(r#""{name}":"{value}","#))
        .collect();
    let event = format!(r#"{{{unsaid}"eventTime":"2026-11-01T00:00:00Z",{members}}}"#);
    let draft = map(&claims(), event.as_bytes()).expect(members);
    draft.check().expect("the log takes it");
    draft
}

#[test]
fn the_actor_is_told_by_the_type_of_identity() {
    use ActorKind::{Anonymous, ServiceAccount, System, User};
    let issuer = r#""sessionContext":{"sessionIssuer":{"userName":"Admin","arn":"arn:aws:iam::1:role/Admin"}}"#;
    for (identity, kind, name, email, behalf) in [
        (r#""type":"IAMUser","userName":"ana","arn":"arn:aws:iam::1:user/ana""#.to_owned(), User, Some("ana"), None, None),
        (r#""type":"IAMUser","arn":"arn:aws:iam::1:user/ana","userName":"ana","invokedBy":"x.amazonaws.com""#.to_owned(), User, Some("ana"), None, Some("x.amazonaws.com")),
        (format!(r#""type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/Admin/bo@acme.example",{issuer}"#), User, Some("Admin/bo@acme.example"), Some("bo@acme.example"), Some("Admin")),
        (r#""type":"AssumedRole","principalId":"AROA:i-0abc""#.to_owned(), ServiceAccount, Some("i-0abc"), None, None),
        (r#""type":"Root","accountId":"1""#.to_owned(), User, Some("root"), None, None),
        (r#""type":"AWSService","invokedBy":"ec2.amazonaws.com""#.to_owned(), System, Some("ec2.amazonaws.com"), None, None),
        (r#""type":"AWSAccount","principalId":"ANONYMOUS_PRINCIPAL""#.to_owned(), Anonymous, Some("anonymous"), None, None),
        // As S3 logs a stranger's access to a public bucket.
        (r#""type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL""#.to_owned(), Anonymous, Some("anonymous"), None, None),
        (r#""type":"AWSAccount","accountId":"22""#.to_owned(), User, Some("22"), None, None),
        (r#""accountId":"1","invokedBy":"ec2.amazonaws.com""#.to_owned(), System, Some("ec2.amazonaws.com"), None, None),
        (r#""type":"IAMUser","principalId":"AIDA""#.to_owned(), User, None, None, None),
        (r#""type":"IdentityCenterUser","accountId":"1","onBehalfOf":{"userId":"u-9","identityStoreArn":"arn:aws:identitystore::1:identitystore/d"},"credentialId":"c""#.to_owned(), User, None, None, None),
        (r#""type":7,"userName":["x"]"#.to_owned(), Anonymous, Some("unknown (ec2.amazonaws.com)"), None, None),
    ] {
        let actor = mapped(&format!(r#""userIdentity":{{{identity}}}"#)).actor;
        let text = |t: &Option<Box<str>>| t.as_deref().map(str::to_owned);
        let found = (actor.party.kind, text(&actor.party.name), text(&actor.party.email), actor.on_behalf_of.and_then(|p| text(&p.name)));
        let own = |t: Option<&str>| t.map(str::to_owned);
        assert_eq!(found, (kind, own(name), own(email), own(behalf)), "{identity}");
    }
    // Of Identity Center, the account is where and not who; a role may be taken on for one of its users.
    let center = r#""accountId":"1","onBehalfOf":{"userId":"u-9","identityStoreArn":"x"}"#;
    let user = mapped(&format!(
        r#""userIdentity":{{"type":"IdentityCenterUser",{center}}}"#
    ))
    .actor;
    assert_eq!(
        (user.party.id.as_deref(), user.on_behalf_of),
        (Some("u-9"), None)
    );
    let arn = "arn:aws:sts::1:assumed-role/App/s";
    let role = mapped(&format!(
        r#""userIdentity":{{"type":"AssumedRole","arn":"{arn}",{center},{issuer}}}"#
    ))
    .actor;
    let behalf = role.on_behalf_of.and_then(|party| party.id);
    assert_eq!(
        (role.party.id.as_deref(), behalf.as_deref()),
        (Some(arn), Some("u-9"))
    );
    for no_identity in [
        r#""x":1"#,
        r#""userIdentity":null"#,
        r#""userIdentity":"me""#,
        r#""userIdentity":{}"#,
    ] {
        assert_eq!(
            mapped(no_identity).actor.party.kind,
            Anonymous,
            "{no_identity}"
        );
    }
}

#[test]
fn targets_come_from_resources_then_answers_then_parameters() {
    for (members, expected) in [
        (
            r#""resources":[{"ARN":"arn:aws:s3:::b","type":"AWS::S3::Bucket"},{"ARN":"arn:aws:s3:::b/k/l"}]"#,
            "AWS::S3::Bucket b, ec2 b/k/l",
        ),
        (
            r#""resources":[{"ARN":"arn:aws:iam::1:role/path/R","type":"AWS::IAM::Role"}]"#,
            "AWS::IAM::Role path/R",
        ),
        (
            r#""requestParameters":{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"},{"instanceId":"i-1"}]}}"#,
            "AWS::EC2::Instance i-1, AWS::EC2::Instance i-2",
        ),
        (
            r#""requestParameters":{"vpcId":"vpc-1"},"responseElements":{"subnet":{"subnetId":"subnet-1"}}"#,
            "AWS::EC2::Subnet subnet-1, AWS::EC2::VPC vpc-1",
        ),
        (r#""requestParameters":{"name":"n"}"#, "ec2 n"),
        (r#""requestParameters":{"name":{"a":1}}"#, ""),
        (r#""requestParameters":"text""#, ""),
        (r#""resources":"text","requestParameters":null"#, ""),
        (r#""resources":[null,7,{"ARN":""}]"#, ""),
    ] {
        let draft = mapped(members);
        let found: Vec<String> = draft
            .target
            .iter()
            .chain(&draft.related)
            .map(|t| {
                format!(
                    "{} {}",
                    t.kind.as_deref().unwrap_or("-"),
                    t.name.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(found.join(", "), expected, "{members}");
    }
}

#[test]
fn a_failure_is_a_code_a_message_or_a_sign_in_that_says_so() {
    for (members, failed, code) in [
        (
            r#""errorCode":"AccessDenied","errorMessage":"no""#,
            true,
            Some("AccessDenied"),
        ),
        (r#""errorMessage":"Failed authentication""#, true, None),
        (
            r#""responseElements":{"ConsoleLogin":"Failure"}"#,
            true,
            None,
        ),
        (
            r#""responseElements":{"ConsoleLogin":"Success"}"#,
            false,
            None,
        ),
        (
            r#""eventName":"SwitchRole","eventSource":"signin.amazonaws.com","responseElements":{"SwitchRole":"Failure"}"#,
            true,
            None,
        ),
        (
            r#""eventName":"ExitRole","eventSource":"signin.amazonaws.com","responseElements":{"ExitRole":"Success"}"#,
            false,
            None,
        ),
        (
            r#""eventName":"RenewRole","responseElements":{"RenewRole":"Failure"}"#,
            true,
            None,
        ),
        (
            r#""responseElements":{"lastStatus":"Failure"}"#,
            false,
            None,
        ),
        (r#""errorCode":null,"errorMessage":"""#, false, None),
        (r#""errorCode":403"#, false, None),
    ] {
        let draft = mapped(members);
        assert_eq!(draft.result == Result::Failure, failed, "{members}");
        assert_eq!(
            draft.error.as_ref().and_then(|e| e.code.as_deref()),
            code,
            "{members}"
        );
    }
}

/// Hidden with the reads, an intruder's attempts to look around would not be seen.
#[test]
fn a_read_that_was_denied_is_no_noise() {
    for (members, marked) in [
        (r#""readOnly":true"#, Some("read")),
        (
            r#""readOnly":true,"errorCode":"NoSuchBucketPolicy""#,
            Some("read"),
        ),
        (
            r#""readOnly":true,"errorCode":"ThrottlingException""#,
            Some("read"),
        ),
        (r#""readOnly":true,"errorCode":"AccessDenied""#, None),
        (r#""readOnly":true,"errorCode":"VpceAccessDenied""#, None),
        (
            r#""readOnly":true,"errorCode":"Client.UnauthorizedOperation""#,
            None,
        ),
        (
            r#""errorCode":"AccessDeniedException","userIdentity":{"type":"AWSService","invokedBy":"x"}"#,
            None,
        ),
        (
            r#""userIdentity":{"type":"AWSService","invokedBy":"x"}"#,
            Some("system"),
        ),
        (r#""readOnly":false"#, None),
    ] {
        let context = mapped(members).context.expect("a context");
        let context: serde_json::Value = serde_json::from_str(context.as_str()).expect("JSON");
        assert_eq!(context["noise"].as_str(), marked, "{members}");
        let read_only = members.contains(r#""readOnly":true"#);
        assert_eq!(
            context["cloudtrail"]["readOnly"].as_bool() == Some(true),
            read_only,
            "what AWS said stays"
        );
    }
}

#[test]
fn the_account_is_the_project_or_when_asked_the_organization() {
    let event = r#"{"eventName":"E","recipientAccountId":"123837392027"}"#;
    let scope = |organization: Choice| {
        map(
            &Claims {
                organization,
                ..claims()
            },
            event.as_bytes(),
        )
        .expect("an event")
        .scope
    };
    assert_eq!(
        scope(Choice::Unsaid).project.as_deref(),
        Some("123837392027")
    );
    let own = scope(Choice::FromSource);
    assert_eq!(
        (own.organization.expect("a slug").as_str(), own.project),
        ("123837392027", None)
    );
}

#[test]
fn what_is_no_event_is_refused_and_lookup_events_are_opened() {
    for (text, why) in [
        ("[]", "an array"),
        (r#"{"eventSource":"x"}"#, "no eventName"),
        (r#"{"CloudTrailEvent":"{\"eventName\""}"#, "CloudTrailEvent"),
        (r#"{"eventName":"a","eventName":"b"}"#, "eventName"),
    ] {
        let refused = map(&claims(), text.as_bytes()).expect_err(text);
        assert!(refused.contains(why), "{text}: {refused}");
    }
    let plain = r#"{"eventName":"E","eventID":"1","awsRegion":"eu"}"#;
    let looked_up = r#"{"EventId":"1","CloudTrailEvent":"{\"awsRegion\":\"eu\",\"eventID\":\"1\",\"eventName\":\"E\"}"}"#;
    let both = [plain, looked_up].map(|text| map(&claims(), text.as_bytes()).expect("an event"));
    assert_eq!(
        both[0], both[1],
        "a copy from another place is the same entry"
    );
}
