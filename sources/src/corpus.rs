//! The fuzz targets' corpus, replayed: what was once found stays found, without a fuzzer.

#[path = "../../fuzz/src/parsers.rs"]
mod parsers;

use crate::testing::fixtures;
use parsers::{ALL, Parser};
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|file| file.expect("a readable name").path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

/// The bytes, cut off in several places, and with some of them changed: the same each time.
fn with_variants(bytes: &[u8], parser: Parser) {
    parser(bytes);
    for part in 1..8 {
        parser(&bytes[..bytes.len() * part / 8]);
    }
    let mut changed = bytes.to_vec();
    for step in 0..8_usize.min(bytes.len()) {
        let at = (step * 7_919 + bytes.len() / 2) % bytes.len();
        changed[at] ^= 1 << (step % 8);
        parser(&changed);
    }
}

#[test]
fn every_target_stands_what_is_in_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    assert_eq!(files(&targets).len(), ALL.len());
    for (name, parser) in ALL {
        assert!(targets.join(format!("{name}.rs")).exists(), "{name}");
        let seeds = files(&corpus.join(name));
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            with_variants(&std::fs::read(seed).expect("readable"), *parser);
        }
    }
}

/// What is longer says nothing more, and takes long in a build for tests.
const BYTES_MAX: usize = 32 * 1024;

/// Of one folder: what is alike says the same.
const FILES_MAX: usize = 12;

#[test]
fn every_target_stands_what_was_recorded() {
    let Some(root) = fixtures() else { return };
    for (folder, names) in [
        ("otlp/wire", &["otlp_protobuf", "otlp_json"][..]),
        ("otlp", &["otlp_json"]),
        ("cloudevents", &["cloudevents", "hec", "redact"]),
        ("syslog", &["syslog", "framing", "formats"]),
        ("syslog/wire", &["syslog", "framing"]),
        ("syslog/plaso", &["formats", "framing"]),
        ("cef", &["formats", "syslog", "framing"]),
        ("hostile-strings", &["formats", "redact", "times"]),
        ("okta", &["formats", "hec", "elastic"]),
        ("github", &["formats"]),
        ("kubernetes/falco", &["formats", "redact", "elastic"]),
        ("kubernetes/kube-apiserver", &["formats", "redact"]),
        ("kubernetes/kube-apiserver/webhook_batch", &["formats"]),
        ("cloudtrail", &["formats", "redact"]),
        ("gcp", &["formats", "redact"]),
        ("azure", &["formats", "redact"]),
        ("vault", &["formats", "hec"]),
    ] {
        for file in files(&root.join(folder)).into_iter().take(FILES_MAX) {
            let bytes = std::fs::read(file).expect("readable");
            let bytes = &bytes[..bytes.len().min(BYTES_MAX)];
            for (_, parser) in ALL.iter().filter(|(name, _)| names.contains(name)) {
                with_variants(bytes, *parser);
            }
        }
    }
}
