//! Amounts of resources: read from quantities, added, compared, written back.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use proptest::prelude::*;
use supercargo_api::resources::{CPU, MEMORY, PODS, Resources};

fn quantities(pairs: &[(&str, &str)]) -> BTreeMap<String, KubeQuantity> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), KubeQuantity((*text).to_owned()))).collect()
}

fn resources(pairs: &[(&str, i64)]) -> Resources {
    pairs.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
}

#[test]
fn cpu_is_read_in_millicores_and_the_rest_in_whole_units() {
    let read = quantities(&[
        (CPU, "1.5"),
        (MEMORY, "1Gi"),
        (PODS, "110"),
        ("nvidia.com/gpu", "1"),
        ("ephemeral-storage", " 1k "),
    ]);
    let read = Resources::from_quantities(&read).expect("quantities");
    assert_eq!(
        read,
        resources(&[
            (CPU, 1500),
            (MEMORY, 1 << 30),
            (PODS, 110),
            ("nvidia.com/gpu", 1),
            ("ephemeral-storage", 1000)
        ])
    );
    assert_eq!(read.get("not-there"), 0);
}

#[test]
fn a_bad_quantity_is_an_error_that_can_name_its_resource() {
    let read = quantities(&[(CPU, "1"), (MEMORY, "1GB")]);
    assert!(Resources::from_quantities(&read).is_err());
    let error = Resources::from_named_quantities(&read).expect_err("1GB");
    assert_eq!(error.name, MEMORY);
    assert!(error.to_string().starts_with(r#"resource "memory": quantity "1GB" ends in "GB""#), "{error}");
}

#[test]
fn amounts_are_written_in_the_format_customary_for_each() {
    let written = resources(&[
        (CPU, 1500),
        (MEMORY, 3 << 29),
        (PODS, 110),
        ("hugepages-2Mi", 4 << 20),
        ("nvidia.com/gpu", 8),
    ]);
    assert_eq!(
        written.to_quantities(),
        quantities(&[
            (CPU, "1500m"),
            (MEMORY, "1536Mi"),
            (PODS, "110"),
            ("hugepages-2Mi", "4Mi"),
            ("nvidia.com/gpu", "8")
        ])
    );
    assert_eq!(resources(&[(CPU, 4000)]).to_quantities(), quantities(&[(CPU, "4")]));
}

#[test]
fn sums_and_differences_stay_in_range_and_may_be_negative() {
    let mut sum = resources(&[(CPU, i64::MAX), (MEMORY, 1)]);
    sum.add_assign(&resources(&[(CPU, 1), (PODS, 2)]));
    assert_eq!(sum, resources(&[(CPU, i64::MAX), (MEMORY, 1), (PODS, 2)]));
    assert_eq!(
        resources(&[(CPU, 1)]).sub(&resources(&[(CPU, 3), (PODS, 1)])),
        resources(&[(CPU, -2), (PODS, -1)])
    );
    assert_eq!(
        resources(&[(CPU, -1), (MEMORY, 5)]).greatest(&resources(&[(CPU, -3), (PODS, -2)])),
        resources(&[(CPU, -1), (MEMORY, 5), (PODS, -2)])
    );
}

#[test]
fn requests_fit_where_every_total_suffices_and_none_is_negative() {
    let total = resources(&[(CPU, 1000), (MEMORY, 100)]);
    assert!(resources(&[(CPU, 1000)]).fits_in(&total));
    assert!(resources(&[(CPU, 1000), ("nvidia.com/gpu", 0)]).fits_in(&total));
    assert!(!resources(&[("nvidia.com/gpu", 1)]).fits_in(&total));
    assert_eq!(resources(&[(CPU, 1001), (MEMORY, 100), (PODS, 1)]).exceeds(&total), [CPU, PODS]);
    let overdrawn = resources(&[(CPU, 1000), (MEMORY, -1)]);
    assert!(!resources(&[(CPU, 1)]).fits_in(&overdrawn), "nothing fits where a total is negative");
    assert_eq!(resources(&[(CPU, 1), (MEMORY, 1)]).exceeds(&overdrawn), [MEMORY]);
}

fn any_resources() -> impl Strategy<Value = Resources> {
    proptest::collection::btree_map(
        proptest::sample::select(vec![CPU, MEMORY, PODS, "x.io/y"]),
        -5i64..20,
        0..5,
    )
    .prop_map(|amounts| amounts.into_iter().map(|(name, amount)| (name.to_owned(), amount)).collect())
}

proptest! {
    #[test]
    fn fitting_and_exceeding_are_opposites(requests in any_resources(), total in any_resources()) {
        prop_assert_eq!(requests.fits_in(&total), requests.exceeds(&total).is_empty());
    }

    #[test]
    fn what_is_added_can_be_taken_away(left in any_resources(), right in any_resources()) {
        let mut sum = left.clone();
        sum.add_assign(&right);
        for name in [CPU, MEMORY, PODS, "x.io/y"] {
            prop_assert_eq!(sum.get(name), left.get(name) + right.get(name));
            prop_assert_eq!(sum.sub(&right).get(name), left.get(name));
        }
    }

    #[test]
    fn amounts_written_as_quantities_read_back(amounts in proptest::collection::btree_map("[a-z]{1,6}|cpu|memory", any::<i64>(), 0..5)) {
        let resources: Resources = amounts.into_iter().collect();
        prop_assert_eq!(Resources::from_quantities(&resources.to_quantities()), Ok(resources));
    }
}
