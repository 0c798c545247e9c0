//! A record of the log: what an observation adds to its hour.
//!
//! ```text
//! payload := length(4, little end first) header(JSON) names containers nodes volumes volume_uses load_balancers load_balancer_uses
//! ```
//! Who runs is written once: `names` has the containers that no earlier record of the log has, and `containers` has numbers
//! with the place of each container among all of them. A record that begins to count anew (`first` is 0) forgets the names
//! before it. The tables are Parquet.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::store::frame::{FileMark, HourHeader};
use crate::store::table::{Table, Values};
use crate::store::tables::{
    Reader, Strings, TABLES, container_numbers, empty, from_tables_with, read_numbers, to_tables,
    workload_columns,
};
use crate::workload::{RowKind, Workload};

/// The format that is written.
pub(super) const FORMAT: u32 = 2;

/// What of a record is in no table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordHeader {
    pub format: u32,
    pub cluster: Arc<str>,
    pub stretch: Interval,
    pub hour: HourHeader,
    /// How many names the log has before this record.
    pub first: usize,
    /// Names, containers, and the other tables in the order of [`TABLES`].
    pub files: Vec<FileMark>,
}

/// Who is named in a log: what a writer remembers.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Bytes of the log when it was last written.
    pub length: u64,
    places: FxHashMap<Arc<Workload>, i64>,
    /// The same by address; the workloads above keep it theirs.
    addresses: FxHashMap<usize, i64>,
    /// Addresses and places of the last record's containers, in its order.
    last: Vec<(usize, i64)>,
}

impl Names {
    /// The place of a workload, and whether it is new. Mostly it is the `index`-th of a record as it was of the last.
    fn place(&mut self, index: usize, workload: &Arc<Workload>) -> (i64, bool) {
        let address = Arc::as_ptr(workload).addr();
        if let Some((known, place)) = self.last.get(index)
            && *known == address
        {
            return (*place, false);
        }
        let known = self.addresses.get(&address).or_else(|| self.places.get(workload)).copied();
        let (place, new) = known.map_or((self.places.len() as i64, true), |place| (place, false));
        if new {
            self.places.insert(Arc::clone(workload), place);
            self.addresses.insert(address, place);
        }
        // only of those whose address is nobody else's
        let kept = if self.addresses.contains_key(&address) { address } else { 0 };
        match self.last.get_mut(index) {
            Some(known) => *known = (kept, place),
            None => self.last.push((kept, place)),
        }
        (place, new)
    }
}

fn names_table(names: &[&Workload]) -> Table {
    Table { name: "names", columns: workload_columns(names) }
}

/// The payload for facts of an hour in a stretch. The names may be more afterwards, whether it is written or not: a writer
/// that fails forgets them.
pub(super) fn encode(facts: &HourFacts, stretch: Interval, names: &mut Names) -> Result<Vec<u8>, String> {
    let first = names.places.len();
    let mut fresh: Vec<&Workload> = Vec::new();
    let mut places = Vec::with_capacity(facts.containers.len());
    for (index, fact) in facts.containers.iter().enumerate() {
        let (place, is_new) = names.place(index, &fact.workload);
        if is_new {
            fresh.push(&fact.workload);
        }
        places.push(place);
    }
    let of_hour: Vec<_> = facts.containers.iter().map(|fact| (facts, fact)).collect();
    let mut columns = vec![("who", Values::Number(places))];
    columns.extend(container_numbers(&of_hour));
    let mut tables = vec![names_table(&fresh), Table { name: "containers", columns }];
    let others = HourFacts {
        cluster: Arc::clone(&facts.cluster),
        hour: facts.hour,
        nodes: facts.nodes.clone(),
        volumes: facts.volumes.clone(),
        balancers: facts.balancers.clone(),
        ..HourFacts::default()
    };
    tables.extend(to_tables(std::slice::from_ref(&others)).into_iter().skip(1));
    let mut files = Vec::with_capacity(tables.len());
    let mut bodies = Vec::with_capacity(tables.len());
    for table in &tables {
        let bytes = table.encode_quickly().map_err(|error| error.to_string())?;
        files.push(FileMark::of(table.rows(), &bytes));
        bodies.push(bytes);
    }
    let cluster = Arc::clone(&facts.cluster);
    let header = RecordHeader { format: FORMAT, cluster, stretch, hour: HourHeader::of(facts), first, files };
    let header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    let length = u32::try_from(header.len()).map_err(|error| error.to_string())?;
    let mut payload = length.to_le_bytes().to_vec();
    payload.extend(header);
    bodies.iter().for_each(|body| payload.extend(body));
    Ok(payload)
}

