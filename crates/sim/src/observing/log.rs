//! What happened, a line each.

use std::fmt;

use jiff::Timestamp;

/// A log of lines. It always knows its checksum, and keeps the lines if it is told to.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Option<Vec<String>>,
    count: u64,
    checksum: u64,
}

/// The first value of FNV-1a with 64 bits.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
/// The factor of FNV-1a with 64 bits.
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Log {
    /// An empty log.
    pub fn new(keep: bool) -> Self {
        Self { lines: keep.then(Vec::new), count: 0, checksum: BASIS }
    }

    /// Adds a line.
    pub fn add(&mut self, at: Timestamp, what: impl fmt::Display) {
        let line = format!("{at} {what}");
        for byte in line.bytes().chain([b'\n']) {
            self.checksum = (self.checksum ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        self.count += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// How many lines there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A checksum of all lines.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }
}
