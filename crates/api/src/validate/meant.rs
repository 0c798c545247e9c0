//! The word that a mistyped one was most likely meant to be.

/// Longer words are not looked at: no field or value of ours is that long.
const LONGEST: usize = 64;

/// The candidate that is the word in other letters of case, or a few mistypings away; the first of the closest.
pub(crate) fn meant<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    if let Some(same) = candidates.clone().find(|candidate| candidate.eq_ignore_ascii_case(word)) {
        return Some(same);
    }
    let word: Vec<char> = word.chars().collect();
    let most = (word.len() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (mistypings(&word, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters are missing, added, replaced or swapped with their neighbour.
fn mistypings(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.iter().enumerate() {
        let mut next = vec![line + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = row[column] + usize::from(letter != other);
            let mut least = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            let swapped = line > 0 && column > 0 && *letter == right[column - 1] && left[line - 1] == *other;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::letters_swapped("lables", Some("labels"))]
    #[case::other_case("nodeclassref", Some("nodeClassRef"))]
    #[case::a_letter_missing("requirments", Some("requirements"))]
    #[case::a_short_word("lt", Some("Lt"))]
    #[case::nothing_close("colour", None)]
    #[case::nothing("", None)]
    fn a_mistyped_word_is_recognised(#[case] word: &str, #[case] expected: Option<&str>) {
        assert_eq!(meant(word, ["labels", "nodeClassRef", "requirements", "Lt"].into_iter()), expected);
    }

    #[test]
    fn a_word_of_ten_megabytes_costs_nothing() {
        assert_eq!(meant(&"x".repeat(10_000_000), ["labels"].into_iter()), None);
    }
}
