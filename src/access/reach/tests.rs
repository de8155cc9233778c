use super::*;
use crate::access::permission::Permissions;
use entry::mask::Hidden;
use entry::{Actor, ActorKind, Category, EntryId, Party, Request, Result as Outcome, Scope, Seq};
use proptest::prelude::*;

const ORGANIZATIONS: &[&str] = &["acme", "beta", "gamma"];
const PROJECTS: &[&str] = &["pay", "Web", "ÀB"];

fn organization(name: &str) -> Organization {
    Organization::parse(name).expect("a slug")
}

fn any_organization() -> impl Strategy<Value = Organization> {
    prop::sample::select(ORGANIZATIONS).prop_map(organization)
}

fn any_extent() -> impl Strategy<Value = Extent> {
    let projects = prop::collection::vec(prop::sample::select(PROJECTS), 1..3);
    prop_oneof![
        1 => Just(Extent::Server),
        3 => any_organization().prop_map(Extent::Organization),
        4 => (any_organization(), projects)
            .prop_map(|(of, names)| Extent::projects(of, names).expect("names of projects")),
    ]
}

fn any_mask() -> impl Strategy<Value = Mask> {
    let some = vec![
        Hidden::ActorEmail,
        Hidden::ActorName,
        Hidden::Ip,
        Hidden::Context,
    ];
    let hidden = prop::collection::vec(prop::sample::select(some), 0..3);
    prop_oneof![1 => Just(Mask::NONE), 2 => hidden.prop_map(Mask::of)]
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let held = prop::collection::vec(prop::sample::select(Permission::ALL), 0..3);
    (any_extent(), held, any_mask(), 0u8..5).prop_map(|(extent, mut held, mask, more)| {
        // Most can read, or the questions below would be about nothing.
        if more > 0 {
            held.push(Permission::Read);
        }
        let permissions = Permissions::of(&held);
        Grant {
            extent,
            permissions,
            mask,
        }
    })
}

fn any_grants() -> impl Strategy<Value = Vec<Grant>> {
    prop::collection::vec(any_grant(), 0..5)
}

fn any_text() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of(prop::sample::select(vec!["ana", "Bo", "", "10.1.2.3"]).prop_map(Into::into))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let project = prop::option::of(prop::sample::select(vec![
        "pay", "PAY", "web", "Web", "àb", "ops", "",
    ]));
    let party = (any_text(), any_text(), any_text());
    let context = prop::option::of(Just(r#"{"a":"ana"}"#));
    (any_organization(), project, party, any_text(), context).prop_map(
        |(organization, project, (id, name, email), ip, context)| {
            let at = Timestamp::from_micros(7).expect("a time");
            let party = Party {
                id,
                name,
                email,
                ..Party::of(ActorKind::User)
            };
            Entry {
                seq: Seq(0),
                received_at: at,
                id: EntryId::from_bytes([1; 16]),
                timestamp: at,
                actor: Actor::from(party),
                action: "login".into(),
                category: Category::AccessControl,
                target: None,
                related: Vec::new(),
                scope: Scope {
                    organization,
                    project: project.map(Into::into),
                },
                request: Request {
                    ip,
                    ..Request::default()
                },
                result: Outcome::Success,
                error: None,
                changes: None,
                context: context.map(|text| entry::Json::from_canonical(text.into())),
                source: None,
                erased: Vec::new(),
                hidden: Mask::NONE,
            }
        },
    )
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let field = || prop::sample::select(Field::ALL);
    let text = || {
        prop::sample::select(vec![
            "ana", "bo", "acme", "beta", "pay", "web", "10.1.2.3", "",
        ])
    };
    let term = prop_oneof![
        5 => (field(), text()).prop_map(|(field, text)| Term::Value(field, Pattern::exact(text))),
        2 => (field(), text()).prop_map(|(field, text)| Term::Value(field, Pattern::substring(text))),
        2 => text().prop_map(Term::search),
        1 => text().prop_map(Term::words),
        2 => field().prop_map(Term::Has),
        1 => Just(Term::Context("a".into(), Pattern::exact("ana"))),
        1 => (0i64..9).prop_map(|at| Term::From(Timestamp::from_micros(at).expect("a time"))),
    ];
    term.prop_map(Filter::Term)
        .prop_recursive(3, 10, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
                inner.prop_map(|filter| Filter::Not(Box::new(filter))),
            ]
        })
}

