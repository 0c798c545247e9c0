//! Which Events are worth writing: the same thing about the same object only now and then (reference section 6.2).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// How long nothing is said again about a pod that cannot be scheduled.
const FAILED_QUIET: Duration = Duration::from_secs(300);
/// How long nothing is said again about a pod that was nominated.
const NOMINATED_QUIET: Duration = Duration::from_secs(120);
/// How long nothing is said again about a NodePool without types.
const POOL_QUIET: Duration = Duration::from_secs(60);
/// Nominations that may be told at once, in the whole cluster.
const NOMINATED_BURST: f64 = 10.0;
/// Nominations that may be told in a second, in the whole cluster.
const NOMINATED_RATE: f64 = 5.0;
/// Entries that are kept before old ones are swept out.
const REMEMBERED: usize = 20_000;

/// Remembers what was said.
#[derive(Debug)]
pub(super) struct Notices {
    said: BTreeMap<(&'static str, String), Timestamp>,
    tokens: f64,
    filled: Timestamp,
}

impl Default for Notices {
    fn default() -> Self {
        Self { said: BTreeMap::new(), tokens: NOMINATED_BURST, filled: Timestamp::UNIX_EPOCH }
    }
}

impl Notices {
    /// Whether it may be said now that the pod of this uid cannot be scheduled.
    pub fn failed(&mut self, uid: &str, now: Timestamp) -> bool {
        self.say("failed", uid, FAILED_QUIET, now)
    }

    /// Whether it may be said now that this NodePool has no types.
    pub fn no_types(&mut self, uid: &str, now: Timestamp) -> bool {
        self.say("types", uid, POOL_QUIET, now)
    }

    /// Whether it may be said now where the pod of this uid shall go.
    pub fn nominated(&mut self, uid: &str, now: Timestamp) -> bool {
        let passed = now.duration_since(self.filled).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + passed * NOMINATED_RATE).min(NOMINATED_BURST);
        self.filled = now;
        if self.tokens < 1.0 || !self.say("nominated", uid, NOMINATED_QUIET, now) {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    fn say(&mut self, what: &'static str, uid: &str, quiet: Duration, now: Timestamp) -> bool {
        let key = (what, uid.to_owned());
        if self.said.get(&key).is_some_and(|until| *until > now) {
            return false;
        }
        if self.said.len() >= REMEMBERED {
            self.said.retain(|_, until| *until > now);
        }
        self.said.insert(key, now.checked_add(quiet).unwrap_or(Timestamp::MAX));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_6_2_a_pod_is_told_once_in_five_minutes_and_nominations_are_few() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let mut notices = Notices::default();
        assert!(notices.failed("a", at(0)));
        assert!(!notices.failed("a", at(299)));
        assert!(notices.failed("b", at(299)));
        assert!(notices.failed("a", at(300)));
        let told = (0..100).filter(|pod| notices.nominated(&format!("p{pod}"), at(0))).count();
        assert_eq!(told, 10);
        let told = (100..200).filter(|pod| notices.nominated(&format!("p{pod}"), at(1))).count();
        assert_eq!(told, 5);
        assert!(!notices.nominated("p0", at(60)));
        assert!(notices.nominated("p0", at(120)));
    }
}
