//! The catalogue as JSON: what a client offers in its menus.

use entry::Catalogue;
use entry::catalogue::{TARGET_TYPES, category_title};
use entry::{ActorKind, Category, Result};
use serde::Serialize;

/// The answer of `GET /v1/catalogue`.
pub fn to_json(catalogue: &Catalogue) -> Vec<u8> {
    #[derive(Serialize)]
    struct Named<'a> {
        name: &'a str,
        title: &'a str,
    }
    #[derive(Serialize)]
    struct Action<'a> {
        name: &'a str,
        category: &'a str,
        target_type: &'a str,
        title: &'a str,
        sentence: &'a str,
    }
    #[derive(Serialize)]
    struct Answer<'a> {
        categories: Vec<Named<'a>>,
        actions: Vec<Action<'a>>,
        target_types: Vec<Named<'a>>,
        actor_types: Vec<&'a str>,
        results: Vec<&'a str>,
    }
    let answer = Answer {
        categories: Category::ALL
            .iter()
            .map(|c| Named {
                name: c.as_str(),
                title: category_title(*c),
            })
            .collect(),
        actions: catalogue
            .actions()
            .iter()
            .map(|action| Action {
                name: &action.name,
                category: action.category.as_str(),
                target_type: &action.target_type,
                title: &action.title,
                sentence: &action.sentence,
            })
            .collect(),
        target_types: TARGET_TYPES
            .iter()
            .map(|(name, title)| Named { name, title })
            .collect(),
        actor_types: ActorKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        results: Result::ALL.iter().map(|result| result.as_str()).collect(),
    };
    serde_json::to_vec(&answer).expect("texts are JSON")
}
