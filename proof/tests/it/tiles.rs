//! Tiles: paths, which there are, and that a stranger's are believed only if the root says so.

use std::collections::HashMap;

use proof::{
    Error, Hash, Seq, Size,
    tile::{Bundle, Tile, Tiles},
    tree::Plan,
};
use proptest::prelude::*;
use tlog_tiles::{HashReader as _, TileHashReader, TileReader};

use crate::test_log::{TestLog, size};

#[test]
fn paths_are_those_of_the_specification() {
    let size = size(70_000);
    let tiles: Vec<String> = Tile::all(size).map(|tile| tile.to_string()).collect();
    // "273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1 tile, one partial level 1 tile of
    // width 17, and one partial level 2 tile of width 1"
    assert_eq!(tiles.len(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(tiles[0], "tile/0/000");
    assert_eq!(tiles[272], "tile/0/272");
    assert_eq!(
        tiles[273..],
        [
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1"
        ]
    );
    assert_eq!(
        Bundle::all(size)
            .last()
            .map(|bundle| bundle.to_string())
            .as_deref(),
        Some("tile/entries/273.p/112")
    );

    let far = Tile::parse("tile/3/x001/x234/067").expect("a tile");
    assert_eq!((far.level(), far.index(), far.width()), (3, 1_234_067, 256));
    let partial = Bundle::parse("tile/entries/x001/x234/067.p/9").expect("a bundle");
    assert_eq!((partial.index(), partial.width()), (1_234_067, 9));
}

#[test]
fn every_other_spelling_of_a_path_is_refused() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/00/000",
        "tile/+0/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/x000/000",
        "tile/0/x000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/xx01/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "tile/0/٠٠٠",
        "tile/0/0 0",
        "tile/0/000 ",
        "tile/0/../000",
        "tile/entries/../000",
        "tile/entries/x000/000",
        "tile/entries/000.p/256",
        "tile/entries/",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        Tile::parse(path).expect_err(path);
        Bundle::parse(path).expect_err(path);
    }
    Tile::parse("tile/entries/000").expect_err("a bundle");
    Bundle::parse("tile/0/000").expect_err("a tile");
    Tile::parse("tile/0/x009/x223/x372/x036/x854/x775/807").expect("the last there can be");
}

proptest! {
    #[test]
    fn a_path_reads_back_as_its_tile(level in 0u8..8, index in 0u64..1 << 55, entries in 1u64..=i64::MAX as u64) {
        let size = size(entries);
        if let Some(tile) = Tile::of_tree(level, index % ((entries >> (8 * level)) / 256 + 1), size) {
            prop_assert_eq!(Tile::parse(&tile.to_string()), Ok(tile));
            prop_assert!(tile.is_in(size));
            prop_assert_eq!(tile.index().saturating_mul(256 * 32), tile.offset_bytes());
        }
    }

    #[test]
    fn no_text_is_read_as_a_tile_that_is_written_otherwise(path in "(tile/)?(0|1|63|64|entries)/(x?[0-9]{3}/){0,3}x?[0-9]{2,3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path.clone());
        }
        if let Ok(bundle) = Bundle::parse(&path) {
            prop_assert_eq!(bundle.to_string(), path);
        }
    }
}

const EDGES: [u64; 16] = [
    1, 2, 3, 254, 255, 256, 257, 511, 512, 513, 65_280, 65_534, 65_535, 65_536, 65_537, 66_000,
];

fn all_tiles(log: &TestLog, entries: u64) -> Tiles {
    let mut tiles = Tiles::of(log.tree(entries));
    for tile in Tile::all(size(entries)) {
        tiles
            .insert(tile, &log.tile(tile))
            .expect("a tile of the tree");
    }
    tiles
}

#[test]
fn at_every_edge_tiles_prove_what_the_log_proves() {
    let log = TestLog::of(66_000);
    for entries in EDGES {
        let trusted = all_tiles(&log, entries).authenticate().expect("true tiles");
        for seq in [0, 1, 255, 256, 257, entries / 2, entries - 1]
            .into_iter()
            .filter(|seq| *seq < entries)
        {
            let plan = Plan::inclusion(Seq(seq), size(entries)).expect("in range");
            let path = plan
                .read(|node| trusted.hash(node))
                .expect("all tiles are there");
            assert_eq!(path, log.inclusion(seq, entries), "{seq} in {entries}");
        }
        for old in EDGES.into_iter().filter(|old| *old <= entries) {
            let plan = Plan::consistency(size(old), size(entries)).expect("in range");
            let path = plan
                .read(|node| trusted.hash(node))
                .expect("all tiles are there");
            assert_eq!(path, log.consistency(old, entries), "{old} to {entries}");
        }
    }
}

#[test]
fn the_tiles_a_plan_needs_are_enough_for_it() {
    let log = TestLog::of(66_000);
    for entries in EDGES {
        for seq in [0, entries / 3, entries - 1] {
            let plan = Plan::inclusion(Seq(seq), size(entries)).expect("in range");
            let mut tiles = Tiles::of(log.tree(entries));
            let needed = Tile::needed(&plan, size(entries));
            assert!(needed.len() <= 5, "{needed:?}");
            for tile in needed {
                tiles
                    .insert(tile, &log.tile(tile))
                    .expect("a tile of the tree");
            }
            let trusted = tiles.authenticate().expect("true tiles");
            assert_eq!(
                plan.read(|node| trusted.hash(node)).expect("enough"),
                log.inclusion(seq, entries)
            );
        }
    }
}

