//! The figures of a run, as they are kept.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use supercargo_catalog::Usd;

use crate::arguments::Subject;
use crate::consolidation::FigureRow;
use crate::goals::Goal;
use crate::machine::Machine;
use crate::measure::{Result as SolveResult, Times};

/// What first-fit-decreasing pays for the same pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// Nodes it buys.
    pub nodes: usize,
    /// Their price in dollars per hour.
    pub price_per_hour: Usd,
    /// Pods it does not place.
    pub unplaced: usize,
    /// Rules that its plan breaks.
    pub violations: usize,
    /// How long one run takes in milliseconds; for information only.
    pub time_ms: f64,
}

/// One measured workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Workload.
    pub workload: &'static str,
    /// Which of its kind.
    pub variant: String,
    /// From decoded objects to the outcome, in milliseconds.
    pub total_ms: Times,
    /// Of that, until the snapshot stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_ms: Option<Times>,
    /// Of that, from the snapshot to the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solve_ms: Option<Times>,
    /// Memory of the snapshot, where it is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_bytes: Option<u64>,
    /// What came of it; nothing for the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<SolveResult>,
    /// Rules that the plan breaks, see `supercargo_engine::invariants`: none, or the engine is wrong.
    pub violations: Vec<String>,
    /// What first-fit-decreasing pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What was promised.
    pub goals: Vec<Goal>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When.
    pub time: Timestamp,
    /// Where.
    pub machine: Machine,
    /// How often each workload was solved.
    pub repeat: u32,
    /// The figures of plans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// The figures of consolidation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consolidation: Vec<FigureRow>,
    /// The figures of the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<FigureRow>,
}

/// A record that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It has no JSON form.
    #[error("cannot write the record as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The file cannot be written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

impl Record {
    /// The same run with the figures of one subject only.
    pub fn only(&self, subject: Subject) -> Record {
        let mut record = self.clone();
        if subject != Subject::Plan {
            record.rows.clear();
        }
        if subject != Subject::Consolidate {
            record.consolidation.clear();
        }
        if subject != Subject::Ledger {
            record.ledger.clear();
        }
        record
    }

    /// Writes the record to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        let write = |error| RecordError::Write { path: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(write)?;
        }
        std::fs::write(path, text).map_err(write)
    }

    /// `2026-07-31-plan.json`, by the day in UTC and the subject.
    pub fn file_name(&self, subject: &str) -> String {
        format!("{}-{subject}.json", self.time.strftime("%Y-%m-%d"))
    }
}
