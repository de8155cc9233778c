use super::*;
use crate::filter::Pattern;
use crate::filter::tests::{any_entry, any_filter, sample};
use proptest::prelude::*;

fn any_mask() -> impl Strategy<Value = Mask> {
    prop::collection::vec(prop::sample::select(Hidden::ALL), 0..4).prop_map(Mask::of)
}

fn email_hidden() -> Mask {
    Mask::of([Hidden::ActorEmail])
}

#[test]
fn names_and_paths_are_read_as_they_are_written() {
    for &hidden in Hidden::ALL {
        assert_eq!(Hidden::parse(hidden.name()), Some(hidden));
        assert_eq!(Hidden::parse(hidden.path()), Some(hidden));
    }
    assert!(Hidden::ALL.is_sorted_by_key(|hidden| hidden.path()));
    let personal = Hidden::ALL.iter().map(|hidden| hidden.path());
    let units: Vec<&str> = personal.filter(|path| *path != "/context").collect();
    assert_eq!(units, crate::units::PERSONAL);
    assert_eq!(Hidden::parse("/action"), None);
    assert_eq!(email_hidden().to_string(), "email,on_behalf_of");
}

#[test]
fn what_would_tell_the_same_is_hidden_too() {
    let view = email_hidden().view(&sample()).into_owned();
    assert_eq!(view.actor.party.email, None);
    assert_eq!(
        view.actor.on_behalf_of, None,
        "it holds a mail address as well"
    );
    assert_eq!(view.actor.party.name.as_deref(), Some("Ana Ruiz"));
    // An actor without name and id is shown by its address.
    assert!(Mask::of([Hidden::ActorName]).hides(Hidden::ActorEmail));
    assert!(Mask::of([Hidden::TargetName]).hides(Hidden::Related));
}

#[test]
fn the_view_of_an_entry_that_has_nothing_to_hide_is_the_entry() {
    let mut entry = sample();
    entry.context = None;
    let mask = Mask::of([Hidden::Context]);
    assert!(matches!(mask.view(&entry), Cow::Borrowed(_)));
    assert_eq!(mask.hidden_in(&entry).count(), 0);
    assert_eq!(
        mask.hidden_in(&sample()).collect::<Vec<_>>(),
        [Hidden::Context]
    );
}

#[test]
fn what_was_erased_of_a_hidden_member_is_not_told_either() {
    let mut entry = sample();
    let erased = |path: &str| crate::units::Erased {
        path: path.into(),
        entry: entry.id,
    };
    let paths = ["/actor/email", "/context/customer", "/request/ip"];
    entry.erased = paths.map(erased).to_vec();
    (entry.actor.party.email, entry.context) = (None, None);
    let mask = Mask::of([Hidden::Context, Hidden::Ip]);
    let left = mask.view(&entry).into_owned().erased;
    assert_eq!(left, entry.erased[..1]);
    assert!(mask.hidden_in(&entry).eq([Hidden::Context, Hidden::Ip]));
}

#[test]
fn everything_hidden_leaves_no_personal_text_behind() {
    let mut shown = Vec::new();
    Mask::all().view(&sample()).write_wire(&mut shown);
    let shown = String::from_utf8(shown).expect("JSON");
    let personal = [
        "Ana", "ana@", "usr_5", "Bo Li", "203.0", "mar-cli", "OPS-88", "replicas", "Missing",
        "Pay-EU", "large",
    ];
    for text in personal {
        assert!(!shown.contains(text), "{text} in {shown}");
    }
}

#[test]
fn a_masked_reader_searches_what_it_sees() {
    let asked = |term: Term| email_hidden().filter(&term.into()).matches(&sample());
    assert!(asked(Term::search("ana ruiz")));
    assert!(asked(Term::search("req_77")));
    assert!(asked(Term::words("rolled back")));
    assert!(!asked(Term::search("ana@acme")));
    assert!(!asked(Term::words("ana@acme")));
    assert!(!asked(Term::Has(Field::Email)));
    assert!(!asked(Term::Value(
        Field::Email,
        Pattern::exact("ana@acme.example")
    )));
    let not = Filter::Not(Box::new(
        Term::Value(Field::Email, Pattern::prefix("ana")).into(),
    ));
    assert!(
        email_hidden().filter(&not).matches(&sample()),
        "as for any other address"
    );
}

