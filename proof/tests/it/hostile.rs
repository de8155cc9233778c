//! Any input: an answer, never a panic; and nothing that was not proven.

use proof::{
    Hash, Seq, Size, Tree,
    checkpoint::{Checkpoint, SignedCheckpoint},
    disclosure::Disclosure,
    key::{SigningKey, VerifierKey},
    leaf::Leaf,
    log_proof::LogProof,
    note::Note,
    policy::Policy,
    tile::{Bundle, Tile, Tiles},
    tree::{Node, Plan},
};
use proptest::prelude::*;

use crate::test_log::{TestLog, log_proof, policy, size};

/// Every parser; what one accepts, it writes back as it was.
fn read_as_everything(bytes: &[u8]) -> Result<(), TestCaseError> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(leaf) = Leaf::parse(bytes) {
        prop_assert!(leaf.to_bytes().as_slice() == bytes);
    }
    if let Ok(disclosure) = Disclosure::parse(bytes) {
        prop_assert!(disclosure.to_json().as_bytes() == bytes);
    }
    if let Ok(note) = Note::parse(bytes) {
        prop_assert!(note.to_string().as_bytes() == bytes);
    }
    if let Ok(checkpoint) = SignedCheckpoint::parse(bytes) {
        prop_assert!(checkpoint.to_string().as_bytes() == bytes);
    }
    if let Ok(proof) = LogProof::parse(bytes) {
        prop_assert!(proof.to_string().as_bytes() == bytes);
    }
    if let Ok(checkpoint) = Checkpoint::parse(&text) {
        prop_assert_eq!(checkpoint.to_string(), text.clone());
    }
    if let Ok(key) = VerifierKey::parse(&text) {
        prop_assert_eq!(key.to_string(), text.clone());
    }
    if let Ok(key) = SigningKey::parse(&text) {
        prop_assert_eq!(key.to_secret_text(), text.clone());
    }
    if let Ok(tile) = Tile::parse(&text) {
        prop_assert_eq!(tile.to_string(), text.clone());
    }
    if let Ok(bundle) = Bundle::parse(&text) {
        prop_assert_eq!(bundle.to_string(), text);
    }
    let _ =
        Policy::parse(bytes).is_ok_and(|policy| policy.accept(&log_proof(1).checkpoint).is_ok());
    Ok(())
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..300,
        any::<u64>(),
        (0u32..64, -2i64..3).prop_map(|(bit, off)| (1u64 << bit).wrapping_add_signed(off))
    ]
}

fn tree_size() -> impl Strategy<Value = Size> {
    number().prop_map(|number| Size::new(number & i64::MAX as u64).expect("63 bits"))
}

