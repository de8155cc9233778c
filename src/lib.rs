//! mar-audit: the audit log as one program. Records durably, answers at once, exports completely.
//!
//! This is the roof: it knows HTTP, pages, configuration and the command line, and asks `store` for everything else.
//! What an entry is, is said in the `entry` crate; how it is kept, in `store`.
//!
//! In reading order:
//! - [`app`]: what `main` builds once and hands down
//! - [`router`]: every route, in one table
//! - [`server`]: sockets, timeouts, shutdown
//! - [`guard`]: which calls are let in at all: host, origin, headers; and who makes them
//! - [`body`]: the bytes of a call: limits, decompression, stalled senders
//! - [`answer`]: the bytes of answers until they are sent
//! - [`access`]: who may do what, and where
//! - [`oidc`]: signing in at an OpenID provider
//! - [`reading`]: what a caller may see of the logs: the only way from a handler to entries
//! - [`api`]: the handlers of `/v1` and the functions behind them, which pages call too
//! - [`watching`]: the log watches itself
//! - [`cursor`]: where a walk goes on
//! - [`export`], [`tail`]: everything at once, everything from now on
//! - [`problem`]: how a refusal looks
//! - [`metrics`], [`openapi`]: what it says about itself
//! - [`pages`]: the page
//! - [`cli`], [`config`]: the command line and the settings
//! - [`import`]: files of audit data, mapped and sent
//! - [`setup`]: how other systems are pointed here
//! - [`syslog`]: what comes by syslog, over sockets of its own
//! - [`bundle`]: a run of entries with its evidence, in one file
//! - [`verify`]: whether evidence holds, without trusting the server it came from
//! - [`client`], [`terminal`]: what client commands call and show with
//! - [`clock`]: the only place that asks the system for the time
//! - [`demo`], [`bench`]: data that looks alive; data that measures

pub mod access;
pub mod answer;
pub mod api;
pub mod app;
pub mod bench;
pub mod body;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod demo;
pub mod export;
pub mod guard;
pub mod import;
pub mod intake;
pub mod metrics;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod openapi;
pub mod pages;
pub mod problem;
pub mod random;
pub mod reading;
pub mod router;
pub mod server;
pub mod setup;
pub mod syslog;
pub mod tail;
pub mod terminal;
pub mod verify;
pub mod watching;
