//! Whole plans: from decoded objects to the document, timed; the large one in a process of its own, for its memory.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use supercargo_clock::{Clock, Stopwatch};
use supercargo_engine::consolidate::{Consolidation, Outcome};
use supercargo_generate::ClusterOptions;

use super::case::{Case, CaseError, anything_goes};
use super::dump::{self, DumpError};
use super::figures::{Figure, FigureRow};
use crate::goals::Goal;
use crate::measure::Times;
use crate::memory::{MemoryError, peak_bytes, resident_bytes};

const SEED: u64 = 42;
const CHURN: f64 = 0.3;
const POOLS: u32 = 20;
/// How often the plan for 1,000 nodes is made at most.
const MOST_REPEATS: u32 = 3;

/// What a plan took and came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanFigures {
    /// From decoded objects to the document, in milliseconds.
    pub ms: f64,
    /// Most memory the process had in use, its objects included, in bytes.
    pub peak_bytes: u64,
    /// Of that, what the decoded objects and the market take, in bytes.
    pub input_bytes: u64,
    /// Nodes.
    pub nodes: usize,
    /// Pods, those of DaemonSets included.
    pub pods: usize,
    /// Moves.
    pub moves: usize,
    /// What-if questions.
    pub questions: u64,
    /// Dollars per hour.
    pub now: f64,
    /// Dollars per hour.
    pub after: f64,
    /// Dollars per hour of an ideal fresh pack.
    pub ideal: f64,
}

/// A plan that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The cluster cannot be made up.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The cluster cannot be handed over.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// Memory cannot be measured.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

fn planned(clock: &dyn Clock, case: &Case) -> PlanFigures {
    let stopwatch = Stopwatch::start(clock);
    let plan = case.plan(&anything_goes());
    taken(&stopwatch, (case.objects.nodes.len(), case.objects.pods.len()), plan)
}

fn taken(
    stopwatch: &Stopwatch<'_>,
    (nodes, pods): (usize, usize),
    (outcome, document): (Outcome, Consolidation),
) -> PlanFigures {
    PlanFigures {
        ms: stopwatch.elapsed().as_secs_f64() * 1e3,
        peak_bytes: 0,
        input_bytes: 0,
        nodes,
        pods,
        moves: document.moves.len(),
        questions: outcome.questions,
        now: document.summary.price_per_hour_now.as_f64(),
        after: document.summary.price_per_hour_after.as_f64(),
        ideal: document.summary.ideal_per_hour.as_f64(),
    }
}

fn figures(plan: &PlanFigures, times: Times) -> Vec<Figure> {
    vec![
        Figure::new("median", times.median, "ms"),
        Figure::new("slowest", times.max, "ms"),
        Figure::new("moves", plan.moves as f64, ""),
        Figure::new("questions", plan.questions as f64, ""),
        Figure::new("now", plan.now, "$/h"),
        Figure::new("after", plan.after, "$/h"),
        Figure::new("ideal", plan.ideal, "$/h"),
    ]
}

fn variant(plan: &PlanFigures) -> String {
    format!("{} nodes, {} pods, {POOLS} NodePools", plan.nodes, plan.pods)
}

/// The whole plan for 1,000 nodes: sweep, sets, m to n, sequence, waves, reasons.
///
/// # Errors
/// When the cluster cannot be made up.
pub fn whole_plan(clock: &dyn Clock, nodes: u32, repeat: u32) -> Result<FigureRow, PlanError> {
    let case = Case::make(Case::free(nodes, POOLS, 30, CHURN, SEED))?;
    let mut plan = planned(clock, &case);
    let mut runs = Vec::new();
    for _ in 0..repeat.min(MOST_REPEATS) {
        plan = planned(clock, &case);
        runs.push(std::time::Duration::from_secs_f64(plan.ms / 1e3));
    }
    let times = Times::of(&runs);
    Ok(FigureRow {
        work: "whole plan",
        variant: variant(&plan),
        figures: figures(&plan, times),
        violations: Vec::new(),
        goals: vec![Goal::at_most("time", "ms", 5_000.0, times.median)],
    })
}

/// The same for 5,000 nodes, once, in a process that does nothing else.
///
/// # Errors
/// When the cluster cannot be made up or handed over, or the process fails.
pub fn large_plan(nodes: u32) -> Result<FigureRow, PlanError> {
    let path = std::env::temp_dir().join(format!("supercargo-bench-{}.json", std::process::id()));
    let case = Case::make(Case::free(nodes, POOLS, 30, CHURN, SEED))?;
    dump::write(&case.objects, &path)?;
    drop(case);
    let plan = in_own_process(&path);
    // Whether it can be removed changes no figure.
    let _ = std::fs::remove_file(&path);
    let plan = plan?;
    let time = std::time::Duration::from_secs_f64(plan.ms / 1e3);
    let mut figures = figures(&plan, Times::of(&[time]));
    figures.push(Figure::new("peak memory", plan.peak_bytes as f64 / 1e6, "MB"));
    figures.push(Figure::new("of that, decoded objects", plan.input_bytes as f64 / 1e6, "MB"));
    Ok(FigureRow {
        work: "whole plan",
        variant: variant(&plan),
        figures,
        violations: Vec::new(),
        goals: vec![
            Goal::at_most("time", "ms", 60_000.0, plan.ms),
            Goal::at_most("peak memory", "MB", 1_500.0, plan.peak_bytes as f64 / 1e6),
        ],
    })
}

fn in_own_process(path: &Path) -> Result<PlanFigures, MemoryError> {
    let process = |error: std::io::Error| MemoryError::Process(error.to_string());
    let program = std::env::current_exe().map_err(process)?;
    let output = Command::new(program).arg("--plan-of").arg(path).output().map_err(process)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| MemoryError::Process(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Plans for the cluster in a file and says what that took.
///
/// # Errors
/// When the file cannot be read or memory not be measured.
pub fn plan_of_dump(clock: &dyn Clock, path: &Path) -> Result<PlanFigures, PlanError> {
    let objects = dump::read(path)?;
    let case = Case::of(ClusterOptions::default(), objects)?;
    let input_bytes = resident_bytes()?;
    let size = (case.objects.nodes.len(), case.objects.pods.len());
    let stopwatch = Stopwatch::start(clock);
    let plan = taken(&stopwatch, size, case.plan_and_forget(&anything_goes()));
    Ok(PlanFigures { peak_bytes: peak_bytes()?, input_bytes, ..plan })
}
