//! Hours as a header and six tables: what a log record holds in one piece, and a commit with its files apart.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::facts::{Gap, HourFacts, ManagementFact};
use crate::interval::Interval;
use crate::store::checksum::crc32;
use crate::store::table::Table;
use crate::store::tables::{TABLES, empty, from_tables, to_tables};

/// The format that is written.
pub(super) const FORMAT: u32 = 1;

/// What a table's file has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    pub rows: usize,
    pub bytes: usize,
    pub crc32: u32,
}

/// What of an hour is in no table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HourHeader {
    pub hour: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<ManagementFact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Rows of the hour in each table, in the order of [`TABLES`]; none in files of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<[usize; 6]>,
}

impl HourHeader {
    /// Of an hour's facts.
    pub(super) fn of(facts: &HourFacts) -> HourHeader {
        let volume_uses = facts.volumes.iter().map(|volume| volume.uses.len()).sum();
        let balancer_uses = facts.balancers.iter().map(|balancer| balancer.uses.len()).sum();
        let rows = [
            facts.containers.len(),
            facts.nodes.len(),
            facts.volumes.len(),
            volume_uses,
            facts.balancers.len(),
            balancer_uses,
        ];
        HourHeader {
            hour: facts.hour,
            management: facts.management.clone(),
            gaps: facts.gaps.clone(),
            rows: Some(rows),
        }
    }
}

impl FileMark {
    /// Of a file.
    pub fn of(rows: usize, bytes: &[u8]) -> FileMark {
        FileMark { rows, bytes: bytes.len(), crc32: crc32(bytes) }
    }

    /// Whether a file is what was written; what is wrong with it otherwise.
    pub fn check(&self, table: &str, bytes: &[u8]) -> Result<(), String> {
        if self.bytes != bytes.len() || self.crc32 != crc32(bytes) {
            return Err(format!("the checksum of table {table} is not that of its {} bytes", bytes.len()));
        }
        Ok(())
    }
}

/// A commit, or the beginning of a log record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub format: u32,
    pub cluster: Arc<str>,
    /// The stretch that the facts are of.
    pub stretch: Interval,
    pub hours: Vec<HourHeader>,
    pub files: BTreeMap<String, FileMark>,
}

impl Header {
    /// The rows of an hour in the table at a place of [`TABLES`]; none if it does not say, or no hour is named.
    fn rows_of(&self, place: usize, only: Option<i64>) -> Option<Range<usize>> {
        let only = only?;
        let mut first: usize = 0;
        for header in &self.hours {
            let rows = header.rows?[place];
            if header.hour == only {
                return Some(first..first.saturating_add(rows));
            }
            first = first.saturating_add(rows);
        }
        None
    }
}

/// A header and the tables' files in the order of [`TABLES`].
pub(super) struct Frame {
    pub header: Header,
    pub files: Vec<Vec<u8>>,
}

impl Frame {
    /// Facts of a cluster, of the stretch.
    pub fn encode(cluster: &Arc<str>, stretch: Interval, hours: &[HourFacts]) -> Result<Frame, String> {
        let tables = to_tables(hours);
        let mut files = Vec::with_capacity(tables.len());
        let mut marks = BTreeMap::new();
        for table in &tables {
            let bytes = table.encode().map_err(|error| error.to_string())?;
            marks.insert(table.name.to_owned(), FileMark::of(table.rows(), &bytes));
            files.push(bytes);
        }
        let hours = hours.iter().map(HourHeader::of).collect();
        Ok(Frame {
            header: Header { format: FORMAT, cluster: Arc::clone(cluster), stretch, hours, files: marks },
            files,
        })
    }

    /// The facts, an hour each, in order.
    pub fn decode(&self) -> Result<Vec<HourFacts>, String> {
        self.decode_hour(None)
    }

    /// The facts of one hour, or of all if none is named, in order.
    pub fn decode_hour(&self, only: Option<i64>) -> Result<Vec<HourFacts>, String> {
        let mut tables: Vec<Table> = Vec::with_capacity(TABLES.len());
        for (place, (name, bytes)) in TABLES.into_iter().zip(&self.files).enumerate() {
            let mark = self.header.files.get(name).ok_or_else(|| format!("no mark of table {name}"))?;
            mark.check(name, bytes)?;
            let like = empty(name).ok_or_else(|| format!("no such table: {name}"))?;
            let rows = self.header.rows_of(place, only).unwrap_or(0..usize::MAX);
            let table = Table::decode_rows(Bytes::copy_from_slice(bytes), &like, rows)
                .map_err(|error| error.to_string())?;
            tables.push(table);
        }
        let cluster = &self.header.cluster;
        let mut hours: BTreeMap<i64, HourFacts> = BTreeMap::new();
        for header in &self.header.hours {
            let (management, gaps) = (header.management.clone(), header.gaps.clone());
            let facts = HourFacts { management, gaps, ..HourFacts::new(cluster, header.hour) };
            hours.insert(header.hour, facts);
        }
        from_tables(&tables, cluster, &mut hours).map_err(|error| error.to_string())?;
        let wanted = |facts: &HourFacts| only.is_none_or(|hour| facts.hour == hour);
        let mut hours: Vec<HourFacts> = hours.into_values().filter(wanted).collect();
        for facts in &mut hours {
            facts.sort();
        }
        Ok(hours)
    }

    /// Reads a record of a log of the first format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Frame, String> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or("it ends in its first four bytes")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (header, mut rest) = rest.split_at_checked(length).ok_or("it ends in its header")?;
        let header: Header = serde_json::from_slice(header).map_err(|error| error.to_string())?;
        let mut files = Vec::with_capacity(TABLES.len());
        for name in TABLES {
            let mark = header.files.get(name).ok_or_else(|| format!("no mark of table {name}"))?;
            let (file, after) =
                rest.split_at_checked(mark.bytes).ok_or_else(|| format!("it ends in table {name}"))?;
            files.push(file.to_vec());
            rest = after;
        }
        Ok(Frame { header, files })
    }
}
