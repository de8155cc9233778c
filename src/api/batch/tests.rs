use super::*;
use crate::access::Reach;
use proptest::prelude::*;

fn read_by(alone: bool, form: Form, body: &[u8]) -> Result<Batch, Problem> {
    let (catalogue, organization) = (
        Catalogue::built_in(),
        Organization::parse("acme").expect("a slug"),
    );
    let now = Timestamp::from_micros(1_793_534_400_000_000).expect("in range");
    read(
        form,
        body,
        &Filling {
            catalogue: &catalogue,
            organization: &organization,
            reach: &Reach::everything(),
            verified: None,
            takes_own: false,
            now,
            alone,
        },
    )
}

const GOOD: &str = r#"{"actor":{"type":"system","name":"x"},"action":"login","result":"success"}"#;

#[test]
fn two_threads_read_what_one_reads() {
    let lines: String = (0..9_000)
        .map(|n| {
            if n % 7 == 0 {
                format!("bad {n} {}\n", " ".repeat(150))
            } else {
                format!("{GOOD}{}\n", " ".repeat(80))
            }
        })
        .collect();
    assert!(lines.len() > SPLIT_BYTES_MIN);
    let [one, two] =
        [false, true].map(|alone| read_by(alone, Form::Lines, lines.as_bytes()).expect("a batch"));
    assert_eq!(one.refusals, two.refusals);
    let drafts = |batch: Batch| {
        batch
            .items
            .into_iter()
            .map(|item| item.draft)
            .collect::<Vec<_>>()
    };
    assert_eq!(drafts(one), drafts(two));
}

#[test]
fn ids_made_here_are_of_now_and_never_the_same() {
    let batch = read_by(
        false,
        Form::Lines,
        format!("{GOOD}\n").repeat(1_000).as_bytes(),
    )
    .expect("a batch");
    let ids: std::collections::HashSet<EntryId> =
        batch.items.iter().map(|item| item.defaults.id).collect();
    assert_eq!(ids.len(), 1_000);
    for id in ids {
        let id = uuid::Uuid::from_bytes(*id.as_bytes());
        assert_eq!(
            (id.get_version_num(), id.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        assert_eq!(
            id.get_timestamp().map(|time| time.to_unix().0),
            Some(1_793_534_400)
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_every_line_is_one_of_them(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let lines = body.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        match read_by(false, Form::Lines, &body) {
            Ok(batch) => prop_assert_eq!(batch.len(), lines),
            Err(problem) => prop_assert!(lines == 0 && problem.kind == Kind::EmptyBody),
        }
        if let Err(problem) = read_by(false, Form::Json, &body) {
            prop_assert!(problem.kind.status().is_client_error());
        }
    }

    #[test]
    fn a_document_with_anything_cut_out_is_read_or_refused(from in 0..GOOD.len(), to in 0..GOOD.len(), array in any::<bool>()) {
        let mut body = if array { format!("[{GOOD},{GOOD}]") } else { GOOD.to_owned() };
        body.replace_range(from.min(to)..to.max(from), "");
        let read = read_by(false, Form::Json, body.as_bytes());
        let json = serde_json::from_str::<IgnoredAny>(&body).is_ok();
        prop_assert_eq!(read.is_err_and(|problem| problem.kind == Kind::BadJson), !json);
    }
}
