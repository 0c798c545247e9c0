//! Who had a volume, when several pods had it at times.
//!
//! At every moment the pods that have the volume share it evenly, and the containers of a pod share evenly what the pod
//! has. What is left, while nobody has it, is nobody's. (Reference section 1.2, item 9, without its defect #2129: a share
//! of the time is counted once.)

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::volume::VolumeUse;
use crate::interval::Interval;
use crate::money::Division;
use crate::workload::Workload;

/// Fixed point of the shares of a moment.
const POINT: u32 = 32;

/// How long a pod had the volume, and its containers that mount it.
type Stay<'a> = (Interval, Vec<&'a Arc<Workload>>);

/// Divides `bytes` over `interval` among the containers of the pods that had the volume. The uses are in order of
/// workloads; together with the time nobody had it they add up to `bytes · seconds` exactly.
pub fn sweep(bytes: u64, interval: Interval, users: &[(Arc<Workload>, Interval)]) -> Vec<VolumeUse> {
    let mut pods: BTreeMap<(&str, &str, &str), Stay<'_>> = BTreeMap::new();
    for (workload, had) in users {
        let had = had.overlap(interval);
        if had.is_empty() {
            continue;
        }
        let pod = pods.entry((&workload.namespace, &workload.pod, &workload.pod_uid)).or_default();
        pod.0 = pod.0.hull(had);
        pod.1.push(workload);
    }
    let moments = Moments::of(interval, pods.values().map(|(had, _)| *had));
    let mut weights: BTreeMap<&Arc<Workload>, u128> = BTreeMap::new();
    let mut whole: u128 = 0;
    for (had, containers) in pods.values_mut() {
        containers.sort_unstable();
        containers.dedup();
        let weight = moments.share(*had);
        whole += weight;
        let mut division = Division::of_quantity(weight, containers.len() as u128);
        for container in containers.iter() {
            weights.insert(container, division.next_quantity(1));
        }
    }
    let all = u128::from(interval.seconds()) << POINT;
    // nobody's time comes last, so that it takes what rounding leaves
    let nobody = moments.nobody();
    let mut division = Division::of_quantity(
        u128::from(bytes) * u128::from(interval.seconds()),
        if nobody == 0 { whole } else { whole.max(all - nobody) + nobody },
    );
    let give = |(workload, weight): (&Arc<Workload>, u128)| VolumeUse {
        workload: Arc::clone(workload),
        byte_seconds: division.next_quantity(weight),
    };
    weights.into_iter().map(give).collect()
}

/// How much of a moment each of the pods there has, summed up over time.
struct Moments {
    /// Second, share of one pod that was there from the start until then.
    sums: Vec<(i64, u128)>,
    nobody: u128,
}

impl Moments {
    fn of(interval: Interval, stays: impl Iterator<Item = Interval>) -> Moments {
        let mut changes: BTreeMap<i64, i64> = BTreeMap::from([(interval.start, 0), (interval.end, 0)]);
        for stay in stays {
            *changes.entry(stay.start).or_default() += 1;
            *changes.entry(stay.end).or_default() -= 1;
        }
        let mut moments = Moments { sums: Vec::with_capacity(changes.len()), nobody: 0 };
        let (mut here, mut since, mut sum) = (0i64, interval.start, 0u128);
        for (second, change) in changes {
            let length = u128::from(second.abs_diff(since)) << POINT;
            match u128::try_from(here) {
                Ok(pods) if pods > 0 => sum += length / pods,
                _ => moments.nobody += length,
            }
            moments.sums.push((second, sum));
            here += change;
            since = second;
        }
        moments
    }

    fn share(&self, stay: Interval) -> u128 {
        let until = |second: i64| match self.sums.binary_search_by_key(&second, |(at, _)| *at) {
            Ok(found) => self.sums[found].1,
            Err(_) => 0,
        };
        until(stay.end).saturating_sub(until(stay.start))
    }

    fn nobody(&self) -> u128 {
        self.nobody
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn container(pod: &str, name: &str) -> Arc<Workload> {
        Arc::new(Workload { pod: pod.into(), container: name.into(), ..Workload::default() })
    }

    fn amounts(bytes: u64, users: &[(Arc<Workload>, Interval)]) -> Vec<(String, u128)> {
        sweep(bytes, Interval::hour(0), users)
            .into_iter()
            .map(|each| (format!("{}/{}", each.workload.pod, each.workload.container), each.byte_seconds))
            .collect()
    }

    /// Reference section 1.2, item 9 and pain #2129: half of the time is half of the volume, once.
    #[test]
    fn a_pod_that_lives_half_the_hour_has_half_the_volume() {
        let users = [(container("a", "main"), Interval::new(0, 1_800))];
        assert_eq!(amounts(100, &users), [("a/main".to_owned(), 180_000)]);
    }

    #[test]
    fn pods_share_a_moment_evenly_and_so_do_the_containers_of_a_pod() {
        let users = [
            (container("a", "main"), Interval::new(0, 3_600)),
            (container("a", "side"), Interval::new(0, 3_600)),
            (container("b", "main"), Interval::new(1_800, 3_600)),
        ];
        // a alone for 1,800 s, then half: 270,000, divided by two containers
        assert_eq!(
            amounts(100, &users),
            [("a/main".to_owned(), 135_000), ("b/main".to_owned(), 90_000), ("a/side".to_owned(), 135_000)]
        );
    }

    /// By the second, pod by pod.
    fn brute_force(users: &[(Arc<Workload>, Interval)]) -> BTreeMap<Arc<Workload>, f64> {
        let mut shares: BTreeMap<Arc<Workload>, f64> = BTreeMap::new();
        for second in 0..3_600 {
            let here: Vec<_> =
                users.iter().filter(|(_, had)| had.start <= second && second < had.end).collect();
            for (workload, _) in &here {
                *shares.entry(Arc::clone(workload)).or_default() += 1.0 / here.len() as f64;
            }
        }
        shares
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_sweep_agrees_with_counting_every_second(stays in proptest::collection::vec((0i64..3_600, 1i64..3_600), 0..8)) {
            let users: Vec<_> = stays
                .iter()
                .enumerate()
                .map(|(index, (start, length))| {
                    (container(&format!("p{index}"), "main"), Interval::new(*start, (start + length).min(3_600)))
                })
                .collect();
            let bytes = 1 << 40;
            let uses = sweep(bytes, Interval::hour(0), &users);
            let expected = brute_force(&users);
            prop_assert_eq!(uses.len(), expected.len());
            let mut sum = 0;
            for each in &uses {
                let wanted = expected[&each.workload] * bytes as f64;
                prop_assert!((each.byte_seconds as f64 - wanted).abs() <= wanted * 1e-6 + 1.0);
                sum += each.byte_seconds;
            }
            prop_assert!(sum <= u128::from(bytes) * 3_600);
            let covered = (0..3_600).all(|second| users.iter().any(|(_, had)| had.start <= second && second < had.end));
            prop_assert!(!covered || sum == u128::from(bytes) * 3_600, "a volume in use all the time is used wholly");
        }
    }
}
