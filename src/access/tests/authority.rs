//! Nobody passes on what they do not have.

use super::*;

fn read_only(name: &str, mask: Mask) -> Role {
    Role::new(name, Permissions::of(&[Permission::Read]), mask).expect("a role")
}

#[test]
fn an_administrator_of_one_organization_gives_nothing_elsewhere_and_nothing_more() {
    let world = World::new();
    let admin = world.person("sec", &[("security-admin", acme())]);
    let bo = world.person("bo", &[]);
    let subject = || Subject::Account(bo.account().expect("an account").clone());
    let bind = |role: &str, extent: Extent| world.access.bind(&admin, subject(), role, extent);
    bind("auditor", acme()).expect("all of it is hers");
    let project = Extent::projects(organization("acme"), ["pay"]).expect("a project");
    bind("security-admin", project).expect("less than she has");
    for (role, extent) in [
        ("viewer", Extent::Server),
        ("viewer", Extent::Organization(organization("beta"))),
        ("recorder", acme()),
        ("owner", acme()),
    ] {
        assert!(
            matches!(bind(role, extent.clone()), Err(Error::NotYours)),
            "{role} {extent}"
        );
    }
    assert!(matches!(
        bind("no-such-role", acme()),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn nobody_takes_over_an_account_that_may_more() {
    let world = World::new();
    let admin = world.person("sec", &[("security-admin", Extent::Server)]);
    let owner = world.owner.account().expect("an account").clone();
    let access = &world.access;
    let wanted = NewToken {
        account: owner.clone(),
        kind: token::Kind::Personal,
        name: "x".into(),
        permissions: Permissions::of(&[Permission::Read]),
        extent: Extent::Server,
        expires_at: None,
    };
    assert!(matches!(
        access.set_password(&admin, &owner, &password()),
        Err(Error::NotYours)
    ));
    assert!(matches!(
        access.disable(&admin, &owner),
        Err(Error::NotYours)
    ));
    assert!(matches!(
        access.create_token(&admin, &wanted, at(0)),
        Err(Error::NotYours)
    ));
    let viewer = world.person("vera", &[("viewer", acme())]);
    let vera = viewer.account().expect("an account").clone();
    access
        .set_password(&admin, &vera, &password())
        .expect("he may all that she may");
    assert!(matches!(
        access.set_password(&viewer, &owner, &password()),
        Err(Error::NotYours)
    ));
    let again = sign_in(access, "vera");
    assert!(
        matches!(
            access.set_password(&again, &vera, &password()),
            Err(Error::Invalid {
                what: "old_password",
                ..
            })
        ),
        "a browser that was left open is not enough"
    );
    let other = sign_in(access, "vera");
    let from = "192.0.2.7".parse().expect("an address");
    let change = |old: &Secret| access.change_password(&again, old, &password(), from, at(1));
    let wrong = Secret::new("another long password".into());
    assert!(matches!(change(&wrong), Err(Denied::Unknown)));
    access.renew(&other, at(1)).expect("nothing has changed");
    change(&password()).expect("her own, and she knows the old one");
    access.renew(&again, at(1)).expect("she goes on here");
    assert!(
        matches!(access.renew(&other, at(1)), Err(Denied::Unknown)),
        "her other sessions end"
    );
}

#[test]
fn a_token_makes_no_tokens_for_its_own_account_and_no_links() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let (_, secret) = world.token(&service, token::Kind::Service, acme());
    let program = world.who(&secret, 1).expect("a token");
    let wanted = NewToken {
        account: service.id,
        kind: token::Kind::Service,
        name: "for ever".into(),
        permissions: Permissions::all(),
        extent: acme(),
        expires_at: None,
    };
    let made = world.access.create_token(&program, &wanted, at(1));
    assert!(matches!(made, Err(Error::NotYours)));
    let link = NewLink {
        name: "x".into(),
        permissions: Permissions::of(&[Permission::Read]),
        extent: acme(),
        mask: Mask::NONE,
        filter: "*".into(),
        expires_at: at(10),
    };
    assert!(matches!(
        world.access.create_link(&program, &link, at(1)),
        Err(Error::NotYours)
    ));
}

#[test]
fn who_sees_masked_does_not_let_others_see_more() {
    let world = World::new();
    let access = &world.access;
    let permissions = Permissions::of(&[Permission::Read, Permission::ManageAccess]);
    let email = Mask::of([Hidden::ActorEmail]);
    let role = |name: &str, mask| Role::new(name, permissions, mask).expect("a role");
    access
        .put_role(&world.owner, role("desk", email))
        .expect("the owner may");
    access
        .put_role(&world.owner, read_only("masked", Mask::all()))
        .expect("the owner may");
    let desk = world.person("desk", &[("desk", acme())]);
    let bo = world.person("bo", &[]);
    let subject = || Subject::Account(bo.account().expect("an account").clone());
    assert!(matches!(
        access.bind(&desk, subject(), "viewer", acme()),
        Err(Error::NotYours)
    ));
    access
        .bind(&desk, subject(), "masked", acme())
        .expect("less than they see");
    let shown = access
        .renew(&bo, at(1))
        .expect("somebody")
        .reach(Permission::Read);
    assert!(shown.contains(&acme(), Mask::all()) && !shown.contains(&acme(), email));
}

#[test]
fn a_group_is_joined_only_with_what_the_one_who_adds_to_it_has() {
    let world = World::new();
    let access = &world.access;
    let admin = world.person("sec", &[("security-admin", acme())]);
    let bo = world.person("bo", &[]);
    let id = bo.account().expect("an account").clone();
    let group = |name: &str| Subject::Group(name.to_owned());
    access
        .bind(&world.owner, group("owners"), "owner", Extent::Server)
        .expect("the owner may");
    access
        .bind(&world.owner, group("readers"), "viewer", acme())
        .expect("the owner may");
    assert!(matches!(
        access.set_groups(&admin, &id, &["owners"]),
        Err(Error::NotYours)
    ));
    assert!(matches!(
        access.set_groups(&bo, &id, &["readers"]),
        Err(Error::NotYours)
    ));
    access
        .set_groups(&admin, &id, &["readers"])
        .expect("less than he has");
    for by in [&admin, &bo] {
        let joined = access.set_groups(by, &id, &["readers", "tomorrow"]);
        assert!(
            matches!(joined, Err(Error::NotYours)),
            "it may be bound to anything yet"
        );
    }
    assert!(may(
        &access.renew(&bo, at(1)).expect("somebody"),
        Permission::Read,
        "acme",
        None
    ));
    access.set_groups(&admin, &id, &[]).expect("his to take");
    assert!(
        !access
            .renew(&bo, at(1))
            .expect("somebody")
            .holds(Permission::Read)
    );
}

#[test]
fn a_role_means_what_its_maker_could_do_everywhere() {
    let world = World::new();
    let access = &world.access;
    let local = world.person("sec", &[("security-admin", acme())]);
    let all = Role::new("all", Permissions::all(), Mask::NONE).expect("a role");
    assert!(matches!(
        access.put_role(&local, read_only("r", Mask::NONE)),
        Err(Error::NotYours)
    ));
    let global = world.person("glob", &[("security-admin", Extent::Server)]);
    assert!(matches!(
        access.put_role(&global, all.clone()),
        Err(Error::NotYours)
    ));
    access.put_role(&world.owner, all).expect("the owner may");
    assert!(matches!(
        access.put_role(&global, read_only("all", Mask::NONE)),
        Err(Error::NotYours)
    ));
    access
        .put_role(&global, read_only("mine", Mask::NONE))
        .expect("less than he has");
    let service = world.service("ci", &[("mine", acme())]);
    assert!(matches!(
        access.remove_role(&global, "mine"),
        Err(Error::InUse { .. })
    ));
    let (_, secret) = world.token(&service, token::Kind::Service, acme());
    let before = world.who(&secret, 1).expect("a token");
    let wider = Permissions::of(&[Permission::Read, Permission::Export]);
    let wider = Role::new("mine", wider, Mask::NONE).expect("a role");
    access.put_role(&global, wider).expect("less than he has");
    assert!(
        !before.holds(Permission::Export),
        "a principal is of its moment"
    );
    assert!(
        access
            .renew(&before, at(1))
            .expect("a token")
            .holds(Permission::Export)
    );
}

#[test]
fn the_last_owner_stays() {
    let world = World::new();
    let access = &world.access;
    let owner = world.owner.account().expect("an account").clone();
    let binding = access.bindings(&world.owner).remove(0);
    assert!(matches!(
        access.disable(&world.owner, &owner),
        Err(Error::LastOwner)
    ));
    assert!(matches!(
        access.unbind(&world.owner, &binding.id),
        Err(Error::LastOwner)
    ));
    // Neither a service nor a disabled person could mend anything.
    world.service("robot", &[("owner", Extent::Server)]);
    assert!(matches!(
        access.unbind(&world.owner, &binding.id),
        Err(Error::LastOwner)
    ));
    let group = Subject::Group("owners".into());
    access
        .bind(&world.owner, group, "owner", Extent::Server)
        .expect("the owner may");
    let second = world.person("second", &[]);
    let id = second.account().expect("an account").clone();
    access
        .set_groups(&world.owner, &id, &["owners"])
        .expect("the owner may");
    access
        .unbind(&world.owner, &binding.id)
        .expect("there is another");
    let second = access.renew(&second, at(1)).expect("somebody");
    assert!(matches!(
        access.set_groups(&second, &id, &[]),
        Err(Error::LastOwner)
    ));
    assert!(matches!(
        access.disable(&second, &id),
        Err(Error::LastOwner)
    ));
}

#[test]
fn who_manages_one_organization_is_told_of_nothing_elsewhere() {
    let world = World::new();
    let access = &world.access;
    let admin = world.person("sec", &[("security-admin", acme())]);
    let viewer = world.person("vera", &[("viewer", acme())]);
    let other = world.service(
        "other",
        &[("viewer", Extent::Organization(organization("beta")))],
    );
    world.token(&other, token::Kind::Service, Extent::Server);
    let roles = |by: &Principal| -> Vec<String> {
        access
            .bindings(by)
            .into_iter()
            .map(|one| one.role)
            .collect()
    };
    let mut told = roles(&admin);
    told.sort();
    assert_eq!(told, ["security-admin", "viewer"]);
    assert_eq!(roles(&viewer), ["viewer"]);
    assert_eq!(access.tokens(&admin).len(), 0);
    assert_eq!(
        access.sessions(&admin).len(),
        2,
        "his and hers, not the owner's"
    );
    assert_eq!(access.sessions(&viewer).len(), 1);
    let known = access.accounts(&admin).into_iter().map(|one| one.login);
    let known: Vec<String> = known.map(String::from).collect();
    assert!(
        !known.iter().any(|login| login.contains("other")),
        "{known:?}"
    );
    assert_eq!(known.len(), 3);
    assert_eq!(access.accounts(&viewer).len(), 1);
    assert!(access.account_of(&viewer, "sec").is_none());
    assert!(access.account_of(&admin, "SEC").is_some());
    assert_eq!(access.accounts(&world.owner).len(), 4);
}

#[test]
fn bounds_are_told_not_stretched() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let subject = || Subject::Account(service.id.clone());
    let refused = (0..100).find_map(|_| {
        let bound = world.access.bind(&world.owner, subject(), "viewer", acme());
        bound.err()
    });
    assert!(
        matches!(refused, Some(Error::Full { max: 64, .. })),
        "{refused:?}"
    );
    let login =
        world
            .access
            .add_account(&world.owner, AccountKind::Service, "CI", "x", None, at(0));
    assert!(matches!(login, Err(Error::Taken { .. })));
}
