//! When a pod that could not be evicted is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_reconcile::Key;

/// The wait after the first attempt, and the longest one (reference section 3.5).
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Attempt {
    uid: String,
    count: u32,
    next: Timestamp,
}

/// The attempts at pods that have not gone yet.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: BTreeMap<Key, Attempt>,
}

impl Backoff {
    /// When a pod may be tried next; nothing if at once.
    pub(super) fn next(&self, pod: &Key, uid: &str) -> Option<Timestamp> {
        self.attempts.get(pod).filter(|attempt| attempt.uid == uid).map(|attempt| attempt.next)
    }

    /// The pod was tried in vain. Returns when it may be tried again: waits double.
    pub(super) fn failed(&mut self, pod: Key, uid: &str, now: Timestamp) -> Timestamp {
        let fresh = Attempt { uid: uid.to_owned(), count: 0, next: now };
        let attempt = self.attempts.entry(pod).or_insert(fresh);
        if attempt.uid != uid {
            *attempt = Attempt { uid: uid.to_owned(), count: 0, next: now };
        }
        let wait = FIRST.saturating_mul(1 << attempt.count.min(10)).min(LONGEST);
        attempt.count += 1;
        attempt.next = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        attempt.next
    }

    /// The pod goes, or is gone.
    pub(super) fn forget(&mut self, pod: &Key) {
        self.attempts.remove(pod);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_100_milliseconds_to_10_seconds_and_a_new_pod_of_the_name_starts_afresh() {
        let mut backoff = Backoff::default();
        let (pod, now) = (Key::new("a", "b"), Timestamp::UNIX_EPOCH);
        let waits: Vec<i128> =
            (0..9).map(|_| backoff.failed(pod.clone(), "1", now).duration_since(now).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.next(&pod, "2"), None);
        assert_eq!(backoff.failed(pod.clone(), "2", now).duration_since(now).as_millis(), 100);
        backoff.forget(&pod);
        assert_eq!(backoff.next(&pod, "2"), None);
    }
}
