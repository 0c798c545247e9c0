//! The journal as a document.

use serde::{Deserialize, Serialize};

use crate::journal::{Entry, Journal, JournalQuery};

/// Entries that are sent unless others are asked for.
const USUAL: usize = 1_000;

/// Entries of a journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalDocument {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The number of the last entry of the journal, wanted or not: what `after` takes to go on from here.
    pub last: u64,
}

impl JournalDocument {
    /// The entries of a journal that are wanted, the latest thousand unless the query has another limit.
    pub fn of(journal: &Journal, query: &JournalQuery) -> Self {
        let last = journal.last();
        let limit = Some(query.limit.unwrap_or(USUAL));
        let found = journal.query(&JournalQuery { limit, ..query.clone() });
        Self { entries: found.iter().map(|entry| Entry::clone(entry)).collect(), last }
    }
}
