//! Access through its own door: what is made is let in, what is taken away is not, and nothing is given that one lacks.

mod authority;
mod kept;
mod provider;

use super::session::{SESSION_IDLE, SESSION_LIFE, SESSIONS_PER_ACCOUNT_MAX};
use super::*;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::mask::{Hidden, Mask};
use entry::{ActorKind, Filter, Organization, Timestamp};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery";

/// An access file in a directory of its own, and an owner who is signed in.
struct World {
    dir: TempDir,
    access: Access,
    owner: Principal,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("a time")
}

fn places(dir: &TempDir) -> Places {
    Places {
        file: dir.path().join("access.redb"),
        mark: dir.path().join("access.mark"),
    }
}

fn open(dir: &TempDir) -> Result<Access, Error> {
    Access::open(&places(dir), Expect::Known, system_random())
}

fn password() -> Secret {
    Secret::new(PASSWORD.to_owned())
}

fn address() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn organization(name: &str) -> Organization {
    Organization::parse(name).expect("a slug")
}

fn acme() -> Extent {
    Extent::Organization(organization("acme"))
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let access = open(&dir).expect("a new file");
        let link = access
            .bootstrap_link(at(0))
            .expect("written")
            .expect("no owner yet");
        access
            .claim(
                link.expose(),
                "Owner@acme.example",
                "Olga",
                &password(),
                at(0),
            )
            .expect("the first");
        let owner = sign_in(&access, "owner@acme.example");
        Self { dir, access, owner }
    }

    /// Somebody with these bindings, who is signed in.
    fn person(&self, login: &str, bindings: &[(&str, Extent)]) -> Principal {
        let password = password();
        let kind = AccountKind::Person;
        let account = self
            .access
            .add_account(&self.owner, kind, login, login, Some(&password), at(0))
            .expect("a new login");
        self.bound(&account, bindings);
        sign_in(&self.access, login)
    }

    fn service(&self, login: &str, bindings: &[(&str, Extent)]) -> Account {
        let kind = AccountKind::Service;
        let account = self
            .access
            .add_account(&self.owner, kind, login, login, None, at(0));
        let account = account.expect("a new login");
        self.bound(&account, bindings);
        account
    }

    fn bound(&self, account: &Account, bindings: &[(&str, Extent)]) {
        for (role, extent) in bindings {
            let subject = Subject::Account(account.id.clone());
            let bound = self.access.bind(&self.owner, subject, role, extent.clone());
            bound.expect("the owner may");
        }
    }

    fn token(&self, of: &Account, kind: token::Kind, extent: Extent) -> (token::Token, Secret) {
        let wanted = NewToken {
            account: of.id.clone(),
            kind,
            name: "ci".into(),
            permissions: Permissions::all(),
            extent,
            expires_at: Some(at(1_000)),
        };
        let made = self.access.create_token(&self.owner, &wanted, at(0));
        made.expect("the owner may")
    }

    fn who(&self, secret: &Secret, now: i64) -> Result<Principal, Denied> {
        self.access.authenticate(secret.expose(), at(now))
    }
}

fn sign_in(access: &Access, login: &str) -> Principal {
    let (_, secret) = access
        .sign_in(login, &password(), address(), "Firefox", at(0))
        .expect("the right password");
    access
        .authenticate(secret.expose(), at(0))
        .expect("just signed in")
}

fn may(principal: &Principal, permission: Permission, of: &str, project: Option<&str>) -> bool {
    principal.may(permission, &organization(of), project)
}

#[test]
fn the_first_start_makes_one_owner_once() {
    let dir = TempDir::new().expect("a directory");
    let access = open(&dir).expect("a new file");
    let first = access
        .bootstrap_link(at(0))
        .expect("written")
        .expect("no owner yet");
    let second = access
        .bootstrap_link(at(1))
        .expect("written")
        .expect("no owner yet");
    let claim =
        |link: &Secret, now| access.claim(link.expose(), "olga", "Olga", &password(), at(now));
    assert!(
        matches!(claim(&first, 2), Err(Denied::Unknown)),
        "a newer one voids it"
    );
    assert!(matches!(
        claim(&second, 24 * 3_600 + 1),
        Err(Denied::Expired)
    ));
    assert!(matches!(
        access.authenticate(second.expose(), at(2)),
        Err(Denied::Unknown)
    ));
    claim(&second, 2).expect("the first owner");
    assert!(
        matches!(claim(&second, 3), Err(Denied::Unknown)),
        "it was used"
    );
    assert!(
        access
            .bootstrap_link(at(4))
            .expect("nothing to write")
            .is_none()
    );
    let owner = sign_in(&access, "OLGA");
    assert!(
        Permission::ALL
            .iter()
            .all(|one| may(&owner, *one, "any", Some("x")))
    );
}

