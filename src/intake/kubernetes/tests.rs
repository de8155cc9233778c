use super::*;
use crate::intake::shelf::SourceName;
use entry::Organization;
use proptest::prelude::*;

fn read_at(body: &[u8]) -> Result<Vec<Sent>, Problem> {
    let sender = Sender {
        organization: Organization::parse("acme").expect("a slug"),
        source: SourceName::parse("prod").expect("a name"),
    };
    let now = Timestamp::from_micros(1_793_534_400_000_000).expect("a time");
    read(body, &sender, now)
}

#[test]
fn a_cut_list_is_taken_as_a_whole_or_not_at_all() {
    let whole = br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"a","verb":"get","stage":"ResponseComplete"},{"auditID":"b","verb":"get","stage":"ResponseComplete"}]}"#;
    assert_eq!(read_at(whole).expect("two events").len(), 2);
    for cut in 70..whole.len() - 1 {
        assert!(read_at(&whole[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(read_at(&body));
    }

    #[test]
    fn foreign_members_never_panic(text in "[{}\\[\\],:\"a-z0-9 ]{0,200}") {
        let body = format!("{{\"items\":[{{\"verb\":\"get\",\"auditID\":{text}}}]}}");
        drop(read_at(body.as_bytes()));
    }
}
