//! The system's clock. Nothing else in the workspace may read it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Clock;

/// The system's clock; its monotonic time counts from its creation.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    started: Instant,
}

impl RealClock {
    /// A clock whose monotonic time starts now.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.started)
    }
}
