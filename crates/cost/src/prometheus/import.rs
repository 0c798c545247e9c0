//! Hour after hour of a server.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::facts::HourFacts;
use crate::interval::{HOUR, Interval, rfc3339};
use crate::prometheus::answer::{AnswerError, Series, read_answer};
use crate::prometheus::grid::{Grid, GridError};
use crate::prometheus::hour::{Neighbours, assemble};
use crate::prometheus::metrics::{METRICS, Metric, Pace};
use crate::prometheus::server::{AskError, MetricServer, Retry};
use crate::prometheus::table::HourTable;
use crate::prometheus::take::SLOW;

/// How often a question is asked at most.
const ATTEMPTS: u32 = 6;
/// The longest time between two of them, in seconds.
const LONGEST_WAIT: u64 = 60;

/// What an import is told.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// Id of the cluster that the facts are of.
    pub cluster: String,
    /// Who runs the control plane and is paid for it; none if it costs nothing.
    pub provisioner: Option<String>,
    /// Seconds of a step: not less than the interval of scrapes.
    pub step: i64,
    /// The longest stretch, in seconds, that the growth of a counter may be spread over.
    pub longest_stretch: i64,
    /// Matchers that every query gets besides its own, such as `cluster="east"`.
    pub matchers: Vec<String>,
}

impl ImportSettings {
    /// A cluster with a paid control plane that was scraped every minute.
    pub fn new(cluster: &str) -> ImportSettings {
        ImportSettings {
            cluster: cluster.to_owned(),
            provisioner: Some("EKS".to_owned()),
            step: 60,
            longest_stretch: 300,
            matchers: Vec::new(),
        }
    }
}

/// Why an import stopped. Hours that were handed on before are whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportError {
    /// The step.
    #[error(transparent)]
    Step(#[from] GridError),
    /// The server did not answer, however often it was asked.
    #[error("{metric} of the hour from {hour}: {error}", hour = rfc3339(*hour))]
    Ask {
        /// What was asked for.
        metric: String,
        /// Start of the hour.
        hour: i64,
        /// What it said.
        error: AskError,
    },
    /// It answered what is no answer.
    #[error("{metric} of the hour from {hour}: {error}", hour = rfc3339(*hour))]
    Answer {
        /// What was asked for.
        metric: String,
        /// Start of the hour.
        hour: i64,
        /// What is wrong with the answer.
        error: AnswerError,
    },
}

/// What an import found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Hours that were handed on.
    pub hours: usize,
    /// Series that were read, and their samples.
    pub series: u64,
    /// Samples that were read.
    pub samples: u64,
    /// Questions that had to be asked again.
    pub retries: u64,
    /// What the server warned of.
    pub warnings: BTreeSet<String>,
    /// Metrics that the server does not have, of those that tell most.
    pub missing: Vec<&'static str>,
}

/// Metrics without which costs are coarse, and what then.
const IMPORTANT: [&str; 6] = [
    "kube_pod_info",
    "kube_pod_container_resource_requests",
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "kube_node_info",
    "kube_pod_labels",
];

/// Reads hours of a server.
pub struct Importer<'a> {
    server: &'a mut dyn MetricServer,
    settings: ImportSettings,
    report: ImportReport,
    metrics: Vec<&'static Metric>,
    hours: HourSequence,
}

/// Tables of hours in order of time; an hour that ends in a hole waits for the next one, and hours of which nothing is
/// known count only between others.
#[derive(Default)]
pub(crate) struct HourSequence {
    waiting: Option<HourTable>,
    empty: Vec<HourTable>,
    around: Neighbours,
    begun: bool,
}

impl HourSequence {
    /// Takes the next hour; returns those that are complete.
    pub fn next(&mut self, table: HourTable, settings: &ImportSettings) -> Vec<HourFacts> {
        let mut complete = Vec::new();
        if table.seen() == 0 {
            if self.begun {
                self.empty.push(table);
            }
            return complete;
        }
        self.begun = true;
        self.around.after = table.first_seen();
        complete.extend(self.waiting.take().map(|waiting| self.assemble(waiting, settings)));
        for empty in std::mem::take(&mut self.empty) {
            complete.push(assemble(empty, settings, &Neighbours::default()));
        }
        self.around.after = super::hour::Seen::default();
        if table.ends_seen() {
            complete.push(self.assemble(table, settings));
        } else {
            self.waiting = Some(table);
        }
        complete
    }