/// The rules once more, plainly: one entry, one grant after the other.
fn model(grants: &[Grant], permission: Permission, entry: &Entry) -> Option<Mask> {
    let scope = &entry.scope;
    let covers = |grant: &&Grant| {
        let here = match &grant.extent {
            Extent::Server => true,
            Extent::Organization(of) => *of == scope.organization,
            Extent::Projects(of, some) => {
                let folded = scope.project.as_ref().map(|name| name.to_lowercase());
                *of == scope.organization
                    && folded.is_some_and(|name| some.iter().any(|one| one.as_str() == name))
            }
        };
        here && grant.permissions.has(permission)
    };
    let masks = grants.iter().filter(covers).map(|grant| grant.mask);
    masks.reduce(Mask::and)
}

#[test]
fn a_reader_of_a_project_sees_nothing_of_its_organization() {
    let extent = Extent::projects(organization("acme"), ["pay"]).expect("a project");
    let permissions = Permissions::of(&[Permission::Read]);
    let mask = Mask::NONE;
    let reach = Reach::of(
        Permission::Read,
        &[Grant {
            extent,
            permissions,
            mask,
        }],
    );
    let acme = organization("acme");
    assert_eq!(reach.mask_at(&acme, Some("pay")), Some(Mask::NONE));
    for project in [None, Some("web"), Some(""), Some("payments"), Some("pa")] {
        assert_eq!(reach.mask_at(&acme, project), None, "{project:?}");
    }
    assert_eq!(reach.mask_at(&organization("beta"), Some("pay")), None);
    assert!(reach.touches(&acme) && !reach.covers(&acme));
    assert_eq!(
        reach.filter().to_string(),
        "organization:acme ((organization:acme project:pay) OR to:0001-01-01T00:00:00.000000Z)"
    );
}

#[test]
fn a_mask_of_one_organization_hides_nothing_in_the_next() {
    let email = Mask::of([Hidden::ActorEmail]);
    let read = Permissions::of(&[Permission::Read]);
    let grant = |name, mask| Grant {
        extent: Extent::Organization(organization(name)),
        permissions: read,
        mask,
    };
    let grants = [grant("acme", email), grant("beta", Mask::NONE)];
    let reach = Reach::of(Permission::Read, &grants);
    assert_eq!(reach.mask_at(&organization("acme"), None), Some(email));
    assert_eq!(reach.mask_at(&organization("beta"), None), Some(Mask::NONE));
    let asked: Filter = Term::Value(Field::Email, Pattern::exact("ana")).into();
    assert!(!reach.asks_for_hidden(&asked), "beta answers");
    let masked_only = Reach::of(Permission::Read, &grants[..1]);
    assert!(masked_only.asks_for_hidden(&asked));
    assert!(!masked_only.asks_for_hidden(&Term::search("ana").into()));
    assert_eq!(masked_only.countable(Field::Email), None);
}

