//! From a byte offset in a text to its line and column.

use std::cell::OnceCell;

/// A place in a file: line and column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Columns beyond this many bytes are counted in bytes: nobody reads them, and counting letters in a file of one
/// line would cost its whole length for every problem.
const LETTERS_COUNTED: usize = 4096;

/// The lines of a text, found when first needed.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: OnceCell<Vec<usize>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, starts: OnceCell::new() }
    }

    /// Where a byte of the text is.
    pub(super) fn place(&self, offset: usize) -> Place {
        let starts = self.starts.get_or_init(|| {
            std::iter::once(0).chain(self.text.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
        });
        let line = starts.partition_point(|start| *start <= offset);
        let start = starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let bytes = offset.saturating_sub(start);
        let letters = match self.text.get(start..offset) {
            Some(before) if bytes <= LETTERS_COUNTED => before.chars().count(),
            _ => bytes,
        };
        Place { line: line.max(1), column: letters + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::the_first_byte(0, 1, 1)]
    #[case::the_newline_itself(2, 1, 3)]
    #[case::the_next_line(3, 2, 1)]
    #[case::after_a_letter_of_two_bytes(5, 2, 2)]
    #[case::the_end(7, 3, 1)]
    #[case::beyond_the_end(99, 3, 93)]
    fn an_offset_has_a_line_and_a_column(#[case] offset: usize, #[case] line: usize, #[case] column: usize) {
        assert_eq!(Lines::new("ab\nöc\n").place(offset), Place { line, column });
    }
}
