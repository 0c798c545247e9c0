//! Hours as a header and six tables: what a log record holds in one piece, and a commit with its files apart.

use std::collections::BTreeMap;
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
pub(super) struct FileMark {
    pub rows: usize,
    pub bytes: usize,
    pub crc32: u32,
}

/// What of an hour is in no table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HourHeader {
    pub hour: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<ManagementFact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// A commit, or the beginning of a log record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub format: u32,
    pub cluster: Arc<str>,
    /// The stretch that the facts are of.
    pub stretch: Interval,
    pub hours: Vec<HourHeader>,
    pub files: BTreeMap<String, FileMark>,
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
            marks.insert(
                table.name.to_owned(),
                FileMark { rows: table.rows(), bytes: bytes.len(), crc32: crc32(&bytes) },
            );
            files.push(bytes);
        }
        let header = |facts: &HourFacts| HourHeader {
            hour: facts.hour,
            management: facts.management.clone(),
            gaps: facts.gaps.clone(),
        };
        let hours = hours.iter().map(header).collect();
        Ok(Frame {
            header: Header { format: FORMAT, cluster: Arc::clone(cluster), stretch, hours, files: marks },
            files,
        })
    }

    /// The facts, an hour each, in order.
    pub fn decode(&self) -> Result<Vec<HourFacts>, String> {
        let mut tables: Vec<Table> = Vec::with_capacity(TABLES.len());
        for (name, bytes) in TABLES.into_iter().zip(&self.files) {
            let mark = self.header.files.get(name).ok_or_else(|| format!("no mark of table {name}"))?;
            if mark.bytes != bytes.len() || mark.crc32 != crc32(bytes) {
                return Err(format!("the checksum of table {name} is not that of its {} bytes", bytes.len()));
            }
            let like = empty(name).ok_or_else(|| format!("no such table: {name}"))?;
            let table =
                Table::decode(Bytes::copy_from_slice(bytes), &like).map_err(|error| error.to_string())?;
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
        let mut hours: Vec<HourFacts> = hours.into_values().collect();
        for facts in &mut hours {
            facts.sort();
        }
        Ok(hours)
    }

    /// All of it in one piece.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let header = serde_json::to_vec(&self.header).map_err(|error| error.to_string())?;
        let length = u32::try_from(header.len()).map_err(|error| error.to_string())?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(header);
        for file in &self.files {
            bytes.extend(file);
        }
        Ok(bytes)
    }

    /// Reads what [`Frame::to_bytes`] wrote.
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
