//! The key somebody most likely meant by one that nothing defines.

use super::keys::{EC2_NODE_CLASS, HOSTNAME};
use super::rules::{WELL_KNOWN_LABELS, normalize_label};
use super::syntax::MAX_KEY_LENGTH;

/// The well-known label a key was most likely meant to be; nothing if none is close, or if the key is right.
pub fn closest_well_known(key: &str) -> Option<&'static str> {
    if let Some(meant) = WELL_KNOWN_LABELS.iter().find(|known| **known == normalize_label(key)) {
        return (*meant != key).then_some(*meant);
    }
    if matches!(key, HOSTNAME | EC2_NODE_CLASS) {
        return None;
    }
    closest(key, WELL_KNOWN_LABELS.iter().copied())
}

/// The candidate a key was most likely meant to be: the same name in another domain, or a few letters off. Of equally
/// close candidates the first in order.
pub fn closest<'a>(key: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if key.is_empty() || key.len() > MAX_KEY_LENGTH {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| *candidate != key)
        .filter_map(|candidate| Some((distance(key, candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How far a key is from a candidate; nothing if it is too far to have been meant.
fn distance(key: &str, candidate: &str) -> Option<usize> {
    let ((key_domain, key_name), (domain, name)) = (parts(key), parts(candidate));
    if key_name == name {
        // The right name in a wrong domain, or without one: better than any misspelling.
        return Some(0);
    }
    // What they have in common anyway must not make a short name look close.
    let (left, right) =
        if key_domain == domain || key_domain.is_empty() { (key_name, name) } else { (key, candidate) };
    let allowed = match right.len() {
        ..4 => return None,
        length => (length / 6).clamp(1, 4),
    };
    let edits = edit_distance(left.as_bytes(), right.as_bytes());
    (edits <= allowed).then_some(edits)
}

/// The domain, empty if there is none, and the name.
fn parts(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// The Levenshtein distance of two keys.
fn edit_distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.iter().enumerate() {
        let mut diagonal = position;
        row[0] = position + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::keys;
    use super::*;

    #[rstest]
    #[case::two_letters_swapped("karpenter.sh/capacity-tpye", Some(keys::CAPACITY_TYPE))]
    #[case::a_letter_wrong("karpenter.sh/nodepoll", Some(keys::NODEPOOL))]
    #[case::a_letter_missing("karpenter.k8s.aws/instance-categry", Some(keys::INSTANCE_CATEGORY))]
    #[case::the_domain_missing("capacity-type", Some(keys::CAPACITY_TYPE))]
    #[case::the_wrong_domain("karpenter.sh/instance-family", Some(keys::INSTANCE_FAMILY))]
    #[case::an_alias("beta.kubernetes.io/arch", Some(keys::ARCH))]
    #[case::the_domain_misspelt("topology.kuberentes.io/zone", Some(keys::ZONE))]
    #[case::a_right_key(keys::ZONE, None)]
    #[case::a_label_of_ones_own("example.com/team", None)]
    #[case::nothing("", None)]
    #[case::a_short_word("a", None)]
    fn a_mistyped_key_gets_a_hint(#[case] key: &str, #[case] expected: Option<&str>) {
        assert_eq!(closest_well_known(key), expected);
    }

    #[rstest]
    #[case("", "", 0)]
    #[case("", "abc", 3)]
    #[case("kitten", "sitting", 3)]
    #[case("zone", "zones", 1)]
    fn edit_distance_counts_edits(#[case] left: &str, #[case] right: &str, #[case] expected: usize) {
        assert_eq!(edit_distance(left.as_bytes(), right.as_bytes()), expected);
        assert_eq!(edit_distance(right.as_bytes(), left.as_bytes()), expected);
    }

    #[test]
    fn a_key_of_ten_megabytes_gets_no_hint_and_costs_nothing() {
        assert_eq!(closest_well_known(&"zone".repeat(2_500_000)), None);
    }
}
