//! Runs what was asked for and reports it.

use supercargo_catalog::{Catalog, encoding};
use supercargo_clock::{Clock, Stopwatch};
use supercargo_engine::market::MarketError;
use supercargo_engine::solve::PreferencePolicy;

use crate::arguments::{Arguments, Subject, Topic};
use crate::consolidation::{self, CaseError, FigureRow, PlanError};
use crate::goals::Goal;
use crate::ledger::{self, FleetSize, LedgerError};
use crate::machine::Machine;
use crate::measure::{Measurement, Times, baseline, measure, violations};
use crate::memory::{MemoryError, snapshot_bytes, snapshot_bytes_of_incremental};
use crate::record::{Record, RecordError, Row};
use crate::table::render;
use crate::us_east_1::{self, ANY_CAPACITY};
use crate::workloads::{Context, PLACEABLE, Workload, WorkloadError};
use crate::workloads::{backlog, burst, diverse, dlrm, incremental, openb, preference};

/// A run that cannot be finished.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A workload cannot be made.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// A cluster to consolidate cannot be made up.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A plan to consolidate cannot be measured.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A ledger cannot be measured.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Memory cannot be measured.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The catalogue cannot be compiled.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The catalogue's own bytes cannot be read back.
    #[error("the catalogue cannot be decoded: {0}")]
    Decode(#[from] encoding::DecodeError),
}

/// Measures the chosen workloads, prints the table, writes the records.
///
/// # Errors
/// When a workload cannot be made or a record cannot be written.
pub fn run(arguments: &Arguments, clock: &dyn Clock) -> Result<(), RunError> {
    if let Some(path) = &arguments.plan_of {
        let figures = consolidation::plan_of_dump(clock, path)?;
        println!("{}", serde_json::to_string(&figures).map_err(RecordError::from)?);
        return Ok(());
    }
    if let Some(figures) = ledger_alone(arguments, clock)? {
        println!("{figures}");
        return Ok(());
    }
    let context = Context::new()?;
    if arguments.snapshot_memory {
        println!("{}", snapshot_bytes(&incremental(&context))?);
        return Ok(());
    }
    let mut bench =
        Bench { arguments, clock, context, rows: Vec::new(), consolidation: Vec::new(), ledger: Vec::new() };
    for topic in arguments.chosen() {
        bench.run(topic)?;
    }
    if !bench.rows.is_empty() {
        println!("{}", render(&bench.rows));
    }
    if !bench.consolidation.is_empty() {
        println!("{}", consolidation::render(&bench.consolidation));
    }
    if !bench.ledger.is_empty() {
        println!("{}", consolidation::render(&bench.ledger));
    }
    let record = Record {
        time: clock.now(),
        machine: Machine::here(),
        repeat: arguments.repeat,
        rows: bench.rows,
        consolidation: bench.consolidation,
        ledger: bench.ledger,
    };
    if let Some(path) = &arguments.json {
        record.write(path)?;
    }
    for subject in [Subject::Plan, Subject::Consolidate, Subject::Ledger] {
        if arguments.covers(subject) {
            let path = arguments.results.join(record.file_name(subject.as_str()));
            record.only(subject).write(&path)?;
            eprintln!("record: {}", path.display());
        }
    }
    Ok(())
}

/// What a process of its own measures of the ledger, as JSON.
fn ledger_alone(arguments: &Arguments, clock: &dyn Clock) -> Result<Option<String>, RunError> {
    let size = FleetSize { containers: arguments.containers, days: arguments.days };
    let json = |figures: serde_json::Result<String>| figures.map_err(RecordError::from);
    if let Some(path) = &arguments.ledger_ingest {
        let figures = ledger::ingest_here(clock, size.containers, path)?;
        return Ok(Some(json(serde_json::to_string(&figures))?));
    }
    let everything = arguments.ledger_footprint.is_some();
    let Some(path) = arguments.ledger_answer.as_ref().or(arguments.ledger_footprint.as_ref()) else {
        return Ok(None);
    };
    let figures = ledger::answers_of_directory(clock, size, path, everything)?;
    Ok(Some(json(serde_json::to_string(&figures))?))
}

struct Bench<'a> {
    arguments: &'a Arguments,
    clock: &'a dyn Clock,
    context: Context,
    rows: Vec<Row>,
    consolidation: Vec<FigureRow>,
    ledger: Vec<FigureRow>,
}