    /// The hour that waited.
    pub fn finish(&mut self, settings: &ImportSettings) -> Option<HourFacts> {
        self.around.after = super::hour::Seen::default();
        self.waiting.take().map(|waiting| self.assemble(waiting, settings))
    }

    fn assemble(&mut self, table: HourTable, settings: &ImportSettings) -> HourFacts {
        let last = table.last_seen();
        let facts = assemble(table, settings, &self.around);
        self.around.before = last;
        facts
    }
}

impl<'a> Importer<'a> {
    /// An importer that asks a server.
    pub fn new(
        server: &'a mut dyn MetricServer,
        settings: ImportSettings,
    ) -> Result<Importer<'a>, ImportError> {
        Grid::new(0, settings.step)?;
        let report = ImportReport::default();
        let hours = HourSequence::default();
        Ok(Importer { server, settings, report, metrics: METRICS.iter().collect(), hours })
    }

    /// What was found so far.
    pub const fn report(&self) -> &ImportReport {
        &self.report
    }

    /// Learns which metrics the server has in a window, so that it is not asked for others. A server that does not tell is
    /// asked for all.
    pub fn look(&mut self, window: Interval) -> Result<(), ImportError> {
        let path = format!("/api/v1/label/__name__/values?start={}&end={}", window.start, window.end);
        let names = match self.names(&path) {
            Ok(names) => names,
            Err(error) if error.retry == Retry::Never => return Ok(()),
            Err(error) => {
                return Err(ImportError::Ask {
                    metric: "names of metrics".to_owned(),
                    hour: window.start,
                    error,
                });
            }
        };
        let has = |name: &str| names.contains(name);
        self.metrics = METRICS
            .iter()
            .filter(|metric| has(metric.name) && !metric.unless.iter().any(|name| has(name)))
            .collect();
        let old = |name: &str| name == IMPORTANT[1] && has("kube_pod_container_resource_requests_cpu_cores");
        self.report.missing = IMPORTANT.into_iter().filter(|name| !has(name) && !old(name)).collect();
        Ok(())
    }

    /// Sets the step to the longest interval at which pods and their containers were scraped in a window, a minute at
    /// least, and returns it. A server that does not tell leaves it as it is.
    pub fn learn_step(&mut self, window: Interval) -> Result<i64, ImportError> {
        const STEPS: [i64; 6] = [60, 120, 180, 300, 450, 600];
        let pause = (window.end.saturating_sub(window.start) / 16).max(600);
        for name in ["kube_pod_info", "container_memory_working_set_bytes"] {
            let matchers = self.settings.matchers.join(",");
            let query = format!("max(count_over_time({name}{{{matchers}}}[1h]))");
            let path = query_path(&query, window.start, window.end, pause);
            let mut most = 0.0f64;
            let answered = self.asked(name, window.start, &path, &mut |series| {
                most = series
                    .samples
                    .iter()
                    .map(|(_, count)| *count)
                    .filter(|count| count.is_finite())
                    .fold(most, f64::max);
            });
            match answered {
                Ok(_) if most >= 1.0 => {}
                Ok(_) | Err(ImportError::Answer { .. }) => continue,
                Err(error) => return Err(error),
            }
            let interval = HOUR as f64 / most;
            // a scrape may be missed now and then
            let fits = STEPS.into_iter().find(|step| *step as f64 >= interval * 0.8).unwrap_or(600);
            self.settings.step = self.settings.step.max(fits);
        }
        Ok(self.settings.step)
    }

    fn names(&mut self, path: &str) -> Result<BTreeSet<String>, AskError> {
        #[derive(serde::Deserialize)]
        struct Names {
            data: Vec<String>,
        }
        let mut attempt = 0;
        loop {
            let asked = self.server.ask(path).and_then(|reader| {
                let names: Result<Names, _> = serde_json::from_reader(reader);
                names.map_err(|error| AskError { problem: error.to_string(), retry: Retry::Never })
            });
            match asked {
                Ok(names) => return Ok(names.data.into_iter().collect()),
                Err(error) => attempt = self.again(error, attempt)?,
            }
        }
    }

    /// Reads an hour; returns the hours that are complete by now, in order.
    pub fn hour(&mut self, hour: i64) -> Result<Vec<HourFacts>, ImportError> {
        let mut table = HourTable::new(Grid::new(hour, self.settings.step)?);
        let paths = self.metrics.iter().map(|metric| range_query(metric, table.grid, &self.settings));
        self.server.prepare(paths.collect());
        for metric in self.metrics.clone() {
            self.read(metric, &mut table)?;
        }
        let complete = self.hours.next(table, &self.settings);
        self.report.hours += complete.len();
        Ok(complete)
    }

    /// The hour that waited for the next one, if there is one.
    pub fn finish(&mut self) -> Option<HourFacts> {
        let last = self.hours.finish(&self.settings);
        self.report.hours += usize::from(last.is_some());
        last
    }

    /// Reads a metric of an hour.
    fn read(&mut self, metric: &Metric, table: &mut HourTable) -> Result<(), ImportError> {
        let path = range_query(metric, table.grid, &self.settings);
        let hour = table.grid.hour();
        let (series, samples) = self.asked(metric.name, hour, &path, &mut |each| {
            table.take(metric.name, metric.pace, &each.labels, &each.samples);
        })?;
        self.report.series += series;
        self.report.samples += samples;
        Ok(())
    }

    /// Asks until there is an answer; returns the numbers of its series and samples. An answer that breaks off is asked for
    /// again: what is taken twice must count once.
    fn asked(
        &mut self,
        metric: &str,
        hour: i64,
        path: &str,
        each: &mut dyn FnMut(Series),
    ) -> Result<(u64, u64), ImportError> {
        let mut attempt = 0;
        loop {
            let (mut series, mut samples) = (0, 0);
            let asked = self.server.ask(path).map(|reader| {
                read_answer(reader, |found| {
                    series += 1;
                    samples += found.samples.len() as u64;
                    each(found);
                })
            });
            let error = match asked {
                Ok(Ok(warnings)) => {
                    self.report.warnings.extend(warnings);
                    return Ok((series, samples));
                }
                Ok(Err(AnswerError::Torn(problem))) => AskError { problem, retry: Retry::After(None) },
                Ok(Err(error)) => return Err(ImportError::Answer { metric: metric.to_owned(), hour, error }),
                Err(error) => error,
            };
            let failed = |error| ImportError::Ask { metric: metric.to_owned(), hour, error };
            attempt = self.again(error, attempt).map_err(failed)?;
        }
    }

    /// Waits before the next attempt, twice as long each time or as long as the server says.
    fn again(&mut self, error: AskError, attempt: u32) -> Result<u32, AskError> {
        let Retry::After(wish) = error.retry else { return Err(error) };
        if attempt + 1 >= ATTEMPTS {
            return Err(AskError { problem: format!("{} ({ATTEMPTS} attempts)", error.problem), ..error });
        }
        self.report.retries += 1;
        self.server.wait(wish.unwrap_or(1 << attempt).min(LONGEST_WAIT));
        Ok(attempt + 1)
    }
}

