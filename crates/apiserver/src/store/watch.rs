//! Following a table: a position in its history, and a wake-up when there is more.

use std::task::{Context, Poll};

use super::objects::Store;
use super::table::{Event, TableId};

/// Somebody who follows a table. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Subscription {
    store: Store,
    table: TableId,
    id: u64,
    /// Events up to this revision have been seen.
    seen: u64,
}

/// What a subscription has for its owner.
#[derive(Debug)]
pub(crate) enum Pull {
    /// Some events, oldest first; at least one.
    Events(Vec<Event>),
    /// Events were forgotten before they were seen.
    TooOld {
        /// The oldest revision from which one can still follow.
        oldest: u64,
    },
}

/// The most events handed over at once, so that one watch does not hold the lock for long.
const MOST_AT_ONCE: usize = 1000;

impl Subscription {
    pub(super) fn new(store: Store, table: TableId, id: u64, seen: u64) -> Self {
        Self { store, table, id, seen }
    }

    /// The events that are new, or a promise to wake the task when there are some.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Pull> {
        let mut inner = self.store.lock();
        let Some(table) = inner.tables.get_mut(self.table.0 as usize) else { return Poll::Pending };
        if self.seen < table.forgotten {
            return Poll::Ready(Pull::TooOld { oldest: table.forgotten });
        }
        let first = table.history.partition_point(|event| event.revision <= self.seen);
        if first == table.history.len() {
            match table.wakers.get_mut(&self.id) {
                Some(waker) => waker.clone_from(context.waker()),
                None => {
                    table.wakers.insert(self.id, context.waker().clone());
                }
            }
            return Poll::Pending;
        }
        let events: Vec<Event> = table.history.range(first..).take(MOST_AT_ONCE).cloned().collect();
        if let Some(last) = events.last() {
            self.seen = last.revision;
        }
        Poll::Ready(Pull::Events(events))
    }

    /// A revision up to which this subscription has seen everything there is: for bookmarks.
    pub fn caught_up_to(&self) -> u64 {
        let inner = self.store.lock();
        let Some(table) = inner.tables.get(self.table.0 as usize) else { return self.seen };
        match table.history.back() {
            Some(newest) if newest.revision > self.seen => self.seen,
            _ => inner.revision.max(self.seen),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut inner = self.store.lock();
        if let Some(table) = inner.tables.get_mut(self.table.0 as usize) {
            table.wakers.remove(&self.id);
        }
    }
}