#[test]
fn a_changed_hash_in_any_tile_is_found() {
    let log = TestLog::of(66_000);
    for entries in [1, 255, 256, 257, 600, 65_537] {
        for changed in Tile::all(size(entries)) {
            if entries > 600 && changed.level() == 0 && changed.index() % 50 != 0 {
                continue;
            }
            for at in [0, changed.length_bytes() / 2, changed.length_bytes() - 1] {
                let mut tiles = Tiles::of(log.tree(entries));
                for tile in Tile::all(size(entries)) {
                    let mut bytes = log.tile(tile);
                    if tile == changed {
                        bytes[at] ^= 0x10;
                    }
                    tiles.insert(tile, &bytes).expect("a tile of the tree");
                }
                let error = tiles.authenticate().expect_err("a changed hash");
                assert!(
                    matches!(error, Error::Refuted { .. }),
                    "{changed} of {entries}: {error}"
                );
            }
        }
    }
}

#[test]
fn tiles_that_cannot_be_checked_are_not_believed() {
    let log = TestLog::of(66_000);
    let entries = 65_600;
    let tile = |path: &str| Tile::parse(path).expect(path);
    // The tile above is missing.
    for missing in Tile::all(size(entries)).filter(|tile| tile.level() > 0 || tile.width() < 256) {
        let mut tiles = Tiles::of(log.tree(entries));
        for tile in Tile::all(size(entries)).filter(|tile| *tile != missing) {
            tiles
                .insert(tile, &log.tile(tile))
                .expect("a tile of the tree");
        }
        assert_eq!(
            tiles.authenticate().expect_err("missing"),
            Error::MissingTile {
                path: missing.to_string()
            }
        );
    }
    // Another width than the tree has there, another length than the width says, twice.
    let mut tiles = Tiles::of(log.tree(entries));
    for path in [
        "tile/0/256",
        "tile/0/256.p/63",
        "tile/0/256.p/65",
        "tile/0/257",
        "tile/1/001",
        "tile/3/000",
        "tile/63/000",
    ] {
        let tile = tile(path);
        tiles
            .insert(tile, &vec![0; tile.length_bytes()])
            .expect_err(path);
    }
    let partial = tile("tile/0/256.p/64");
    let bytes = log.tile(partial);
    tiles.insert(partial, &bytes[1..]).expect_err("cut");
    tiles
        .insert(partial, &[bytes.as_slice(), &[0]].concat())
        .expect_err("longer");
    tiles.insert(partial, &bytes).expect("right");
    tiles.insert(partial, &bytes).expect_err("twice");
}

/// A foreign client of our tiles, which checks them itself.
struct Served<'a>(&'a TestLog, HashMap<String, Tile>);

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Its paths are Go's, with the height in front; C2SP leaves it out.
        Ok(tiles
            .iter()
            .map(|tile| {
                self.0
                    .tile(self.1[&tile.path().replacen("tile/8/", "tile/", 1)])
            })
            .collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tlog_tiles_verifies_and_proves_from_our_tiles() {
    let log = TestLog::of(66_000);
    for entries in EDGES {
        let tree = log.tree(entries);
        let served = Served(
            &log,
            Tile::all(size(entries))
                .map(|tile| (tile.to_string(), tile))
                .collect(),
        );
        let reader = TileHashReader::new(entries, tlog_tiles::Hash(tree.root.0), &served);
        for seq in [0, entries / 2, entries - 1] {
            let theirs = tlog_tiles::prove_record(entries, seq, &reader).expect("proof");
            assert!(
                theirs
                    .iter()
                    .map(|hash| hash.0)
                    .eq(log.inclusion(seq, entries).iter().map(|hash| hash.0))
            );
            let index = tlog_tiles::stored_hash_index(0, seq);
            let leaf = reader.read_hashes(&[index]).expect("leaf")[0];
            assert_eq!(leaf.0, Hash::leaf(seq.to_string().as_bytes()).0);
            tlog_tiles::check_record(&theirs, entries, tlog_tiles::Hash(tree.root.0), seq, leaf)
                .expect("checks");
        }
        for old in EDGES.into_iter().filter(|old| *old < entries) {
            let theirs = tlog_tiles::prove_tree(entries, old, &reader).expect("proof");
            assert!(
                theirs
                    .iter()
                    .map(|hash| hash.0)
                    .eq(log.consistency(old, entries).iter().map(|hash| hash.0))
            );
        }
    }
}

#[test]
fn bundles_hold_leaves_behind_their_lengths() {
    let bundle = Bundle::of_tree(1, size(258)).expect("two leaves");
    let mut bytes = Vec::new();
    Bundle::push(&mut bytes, b"").expect("short");
    Bundle::push(&mut bytes, &[7; 300]).expect("short");
    assert_eq!(bytes[..4], [0, 0, 1, 44]);
    assert_eq!(bundle.leaves(&bytes), Ok(vec![&b""[..], &[7; 300]]));
    for cut in 0..bytes.len() {
        bundle.leaves(&bytes[..cut]).expect_err("cut");
    }
    bundle
        .leaves(&[bytes.as_slice(), &[0]].concat())
        .expect_err("a byte too many");
    bundle
        .leaves(&[bytes.as_slice(), &[0, 0]].concat())
        .expect_err("a leaf too many");
    Bundle::push(&mut bytes, &[0; 65_536]).expect_err("too long");
    assert!(bundle.is_in(size(258)) && bundle.is_in(size(1000)) && !bundle.is_in(size(257)));
    assert_eq!(Bundle::of_tree(u64::MAX, Size::MAX), None);
}
