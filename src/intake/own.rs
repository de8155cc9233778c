//! What another system calls by a name that is the log's own.
//!
//! `signIn`, `verifyEntry`, `startServer` are what this log says of itself, and nobody else may say them here. Other systems have such
//! actions too, and mean theirs: those are stored as `<format>:<action>`, which no action of ours is called, and the entry's context
//! says so.

use entry::json::{Object, Value};
use entry::{Catalogue, Category, Draft, Json};

/// Gives an action of the log another name and category; why it cannot be stored if a deployment made that one the log's, too.
pub fn rename(draft: &mut Draft, format: &str, catalogue: &Catalogue) -> Result<(), String> {
    let is_own =
        |draft: &Draft| catalogue.category(&draft.action, draft.category) == Category::Audit;
    if !is_own(draft) {
        return Ok(());
    }
    let said = draft.action.clone();
    if catalogue.get(&said).is_some() {
        draft.action = format!("{format}:{said}").into();
    }
    if draft.category == Some(Category::Audit) {
        draft.category = Some(Category::Other);
    }
    if is_own(draft) {
        return Err(format!(
            "only the log itself says {said} and {}",
            draft.action
        ));
    }
    note(draft, &said);
    Ok(())
}

fn note(draft: &mut Draft, said: &str) {
    let context = draft.context.take().map(|json| json.parse().into_owned());
    let mut context = match context {
        Some(Value::Object(context)) => context,
        _ => Object::new(),
    };
    let note = format!("its source says {said}, which here only the log says of itself");
    context.insert("action_note", Value::String(note.into()));
    draft.context = Some(Json::from(&Value::Object(context)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::catalogue::Action;
    use entry::{Actor, ActorKind, Party};

    fn draft(action: &str, category: Option<Category>) -> Draft {
        let actor = Actor {
            party: Party::of(ActorKind::System),
            on_behalf_of: None,
        };
        let mut draft = Draft::new(actor, action, entry::Result::Success);
        draft.category = category;
        draft
    }

    #[test]
    fn no_action_of_ours_is_left_to_others_and_none_of_theirs_is_lost() {
        let catalogue = Catalogue::built_in();
        let ours = catalogue.actions().iter();
        for action in ours.filter(|action| action.category == Category::Audit) {
            let mut draft = draft(&action.name, Some(Category::AccessControl));
            assert_eq!(rename(&mut draft, "otlp", &catalogue), Ok(()));
            assert_eq!(*draft.action, format!("otlp:{}", action.name));
            let category = catalogue.category(&draft.action, draft.category);
            assert_eq!(category, Category::AccessControl);
            let context = draft.context.expect("a note");
            let context = context.as_str();
            assert!(context.contains(&*action.name), "{context}");
        }
        let mut theirs = draft("rotateSecret", Some(Category::Audit));
        assert_eq!(rename(&mut theirs, "hec", &catalogue), Ok(()));
        assert_eq!(
            (&*theirs.action, theirs.category),
            ("rotateSecret", Some(Category::Other))
        );
        let mut plain = draft("createCluster", None);
        let before = plain.clone();
        assert_eq!(rename(&mut plain, "hec", &catalogue), Ok(()));
        assert_eq!(plain, before);
    }

    #[test]
    fn what_a_deployment_calls_the_logs_own_stays_the_logs() {
        let row = Action {
            name: "hec:signIn".into(),
            category: Category::Audit,
            target_type: "user".into(),
            title: "Sign in".into(),
            sentence: "{actor} signed in".into(),
        };
        let catalogue = Catalogue::built_in().with([row]);
        assert!(rename(&mut draft("signIn", None), "hec", &catalogue).is_err());
    }
}
