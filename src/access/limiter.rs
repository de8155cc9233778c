//! Slows down guessing: attempts to sign in, per account and per address, in memory that never grows.
//!
//! An attempt is paid for before the password is looked at, so a thousand at once do not get a thousand guesses, and given
//! back if it succeeds. Two things attackers do with such counters are answered: whoever guesses at somebody's account
//! from elsewhere does not lock the owner out, since an address that signed in to it before is counted by itself; and
//! whoever floods the table with names of no account pushes out only names that were hardly counted.

use entry::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Attempts at once, and how long until one more.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub burst: u32,
    pub every: Duration,
}

/// Ten guesses, then one a minute: 1,440 a day against a password of twelve characters.
pub const PER_ACCOUNT: Rate = Rate {
    burst: 10,
    every: Duration::from_secs(60),
};
/// A household or an office behind one address signs in more often than one person does.
pub const PER_ADDRESS: Rate = Rate {
    burst: 30,
    every: Duration::from_secs(10),
};
/// Accounts and addresses that are remembered: 16 bytes each.
pub const REMEMBERED_MAX: usize = 16 * 1024;

/// Counts attempts. One per process.
pub struct Limiter {
    /// Texts are remembered by their keyed hashes: nobody can choose two that collide, and no long one takes room.
    hasher: RandomState,
    accounts: Table,
    addresses: Table,
    /// Pairs of account and address that signed in, and when.
    known: Table,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(REMEMBERED_MAX)
    }
}

