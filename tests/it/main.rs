//! Through the public door: every test here starts the product and speaks HTTP to it.

mod api;
mod bench;
mod check;
mod cli;
mod config;
mod cursor;
mod demo;
mod disk_full;
mod export;
mod hostile;
mod import;
mod kill;
mod overload;
mod pages;
mod program;
mod proofs;
mod proofs_bundle;
mod proofs_receipts;
mod redact;
mod tail;
mod test_server;
mod tidy;
mod verify;
mod verify_bundle;
mod verify_evidence;
mod verify_log;
