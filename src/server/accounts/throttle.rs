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

impl Counted {
    /// Failures after which the next has to wait.
    fn free(self) -> u32 {
        match self {
            Self::Network(_) | Self::Both(..) | Self::Browser(_) => FREE_OF_NETWORK,
            Self::Account(_) => FREE_OF_ACCOUNT,
        }
    }
}

/// What is remembered of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failures {
    count: u32,
    last_at: Instant,
}

impl Failures {
    /// How long the next has to wait, if it has to.
    fn wait(self, free: u32, now: Instant) -> Option<Duration> {
        let free_at = self.last_at + pause(self.count, free);
        Some(free_at.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }
}

/// What an attempt has counted as a failure, in case that it was none.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    counted: Vec<Step>,
    /// What there is no reason to remember any more when it was none.
    disproved: Counted,
}

/// One more failure of one.
#[derive(Debug)]
struct Step {
    of: Counted,
    before: Option<Failures>,
    after: Failures,
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

/// Counts failures. Copies count together.
#[derive(Clone)]
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
    pub fn begin(&self, attempt: &Attempt, now: Instant) -> Result<Ticket, Duration> {
        if let Some(browser) = attempt.known_browser {
            let browser = Counted::Browser(browser);
            return Ok(Ticket { counted: vec![self.count(browser, now)?], disproved: browser });
        }
        let (network, account) = (network(attempt.client), attempt.account);
        let both = Counted::Both(network, account);
        let has_failed = self.failures(both, now).is_some();
        let for_account = if has_failed { self.wait(Counted::Account(account), now) } else { None };
        if let Some(wait) = for_account.max(self.wait(Counted::Network(network), now)) {
            return Err(wait);
        }
        let mut counted = vec![self.count(Counted::Network(network), now)?];
        // Where the account waits it is not counted: a network that is new to it is let through all the same.
        counted.extend(self.count(Counted::Account(account), now));
        self.0.insert(both, Failures { count: 1, last_at: now });
        Ok(Ticket { counted, disproved: both })
    }

    /// Takes back what an attempt has counted: it was none to guess. What others have counted stays, and those who wait for
    /// that wait no longer than before.
    pub fn succeeded(&self, ticket: Ticket) {
        for Step { of, before, after } in ticket.counted {
            self.0.entry(of).and_compute_with(|entry| match entry.map(|entry| entry.into_value()) {
                Some(failures) if failures == after => before.map_or(Op::Remove, Op::Put),
                // Others have failed since.
                Some(failures) if failures.count > 1 => {
                    Op::Put(Failures { count: failures.count - 1, ..failures })
                }
                _ => Op::Remove,
            });
        }
        self.0.invalidate(&ticket.disproved);
    }

    /// Those that are not forgotten. The cache counts from when it was told last, be that a failure or not.
    fn failures(&self, of: Counted, now: Instant) -> Option<Failures> {
        self.0.get(&of).filter(|failures| is_remembered(failures, now))
    }

    fn wait(&self, of: Counted, now: Instant) -> Option<Duration> {
        self.failures(of, now)?.wait(of.free(), now)
    }

    /// Counts one more, unless it has to wait. Of several at once each is counted.
    fn count(&self, of: Counted, now: Instant) -> Result<Step, Duration> {
        let mut result = Err(Duration::ZERO);
        self.0.entry(of).and_compute_with(|entry| {
            let before =
                entry.map(|entry| entry.into_value()).filter(|failures| is_remembered(failures, now));
            if let Some(wait) = before.and_then(|failures| failures.wait(of.free(), now)) {
                result = Err(wait);
                return Op::Nop;
            }
            let count = before.map_or(0, |failures| failures.count).saturating_add(1);
            let after = Failures { count, last_at: now };
            result = Ok(Step { of, before, after });
            Op::Put(after)
        });
        result
    }
}

