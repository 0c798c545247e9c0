//! What is going to happen by itself, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// Something that happens at its time. Instances are meant by the number of their launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A pending instance is running.
    Running(u64),
    /// A pending instance ends by itself.
    LaunchFails(u64),
    /// A kubelet starts.
    Boots(u64),
    /// A rebalance recommendation is sent.
    Rebalance(u64),
    /// A spot instance gets notice.
    Notice(u64),
    /// An instance that got notice is ended.
    Reclaim(u64),
    /// An instance that is being ended has ended.
    Terminated(u64),
    /// EC2 no longer lists an instance.
    Forgotten(u64),
    /// A kubelet dies.
    KubeletDies(u64),
    /// A host breaks.
    HostBreaks(u64),
    /// Maintenance is announced.
    Announcement(u64),
    /// Announced maintenance is done.
    Maintenance(u64),
    /// An instance that is being stopped is stopped.
    Stopped(u64),
    /// Depths change.
    MarketStep,
    /// An event of the script begins or ends.
    ScriptEdge,
    /// Images are released.
    ImageRelease,
    /// A reservation begins.
    ReservationBegins(usize),
    /// The instances of a capacity block get notice.
    ReservationWarns(usize),
    /// The instances of a capacity block are ended.
    ReservationClears(usize),
    /// A reservation ends.
    ReservationEnds(usize),
}

/// What is going to happen, in order of time, and of the order in which it was decided.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    happenings: BTreeMap<(Timestamp, u64), Happening>,
    next_number: u64,
}

impl Timeline {
    pub(crate) fn add(&mut self, at: Timestamp, happening: Happening) {
        self.happenings.insert((at, self.next_number), happening);
        self.next_number += 1;
    }

    /// The next thing that is due until `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Happening)> {
        let entry = self.happenings.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((at, _), happening) = entry.remove_entry();
        Some((at, happening))
    }

    /// When the next thing happens.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.happenings.keys().next().map(|(at, _)| *at)
    }
}

/// A moment later, at most the last there is.
pub(crate) fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}
