//! Sets of completion indexes as text: `1-3,7`.

use std::collections::BTreeSet;

/// Reads a set of indexes; what cannot be read is left out, and what is `limit` or above.
pub(super) fn read(text: &str, limit: i32) -> BTreeSet<i32> {
    let mut indexes = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<i32>(), last.trim().parse::<i32>()) {
            indexes.extend(first.max(0)..=last.min(limit.saturating_sub(1)));
        }
    }
    indexes
}

/// Writes a set of indexes, runs of three and more as ranges and of two as a pair.
pub(super) fn write(indexes: &BTreeSet<i32>) -> String {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let text = |(first, last): &(i32, i32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], "")]
    #[case(&[3], "3")]
    #[case(&[1, 2], "1,2")]
    #[case(&[0, 1, 2, 5, 7, 8], "0-2,5,7,8")]
    fn ranges(#[case] indexes: &[i32], #[case] text: &str) {
        let indexes: BTreeSet<i32> = indexes.iter().copied().collect();
        assert_eq!(write(&indexes), text);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(indexes in prop::collection::btree_set(0_i32..100, 0..40)) {
            prop_assert_eq!(read(&write(&indexes), 100), indexes);
        }

        #[test]
        fn any_text_is_read(text in "[0-9,-]{0,20}") {
            prop_assert!(read(&text, 50).len() <= 50);
        }
    }
}
