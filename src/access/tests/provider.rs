//! People who sign in elsewhere: found again by what never changes, and given what was meant for them only.

use super::super::provider::{Arrival, Barred, Elsewhere, Newcomer, PROVIDER_GROUPS_MAX, group};
use super::*;

const ISSUER: &str = "https://id.acme.example";

fn newcomer(subject: &str, logins: &[&str], groups: &[&str]) -> Newcomer {
    Newcomer {
        elsewhere: Elsewhere {
            issuer: ISSUER.into(),
            subject: subject.into(),
        },
        logins: logins
            .iter()
            .map(|login| Login::parse(login).expect("a login"))
            .collect(),
        name: "Ana Ruiz".into(),
        groups: groups
            .iter()
            .map(|name| group(name).expect("a name"))
            .collect(),
    }
}

impl World {
    fn arrive(&self, newcomer: &Newcomer) -> Result<Arrival, Barred> {
        self.access.arrive(newcomer, address(), "a browser", at(1))
    }

    fn bind_group(&self, name: &str, role: &str) {
        let subject = Subject::Group(name.into());
        let bound = self.access.bind(&self.owner, subject, role, acme());
        bound.expect("the owner may");
    }
}

#[test]
fn somebody_is_found_again_by_the_subject_whatever_they_are_called_by_then() {
    let world = World::new();
    let first = world
        .arrive(&newcomer("7", &["ana@acme.example"], &[]))
        .expect("comes in");
    assert!(first.is_new);
    let mut married = newcomer("7", &["ana.gil@acme.example"], &[]);
    married.name = "Ana Gil".into();
    let again = world.arrive(&married).expect("comes in");
    assert!(!again.is_new);
    assert_eq!(again.account.id, first.account.id);
    assert_eq!(again.account.login.as_str(), "ana@acme.example");
    let who = world.who(&again.secret, 2).expect("a session");
    assert_eq!(who.party().name.as_deref(), Some("Ana Gil"));
    assert!(who.grants().is_empty(), "nobody gave her anything");
    // The same subject of another provider is somebody else.
    let mut other = newcomer("7", &["other@acme.example"], &[]);
    other.elsewhere.issuer = "https://id.evil.example".into();
    let other = world.arrive(&other).expect("comes in");
    assert_ne!(other.account.id, first.account.id);
}

#[test]
fn what_the_provider_says_of_groups_counts_at_each_sign_in_and_theirs_are_not_ours() {
    let world = World::new();
    world.bind_group("admins", "owner");
    world.bind_group("oidc:admins", "viewer");
    world.bind_group("oidc:/Plattform/Ä 1", "auditor");
    let ana = |groups| newcomer("7", &["ana@acme.example"], groups);
    let one = world.arrive(&ana(&["admins", "x"])).expect("comes in");
    let who = world.who(&one.secret, 2).expect("a session");
    assert!(who.holds(Permission::Read) && !who.holds(Permission::ManageAccess));
    assert_eq!(
        world.access.book.read().bound_groups(&one.account),
        ["oidc:admins".to_owned()]
    );
    let two = world.arrive(&ana(&["/Plattform/Ä 1"])).expect("comes in");
    let who = world.who(&two.secret, 2).expect("a session");
    assert!(who.holds(Permission::Export));
    world.arrive(&ana(&[])).expect("comes in");
    // Also for the sessions of before.
    let who = world.who(&one.secret, 2).expect("a session");
    assert!(who.grants().is_empty());
    let slug = world
        .access
        .set_groups(&world.owner, &one.account.id, &["oidc:admins"]);
    assert!(
        slug.is_err(),
        "only the provider puts people into its groups"
    );
}

#[test]
fn who_has_roles_by_groups_of_the_provider_is_told_of_them() {
    // Once only groups of ours counted there: the pages said that such a person had no role yet.
    let world = World::new();
    world.bind_group("oidc:admins", "viewer");
    world.bind_group("admins", "owner");
    let ana = newcomer("7", &["ana@acme.example"], &["admins"]);
    let ana = world.arrive(&ana).expect("comes in");
    let who = world.who(&ana.secret, 2).expect("a session");
    let Some(Introduction::Account { roles, .. }) = world.access.introduce(&who) else {
        panic!("she has an account");
    };
    assert_eq!(roles, ["viewer"]);
}