fn is_remembered(failures: &Failures, now: Instant) -> bool {
    now.saturating_duration_since(failures.last_at) < FORGOTTEN_AFTER
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

    /// What comes of an attempt that fails.
    fn fail(throttle: &Throttle, attempt: &Attempt, now: Instant) -> Result<(), Duration> {
        throttle.begin(attempt, now).map(|_ticket| ())
    }

    /// One that is right, and has not to wait.
    fn succeed(throttle: &Throttle, attempt: &Attempt, now: Instant) {
        throttle.succeeded(throttle.begin(attempt, now).expect("it need not wait"));
    }

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
            assert_eq!(fail(&throttle, &guesser, now), Ok(()));
        }
        assert_eq!(fail(&throttle, &guesser, now), Err(WAIT_MIN));
        assert_eq!(fail(&throttle, &guesser, now), Err(WAIT_MIN), "what is refused does not count");
        assert_eq!(fail(&throttle, &attempt("192.0.2.1", "bob"), now), Err(WAIT_MIN), "another account, too");
        let later = now + WAIT_MIN;
        assert_eq!(fail(&throttle, &guesser, later), Ok(()));
        assert_eq!(fail(&throttle, &guesser, later), Err(2 * WAIT_MIN));
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
            assert_eq!(fail(&throttle, &attempt(&format!("192.0.2.{host}"), "ann"), now), Ok(()));
        }
        assert_eq!(fail(&throttle, &attempt("192.0.2.1", "ann"), now), Err(WAIT_MIN));
        assert_eq!(
            fail(&throttle, &attempt("192.0.2.1", "bob"), now),
            Ok(()),
            "it is the account that waits"
        );
    }

    #[test]
    fn the_owner_is_not_kept_out_by_who_guesses() {
        let throttle = Throttle::new();
        let mut now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        for _ in 0..30 {
            if let Err(wait) = throttle.begin(&guesser, now) {
                now += wait;
                fail(&throttle, &guesser, now).expect("it has waited");
            }
        }
        assert_eq!(fail(&throttle, &guesser, now), Err(WAIT_MAX));
        assert_eq!(
            fail(&throttle, &attempt("198.51.100.7", "ann"), now),
            Ok(()),
            "a first login from elsewhere"
        );
        let known = Attempt { known_browser: Some(SecretHash::of("browser")), ..guesser };
        for _ in 0..FREE_OF_NETWORK {
            assert_eq!(fail(&throttle, &known, now), Ok(()), "from the guesser's own address");
        }
        assert_eq!(
            fail(&throttle, &known, now),
            Err(WAIT_MIN),
            "who has a known browser cannot guess with it"
        );
        succeed(&throttle, &known, now + WAIT_MIN);
        assert_eq!(fail(&throttle, &known, now), Ok(()), "it has shown that it does not guess");
    }

    #[test]
    fn a_success_takes_back_its_own_count_and_no_others() {
        let throttle = Throttle::new();
        let now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        let own = attempt("192.0.2.1", "mallory");
        for _ in 1..FREE_OF_NETWORK {
            fail(&throttle, &guesser, now).expect("free");
        }
        for _ in 0..3 {
            succeed(&throttle, &own, now);
        }
        fail(&throttle, &guesser, now).expect("the last that is free");
        assert_eq!(fail(&throttle, &guesser, now), Err(WAIT_MIN), "logging in oneself gains no guesses");
        let owner = attempt("198.51.100.7", "ann");
        for _ in 0..100 {
            succeed(&throttle, &owner, now);
        }
    }

    #[test]
    fn a_success_does_not_prolong_the_wait_of_its_network() {
        let throttle = Throttle::new();
        let mut now = clock::instant();
        let (guesser, ann) = (attempt("192.0.2.1", "eve"), attempt("192.0.2.1", "ann"));
        let mut wait = Duration::ZERO;
        while wait < WAIT_MAX {
            now += wait;
            wait = fail(&throttle, &guesser, now).err().unwrap_or_default();
        }
        now += wait;
        for _ in 0..3 {
            succeed(&throttle, &ann, now);
        }
        assert_eq!(fail(&throttle, &guesser, now), Ok(()), "whoever has waited does not wait again");
        assert_eq!(fail(&throttle, &ann, now), Err(WAIT_MAX));

        // While somebody's password is looked at another fails: from then on it counts.
        now += WAIT_MAX;
        let free = Throttle::new();
        let ticket = free.begin(&ann, now).expect("free");
        for _ in 1..FREE_OF_NETWORK {
            fail(&free, &guesser, now).expect("free");
        }
        free.succeeded(ticket);
        fail(&free, &guesser, now).expect("the last that is free");
        assert_eq!(fail(&free, &guesser, now), Err(WAIT_MIN));
    }

    #[test]
    fn a_success_does_not_keep_failures_from_being_forgotten() {
        let throttle = Throttle::new();
        let now = clock::instant();
        let guesser = attempt("192.0.2.1", "ann");
        for _ in 0..FREE_OF_NETWORK {
            fail(&throttle, &guesser, now).expect("free");
        }
        succeed(&throttle, &attempt("192.0.2.1", "bob"), now + FORGOTTEN_AFTER / 2);
        for _ in 0..FREE_OF_NETWORK {
            fail(&throttle, &guesser, now + FORGOTTEN_AFTER).expect("all is forgotten");
        }
    }

    #[test]
    fn a_success_takes_nothing_from_an_account_that_it_did_not_count_for() {
        let throttle = Throttle::new();
        let now = clock::instant();
        for host in 0..FREE_OF_ACCOUNT {
            fail(&throttle, &attempt(&format!("192.0.2.{host}"), "ann"), now).expect("free");
        }
        for host in 0..3 {
            succeed(&throttle, &attempt(&format!("198.51.100.{host}"), "ann"), now);
        }
        assert_eq!(fail(&throttle, &attempt("192.0.2.1", "ann"), now), Err(WAIT_MIN), "it waits as before");
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
