//! The isolation oracle: random worlds, random questions over every route, and a model of who sees what that is said once
//! more, plainly (`oracle/model.rs`). Each answer is what the model says, in order and number, and tells no canary of what
//! is out of reach.
//!
//! `MAR_AUDIT_SEED=7` asks another world, `MAR_AUDIT_ORACLE_CHECKS=200000` asks for longer; a failure prints what repeats it.
//!
//! Autocomplete and saved views are no routes of this server; should one appear, it has no row and the build fails.
//!
//! That it bites is shown below by models that are wrong in one thing each.

mod administering;
mod around;
mod asking;
mod builder;
mod checks;
mod managing;
mod model;
mod protocols;
mod questions;
mod random;
pub mod routes;
mod sending;
mod world;

use checks::Checked;
use model::Person;
use random::Random;
use routes::{Check, ROWS};
use std::collections::BTreeSet;
use world::World;

/// Questions to one world: each leaves entries, and building one costs as much as a thousand.
const OF_ONE_WORLD: usize = 2_500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The check of a question, by weight.
fn any_check(random: &mut Random) -> (&'static str, Check) {
    let all: usize = ROWS.iter().map(|row| row.2).sum();
    let mut left = random.below(all);
    for (_, path, weight, check) in ROWS {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return (path, *check),
        }
    }
    unreachable!("the weights were summed")
}

/// Asks one world; the first answer that is not as the model says, with what repeats it.
fn ask(seed: u64, questions: usize, spoil: impl Fn(&mut Person)) -> Checked {
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    world.people.iter_mut().for_each(spoil);
    for nth in 0..questions {
        let who = random.below(world.people.len());
        let (path, check) = any_check(&mut random);
        check(&mut world, &mut random, who).map_err(|what| {
            let person = &world.people[who];
            format!(
                "MAR_AUDIT_SEED={seed}, question {nth}, {path} by {}: {what}\n{:?} {:?} {:?}",
                person.name, person.grants, person.bounds, person.only
            )
        })?;
    }
    Ok(())
}

fn holds(share: u64) {
    let questions = number("MAR_AUDIT_ORACLE_CHECKS").unwrap_or(20_000) as usize / 4;
    let first = number("MAR_AUDIT_SEED").map_or(share * 1_000, |seed| seed + share * 1_000_000);
    for (world, start) in (0..questions).step_by(OF_ONE_WORLD).enumerate() {
        let seed = first + world as u64;
        if let Err(what) = ask(seed, OF_ONE_WORLD.min(questions - start), |_| {}) {
            panic!("{what}");
        }
    }
}

// Four, so that four processors ask at once.

#[test]
fn nobody_is_told_what_is_out_of_reach_1() {
    holds(0);
}

#[test]
fn nobody_is_told_what_is_out_of_reach_2() {
    holds(1);
}

#[test]
fn nobody_is_told_what_is_out_of_reach_3() {
    holds(2);
}

#[test]
fn nobody_is_told_what_is_out_of_reach_4() {
    holds(3);
}

#[test]
fn every_route_has_a_row_in_the_oracle() {
    let rows = ROWS.iter().filter(|row| !row.1.is_empty());
    let rows: BTreeSet<(String, String)> = rows
        .map(|row| (row.0.to_owned(), row.1.to_owned()))
        .collect();
    let made = routes::made();
    let without: Vec<_> = made.difference(&rows).collect();
    assert!(without.is_empty(), "routes without a row: {without:?}");
    let gone: Vec<_> = rows.difference(&made).collect();
    assert!(gone.is_empty(), "rows without a route: {gone:?}");
    assert!(rows.len() > 40);
}

/// Makes the model wrong about somebody.
type Spoil = fn(&mut Person);

/// What a model is that is wrong in one thing: a server that was wrong in the same way would agree with it, and so be found
/// by the right one.
#[test]
fn a_model_that_is_wrong_in_one_thing_is_found_out() {
    let spoilt: [(&str, Spoil); 7] = [
        ("masks hide nothing", |person| {
            person
                .grants
                .iter_mut()
                .for_each(|grant| grant.mask.clear())
        }),
        ("a link's mask hides nothing", |person| {
            person
                .bounds
                .iter_mut()
                .for_each(|bound| bound.mask.clear())
        }),
        ("projects are not told apart", |person| {
            person
                .grants
                .iter_mut()
                .for_each(|grant| grant.projects = None)
        }),
        ("organizations are not told apart", |person| {
            person
                .grants
                .iter_mut()
                .for_each(|grant| grant.organization = None)
        }),
        ("a token is as good as its account", |person| {
            person.bounds.clear()
        }),
        ("a frozen filter is forgotten", |person| person.only.clear()),
        ("only one grant counts", |person| person.grants.truncate(1)),
    ];
    for (what, spoil) in spoilt {
        assert!(ask(17, 1_500, spoil).is_err(), "not found out: {what}");
    }
}
