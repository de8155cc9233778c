//! The catalogue of actions: name, category, target type, human title, sentence. One table, many projections.

mod built_in;

use crate::Category;
use std::collections::HashMap;

/// One action of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `createCluster`
    pub name: Box<str>,
    pub category: Category,
    /// `cluster`
    pub target_type: Box<str>,
    /// `Create cluster`
    pub title: Box<str>,
    /// `{actor} created cluster {target}`: the sentence of the details page.
    pub sentence: Box<str>,
}

/// The built-in actions and the rows a deployment adds.
#[derive(Clone, Debug)]
pub struct Catalogue {
    actions: Vec<Action>,
    by_name: HashMap<Box<str>, usize>,
}

/// A target type the platform names: wire word, human title.
pub const TARGET_TYPES: &[(&str, &str)] = &[
    ("cluster", "Cluster"),
    ("instance", "Instance"),
    ("config_profile", "Config Profile"),
    ("alert", "Alert"),
    ("user", "User"),
    ("role", "Role"),
    ("webhook", "Webhook"),
];

/// The title of a category's tab: `Cluster Operations`, `Access Control`, ...
pub fn category_title(category: Category) -> &'static str {
    match category {
        Category::Cluster => "Cluster Operations",
        Category::Instance => "Instance Operations",
        Category::Config => "Config Operations",
        Category::Alert => "Alert Operations",
        Category::AccessControl => "Access Control",
        Category::Webhook => "Webhook Operations",
        Category::Audit => "Audit Log",
        Category::Other => "Other",
    }
}

/// A piece of [`Action::sentence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Text(&'a str),
    /// Here goes the actor of the entry.
    Actor,
    /// Here goes the target of the entry.
    Target,
}

impl Action {
    /// The sentence in pieces, so that a page can make links of the names and an export plain text.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut rest = &*self.sentence;
        while !rest.is_empty() {
            let places = [("{actor}", Part::Actor), ("{target}", Part::Target)];
            let next = places
                .into_iter()
                .filter_map(|(mark, part)| Some((rest.find(mark)?, mark, part)));
            let Some((at, mark, part)) = next.min_by_key(|&(at, ..)| at) else {
                parts.push(Part::Text(rest));
                break;
            };
            if at > 0 {
                parts.push(Part::Text(&rest[..at]));
            }
            parts.push(part);
            rest = &rest[at + mark.len()..];
        }
        parts
    }
}

impl Catalogue {
    /// The built-in table.
    pub fn built_in() -> Self {
        let empty = Self {
            actions: Vec::new(),
            by_name: HashMap::new(),
        };
        empty.with(built_in::ACTIONS.iter().map(
            |&(name, category, target_type, title, sentence)| Action {
                name: name.into(),
                category,
                target_type: target_type.into(),
                title: title.into(),
                sentence: sentence.into(),
            },
        ))
    }

    /// Adds or replaces rows, by name: a deployment's own actions.
    pub fn with(mut self, rows: impl IntoIterator<Item = Action>) -> Self {
        for row in rows {
            match self.by_name.get(&row.name) {
                Some(&at) => self.actions[at] = row,
                None => {
                    self.by_name.insert(row.name.clone(), self.actions.len());
                    self.actions.push(row);
                }
            }
        }
        self
    }

    /// Every action, in the order pages list them.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    pub fn get(&self, name: &str) -> Option<&Action> {
        self.by_name.get(name).map(|&at| &self.actions[at])
    }

    /// The category of a draft: the catalogue's for a known action, else the caller's, else `other`.
    pub fn category(&self, action: &str, named: Option<Category>) -> Category {
        self.get(action)
            .map(|a| a.category)
            .or(named)
            .unwrap_or(Category::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, category: Category, sentence: &str) -> Action {
        Action {
            name: name.into(),
            category,
            target_type: "".into(),
            title: name.into(),
            sentence: sentence.into(),
        }
    }

    #[test]
    fn the_twelve_named_actions_are_in_their_groups() {
        let catalogue = Catalogue::built_in();
        let twelve = [
            ("createCluster", Category::Cluster, "cluster"),
            ("deleteCluster", Category::Cluster, "cluster"),
            ("scaleCluster", Category::Cluster, "cluster"),
            ("applyConfigProfile", Category::Config, "config_profile"),
            ("startInstance", Category::Instance, "instance"),
            ("stopInstance", Category::Instance, "instance"),
            ("restartInstance", Category::Instance, "instance"),
            ("createUser", Category::AccessControl, "user"),
            ("deleteUser", Category::AccessControl, "user"),
            ("updateRole", Category::AccessControl, "role"),
            ("createAlertRule", Category::Alert, "alert"),
            ("createWebhook", Category::Webhook, "webhook"),
        ];
        for (name, category, target_type) in twelve {
            let action = catalogue
                .get(name)
                .unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(
                (action.category, &*action.target_type),
                (category, target_type),
                "{name}"
            );
        }
    }

    #[test]
    fn every_built_in_name_occurs_once_and_its_sentence_has_an_actor() {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.actions().len(), built_in::ACTIONS.len());
        for action in catalogue.actions() {
            assert!(action.parts().contains(&Part::Actor), "{}", action.name);
            assert!(
                !action
                    .parts()
                    .iter()
                    .any(|p| matches!(p, Part::Text(t) if t.contains(['{', '}']))),
                "{}",
                action.name
            );
        }
    }

    #[test]
    fn a_deployment_adds_and_replaces_rows() {
        let built_in = Catalogue::built_in();
        let size = built_in.actions().len();
        let own = [
            action("drainNode", Category::Cluster, ""),
            action("login", Category::Other, ""),
        ];
        let catalogue = built_in.with(own);
        assert_eq!(catalogue.actions().len(), size + 1);
        assert_eq!(catalogue.category("drainNode", None), Category::Cluster);
        assert_eq!(catalogue.category("login", None), Category::Other);
    }

    #[test]
    fn the_catalogue_knows_better_than_the_caller_and_other_is_the_rest() {
        let catalogue = Catalogue::built_in();
        assert_eq!(
            catalogue.category("createUser", Some(Category::Webhook)),
            Category::AccessControl
        );
        assert_eq!(
            catalogue.category("teleport", Some(Category::Webhook)),
            Category::Webhook
        );
        assert_eq!(catalogue.category("teleport", None), Category::Other);
    }

    #[test]
    fn a_sentence_falls_into_its_parts() {
        let parts = |sentence| {
            action("a", Category::Other, sentence)
                .parts()
                .iter()
                .map(|p| format!("{p:?}"))
                .collect::<String>()
        };
        assert_eq!(
            parts("{actor} moved {target}!"),
            "ActorText(\" moved \")TargetText(\"!\")"
        );
        assert_eq!(parts("{target}{actor}"), "TargetActor");
        assert_eq!(parts("{nothing}"), "Text(\"{nothing}\")");
        assert_eq!(parts(""), "");
    }
}
