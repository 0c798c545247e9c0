//! Bytes in and out: variable-length numbers, texts and bitsets.

use fixedbitset::FixedBitSet;

use super::decode::DecodeError;

/// Collects bytes.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Seven bits a byte, the lowest first, the top bit says that more follow.
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// The first `length` bits, eight a byte; the length itself is not written.
    pub(super) fn bits(&mut self, length: usize, is_set: impl Fn(usize) -> bool) {
        for start in (0..length).step_by(8) {
            let byte = (start..length.min(start + 8))
                .filter(|position| is_set(*position))
                .fold(0u8, |byte, position| byte | 1 << (position - start));
            self.bytes.push(byte);
        }
    }
}

/// Takes bytes apart again, refusing what is cut short or out of range.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(DecodeError::CutShort)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(DecodeError::OutOfRange { what: "number" });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::OutOfRange { what: "number" })
    }

    pub(super) fn small(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        u32::try_from(self.number()?).map_err(|_| DecodeError::OutOfRange { what })
    }

    /// A count of things that take at least one byte (or one bit) each, so that a damaged count cannot ask for
    /// more memory than the file could fill.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        let count = self.number()?;
        let most = self.rest.len() as u64 * 8;
        if count > most { Err(DecodeError::OutOfRange { what }) } else { Ok(count as usize) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.count("text length")?;
        std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::NotText)
    }

    pub(super) fn bits(&mut self, length: usize) -> Result<FixedBitSet, DecodeError> {
        let bytes = self.take(length.div_ceil(8))?;
        let mut bits = FixedBitSet::with_capacity(length);
        for (index, byte) in bytes.iter().enumerate() {
            let mut left = *byte;
            while left != 0 {
                let position = index * 8 + left.trailing_zeros() as usize;
                if position >= length {
                    return Err(DecodeError::OutOfRange { what: "bit" });
                }
                bits.insert(position);
                left &= left - 1;
            }
        }
        Ok(bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_texts_and_bits_round_trip(
            numbers in prop::collection::vec(any::<u64>(), 0..40),
            text in ".{0,40}",
            flags in prop::collection::vec(any::<bool>(), 0..70),
        ) {
            let mut writer = Writer::default();
            for number in &numbers {
                writer.number(*number);
            }
            writer.text(&text);
            writer.bits(flags.len(), |position| flags[position]);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            for number in &numbers {
                prop_assert_eq!(reader.number().unwrap(), *number);
            }
            prop_assert_eq!(reader.text().unwrap(), text);
            let bits = reader.bits(flags.len()).unwrap();
            prop_assert!(flags.iter().enumerate().all(|(position, flag)| bits.contains(position) == *flag));
            prop_assert!(reader.is_at_end());
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut reader = Reader::new(&[0xff; 11]);
        assert!(matches!(reader.number(), Err(DecodeError::OutOfRange { .. })));
    }

    #[test]
    fn a_count_larger_than_the_rest_of_the_file_is_refused() {
        let mut reader = Reader::new(&[0xff, 0xff, 0x03, 0x00]);
        assert!(matches!(reader.count("types"), Err(DecodeError::OutOfRange { what: "types" })));
    }
}
