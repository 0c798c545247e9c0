//! A clock that stands still until somebody moves it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;

/// A clock moved by hand, for tests and simulations. Share it by reference or in an `Arc`.
#[derive(Debug)]
pub struct VirtualClock {
    times: Mutex<Times>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    now: Timestamp,
    elapsed: Duration,
}

impl VirtualClock {
    /// A clock that shows `now` until it is moved; its monotonic time starts at zero.
    pub fn new(now: Timestamp) -> Self {
        Self { times: Mutex::new(Times { now, elapsed: Duration::ZERO }) }
    }

    /// Lets time pass: the time of day and the monotonic time both grow. Both stop at their greatest value.
    pub fn advance(&self, by: Duration) {
        let mut times = self.times();
        times.now = times.now.checked_add(by).unwrap_or(Timestamp::MAX);
        times.elapsed = times.elapsed.saturating_add(by);
    }

    /// Lets time pass until the time of day is `now`, and returns how much passed. If `now` is not in the future nothing
    /// happens.
    pub fn advance_to(&self, now: Timestamp) -> Duration {
        let mut times = self.times();
        // A span into the past has no unsigned duration.
        let passed = Duration::try_from(now.duration_since(times.now)).unwrap_or(Duration::ZERO);
        if !passed.is_zero() {
            times.now = now;
            times.elapsed = times.elapsed.saturating_add(passed);
        }
        passed
    }

    /// Sets the time of day, in either direction, as an operator or a time server would. No time passes.
    pub fn set(&self, now: Timestamp) {
        self.times().now = now;
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        // Nobody can panic half-way through a change, so a poisoned value is still whole.
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.times().now
    }

    fn elapsed(&self) -> Duration {
        self.times().elapsed
    }
}
