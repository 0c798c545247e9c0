//! Who the rows of roll-ups are about, read column by column; who was met before is kept once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexSet};
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::store::table::Values;
use crate::workload::{Labels, RowKind, Workload};

/// How many columns of names there are before services and maps.
const NAMES: usize = 10;

/// Texts, maps and workloads that were met already. Equal texts and maps have one address here, so that workloads are told
/// apart by addresses.
#[derive(Debug, Default)]
pub(crate) struct People {
    texts: FxHashSet<Arc<str>>,
    maps: FxHashSet<Labels>,
    workloads: IndexSet<Known, FxBuildHasher>,
}

/// A workload whose parts are among the people's.
#[derive(Debug)]
struct Known(Arc<Workload>);

/// The parts of a workload.
struct Draft<'a> {
    kind: RowKind,
    cluster: &'a Arc<str>,
    names: [&'a Arc<str>; NAMES],
    services: &'a [Arc<str>],
    maps: [&'a Labels; 4],
}

impl Known {
    fn draft(&self) -> Draft<'_> {
        let row = &*self.0;
        Draft {
            kind: row.kind,
            cluster: &row.cluster,
            names: [
                &row.node,
                &row.namespace,
                &row.pod,
                &row.pod_uid,
                &row.container,
                &row.controller_kind,
                &row.controller,
                &row.root_kind,
                &row.root,
                &row.provider_id,
            ],
            services: &row.services,
            maps: [&row.labels, &row.annotations, &row.namespace_labels, &row.namespace_annotations],
        }
    }
}

impl Draft<'_> {
    fn workload(&self) -> Workload {
        let [
            node,
            namespace,
            pod,
            pod_uid,
            container,
            controller_kind,
            controller,
            root_kind,
            root,
            provider_id,
        ] = self.names.map(Arc::clone);
        let [labels, annotations, namespace_labels, namespace_annotations] = self.maps.map(Arc::clone);
        Workload {
            cluster: Arc::clone(self.cluster),
            node,
            namespace,
            pod,
            pod_uid,
            container,
            kind: self.kind,
            controller_kind,
            controller,
            root_kind,
            root,
            provider_id,
            services: self.services.to_vec(),
            labels,
            annotations,
            namespace_labels,
            namespace_annotations,
        }
    }

    /// What tells it from others.
    fn addresses(&self) -> impl Iterator<Item = usize> {
        let texts = std::iter::once(self.cluster).chain(self.names).chain(self.services);
        texts.map(|text| Arc::as_ptr(text).addr()).chain(self.maps.map(|map| Arc::as_ptr(map).addr()))
    }
}

impl Hash for Draft<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.addresses().for_each(|address| state.write_usize(address));
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.draft().hash(state);
    }
}

impl PartialEq for Draft<'_> {
    fn eq(&self, other: &Self) -> bool {
        // no two lists of services make the same addresses with what comes after
        self.kind == other.kind && self.addresses().eq(other.addresses())
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Known) -> bool {
        self.draft() == other.draft()
    }
}

impl Eq for Known {}

impl Equivalent<Known> for Draft<'_> {
    fn equivalent(&self, key: &Known) -> bool {
        *self == key.draft()
    }
}

fn wrong(error: &dyn std::fmt::Display) -> ParquetError {
    ParquetError::General(error.to_string())
}