#[test]
fn no_query_text_unmasks() {
    let masked = email_hidden().filter(&Term::search("ana").into());
    let printed = masked.to_string();
    assert_eq!(printed, "search:ana[without email,on_behalf_of]");
    let read = crate::query::parse(&printed, sample().timestamp);
    assert!(read.is_err() || read != Ok(masked));
}

/// An entry that looks the same under the mask.
fn disguised(entry: &Entry, other: &Entry, mask: Mask) -> Entry {
    let mut twin = entry.clone();
    let party = &mut twin.actor.party;
    for hidden in mask.iter() {
        match hidden {
            Hidden::ActorEmail => party.email = other.actor.party.email.clone(),
            Hidden::ActorId => party.id = other.actor.party.id.clone(),
            Hidden::ActorName => party.name = other.actor.party.name.clone(),
            Hidden::OnBehalfOf => twin.actor.on_behalf_of = None,
            Hidden::Changes => twin.changes = None,
            Hidden::Context => twin.context = None,
            Hidden::ErrorMessage => {
                if let Some(error) = &mut twin.error {
                    error.message = Some("other".into());
                }
            }
            Hidden::Related => twin.related = other.related.clone(),
            Hidden::Ip => twin.request.ip = other.request.ip.clone(),
            Hidden::UserAgent => twin.request.user_agent = None,
            Hidden::TargetName => {
                if let (Some(target), Some(other)) = (&mut twin.target, &other.target) {
                    target.name = other.name.clone();
                }
            }
        }
    }
    twin
}

proptest! {
    #[test]
    fn a_masked_filter_asks_the_view(entry in any_entry(), filter in any_filter(), mask in any_mask()) {
        let masked = mask.filter(&filter);
        prop_assert_eq!(masked.matches(&entry), filter.matches(&mask.view(&entry)));
        prop_assert_eq!(masked.clone().simplified().matches(&entry), masked.matches(&entry));
        if mask.leaves(&filter) {
            prop_assert_eq!(masked, filter);
        }
    }

    #[test]
    fn no_answer_depends_on_what_is_hidden(
        entry in any_entry(), other in any_entry(), filter in any_filter(), mask in any_mask(),
    ) {
        let twin = disguised(&entry, &other, mask);
        // That something is hidden is told, and under which path: a proof tells it too.
        let seen = |entry: &Entry| Entry { hidden: Mask::NONE, ..mask.view(entry).into_owned() };
        prop_assert_eq!(seen(&twin), seen(&entry));
        let masked = mask.filter(&filter);
        prop_assert_eq!(masked.matches(&twin), masked.matches(&entry));
    }

    #[test]
    fn a_view_has_no_value_that_the_entry_has_not(entry in any_entry(), mask in any_mask()) {
        let view = mask.view(&entry).into_owned();
        for &field in Field::ALL {
            let mut values = Vec::new();
            field.each_value(&view, &mut |value| values.push(Pattern::exact(value)));
            for value in values {
                prop_assert!(Term::Value(field, value).matches(&entry), "{:?} under {}", field, mask);
            }
        }
    }

    #[test]
    fn hiding_more_never_makes_a_condition_true(entry in any_entry(), filter in any_filter(), mask in any_mask()) {
        if let Filter::Term(term) = &filter {
            prop_assert!(!mask.filter(&filter).matches(&entry) || term.matches(&entry));
        }
    }

    #[test]
    fn masks_in_a_row_hide_what_either_hides(
        entry in any_entry(), filter in any_filter(), one in any_mask(), two in any_mask(),
    ) {
        let view = two.view(&entry).into_owned();
        prop_assert_eq!(one.view(&view).into_owned(), one.or(two).view(&entry).into_owned());
        let both = two.filter(&one.filter(&filter));
        prop_assert_eq!(both.matches(&entry), one.or(two).filter(&filter).matches(&entry));
        // What hides the same together is again something that can be written down.
        prop_assert_eq!(Mask::of(one.and(two).iter()), one.and(two));
    }

    #[test]
    fn what_facets_count_of_a_field_is_seen(entry in any_entry(), field in crate::filter::tests::any_field(), mask in any_mask()) {
        let view = mask.view(&entry).into_owned();
        match mask.sight(field) {
            Sight::Whole => prop_assert_eq!(field.first_value(&view), field.first_value(&entry)),
            Sight::First if mask.filter(&Term::Has(field).into()).matches(&entry) => {
                prop_assert_eq!(field.first_value(&view), field.first_value(&entry));
            }
            Sight::First | Sight::Nothing => {}
        }
    }
}