/// The header of a payload, and the rest of it.
pub(super) fn header(payload: &[u8]) -> Result<(RecordHeader, &[u8]), String> {
    let (length, rest) = payload.split_first_chunk::<4>().ok_or("it ends in its first four bytes")?;
    let length = u32::from_le_bytes(*length) as usize;
    let (header, rest) = rest.split_at_checked(length).ok_or("it ends in its header")?;
    Ok((serde_json::from_slice(header).map_err(|error| error.to_string())?, rest))
}

/// The facts of a record; `names` are those of the log so far.
pub(super) fn decode(
    header: &RecordHeader,
    mut rest: &[u8],
    names: &mut Vec<Arc<Workload>>,
    strings: &mut Strings,
) -> Result<HourFacts, String> {
    let mut bodies = Vec::with_capacity(header.files.len());
    for mark in &header.files {
        let (body, after) = rest.split_at_checked(mark.bytes).ok_or("it ends in a table")?;
        mark.check("of a record", body)?;
        bodies.push(Bytes::copy_from_slice(body));
        rest = after;
    }
    if bodies.len() != TABLES.len() + 1 {
        return Err(format!("{} tables of {}", bodies.len(), TABLES.len() + 1));
    }
    if header.first == 0 {
        names.clear();
    }
    if header.first != names.len() {
        return Err(format!("its names go on from {}, there are {}", header.first, names.len()));
    }
    let all = |body: &Bytes, like: &Table| {
        Table::decode_rows(body.clone(), like, 0..usize::MAX).map_err(|error| error.to_string())
    };
    let fresh = all(&bodies[0], &names_table(&[]))?;
    for row in 0..fresh.rows() {
        let mut reader = Reader { columns: fresh.columns.iter(), row, strings };
        let workload = reader.workload(&header.cluster, RowKind::Container);
        names.push(Arc::new(workload.map_err(|error| error.to_string())?));
    }
    let mut columns = vec![("who", Values::Number(Vec::new()))];
    columns.extend(container_numbers(&[]));
    let numbers = all(&bodies[1], &Table { name: "containers", columns })?;
    let mut facts = HourFacts::new(&header.cluster, header.hour.hour);
    facts.management = header.hour.management.clone();
    facts.gaps = header.hour.gaps.clone();
    for row in 0..numbers.rows() {
        let mut reader = Reader { columns: numbers.columns.iter(), row, strings };
        let place = reader.signed().map_err(|error| error.to_string())?;
        let who = usize::try_from(place).ok().and_then(|place| names.get(place));
        let who = who.ok_or_else(|| format!("nobody is named {place}"))?;
        let fact = read_numbers(&mut reader, |_| Ok(Arc::clone(who))).map_err(|error| error.to_string())?;
        facts.containers.push(fact);
    }
    let mut tables = vec![empty(TABLES[0]).unwrap_or_else(|| names_table(&[]))];
    for (name, body) in TABLES.iter().zip(&bodies[1..]).skip(1) {
        tables.push(all(body, &empty(name).ok_or_else(|| format!("no such table: {name}"))?)?);
    }
    let mut hours = BTreeMap::from([(facts.hour, facts)]);
    from_tables_with(&tables, &header.cluster, &mut hours, strings).map_err(|error| error.to_string())?;
    let mut facts = hours.remove(&header.hour.hour).ok_or("it has no hour")?;
    facts.sort();
    Ok(facts)
}
