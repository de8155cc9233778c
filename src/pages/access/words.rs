//! Permissions, masks, roles and extents in plain words.

use crate::access::role::OWNER;
use crate::access::token::Kind;
use crate::access::{AccountKind, Extent, Permission, Permissions, Role};
use crate::pages::moment;
use crate::pages::setting::Setting;
use crate::pages::visible::Shown;
use entry::Timestamp;
use entry::mask::Hidden;
use maud::{Markup, html};

/// What a permission is called, and what it lets somebody do.
pub const fn of_permission(permission: Permission) -> (&'static str, &'static str) {
    match permission {
        Permission::Record => ("Record", "Add entries. Nothing is seen by this."),
        Permission::Read => ("Read", "See, search, count and follow entries."),
        Permission::Export => (
            "Export",
            "Take everything that a filter matches away as a file.",
        ),
        Permission::Unmask => (
            "Unmask",
            "Ask for what a role hides. Each time leaves an entry.",
        ),
        Permission::Redact => (
            "Erase",
            "Erase values from entries, for good. Their proofs hold all the same.",
        ),
        Permission::Verify => (
            "Verify",
            "Read checkpoints and proofs, and check that nothing was changed.",
        ),
        Permission::ManageAccess => (
            "Manage access",
            "Add people, give roles, make tokens and links: never more than one has oneself.",
        ),
        Permission::ManageSources => ("Manage sources", "Say where entries come in from."),
        Permission::ManageSinks => ("Manage sinks", "Say where entries are passed on to."),
        Permission::ManageRetention => ("Manage retention", "Say how long entries are kept."),
    }
}

/// What is hidden by a name of a mask.
pub const fn of_hidden(hidden: Hidden) -> (&'static str, &'static str) {
    match hidden {
        Hidden::ActorEmail => (
            "Mail address",
            "Of who acted; with it, for whom they acted.",
        ),
        Hidden::ActorId => ("Actor's id", "With it the mail address."),
        Hidden::ActorName => ("Actor's name", "With it the mail address."),
        Hidden::OnBehalfOf => ("On behalf of", "For whom somebody acted."),
        Hidden::Changes => ("Changes", "What was there before and after."),
        Hidden::Context => ("Context", "All that callers add in words of their own."),
        Hidden::ErrorMessage => ("Error message", "Its code stays."),
        Hidden::Related => ("Related targets", "What else was concerned."),
        Hidden::Ip => ("IP address", "Where the request came from."),
        Hidden::UserAgent => ("User agent", "The browser or program."),
        Hidden::TargetName => ("Target's name", "Its type and id stay."),
    }
}

/// What a role is for, in one sentence.
pub fn of_role(role: &Role) -> String {
    let says = match role.name.as_str() {
        "recorder" => "For programs that write into the log. It sees nothing of it.",
        "viewer" => "Looks at entries, and takes none away.",
        "auditor" => "Looks at entries, exports them, and checks that nothing was changed.",
        "security-admin" => {
            "Runs access, sources and sinks, and sees everything, but can neither write into the log nor take anything out of it."
        }
        OWNER => "May do everything.",
        _ => return format!("{}.", permissions(role.permissions)),
    };
    says.to_owned()
}

/// `Read, export and verify`
pub fn permissions(some: Permissions) -> String {
    let names: Vec<String> = some
        .iter()
        .map(|one| of_permission(one).0.to_lowercase())
        .collect();
    let text = match names.as_slice() {
        _ if some == Permissions::all() => "everything".to_owned(),
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// What is hidden, in words, or nothing.
pub fn mask(mask: entry::Mask) -> String {
    let names: Vec<String> = mask
        .iter()
        .map(|one| match of_hidden(one).0 {
            // An abbreviation stays one.
            name if name.starts_with("IP") => name.to_owned(),
            name => name.to_lowercase(),
        })
        .collect();
    names.join(", ")
}

/// Where a role or token holds.
pub fn extent(extent: &Extent) -> Markup {
    html! {
        @match extent {
            Extent::Server => "the whole server",
            Extent::Organization(of) => span.mono { (of) },
            Extent::Projects(of, some) => {
                span.mono { (of) }
                span.soft { " / " }
                @for (n, project) in some.iter().enumerate() {
                    @if n > 0 { ", " }
                    span.mono { (Shown(project.as_str())) }
                }
            }
        }
    }
}

pub const fn account_kind(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Person => "person",
        AccountKind::Service => "service",
    }
}

/// What a token is for.
pub const fn token_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Personal => "personal",
        Kind::Service => "service",
        Kind::Recorder => "records only",
        Kind::Session => "session",
        Kind::Auditor => "auditor",
        Kind::Embed => "embedded page",
        Kind::Bootstrap => "first start",
    }
}

/// An instant to the minute, and how far away it is.
pub fn instant(setting: &Setting, now: Timestamp, at: Timestamp) -> Markup {
    let away = at.as_micros() - now.as_micros();
    let far = match away {
        _ if away.unsigned_abs() < 60_000_000 => "now".to_owned(),
        _ if away < 0 => format!("{} ago", moment::span(away)),
        _ => format!("in {}", moment::span(away)),
    };
    html! {
        time datetime=(at) title=(setting.zone.full(at)) { (setting.zone.minute(at)) }
        span.sub { (far) }
    }
}

/// A session's address, and its browser as people call it.
pub fn browser(from: &str) -> (&str, String) {
    let (address, agent) = from.split_once(' ').unwrap_or((from, ""));
    let has = |word: &str| agent.contains(word);
    // The order counts: each of these claims to be those after it as well.
    let programs = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
        ("mar-audit", "mar-audit"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let program = programs.iter().find(|(word, _)| has(word));
    let system = systems.iter().find(|(word, _)| has(word));
    let said = match (program, system) {
        (Some((_, program)), Some((_, system))) => format!("{program} on {system}"),
        (Some((_, program)), None) => (*program).to_owned(),
        _ if agent.is_empty() => "a program that does not say".to_owned(),
        _ => crate::pages::visible::brief(agent, 40),
    };
    (address, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_by_its_own_name() {
        let chrome = "127.0.0.1 Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), ("127.0.0.1", "Chrome on Linux".to_owned()));
        assert_eq!(browser("::1 curl/8.5.0"), ("::1", "curl".to_owned()));
        assert_eq!(browser("::1").1, "a program that does not say");
    }

    #[test]
    fn permissions_are_said_in_a_sentence() {
        let some = Permissions::of(&[Permission::Read, Permission::Export, Permission::Verify]);
        assert_eq!(permissions(some), "Read, export and verify");
        assert_eq!(permissions(Permissions::all()), "Everything");
        assert_eq!(permissions(Permissions::NONE), "Nothing");
    }
}
