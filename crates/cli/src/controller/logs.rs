//! The log: events become lines, lines go where the settings say.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use supercargo_clock::{Clock, Time};
use supercargo_control::settings::{LogFormat, LogLevel, LogPath, ProcessSettings};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::lines::{Said, human, json};
use crate::exit::Failure;

/// The commit that the program was built from, where the build was told.
pub(super) const COMMIT: &str = match option_env!("SUPERCARGO_COMMIT") {
    Some(commit) => commit,
    None => "",
};

/// Takes all events of the process. Spans are not kept: events say what they are about themselves.
struct Log {
    level: Level,
    time: Time,
    places: Mutex<Vec<(Place, bool)>>,
}

enum Place {
    Stdout,
    Stderr,
    File(File),
}

/// Starts to log, for the whole process.
pub(super) fn start(settings: &ProcessSettings, time: Time) -> Result<(), Failure> {
    let mut places = Vec::new();
    for path in &settings.log_output_paths {
        let (place, is_terminal) = match path {
            LogPath::Stdout => (Place::Stdout, std::io::stdout().is_terminal()),
            LogPath::Stderr => (Place::Stderr, std::io::stderr().is_terminal()),
            LogPath::File(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
                    Failure::new(format!("{}: the log cannot be opened: {error}", path.display()))
                        .with_help("LOG_OUTPUT_PATHS takes stdout, stderr, and files that can be written")
                })?;
                (Place::File(file), false)
            }
        };
        let as_json = match settings.log_format {
            LogFormat::Json => true,
            LogFormat::Human => false,
            LogFormat::Auto => !is_terminal,
        };
        places.push((place, as_json));
    }
    let level = match settings.log_level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let log = Log { level, time, places: Mutex::new(places) };
    tracing::subscriber::set_global_default(log).map_err(|_| Failure::new("the log has been started already"))
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // of what others built only warnings are of interest, unless everything is
        let is_own = metadata.target().starts_with("supercargo");
        let level =
            if is_own || self.level == Level::TRACE { self.level } else { self.level.min(Level::WARN) };
        *metadata.level() <= level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let now = self.time.now();
        // a line is written whole, so what a panicking thread left is still good
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, as_json) in places.iter_mut() {
            let mut said = Said::default();
            event.record(&mut said);
            let line = if *as_json {
                json(now, *metadata.level(), metadata.target(), said, COMMIT)
            } else {
                human(now, *metadata.level(), metadata.target(), said)
            };
            // nobody is there to be told if the log cannot be written
            let _ = match place {
                Place::Stdout => std::io::stdout().write_all(line.as_bytes()),
                Place::Stderr => std::io::stderr().write_all(line.as_bytes()),
                Place::File(file) => file.write_all(line.as_bytes()),
            };
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
