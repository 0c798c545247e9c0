//! What everything that needs the time asks for it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// The time of day, and a time that only ever grows.
pub trait Clock: Send + Sync {
    /// The time of day, for dates. It may jump in either direction.
    fn now(&self) -> Timestamp;

    /// Time since an unspecified moment, for measuring durations. It never goes backwards.
    fn elapsed(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }
}
