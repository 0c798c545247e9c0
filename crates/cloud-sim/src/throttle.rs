//! Token buckets, as EC2 throttles with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_cloud::Action;

use crate::{ApiOptions, BucketSize};

/// A bucket: tokens come at a rate up to its size, calls take them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    size: BucketSize,
    tokens: f64,
    filled_at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(size: BucketSize, now: Timestamp) -> Bucket {
        Bucket { size, tokens: size.capacity, filled_at: now }
    }

    /// Takes up to `wanted` whole tokens and says how many it got.
    pub(crate) fn take(&mut self, wanted: u32, now: Timestamp) -> u32 {
        let passed = now.duration_since(self.filled_at).as_secs_f64().max(0.0);
        self.tokens = (self.tokens + passed * self.size.per_second).min(self.size.capacity).max(0.0);
        self.filled_at = self.filled_at.max(now);
        // a billionth of a token is forgiven: filling in many small steps rounds
        let granted = wanted.min((self.tokens + 1e-9) as u32);
        self.tokens -= f64::from(granted);
        granted
    }
}

/// The buckets of the account.
#[derive(Debug)]
pub(crate) struct Throttle {
    calls: BTreeMap<Action, Bucket>,
    launched: Option<Bucket>,
    terminated: Option<Bucket>,
}

impl Throttle {
    pub(crate) fn new(options: &ApiOptions, now: Timestamp) -> Throttle {
        let full = |size: BucketSize| Bucket::full(size, now);
        Throttle {
            calls: options.buckets.iter().map(|(action, size)| (*action, full(*size))).collect(),
            launched: options.launched_instances.map(full),
            terminated: options.terminated_instances.map(full),
        }
    }

    /// Whether a call may be made.
    pub(crate) fn admits(&mut self, action: Action, now: Timestamp) -> bool {
        self.calls.get_mut(&action).is_none_or(|bucket| bucket.take(1, now) == 1)
    }

    /// How many of so many instances may be launched.
    pub(crate) fn launches(&mut self, wanted: u32, now: Timestamp) -> u32 {
        self.launched.as_mut().map_or(wanted, |bucket| bucket.take(wanted, now))
    }

    /// How many of so many instances may be ended.
    pub(crate) fn terminations(&mut self, wanted: u32, now: Timestamp) -> u32 {
        self.terminated.as_mut().map_or(wanted, |bucket| bucket.take(wanted, now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: BucketSize = BucketSize { capacity: 50.0, per_second: 5.0 };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn fifty_at_once_and_then_five_a_second() {
        let mut bucket = Bucket::full(SIZE, at(0));
        assert_eq!(bucket.take(60, at(0)), 50);
        assert_eq!(bucket.take(1, at(100)), 0);
        assert_eq!(bucket.take(1, at(200)), 1);
        assert_eq!(bucket.take(100, at(1_200)), 5);
        assert_eq!(bucket.take(100, at(1_000_000)), 50);
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_tokens() {
        let mut bucket = Bucket::full(SIZE, at(10_000));
        assert_eq!(bucket.take(50, at(10_000)), 50);
        assert_eq!(bucket.take(1, at(0)), 0);
        assert_eq!(bucket.take(10, at(11_000)), 5);
    }

    proptest! {
        #[test]
        fn no_more_is_granted_than_capacity_and_rate_allow(
            calls in prop::collection::vec((0i64..3_000, 0u32..20), 1..60),
        ) {
            let mut bucket = Bucket::full(SIZE, at(0));
            let (mut now, mut granted) = (0, 0u32);
            for (wait, wanted) in calls {
                now += wait;
                granted += bucket.take(wanted, at(now));
                let most = SIZE.capacity + SIZE.per_second * now as f64 / 1000.0;
                prop_assert!(f64::from(granted) <= most + 1e-6);
            }
        }
    }
}
