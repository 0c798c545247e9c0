//! Questions over a month: again and again in one process, and once in a new one.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use supercargo_clock::{Clock, Stopwatch};
use supercargo_cost::filter::{Filter, Vocabulary};
use supercargo_cost::interval::HOUR;
use supercargo_cost::{Aggregation, AllocationQuery, Interval, Ledger, Sharing, Store};

use super::disk::{LedgerError, START, prices};
use super::fleet::{Fleet, FleetSize};
use crate::consolidation::{Figure, FigureRow};
use crate::goals::Goal;
use crate::measure::Times;
use crate::memory::{MemoryError, peak_bytes, resident_bytes};

/// What a new process took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerFigures {
    /// Until the directory was open, in milliseconds.
    pub open_ms: f64,
    /// From there to the answer by namespace.
    pub answer_ms: f64,
    /// Memory in use when all questions were answered and an hour is running, in bytes.
    pub resident_bytes: u64,
    /// The most there was until then, in bytes.
    pub peak_bytes: u64,
    /// Containers in the running hour.
    pub containers: usize,
}

/// A question with its name and, if there is one, the goal for a warm answer in milliseconds.
struct Question {
    name: &'static str,
    query: AllocationQuery,
    goal: Option<f64>,
}

fn question(by: &str, filter: &str, window: Interval) -> Result<AllocationQuery, LedgerError> {
    let wrong = |error: &dyn std::fmt::Display| LedgerError::Wrong(error.to_string());
    Ok(AllocationQuery {
        steps: vec![window],
        aggregation: Aggregation::parse(by, false).map_err(|error| wrong(&error))?,
        filter: Filter::parse(filter, Vocabulary::Allocations).map_err(|error| wrong(&error))?,
        ..AllocationQuery::default()
    })
}

fn questions(days: i64) -> Result<Vec<Question>, LedgerError> {
    let month = Interval::new(START, START + days * 24 * HOUR);
    let cut = Interval::new(month.start + 10 * HOUR + 1_800, month.end - 7 * HOUR);
    let shared = Sharing { share_idle: true, ..Sharing::default() };
    let shown = Sharing { include_idle: true, ..Sharing::default() };
    let by_team = question("label:team", "namespace!:\"kube-system\"+label[env]:\"production\"", month)?;
    let by_hours = AllocationQuery {
        steps: month.hours().map(Interval::hour).collect(),
        ..question("namespace", "", month)?
    };
    let system = Sharing { namespaces: vec!["kube-system".to_owned()], ..shown.clone() };
    Ok(vec![
        Question { name: "by namespace", query: question("namespace", "", month)?, goal: Some(300.0) },
        Question {
            name: "by label:team, idle shared, filtered",
            query: AllocationQuery { sharing: shared, ..by_team },
            goal: Some(500.0),
        },
        Question {
            name: "by namespace, from 10:30 to 17:00",
            query: question("namespace", "", cut)?,
            goal: None,
        },
        Question { name: "by namespace, every hour", query: by_hours, goal: None },
        Question {
            name: "by namespace, kube-system shared, idle shown",
            query: AllocationQuery { sharing: system, ..question("namespace", "", month)? },
            goal: None,
        },
        Question {
            name: "by node, idle shown",
            query: AllocationQuery { sharing: shown, ..question("node", "", month)? },
            goal: None,
        },
        Question { name: "by pod", query: question("pod", "", month)?, goal: None },
    ])
}

fn milliseconds(stopwatch: &Stopwatch<'_>) -> f64 {
    stopwatch.elapsed().as_secs_f64() * 1e3
}

