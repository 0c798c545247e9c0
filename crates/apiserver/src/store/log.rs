//! The records of log and snapshot files.
//!
//! ```text
//! record  ::= length u32 | crc32(payload) u32 | payload
//! payload ::= kind u8 | revision u64 | table length u16 | table | key length u16 | key | object in JSON
//! ```
//!
//! Numbers are little-endian. A file that ends in the middle of a record, or in one that does not match its checksum, was
//! torn by a crash: what came before it counts.

use super::checksum::crc32;

/// The longest payload that is believed; anything else is damage.
const LONGEST: usize = 64 << 20;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// The object was written.
    Put,
    /// The object was removed.
    Remove,
    /// The end of a snapshot; its revision is that of the store.
    End,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub kind: RecordKind,
    pub revision: u64,
    pub table: &'a str,
    pub key: &'a str,
    pub json: &'a [u8],
}

impl Record<'_> {
    /// Appends the record to a buffer.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_with(out, |out| out.extend_from_slice(self.json));
    }

    /// Appends the record to a buffer, with what `put` writes for its JSON.
    pub fn write_with(&self, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        out.push(match self.kind {
            RecordKind::Put => 0,
            RecordKind::Remove => 1,
            RecordKind::End => 2,
        });
        out.extend_from_slice(&self.revision.to_le_bytes());
        for text in [self.table, self.key] {
            // Names are at most 253 characters each, and are checked before they come here.
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        put(out);
        let payload = start + 8;
        let length = (out.len() - payload) as u32;
        let sum = crc32(&out[payload..]);
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        out[start + 4..payload].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Reads the record at the beginning of the bytes, and says how many bytes it took. Nothing if it is torn.
pub(super) fn read(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > LONGEST {
        return None;
    }
    let payload = rest.get(..length)?;
    if crc32(payload) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (kind, rest) = payload.split_first()?;
    let kind = match kind {
        0 => RecordKind::Put,
        1 => RecordKind::Remove,
        2 => RecordKind::End,
        _ => return None,
    };
    let (revision, rest) = rest.split_first_chunk::<8>()?;
    let (table, rest) = text(rest)?;
    let (key, json) = text(rest)?;
    Some((Record { kind, revision: u64::from_le_bytes(*revision), table, key, json }, 8 + length))
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(u16::from_le_bytes(*length) as usize)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_is_torn_is_not(
            revision: u64, table in "[a-z.]{0,20}", key in "[a-z/-]{0,40}", json: Vec<u8>, cut in 1usize..30,
        ) {
            let record = Record { kind: RecordKind::Put, revision, table: &table, key: &key, json: &json };
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            prop_assert_eq!(read(&bytes), Some((record, bytes.len())));
            prop_assert_eq!(read(&bytes[..bytes.len() - cut.min(bytes.len())]), None);
        }

        #[test]
        fn nonsense_is_no_record(bytes: Vec<u8>) {
            // A checksum of 32 bits may agree by chance, so only the absence of a panic is certain.
            let _ = read(&bytes);
        }
    }
}
