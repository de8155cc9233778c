//! The isolation oracle: random worlds, random questions over every route, and a model of who sees what that is said once
//! more, plainly (`oracle/model.rs`). Each answer is what the model says, in order and number, and tells no canary of what
//! is out of reach.
//!
//! Half of the worlds are the same in every run, the others are new in each. `MAR_AUDIT_SEED=7` asks a certain one,
//! `MAR_AUDIT_ORACLE_CHECKS=200000` asks for longer; a failure prints what repeats it.
//!
//! In each world every row comes to its route, or fails: a row that never meets its handler is none.
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
mod numbers;
mod otherwise;
mod protocols;
mod questions;
mod random;
pub mod routes;
mod sending;
mod shelf;
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

type Row = (&'static str, &'static str, usize, Check);

/// The row of a question, by weight.
fn any_row(random: &mut Random) -> &'static Row {
    let all: usize = ROWS.iter().map(|row| row.2).sum();
    let mut left = random.below(all);
    for row in ROWS {
        match left.checked_sub(row.2) {
            Some(rest) => left = rest,
            None => return row,
        }
    }
    unreachable!("the weights were summed")
}

/// A world, and who asks it.
struct Asking {
    world: World,
    random: Random,
    seed: u64,
    asked: usize,
}

impl Asking {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            world: World::new(&mut random),
            random,
            seed,
            asked: 0,
        }
    }

    fn anybody(&mut self) -> usize {
        self.random.below(self.world.people.len())
    }

    /// One question by somebody, and now and then the same in another way. True if it came to the route of its row.
    fn ask(&mut self, (method, path, _, check): &Row, who: usize) -> Result<bool, String> {
        let (world, random) = (&mut self.world, &mut self.random);
        world.row = (method, path);
        world.last = None;
        world.asker.met();
        self.asked += 1;
        let checked = check(world, random, who);
        let met = world.asker.met();
        let checked = checked.and_then(|()| match random.chance(8) {
            true => otherwise::ask(world),
            false => Ok(()),
        });
        checked.map_err(|what| {
            let (seed, nth, person) = (self.seed, self.asked, &self.world.people[who]);
            format!(
                "{what}\n{method} {path} by {}, {:?} {:?} {:?}\nquestion {nth}, again with: MAR_AUDIT_SEED={seed} cargo nextest run --locked -p mar-audit nobody_is_told_what_is_out_of_reach_1",
                person.name, person.grants, person.bounds, person.only
            )
        })?;
        Ok(met.contains(&((*method).to_owned(), (*path).to_owned())))
    }

    /// Each row until it came to its route: not everybody has what it asks about.
    fn ask_each(&mut self) -> Checked {
        let people = self.world.people.len();
        for row in ROWS.iter().filter(|row| !row.1.is_empty()) {
            let (mut met, first) = (false, self.anybody());
            for nth in 0..3 * people {
                met = self.ask(row, (first + nth) % people)?;
                if met {
                    break;
                }
            }
            if !met {
                let (method, path, ..) = row;
                return Err(format!(
                    "MAR_AUDIT_SEED={}: {method} {path} never came to its route",
                    self.seed
                ));
            }
        }
        Ok(())
    }
}

/// Asks one world; the first answer that is not as the model says, with what repeats it.
fn ask(seed: u64, questions: usize, spoil: impl Fn(&mut Person)) -> Checked {
    let mut asking = Asking::new(seed);
    asking.world.people.iter_mut().for_each(spoil);
    asking.ask_each()?;
    while asking.asked < questions {
        let (row, who) = (any_row(&mut asking.random), asking.anybody());
        asking.ask(row, who)?;
    }
    Ok(())
}

/// The seed of a world: of the first as in every run, of others as in none before; or what the environment asks for.
fn seed(share: u64, world: u64) -> u64 {
    if let Some(asked) = number("MAR_AUDIT_SEED") {
        return asked + share * 1_000_000 + world;
    }
    let mut fresh = [0; 4];
    match world {
        0 => share * 1_000,
        _ => {
            mar_audit::random::system()(&mut fresh);
            u64::from(u32::from_le_bytes(fresh))
        }
    }
}

fn holds(share: u64) {
    let questions = number("MAR_AUDIT_ORACLE_CHECKS").unwrap_or(20_000) as usize / 4;
    for (world, start) in (0..questions).step_by(OF_ONE_WORLD).enumerate() {
        let seed = seed(share, world as u64);
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
    let spoilt: [(&str, Spoil); 9] = [
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
        ("what is hidden is never shown", |person| {
            let all = person.grants.iter_mut();
            all.for_each(|grant| grant.permissions.retain(|one| *one != "entries:unmask"));
        }),
        ("who reads manages the sources", |person| {
            for grant in person.grants.iter_mut().chain(&mut person.bounds) {
                if grant.permissions.contains(&"entries:read") {
                    grant.permissions.push("sources:manage");
                }
            }
        }),
    ];
    for (what, spoil) in spoilt {
        assert!(ask(17, 1_500, spoil).is_err(), "not found out: {what}");
    }
}