#[test]
fn a_session_ends_when_it_is_ended_idles_or_is_old() {
    let world = World::new();
    let signed_in = || {
        let made =
            world
                .access
                .sign_in("owner@acme.example", &password(), address(), "curl", at(0));
        made.expect("the right password")
    };
    let (session, secret) = signed_in();
    let principal = world.who(&secret, 1).expect("signed in");
    assert_eq!(
        principal.party().email.as_deref(),
        Some("owner@acme.example")
    );
    let mut changes = world.access.changes();
    changes.mark_unchanged();
    world
        .access
        .end_session(&principal, &session.id)
        .expect("one's own");
    assert!(
        changes.has_changed().expect("still open"),
        "streams are woken"
    );
    assert!(matches!(
        world.access.renew(&principal, at(1)),
        Err(Denied::Unknown)
    ));
    assert!(matches!(world.who(&secret, 1), Err(Denied::Unknown)));

    let (_, secret) = signed_in();
    let idle = SESSION_IDLE.as_secs() as i64;
    assert!(world.who(&secret, idle - 1).is_ok());
    assert!(world.who(&secret, 2 * idle - 2).is_ok(), "used in between");
    assert!(matches!(world.who(&secret, 3 * idle), Err(Denied::Expired)));

    let (_, secret) = signed_in();
    let life = SESSION_LIFE.as_secs() as i64;
    assert!(
        (0..life)
            .step_by(600)
            .all(|now| world.who(&secret, now).is_ok())
    );
    assert!(matches!(world.who(&secret, life), Err(Denied::Expired)));
}

#[test]
fn sessions_of_one_account_do_not_pile_up() {
    let world = World::new();
    let made: Vec<Secret> = (0..SESSIONS_PER_ACCOUNT_MAX as i64 + 3)
        .map(|now| {
            let one =
                world
                    .access
                    .sign_in("owner@acme.example", &password(), address(), "x", at(now));
            one.expect("the right password").1
        })
        .collect();
    assert_eq!(
        world.access.sessions(&world.owner).len(),
        SESSIONS_PER_ACCOUNT_MAX
    );
    assert!(world.who(&made[0], 50).is_err());
    assert!(world.who(made.last().expect("some"), 50).is_ok());
    world.access.tidy(at(24 * 3_600)).expect("written");
    assert_eq!(world.access.sessions(&world.owner).len(), 0);
}

#[test]
fn who_is_unknown_and_who_mistypes_hear_the_same_and_both_are_slowed() {
    let world = World::new();
    let wrong = Secret::new("correct horse batterx".to_owned());
    let attempt = |login: &str, password: &Secret, last: u8| {
        let from = IpAddr::from([198, 51, 100, last]);
        world
            .access
            .sign_in(login, password, from, "x", at(0))
            .map(drop)
    };
    for login in ["owner@acme.example", "nobody", "not a login", ""] {
        assert!(
            matches!(attempt(login, &wrong, 1), Err(Denied::Unknown)),
            "{login}"
        );
    }
    let slowed =
        (0..20).find(|last| matches!(attempt("nobody", &wrong, *last), Err(Denied::Slow { .. })));
    assert!(slowed.is_some(), "also names that nobody has");
    let disabled = world
        .person("bo", &[])
        .account()
        .expect("an account")
        .clone();
    world
        .access
        .disable(&world.owner, &disabled)
        .expect("the owner may");
    assert!(matches!(
        attempt("bo", &password(), 7),
        Err(Denied::Unknown)
    ));
}