fn hashes() -> impl Strategy<Value = Vec<Hash>> {
    proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..80)
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes)?;
    }

    #[test]
    fn any_lines(lines in proptest::collection::vec("(log|witness|group|quorum|none|all|index|extra|—|c2sp.org/tlog-proof@v1| |\\+|[A-Za-z0-9+/=]{0,48}){0,6}", 0..8)) {
        read_as_everything(format!("{}\n", lines.join("\n")).as_bytes())?;
    }

    #[test]
    fn any_splice_of_a_proof(from in 0usize..2000, to in 0usize..2000, into in 0usize..2000) {
        let file = log_proof(3).to_string().into_bytes();
        let [from, to, into] = [from, to, into].map(|at| at.min(file.len()));
        let mut spliced = file.clone();
        let piece = file[from.min(to)..to.max(from)].to_vec();
        spliced.splice(into..into, piece.iter().copied());
        read_as_everything(&spliced)?;
        if spliced != file && let Ok(proof) = LogProof::parse(&spliced) {
            // A signature line may be said twice; nothing else may.
            let said_twice = proof.checkpoint.note().signatures().len() > 3;
            prop_assert!(said_twice || proof.verify(&policy()).is_err());
        }
    }

    #[test]
    fn any_proof_of_any_tree(seq in number(), new in tree_size(), old in tree_size(), roots in any::<[[u8; 32]; 3]>(), path in hashes()) {
        let [new_root, old_root, leaf] = roots.map(Hash);
        let (new, old) = (Tree { size: new, root: new_root }, Tree { size: old, root: old_root });
        prop_assert!(new.includes(Seq(seq), &leaf, &path).is_err());
        prop_assert!(new.extends(&old, &path).is_err());
        let _ = Plan::inclusion(Seq(seq), new.size).map(|plan| plan.nodes().count());
        let _ = Plan::consistency(old.size, new.size).map(|plan| plan.nodes().count());
    }

    #[test]
    fn any_node_of_any_tree(level in any::<u8>(), index in number(), entries in tree_size()) {
        let node = Node { level, index };
        if let Some(tile) = Tile::holding(node, entries) {
            prop_assert!(tile.is_in(entries));
            let end = u128::from(index + 1) << level;
            prop_assert!(end <= u128::from(entries.get()));
        }
        let _ = Tile::of_tree(level, index, entries);
        let tiles = Tiles::of(Tree { size: entries, root: Hash::EMPTY_TREE }).authenticate();
        prop_assert_eq!(tiles.is_ok(), entries.get() == 0);
        if let Ok(tiles) = tiles {
            prop_assert!(tiles.hash(node).is_err());
        }
    }

    /// Of a proof that holds, nothing can be changed: no bit, no length, no place.
    #[test]
    fn a_true_path_changed_anywhere_is_refused(entries in 2u64..300, at in any::<u64>(), bit in 0usize..256, step in any::<usize>()) {
        let log = TestLog::of(entries);
        let tree = log.tree(entries);
        let seq = at % entries;
        let leaf = Hash::leaf(seq.to_string().as_bytes());
        let path = log.inclusion(seq, entries);
        tree.includes(Seq(seq), &leaf, &path).expect("true");
        let flip = |hash: &mut Hash| hash.0[bit / 8] ^= 1 << (bit % 8);
        let step = step % path.len();
        let mut other = path.clone();
        flip(&mut other[step]);
        prop_assert!(tree.includes(Seq(seq), &leaf, &other).is_err());
        let (mut other_leaf, mut other_tree) = (leaf, tree);
        flip(&mut other_leaf);
        flip(&mut other_tree.root);
        prop_assert!(tree.includes(Seq(seq), &other_leaf, &path).is_err());
        prop_assert!(other_tree.includes(Seq(seq), &leaf, &path).is_err());
        for other in 0..entries {
            prop_assert_eq!(tree.includes(Seq(other), &leaf, &path).is_ok(), other == seq);
        }
        let mut shorter = path.clone();
        shorter.remove(step);
        prop_assert!(tree.includes(Seq(seq), &leaf, &shorter).is_err());
        let mut longer = path.clone();
        longer.insert(step, path[step]);
        prop_assert!(tree.includes(Seq(seq), &leaf, &longer).is_err());

        let old = log.tree(1 + at % (entries - 1));
        let path = log.consistency(old.size.get(), entries);
        tree.extends(&old, &path).expect("true");
        let step = step % path.len();
        let mut other = path.clone();
        flip(&mut other[step]);
        prop_assert!(tree.extends(&old, &other).is_err());
        let mut other_old = old;
        flip(&mut other_old.root);
        prop_assert!(tree.extends(&other_old, &path).is_err());
        prop_assert!(other_tree.extends(&old, &path).is_err());
        let mut shorter = path.clone();
        shorter.remove(step);
        prop_assert!(tree.extends(&old, &shorter).is_err());
        let mut longer = path.clone();
        longer.insert(step, path[step]);
        prop_assert!(tree.extends(&old, &longer).is_err());
        prop_assert!(old.extends(&tree, &path).is_err());
        let empty = Tree { size: size(0), root: Hash::EMPTY_TREE };
        prop_assert!(tree.extends(&empty, &path).is_err());
        prop_assert!(tree.extends(&empty, &[]).is_err());
    }
}
