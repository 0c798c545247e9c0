//! When the last batches were planned, for whoever measures.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Batches that are remembered.
const REMEMBERED: usize = 64;

/// When a batch was planned and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTimes {
    /// When its window closed.
    pub closed: Timestamp,
    /// When the plan was there.
    pub planned: Timestamp,
    /// NodeClaims that it made.
    pub claims: usize,
}

/// The last batches, the newest at the end.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    last: VecDeque<BatchTimes>,
}

impl Batches {
    /// Another batch.
    pub(super) fn push(&mut self, batch: BatchTimes) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(batch);
    }

    /// The batches, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &BatchTimes> {
        self.last.iter()
    }
}
