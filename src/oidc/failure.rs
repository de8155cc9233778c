//! Why nobody came in: a word for the log, and what a page says to the person who tried.

use super::wire::Unanswered;
use crate::access::provider::Barred;
use axum::http::StatusCode;
use std::time::Duration;

/// Why nobody came in. None of it holds what was sent.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Begin again: this browser did not set out, or too long ago, or came back before.
    #[error("this browser did not begin that sign-in, or not lately")]
    NotBegun,
    #[error("the provider let nobody in")]
    Declined,
    /// Try later, or call who runs the provider.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(Unanswered),
    /// What it says of itself cannot be worked with.
    #[error("the provider is set up otherwise than this server expects: {0}")]
    Unusable(&'static str),
    /// It does not take the code, or us.
    #[error("the provider refused the code: {0}")]
    CodeRefused(&'static str),
    /// Somebody may be playing tricks.
    #[error("the provider's answer is not to be trusted: {0}")]
    Untrusted(&'static str),
    #[error("the provider names neither a verified address nor a user name")]
    Nameless,
    #[error("the provider's groups are no list of names")]
    BadGroups,
    #[error("the provider names {count} groups, at most {max} are taken")]
    TooManyGroups { count: usize, max: usize },
    #[error("none of the person's groups may sign in here")]
    NotAllowed,
    #[error(transparent)]
    Barred(#[from] Barred),
    #[error("too many attempts; the next may be made in {} s", wait.as_secs().max(1))]
    Slow { wait: Duration },
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        Failure::Unreachable(unanswered)
    }
}

impl Failure {
    /// The word for it in the log's own entry.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::NotBegun => "not_begun",
            Failure::Declined => "declined",
            Failure::Unreachable(_) => "provider_unreachable",
            Failure::Unusable(what) | Failure::CodeRefused(what) | Failure::Untrusted(what) => what,
            Failure::Nameless => "nameless",
            Failure::BadGroups => "bad_groups",
            Failure::TooManyGroups { .. } => "too_many_groups",
            Failure::NotAllowed => "not_in_an_allowed_group",
            Failure::Barred(Barred::Taken { .. }) => "login_taken",
            Failure::Barred(Barred::Disabled { .. }) => "account_disabled",
            Failure::Barred(Barred::Failed(_)) => "refused",
            Failure::Slow { .. } => "too_many_attempts",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Failure::NotBegun => StatusCode::BAD_REQUEST,
            Failure::Unreachable(_) | Failure::Unusable(_) => StatusCode::BAD_GATEWAY,
            Failure::Declined
            | Failure::CodeRefused(_)
            | Failure::Untrusted(_)
            | Failure::Nameless
            | Failure::BadGroups
            | Failure::TooManyGroups { .. }
            | Failure::NotAllowed
            | Failure::Barred(_) => StatusCode::FORBIDDEN,
            Failure::Slow { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// True if it is worth trying once more without changing anything.
    pub fn may_be_tried_again(&self) -> bool {
        matches!(
            self,
            Failure::NotBegun
                | Failure::Declined
                | Failure::Unreachable(_)
                | Failure::CodeRefused(_)
                | Failure::Untrusted(_)
                | Failure::Slow { .. }
        )
    }

    pub fn title(&self) -> &'static str {
        match self {
            Failure::NotBegun => "This sign-in was not begun here",
            Failure::Declined => "You were not signed in",
            Failure::Unreachable(_) => "The sign-in provider does not answer",
            Failure::Unusable(_) => "The sign-in provider cannot be used",
            Failure::CodeRefused(_) | Failure::Untrusted(_) => "That sign-in was refused",
            Failure::Nameless => "The provider does not say who you are",
            Failure::BadGroups | Failure::TooManyGroups { .. } => {
                "The provider's groups cannot be read"
            }
            Failure::NotAllowed => "You may not sign in here",
            Failure::Barred(Barred::Taken { .. }) => "Your name is taken here",
            Failure::Barred(Barred::Disabled { .. }) => "Your account is disabled",
            Failure::Barred(Barred::Failed(_)) => "There is no account for you",
            Failure::Slow { .. } => "Too many attempts",
        }
    }

    /// What happened, and what to do about it.
    pub fn advice(&self) -> String {
        let fixed = match self {
            Failure::NotBegun => {
                "This browser did not begin the sign-in that it came back from, or began it more than ten minutes ago, or \
                 finished it before. Begin again. If it happens each time, the browser keeps no cookies, or this \
                 server has another address than the one it is called by."
            }
            Failure::Declined => {
                "The provider sent you back without signing you in: you turned away, or it may not sign you in to this \
                 application."
            }
            Failure::Unreachable(_) => {
                "This server asked the provider, and got no answer that it can use. Try again in a moment; whoever runs \
                 this server finds in its log what went wrong."
            }
            Failure::Unusable(_) => {
                "What the provider says of itself is not what this server was set up for. Whoever runs this server finds \
                 in its log what it is."
            }
            Failure::CodeRefused(_) => {
                "The provider did not take back the code that it gave to your browser. Begin again. If it happens \
                 each time, this server is known to the provider by another id, secret or address."
            }
            Failure::Untrusted(_) => {
                "What came back does not prove that the provider signed you in, now, for this server. Nothing was \
                 changed. Begin again; if it happens each time, tell whoever runs this server."
            }
            Failure::Nameless => {
                "It sends neither a verified address of mail nor a user name. Have your address verified at the provider, \
                 or ask whoever runs this server to have it send one: setting `oidc.assume_verified` takes addresses \
                 from a provider whose administrators vouch for them."
            }
            Failure::BadGroups => {
                "The claim that is to hold your groups is no list of names. Whoever runs the provider can have it send one; \
                 setting `oidc.groups_claim` names the claim."
            }
            Failure::NotAllowed => {
                "The provider knows you, and none of your groups is among those that may sign in here. Ask whoever runs \
                 this server."
            }
            Failure::Barred(Barred::Disabled { .. }) => {
                "The provider knows you, and your account here was disabled. Ask whoever manages access here."
            }
            Failure::Barred(Barred::Failed(_)) => {
                "The provider knows you, and no account could be made for you. Ask whoever manages access here."
            }
            Failure::TooManyGroups { count, max } => {
                return format!(
                    "The provider says that you are in {count} groups, and at most {max} are taken. Have it send only those \
                     that matter to this application."
                );
            }
            Failure::Barred(Barred::Taken { login }) => {
                return format!(
                    "There is an account {login} here that signs in with a password, and nobody gets it for being called \
                     the same at the provider. Sign in with its password; or have the provider send another \
                     address or user name for you."
                );
            }
            Failure::Slow { wait } => {
                let wait = wait.as_secs().max(1);
                return format!("Wait {wait} seconds, then begin again.");
            }
        };
        fixed.to_owned()
    }
}
