use super::*;
use crate::test_entries;
use entry::Seq;
use proptest::prelude::*;

fn kept(plan: &test_entries::Plan, seed: [u8; 16]) -> Kept {
    Kept {
        entry: plan.entry(Seq(3), 1_000_000),
        salts: Salts::Seed(Seed(seed)),
    }
}

fn leaf_of(kept: &Kept) -> Leaf {
    kept.leaf(&mut Units::default()).expect("its own salts")
}

proptest! {
    /// Erasing one after the other and all at once leave the same, and never another leaf.
    #[test]
    fn an_erasure_leaves_the_leaf_and_what_it_discloses(
        plan in test_entries::any_plan(),
        seed in any::<[u8; 16]>(),
        which in any::<u64>(),
    ) {
        let before = kept(&plan, seed);
        let (leaf, disclosure) = (leaf_of(&before), before.disclosure().expect("its own salts"));
        prop_assert_eq!(disclosure.leaf().expect("paths as they should be"), leaf);
        let by = EntryId::from_bytes([9; 16]);
        let mut expected = disclosure.clone();
        let (mut step_by_step, mut paths) = (before.clone(), Vec::<Box<str>>::new());
        for (at, unit) in disclosure.units().iter().enumerate().skip(1) {
            if which >> (at % 64) & 1 == 1 {
                paths.push(unit.path.as_str().into());
                prop_assert!(expected.erase(&unit.path).expect("as before"));
                prop_assert_eq!(step_by_step.erase(&paths[paths.len() - 1..], by), Ok(true));
                prop_assert_eq!(leaf_of(&step_by_step), leaf);
            }
        }
        let mut at_once = before.clone();
        prop_assert_eq!(at_once.erase(&paths, by), Ok(!paths.is_empty()));
        prop_assert_eq!(&at_once, &step_by_step);
        prop_assert_eq!(at_once.disclosure().expect("its own salts"), expected);
        let named: Vec<&str> = at_once.erased.iter().map(|erased| &*erased.path).collect();
        prop_assert_eq!(named, paths.iter().map(|path| &**path).collect::<Vec<_>>());
        if !paths.is_empty() {
            let mut bytes = Vec::new();
            at_once.salts.write(&mut bytes);
            prop_assert_eq!(Salts::read_each(&bytes), Some(at_once.salts.clone()));
            prop_assert!((0..bytes.len()).all(|cut| Salts::read_each(&bytes[..cut]).is_none()));
        }
        prop_assert_eq!(at_once.erase(&paths, by), Ok(false));
    }
}

#[test]
fn salts_of_another_entry_are_told() {
    let mut kept = Kept {
        entry: {
            let item = crate::testing::item("acme", 1);
            item.draft
                .accept(Seq(1), entry::Timestamp::MIN, item.defaults)
        },
        salts: Salts::Seed(Seed([1; 16])),
    };
    assert_eq!(
        kept.erase(&["/actor/name".into()], EntryId::from_bytes([9; 16])),
        Ok(true)
    );
    let mut other = kept.clone();
    other.entry.actor.party.name = Some("put back".into());
    assert!(other.commitment(&mut Units::default()).is_err());
    other = kept.clone();
    other.entry.actor.party.id = None;
    assert!(other.disclosure().is_err());
}