impl People {
    /// Forgets what nobody has any more.
    pub fn tidy(&mut self) {
        self.workloads.retain(|known| Arc::strong_count(&known.0) > 1);
        self.maps.retain(|map| Arc::strong_count(map) > 1);
        self.texts.retain(|text| Arc::strong_count(text) > 1);
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn map(&mut self, json: &[u8]) -> Result<Labels> {
        let texts: BTreeMap<Cow<'_, str>, Cow<'_, str>> =
            serde_json::from_slice(json).map_err(|error| wrong(&error))?;
        let map: Labels =
            Arc::new(texts.iter().map(|(key, value)| (self.text(key), self.text(value))).collect());
        if let Some(known) = self.maps.get(&map) {
            return Ok(Arc::clone(known));
        }
        self.maps.insert(Arc::clone(&map));
        Ok(map)
    }

    fn list(&mut self, json: &[u8]) -> Result<Vec<Arc<str>>> {
        if json == b"[]" {
            return Ok(Vec::new());
        }
        let texts: Vec<Cow<'_, str>> = serde_json::from_slice(json).map_err(|error| wrong(&error))?;
        Ok(texts.iter().map(|text| self.text(text)).collect())
    }

    /// Reads what [`workload_columns`](crate::store::tables::workload_columns) wrote; `kinds` are the rows'.
    pub fn read(
        &mut self,
        cluster: &str,
        kinds: &[RowKind],
        columns: &[(&'static str, Values)],
    ) -> Result<Vec<Arc<Workload>>> {
        let cluster = self.text(cluster);
        let mut names: Vec<Vec<Arc<str>>> = Vec::with_capacity(NAMES);
        for (_, values) in columns.iter().take(NAMES) {
            names.push(each(values, |bytes| {
                std::str::from_utf8(bytes).map(|text| self.text(text)).map_err(|error| wrong(&error))
            })?);
        }
        let mut rest = columns.iter().skip(NAMES).map(|(_, values)| values);
        let mut next = || rest.next().ok_or_else(|| wrong(&"fewer columns than expected"));
        let services = each_once(next()?, |bytes| self.list(bytes))?;
        let mut map = || each_once(next()?, |bytes| self.map(bytes));
        let maps = [map()?, map()?, map()?, map()?];
        let mut people = Vec::with_capacity(kinds.len());
        for (row, kind) in kinds.iter().enumerate() {
            let missing = || wrong(&format!("row {row} is missing"));
            let mut own = [&cluster; NAMES];
            for (name, column) in own.iter_mut().zip(&names) {
                *name = column.get(row).ok_or_else(missing)?;
            }
            let [first, second, third, fourth] = &maps;
            let label = |column: &'_ Vec<Labels>| column.get(row).cloned().ok_or_else(missing);
            let labels = [label(first)?, label(second)?, label(third)?, label(fourth)?];
            let draft = Draft {
                kind: *kind,
                cluster: &cluster,
                names: own,
                services: services.get(row).ok_or_else(missing)?,
                maps: [&labels[0], &labels[1], &labels[2], &labels[3]],
            };
            if let Some(known) = self.workloads.get(&draft) {
                people.push(Arc::clone(&known.0));
                continue;
            }
            let workload = Arc::new(draft.workload());
            self.workloads.insert(Known(Arc::clone(&workload)));
            people.push(workload);
        }
        Ok(people)
    }
}

fn texts(values: &Values) -> Result<&[ByteArray]> {
    match values {
        Values::Text(values) => Ok(values),
        Values::Number(_) | Values::Moment(_) | Values::Maybe(_) => Err(wrong(&"a column of another type")),
    }
}

/// Each value of a column as something; rows that follow each other mostly have the same.
fn each<T: Clone>(values: &Values, mut read: impl FnMut(&[u8]) -> Result<T>) -> Result<Vec<T>> {
    let mut last: Option<(&[u8], T)> = None;
    let mut out = Vec::new();
    for value in texts(values)? {
        let bytes = value.data();
        let found = match &last {
            Some((known, found)) if same(known, bytes) => found.clone(),
            _ => read(bytes)?,
        };
        out.push(found.clone());
        last = Some((bytes, found));
    }
    Ok(out)
}

/// The same where reading takes long: each different value is read once.
fn each_once<T: Clone>(values: &Values, mut read: impl FnMut(&[u8]) -> Result<T>) -> Result<Vec<T>> {
    let mut known: FxHashMap<&[u8], T> = FxHashMap::default();
    let mut last: Option<(&[u8], T)> = None;
    let mut out = Vec::new();
    for value in texts(values)? {
        let bytes = value.data();
        if !last.as_ref().is_some_and(|(known, _)| same(known, bytes)) {
            let found = match known.get(bytes) {
                Some(found) => found.clone(),
                None => {
                    let found = read(bytes)?;
                    known.insert(bytes, found.clone());
                    found
                }
            };
            last = Some((bytes, found));
        }
        out.extend(last.iter().map(|(_, found)| found.clone()));
    }
    Ok(out)
}

/// Values of a dictionary have one address.
fn same(one: &[u8], other: &[u8]) -> bool {
    std::ptr::eq(one, other) || one == other
}