#[test]
fn a_token_does_no_more_than_its_bounds_and_its_account() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", Extent::Server), ("recorder", acme())]);
    let (token, secret) = world.token(&service, token::Kind::Service, acme());
    let principal = world.who(&secret, 1).expect("a token");
    assert_eq!(principal.party().kind, ActorKind::ServiceAccount);
    assert!(may(&principal, Permission::Read, "acme", None));
    assert!(may(&principal, Permission::Record, "acme", Some("pay")));
    assert!(
        !may(&principal, Permission::Read, "beta", None),
        "beyond its bounds"
    );
    assert!(
        !may(&principal, Permission::Export, "acme", None),
        "beyond its account"
    );

    let (_, recorder) = world.token(&service, token::Kind::Recorder, Extent::Server);
    let recorder = world.who(&recorder, 1).expect("a token");
    assert!(may(&recorder, Permission::Record, "acme", None) && !recorder.holds(Permission::Read));
    assert!(!may(&recorder, Permission::Record, "beta", None));

    assert!(matches!(world.who(&secret, 1_000), Err(Denied::Expired)));
    world
        .access
        .revoke_token(&world.owner, &token.id)
        .expect("the owner may");
    assert!(matches!(world.who(&secret, 1), Err(Denied::Unknown)));
    assert!(matches!(
        world.access.renew(&principal, at(1)),
        Err(Denied::Unknown)
    ));
    world
        .access
        .disable(&world.owner, &service.id)
        .expect("the owner may");
    assert!(matches!(
        world.access.renew(&recorder, at(1)),
        Err(Denied::Disabled)
    ));
}

#[test]
fn a_token_of_another_kind_id_or_secret_is_nobodys() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let (_, one) = world.token(&service, token::Kind::Service, acme());
    let (_, two) = world.token(&service, token::Kind::Service, acme());
    let part = |secret: &Secret, n: usize| {
        secret
            .expose()
            .split('_')
            .nth(n)
            .expect("four parts")
            .to_owned()
    };
    let last = |secret: &Secret| part(secret, 3)[..33].to_owned();
    let kinds = token::Kind::ALL
        .iter()
        .filter(|kind| **kind != token::Kind::Service);
    let mut forged: Vec<Secret> = kinds
        .map(|kind| token::write(*kind, &part(&one, 2), &last(&one)))
        .collect();
    forged.push(token::write(
        token::Kind::Service,
        &part(&one, 2),
        &last(&two),
    ));
    forged.push(token::write(
        token::Kind::Service,
        &part(&one, 2),
        &"0".repeat(33),
    ));
    forged.push(token::write(
        token::Kind::Service,
        &"0".repeat(13),
        &last(&one),
    ));
    for secret in forged {
        assert!(
            matches!(world.who(&secret, 1), Err(Denied::Unknown)),
            "{}",
            secret.expose()
        );
    }
    assert!(world.who(&one, 1).is_ok());
}

#[test]
fn roles_that_are_taken_away_are_gone_from_all_that_acts_for_the_account() {
    let world = World::new();
    let person = world.person("ana", &[("auditor", acme())]);
    let id = person.account().expect("an account").clone();
    let wanted = NewToken {
        account: id,
        kind: token::Kind::Personal,
        name: "laptop".into(),
        permissions: Permissions::all(),
        extent: Extent::Server,
        expires_at: None,
    };
    let (_, secret) = world
        .access
        .create_token(&person, &wanted, at(0))
        .expect("one's own");
    let before = world.who(&secret, 1).expect("a token");
    assert!(may(&before, Permission::Export, "acme", None));
    let bindings = world.access.bindings(&world.owner);
    let auditor = bindings
        .iter()
        .find(|one| one.role == "auditor")
        .expect("bound");
    world
        .access
        .unbind(&world.owner, &auditor.id)
        .expect("the owner may");
    for principal in [&before, &person] {
        let after = world
            .access
            .renew(principal, at(1))
            .expect("still somebody");
        assert!(Permission::ALL.iter().all(|one| !after.holds(*one)));
    }
}

