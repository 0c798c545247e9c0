//! Snapshots: everything that is alive, in one file, written beside the log while the server goes on.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::log::{Record, RecordKind};
use super::stored::Stored;

/// What goes into a snapshot.
pub(super) struct Contents {
    pub revision: u64,
    pub live: Vec<(Arc<str>, Arc<Stored>)>,
    pub unclaimed: Vec<(String, String, u64, Vec<u8>)>,
}

/// Writes a snapshot under another name, and gives it its own once it is safely on the disk.
pub(super) fn write(path: &Path, contents: &Contents) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    let mut buffer = Vec::new();
    for (table, object) in &contents.live {
        let (revision, key) = (object.revision, &*object.key);
        buffer.clear();
        let record = Record { kind: RecordKind::Put, revision, table, key, json: b"" };
        record.write_with(&mut buffer, |out| object.put_json(out));
        out.write_all(&buffer)?;
    }
    let mut put = |record: &Record<'_>| {
        buffer.clear();
        record.write(&mut buffer);
        out.write_all(&buffer)
    };
    for (table, key, revision, json) in &contents.unclaimed {
        put(&Record { kind: RecordKind::Put, revision: *revision, table, key, json })?;
    }
    put(&Record { kind: RecordKind::End, revision: contents.revision, table: "", key: "", json: b"" })?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, path)
}