/// Answers in this process, and in a new one.
///
/// # Errors
/// When the directory cannot be read or the process fails.
pub fn answers(
    clock: &dyn Clock,
    size: FleetSize,
    path: &Path,
    repeat: u32,
) -> Result<Vec<FigureRow>, LedgerError> {
    let variant = format!("{} days, {} containers alive", size.days, size.containers);
    let mut rows = Vec::new();
    let mut cold = Vec::new();
    let mut last = None;
    for _ in 0..repeat.min(5) {
        let stopwatch = Stopwatch::start(clock);
        last = Some(in_own_process(path, size)?);
        cold.push(stopwatch.elapsed());
    }
    let ledger = Ledger::open(Store::open(path)?, prices(), false)?;
    for Question { name, query, goal } in questions(size.days)? {
        eprintln!("{name} ...");
        let expected = query.answer(&ledger);
        let mut runs = Vec::new();
        for _ in 0..if goal.is_some() { repeat } else { repeat.min(3) } {
            let stopwatch = Stopwatch::start(clock);
            let sets = query.answer(&ledger);
            runs.push(stopwatch.elapsed());
            if sets != expected {
                return Err(LedgerError::Wrong(format!("{name}: two answers to one question")));
            }
        }
        let times = Times::of(&runs);
        let aggregates: usize = expected.iter().map(|set| set.aggregates.len()).sum();
        rows.push(FigureRow {
            work: name,
            variant: variant.clone(),
            figures: vec![
                Figure::new("warm", times.median, "ms"),
                Figure::new("slowest", times.max, "ms"),
                Figure::new("aggregates", aggregates as f64, ""),
            ],
            violations: Vec::new(),
            goals: goal.map(|goal| Goal::at_most("warm", "ms", goal, times.median)).into_iter().collect(),
        });
    }
    if let (Some(figures), Some(first)) = (last, rows.first_mut()) {
        let times = Times::of(&cold);
        first.figures.extend([
            Figure::new("cold, with the process", times.median, "ms"),
            Figure::new("of that, opening", figures.open_ms, "ms"),
            Figure::new("of that, the answer", figures.answer_ms, "ms"),
        ]);
        first.goals.push(Goal::at_most("cold", "ms", 2_000.0, times.median));
        let figures = with_more(path, size)?;
        let per = |bytes: u64| bytes as f64 / figures.containers.max(1) as f64 / 1e3;
        rows.push(FigureRow {
            work: "memory",
            variant,
            figures: vec![
                Figure::new("resident", figures.resident_bytes as f64 / 1e6, "MB"),
                Figure::new("at most", figures.peak_bytes as f64 / 1e6, "MB"),
                Figure::new("a live container", per(figures.resident_bytes), "kB"),
            ],
            violations: Vec::new(),
            goals: vec![Goal::at_most("a live container", "kB", 5.0, per(figures.resident_bytes))],
        });
    }
    if let Some(problem) = ledger.take_problems().first() {
        return Err(LedgerError::Wrong(problem.to_string()));
    }
    Ok(rows)
}

fn in_own_process(path: &Path, size: FleetSize) -> Result<AnswerFigures, MemoryError> {
    asked(path, size, "--ledger-answer")
}

fn with_more(path: &Path, size: FleetSize) -> Result<AnswerFigures, MemoryError> {
    asked(path, size, "--ledger-footprint")
}

fn asked(path: &Path, size: FleetSize, how: &str) -> Result<AnswerFigures, MemoryError> {
    let process = |error: std::io::Error| MemoryError::Process(error.to_string());
    let program = std::env::current_exe().map_err(process)?;
    let mut command = Command::new(program);
    command.arg(how).arg(path).arg("--days").arg(size.days.to_string());
    let output = command.arg("--containers").arg(size.containers.to_string()).output().map_err(process)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| MemoryError::Process(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Opens a directory and answers by namespace. With `everything` the goals' other questions too, and two samples of a running
/// hour are taken in, for what that takes of memory.
///
/// # Errors
/// When the directory cannot be read, or memory not be measured.
pub fn answers_of_directory(
    clock: &dyn Clock,
    size: FleetSize,
    path: &Path,
    everything: bool,
) -> Result<AnswerFigures, LedgerError> {
    let stopwatch = Stopwatch::start(clock);
    let mut ledger = Ledger::open(Store::open(path)?, prices(), false)?;
    let open_ms = milliseconds(&stopwatch);
    let mut containers = 0;
    let stopwatch = Stopwatch::start(clock);
    let mut answer_ms = 0.0;
    for (index, Question { query, .. }) in questions(size.days)?.into_iter().enumerate().take(2) {
        if index > 0 && !everything {
            break;
        }
        let sets = query.answer(&ledger);
        if sets.iter().all(|set| set.aggregates.is_empty()) {
            return Err(LedgerError::Wrong("an empty answer".to_owned()));
        }
        if index == 0 {
            answer_ms = milliseconds(&stopwatch);
        }
    }
    if everything {
        let hour = START + size.days * 24 * HOUR;
        let mut fleet = Fleet::new(super::disk::SEED, size);
        let alive = fleet.alive(hour);
        containers = alive.len();
        let facts = fleet.facts(hour, &alive);
        drop((alive, fleet));
        for half in [Interval::new(hour, hour + 1_800), Interval::new(hour + 1_800, hour + 3_600)] {
            let mut delta = supercargo_cost::HourFacts::new(&facts.cluster, hour);
            delta.containers = facts.containers.iter().filter_map(|fact| fact.part(half)).collect();
            ledger.absorb(delta);
        }
    }
    let (resident_bytes, peak_bytes) = (resident_bytes()?, peak_bytes()?);
    Ok(AnswerFigures { open_ms, answer_ms, resident_bytes, peak_bytes, containers })
}
