//! Dumps in files: a recording, or answers of a Prometheus server.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dump::recording::{RecordingError, read_recording};
use crate::facts::HourFacts;
use crate::interval::{HOUR, hour_of};
use crate::prometheus::{
    AnswerError, Grid, GridError, HourSequence, HourTable, ImportSettings, METRICS, Pace, read_answer,
};

/// Hours whose tables are in memory at once; the files are read once for each so many.
const HOURS_AT_ONCE: usize = 24;

/// What is wrong with a dump.
#[derive(Debug, Error)]
pub enum DumpError {
    /// A file cannot be read.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of a recording.
    #[error("{file}: {error}", file = file.display())]
    Recording {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: RecordingError,
    },
    /// An answer of a server.
    #[error("{file}: {error}", file = file.display())]
    Answer {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: AnswerError,
    },
    /// A series without a name.
    #[error("{file}: series {number} has no label __name__, expected the answer of a query without functions, such as kube_pod_info or kube_pod_info[1h]", file = file.display())]
    Nameless {
        /// The file.
        file: PathBuf,
        /// Which, from 1 on.
        number: usize,
    },
    /// The step.
    #[error(transparent)]
    Step(#[from] GridError),
    /// The facts cannot be handed on.
    #[error("{0}")]
    Sink(String),
}

/// What dumps held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpReport {
    /// Observations of recordings.
    pub observations: usize,
    /// Hours that were handed on.
    pub hours: usize,
    /// Series of answers.
    pub series: u64,
    /// Samples of answers.
    pub samples: u64,
    /// Series of metrics that say nothing of costs, by metric.
    pub unused: BTreeMap<String, u64>,
}

/// Takes an hour; says why it cannot.
pub type Sink<'a> = dyn FnMut(HourFacts) -> Result<(), String> + 'a;

/// Reads dumps, recordings one after the other and answers together, and hands on the hours, those of each cluster in
/// order of time. The settings are those of answers: recordings tell their own.
pub fn read_dumps(
    files: &[PathBuf],
    settings: &ImportSettings,
    sink: &mut Sink<'_>,
) -> Result<DumpReport, DumpError> {
    Grid::new(0, settings.step)?;
    let mut report = DumpReport::default();
    let mut answers = Vec::new();
    for file in files {
        if is_recording(file)? {
            recording(file, &mut report, sink)?;
        } else {
            answers.push(file.as_path());
        }
    }
    if !answers.is_empty() {
        read_answers(&answers, settings, &mut report, sink)?;
    }
    Ok(report)
}

fn open(file: &Path) -> Result<BufReader<File>, DumpError> {
    let opened = File::open(file).map_err(|source| DumpError::Io { file: file.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 16, opened))
}

/// An answer begins with `status`; everything else is held to be a recording, whose first line says so.
fn is_recording(file: &Path) -> Result<bool, DumpError> {
    let mut reader = open(file)?;
    let start = reader.fill_buf().map_err(|source| DumpError::Io { file: file.to_owned(), source })?;
    let start = String::from_utf8_lossy(start.get(..256).unwrap_or(start)).into_owned();
    let first = start.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '{');
    Ok(!["\"status\"", "\"data\"", "\"isPartial\"", "\"warnings\""].iter().any(|key| first.starts_with(key)))
}

