//! What waits in the quarantine of a world: put there through the routes that sources use, and known to the model.

use super::builder::mint;
use super::checks::{Checked, same};
use super::random::Random;
use super::world::World;
use entry::Organization;
use mar_audit::intake::shelf::{Sender, SourceName};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Something that no mapping takes.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: String,
    /// What only its readers are told.
    pub canary: String,
}

/// By organization and source, oldest first.
#[derive(Default)]
pub struct Shelf(BTreeMap<(String, String), Vec<Item>>);

/// Things that wait of each source at the beginning.
const OF_EACH: usize = 3;

/// A source that every organization has; others have one of their own.
pub const COMMON: &str = "prod";

impl Shelf {
    /// What waits of a source.
    pub fn of(&self, organization: &str, source: &str) -> &[Item] {
        let key = (organization.to_owned(), source.to_owned());
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The canaries of a source's items.
    pub fn told(&self, organization: &str, source: &str) -> String {
        let items = self.of(organization, source).iter();
        items.map(|item| format!("{} ", item.canary)).collect()
    }

    /// Items went for good.
    pub fn take(&mut self, organization: &str, source: &str, ids: &[String]) {
        let key = (organization.to_owned(), source.to_owned());
        if let Some(items) = self.0.get_mut(&key) {
            items.retain(|item| !ids.contains(&item.id));
        }
    }
}

impl World {
    /// Of each organization two sources: one that is called alike everywhere, and one that is a canary itself.
    pub fn set_aside_some(&mut self, random: &mut Random) {
        for organization in self.organizations.clone() {
            let own = mint(random, &mut self.minted);
            for source in [COMMON, &own] {
                for _ in 0..OF_EACH {
                    self.set_aside(random, &organization, source);
                }
            }
            let sources = self.sources.get_mut(&organization).expect("known");
            sources.extend([own, COMMON.to_owned()]);
        }
    }

    /// One more that no mapping takes, sent by the owner.
    pub fn set_aside(&mut self, random: &mut Random, organization: &str, source: &str) {
        let canary = mint(random, &mut self.minted);
        let odd = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "reason": canary});
        let list = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [odd]});
        let path = format!("/v1/sources/kubernetes/{source}?organization={organization}");
        let (answer, _) = self.ask(0, "POST", &path, &list.to_string());
        assert_eq!(answer.json()["quarantined"], 1, "{}", answer.text());
        let id = self.waiting(organization, source).pop();
        let id = id.expect("it waits");
        let key = (organization.to_owned(), source.to_owned());
        self.shelf
            .0
            .entry(key)
            .or_default()
            .push(Item { id, canary });
    }

    /// The ids of what waits, by the quarantine itself.
    fn waiting(&self, organization: &str, source: &str) -> Vec<String> {
        let sender = Sender {
            organization: Organization::parse(organization).expect("a slug"),
            source: SourceName::parse(source).expect("a name"),
        };
        let items = self
            .server
            .app
            .intake
            .quarantine
            .items(&sender, None, usize::MAX);
        let items = items.expect("it is read").into_iter();
        items.map(|(number, _)| number.to_string()).collect()
    }

    /// Nothing waits that should not, and nothing was taken that should.
    pub fn must_wait(&self, organization: &str, source: &str) -> Checked {
        let expected: Vec<&String> = { self.shelf.of(organization, source).iter() }
            .map(|item| &item.id)
            .collect();
        let waiting = self.waiting(organization, source);
        same("what waits", &waiting.iter().collect(), &expected)
    }

    /// A source of an organization: the one that is called alike everywhere, its own, another's, or none.
    pub fn some_source(&self, random: &mut Random, organization: &str) -> String {
        let own = |organization: &str| self.sources[organization][4].clone();
        match random.below(6) {
            0 | 1 => COMMON.to_owned(),
            2 | 3 => own(organization),
            4 => own(random.pick(&self.organizations).as_str()),
            _ => "none".to_owned(),
        }
    }
}

/// An item as the API shows it.
pub fn shown(item: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let raw: Value = serde_json::from_str(&text(&item["raw"])).unwrap_or_default();
    (text(&item["id"]), text(&raw["reason"]))
}
