//! The measured part of a Markdown file: machine, date, command, and a row per figure.

use super::{Failed, Figure, Measured};
use std::path::Path;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// Replaces what stands between the two marks; a file without them is begun.
pub(super) fn write(
    path: &Path,
    measured: &Measured,
    columns: &[(u64, Vec<Figure>)],
) -> Result<(), Failed> {
    let old = match std::fs::read_to_string(path) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failed::file(path)(error)),
    };
    let fresh = format!("# Performance\n\n{BEGIN}\n{END}\n");
    let old = if old.contains(BEGIN) && old.contains(END) {
        old
    } else {
        fresh
    };
    let (before, rest) = old.split_once(BEGIN).expect("the first mark is there");
    let (_, after) = rest.split_once(END).expect("the second mark is there");
    let text = format!(
        "{before}{BEGIN}\n{}{}{END}{after}",
        heading(measured),
        table(columns)
    );
    std::fs::write(path, text).map_err(Failed::file(path))
}

fn heading(measured: &Measured) -> String {
    let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let build = if cfg!(debug_assertions) {
        "debug build: not for comparison"
    } else {
        "release build"
    };
    let date = crate::clock::now().to_string();
    format!(
        "Measured {} with version {} ({build}) on {}.\n\n```text\nmar-audit {command}\n```\n\n\
         {} clients, batches of {} entries; client and server share the machine.\n\n",
        &date[..10],
        env!("CARGO_PKG_VERSION"),
        machine(),
        measured.clients,
        measured.batch,
    )
}

/// What this machine says about itself.
fn machine() -> String {
    let line = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let found = text
            .lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(':'));
        found
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_else(|| "unknown".into())
    };
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = line("/proc/meminfo", "MemTotal");
    let kib: u64 = memory
        .split_whitespace()
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or_default();
    let model = line("/proc/cpuinfo", "model name");
    format!(
        "{cores} cores ({model}), {:.0} GiB, Linux {}",
        kib as f64 / 1_048_576.0,
        kernel.trim()
    )
}

/// A row per figure in the order of the last column; sizes side by side.
fn table(columns: &[(u64, Vec<Figure>)]) -> String {
    let mut out = String::from("| what | bar |");
    let mut rule = String::from("|---|---|");
    for (entries, _) in columns {
        out.push_str(&format!(" {} million |", *entries as f64 / 1e6));
        rule.push_str("---|");
    }
    out.push_str(&format!("\n{rule}\n"));
    for row in columns
        .last()
        .map(|(_, figures)| figures)
        .into_iter()
        .flatten()
    {
        out.push_str(&format!("| {} | {} |", row.what, row.bar));
        for (_, figures) in columns {
            let found = figures.iter().find(|figure| figure.what == row.what);
            out.push_str(&format!(" {} |", found.map_or("-", |figure| &figure.shown)));
        }
        out.push('\n');
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stand_side_by_side_in_one_row_per_figure() {
        let figure = |shown: &str| Figure {
            what: "export".into(),
            bar: "fast",
            shown: shown.into(),
        };
        let columns = [
            (1_000_000, vec![figure("a")]),
            (20_000_000, vec![figure("b")]),
        ];
        let rows = "| what | bar | 1 million | 20 million |\n|---|---|---|---|\n| export | fast | a | b |\n\n";
        assert_eq!(table(&columns), rows);
    }
}
