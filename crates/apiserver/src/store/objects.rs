//! The store itself: all tables behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::StoreError;
use super::files::Files;
use super::stored::{Draft, FieldPath, Stored};
use super::table::{Change, Event, Table, TableId};
use super::watch::Subscription;

/// How a store is made.
#[derive(Debug, Clone)]
pub(crate) struct StoreOptions {
    /// Where to persist; nowhere if absent.
    pub data_dir: Option<PathBuf>,
    /// Events kept per table.
    pub watch_history: usize,
    /// Bytes of events kept per table, about.
    pub watch_history_bytes: usize,
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing.
    Absent,
    /// The object at this revision.
    Revision(u64),
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The table.
    pub table: TableId,
    /// `namespace/name`, or the name.
    pub key: Arc<str>,
}

/// All objects. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    inner: Arc<Mutex<Inner>>,
}

/// What a write found as it expected it, and the fields of the table.
type Matched = (Option<Arc<Stored>>, Arc<[FieldPath]>);

#[derive(Debug)]
pub(super) struct Inner {
    pub revision: u64,
    pub tables: Vec<Table>,
    names: BTreeMap<Arc<str>, TableId>,
    by_uid: BTreeMap<Arc<str>, Place>,
    dependents: BTreeMap<Arc<str>, BTreeSet<Place>>,
    /// What the files had for tables that nobody has named yet.
    unclaimed: BTreeMap<String, BTreeMap<String, (u64, Vec<u8>)>>,
    files: Option<Files>,
    most_events: usize,
    most_bytes: usize,
    subscriptions: u64,
}

