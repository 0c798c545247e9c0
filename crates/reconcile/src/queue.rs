//! Keys that wait to be looked at: at once, later, or after a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::mirror::Key;

/// The wait after the first failure.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
/// The longest wait after a failure.
const LONGEST_BACKOFF: Duration = Duration::from_secs(100);

/// A queue without duplicates. A key may wait for a moment in the future and be due at once besides.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    due: BTreeSet<Key>,
    later: BTreeSet<(Timestamp, Key)>,
    times: BTreeMap<Key, Timestamp>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// The key is to be looked at now.
    pub fn add(&mut self, key: Key) {
        self.due.insert(key);
    }

    /// The key is to be looked at then. Only the earliest of several moments counts.
    pub fn add_at(&mut self, key: Key, at: Timestamp) {
        match self.times.get(&key) {
            Some(known) if *known <= at => return,
            Some(known) => {
                self.later.remove(&(*known, key.clone()));
            }
            None => {}
        }
        self.times.insert(key.clone(), at);
        self.later.insert((at, key));
    }

    /// The key failed: it is looked at again after a wait that doubles with every failure.
    pub fn failed(&mut self, key: Key, now: Timestamp) {
        let failures = self.failures.entry(key.clone()).or_default();
        let wait = FIRST_BACKOFF.saturating_mul(1 << (*failures).min(20)).min(LONGEST_BACKOFF);
        *failures = failures.saturating_add(1);
        self.add_at(key, now + wait);
    }

    /// The key went well: the next failure is the first again.
    pub fn succeeded(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// The next key that is due, in the order of the keys.
    pub fn next(&mut self, now: Timestamp) -> Option<Key> {
        while let Some((at, _)) = self.later.first() {
            if *at > now {
                break;
            }
            if let Some((_, key)) = self.later.pop_first() {
                self.times.remove(&key);
                self.due.insert(key);
            }
        }
        self.due.pop_first()
    }

    /// When a key will be due: the beginning of time if one is now.
    pub fn wake(&self) -> Option<Timestamp> {
        if self.due.is_empty() { self.later.first().map(|(at, _)| *at) } else { Some(Timestamp::MIN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_key_is_due_once_however_often_it_was_added() {
        let mut queue = Queue::default();
        let key = Key::new("a", "b");
        queue.add(key.clone());
        queue.add(key.clone());
        queue.add_at(key.clone(), at(9));
        queue.add_at(key.clone(), at(5));
        queue.add_at(key.clone(), at(7));
        assert_eq!(queue.wake(), Some(Timestamp::MIN));
        assert_eq!(queue.next(at(0)), Some(key.clone()));
        assert_eq!(queue.next(at(4)), None);
        assert_eq!(queue.wake(), Some(at(5)));
        assert_eq!(queue.next(at(5)), Some(key));
        assert_eq!(queue.wake(), None);
    }

    #[test]
    fn waits_after_failures_double_and_end_at_100_seconds() {
        let mut queue = Queue::default();
        let key = Key::new("a", "b");
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..20 {
            queue.failed(key.clone(), now);
            let next = queue.wake().unwrap();
            waits.push(next.duration_since(now).as_millis());
            now = next;
            assert_eq!(queue.next(now), Some(key.clone()));
        }
        assert_eq!(waits[..4], [5, 10, 20, 40]);
        assert_eq!(waits[19], 100_000);
        queue.succeeded(&key);
        queue.failed(key, now);
        assert_eq!(queue.wake().unwrap().duration_since(now).as_millis(), 5);
    }
}
