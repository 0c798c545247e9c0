//! The arithmetic of a Deployment's rollout: how many replicas each of its ReplicaSets gets next.

/// A ReplicaSet as the arithmetic sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetSize {
    /// Replicas it is asked for.
    pub(super) wanted: i64,
    /// Replicas that are available.
    pub(super) available: i64,
}

/// The limits of a rolling update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Replicas of the Deployment.
    pub(super) replicas: i64,
    /// Pods above that.
    pub(super) surge: i64,
    /// Pods below that.
    pub(super) unavailable: i64,
}

/// What the newest ReplicaSet is scaled up to, beside `all` replicas that are asked for now.
pub(super) fn grown(newest: SetSize, all: i64, limits: Limits) -> i64 {
    if newest.wanted >= limits.replicas {
        return limits.replicas;
    }
    let room = limits.replicas + limits.surge - all;
    if room <= 0 {
        return newest.wanted;
    }
    newest.wanted + room.min(limits.replicas - newest.wanted)
}

/// What the old ReplicaSets, oldest first, are scaled down to: unhealthy replicas first, then as many as may be missing.
pub(super) fn shrunk(old: &[SetSize], newest: SetSize, limits: Limits) -> Vec<i64> {
    let mut sizes: Vec<i64> = old.iter().map(|set| set.wanted).collect();
    let all: i64 = sizes.iter().sum::<i64>() + newest.wanted;
    let least = limits.replicas - limits.unavailable;
    let newest_unavailable = newest.wanted - newest.available;
    let mut spare = all - least - newest_unavailable;
    if spare <= 0 {
        return sizes;
    }
    // replicas that do not work cost nothing
    for (size, set) in sizes.iter_mut().zip(old) {
        let broken = (*size - set.available).max(0).min(spare);
        *size -= broken;
        spare -= broken;
    }
    let available: i64 = old.iter().zip(&sizes).map(|(set, size)| set.available.min(*size)).sum::<i64>();
    let mut may_go = available + newest.available - least;
    for size in &mut sizes {
        let gone = (*size).min(may_go.max(0));
        *size -= gone;
        may_go -= gone;
    }
    sizes
}

/// How a change of the Deployment's size is shared by its active ReplicaSets, largest first: in proportion, rounded, and
/// what is left over to the first.
pub(super) fn shared(sizes: &[i64], allowed: i64) -> Vec<i64> {
    let all: i64 = sizes.iter().sum();
    let mut change = allowed - all;
    let mut shared = sizes.to_vec();
    if change == 0 || all == 0 {
        return shared;
    }
    let whole = change;
    for size in &mut shared {
        let share = rounded(*size * allowed, all) - *size;
        let share = if whole > 0 { share.clamp(0, change.max(0)) } else { share.clamp(change.min(0), 0) };
        *size += share;
        change -= share;
    }
    if let Some(first) = shared.first_mut() {
        *first = (*first + change).max(0);
    }
    shared
}

fn rounded(product: i64, by: i64) -> i64 {
    (2 * product + by).div_euclid(2 * by)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const LIMITS: Limits = Limits { replicas: 10, surge: 3, unavailable: 2 };

    fn size(wanted: i64, available: i64) -> SetSize {
        SetSize { wanted, available }
    }

    #[rstest]
    #[case::from_nothing_at_once(size(0, 0), 0, 10)]
    #[case::beside_the_old_within_the_surge(size(0, 0), 10, 3)]
    #[case::no_room_no_growth(size(3, 0), 13, 3)]
    #[case::as_room_is_made(size(3, 3), 11, 5)]
    #[case::too_large_is_cut_down(size(12, 12), 12, 10)]
    fn the_newest_grows(#[case] newest: SetSize, #[case] all: i64, #[case] expected: i64) {
        assert_eq!(grown(newest, all, LIMITS), expected);
    }

    #[rstest]
    #[case::nothing_goes_until_something_came(&[size(10, 10)], size(3, 0), vec![8])]
    #[case::what_came_lets_as_many_go(&[size(8, 8)], size(5, 3), vec![5])]
    #[case::broken_ones_go_first(&[size(5, 0), size(5, 5)], size(3, 3), vec![0, 5])]
    #[case::never_below_the_least(&[size(8, 8)], size(2, 0), vec![8])]
    fn the_old_shrink(#[case] old: &[SetSize], #[case] newest: SetSize, #[case] expected: Vec<i64>) {
        assert_eq!(shrunk(old, newest, LIMITS), expected);
    }

    #[rstest]
    #[case(&[6, 4], 20, vec![12, 8])]
    #[case(&[6, 4], 5, vec![3, 2])]
    #[case(&[3, 3, 3], 10, vec![4, 3, 3])]
    fn a_new_size_is_shared(#[case] sizes: &[i64], #[case] allowed: i64, #[case] expected: Vec<i64>) {
        assert_eq!(shared(sizes, allowed), expected);
    }

    proptest! {
        #[test]
        fn shares_add_up(sizes in prop::collection::vec(0_i64..50, 1..5), allowed in 0_i64..100) {
            let mut sizes = sizes;
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            prop_assume!(sizes.iter().sum::<i64>() > 0);
            let shared = shared(&sizes, allowed);
            prop_assert_eq!(shared.iter().sum::<i64>(), allowed);
            prop_assert!(shared.iter().all(|size| *size >= 0));
        }
    }
}
