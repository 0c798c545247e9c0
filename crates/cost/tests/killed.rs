//! A process may be killed at any point, and files may be cut and changed anywhere: nothing is lost that was written down,
//! nothing counts twice, and what cannot be read is told.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;
mod observed;
mod scratch;

use std::fs;
use std::path::{Path, PathBuf};

use observed::{absorbed, observations, sorted};
use rstest::rstest;
use scratch::Scratch;
use supercargo_cost::facts::HourFacts;
use supercargo_cost::{AllocationQuery, Interval, Ledger, Store};

const ALL: Interval = Interval::new(0, 400_000);
const DAY: i64 = 86_400;

fn loaded(path: &Path) -> (Vec<HourFacts>, usize) {
    let loaded = Store::open(path).unwrap().load(ALL).unwrap();
    (loaded.hours, loaded.problems.len())
}

/// A place in a record of the log.
#[derive(Clone, Copy, Debug)]
enum Place {
    Magic,
    Length,
    Checksum,
    HeaderLength,
    Header,
    Tables,
    LastByte,
}

impl Place {
    /// Its byte in a record of so many.
    fn byte(self, length: usize) -> usize {
        match self {
            Place::Magic => 1,
            Place::Length => 4,
            Place::Checksum => 12,
            Place::HeaderLength => 16,
            Place::Header => 60,
            Place::Tables => length / 2,
            Place::LastByte => length - 1,
        }
    }
}

#[rstest]
fn a_log_that_is_cut_or_changed_keeps_what_is_whole_and_goes_on(
    #[values(
        Place::Magic,
        Place::Length,
        Place::Checksum,
        Place::HeaderLength,
        Place::Header,
        Place::Tables,
        Place::LastByte
    )]
    place: Place,
    #[values(0, 1, 3)] record: usize,
    #[values(true, false)] cut: bool,
) {
    let scratch = Scratch::new();
    let observations = observations(7, 0);
    let store = scratch.store();
    let mut ends = vec![0];
    for observation in &observations[..4] {
        store.log(observation).unwrap();
        ends.push(fs::metadata(scratch.only("log")).unwrap().len() as usize);
    }
    let log = scratch.only("log");
    let mut bytes = fs::read(&log).unwrap();
    let at = ends[record] + place.byte(ends[record + 1] - ends[record]);
    if cut {
        bytes.truncate(at)
    } else {
        bytes[at] ^= 0x10
    }
    fs::write(&log, &bytes).unwrap();
    // a new process finds what is whole, says what is not, and keeps it aside
    let recovered = scratch.store().recover().unwrap();
    assert_eq!(recovered.problems.len(), 1, "{:?}", recovered.problems);
    assert_eq!(recovered.until.get("east").copied(), (record > 0).then_some(record as i64 * 600));
    let torn = fs::read(log.with_extension("log.torn")).unwrap();
    assert_eq!(torn, &bytes[ends[record]..]);
    assert!(scratch.store().recover().unwrap().problems.is_empty());
    let store = scratch.store();
    for observation in &observations[record..] {
        store.log(observation).unwrap();
    }
    assert_eq!(loaded(&scratch.0), (vec![absorbed(&observations)], 0));
}

/// Two processes after each other, and one that does not know what the other named.
#[test]
fn a_log_goes_on_in_another_process() {
    let scratch = Scratch::new();
    let observations = observations(8, 0);
    let (first, second) = (scratch.store(), scratch.store());
    for (index, observation) in observations.iter().enumerate() {
        let store = if index % 3 == 0 { &first } else { &second };
        store.log(observation).unwrap();
    }
    assert_eq!(loaded(&scratch.0), (vec![absorbed(&observations)], 0));
}

#[rstest]
fn a_file_that_is_cut_is_told_and_the_other_hours_are_read(
    #[values(0, 1, 2, 3, 4, 5, 6)] file: usize,
    #[values(0.0, 0.01, 0.5, 0.999)] left: f64,
) {
    let scratch = Scratch::new();
    let hours = [0, 3_600].map(|hour| sorted(made_up::facts(5, "east", hour)));
    scratch.store().commit(&hours[0]).unwrap();
    let path = scratch.files()[file].clone();
    scratch.store().commit(&hours[1]).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..(bytes.len() as f64 * left) as usize]).unwrap();
    let (found, problems) = loaded(&scratch.0);
    assert_eq!(problems, 1);
    assert_eq!(found.last(), Some(&hours[1]));
    if path.extension().unwrap() == "parquet" {
        assert_eq!(&*found[0].gaps[0].subject, "stored hour, damaged");
        // the day waits, nothing is thrown away
        assert_eq!(scratch.store().compact(DAY).unwrap().len(), 1);
        assert_eq!(loaded(&scratch.0).0.last(), Some(&hours[1]));
    }
    let ledger = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
    assert_eq!(ledger.take_problems().len(), 1);
    let query = AllocationQuery { steps: vec![Interval::new(3_600, 7_200)], ..AllocationQuery::default() };
    let mut memory = Ledger::new(made_up::prices());
    memory.insert(hours[1].clone());
    assert_eq!(query.answer(&ledger), query.answer(&memory));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

