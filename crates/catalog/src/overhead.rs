//! What is kept back from pods: for the kubelet, for the system, and below the eviction thresholds
//! (reference section 5.2).

use supercargo_api::Resources;
use supercargo_api::resources::{CPU, EPHEMERAL_STORAGE, MEMORY, PODS};

use crate::TypeFacts;
use crate::ami_family::FamilyTraits;
use crate::capacity::eni_limited_pods;
use crate::node_class::{NodeClassModel, Threshold};

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

/// Capacity less everything that is kept back. A class that reserves more than a node has leaves a negative amount,
/// on which nothing fits.
pub fn allocatable(facts: &TypeFacts, model: &NodeClassModel, capacity: &Resources) -> Resources {
    let mut allocatable = capacity.clone();
    let reserved = [kube_reserved(facts, model, capacity), model.kubelet.system_reserved.clone()];
    let thresholds = eviction_thresholds(model, capacity);
    for overhead in reserved.iter().chain([&thresholds]) {
        // reservations can name what is no node resource, such as process ids
        for (resource, amount) in overhead.iter().filter(|(resource, _)| capacity.contains(resource)) {
            allocatable.set(resource, allocatable.get(resource).saturating_sub(amount));
        }
    }
    allocatable
}

/// 255 MiB and 11 MiB per pod, a falling share of the cores, 1 GiB of disk; the class replaces any of them.
fn kube_reserved(facts: &TypeFacts, model: &NodeClassModel, capacity: &Resources) -> Resources {
    let pods = if FamilyTraits::of(model.ami_family).reserves_for_eni_limited_pods {
        eni_limited_pods(facts, 0, 1)
    } else {
        capacity.get(PODS)
    };
    let mut reserved = Resources::new();
    reserved.set(CPU, reserved_millicores(i64::from(facts.vcpus) * 1000));
    reserved.set(MEMORY, pods.saturating_mul(11).saturating_add(255).saturating_mul(MIB));
    reserved.set(EPHEMERAL_STORAGE, GIB);
    for (resource, amount) in model.kubelet.kube_reserved.iter() {
        reserved.set(resource, amount);
    }
    reserved
}

/// 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest.
fn reserved_millicores(millicores: i64) -> i64 {
    /// From, to (millicores), share in units of 0.01 %.
    const BANDS: [(i64, i64, i64); 4] =
        [(0, 1000, 600), (1000, 2000, 100), (2000, 4000, 50), (4000, i64::MAX, 25)];
    let of_band = |(from, to, share): (i64, i64, i64)| (millicores.min(to) - from).max(0) * share / 10_000;
    BANDS.into_iter().map(of_band).sum()
}

fn eviction_thresholds(model: &NodeClassModel, capacity: &Resources) -> Resources {
    let memory = model.kubelet.eviction_memory.unwrap_or(Threshold::Amount(100 * MIB));
    let disk = model.kubelet.eviction_nodefs.unwrap_or(Threshold::Percent(10.0));
    let mut thresholds = Resources::new();
    thresholds.set(MEMORY, memory.of(capacity.get(MEMORY)));
    thresholds.set(EPHEMERAL_STORAGE, disk.of(capacity.get(EPHEMERAL_STORAGE)));
    thresholds
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, 60)]
    #[case(2, 70)]
    #[case(4, 80)]
    #[case(8, 90)]
    #[case(96, 310)]
    #[case(192, 550)]
    fn the_kubelet_keeps_a_falling_share_of_the_cores(#[case] cores: i64, #[case] millicores: i64) {
        assert_eq!(reserved_millicores(cores * 1000), millicores);
    }
}
