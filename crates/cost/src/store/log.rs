//! The log of an hour that is not over: one record for each observation.
//!
//! ```text
//! record := "SCL2" length(8, little end first) crc32(4) payload
//! ```
//! (payloads of `SCL1` have a whole frame, as an earlier version wrote it)
//! A record counts if it is whole and its checksum is right; what follows the first that is not does not count.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::store::checksum::crc32;
use crate::store::error::StoreError;
use crate::store::frame::{FORMAT, Frame};
use crate::store::layout::{LOGS, at, path_name};
use crate::store::record::{FORMAT as RECORDS, Names, decode, encode, header};
use crate::store::tables::Strings;

const MAGIC: &[u8; 4] = b"SCL2";
const FIRST_MAGIC: &[u8; 4] = b"SCL1";
const HEAD: usize = 16;

/// `DIR/log/cluster=C/<start of the hour>.log`.
pub(super) fn log_path(root: &Path, cluster: &str, hour: i64) -> PathBuf {
    root.join(LOGS).join(format!("cluster={}", path_name(cluster))).join(format!("{hour}.log"))
}

/// The hour of a log, by its name.
pub(super) fn hour_of_log(path: &Path) -> Option<i64> {
    if path.extension()? != "log" {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

/// Appends facts of an hour in a stretch and waits until they are on disk. If that fails the log is as it was, and nothing
/// that is said later is lost with it.
pub(super) fn append(
    path: &Path,
    facts: &HourFacts,
    stretch: Interval,
    names: &mut Names,
) -> Result<(), StoreError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(at(directory))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(at(path))?;
    let length = file.metadata().map_err(at(path))?.len();
    if names.length != length {
        // somebody else wrote, or this process has just begun: what the log names is not known
        *names = Names::default();
    }
    let payload = encode(facts, stretch, names).map_err(|what| StoreError::Unwritable {
        cluster: facts.cluster.to_string(),
        hour: facts.hour,
        what,
    })?;
    let mut record = Vec::with_capacity(HEAD + payload.len());
    record.extend(MAGIC);
    record.extend((payload.len() as u64).to_le_bytes());
    record.extend(crc32(&payload).to_le_bytes());
    record.extend(payload);
    match file.write_all(&record).and_then(|()| file.sync_data()) {
        Ok(()) => {
            names.length = length + record.len() as u64;
            Ok(())
        }
        Err(error) => {
            *names = Names::default();
            file.set_len(length).map_err(at(path))?;
            Err(at(path)(error))
        }
    }
}

/// What a log says.
#[derive(Default)]
pub(super) struct Replay {
    /// The facts of its hour, all records added up.
    pub facts: Option<HourFacts>,
    /// The end of the last stretch that counts.
    pub until: Option<i64>,
    pub problems: Vec<StoreError>,
}

/// Reads a log. A stretch that is in it twice counts once. With `repair`, bytes after the last whole record are put aside,
/// so that the log can go on.
pub(super) fn replay(path: &Path, repair: bool) -> Result<Replay, StoreError> {
    let bytes = fs::read(path).map_err(at(path))?;
    let mut replay = Replay::default();
    let mut place = 0;
    let (mut names, mut strings) = (Vec::new(), Strings::default());
    let later = |found: u32, known: u32| StoreError::Format { path: path.to_owned(), found, known };
    while let Some((first_format, payload, end)) = record(&bytes, place) {
        let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
        if first_format {
            match Frame::from_bytes(payload) {
                Ok(frame) if frame.header.format > FORMAT => return Err(later(frame.header.format, FORMAT)),
                Ok(frame) => match frame.decode() {
                    Ok(hours) => replay.take(frame.header.stretch, hours),
                    Err(what) => replay.problems.push(damaged(what)),
                },
                Err(what) => replay.problems.push(damaged(what)),
            }
        } else {
            match header(payload) {
                Ok((header, _)) if header.format > RECORDS => return Err(later(header.format, RECORDS)),
                Ok((header, rest)) => match decode(&header, rest, &mut names, &mut strings) {
                    Ok(facts) => replay.take(header.stretch, vec![facts]),
                    Err(what) => replay.problems.push(damaged(what)),
                },
                Err(what) => replay.problems.push(damaged(what)),
            }
        }
        place = end;
    }
    if place < bytes.len() {
        let kept = path.with_extension("log.torn");
        if repair {
            fs::write(&kept, &bytes[place..]).map_err(at(&kept))?;
            let file = OpenOptions::new().write(true).open(path).map_err(at(path))?;
            file.set_len(place as u64).and_then(|()| file.sync_all()).map_err(at(path))?;
        }
        let (at, bytes) = (place, bytes.len() - place);
        replay.problems.push(StoreError::TornLog { path: path.to_owned(), at, bytes, kept });
    }
    Ok(replay)
}

/// The record that begins at a place: whether it is of the first format, its payload, and where it ends.
fn record(bytes: &[u8], place: usize) -> Option<(bool, &[u8], usize)> {
    let head = bytes.get(place..place.checked_add(HEAD)?)?;
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let (length, sum) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let start = place + HEAD;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    let right = (magic == MAGIC || magic == FIRST_MAGIC) && sum == crc32(payload).to_le_bytes();
    right.then_some((magic == FIRST_MAGIC, payload, start + length))
}

impl Replay {
    fn take(&mut self, stretch: Interval, hours: Vec<HourFacts>) {
        if self.until.is_some_and(|until| stretch.start < until) {
            return;
        }
        self.until = Some(stretch.end);
        for delta in hours {
            match &mut self.facts {
                Some(facts) if facts.hour == delta.hour => facts.absorb(delta),
                Some(_) => {}
                facts @ None => *facts = Some(delta),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ContainerFact;

    /// An earlier version wrote whole frames; they count as before, and new records may follow.
    #[test]
    fn logs_of_the_first_format_are_read_and_go_on() -> Result<(), Box<dyn std::error::Error>> {
        let root = std::env::temp_dir().join(format!("supercargo-first-format-{}", std::process::id()));
        let path = log_path(&root, "east", 0);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        let part = |stretch: Interval| {
            let mut facts = HourFacts::new("east", 0);
            facts.containers.push(ContainerFact {
                interval: stretch,
                measured: 7,
                ..ContainerFact::default()
            });
            facts
        };
        let (first, second) = (Interval::new(0, 600), Interval::new(600, 1_200));
        let frame = Frame::encode(&"east".into(), first, &[part(first)])?;
        let header = serde_json::to_vec(&frame.header)?;
        let mut payload = u32::try_from(header.len())?.to_le_bytes().to_vec();
        payload.extend(header);
        frame.files.iter().for_each(|file| payload.extend(file));
        let mut record = FIRST_MAGIC.to_vec();
        record.extend((payload.len() as u64).to_le_bytes());
        record.extend(crc32(&payload).to_le_bytes());
        record.extend(payload);
        fs::write(&path, record)?;
        append(&path, &part(second), second, &mut Names::default())?;
        let replayed = replay(&path, true)?;
        fs::remove_dir_all(&root)?;
        assert!(replayed.problems.is_empty(), "{:?}", replayed.problems);
        assert_eq!(replayed.until, Some(1_200));
        let facts = replayed.facts.ok_or("no facts")?;
        assert_eq!(facts.containers.len(), 1);
        assert_eq!(
            (facts.containers[0].interval, facts.containers[0].measured),
            (Interval::new(0, 1_200), 14)
        );
        Ok(())
    }
}