/// Reads a recording. Its observations are added up to hours, which are handed on as soon as they are over.
fn recording(file: &Path, report: &mut DumpReport, sink: &mut Sink<'_>) -> Result<(), DumpError> {
    enum Stop {
        Recording(RecordingError),
        Sink(String),
    }
    impl From<RecordingError> for Stop {
        fn from(error: RecordingError) -> Stop {
            Stop::Recording(error)
        }
    }
    let mut running: Option<HourFacts> = None;
    let mut hours = 0;
    let mut observations = 0;
    let read = read_recording(open(file)?, |_, observation| {
        observations += 1;
        for facts in observation.hours {
            match &mut running {
                Some(hour) if hour.hour == facts.hour => hour.absorb(facts),
                _ => {
                    if let Some(over) = running.replace(facts) {
                        hours += 1;
                        sink(over).map_err(Stop::Sink)?;
                    }
                }
            }
        }
        Ok(())
    });
    report.observations += observations;
    report.hours += hours;
    read.map_err(|stop| match stop {
        Stop::Recording(error) => DumpError::Recording { file: file.to_owned(), error },
        Stop::Sink(problem) => DumpError::Sink(problem),
    })?;
    if let Some(last) = running {
        report.hours += 1;
        sink(last).map_err(DumpError::Sink)?;
    }
    Ok(())
}

fn read_answers(
    files: &[&Path],
    settings: &ImportSettings,
    report: &mut DumpReport,
    sink: &mut Sink<'_>,
) -> Result<(), DumpError> {
    // once through for the hours there are
    let known = |name: &str| METRICS.iter().any(|metric| metric.name == name);
    let mut hours = std::collections::BTreeSet::new();
    for file in files {
        let mut number = 0;
        let mut nameless = None;
        let read = read_answer(open(file)?, |series| {
            number += 1;
            report.series += 1;
            report.samples += series.samples.len() as u64;
            match series.labels.get("__name__") {
                None => nameless = nameless.or(Some(number)),
                Some(name) if !known(name) => *report.unused.entry(name.clone()).or_default() += 1,
                Some(_) => {
                    let times = series.samples.iter().map(|(time, _)| (*time).ceil() as i64);
                    // a sample at the end of an hour belongs to that hour
                    hours.extend(
                        times.filter(|time| time.unsigned_abs() < 1 << 40).map(|time| hour_of(time - 1)),
                    );
                }
            }
        });
        read.map_err(|error| DumpError::Answer { file: (*file).to_owned(), error })?;
        if let Some(number) = nameless {
            return Err(DumpError::Nameless { file: (*file).to_owned(), number });
        }
    }
    let mut sequence = HourSequence::default();
    let all: Vec<i64> = hours.iter().copied().collect();
    let mut hand_on = |hours: Vec<HourFacts>, report: &mut DumpReport| {
        report.hours += hours.len();
        hours.into_iter().try_for_each(&mut *sink).map_err(DumpError::Sink)
    };
    let mut before: Option<i64> = None;
    for block in all.chunks(HOURS_AT_ONCE) {
        let mut tables = BTreeMap::new();
        for hour in block {
            tables.insert(*hour, HourTable::new(Grid::new(*hour, settings.step)?));
        }
        for file in files {
            let read = read_answer(open(file)?, |mut series| {
                let Some(name) = series.labels.remove("__name__") else { return };
                if !known(&name) {
                    return;
                }
                series.samples.sort_by(|one, other| one.0.total_cmp(&other.0));
                for (hour, table) in &mut tables {
                    let from =
                        series.samples.partition_point(|(time, _)| *time <= (hour - settings.step) as f64);
                    let to = series.samples.partition_point(|(time, _)| *time <= (hour + HOUR) as f64);
                    if from < to {
                        table.take(&name, Pace::Step, &series.labels, &series.samples[from..to]);
                    }
                }
            });
            read.map_err(|error| DumpError::Answer { file: (*file).to_owned(), error })?;
        }
        for (hour, table) in tables {
            // hours in between of which no sample tells; a dump of two far times is not a hole of years
            let missing = before.map_or(0..0, |before| before + HOUR..hour).step_by(HOUR as usize);
            for hole in missing.take(HOURS_AT_ONCE * 31) {
                let complete = sequence.next(HourTable::new(Grid::new(hole, settings.step)?), settings);
                hand_on(complete, report)?;
            }
            before = Some(hour);
            hand_on(sequence.next(table, settings), report)?;
        }
    }
    hand_on(sequence.finish(settings).into_iter().collect(), report)
}
