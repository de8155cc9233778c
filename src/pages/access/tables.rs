//! Bindings, tokens and sessions as tables: on their own pages, on a person's, on one's own.

use super::Visit;
use super::words;
use crate::access::session::Session;
use crate::access::token::Token;
use crate::access::{Access, Binding, Credential, Grant, Identifier, Subject};
use crate::pages::location::segment;
use crate::pages::visible::{Shown, plain};
use maud::{Markup, html};

/// The name of an account, and the way to it.
pub fn whose(visit: &Visit, access: &Access, id: &Identifier) -> Markup {
    match visit.account(access, id) {
        Some(account) => html! {
            a href={ "/access/people/" (id) } { (Shown(&account.name)) }
            " " span.sub { (account.login) }
        },
        None => html! { span.mono { (id) } },
    }
}

/// Who has a role, and the way to them.
pub fn subject(visit: &Visit, access: &Access, subject: &Subject) -> Markup {
    match subject {
        Subject::Account(id) => whose(visit, access, id),
        Subject::Group(name) => html! {
            a href={ "/access/groups/" (segment(name)) } { (Shown(name)) }
            " " span.sub { "group" }
        },
    }
}

/// Roles and where they hold. `own` is whose page this is: what comes from elsewhere says from where.
pub fn bindings(visit: &Visit, access: &Access, all: &[Binding], own: &Subject) -> Markup {
    html! {
        div.tablewrap {
            table.rows {
                thead { tr {
                    th scope="col" { "Role" } th scope="col" { "Where" } th scope="col" { "By" }
                    th scope="col" { span.unseen { "Remove" } }
                } }
                tbody {
                    @for binding in all {
                        tr {
                            td data-label="Role" { b { (binding.role) } }
                            td data-label="Where" { (words::extent(&binding.extent)) }
                            td data-label="By" {
                                @match &binding.subject {
                                    _ if binding.subject == *own => "directly",
                                    Subject::Group(name) => { "the group " a href={ "/access/groups/" (segment(name)) } { (Shown(name)) } },
                                    Subject::Account(_) => "directly",
                                }
                            }
                            td.act {
                                @if binding.subject == *own && access.passes_on(&visit.caller.principal, &binding.role, &binding.extent) {
                                    a.button.small href={ "/access/bindings/" (binding.id) "/remove" } {
                                        "Remove" span.unseen { " " (binding.role) " in " (plain(&binding.extent.to_string())) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Grants: what somebody may do, where, and what they do not see.
pub fn grants(all: &[Grant]) -> Markup {
    html! {
        ul.grants {
            @for grant in all {
                li {
                    p { b { (words::permissions(grant.permissions)) } " in " (words::extent(&grant.extent)) }
                    @if !grant.mask.is_none() {
                        p.soft { "Not shown of entries there: " (words::mask(grant.mask)) }
                    }
                }
            }
        }
    }
}

/// Tokens, the newest first. Below `base` each is revoked.
pub fn tokens(visit: &Visit, access: &Access, all: &[Token], base: &str, named: bool) -> Markup {
    let now = visit.app.now();
    let setting = &visit.setting;
    html! {
        div.tablewrap {
            table.rows {
                thead { tr {
                    th scope="col" { "Token" }
                    @if named { th scope="col" { "Of" } }
                    th scope="col" { "May" } th scope="col" { "Last used" } th scope="col" { "Expires" }
                    th scope="col" { span.unseen { "Revoke" } }
                } }
                tbody {
                    @for token in all {
                        @let over = token.expires_at.is_some_and(|at| at <= now);
                        tr.over[over] {
                            td data-label="Token" {
                                b { (Shown(&token.name)) }
                                span.sub { (words::token_kind(token.kind)) " · " span.mono { "mar_" (token.kind) "_" (token.id) "_…" } }
                            }
                            @if named { td data-label="Of" { (whose(visit, access, &token.account)) } }
                            td data-label="May" {
                                (words::permissions(token.permissions))
                                span.sub { @if token.extent == crate::access::Extent::Server { "wherever its account may" } @else { (words::extent(&token.extent)) } }
                            }
                            td data-label="Last used" {
                                @match token.used_at { Some(at) => (words::instant(setting, now, at)), None => span.soft { "never" } }
                            }
                            td data-label="Expires" {
                                @match token.expires_at {
                                    Some(_) if over => span.badge { "expired" },
                                    Some(at) => (words::instant(setting, now, at)),
                                    None => span.badge.warn { "never" },
                                }
                            }
                            td.act {
                                a.button.small href={ (base) "/" (token.id) "/revoke" } { "Revoke" span.unseen { " " (Shown(&token.name)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sessions, the newest first. Below `base` each is ended.
pub fn sessions(
    visit: &Visit,
    access: &Access,
    all: &[Session],
    base: &str,
    named: bool,
) -> Markup {
    let now = visit.app.now();
    let setting = &visit.setting;
    let own =
        |id: &Identifier| visit.caller.principal.credential == Credential::Session(id.clone());
    html! {
        div.tablewrap {
            table.rows {
                thead { tr {
                    @if named { th scope="col" { "Who" } }
                    th scope="col" { "Browser" } th scope="col" { "From" } th scope="col" { "Signed in" } th scope="col" { "Last seen" }
                    th scope="col" { span.unseen { "End" } }
                } }
                tbody {
                    @for session in all {
                        @let (address, browser) = words::browser(&session.from);
                        tr {
                            @if named { td data-label="Who" { (whose(visit, access, &session.account)) } }
                            td data-label="Browser" {
                                span title=(session.from) { (Shown(&browser)) }
                                @if own(&session.id) { " " span.badge.here { "this one" } }
                            }
                            td data-label="From" { span.mono { (Shown(address)) } }
                            td data-label="Signed in" { (words::instant(setting, now, session.created_at)) }
                            td data-label="Last seen" { (words::instant(setting, now, session.seen_at)) }
                            td.act {
                                a.button.small href={ (base) "/" (session.id) "/end" } { "End" span.unseen { " the session of " (browser) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A table that would be empty says so instead.
pub fn or_none(is_empty: bool, none: &str, table: Markup) -> Markup {
    html! { @if is_empty { p.none-here { (none) } } @else { (table) } }
}

/// What is shown once: the secret itself, and lines that use it.
pub fn once(secret: &str, label: &str, lines: &[(&str, String)]) -> Markup {
    html! {
        div.once {
            p { strong { "Copy it now: it is shown this once." } " What is kept here is only enough to recognise it." }
            div.secret {
                code tabindex="0" aria-label=(label) { (secret) }
                button.button type="button" data-copy=(secret) hidden { (crate::pages::setting::icon("copy")) "Copy" }
            }
            @if !lines.is_empty() {
                div.commands { @for (says, line) in lines { (crate::pages::proof::command(says, line)) } }
            }
        }
    }
}
