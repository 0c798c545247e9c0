//! Whether nodes of a NodePool register when they are launched (reference section 1.1, NodeRegistrationHealthy).

use std::collections::{BTreeMap, VecDeque};

/// How many of the last launches count.
const REMEMBERED: usize = 4;
/// How many of them must have failed for the NodePool to be unhealthy: half.
const TOO_MANY: usize = 2;

/// What the last launches say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing was launched yet.
    Unknown,
    /// Nodes register.
    Healthy,
    /// Half of them did not, and this was the last reason, a word and a sentence.
    Unhealthy(String, String),
}

/// How the last launches went, by the uid of the NodePool.
#[derive(Clone, Debug, Default)]
pub struct RegistrationHealth {
    pools: BTreeMap<String, Pool>,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    outcomes: VecDeque<bool>,
    failure: (String, String),
}

impl RegistrationHealth {
    /// A node of the NodePool registered.
    pub fn registered(&mut self, pool: &str) {
        self.push(pool, true);
    }

    /// A claim of the NodePool was given up, for this reason: a word and a sentence.
    pub fn gave_up(&mut self, pool: &str, reason: &str, message: &str) {
        self.push(pool, false);
        if let Some(known) = self.pools.get_mut(pool) {
            known.failure = (reason.to_owned(), message.to_owned());
        }
    }

    fn push(&mut self, pool: &str, registered: bool) {
        let known = self.pools.entry(pool.to_owned()).or_default();
        if known.outcomes.len() == REMEMBERED {
            known.outcomes.pop_front();
        }
        known.outcomes.push_back(registered);
    }

    /// Forgets all launches of a NodePool: it, or its class, has changed.
    pub fn forget(&mut self, pool: &str) {
        self.pools.remove(pool);
    }

    /// Remembers what a NodePool's status says, if nothing is known of it: after a restart.
    pub fn restore(&mut self, pool: &str, health: &Health) {
        if self.pools.contains_key(pool) {
            return;
        }
        match health {
            Health::Unknown => {}
            Health::Healthy => self.registered(pool),
            Health::Unhealthy(reason, message) => {
                (0..TOO_MANY).for_each(|_| self.gave_up(pool, reason, message));
            }
        }
    }

    /// What the last launches of a NodePool say.
    pub fn of(&self, pool: &str) -> Health {
        let Some(known) = self.pools.get(pool) else { return Health::Unknown };
        let failures = known.outcomes.iter().filter(|registered| !**registered).count();
        if failures >= TOO_MANY {
            let (reason, message) = known.failure.clone();
            Health::Unhealthy(reason, message)
        } else {
            Health::Healthy
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", "unknown")]
    #[case::one_good("+", "healthy")]
    #[case::one_bad("-", "healthy")]
    #[case::two_bad("--", "unhealthy")]
    #[case::two_of_four("+-+-", "unhealthy")]
    #[case::one_of_four("+++-", "healthy")]
    #[case::only_the_last_four_count("--+++", "healthy")]
    #[case::and_all_of_them("--++", "unhealthy")]
    fn half_of_the_last_four_decide(#[case] outcomes: &str, #[case] expected: &str) {
        let mut health = RegistrationHealth::default();
        for outcome in outcomes.chars() {
            match outcome {
                '+' => health.registered("a"),
                _ => health.gave_up("a", "RegistrationFailed", "Failed to register node"),
            }
        }
        let found = match health.of("a") {
            Health::Unknown => "unknown",
            Health::Healthy => "healthy",
            Health::Unhealthy(reason, _) => {
                assert_eq!(reason, "RegistrationFailed");
                "unhealthy"
            }
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_restart_goes_on_from_the_status() {
        let unhealthy = Health::Unhealthy("A".to_owned(), "b".to_owned());
        let mut health = RegistrationHealth::default();
        health.restore("a", &unhealthy);
        assert_eq!(health.of("a"), unhealthy);
        health.restore("a", &Health::Healthy);
        assert_eq!(health.of("a"), unhealthy, "what is known counts more");
        health.forget("a");
        assert_eq!(health.of("a"), Health::Unknown);
    }
}
