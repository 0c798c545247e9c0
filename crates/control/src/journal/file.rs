//! The journal on disk: JSON lines, appended.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::log::{CAPACITY, Journal};

/// When a file has grown to this it becomes `FILE.1`, and the one before is forgotten.
const FULL: u64 = 256 << 20;

/// A file that a journal is written to. A line that was cut off in the middle, by a crash, is taken off when the file is
/// opened again.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
    length: u64,
    written: u64,
    full: u64,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// It cannot be opened, read or cut.
    #[error("{}: the journal cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nothing can be added to it.
    #[error("{}: the journal cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl JournalFile {
    /// Opens a file, or makes one, and takes what is in it into a journal. Lines that are no entries are left out.
    ///
    /// # Errors
    ///
    /// [`JournalFileError::Open`] if the file cannot be read or made.
    pub fn open(path: &Path, journal: &Journal) -> Result<Self, JournalFileError> {
        let failed = |source| JournalFileError::Open { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let (entries, whole) = read(&mut file).map_err(failed)?;
        file.set_len(whole).map_err(failed)?;
        journal.restore(entries);
        let written = journal.last();
        Ok(Self { path: path.to_owned(), file, length: whole, written, full: FULL })
    }

    /// Adds what was recorded since the last time.
    ///
    /// # Errors
    ///
    /// [`JournalFileError::Write`]; what could not be added is tried again the next time.
    pub fn write_new(&mut self, journal: &Journal) -> Result<(), JournalFileError> {
        let entries = journal.after(self.written);
        let Some(last) = entries.last() else { return Ok(()) };
        let mut lines = Vec::new();
        for entry in &entries {
            // entries have string keys and no failing serializers
            if serde_json::to_writer(&mut lines, &**entry).is_ok() {
                lines.push(b'\n');
            }
        }
        let failed = |source| JournalFileError::Write { path: self.path.clone(), source };
        if let Err(source) = self.file.write_all(&lines) {
            // what was written of it would stand in the way of the next line
            let _ = self.file.set_len(self.length);
            return Err(failed(source));
        }
        self.length += lines.len() as u64;
        self.written = last.sequence;
        if self.length >= self.full {
            self.turn_over().map_err(|source| JournalFileError::Write { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    fn turn_over(&mut self) -> std::io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        fs::rename(&self.path, before)?;
        self.file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

/// The last entries of a file that another process may be writing to. Lines that are no entries are left out.
///
/// # Errors
///
/// [`JournalFileError::Open`] if the file cannot be read.
pub fn read_entries(path: &Path) -> Result<Vec<Entry>, JournalFileError> {
    let failed = |source| JournalFileError::Open { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (entries, _) = read(&mut file).map_err(failed)?;
    Ok(entries)
}

/// The last entries of a file, and how long it is without a line that was cut off.
fn read(file: &mut File) -> std::io::Result<(Vec<Entry>, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut entries = std::collections::VecDeque::new();
    let mut whole = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok((entries.into(), whole));
        }
        whole += length as u64;
        if let Ok(entry) = serde_json::from_slice(&line) {
            if entries.len() == CAPACITY {
                entries.pop_front();
            }
            entries.push_back(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use supercargo_catalog::Usd;
    use supercargo_reconcile::{Key, Kind};

    use super::super::entry::{Alternative, EntryKind, Subject};
    use super::super::query::JournalQuery;
    use super::*;

    /// A file that goes with the test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("supercargo-journal-{}-{name}", std::process::id()));
            let _ = fs::remove_file(&path);
            Self(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
            let _ = fs::remove_file(format!("{}.1", self.0.display()));
        }
    }

    fn entry(name: &str) -> Entry {
        let time = Timestamp::from_second(1_800_000_000).unwrap();
        let subject = Subject::new(Kind::NodeClaim, &Key::cluster(name));
        Entry::new(time, EntryKind::Disruption, subject, "replaced by one m7i.large")
            .given("pods", 7)
            .among([Alternative::new("m7i.xlarge").at(Usd::from_f64(0.2016)).but("dearer")])
            .because("its pods fit into less")
            .priced(Usd::from_f64(0.4032), Usd::from_f64(0.1008))
    }

    #[test]
    fn an_entry_is_a_line_of_json() {
        insta::assert_snapshot!(serde_json::to_string(&entry("a")).unwrap());
    }

    #[test]
    fn what_was_written_is_there_after_a_restart_even_if_the_last_line_is_torn() {
        let place = Place::new("torn");
        let journal = Journal::default();
        let mut file = JournalFile::open(&place.0, &journal).unwrap();
        journal.record(entry("a"));
        journal.record(entry("b"));
        file.write_new(&journal).unwrap();
        file.write_new(&journal).unwrap();
        drop(file);
        let mut torn = fs::read(&place.0).unwrap();
        let whole = torn.len();
        torn.extend_from_slice(b"not an entry\n{\"sequence\":3,\"time\":\"2027-");
        fs::write(&place.0, torn).unwrap();

        let later = Journal::default();
        let mut file = JournalFile::open(&place.0, &later).unwrap();
        assert_eq!(later.query(&JournalQuery::default()).len(), 2);
        assert_eq!(fs::metadata(&place.0).unwrap().len(), whole as u64 + 13);
        assert_eq!(later.record(entry("c")), 3);
        file.write_new(&later).unwrap();
        drop(file);

        let last = Journal::default();
        JournalFile::open(&place.0, &last).unwrap();
        let names: Vec<_> =
            last.query(&JournalQuery::default()).iter().map(|entry| entry.subject.name.clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn a_full_file_makes_room_for_a_new_one() {
        let place = Place::new("full");
        let journal = Journal::default();
        let mut file = JournalFile::open(&place.0, &journal).unwrap();
        file.full = 100;
        journal.record(entry("a"));
        file.write_new(&journal).unwrap();
        journal.record(entry("b"));
        file.full = FULL;
        file.write_new(&journal).unwrap();
        assert!(fs::read_to_string(&place.0).unwrap().contains("\"name\":\"b\""));
        assert!(fs::read_to_string(format!("{}.1", place.0.display())).unwrap().contains("\"name\":\"a\""));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_content_of_a_file_stops_a_journal(content in prop::collection::vec(any::<u8>(), 0..400)) {
            let place = Place::new("nonsense");
            fs::write(&place.0, content).unwrap();
            let journal = Journal::default();
            let mut file = JournalFile::open(&place.0, &journal).unwrap();
            journal.record(entry("a"));
            file.write_new(&journal).unwrap();
            let later = Journal::default();
            JournalFile::open(&place.0, &later).unwrap();
            prop_assert_eq!(later.query(&JournalQuery::about("a")).len(), 1);
        }
    }
}