impl Limiter {
    pub fn new(remembered_max: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            accounts: Table::new(PER_ACCOUNT, remembered_max),
            addresses: Table::new(PER_ADDRESS, remembered_max),
            known: Table::new(PER_ACCOUNT, remembered_max),
        }
    }

    /// Pays for one attempt; or how long to wait, and nothing is paid.
    pub fn attempt(&mut self, login: &str, from: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let (account, address) = self.keys(login, from);
        let wait = self.accounts.wait(account, now);
        let wait = wait.max(self.addresses.wait(address, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.accounts.pay(account, now);
        self.addresses.pay(address, now);
        Ok(())
    }

    /// The attempt succeeded: it is given back, and this address is counted by itself from now on.
    pub fn succeeded(&mut self, login: &str, from: IpAddr, now: Timestamp) {
        let (account, address) = self.keys(login, from);
        self.accounts.give_back(account, now);
        self.addresses.give_back(address, now);
        let pair = self.hasher.hash_one((login, network(from)));
        self.known.set(pair, now.as_micros(), now);
    }

    /// As [`Limiter::attempt`], where nobody is named yet: what somebody says of themselves elsewhere.
    pub fn attempt_from(&mut self, from: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let address = self.hasher.hash_one(network(from));
        let wait = self.addresses.wait(address, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.addresses.pay(address, now);
        Ok(())
    }

    /// That attempt succeeded, and is given back.
    pub fn succeeded_from(&mut self, from: IpAddr, now: Timestamp) {
        let address = self.hasher.hash_one(network(from));
        self.addresses.give_back(address, now);
    }

    /// How much is remembered, at most three times the bound.
    pub fn remembered(&self) -> usize {
        self.accounts.until.len() + self.addresses.until.len() + self.known.until.len()
    }

    fn keys(&self, login: &str, from: IpAddr) -> (u64, u64) {
        let address = network(from);
        let pair = self.hasher.hash_one((login, address));
        let account = match self.known.until.contains_key(&pair) {
            true => pair,
            false => self.hasher.hash_one(login),
        };
        (account, self.hasher.hash_one(address))
    }
}

/// What counts as one address: of IPv6 the network that a subscriber gets.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

/// For each key the instant at which all of its attempts are forgotten, in microseconds.
struct Table {
    rate: Rate,
    until: HashMap<u64, i64>,
    max: usize,
}

impl Table {
    fn new(rate: Rate, max: usize) -> Self {
        Self {
            rate,
            until: HashMap::new(),
            max: max.max(1),
        }
    }

    fn every(&self) -> i64 {
        i64::try_from(self.rate.every.as_micros()).expect("a rate is no century")
    }

    /// Until one more attempt may be made.
    fn wait(&self, key: u64, now: Timestamp) -> Duration {
        let until = self.until.get(&key).copied().unwrap_or(i64::MIN);
        let room = self.every() * i64::from(self.rate.burst - 1);
        let over = until.saturating_sub(now.as_micros()).saturating_sub(room);
        Duration::from_micros(u64::try_from(over).unwrap_or(0))
    }

    fn pay(&mut self, key: u64, now: Timestamp) {
        let until = self.until.get(&key).copied().unwrap_or(i64::MIN);
        let until = until.max(now.as_micros()).saturating_add(self.every());
        self.set(key, until, now);
    }

    fn give_back(&mut self, key: u64, now: Timestamp) {
        let every = self.every();
        if let Some(until) = self.until.get_mut(&key) {
            *until -= every;
            if *until <= now.as_micros() {
                self.until.remove(&key);
            }
        }
    }

    fn set(&mut self, key: u64, until: i64, now: Timestamp) {
        if self.until.len() >= self.max && !self.until.contains_key(&key) {
            self.make_room(now);
        }
        self.until.insert(key, until);
    }

    /// Forgets what is over; if nothing is, what would be over first.
    fn make_room(&mut self, now: Timestamp) {
        self.until.retain(|_, until| *until > now.as_micros());
        if self.until.len() >= self.max {
            let soonest = self.until.iter().min_by_key(|(_, until)| **until);
            if let Some(key) = soonest.map(|(key, _)| *key) {
                self.until.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).expect("a time")
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn guesses_at_one_account_are_slowed_from_wherever_they_come() {
        let mut limiter = Limiter::default();
        for n in 0..10 {
            assert_eq!(limiter.attempt("ana", address(n), at(0)), Ok(()));
        }
        let minute = Duration::from_secs(60);
        assert_eq!(limiter.attempt("ana", address(99), at(0)), Err(minute));
        assert_eq!(limiter.attempt("bo", address(99), at(0)), Ok(()));
        assert_eq!(limiter.attempt("ana", address(99), at(60)), Ok(()));
        assert_eq!(limiter.attempt("ana", address(99), at(60)), Err(minute));
    }

    #[test]
    fn one_address_is_slowed_whatever_names_it_tries() {
        let mut limiter = Limiter::default();
        let tries = (0..100).filter(|n| {
            limiter
                .attempt(&format!("name{n}"), address(1), at(0))
                .is_ok()
        });
        assert_eq!(tries.count(), 30);
        // A subscriber has a whole network of these.
        let mut limiter = Limiter::default();
        let v6 = |n: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | n));
        let tries =
            (0..100).filter(|n| limiter.attempt(&format!("name{n}"), v6(*n), at(0)).is_ok());
        assert_eq!(tries.count(), 30);
        assert_eq!(limiter.attempt("other", v6(1 << 64), at(0)), Ok(()));
    }

    #[test]
    fn nobody_is_locked_out_by_somebody_elses_guesses() {
        let mut limiter = Limiter::default();
        limiter
            .attempt("ana", address(1), at(0))
            .expect("the first");
        limiter.succeeded("ana", address(1), at(0));
        while limiter.attempt("ana", address(2), at(1)).is_ok() {}
        assert_eq!(limiter.attempt("ana", address(1), at(1)), Ok(()));
        assert!(limiter.attempt("ana", address(3), at(1)).is_err());
    }

    #[test]
    fn who_signs_in_rightly_may_do_so_as_often_as_needed() {
        let mut limiter = Limiter::default();
        for _ in 0..200 {
            limiter
                .attempt("ana", address(1), at(0))
                .expect("given back");
            limiter.succeeded("ana", address(1), at(0));
        }
    }

    #[test]
    fn a_flood_of_names_neither_grows_the_table_nor_frees_the_one_that_was_guessed_at() {
        let mut limiter = Limiter::new(64);
        while limiter.attempt("ana", address(1), at(0)).is_ok() {}
        for n in 0..10_000_u32 {
            let from = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            assert_eq!(limiter.attempt(&format!("name{n}"), from, at(0)), Ok(()));
            assert!(limiter.remembered() <= 3 * 64);
        }
        assert!(limiter.attempt("ana", address(2), at(0)).is_err());
    }

    proptest! {
        #[test]
        fn no_span_of_time_allows_more_than_burst_and_rate(steps in prop::collection::vec((0i64..90, 0u8..4), 1..200)) {
            let mut limiter = Limiter::default();
            let (mut now, mut allowed) = (0, Vec::new());
            for (wait, from) in steps {
                now += wait;
                match limiter.attempt("ana", address(from), at(now)) {
                    Ok(()) => allowed.push(now),
                    Err(wait) => prop_assert!(wait <= PER_ACCOUNT.every && !wait.is_zero()),
                }
            }
            for (n, first) in allowed.iter().enumerate() {
                for (m, last) in allowed.iter().enumerate().skip(n) {
                    let most = i64::from(PER_ACCOUNT.burst) + (last - first) / 60;
                    prop_assert!((m - n) as i64 <= most);
                }
            }
        }
    }
}