#[test]
fn nothing_reaches_nothing_and_everything_everything() {
    let any: Filter = Term::Has(Field::Action).into();
    assert_eq!(Reach::everything().narrow(&any), any);
    assert_eq!(Reach::everything().filter(), Filter::everything());
    assert_eq!(Reach::of(Permission::Read, &[]), Reach::nothing());
    assert_eq!(Reach::nothing().narrow(&any), Filter::nothing());
    assert!(Reach::nothing().is_nothing());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn grants_add_up_as_the_model_says(grants in any_grants(), entry in any_entry()) {
        for &permission in Permission::ALL {
            let reach = Reach::of(permission, &grants);
            let expected = model(&grants, permission, &entry);
            prop_assert_eq!(reach.mask_of(&entry), expected);
            prop_assert_eq!(reach.filter().matches(&entry), expected.is_some());
            prop_assert!(expected.is_none() || reach.touches(&entry.scope.organization));
        }
    }

    #[test]
    fn a_narrowed_filter_asks_what_is_shown(
        grants in any_grants(), entries in prop::collection::vec(any_entry(), 1..8), filter in any_filter(),
    ) {
        let reach = Reach::of(Permission::Read, &grants);
        let narrowed = reach.narrow(&filter);
        for entry in &entries {
            let shown = reach.show(entry);
            let expected = shown.is_some_and(|shown| filter.matches(&shown));
            prop_assert_eq!(narrowed.matches(entry), expected, "{}", narrowed);
            let named = narrowed.organizations();
            prop_assert!(!expected || named.is_none_or(|all| all.contains(&entry.scope.organization)));
            // What the store leaves out to count a facet never lets anything in that is out of reach.
            for &field in Field::ALL {
                let facet = reach.narrow(&filter.without(field)).without(field);
                prop_assert!(!facet.matches(entry) || reach.mask_of(entry).is_some(), "{} for {:?}", facet, field);
            }
        }
    }

    #[test]
    fn a_frozen_filter_is_asked_of_entries_as_they_are_and_never_left_out(
        grants in any_grants(), frozen in any_filter(), filter in any_filter(), entry in any_entry(),
    ) {
        let whole = Reach::of(Permission::Read, &grants);
        let reach = whole.clone().only(&frozen);
        prop_assert_eq!(reach.mask_of(&entry), whole.mask_of(&entry).filter(|_| frozen.matches(&entry)));
        let expected = reach.show(&entry).is_some_and(|shown| filter.matches(&shown));
        let narrowed = reach.narrow(&filter);
        prop_assert_eq!(narrowed.matches(&entry), expected);
        for &field in Field::ALL {
            prop_assert!(!narrowed.without(field).matches(&entry) || reach.mask_of(&entry).is_some());
            let counted = reach.countable(field).is_some_and(|filter| filter.without(field).matches(&entry));
            prop_assert!(!counted || reach.mask_of(&entry).is_some());
        }
    }

    #[test]
    fn facets_count_only_values_that_are_shown(grants in any_grants(), entry in any_entry()) {
        let reach = Reach::of(Permission::Read, &grants);
        for &field in Field::ALL {
            if reach.countable(field).is_some_and(|filter| filter.matches(&entry)) {
                let shown = reach.show(&entry).expect("counted, so reached");
                prop_assert_eq!(field.first_value(&shown), field.first_value(&entry));
            }
            if let Some(filter) = reach.countable(field) {
                prop_assert!(Field::ALL.iter().all(|of| !filter.without(*of).matches(&entry) || reach.mask_of(&entry).is_some()));
            }
        }
    }

    #[test]
    fn one_more_grant_takes_nothing_away(grants in any_grants(), more in any_grant(), entry in any_entry()) {
        let before = Reach::of(Permission::Read, &grants).mask_of(&entry);
        let after = Reach::of(Permission::Read, &[&grants[..], &[more]].concat()).mask_of(&entry);
        if let Some(before) = before {
            prop_assert!(after.is_some_and(|after| after.is_within(before)));
        }
    }

    #[test]
    fn unmasking_shows_the_same_entries_and_only_where_it_is_granted(grants in any_grants(), entry in any_entry()) {
        let masked = Reach::of(Permission::Read, &grants).mask_of(&entry);
        let unmasked = Reach::unmasked(Permission::Read, &grants).mask_of(&entry);
        let may = model(&grants, Permission::Unmask, &entry).is_some();
        let expected = masked.map(|mask| if may { Mask::NONE } else { mask });
        prop_assert_eq!(unmasked, expected);
    }

    #[test]
    fn what_lies_in_two_extents_lies_in_both(one in any_extent(), other in any_extent(), entry in any_entry()) {
        let scope = &entry.scope;
        let within = |extent: &Extent| extent.contains(&scope.organization, scope.project.as_deref());
        let both = one.and(&other);
        prop_assert_eq!(both.as_ref().is_some_and(within), within(&one) && within(&other));
        prop_assert_eq!(other.and(&one), both);
    }

    #[test]
    fn an_extent_is_contained_if_all_of_its_entries_are(
        grants in any_grants(), extent in any_extent(), mask in any_mask(), entry in any_entry(),
    ) {
        let reach = Reach::of(Permission::Read, &grants);
        if reach.contains(&extent, mask) && extent.contains(&entry.scope.organization, entry.scope.project.as_deref()) {
            prop_assert!(reach.mask_of(&entry).is_some_and(|hidden| hidden.is_within(mask)));
        }
        prop_assert!(Reach::everything().contains(&extent, mask));
    }

    #[test]
    fn bounds_only_take_away(grant in any_grant(), bounds in any_grant(), entry in any_entry()) {
        for &permission in Permission::ALL {
            let of = |grant: &Grant| Reach::of(permission, std::slice::from_ref(grant)).mask_of(&entry);
            let expected = of(&grant).zip(of(&bounds)).map(|(one, other)| one.or(other));
            let bounded = grant.within(&bounds);
            prop_assert_eq!(bounded.as_ref().and_then(of), expected);
        }
    }

    #[test]
    fn an_extent_is_read_as_it_is_written(extent in any_extent()) {
        let text = serde_json::to_string(&extent).expect("texts");
        prop_assert_eq!(serde_json::from_str::<Extent>(&text).expect("as written"), extent);
    }
}
