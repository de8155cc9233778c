use super::*;
use entry::Catalogue;
use std::collections::HashSet;

/// 2026-11-23T10:30:00Z, a working day.
const NOW: i64 = 1_795_429_800_000_000;

fn month() -> Vec<Scene> {
    let hours = (NOW - HISTORY_DAYS * DAY) / routine::HOUR..=NOW / routine::HOUR;
    hours.flat_map(routine::hour).collect()
}

#[test]
fn a_month_is_several_thousand_entries_with_few_failures_and_ids_of_their_own() {
    let scenes = month();
    assert!(
        (5_000..15_000).contains(&scenes.len()),
        "{} entries",
        scenes.len()
    );
    let ids: HashSet<String> = scenes
        .iter()
        .map(|scene| scene.body["source"].to_string())
        .collect();
    assert_eq!(ids.len(), scenes.len());
    let failures = scenes
        .iter()
        .filter(|scene| scene.body["result"] == "failure")
        .count();
    assert!(
        (scenes.len() / 100..scenes.len() / 20).contains(&failures),
        "{failures} failures"
    );
}

#[test]
fn every_entry_is_a_valid_draft_of_a_known_action() {
    let catalogue = Catalogue::built_in();
    for scene in story::scenes(NOW).into_iter().chain(month()) {
        let draft = scene.draft();
        assert!(catalogue.get(&draft.action).is_some(), "{}", draft.action);
        assert!(
            draft
                .own_id(draft.scope.organization.as_ref().expect("one"))
                .is_some()
        );
    }
}

#[test]
fn an_hour_tells_the_same_whenever_it_is_told() {
    let told = |hour| {
        routine::hour(hour)
            .into_iter()
            .map(Scene::draft)
            .collect::<Vec<_>>()
    };
    let hour = NOW / routine::HOUR;
    assert_eq!(told(hour), told(hour));
}

#[test]
fn the_story_lies_in_the_past_and_begins_with_its_first_entry() {
    let scenes = story::scenes(NOW);
    assert!(scenes.iter().all(|scene| scene.micros < NOW));
    let first = scenes
        .into_iter()
        .min_by_key(|scene| scene.micros)
        .expect("a story");
    let (organization, source, event_id, days) = story::FIRST;
    assert_eq!(first.body["scope"]["organization"], organization);
    assert_eq!(
        first.body["source"],
        serde_json::json!({"name": source, "event_id": event_id})
    );
    // Told again at the "now" that the first entry remembers, it is the same story.
    let again = story::scenes(first.micros + days * DAY);
    let told = story::scenes(NOW);
    assert!(
        again
            .iter()
            .zip(&told)
            .all(|(a, b)| a.micros == b.micros && a.body == b.body)
    );
}