fn relative(scratch: &Scratch) -> Vec<PathBuf> {
    scratch.files().iter().map(|path| path.strip_prefix(&scratch.0).unwrap().to_owned()).collect()
}

/// Compaction writes a day's files in order, then its commit, then removes the commits of the hours, then their files. The
/// process is killed after every single step.
#[test]
fn compaction_may_be_killed_after_every_step() {
    let before = Scratch::new();
    for hour in [0, 1, 5] {
        before.store().commit(&made_up::facts(9, "east", hour * 3_600)).unwrap();
    }
    let after = Scratch::new();
    copy(&before.0, &after.0);
    assert!(after.store().compact(DAY).unwrap().is_empty());
    let expected = loaded(&before.0);
    assert_eq!(expected.1, 0);
    let (old, new) = (relative(&before), relative(&after));
    let is_commit = |path: &PathBuf| path.starts_with("commits");
    let written: Vec<&PathBuf> =
        new.iter().filter(|path| !is_commit(path)).chain(new.iter().filter(|path| is_commit(path))).collect();
    let removed: Vec<&PathBuf> =
        old.iter().filter(|path| is_commit(path)).chain(old.iter().filter(|path| !is_commit(path))).collect();
    assert_eq!((written.len(), removed.len()), (7, 21));
    for step in 0..=written.len() + removed.len() {
        let scratch = Scratch::new();
        copy(&before.0, &scratch.0);
        for path in written.iter().take(step) {
            let target = scratch.0.join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(after.0.join(path), target).unwrap();
        }
        if let Some(next) = written.get(step) {
            // half of the next file is there under the name of what is not finished
            let half = fs::read(after.0.join(next)).unwrap();
            let target = scratch.0.join(next).with_extension("unfinished");
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, &half[..half.len() / 2]).unwrap();
        }
        for path in removed.iter().take(step.saturating_sub(written.len())) {
            fs::remove_file(scratch.0.join(path)).unwrap();
        }
        assert_eq!(loaded(&scratch.0), expected, "after step {step}");
        scratch.store().recover().unwrap();
        assert!(scratch.store().compact(DAY).unwrap().is_empty(), "after step {step}");
        assert_eq!(loaded(&scratch.0), expected, "after step {step} and another attempt");
    }
}

/// An hour that comes after its day was made is one more hour, and the day stays.
#[test]
fn a_late_hour_takes_nothing_away() {
    let scratch = Scratch::new();
    let facts = |hour: i64| sorted(made_up::facts(9, "east", hour * 3_600));
    for hour in [1, 2] {
        scratch.store().commit(&facts(hour)).unwrap();
    }
    scratch.store().compact(DAY).unwrap();
    for hour in [0, 2, 7] {
        scratch.store().commit(&facts(hour)).unwrap();
        scratch.store().compact(2 * DAY).unwrap();
    }
    assert_eq!(loaded(&scratch.0), (vec![facts(0), facts(1), facts(2), facts(7)], 0));
    let ledger = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
    assert_eq!(ledger.hours(ALL).collect::<Vec<_>>(), [0, 1, 2, 7].map(|hour| hour * 3_600));
    let mut memory = Ledger::new(made_up::prices());
    [0, 1, 2, 7].into_iter().for_each(|hour| memory.insert(facts(hour)));
    let query = AllocationQuery { steps: vec![ALL], ..AllocationQuery::default() };
    assert_eq!(query.answer(&ledger), query.answer(&memory));
}

/// A ledger that records, is killed after every observation, and goes on from what is on disk.
#[test]
fn a_ledger_goes_on_after_every_observation() {
    let scratch = Scratch::new();
    let mut memory = Ledger::new(made_up::prices());
    let hours = [82_800, 86_400, 90_000];
    for observation in hours.into_iter().flat_map(|hour| observations(3, hour)) {
        for facts in &observation.hours {
            memory.absorb(facts.clone());
        }
        let mut ledger = Ledger::open(scratch.store(), made_up::prices(), true).unwrap();
        let end = observation.stretch.end;
        ledger.record(observation).unwrap();
        ledger.maintain(end, None).unwrap();
        assert!(ledger.take_problems().is_empty());
        let query =
            AllocationQuery { steps: vec![ALL, Interval::new(82_800, 86_700)], ..AllocationQuery::default() };
        assert_eq!(query.answer(&ledger), query.answer(&memory));
    }
    let names: Vec<String> = scratch
        .with_extension("json")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into())
        .collect();
    assert_eq!(names, ["day.json", "00.json", "01.json", "day.json", "00.json", "01.json"]);
    assert_eq!(scratch.with_extension("log"), Vec::<PathBuf>::new());
    // a day later only the second day is left
    let mut ledger = Ledger::open(scratch.store(), made_up::prices(), true).unwrap();
    ledger.maintain(2 * DAY, Some(DAY)).unwrap();
    memory.drop_before(DAY);
    let query = AllocationQuery { steps: vec![ALL], ..AllocationQuery::default() };
    assert_eq!(query.answer(&ledger), query.answer(&memory));
    let days = scratch.files().iter().filter(|path| path.to_string_lossy().contains("1970-01-01")).count();
    assert_eq!(days, 0);
}
