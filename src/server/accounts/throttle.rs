//! Slows down whoever guesses passwords.
//!
//! Each login that fails counts for the network it came from and for the account it was for, whether there is such an account
//! or not. After a few, each further one has to wait, twice as long each time, up to a bound. A login counts before its
//! password is looked at, so that many at once gain nothing, and what is refused does not count.
//!
//! Somebody who guesses must not keep the owner out. So an account's failures hold up those networks only that have failed
//! with it themselves: a first login from elsewhere is let through. And a browser that has logged in with the account before is
//! known by a cookie, and has a count of its own, which nobody else can add to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::domain::secret::SecretHash;

/// Failures of a network, or of a known browser, after which the next has to wait.
const FREE_OF_NETWORK: u32 = 5;
/// Failures with an account, from everywhere.
const FREE_OF_ACCOUNT: u32 = 10;
/// The first wait.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// After so long without a failure all of them are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// Networks, accounts and browsers that are remembered, together; each takes about a hundred bytes.
const REMEMBERED_MAX: u64 = 50_000;
/// Bits of an IPv6 address that are the same for all that one subscriber may have.
const NETWORK_BITS: u32 = 48;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    Network(IpAddr),
    Account(SecretHash),
    /// A network that has failed with an account.
    Both(IpAddr, SecretHash),
    Browser(SecretHash),
}

/// What is remembered of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// When the next may come.
    free_at: Instant,
}

/// Whose login it is.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Where it comes from; `None` where that cannot be told.
    pub client: Option<IpAddr>,
    /// The digest of the account's address.
    pub account: SecretHash,
    /// The browser's token, if it has logged in with the account before.
    pub known_browser: Option<SecretHash>,
}

/// Counts failures.
pub struct Throttle(Cache<Counted, Failures>);

impl Throttle {
    /// One that knows of no failure.
    pub fn new() -> Self {
        // Least recently used: another policy might not remember who is new at all while many come.
        let policy = EvictionPolicy::lru();
        Self(
            Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .eviction_policy(policy)
                .time_to_live(FORGOTTEN_AFTER)
                .build(),
        )
    }

    /// Counts an attempt as a failure until [`Throttle::succeeded`] takes that back.
    ///
    /// # Errors
    /// How long to wait. Nothing is counted then.
    pub fn begin(&self, attempt: &Attempt, now: Instant) -> Result<(), Duration> {
        if let Some(browser) = attempt.known_browser {
            return self.count(Counted::Browser(browser), FREE_OF_NETWORK, now);
        }
        let (network, account) = (network(attempt.client), attempt.account);
        let has_failed = self.0.contains_key(&Counted::Both(network, account));
        let for_account = if has_failed { self.wait(Counted::Account(account), now) } else { None };
        if let Some(wait) = for_account.max(self.wait(Counted::Network(network), now)) {
            return Err(wait);
        }
        self.count(Counted::Network(network), FREE_OF_NETWORK, now)?;
        // Whether it may wait or not: it is let through in any case now.
        let _ = self.count(Counted::Account(account), FREE_OF_ACCOUNT, now);
        self.0.insert(Counted::Both(network, account), Failures { count: 1, free_at: now });
        Ok(())
    }

    /// Takes back that an attempt counted: it was none to guess. What others have counted stays.
    pub fn succeeded(&self, attempt: &Attempt) {
        if let Some(browser) = attempt.known_browser {
            self.0.invalidate(&Counted::Browser(browser));
            return;
        }
        let network = network(attempt.client);
        for counted in [Counted::Network(network), Counted::Account(attempt.account)] {
            self.0.entry(counted).and_compute_with(|entry| match entry.map(|entry| entry.into_value()) {
                Some(failures) if failures.count > 1 => {
                    Op::Put(Failures { count: failures.count - 1, ..failures })
                }
                _ => Op::Remove,
            });
        }
        self.0.invalidate(&Counted::Both(network, attempt.account));
    }

    fn wait(&self, counted: Counted, now: Instant) -> Option<Duration> {
        let failures = self.0.get(&counted)?;
        Some(failures.free_at.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// Counts one more, unless it has to wait. Of several at once each is counted.
    fn count(&self, counted: Counted, free: u32, now: Instant) -> Result<(), Duration> {
        let mut refused = None;
        self.0.entry(counted).and_compute_with(|entry| {
            let before = entry.map(|entry| entry.into_value());
            let wait = before.map(|failures| failures.free_at.saturating_duration_since(now));
            refused = wait.filter(|wait| !wait.is_zero());
            if refused.is_some() {
                return Op::Nop;
            }
            let count = before.map_or(0, |failures| failures.count).saturating_add(1);
            Op::Put(Failures { count, free_at: now + pause(count, free) })
        });
        refused.map_or(Ok(()), Err)
    }
}

/// How long the next has to wait after so many failures, of which some are free.
fn pause(count: u32, free: u32) -> Duration {
    match count.checked_sub(free) {
        None => Duration::ZERO,
        Some(beyond) => WAIT_MIN.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(WAIT_MAX),
    }
}

/// What one subscriber may have: an IPv4 address, or an IPv6 network.
fn network(client: Option<IpAddr>) -> IpAddr {
    match client {
        None => Ipv4Addr::UNSPECIFIED.into(),
        Some(IpAddr::V4(address)) => address.into(),
        Some(IpAddr::V6(address)) => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK_BITS))).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn attempt(client: &str, account: &str) -> Attempt {
        Attempt {
            client: Some(client.parse().expect("an address")),
            account: SecretHash::of(account),
            known_browser: None,
        }
    }

