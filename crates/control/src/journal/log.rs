//! The journal in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::Entry;
use super::query::{JournalQuery, SubjectQuery};

/// Entries that are kept.
pub const CAPACITY: usize = 16_384;
/// Bytes that the entries may take together, about.
const BYTES: usize = 64 << 20;

/// The journal of decisions: the latest ones, in the order they were taken.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    weight: usize,
    last: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Journal {
    /// A journal that keeps so many entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { ring: Mutex::new(Ring::default()), capacity: capacity.max(1) }
    }

    /// Writes a decision down and returns its number.
    pub fn record(&self, mut entry: Entry) -> u64 {
        let mut ring = self.ring();
        ring.last += 1;
        entry.sequence = ring.last;
        tracing::info!(
            kind = entry.kind.word(),
            subject = %entry.subject,
            sequence = entry.sequence,
            "{}", entry.decision
        );
        ring.push(entry, self.capacity);
        ring.last
    }

    /// Takes in what an earlier run wrote down; to be called before anything is recorded.
    pub fn restore(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut ring = self.ring();
        for entry in entries {
            ring.last = ring.last.max(entry.sequence);
            ring.push(entry, self.capacity);
        }
    }

    /// The entries that are wanted, oldest first.
    pub fn query(&self, query: &JournalQuery) -> Vec<Arc<Entry>> {
        let subject = query.subject.as_deref().map(SubjectQuery::read);
        let ring = self.ring();
        let wanted = ring.entries.iter().rev().filter(|entry| query.wants(subject.as_ref(), entry));
        let mut found: Vec<_> = wanted.take(query.limit.unwrap_or(usize::MAX)).cloned().collect();
        found.reverse();
        found
    }

    /// The entries after a number, oldest first.
    pub fn after(&self, sequence: u64) -> Vec<Arc<Entry>> {
        let ring = self.ring();
        let start = ring.entries.partition_point(|entry| entry.sequence <= sequence);
        ring.entries.iter().skip(start).cloned().collect()
    }

    /// The number of the last entry; zero if there is none.
    pub fn last(&self) -> u64 {
        self.ring().last
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // entries are pushed whole, so what a panicking thread left is still good
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, entry: Entry, capacity: usize) {
        self.weight += entry.weight();
        self.entries.push_back(Arc::new(entry));
        while self.entries.len() > capacity || (self.weight > BYTES && self.entries.len() > 1) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.weight -= oldest.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use supercargo_reconcile::{Key, Kind};

    use super::super::entry::{EntryKind, Subject};
    use super::*;

    fn entry(second: i64, kind: EntryKind, name: &str) -> Entry {
        let time = Timestamp::from_second(1_800_000_000 + second).unwrap();
        Entry::new(time, kind, Subject::new(Kind::NodeClaim, &Key::cluster(name)), "launched")
    }

    fn journal() -> Journal {
        let journal = Journal::default();
        journal.record(entry(0, EntryKind::Provisioning, "a").touching([Subject {
            kind: "Pod".into(),
            namespace: "shop".into(),
            name: "web-1".into(),
        }]));
        journal.record(entry(1, EntryKind::Launching, "a"));
        journal.record(entry(2, EntryKind::Launching, "b"));
        journal.record(entry(3, EntryKind::Disruption, "a"));
        journal
    }

    #[rstest]
    #[case::everything(JournalQuery::default(), &[1, 2, 3, 4])]
    #[case::of_an_object(JournalQuery::about("nodeclaim/a"), &[1, 2, 4])]
    #[case::that_touch_an_object(JournalQuery::about("pod/shop/web-1"), &[1])]
    #[case::of_a_kind(JournalQuery { kind: Some(EntryKind::Launching), ..JournalQuery::default() }, &[2, 3])]
    #[case::since(JournalQuery { since: Timestamp::from_second(1_800_000_002).ok(), ..JournalQuery::default() }, &[3, 4])]
    #[case::after(JournalQuery { after: Some(3), ..JournalQuery::default() }, &[4])]
    #[case::the_latest(JournalQuery { limit: Some(2), ..JournalQuery::about("a") }, &[2, 4])]
    fn entries_are_found(#[case] query: JournalQuery, #[case] found: &[u64]) {
        let entries = journal().query(&query);
        assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), found);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let journal = Journal::with_capacity(2);
        for second in 0..5 {
            journal.record(entry(second, EntryKind::Expiry, "a"));
        }
        let kept = journal.query(&JournalQuery::default());
        assert_eq!(kept.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(journal.after(4).len(), 1);
        assert_eq!(journal.last(), 5);
    }

    #[test]
    fn the_oldest_go_when_they_are_too_big() {
        let journal = Journal::default();
        for second in 0..4 {
            let mut big = entry(second, EntryKind::Expiry, "a");
            big.decision = "x".repeat(30 << 20);
            journal.record(big);
        }
        assert_eq!(journal.query(&JournalQuery::default()).len(), 2);
    }

    #[test]
    fn numbers_go_on_after_a_restart() {
        let earlier: Vec<Entry> =
            journal().query(&JournalQuery::default()).iter().map(|entry| Entry::clone(entry)).collect();
        let later = Journal::default();
        later.restore(earlier);
        assert_eq!(later.record(entry(9, EntryKind::Garbage, "c")), 5);
        assert_eq!(later.query(&JournalQuery::default()).len(), 5);
    }
}
