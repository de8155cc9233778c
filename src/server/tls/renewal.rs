//! Looks every few seconds whether the files of the certificate changed, and at once when the process is told to (`SIGHUP`).

use super::{Found, Tls};
use crate::app::App;
use crate::guard::{Caller, without_port};
use crate::metrics::Reload;
use crate::server::closes;
use crate::watching::{Act, Deed};
use entry::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;

/// From when on it is told every day that the certificate expires.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Looks until the server closes.
pub async fn watch(app: Arc<App>, tls: Arc<Tls>) {
    let mut closing = app.closing.subscribe();
    let mut hangup = tls.hangup.lock().take();
    warn_of_names(&app, &tls);
    let mut warned_at = None;
    loop {
        tell_of_expiry(&app, &tls, &mut warned_at);
        let is_asked = tokio::select! {
            () = closes(&mut closing) => return,
            () = told(&mut hangup) => true,
            () = tokio::time::sleep(app.settings.limits.certificate_look) => false,
        };
        let (looking, now) = (Arc::clone(&tls), app.now());
        let looked = tokio::task::spawn_blocking(move || looking.look(now, is_asked));
        match looked.await {
            Ok(found) => tell(&app, &tls, found).await,
            Err(error) => tracing::error!(%error, "looking at the certificate panicked"),
        }
    }
}

async fn told(hangup: &mut Option<Signal>) {
    let told = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if told.is_none() {
        std::future::pending().await
    }
}

async fn tell(app: &Arc<App>, tls: &Tls, found: Found) {
    let outcome = match found {
        Found::Nothing => return,
        Found::Same => {
            tracing::info!("the certificate was read again and is the same");
            return;
        }
        Found::Refused(unusable) => {
            tracing::error!(%unusable, "the renewed certificate cannot be used; the one before goes on being served");
            Reload::REFUSED
        }
        Found::Renewed { before, after } => {
            warn_of_names(app, tls);
            let expires_at = tls.expires_at();
            tracing::info!(certificate = after, %expires_at, "the certificate was renewed");
            let changed = json!([{"name": "tls_cert", "before": before, "after": after}]);
            let deed = Deed::new(Act::ChangeConfig).with("settings", changed);
            if let Err(problem) = app.note(&Caller::process(), deed).await {
                app.metrics.unnoted.inc();
                let detail = problem.detail;
                tracing::error!(detail, "what this process did was not noted");
            }
            Reload::RENEWED
        }
    };
    app.metrics
        .certificate_reloads
        .get_or_create(&outcome)
        .inc();
}

/// Callers who use a public host that the certificate does not name are refused by their own clients.
fn warn_of_names(app: &App, tls: &Tls) {
    for host in &app.settings.public_hosts {
        if !tls.is_for(without_port(host)) {
            tracing::warn!(host, "the certificate is not for this public host");
        }
    }
}

/// Keeps the measure, and warns once a day.
fn tell_of_expiry(app: &App, tls: &Tls, warned_at: &mut Option<Timestamp>) {
    let (now, expires_at) = (app.now(), tls.expires_at());
    let gauge = &app.metrics.certificate_expires_seconds;
    gauge.set(expires_at.as_micros() / 1_000_000);
    let lasts = |from: Timestamp, to: Timestamp, at_least: Duration| {
        u128::try_from(to.as_micros() - from.as_micros())
            .is_ok_and(|micros| micros >= at_least.as_micros())
    };
    let is_fresh = lasts(now, expires_at, SOON);
    let is_told = warned_at.is_some_and(|at| !lasts(at, now, DAY));
    if is_fresh || is_told {
        return;
    }
    *warned_at = Some(now);
    match expires_at <= now {
        true => tracing::error!(%expires_at, "the certificate has expired: clients refuse it"),
        false => tracing::warn!(%expires_at, "the certificate expires soon"),
    }
}
