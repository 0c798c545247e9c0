//! Columns: one field of all instance types, written and read in the same order on both sides.

use super::decode::DecodeError;
use super::varint::{Reader, Writer};

impl Writer {
    /// One number per row.
    pub(super) fn numbers(&mut self, column: impl Iterator<Item = u64>) {
        column.for_each(|value| self.number(value));
    }

    /// One optional number per row: zero is absent, everything else one more than the value.
    pub(super) fn optional_numbers(&mut self, column: impl Iterator<Item = Option<u64>>) {
        column.for_each(|value| self.number(value.map_or(0, |number| number + 1)));
    }

    /// One value per row out of few: a dictionary in order of first use, then one reference per row.
    pub(super) fn dictionary<T: PartialEq>(&mut self, column: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        let mut distinct: Vec<&T> = Vec::new();
        let mut references = Vec::with_capacity(column.len());
        for value in column {
            let known = distinct.iter().position(|other| *other == value);
            references.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(value);
            }
        }
        self.number(distinct.len() as u64);
        for value in distinct {
            write(self, value);
        }
        self.numbers(references.into_iter().map(|reference| reference as u64));
    }

    /// Sorted texts: how much of the one before is kept, then the rest.
    pub(super) fn sorted_texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        let mut previous = "";
        for text in texts {
            let kept = previous.bytes().zip(text.bytes()).take_while(|(left, right)| left == right).count();
            // names are ASCII, which the encoder has checked, so every byte is a boundary
            self.number(kept as u64);
            self.text(text.get(kept..).unwrap_or_default());
            previous = text;
        }
    }
}

impl Reader<'_> {
    pub(super) fn numbers(&mut self, rows: usize) -> Result<Vec<u64>, DecodeError> {
        (0..rows).map(|_| self.number()).collect()
    }

    pub(super) fn small_numbers(&mut self, rows: usize, what: &'static str) -> Result<Vec<u32>, DecodeError> {
        (0..rows).map(|_| self.small(what)).collect()
    }

    pub(super) fn optional_numbers(&mut self, rows: usize) -> Result<Vec<Option<u64>>, DecodeError> {
        (0..rows).map(|_| Ok(self.number()?.checked_sub(1))).collect()
    }

    pub(super) fn dictionary<T: Clone>(
        &mut self,
        rows: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let distinct = self.count("dictionary")?;
        let mut values = Vec::new();
        for _ in 0..distinct {
            values.push(read(self)?);
        }
        (0..rows)
            .map(|_| {
                let reference = self.number()? as usize;
                values.get(reference).cloned().ok_or(DecodeError::OutOfRange { what: "dictionary reference" })
            })
            .collect()
    }

    pub(super) fn sorted_texts(&mut self, rows: usize) -> Result<Vec<String>, DecodeError> {
        let mut texts: Vec<String> = Vec::new();
        for _ in 0..rows {
            let kept = self.number()? as usize;
            let previous = texts.last().map_or("", String::as_str);
            let prefix = previous.get(..kept).ok_or(DecodeError::OutOfRange { what: "common prefix" })?;
            let mut text = prefix.to_owned();
            text.push_str(self.text()?);
            if !texts.is_empty() && text.as_str() <= previous {
                return Err(DecodeError::NotSorted { text });
            }
            texts.push(text);
        }
        Ok(texts)
    }
}
