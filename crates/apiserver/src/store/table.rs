//! The objects of one resource, and what happened to them lately.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use super::stored::{FieldPath, Stored};

/// Which table: its place in the order in which tables were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(pub u32);

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It came to be.
    Added,
    /// It was written again.
    Modified,
    /// It is gone.
    Deleted,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// When, as a revision.
    pub revision: u64,
    /// What.
    pub change: Change,
    /// The object after it; for a deletion, as it was last, with the revision of the deletion.
    pub object: Arc<Stored>,
    /// The object before it.
    pub previous: Option<Arc<Stored>>,
}

impl Event {
    fn weight(&self) -> usize {
        self.object.weight() + 100
    }
}

/// A table: objects by key, and its history.
#[derive(Debug)]
pub(super) struct Table {
    /// `plural`, or `plural.group`.
    pub name: Arc<str>,
    pub objects: BTreeMap<Arc<str>, Arc<Stored>>,
    pub fields: Arc<[FieldPath]>,
    pub history: VecDeque<Event>,
    pub history_bytes: usize,
    /// The last revision of which an event was dropped: what came at or before it is not known any more.
    pub forgotten: u64,
    pub wakers: BTreeMap<u64, Waker>,
}

impl Table {
    pub fn new(name: &str, fields: Arc<[FieldPath]>, forgotten: u64) -> Self {
        Self {
            name: name.into(),
            objects: BTreeMap::new(),
            fields,
            history: VecDeque::new(),
            history_bytes: 0,
            forgotten,
            wakers: BTreeMap::new(),
        }
    }

    /// Remembers an event and forgets the oldest ones beyond the limits.
    pub fn remember(&mut self, event: Event, most_events: usize, most_bytes: usize) {
        self.history_bytes += event.weight();
        self.history.push_back(event);
        while self.history.len() > most_events.max(1)
            || (self.history_bytes > most_bytes && self.history.len() > 1)
        {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= oldest.weight();
            self.forgotten = oldest.revision;
        }
    }

    /// The objects of a namespace, or all, as they are now.
    pub fn range(&self, namespace: Option<&str>) -> Vec<Arc<Stored>> {
        match namespace {
            None => self.objects.values().cloned().collect(),
            Some(namespace) => self
                .objects
                .range::<str, _>((
                    std::ops::Bound::Included(format!("{namespace}/").as_str()),
                    // The character after the slash ends the namespace.
                    std::ops::Bound::Excluded(format!("{namespace}0").as_str()),
                ))
                .map(|(_, object)| object.clone())
                .collect(),
        }
    }

    /// Whether a namespace has any object.
    pub fn has_any(&self, namespace: &str) -> bool {
        let start = format!("{namespace}/");
        let from = (std::ops::Bound::Included(start.as_str()), std::ops::Bound::Unbounded);
        self.objects.range::<str, _>(from).next().is_some_and(|(key, _)| key.starts_with(&start))
    }

    /// The objects as they were at a revision; nothing if that is forgotten.
    pub fn range_at(&self, namespace: Option<&str>, revision: u64) -> Option<Vec<Arc<Stored>>> {
        if revision < self.forgotten {
            return None;
        }
        let later = self.history.partition_point(|event| event.revision <= revision);
        if later == self.history.len() {
            return Some(self.range(namespace));
        }
        let mut objects: BTreeMap<Arc<str>, Arc<Stored>> =
            self.range(namespace).into_iter().map(|object| (object.key.clone(), object)).collect();
        for event in self.history.range(later..).rev() {
            if namespace.is_some_and(|namespace| event.object.namespace() != namespace) {
                continue;
            }
            match &event.previous {
                Some(previous) => objects.insert(previous.key.clone(), previous.clone()),
                None => objects.remove(&event.object.key),
            };
        }
        Some(objects.into_values().collect())
    }
}
