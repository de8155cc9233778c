//! The leaf, to the byte. These values are the format: other programs compute them too.

use proof::{
    Hash,
    disclosure::{Content, Disclosure, Unit},
    leaf::{EntryId, Leaf, ReceivedAt, Salt, Seed},
};

const UNITS: [(&str, &str); 5] = [
    (
        "",
        r#"{"action":"scaleCluster","category":"cluster","occurred_at":"2026-07-22T16:23:02.100000Z","request_id":"req_1","result":"success","scope":{"id":"prj_1","kind":"project"},"target":{"id":"cls_1","type":"cluster"}}"#,
    ),
    ("/actor/email", r#""maria@example.com""#),
    ("/actor/name", r#""Maria Rossi""#),
    ("/source/ip", r#""203.0.113.42""#),
    ("/target/name", r#""payments-prod""#),
];
const COMMITMENT: &str = "m+ErMR2uUDTtvH9jIAxInur3XfOH/0PXj1Dkukym3LA=";
const LEAF_HASH: &str = "6789d611121796e0a7c94916089ad272665e584d80a511e442f2cbd04c64ee70";

fn known() -> Disclosure {
    let units = UNITS.iter().zip(0u8..).map(|((path, value), number)| Unit {
        path: (*path).into(),
        content: Content::Open {
            salt: Salt([number; 16]),
            value: (*value).into(),
        },
    });
    Disclosure::new(
        EntryId::parse("01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c4d").expect("a UUID"),
        ReceivedAt::parse("2026-07-22T16:23:02.123456Z").expect("a time"),
        units.collect(),
    )
    .expect("well formed")
}

fn hex(hash: Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_known_entry_has_the_known_leaf() {
    let leaf = known().leaf().expect("a leaf");
    assert_eq!(leaf.commitment.to_string(), COMMITMENT);
    assert_eq!(hex(leaf.hash()), LEAF_HASH);
    let text = format!(
        "mar-audit/leaf@v1\n01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c4d\n2026-07-22T16:23:02.123456Z\n{COMMITMENT}\n"
    );
    assert_eq!(leaf.to_bytes(), text.as_bytes());
    assert_eq!(text.len(), Leaf::BYTES);
}

#[test]
fn erasing_any_units_leaves_the_leaf_as_it_was() {
    for erased in 0u8..32 {
        let mut disclosure = known();
        for (at, (path, _)) in UNITS.iter().enumerate() {
            if erased & 1 << at != 0 {
                assert!(
                    disclosure.erase(path).expect("a digest"),
                    "{path} was there"
                );
                assert!(!disclosure.erase(path).expect("a digest"), "{path} is gone");
            }
        }
        assert_eq!(hex(disclosure.leaf().expect("a leaf").hash()), LEAF_HASH);
        let shown = disclosure.to_json();
        assert_eq!(shown.contains("maria@example.com"), erased & 2 == 0);
        assert_eq!(
            Disclosure::parse(shown.as_bytes()).expect("its own text"),
            disclosure
        );
    }
}

#[test]
fn salts_derive_from_seed_and_path() {
    let seed = Seed(std::array::from_fn(|at| at as u8));
    // printf 'mar/s1\x00\x01…\x0f/actor/email' | sha256sum | head -c 32
    let salts = ["", "/actor/email"].map(|path| {
        seed.salt(path)
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    });
    assert_eq!(
        salts,
        [
            "c3838f8796cf6f50d11284091a708adf",
            "6c9e42f54587e265e40973759ece4cf9"
        ]
    );
}

#[test]
fn a_leaf_has_one_spelling() {
    let leaf = known().leaf().expect("a leaf");
    let bytes = leaf.to_bytes();
    assert_eq!(Leaf::parse(&bytes), Ok(leaf));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes;
            other[at] ^= 1 << bit;
            if let Ok(read) = Leaf::parse(&other) {
                assert_eq!(read.to_bytes(), other);
                assert_ne!(read.hash(), leaf.hash());
            }
        }
        Leaf::parse(&bytes[..at]).expect_err("cut short");
    }
    Leaf::parse(&[bytes.as_slice(), b"\n"].concat()).expect_err("too long");
}

#[test]
fn only_days_and_seconds_that_exist_are_times() {
    for time in [
        "2024-02-29T23:59:59.999999Z",
        "2000-02-29T00:00:00.000000Z",
        "0001-01-01T00:00:00.000000Z",
    ] {
        assert_eq!(ReceivedAt::parse(time).expect(time).to_string(), time);
    }
    for time in [
        "2023-02-29T00:00:00.000000Z",
        "1900-02-29T00:00:00.000000Z",
        "2026-04-31T00:00:00.000000Z",
        "2026-00-01T00:00:00.000000Z",
        "2026-13-01T00:00:00.000000Z",
        "2026-01-00T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "2026-01-01T00:60:00.000000Z",
        "2026-01-01T00:00:60.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000000z",
        "2026-01-01 00:00:00.000000Z",
        "2026-01-01T00:00:00.00000Z",
        "2026-01-01T00:00:00Z",
        "２026-01-01T00:00:00.0000Z",
        "",
    ] {
        ReceivedAt::parse(time).expect_err(time);
    }
    for id in [
        "01983F0C-7d5e-7b3a-9c11-2f6f7a1b3c4d",
        "01983f0c7d5e7b3a9c112f6f7a1b3c4d",
        "01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c4g",
    ] {
        EntryId::parse(id).expect_err(id);
    }
}
