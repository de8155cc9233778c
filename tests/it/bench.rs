//! The measurements measure: every figure of a small run is there. How large they are is not a test's business.

use std::path::Path;
use std::process::Command;

#[test]
fn a_small_run_fills_the_report_and_leaves_the_words_around_it() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on disk");
    let report = dir.path().join("performance.md");
    std::fs::write(
        &report,
        "# Ours\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n",
    )
    .expect("written");
    bench(
        &["all", "--entries", "2000", "--calls", "2"],
        dir.path(),
        &report,
    );
    let text = std::fs::read_to_string(&report).expect("a report");
    assert!(
        text.starts_with("# Ours\n") && text.ends_with("\nafter\n") && !text.contains("\nold\n"),
        "{text}"
    );
    assert!(text.contains("| what | bar | 0.002 million |"), "{text}");
    for row in [
        "ingest, NDJSON",
        "one entry a call",
        "disk, all of it",
        "request ID",
        "export CSV",
        "start after a kill",
    ] {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("| {row}")));
        let line = line.unwrap_or_else(|| panic!("no row {row} in {text}"));
        assert!(!line.contains(" - |"), "{line}");
    }
}

#[test]
fn every_protocol_is_measured_to_its_last_item() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on disk");
    let done = Command::new(env!("CARGO_BIN_EXE_mar-audit"))
        .args([
            "bench",
            "sources",
            "--entries",
            "1200",
            "--batch",
            "500",
            "--data",
        ])
        .arg(dir.path())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    for what in [
        "Kubernetes webhook",
        "OpenTelemetry, protobuf",
        "OpenTelemetry, JSON",
        "CloudEvents, batches",
        "Elasticsearch _bulk",
        "Splunk HEC",
        "syslog, TCP",
        "syslog, RELP",
    ] {
        let line = said
            .lines()
            .find(|line| line.contains(&format!("{what}: ")));
        let line = line.unwrap_or_else(|| panic!("no {what} in {said}"));
        assert!(line.contains("entries/s"), "{line}");
    }
}

fn bench(arguments: &[&str], dir: &Path, report: &Path) {
    let done = Command::new(env!("CARGO_BIN_EXE_mar-audit"))
        .arg("bench")
        .args(arguments)
        .arg("--data")
        .arg(dir.join("data"))
        .arg("--report")
        .arg(report)
        .output()
        .expect("the binary runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