impl Bench<'_> {
    fn run(&mut self, topic: Topic) -> Result<(), RunError> {
        match topic {
            Topic::All => {}
            Topic::Catalogue => self.catalogue()?,
            Topic::Diverse => self.diverse(),
            Topic::Preference => {
                for policy in [PreferencePolicy::Respect, PreferencePolicy::Ignore] {
                    let workload = preference(&self.context, policy);
                    self.solve(&workload, |measured| vec![time(100.0, measured)]);
                }
            }
            Topic::Burst => {
                let workload = burst(&self.context);
                self.solve(&workload, |measured| vec![time(5.0, measured)]);
            }
            Topic::Openb => {
                for capacity_types in [&ANY_CAPACITY[..], &ANY_CAPACITY[1..]] {
                    let workload = openb(&self.context, capacity_types).map_err(WorkloadError::from)?;
                    self.solve(&workload, |measured| vec![time(300.0, measured), gap(2.0, measured)]);
                }
            }
            Topic::Dlrm => {
                for capacity_types in [&ANY_CAPACITY[..], &ANY_CAPACITY[1..]] {
                    let workload = dlrm(&self.context, capacity_types).map_err(WorkloadError::from)?;
                    self.solve(&workload, |measured| vec![time(300.0, measured), gap(4.0, measured)]);
                }
            }
            Topic::Backlog => {
                let workload = backlog(&self.context);
                self.solve(&workload, |measured| {
                    let placed = measured.result.placed() as f64;
                    vec![Goal::at_least("placed", "pods", f64::from(PLACEABLE), placed), time(20.0, measured)]
                });
            }
            Topic::Incremental => self.incremental()?,
            Topic::Removal | Topic::Consolidate | Topic::Savings | Topic::Validity => {
                self.consolidate(topic)?
            }
            Topic::Ledger => self.ledger()?,
        }
        Ok(())
    }

    fn consolidate(&mut self, topic: Topic) -> Result<(), RunError> {
        eprintln!("{topic:?} ...");
        let rows = match topic {
            Topic::Removal => consolidation::removal(self.clock, 1_000, self.arguments.repeat)?,
            Topic::Consolidate => vec![
                consolidation::whole_plan(self.clock, 1_000, self.arguments.repeat)?,
                consolidation::large_plan(5_000)?,
            ],
            Topic::Savings => consolidation::savings_rows(&[0.3, 0.5, 0.7], self.arguments.seeds)?,
            _ => vec![consolidation::validity(self.arguments.seeds)?],
        };
        self.consolidation.extend(rows);
        Ok(())
    }

    fn ledger(&mut self) -> Result<(), RunError> {
        let own = std::env::temp_dir().join(format!("supercargo-bench-ledger-{}", std::process::id()));
        let path = self.arguments.ledger_directory.clone().unwrap_or(own);
        let rows = self.ledger_in(&path);
        // Whether it can be removed changes no figure.
        let _ = std::fs::remove_dir_all(&path);
        self.ledger = rows?;
        Ok(())
    }

    fn ledger_in(&self, path: &std::path::Path) -> Result<Vec<FigureRow>, RunError> {
        let size = FleetSize { containers: self.arguments.containers, days: self.arguments.days };
        if let Some(made) = &self.arguments.ledger_questions {
            return Ok(ledger::answers(self.clock, size, made, self.arguments.repeat)?);
        }
        let history = path.join("history");
        let mut rows = vec![ledger::directory(self.clock, size, &history)?];
        rows.extend(ledger::answers(self.clock, size, &history, self.arguments.repeat)?);
        rows.push(ledger::ingest(size.containers.saturating_mul(6), &path.join("samples"))?);
        Ok(rows)
    }

    /// Decoding the embedded data, resolving it for a NodeClass, compiling it.
    fn catalogue(&mut self) -> Result<(), RunError> {
        let bytes = encoding::encode(Catalog::embedded().market());
        let mut runs = Vec::new();
        for _ in 0..self.arguments.repeat {
            let stopwatch = Stopwatch::start(self.clock);
            let catalog = Catalog::new(encoding::decode(&bytes)?);
            us_east_1::market(&catalog)?;
            runs.push(stopwatch.elapsed());
        }
        let total_ms = Times::of(&runs);
        self.rows.push(Row {
            workload: "catalogue",
            variant: us_east_1::REGION.to_owned(),
            total_ms,
            snapshot_ms: None,
            solve_ms: None,
            snapshot_bytes: None,
            result: None,
            violations: Vec::new(),
            baseline: None,
            goals: vec![Goal::at_most("time", "ms", 50.0, total_ms.median)],
        });
        Ok(())
    }

    fn diverse(&mut self) {
        let mut per_pod_at_1k = None;
        for size in self.arguments.sizes.clone() {
            let workload = diverse(&self.context, size);
            self.solve(&workload, |measured| {
                let per_pod_us = measured.total.median * 1e3 / f64::from(size.max(1));
                if size == 1_000 {
                    per_pod_at_1k = Some(per_pod_us);
                }
                let mut goals = vec![Goal::at_most("unplaced", "pods", 0.0, measured.result.unplaced as f64)];
                if size == 5_000 {
                    goals.push(time(30.0, measured));
                }
                if size == 20_000 {
                    goals.push(time(150.0, measured));
                    let at_1k =
                        per_pod_at_1k.map(|at_1k| Goal::at_most("per pod", "µs (as 1k)", at_1k, per_pod_us));
                    goals.extend(at_1k);
                }
                goals
            });
        }
    }

    fn incremental(&mut self) -> Result<(), RunError> {
        let bytes = snapshot_bytes_of_incremental()?;
        let workload = incremental(&self.context);
        self.solve(&workload, |measured| {
            vec![
                Goal::at_most("solve", "ms", 100.0, measured.solve.median),
                Goal::at_most("snapshot", "MB", 300.0, bytes as f64 / 1e6),
            ]
        });
        if let Some(row) = self.rows.last_mut() {
            row.snapshot_bytes = Some(bytes);
        }
        Ok(())
    }

    fn solve(&mut self, workload: &Workload, goals: impl FnOnce(&Measurement) -> Vec<Goal>) {
        eprintln!("{} {} ...", workload.name, workload.variant);
        let measured = measure(self.clock, workload, self.arguments.repeat);
        self.rows.push(Row {
            workload: workload.name,
            variant: workload.variant.clone(),
            total_ms: measured.total,
            snapshot_ms: Some(measured.snapshot),
            solve_ms: Some(measured.solve),
            snapshot_bytes: None,
            goals: goals(&measured),
            result: Some(measured.result),
            violations: violations(workload),
            baseline: (!self.arguments.no_baseline).then(|| baseline(self.clock, workload)),
        });
    }
}

fn time(goal_ms: f64, measured: &Measurement) -> Goal {
    Goal::at_most("time", "ms", goal_ms, measured.total.median)
}

fn gap(goal_percent: f64, measured: &Measurement) -> Goal {
    Goal::at_most("gap", "%", goal_percent, measured.result.gap_percent)
}
