//! The catalogue of actions: name, category, target type, human title, sentence. One table, many projections.

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

impl Catalogue {
    /// The built-in table.
    pub fn built_in() -> Self {
        todo!()
    }

    /// Adds or replaces rows: a deployment's own actions.
    pub fn with(self, _rows: impl IntoIterator<Item = Action>) -> Self {
        todo!()
    }

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
