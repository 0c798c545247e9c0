//! The embedded file: a [`Market`](crate::market::Market) in a few ten thousand bytes.
//!
//! ```text
//! "SCAT" version | zlib( header, types by column, prices, spot, regions with one bitset per zone )
//! ```
//!
//! Columns hold one field of all types, so that equal neighbours compress well; numbers are variable-length
//! (seven bits a byte), texts that repeat are references into a dictionary, flags and zone offerings are
//! bitsets. The same market always gives the same bytes. Decoding never panics, whatever the bytes.

mod columns;
mod decode;
mod encode;
mod varint;

pub use decode::{DecodeError, decode};
pub use encode::encode;

const MAGIC: &[u8; 4] = b"SCAT";
const VERSION: u8 = 1;
