//! From the arguments to decisions.

use std::path::Path;

use jiff::Timestamp;
use supercargo_api::duration::GoDuration;
use supercargo_clock::{Clock, RealClock};
use supercargo_control::endpoints::JournalDocument;
use supercargo_control::journal::{Entry, Journal, JournalQuery, read_entries};

use super::arguments::{Arguments, Format};
use super::{get, text};
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let query = JournalQuery {
        subject: arguments.subject.clone(),
        kind: arguments.kind,
        since: arguments.since.as_deref().map(moment).transpose()?,
        after: None,
        limit: Some(arguments.limit),
    };
    let entries = match &arguments.file {
        Some(path) => of_file(path, &query)?,
        None => entries(&arguments.address.controller, &query)?,
    };
    if entries.is_empty() {
        console.note("there are no such decisions");
        return Ok(Exit::Incomplete);
    }
    let shown = match arguments.output {
        Format::Text => text(&entries, console.paint()),
        Format::Json => lines(&entries)?,
    };
    console.data(&shown)?;
    Ok(Exit::Success)
}

/// The entries that a running controller has.
fn entries(address: &str, query: &JournalQuery) -> Result<Vec<Entry>, Failure> {
    let parameters = serde_json::to_value(query).ok();
    let parameters = parameters.as_ref().and_then(|value| value.as_object());
    let pairs: Vec<String> = parameters
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={}", escape(&value))
        })
        .collect();
    let answer = get(address, &format!("/journal?{}", pairs.join("&")))?;
    let document: JournalDocument = serde_json::from_slice(&answer)
        .map_err(|error| Failure::new(format!("the answer of {address} is no journal: {error}")))?;
    Ok(document.entries)
}

fn of_file(path: &Path, query: &JournalQuery) -> Result<Vec<Entry>, Failure> {
    let known = read_entries(path).map_err(|error| Failure::new(error.to_string()))?;
    let journal = Journal::default();
    journal.restore(known);
    Ok(journal.query(query).iter().map(|entry| Entry::clone(entry)).collect())
}

/// A moment, or a while ago.
fn moment(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let ago = text.parse::<GoDuration>().ok().and_then(|ago| u64::try_from(ago.as_nanos()).ok());
    let moment =
        ago.and_then(|nanos| RealClock::new().now().checked_sub(std::time::Duration::from_nanos(nanos)).ok());
    moment.ok_or_else(|| {
        Failure::new(format!("{text:?} is no time"))
            .with_help("write 2026-11-23T18:00:00Z, or a while ago: 30m, 2h")
    })
}

fn lines(entries: &[Entry]) -> Result<String, Failure> {
    let mut text = String::new();
    for entry in entries {
        let line = serde_json::to_string(entry)
            .map_err(|error| Failure::new(format!("an entry cannot be written as JSON: {error}")))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Percent-encodes a query value.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_a_while_ago() {
        assert_eq!(moment("2026-11-23T18:00:00Z").unwrap().to_string(), "2026-11-23T18:00:00Z");
        assert!(moment("30m").unwrap() < RealClock::new().now());
        assert!(moment("yesterday").is_err());
        assert!(moment("-5m").is_err());
    }

    #[test]
    fn whatever_is_asked_for_stays_one_value() {
        assert_eq!(escape("pod/a b&c=d"), "pod/a%20b%26c%3Dd");
    }
}
