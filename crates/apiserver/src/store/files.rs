//! The data directory.
//!
//! ```text
//! lock             held while a server uses the directory
//! snapshot-000007  everything that was alive when log-000007 was begun
//! log-000007       what happened since; log-000008 and so on if a snapshot was being written when the server ended
//! ```
//!
//! Every write is handed to the system before it is answered, so it survives the end of the process, however it ends. It
//! reaches the disk when the system puts it there, as with any log that is not flushed at every write.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::error::StoreError;
use super::log::{Record, RecordKind, read};
use super::snapshot::{self, Contents};
use super::stored::Stored;

/// A log is worth a snapshot when it is this long, and twice as long as what is alive.
const LOG_WORTH_A_SNAPSHOT: u64 = 32 << 20;

/// What the directory had.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub revision: u64,
    /// By table and key: revision and bytes.
    pub objects: BTreeMap<String, BTreeMap<String, (u64, Vec<u8>)>>,
}

/// The open files.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    number: u64,
    log: File,
    log_bytes: u64,
    live_bytes: u64,
    buffer: Vec<u8>,
    snapshot: Option<JoinHandle<()>>,
    _lock: File,
}

impl Files {
    /// Takes the directory, made if it is not there, and reads it.
    pub fn open(directory: &Path) -> Result<(Self, Found), StoreError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| StoreError::Io { path, error }
        };
        std::fs::create_dir_all(directory).map_err(at(directory))?;
        let lock_path = directory.join("lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: lock_path }),
            Err(TryLockError::Error(error)) => return Err(StoreError::Io { path: lock_path, error }),
        }
        let numbers = |prefix: &str| -> Result<Vec<u64>, StoreError> {
            let mut numbers = Vec::new();
            for entry in std::fs::read_dir(directory).map_err(at(directory))? {
                let name = entry.map_err(at(directory))?.file_name();
                let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
                numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
            }
            numbers.sort_unstable();
            Ok(numbers)
        };
        let mut found = Found::default();
        let start = numbers("snapshot-")?.last().copied().unwrap_or(0);
        if start > 0 {
            let path = file(directory, "snapshot", start);
            let bytes = std::fs::read(&path).map_err(at(&path))?;
            let (used, is_complete) = replay(&bytes, &mut found);
            if !is_complete {
                return Err(StoreError::Damaged { path, offset: used as u64 });
            }
        }
        let logs: Vec<u64> = numbers("log-")?.into_iter().filter(|number| *number >= start).collect();
        let mut number = start;
        let mut log_bytes = 0;
        for (position, log) in logs.iter().enumerate() {
            let path = file(directory, "log", *log);
            let bytes = std::fs::read(&path).map_err(at(&path))?;
            let (used, _) = replay(&bytes, &mut found);
            if used < bytes.len() {
                if position + 1 < logs.len() {
                    return Err(StoreError::Damaged { path, offset: used as u64 });
                }
                // The tail was torn: cut it off, so that what is appended can be read.
                let torn = OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
                torn.set_len(used as u64).map_err(at(&path))?;
            }
            log_bytes += used as u64;
            number = *log;
        }
        let path = file(directory, "log", number);
        let log = OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        let live_bytes =
            found.objects.values().flat_map(BTreeMap::values).map(|(_, json)| json.len() as u64).sum();
        let files = Self {
            directory: directory.to_owned(),
            number,
            log,
            log_bytes,
            live_bytes,
            buffer: Vec::new(),
            snapshot: None,
            _lock: lock,
        };
        Ok((files, found))
    }

    /// Writes what happened to an object.
    pub fn append(&mut self, table: &str, is_removal: bool, object: &Stored) {
        self.buffer.clear();
        let record = Record {
            kind: if is_removal { RecordKind::Remove } else { RecordKind::Put },
            revision: object.revision,
            table,
            key: &object.key,
            json: b"",
        };
        record.write_with(&mut self.buffer, |out| {
            if !is_removal {
                object.put_json(out);
            }
        });
        if let Err(error) = self.log.write_all(&self.buffer) {
            tracing::error!(%error, directory = %self.directory.display(), "could not write to the log");
        }
        self.log_bytes += self.buffer.len() as u64;
    }

    /// Whether the log has become long enough to be replaced.
    pub fn wants_snapshot(&mut self) -> bool {
        if self.snapshot.as_ref().is_some_and(|writer| !writer.is_finished()) {
            return false;
        }
        self.log_bytes > LOG_WORTH_A_SNAPSHOT && self.log_bytes > 2 * self.live_bytes
    }

    /// Begins a new log, and writes what is alive in the background. Until that is done, the older files count.
    pub fn start_snapshot<'a>(
        &mut self,
        revision: u64,
        live: Vec<(Arc<str>, Arc<Stored>)>,
        unclaimed: impl Iterator<Item = (&'a String, &'a String, u64, &'a Vec<u8>)>,
    ) {
        let number = self.number + 1;
        let path = file(&self.directory, "log", number);
        match OpenOptions::new().create(true).append(true).open(&path) {
            Ok(log) => self.log = log,
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "could not begin a log");
                return;
            }
        }
        self.number = number;
        self.log_bytes = 0;
        self.live_bytes = live.iter().map(|(_, object)| object.json_len() as u64).sum();
        let unclaimed =
            unclaimed.map(|(table, key, at, json)| (table.clone(), key.clone(), at, json.clone())).collect();
        let contents = Contents { revision, live, unclaimed };
        let directory = self.directory.clone();
        self.snapshot = Some(std::thread::spawn(move || {
            let path = file(&directory, "snapshot", number);
            match snapshot::write(&path, &contents) {
                Ok(()) => remove_before(&directory, number),
                Err(error) => tracing::error!(%error, path = %path.display(), "could not write a snapshot"),
            }
        }));
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(writer) = self.snapshot.take() {
            // A writer that panicked has left the older files as they were, and those count.
            let _ = writer.join();
        }
    }
}

fn file(directory: &Path, what: &str, number: u64) -> PathBuf {
    directory.join(format!("{what}-{number:06}"))
}

fn remove_before(directory: &Path, number: u64) {
    for older in (0..number).rev() {
        let log = std::fs::remove_file(file(directory, "log", older));
        let snapshot = std::fs::remove_file(file(directory, "snapshot", older));
        if log.is_err() && snapshot.is_err() {
            break;
        }
    }
}

/// Applies the records of a file. Says how many bytes were good, and whether there was an end record.
fn replay(bytes: &[u8], found: &mut Found) -> (usize, bool) {
    let mut used = 0;
    let mut is_complete = false;
    while let Some((record, length)) = read(&bytes[used..]) {
        found.revision = found.revision.max(record.revision);
        match record.kind {
            RecordKind::Put => {
                let object = (record.revision, record.json.to_vec());
                found
                    .objects
                    .entry(record.table.to_owned())
                    .or_default()
                    .insert(record.key.to_owned(), object);
            }
            RecordKind::Remove => {
                if let Some(objects) = found.objects.get_mut(record.table) {
                    objects.remove(record.key);
                }
            }
            RecordKind::End => is_complete = true,
        }
        used += length;
    }
    (used, is_complete)
}
