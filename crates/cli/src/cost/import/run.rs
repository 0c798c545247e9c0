//! The command itself.

use jiff::Timestamp;
use supercargo_clock::{Clock, RealClock};
use supercargo_cost::Store;
use supercargo_cost::dump::read_dumps;
use supercargo_cost::facts::HourFacts;
use supercargo_cost::interval::{Interval, hour_of, rfc3339};
use supercargo_cost::prometheus::{ImportReport, ImportSettings, Importer};
use supercargo_cost::query::parse_window;

use super::arguments::ImportArguments;
use super::server::HttpServer;
use crate::console::{Console, printable};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;

/// How many seconds after its end an hour is held to be over: late scrapes and slow writers.
const LATE: i64 = 120;

/// Writes hours into a store, and counts.
struct Writer {
    store: Store,
    written: usize,
    kept: usize,
    containers: usize,
    gaps: usize,
}

impl Writer {
    fn write(&mut self, facts: &HourFacts) -> Result<(), String> {
        if self.store.is_committed(&facts.cluster, facts.hour) {
            self.kept += 1;
            return Ok(());
        }
        self.store.commit(facts).map_err(|error| error.to_string())?;
        self.written += 1;
        self.containers += facts.containers.len();
        self.gaps += facts.gaps.len();
        Ok(())
    }

    /// What was done, for people.
    fn tell(&self, source: &str, console: &Console) -> Exit {
        let Writer { written, kept, containers, gaps, .. } = self;
        if written + kept == 0 {
            console.note(format_args!("{} knows nothing of the window", printable(source)));
            return Exit::Incomplete;
        }
        let there = if *kept > 0 { format!(", {kept} were there already") } else { String::new() };
        let gaps = if *gaps == 0 { "no gaps".to_owned() } else { counted(*gaps, "gap") };
        let hours = counted(*written, "hour");
        console
            .note(format_args!("{hours} written{there}: {}, {gaps}", counted(*containers, "container-hour")));
        Exit::Success
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Imports.
pub fn import(arguments: &ImportArguments, console: &Console) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.store).map_err(|error| Failure::new(error.to_string()))?;
    let mut writer = Writer { store, written: 0, kept: 0, containers: 0, gaps: 0 };
    let settings = ImportSettings {
        provisioner: Some(arguments.control_plane.clone()).filter(|name| !name.is_empty()),
        step: arguments.step.unwrap_or(60),
        matchers: arguments.matcher.clone(),
        ..ImportSettings::new(&arguments.cluster)
    };
    match &arguments.prometheus {
        Some(url) => from_server(url, arguments, settings, &mut writer, console),
        None => from_dumps(arguments, &settings, &mut writer, console),
    }
}

fn from_dumps(
    arguments: &ImportArguments,
    settings: &ImportSettings,
    writer: &mut Writer,
    console: &Console,
) -> Result<Exit, Failure> {
    let report = read_dumps(&arguments.dump, settings, &mut |facts| writer.write(&facts))
        .map_err(|error| Failure::new(error.to_string()))?;
    if !report.unused.is_empty() {
        let names: Vec<&str> = report.unused.keys().map(String::as_str).collect();
        console.note(format_args!("say nothing of costs: {}", printable(&names.join(", "))));
    }
    Ok(writer.tell("the dump", console))
}

fn from_server(
    url: &str,
    arguments: &ImportArguments,
    settings: ImportSettings,
    writer: &mut Writer,
    console: &Console,
) -> Result<Exit, Failure> {
    let now: Timestamp = arguments.at.unwrap_or_else(|| RealClock::new().now());
    let window = parse_window(&arguments.window, now.as_second(), 0)
        .map_err(|error| Failure::new(error.to_string()))?;
    // only whole hours, and only those that are over
    let window = Interval::new(hour_of(window.start), hour_of(window.end.min(now.as_second() - LATE)));
    if window.is_empty() {
        return Err(Failure::new(format!(
            "the window {} has no hour that is over",
            printable(&arguments.window)
        ))
        .with_help("hours are imported when they are over: try --window 24h"));
    }
    let cluster = settings.cluster.clone();
    let mut server = HttpServer::new(url, arguments)?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{url}: {error}"))
            .with_help("hours before it are written; the same command goes on from there")
    };
    let mut importer =
        Importer::new(&mut server, settings).map_err(|error| Failure::new(error.to_string()))?;
    importer.look(window).map_err(|error| failed(&error))?;
    if arguments.step.is_none() {
        let step = importer.learn_step(window).map_err(|error| failed(&error))?;
        if step > 60 {
            console.note(format_args!("samples are {step} s apart: that is the step"));
        }
    }
    if !importer.report().missing.is_empty() {
        let missing = importer.report().missing.join(", ");
        console.note(format_args!("the server does not have {missing}: what they would tell is a gap"));
    }
    let progress = Progress::new(console);
    let mut day = i64::MIN;
    for hour in window.hours() {
        if writer.store.is_committed(&cluster, hour) {
            writer.kept += 1;
            continue;
        }
        if hour.div_euclid(86_400) != day {
            day = hour.div_euclid(86_400);
            progress.stage(format!("reading {}", rfc3339(hour).get(..10).unwrap_or_default()));
        }
        for facts in importer.hour(hour).map_err(|error| failed(&error))? {
            writer.write(&facts).map_err(Failure::new)?;
        }
    }
    if let Some(facts) = importer.finish() {
        writer.write(&facts).map_err(Failure::new)?;
    }
    drop(progress);
    tell(importer.report(), console);
    Ok(writer.tell("the server", console))
}

fn tell(report: &ImportReport, console: &Console) {
    let ImportReport { series, samples, retries, .. } = report;
    let again = if *retries > 0 { format!(", {retries} questions asked again") } else { String::new() };
    console.note(format_args!("{samples} samples of {series} series read{again}"));
    for warning in &report.warnings {
        console.note(format_args!(
            "{} the server: {}",
            console.error_paint().warning("warning:"),
            printable(warning)
        ));
    }
}