#[test]
fn an_account_of_our_own_is_not_taken_over_and_an_address_that_changed_hands_is_not_shared() {
    let world = World::new();
    let barred = world.arrive(&newcomer("7", &["owner@acme.example", "olga"], &[]));
    assert!(
        matches!(barred, Err(Barred::Taken { login }) if login.as_str() == "owner@acme.example")
    );
    let ana = newcomer("7", &["ana@acme.example"], &[]);
    let ana = world.arrive(&ana).expect("comes in").account;
    let next = newcomer("8", &["ana@acme.example", "ana2"], &[]);
    let next = world.arrive(&next).expect("comes in").account;
    assert_eq!(next.login.as_str(), "ana2");
    let third = newcomer("9", &["ana@acme.example"], &[]);
    let third = world.arrive(&third).expect("comes in").account;
    assert!(third.login.as_str().starts_with("ana-"), "{}", third.login);
    assert_ne!((&ana.id, &next.id), (&next.id, &third.id));
    let party = third.party();
    assert_eq!(party.email, None, "not her address any more");
}

#[test]
fn who_is_disabled_or_has_no_password_stays_out_and_no_owner_hangs_by_a_provider() {
    let world = World::new();
    let ana = newcomer("7", &["ana@acme.example"], &[]);
    let arrival = world.arrive(&ana).expect("comes in");
    let account = arrival.account;
    let set = world
        .access
        .set_password(&world.owner, &account.id, &password());
    assert!(matches!(
        set,
        Err(Error::Invalid {
            what: "password",
            ..
        })
    ));
    let tried = world.access.sign_in(
        "ana@acme.example",
        &Secret::new(String::new()),
        address(),
        "",
        at(1),
    );
    assert!(matches!(tried, Err(Denied::Unknown)));
    world.bound(&account, &[("owner", Extent::Server)]);
    let owner = world.owner.account().expect("an account").clone();
    let last = world.access.disable(&world.owner, &owner);
    assert!(matches!(last, Err(Error::LastOwner)), "{last:?}");
    world
        .access
        .disable(&world.owner, &account.id)
        .expect("the owner may");
    assert!(matches!(
        world.who(&arrival.secret, 2),
        Err(Denied::Unknown | Denied::Disabled)
    ));
    let barred = world.arrive(&ana);
    assert!(matches!(barred, Err(Barred::Disabled { account: of }) if of.id == account.id));
}

#[test]
fn more_groups_than_are_kept_are_refused_and_a_restart_knows_everybody() {
    let mut world = World::new();
    let many: Vec<String> = (0..=PROVIDER_GROUPS_MAX)
        .map(|n| format!("g{n:03}"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ana = |groups| newcomer("7", &["ana@acme.example"], groups);
    assert!(matches!(world.arrive(&ana(&many)), Err(Barred::Failed(_))));
    let first = world
        .arrive(&ana(&many[..PROVIDER_GROUPS_MAX]))
        .expect("comes in");
    assert_eq!(first.account.provider_groups.len(), PROVIDER_GROUPS_MAX);
    let World { dir, access, owner } = world;
    drop(access);
    world = World {
        access: open(&dir).expect("as it was"),
        dir,
        owner,
    };
    let again = world.arrive(&ana(&["x"])).expect("comes in");
    assert!(!again.is_new);
    assert_eq!(again.account.id, first.account.id);
    for name in ["", "a\nb", &"x".repeat(257)] {
        assert_eq!(group(name), None);
    }
}

#[test]
fn attempts_that_name_nobody_are_counted_by_address_and_given_back_to_who_comes_in() {
    let world = World::new();
    let tries = (0..100).take_while(|_| world.access.attempt_from(address(), at(5_000)).is_ok());
    assert_eq!(tries.count(), 30);
    let ana = newcomer("7", &["ana@acme.example"], &[]);
    let other = IpAddr::from([192, 0, 2, 9]);
    for _ in 0..100 {
        world
            .access
            .attempt_from(other, at(5_000))
            .expect("given back");
        world
            .access
            .arrive(&ana, other, "", at(5_000))
            .expect("comes in");
    }
}
