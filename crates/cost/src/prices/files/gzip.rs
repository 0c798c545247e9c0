//! Packed files.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::prices::files::problem::FileProblems;

/// The largest unpacked file that is read.
const LARGEST: usize = 1 << 30;

/// A file's text, unpacked if it is packed.
pub(super) fn text(name: &str, bytes: &[u8]) -> Result<String, FileProblems> {
    let wrong = |problem: &str, expected: &str| {
        let mut problems = FileProblems::of(name);
        problems.note(1, "", problem, expected);
        problems
    };
    let unpacked;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let start = data_of(bytes).ok_or_else(|| wrong("its gzip header is not whole", "a whole file"))?;
        unpacked = decompress_to_vec_with_limit(start, LARGEST).map_err(|error| {
            wrong(&format!("cannot be unpacked: {error}"), "a whole gzip file of less than 1 GiB")
        })?;
        unpacked.as_slice()
    } else {
        bytes
    };
    String::from_utf8(bytes.to_vec()).map_err(|error| {
        let line =
            bytes.iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        let mut problems = FileProblems::of(name);
        problems.note(line, "", "is not UTF-8", "a text file");
        problems
    })
}

/// What follows the header (RFC 1952, section 2.3).
fn data_of(bytes: &[u8]) -> Option<&[u8]> {
    let flags = *bytes.get(3)?;
    let mut rest = bytes.get(10..)?;
    if flags & 4 != 0 {
        let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + length..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