#[test]
fn an_auditors_link_shows_what_it_was_frozen_to() {
    let world = World::new();
    let maker = world.person("ana", &[("auditor", acme())]);
    let wanted = NewLink {
        name: "Big Four".into(),
        permissions: Permissions::of(&[Permission::Read]),
        extent: acme(),
        mask: Mask::of([Hidden::Ip]),
        filter: "since:1h action:login".into(),
        expires_at: at(50_000),
    };
    let (link, secret) = world
        .access
        .create_link(&maker, &wanted, at(10_000))
        .expect("hers to give");
    let auditor = world.who(&secret, 40_000).expect("a link");
    assert_eq!(auditor.party().kind, ActorKind::Anonymous);
    assert_eq!(auditor.account(), None);
    assert!(!auditor.holds(Permission::Export));
    let reach = auditor.reach(Permission::Read);
    let frozen = "from:1970-01-01T01:46:40.000000Z";
    let asked = reach.narrow(&Filter::everything()).to_string();
    assert!(
        asked.contains(frozen) && asked.contains("action:login"),
        "{asked}"
    );
    assert!(!reach.covers(&organization("acme")));
    let by_ip: Filter = Term::Value(Field::Ip, Pattern::exact("10.0.0.1")).into();
    assert!(reach.asks_for_hidden(&by_ip));
    assert!(matches!(world.who(&secret, 50_000), Err(Denied::Expired)));

    let wider = NewLink {
        extent: Extent::Server,
        ..wanted.clone()
    };
    let refused = world.access.create_link(&maker, &wider, at(10_000));
    assert!(matches!(refused, Err(Error::NotYours)));
    let export = NewLink {
        permissions: Permissions::all(),
        ..wanted
    };
    let refused = world.access.create_link(&maker, &export, at(10_000));
    assert!(matches!(refused, Err(Error::Invalid { .. })));

    world
        .access
        .revoke_link(&world.owner, &link.id)
        .expect("the owner may");
    assert!(matches!(world.who(&secret, 40_000), Err(Denied::Unknown)));
    assert!(matches!(
        world.access.renew(&auditor, at(40_000)),
        Err(Denied::Unknown)
    ));
}

#[test]
fn an_embedded_page_lives_no_longer_than_the_token_that_made_it() {
    let world = World::new();
    let service = world.service("console", &[("viewer", acme())]);
    let (token, secret) = world.token(&service, token::Kind::Service, Extent::Server);
    let backend = world.who(&secret, 0).expect("a token");
    let wanted = Embedded {
        extent: Extent::projects(organization("acme"), ["pay"]).expect("a project"),
        mask: Mask::NONE,
        filter: "*".into(),
        life: Duration::from_secs(300),
    };
    let page = world
        .access
        .embed(&backend, &wanted, at(0))
        .expect("its to give");
    let viewer = world.who(&page, 299).expect("an embed token");
    assert!(may(&viewer, Permission::Read, "acme", Some("pay")));
    assert!(!may(&viewer, Permission::Read, "acme", None));
    assert!(matches!(world.who(&page, 300), Err(Denied::Expired)));
    for (wanted, life) in [(Extent::Server, 300), (acme(), 3_601), (acme(), 0)] {
        let life = Duration::from_secs(life);
        let asked = Embedded {
            extent: wanted,
            mask: Mask::NONE,
            filter: "*".into(),
            life,
        };
        assert!(world.access.embed(&backend, &asked, at(0)).is_err());
    }
    assert!(matches!(
        world.access.embed(&viewer, &wanted, at(0)),
        Err(Error::NotYours)
    ));
    world
        .access
        .revoke_token(&world.owner, &token.id)
        .expect("the owner may");
    assert!(matches!(world.who(&page, 1), Err(Denied::Unknown)));
    assert!(matches!(
        world.access.renew(&viewer, at(1)),
        Err(Denied::Unknown)
    ));
}

/// Generous by a factor of hundreds; it says so when somebody puts the disk, or a search of all bindings, in the way.
#[test]
fn authenticating_a_token_is_a_matter_of_microseconds() {
    let world = World::new();
    let bindings: Vec<(&str, Extent)> = (0..20).map(|_| ("viewer", acme())).collect();
    let service = world.service("ci", &bindings);
    let (_, secret) = world.token(&service, token::Kind::Service, Extent::Server);
    let mut taken: Vec<Duration> = (0..2_000)
        .map(|_| {
            let start = Instant::now();
            world.who(&secret, 1).expect("a token");
            start.elapsed()
        })
        .collect();
    taken.sort();
    let median = taken[taken.len() / 2];
    println!(
        "authenticating a token: median {median:?}, 99 % {:?}",
        taken[taken.len() * 99 / 100]
    );
    assert!(median < Duration::from_millis(2), "{median:?}");
}
