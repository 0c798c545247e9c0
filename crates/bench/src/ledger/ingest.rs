//! Taking in samples: from objects and measurements to the ledger and its log.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use supercargo_clock::{Clock, Stopwatch};
use supercargo_cost::collector::{Collector, CollectorSettings, Measurements};
use supercargo_cost::{Ledger, Store};

use super::disk::{LedgerError, SEED, START, prices};
use super::fleet::{CLUSTER, Fleet, FleetSize};
use super::pods::{Cluster, sample};
use crate::consolidation::{Figure, FigureRow};
use crate::goals::Goal;
use crate::measure::Times;
use crate::memory::{MemoryError, resident_bytes};

/// Seconds between samples.
const EVERY: i64 = 60;
/// How many samples are taken in.
const SAMPLES: u64 = 6;

/// What samples took.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestFigures {
    /// Containers in a sample.
    pub containers: usize,
    /// From objects and measurements to facts, in milliseconds, by sample.
    pub observe_ms: Vec<f64>,
    /// From facts to the log, on disk, and to the ledger, by sample.
    pub record_ms: Vec<f64>,
    /// Memory that collector and ledger take beside the objects, in bytes.
    pub resident_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
}

/// Takes in samples of so many containers, in a process of its own.
///
/// # Errors
/// When the process fails.
pub fn ingest(containers: usize, path: &Path) -> Result<FigureRow, LedgerError> {
    let process = |error: std::io::Error| MemoryError::Process(error.to_string());
    let program = std::env::current_exe().map_err(process)?;
    let mut command = Command::new(program);
    command.arg("--ledger-ingest").arg(path).arg("--containers").arg(containers.to_string());
    let output = command.output().map_err(process)?;
    let figures: IngestFigures = serde_json::from_slice(&output.stdout)
        .map_err(|_| MemoryError::Process(String::from_utf8_lossy(&output.stderr).into_owned()))?;
    let times =
        |ms: &[f64]| Times::of(&ms.iter().map(|ms| Duration::from_secs_f64(ms / 1e3)).collect::<Vec<_>>());
    let both: Vec<f64> =
        figures.observe_ms.iter().zip(&figures.record_ms).map(|(one, two)| one + two).collect();
    let (all, observe, record) = (times(&both), times(&figures.observe_ms), times(&figures.record_ms));
    let per = |bytes: u64| bytes as f64 / figures.containers.max(1) as f64;
    Ok(FigureRow {
        work: "ingest of a sample",
        variant: format!("{} containers", figures.containers),
        figures: vec![
            Figure::new("median", all.median, "ms"),
            Figure::new("slowest", all.max, "ms"),
            Figure::new("of that, objects to facts", observe.median, "ms"),
            Figure::new("of that, to log and ledger", record.median, "ms"),
            Figure::new("memory beside the objects, a container", per(figures.resident_bytes) / 1e3, "kB"),
            Figure::new("log, a container and sample", per(figures.log_bytes) / SAMPLES as f64, "bytes"),
        ],
        violations: Vec::new(),
        goals: vec![
            Goal::at_most("median", "ms", 1_000.0, all.median),
            Goal::at_most("a live container", "kB", 5.0, per(figures.resident_bytes) / 1e3),
        ],
    })
}

/// Takes in samples in this process; the log is in a directory that must be empty.
///
/// # Errors
/// When the log cannot be written, or memory not be measured.
pub fn ingest_here(clock: &dyn Clock, containers: usize, path: &Path) -> Result<IngestFigures, LedgerError> {
    let mut fleet = Fleet::new(SEED, FleetSize { containers, days: 1 });
    let alive = fleet.alive(START);
    let facts = fleet.facts(START, &alive);
    drop((alive, fleet));
    let cluster = Cluster::of(&facts);
    let samples: Vec<_> = (0..=SAMPLES).map(|number| sample(&facts, number)).collect();
    let containers = facts.containers.len();
    drop(facts);
    let before = resident_bytes()?;
    let mut collector = Collector::new(CollectorSettings::new(CLUSTER));
    let mut ledger = Ledger::open(Store::open(path)?, prices(), true)?;
    let (mut observe_ms, mut record_ms) = (Vec::new(), Vec::new());
    for (number, (usage, traffic)) in samples.iter().enumerate() {
        let now = START + number as i64 * EVERY;
        let measured = Measurements { containers: usage, traffic, ..Measurements::default() };
        let stopwatch = Stopwatch::start(clock);
        let observation = collector
            .observe(now, &cluster.view(), &measured)
            .map_err(|error| LedgerError::Wrong(error.to_string()))?;
        let observed = stopwatch.elapsed();
        ledger.record(observation)?;
        if number > 0 {
            observe_ms.push(observed.as_secs_f64() * 1e3);
            record_ms.push((stopwatch.elapsed() - observed).as_secs_f64() * 1e3);
        }
    }
    let resident_bytes = resident_bytes()?.saturating_sub(before);
    let log = path.join(format!("log/cluster={CLUSTER}/{START}.log"));
    let log_bytes = std::fs::metadata(log)?.len();
    drop(cluster);
    Ok(IngestFigures { containers, observe_ms, record_ms, resident_bytes, log_bytes })
}
