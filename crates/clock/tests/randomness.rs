//! What a seed promises: the same draws always and everywhere, forks that do not disturb each other, and fair
//! distributions.

use proptest::prelude::*;
use supercargo_clock::Randomness;

fn draws(mut random: Randomness) -> Vec<u64> {
    (0..64).map(|_| random.u64()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_platform() {
    let mut random = Randomness::from_seed(7);
    let first: Vec<u64> = (0..4).map(|_| random.u64()).collect();
    assert_eq!(first, EXPECTED_U64);
    let mut random = Randomness::from_seed(7).fork("zones");
    let first: Vec<u64> = (0..4).map(|_| random.u64()).collect();
    assert_eq!(first, EXPECTED_FORK);
    let mut random = Randomness::from_seed(7);
    let bits = [random.f64(), random.normal(0.0, 1.0), random.exponential(2.0)].map(f64::to_bits);
    assert_eq!(bits, EXPECTED_BITS);
}

const EXPECTED_U64: [u64; 4] =
    [14095323943061994099, 8595031940432502117, 104676313501531310, 5559363474435486144];
const EXPECTED_FORK: [u64; 4] =
    [6713774911028199659, 10963556223764375073, 9359826914953856646, 9171697009355681403];
const EXPECTED_BITS: [u64; 3] = [4605057701939349655, 13802063528674892062, 4604635890771445560];

#[test]
fn different_seeds_and_different_names_give_different_streams() {
    let random = Randomness::from_seed(1);
    let names = ["", "a", "a\0", "b", "ab", &"x".repeat(32), &"x".repeat(33), &"x".repeat(64)];
    let mut streams: Vec<Vec<u64>> = names.iter().map(|name| draws(random.fork(name))).collect();
    streams.push(draws(random.clone()));
    streams.push(draws(Randomness::from_seed(2)));
    streams.push(draws(random.fork("a").fork("b")));
    streams.push(draws(random.fork("b").fork("a")));
    let count = streams.len();
    streams.sort();
    streams.dedup();
    assert_eq!(streams.len(), count);
}

#[test]
fn a_fork_does_not_depend_on_what_was_drawn_before() {
    let fresh = Randomness::from_seed(3);
    let mut used = fresh.clone();
    used.shuffle(&mut [1, 2, 3]);
    used.normal(0.0, 1.0);
    assert_eq!(draws(fresh.fork("spot")), draws(used.fork("spot")));
}

#[test]
fn every_result_below_a_limit_is_about_equally_likely() {
    let mut random = Randomness::from_seed(11);
    let mut counts = [0u32; 7];
    for _ in 0..70_000 {
        counts[random.below(7) as usize] += 1;
    }
    // Chi-squared with six degrees of freedom: 22.5 is exceeded once in a thousand seeds; this seed is fixed.
    let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 10_000.0).powi(2) / 10_000.0).sum();
    assert!(chi < 22.5, "{counts:?}");
}

#[test]
fn every_order_of_three_is_about_equally_likely() {
    let mut random = Randomness::from_seed(12);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..60_000 {
        let mut items = [0, 1, 2];
        random.shuffle(&mut items);
        *counts.entry(items).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
}

#[test]
fn normal_and_exponential_draws_have_their_mean_and_spread() {
    let mut random = Randomness::from_seed(13);
    let normal: Vec<f64> = (0..200_000).map(|_| random.normal(5.0, 2.0)).collect();
    let (mean, variance) = moments(&normal);
    assert!((mean - 5.0).abs() < 0.02 && (variance - 4.0).abs() < 0.05, "{mean} {variance}");
    let within =
        normal.iter().filter(|draw| (3.0..=7.0).contains(*draw)).count() as f64 / normal.len() as f64;
    assert!((within - 0.6827).abs() < 0.005, "{within}");

    let exponential: Vec<f64> = (0..200_000).map(|_| random.exponential(3.0)).collect();
    let (mean, variance) = moments(&exponential);
    assert!((mean - 3.0).abs() < 0.05 && (variance - 9.0).abs() < 0.3, "{mean} {variance}");
    assert!(exponential.iter().all(|draw| *draw >= 0.0));
}

fn moments(draws: &[f64]) -> (f64, f64) {
    let mean = draws.iter().sum::<f64>() / draws.len() as f64;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
    (mean, variance)
}

#[test]
fn the_edges_are_safe() {
    let mut random = Randomness::from_seed(14);
    assert_eq!(random.below(0), 0);
    assert_eq!(random.below(1), 0);
    assert_eq!(random.choose::<u8>(&[]), None);
    assert_eq!(random.choose(&[9]), Some(&9));
    random.shuffle::<u8>(&mut []);
    assert!(!random.chance(0.0) && random.chance(1.0));
    assert!((0..1000).any(|_| random.below(u64::MAX) > u64::MAX / 2));
}

proptest! {
    #[test]
    fn draws_stay_in_their_range(seed: u64, limit in 1u64..) {
        let mut random = Randomness::from_seed(seed);
        prop_assert!(random.below(limit) < limit);
        prop_assert!((0.0..1.0).contains(&random.f64()));
        prop_assert!(random.exponential(1.0).is_finite());
        prop_assert!(random.normal(0.0, 1.0).is_finite());
    }

    #[test]
    fn a_shuffle_loses_nothing_and_repeats_for_its_seed(seed: u64, items: Vec<u8>) {
        let mut once = items.clone();
        Randomness::from_seed(seed).shuffle(&mut once);
        let mut again = items.clone();
        Randomness::from_seed(seed).shuffle(&mut again);
        prop_assert_eq!(&once, &again);
        let mut sorted = items;
        sorted.sort_unstable();
        once.sort_unstable();
        prop_assert_eq!(once, sorted);
    }

    #[test]
    fn any_name_forks_to_a_stream_of_its_own(seed: u64, name: String, other: String) {
        let random = Randomness::from_seed(seed);
        prop_assert_eq!(draws(random.fork(&name)) == draws(random.fork(&other)), name == other);
        prop_assert_ne!(draws(random.fork(&name)), draws(random));
    }
}