    #[test]
    fn each_failure_beyond_the_free_ones_doubles_the_wait_up_to_a_bound() {
        let throttle = Throttle::new();
        let now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        for _ in 0..FREE_OF_NETWORK {
            assert_eq!(throttle.begin(&guesser, now), Ok(()));
        }
        assert_eq!(throttle.begin(&guesser, now), Err(WAIT_MIN));
        assert_eq!(throttle.begin(&guesser, now), Err(WAIT_MIN), "what is refused does not count");
        assert_eq!(throttle.begin(&attempt("192.0.2.1", "bob"), now), Err(WAIT_MIN), "another account, too");
        let later = now + WAIT_MIN;
        assert_eq!(throttle.begin(&guesser, later), Ok(()));
        assert_eq!(throttle.begin(&guesser, later), Err(2 * WAIT_MIN));
        assert_eq!(pause(FREE_OF_NETWORK + 9, FREE_OF_NETWORK), Duration::from_secs(512));
        for count in [FREE_OF_NETWORK + 10, FREE_OF_NETWORK + 40, u32::MAX] {
            assert_eq!(pause(count, FREE_OF_NETWORK), WAIT_MAX);
        }
    }

    #[test]
    fn who_guesses_from_many_networks_waits_for_the_account() {
        let throttle = Throttle::new();
        let now = clock::instant();
        for host in 0..FREE_OF_ACCOUNT {
            assert_eq!(throttle.begin(&attempt(&format!("192.0.2.{host}"), "ann"), now), Ok(()));
        }
        assert_eq!(throttle.begin(&attempt("192.0.2.1", "ann"), now), Err(WAIT_MIN));
        assert_eq!(throttle.begin(&attempt("192.0.2.1", "bob"), now), Ok(()), "it is the account that waits");
    }

    #[test]
    fn the_owner_is_not_kept_out_by_who_guesses() {
        let throttle = Throttle::new();
        let mut now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        for _ in 0..30 {
            if let Err(wait) = throttle.begin(&guesser, now) {
                now += wait;
                throttle.begin(&guesser, now).expect("it has waited");
            }
        }
        assert_eq!(throttle.begin(&guesser, now), Err(WAIT_MAX));
        assert_eq!(
            throttle.begin(&attempt("198.51.100.7", "ann"), now),
            Ok(()),
            "a first login from elsewhere"
        );
        let known = Attempt { known_browser: Some(SecretHash::of("browser")), ..guesser };
        for _ in 0..FREE_OF_NETWORK {
            assert_eq!(throttle.begin(&known, now), Ok(()), "from the guesser's own address");
        }
        assert_eq!(
            throttle.begin(&known, now),
            Err(WAIT_MIN),
            "who has a known browser cannot guess with it"
        );
        throttle.succeeded(&known);
        assert_eq!(throttle.begin(&known, now), Ok(()));
    }

    #[test]
    fn a_success_takes_back_its_own_count_and_no_others() {
        let throttle = Throttle::new();
        let now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        let own = attempt("192.0.2.1", "mallory");
        for _ in 1..FREE_OF_NETWORK {
            throttle.begin(&guesser, now).expect("free");
        }
        throttle.begin(&own, now).expect("free");
        throttle.succeeded(&own);
        throttle.begin(&guesser, now + WAIT_MIN).expect("it has waited");
        assert!(throttle.begin(&guesser, now + WAIT_MIN).is_err(), "logging in oneself gains no guesses");
        let owner = attempt("198.51.100.7", "ann");
        for _ in 0..100 {
            throttle.begin(&owner, now).expect("who does not fail does not wait");
            throttle.succeeded(&owner);
        }
    }

    #[test]
    fn many_at_once_gain_nothing() {
        let throttle = Throttle::new();
        let now = clock::instant();
        let let_in: usize = std::thread::scope(|scope| {
            let guess = || throttle.begin(&attempt("192.0.2.1", "ann"), now).is_ok();
            let guesses: Vec<_> = (0..32).map(|_| scope.spawn(guess)).collect();
            guesses.into_iter().map(|guess| usize::from(guess.join().expect("a guess"))).sum()
        });
        assert_eq!(let_in, FREE_OF_NETWORK as usize);
    }

    #[test]
    fn the_addresses_of_one_subscriber_count_as_one() {
        let same = |a: &str, b: &str| network(a.parse().ok()) == network(b.parse().ok());
        assert!(same("2001:db8:1::1", "2001:db8:1:ffff:ffff::2") && !same("2001:db8:1::1", "2001:db8:2::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new();
        let now = clock::instant();
        for number in 0..u32::try_from(REMEMBERED_MAX).expect("a number") {
            let client = IpAddr::from(number.to_be_bytes());
            let attempt = Attempt { client: Some(client), ..attempt("192.0.2.1", &number.to_string()) };
            let _ = throttle.begin(&attempt, now);
        }
        throttle.0.run_pending_tasks();
        assert!(throttle.0.entry_count() <= REMEMBERED_MAX, "{}", throttle.0.entry_count());
    }
}
