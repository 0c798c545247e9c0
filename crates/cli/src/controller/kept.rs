//! The journal, kept in a file while controllers run.

use std::path::Path;
use std::time::Duration;

use supercargo_control::Knowledge;
use supercargo_control::journal::JournalFile;

use crate::exit::Failure;

/// How often the journal is written to its file.
const PERIOD: Duration = Duration::from_secs(1);

/// Opens a journal file, and takes in what is in it.
pub(crate) fn open_journal(path: &Path, knowledge: &Knowledge) -> Result<JournalFile, Failure> {
    JournalFile::open(path, &knowledge.journal).map_err(|error| Failure::new(error.to_string()))
}

/// Writes the journal to its file, if there is one, for ever; and once more when it is dropped.
pub(crate) async fn keep_journal(journal: Option<JournalFile>, knowledge: &Knowledge) {
    let Some(journal) = journal else { return std::future::pending().await };
    let mut kept = Kept { journal, knowledge, failing: false };
    loop {
        tokio::time::sleep(PERIOD).await;
        kept.write();
    }
}

/// A journal file that has everything when it is dropped.
struct Kept<'a> {
    journal: JournalFile,
    knowledge: &'a Knowledge,
    failing: bool,
}

impl Kept<'_> {
    fn write(&mut self) {
        let result = self.journal.write_new(&self.knowledge.journal);
        if let Err(error) = &result
            && !self.failing
        {
            tracing::error!(%error, "decisions are not written down");
        }
        self.failing = result.is_err();
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.write();
    }
}
