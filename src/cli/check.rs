//! `check`: re-reads and re-derives a data directory that no server has open.

use crate::cli::{Context, Exit, Failure, Output};
use crate::config::Flag;
use crate::terminal;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use store::check::{self, Difference, Mode, Report};

#[derive(Args, Debug)]
pub struct Arguments {
    /// Data directory [env: MAR_AUDIT_DATA=] [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write segments whose indexes differ anew from their entries
    #[arg(long)]
    repair_index: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let mut flags = Vec::new();
    if let Some(dir) = &arguments.data {
        let dir = dir
            .to_str()
            .ok_or_else(|| Failure::failed("--data: the path is not UTF-8"))?;
        flags.push(Flag::new("data", dir));
    }
    let config = context.layers(flags)?.check()?;
    let mode = if arguments.repair_index {
        Mode::RepairIndex
    } else {
        Mode::Report
    };
    let progress = progress_bar();
    let report = check::run(&config.data, mode, &mut |at| {
        progress.set_length(at.total_bytes);
        progress.set_position(at.done_bytes);
    });
    progress.finish_and_clear();
    let report = report?;
    print(&report, context.common.output)?;
    if report
        .differences
        .iter()
        .all(|difference| repaired(&report, difference))
    {
        Ok(())
    } else {
        Err(Failure::quiet(Exit::Damaged))
    }
}

fn repaired(report: &Report, difference: &Difference) -> bool {
    report.repaired.contains(&difference.path)
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta}")
        .expect("a good template");
    ProgressBar::no_length().with_style(style)
}

/// `acme 17..20`, the last not included.
fn entries(difference: &Difference) -> String {
    difference
        .entries
        .as_ref()
        .map(|(organization, first, end)| format!("{organization} {}..{}", first.0, end.0))
        .unwrap_or_default()
}

fn print(report: &Report, output: Output) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match output {
        Output::Table => {
            for log in &report.logs {
                writeln!(
                    out,
                    "{}: {} entries, {} segments",
                    log.organization, log.size, log.segments
                )?;
            }
            writeln!(
                out,
                "journal: {} records in {} files",
                report.journal_records, report.journal_files
            )?;
            if report.differences.is_empty() {
                writeln!(out, "everything is as it was written")?;
                return Ok(());
            }
            let mut table = terminal::table(&["File", "Entries", "What differs", ""]);
            for difference in &report.differences {
                let repaired = if repaired(report, difference) {
                    "repaired"
                } else {
                    ""
                };
                let path = difference.path.display().to_string();
                table.add_row(
                    [&path, &entries(difference), &difference.what, repaired].map(terminal::cell),
                );
            }
            terminal::print_table(&mut out, &table)?;
        }
        Output::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(["file", "entries", "what", "repaired"])?;
            for difference in &report.differences {
                let path = difference.path.display().to_string();
                let repaired = repaired(report, difference).to_string();
                csv.write_record([&path, &entries(difference), &difference.what, &repaired])?;
            }
            csv.flush()?;
        }
        Output::Json => writeln!(out, "{:#}", document(report))?,
        Output::Ndjson => writeln!(out, "{}", document(report))?,
    }
    Ok(())
}

fn document(report: &Report) -> Value {
    let logs = report.logs.iter().map(|log| json!({"organization": log.organization.as_str(), "size": log.size, "segments": log.segments}));
    let differences = report.differences.iter().map(|difference| {
        let entries = difference.entries.as_ref().map(|(organization, first, end)| {
            json!({"organization": organization.as_str(), "first": first.0, "end": end.0})
        });
        json!({
            "file": difference.path.display().to_string(),
            "entries": entries,
            "what": difference.what,
            "repaired": repaired(report, difference),
        })
    });
    json!({
        "logs": logs.collect::<Vec<_>>(),
        "journal": {"files": report.journal_files, "records": report.journal_records},
        "differences": differences.collect::<Vec<_>>(),
    })
}
