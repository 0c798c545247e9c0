//! Measures how long something takes, on whatever clock is in use.

use std::time::Duration;

use crate::clock::Clock;

/// Runs from its creation.
#[derive(Clone, Copy)]
pub struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    started: Duration,
}

impl<'a> Stopwatch<'a> {
    /// Starts to run.
    pub fn start(clock: &'a dyn Clock) -> Self {
        Self { clock, started: clock.elapsed() }
    }

    /// Time since the start, or since the last lap.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.started)
    }

    /// Time since the start, or since the last lap, and starts a new lap.
    pub fn lap(&mut self) -> Duration {
        let now = self.clock.elapsed();
        let lap = now.saturating_sub(self.started);
        self.started = now;
        lap
    }
}

impl std::fmt::Debug for Stopwatch<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Stopwatch").field("started", &self.started).finish_non_exhaustive()
    }
}