impl Store {
    /// Opens the data directory, if there is one, and reads what it has. Objects appear when their table is named.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let (files, found) = match &options.data_dir {
            None => (None, super::files::Found::default()),
            Some(directory) => {
                let (files, found) = Files::open(directory)?;
                (Some(files), found)
            }
        };
        let inner = Inner {
            revision: found.revision,
            tables: Vec::new(),
            names: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            dependents: BTreeMap::new(),
            unclaimed: found.objects,
            files,
            most_events: options.watch_history,
            most_bytes: options.watch_history_bytes,
            subscriptions: 0,
        };
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A write is whole or has not begun when anything in it could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of this name, made if there is none. `fields` are what its field selectors may name.
    pub fn table(&self, name: &str, fields: &[FieldPath]) -> TableId {
        let mut inner = self.lock();
        if let Some(id) = inner.names.get(name) {
            let id = *id;
            inner.set_fields(id, fields);
            return id;
        }
        let id = TableId(inner.tables.len() as u32);
        let revision = inner.revision;
        let table = Table::new(name, fields.into(), revision);
        inner.names.insert(table.name.clone(), id);
        inner.tables.push(table);
        for (key, (revision, json)) in inner.unclaimed.remove(name).unwrap_or_default() {
            if let Some(object) = Stored::recovered(key.into(), revision, &json, fields) {
                inner.index(id, &Arc::new(object));
            }
        }
        id
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// One object.
    pub fn get(&self, table: TableId, key: &str) -> Option<Arc<Stored>> {
        self.lock().tables.get(table.0 as usize)?.objects.get(key).cloned()
    }

    /// The objects of a namespace, or all, in order of their keys, and the revision at which that is so.
    pub fn range(&self, table: TableId, namespace: Option<&str>) -> (Vec<Arc<Stored>>, u64) {
        let inner = self.lock();
        let objects = inner.tables.get(table.0 as usize).map(|table| table.range(namespace));
        (objects.unwrap_or_default(), inner.revision)
    }

    /// The objects as they were at a revision; nothing if that is forgotten.
    pub fn range_at(
        &self,
        table: TableId,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<Arc<Stored>>> {
        self.lock().tables.get(table.0 as usize)?.range_at(namespace, revision)
    }

    /// How many objects a table has.
    pub fn count(&self, table: TableId) -> usize {
        self.lock().tables.get(table.0 as usize).map_or(0, |table| table.objects.len())
    }

    /// Writes an object. Its `resourceVersion` becomes the new revision. If what is there is not what was expected, that is
    /// handed back.
    pub fn put(
        &self,
        table: TableId,
        key: &str,
        expect: Expect,
        draft: Draft<'_>,
    ) -> Result<Arc<Stored>, Option<Arc<Stored>>> {
        let mut inner = self.lock();
        let (previous, fields) = inner.check(table, key, expect)?;
        let revision = inner.revision + 1;
        let key = previous.as_ref().map_or_else(|| Arc::from(key), |previous| previous.key.clone());
        let stored = Arc::new(Stored::new(key, revision, draft, &fields));
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        inner.revision = revision;
        inner.append(table, false, &stored);
        if let Some(previous) = &previous {
            inner.forget(table, previous);
        }
        inner.index(table, &stored);
        let event = Event { revision, change, object: stored.clone(), previous };
        let wakers = inner.publish(table, event);
        drop(inner);
        wakers.into_iter().for_each(std::task::Waker::wake);
        Ok(stored)
    }

    /// Takes an object away. The draft is how it was last; its `resourceVersion` becomes the revision of the deletion.
    pub fn remove(
        &self,
        table: TableId,
        key: &str,
        expected: u64,
        draft: Draft<'_>,
    ) -> Result<Arc<Stored>, Option<Arc<Stored>>> {
        let mut inner = self.lock();
        let (previous, fields) = inner.check(table, key, Expect::Revision(expected))?;
        let Some(previous) = previous else { return Err(None) };
        let revision = inner.revision + 1;
        let stored = Arc::new(Stored::new(previous.key.clone(), revision, draft, &fields));
        inner.revision = revision;
        inner.append(table, true, &stored);
        inner.forget(table, &previous);
        if let Some(table) = inner.tables.get_mut(table.0 as usize) {
            table.objects.remove(key);
        }
        let event =
            Event { revision, change: Change::Deleted, object: stored.clone(), previous: Some(previous) };
        let wakers = inner.publish(table, event);
        drop(inner);
        wakers.into_iter().for_each(std::task::Waker::wake);
        Ok(stored)
    }

    /// Follows a table from after a revision. The caller has checked that the revision is not in the future.
    pub fn follow(&self, table: TableId, seen: u64) -> Subscription {
        let id = {
            let mut inner = self.lock();
            inner.subscriptions += 1;
            inner.subscriptions
        };
        Subscription::new(self.clone(), table, id, seen)
    }

    /// Whether a namespace has any object of a table.
    pub fn has_any(&self, table: TableId, namespace: &str) -> bool {
        self.lock().tables.get(table.0 as usize).is_some_and(|table| table.has_any(namespace))
    }

    /// Whether any of these tables has an object.
    pub fn has_any_of(&self, tables: &[TableId]) -> bool {
        let inner = self.lock();
        let has_any =
            |id: &TableId| inner.tables.get(id.0 as usize).is_some_and(|table| !table.objects.is_empty());
        tables.iter().any(has_any)
    }

    /// Where the object of this uid is.
    pub fn locate(&self, uid: &str) -> Option<Place> {
        self.lock().by_uid.get(uid).cloned()
    }

    /// Which objects name this uid among their owners.
    pub fn dependents(&self, uid: &str) -> Vec<Place> {
        self.lock().dependents.get(uid).map(|places| places.iter().cloned().collect()).unwrap_or_default()
    }
}

impl Inner {
    fn check(&self, table: TableId, key: &str, expect: Expect) -> Result<Matched, Option<Arc<Stored>>> {
        let Some(table) = self.tables.get(table.0 as usize) else { return Err(None) };
        let found = table.objects.get(key);
        match (expect, found) {
            (Expect::Absent, None) => Ok((None, table.fields.clone())),
            (Expect::Revision(revision), Some(object)) if object.revision == revision => {
                Ok((Some(object.clone()), table.fields.clone()))
            }
            _ => Err(found.cloned()),
        }
    }

    fn index(&mut self, id: TableId, object: &Arc<Stored>) {
        let place = Place { table: id, key: object.key.clone() };
        for owner in &object.owners {
            self.dependents.entry(owner.clone()).or_default().insert(place.clone());
        }
        if !object.uid.is_empty() {
            self.by_uid.insert(object.uid.clone(), place);
        }
        if let Some(table) = self.tables.get_mut(id.0 as usize) {
            table.objects.insert(object.key.clone(), object.clone());
        }
    }

    fn forget(&mut self, id: TableId, object: &Arc<Stored>) {
        let place = Place { table: id, key: object.key.clone() };
        for owner in &object.owners {
            if let Some(places) = self.dependents.get_mut(owner) {
                places.remove(&place);
                if places.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        if self.by_uid.get(&object.uid) == Some(&place) {
            self.by_uid.remove(&object.uid);
        }
    }

    fn publish(&mut self, id: TableId, event: Event) -> Vec<std::task::Waker> {
        let (most_events, most_bytes) = (self.most_events, self.most_bytes);
        let Some(table) = self.tables.get_mut(id.0 as usize) else { return Vec::new() };
        table.remember(event, most_events, most_bytes);
        std::mem::take(&mut table.wakers).into_values().collect()
    }

    fn append(&mut self, id: TableId, is_removal: bool, object: &Arc<Stored>) {
        let Some(mut files) = self.files.take() else { return };
        if let Some(table) = self.tables.get(id.0 as usize) {
            files.append(&table.name, is_removal, object);
            if files.wants_snapshot() {
                let live: Vec<(Arc<str>, Arc<Stored>)> = self
                    .tables
                    .iter()
                    .flat_map(|table| {
                        table.objects.values().map(|object| (table.name.clone(), object.clone()))
                    })
                    .filter(|(name, kept)| !(*name == table.name && kept.key == object.key))
                    .chain((!is_removal).then(|| (table.name.clone(), object.clone())))
                    .collect();
                let unclaimed = self.unclaimed.iter().flat_map(|(name, objects)| {
                    objects.iter().map(move |(key, (revision, json))| (name, key, *revision, json))
                });
                files.start_snapshot(self.revision, live, unclaimed);
            }
        }
        self.files = Some(files);
    }

    /// Changes what the field selectors of a table may name, and looks the values up again.
    fn set_fields(&mut self, id: TableId, fields: &[FieldPath]) {
        let Some(table) = self.tables.get_mut(id.0 as usize) else { return };
        if *table.fields == *fields {
            return;
        }
        table.fields = fields.into();
        for object in table.objects.values_mut() {
            let again = Stored::recovered(object.key.clone(), object.revision, &object.json(), fields);
            if let Some(again) = again {
                *object = Arc::new(again);
            }
        }
    }
}