/// The path of a range query. The server gives the last sample of every step and nothing where there is none: what a
/// server fills in otherwise, up to five minutes after the last scrape, would hide gaps.
fn range_query(metric: &Metric, grid: Grid, settings: &ImportSettings) -> String {
    let step = if metric.pace == Pace::Slow { SLOW.max(grid.step()) } else { grid.step() };
    let own = Some(metric.matchers).filter(|matchers| !matchers.is_empty());
    let matchers: Vec<&str> = own.into_iter().chain(settings.matchers.iter().map(String::as_str)).collect();
    let matchers = match matchers.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", matchers.join(",")),
    };
    // a step begins after its beginning, which older servers would count
    let query = format!("last_over_time({}{matchers}[{}s999ms])", metric.name, step - 1);
    // counters need their value at the beginning
    let start = if metric.pace == Pace::Slow { grid.hour() + step } else { grid.hour() };
    query_path(&query, start, grid.time(grid.last()), step)
}

fn query_path(query: &str, start: i64, end: i64, step: i64) -> String {
    let path = "/api/v1/query_range?";
    let mut text = form_urlencoded::Serializer::for_suffix(path.to_owned(), path.len());
    text.append_pair("query", query)
        .append_pair("start", &start.to_string())
        .append_pair("end", &end.to_string())
        .append_pair("step", &step.to_string());
    text.finish()
}
