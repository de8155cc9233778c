//! Trees and proofs against two other implementations.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proof::{Hash, Seq, Tree, frontier::Frontier, tree::frontier_nodes};
use sha2::Sha256;

use crate::test_log::{TestLog, size};

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

/// 2,000 trees, four million proofs: each is what `ct-merkle` makes, and each verifies.
#[test]
fn all_proofs_of_all_trees_up_to_2000_agree_with_ct_merkle() {
    const MAX: u64 = 2_000;
    let log = TestLog::of(MAX);
    let trees: Vec<_> = (0..=MAX).map(|entries| log.tree(entries)).collect();
    assert_eq!(trees[0].root, Hash::EMPTY_TREE);
    let check = |from: u64| {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for entries in 1..=MAX {
            theirs.push((entries - 1).to_string().into_bytes());
            if entries % 2 != from {
                continue;
            }
            let tree = &trees[entries as usize];
            assert_eq!(
                theirs.root().as_bytes().as_slice(),
                tree.root.0,
                "root of {entries}"
            );
            for seq in 0..entries {
                let path = log.inclusion(seq, entries);
                assert_eq!(
                    theirs.prove_inclusion(seq as usize).as_bytes(),
                    bytes(&path),
                    "{seq} in {entries}"
                );
                let leaf = Hash::leaf(seq.to_string().as_bytes());
                tree.includes(Seq(seq), &leaf, &path).expect("included");
            }
            for old in 1..entries {
                let path = log.consistency(old, entries);
                let additions = (entries - old) as usize;
                assert_eq!(
                    theirs.prove_consistency(additions).as_bytes(),
                    bytes(&path),
                    "{old} to {entries}"
                );
                tree.extends(&trees[old as usize], &path).expect("extends");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check(0));
        scope.spawn(|| check(1));
    });
}

#[test]
fn a_tree_of_a_million_has_the_root_that_ct_merkle_gives_it() {
    const MAX: u64 = 1_000_000;
    let mut ours = Frontier::default();
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut completed = 0;
    for seq in 0..MAX {
        let leaf = seq.to_be_bytes();
        ours.append(Hash::leaf(&leaf), |_, _| completed += 1)
            .expect("small");
        theirs.push(leaf);
    }
    assert_eq!(theirs.root().as_bytes().as_slice(), ours.tree().root.0);
    assert_eq!(
        completed,
        2 * MAX - u64::from(MAX.count_ones()),
        "every complete subtree was told of, once"
    );
}

#[test]
fn a_frontier_goes_on_from_where_it_was_read() {
    let log = TestLog::of(300);
    for start in 0..300 {
        let Ok(mut frontier) = Frontier::read(size(start), |node| log.hash(node));
        assert_eq!(frontier.tree(), log.tree(start));
        for seq in start..300 {
            let leaf = Hash::leaf(seq.to_string().as_bytes());
            let same = |node, hash| assert_eq!(log.hash(node), Ok(hash));
            frontier.append(leaf, same).expect("small");
        }
        assert_eq!(frontier, log.frontier);
        assert_eq!(
            frontier_nodes(size(start)).count(),
            start.count_ones() as usize
        );
    }
}

#[test]
fn the_largest_trees_have_proofs_too() {
    use proof::{Size, tree::Plan};
    let max = Size::MAX;
    for seq in [0, 1, max.get() / 2, max.get() - 2, max.get() - 1] {
        let plan = Plan::inclusion(Seq(seq), max).expect("in range");
        assert!(plan.nodes().count() < 64 * 64);
        assert!(
            plan.read(|_| Ok::<_, ()>(Hash::EMPTY_TREE))
                .expect("read")
                .len()
                <= 63
        );
    }
    for old in [
        1,
        2,
        max.get() / 2,
        max.get() / 2 + 1,
        max.get() - 1,
        max.get(),
    ] {
        let old = Size::new(old).expect("in range");
        assert!(
            Plan::consistency(old, max)
                .expect("in range")
                .nodes()
                .count()
                < 64 * 64
        );
    }
    Plan::inclusion(Seq(max.get()), max).expect_err("outside");
    Plan::inclusion(Seq(u64::MAX), max).expect_err("outside");
    Plan::consistency(Size::default(), max).expect_err("nothing to prove");
    assert_eq!(Size::new(max.get() + 1), None);
    let full = Frontier::read(max, |_| Ok::<_, ()>(Hash::EMPTY_TREE)).expect("read");
    let mut grown = full.clone();
    grown
        .append(Hash::EMPTY_TREE, |_, _| panic!("nothing is complete"))
        .expect_err("full");
    assert_eq!(grown, full);
}

/// Roots do not tell sizes apart, path lengths do: a true path to a true root is refused under a size whose paths are shorter.
/// Without that, the last entry of a log would pass for one of a smaller log.
#[test]
fn a_path_that_leads_to_the_root_but_is_too_long_for_the_size_is_refused() {
    let log = TestLog::of(64);
    for entries in [4u64, 8, 16, 32, 64] {
        let (tree, old) = (log.tree(entries), log.tree(entries - 1));
        let leaf = Hash::leaf((entries - 1).to_string().as_bytes());
        let path = log.inclusion(entries - 1, entries);
        let grown = log.consistency(entries - 1, entries);
        tree.includes(Seq(entries - 1), &leaf, &path).expect("true");
        tree.extends(&old, &grown).expect("true");
        let smaller = (0..entries.ilog2()).map(|bits| 1 << bits);
        for claimed in smaller {
            let tree = Tree {
                size: size(claimed),
                ..tree
            };
            assert!(
                tree.includes(Seq(claimed - 1), &leaf, &path).is_err(),
                "{claimed}"
            );
            let old = Tree {
                size: size(claimed - 1),
                ..old
            };
            assert!(tree.extends(&old, &grown).is_err(), "{claimed}");
        }
    }
}
