//! What a core and a GiB are worth among all types of the catalogue.
//!
//! The cheapest mix of types that gives D cores and M GiB is a linear program; its dual asks for the prices (c, r) of a
//! core and a GiB that value the demand highest while no type is valued above its price. With two unknowns the optimum is
//! a corner of the region {c·cores + r·GiB <= price of every type}, and the corners are few: they are computed once, and a
//! node takes the one that values it highest.

use std::collections::BTreeMap;
use std::sync::Arc;

use supercargo_catalog::{Arch, Catalog, TypeFacts};

use crate::facts::NodeFact;
use crate::prices::split::weights;

/// Values that differ by less than this share of them are the same but for rounding.
const ALIKE: u128 = 100_000;

/// Corner prices of a core and a GiB, in 10⁻⁹ dollars per hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Corners(pub(super) Vec<[i64; 2]>);

/// Shadow prices of a region's on-demand types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShadowPrices {
    /// By architecture, as in the label `kubernetes.io/arch`.
    pub(super) corners: BTreeMap<&'static str, Corners>,
    /// List prices of types with GPUs, in 10⁻⁹ dollars per hour.
    pub(super) gpu_types: BTreeMap<Arc<str>, i64>,
}

/// Cores, GiB and dollars per hour of a type.
type Offer = [f64; 3];

impl ShadowPrices {
    /// Those of the on-demand types of a region; none if the region is not known. Burstable types, types with accelerators
    /// and those for high-performance computing, which are sold whole and far below others, do not set the price of a core.
    pub fn of_region(catalog: &Catalog, region: &str) -> Option<ShadowPrices> {
        let mut offers: BTreeMap<&'static str, Vec<Offer>> = BTreeMap::new();
        let mut gpu_types = BTreeMap::new();
        for facts in &catalog.market().types {
            let Some(price) = catalog.on_demand_price(region, &facts.name) else { continue };
            if !facts.gpus.is_empty() {
                gpu_types.insert(facts.name.as_str().into(), price.price.nanos());
            } else if sets_prices(facts) {
                let gib = facts.memory_mib as f64 / 1024.0;
                let offer = [f64::from(facts.vcpus), gib, price.price.as_f64()];
                offers.entry(arch_label(facts.arch)).or_default().push(offer);
            }
        }
        let corners: BTreeMap<_, _> =
            offers.into_iter().map(|(arch, offers)| (arch, corners(&offers))).collect();
        (!corners.is_empty()).then_some(ShadowPrices { corners, gpu_types })
    }

    /// Weights of a node's cores, memory and GPUs; none if its GPUs have no price of their own, or nothing is known.
    pub(super) fn weights(&self, node: &NodeFact) -> Option<[u128; 3]> {
        let corners = self.corners.get(&*node.arch).or_else(|| self.corners.get("amd64"))?;
        let [core, gib] = corners.best(node)?;
        let [cpu, ram, _] = weights(node, [core, gib, 0]);
        if node.capacity.milli_gpus == 0 {
            return Some([cpu, ram, 0]);
        }
        let all = u128::try_from(*self.gpu_types.get(&node.instance_type)?).ok()? * 1_000 * (1 << 30);
        let gpu = all.checked_sub(cpu + ram).filter(|gpu| *gpu > 0)?;
        Some([cpu, ram, gpu])
    }
}

/// Whether a type without GPUs is what people run by default. The newest burstable types are not marked as such in EC2's
/// own list, but their names begin like those of all others.
fn sets_prices(facts: &TypeFacts) -> bool {
    let family = facts.name.as_bytes();
    let is_burstable = facts.burstable || matches!(family, [b't', b'0'..=b'9', ..]);
    let is_for_computing = family.starts_with(b"hpc");
    facts.accelerator.is_none() && facts.current_generation && !is_burstable && !is_for_computing
}

const fn arch_label(arch: Arch) -> &'static str {
    arch.as_str()
}

impl Corners {
    /// The corner that values the node highest. All of an edge does so if a type with the node's cores and memory is the
    /// cheapest mix itself: then what is in the middle of the edge.
    fn best(&self, node: &NodeFact) -> Option<[i64; 2]> {
        let value = |corner: &[i64; 2]| {
            let [cpu, ram, _] = weights(node, [corner[0], corner[1], 0]);
            cpu + ram
        };
        // on the axes one of the two would be worth nothing
        let inner = self.0.get(1..self.0.len().saturating_sub(1)).filter(|inner| !inner.is_empty());
        let corners = inner.unwrap_or(&self.0);
        let highest = corners.iter().map(value).max()?;
        let mut best = corners.iter().filter(|corner| value(corner) >= highest - highest / ALIKE);
        let first = best.next()?;
        let last = best.next_back().unwrap_or(first);
        Some([(first[0] + last[0]) / 2, (first[1] + last[1]) / 2])
    }
}

/// Corners of {(c, r) >= 0 : c·cores + r·GiB <= price for every offer}, from c = 0 on.
fn corners(offers: &[Offer]) -> Corners {
    // r = height - slope · c
    let lines: Vec<[f64; 2]> = offers
        .iter()
        .filter(|[cores, gib, price]| *cores > 0.0 && *gib > 0.0 && *price > 0.0)
        .map(|[cores, gib, price]| [price / gib, cores / gib])
        .collect();
    let lowest =
        |one: &&[f64; 2], other: &&[f64; 2]| one[0].total_cmp(&other[0]).then(other[1].total_cmp(&one[1]));
    let Some(mut line) = lines.iter().min_by(lowest) else { return Corners::default() };
    let mut found = vec![nanos(0.0, line[0])];
    let mut at = 0.0;
    loop {
        // the next steeper line that comes below this one
        let crossing = |other: &[f64; 2]| (other[0] - line[0]) / (other[1] - line[1]);
        let next = lines
            .iter()
            .filter(|other| other[1] > line[1])
            .map(|other| (crossing(other).max(at), other))
            .min_by(|one, other| one.0.total_cmp(&other.0).then(other.1[1].total_cmp(&one.1[1])));
        let end = line[0] / line[1];
        match next {
            Some((crossing, other)) if crossing < end => {
                found.push(nanos(crossing, line[0] - line[1] * crossing));
                (at, line) = (crossing, other);
            }
            _ => {
                found.push(nanos(end, 0.0));
                return Corners(found);
            }
        }
    }
}

fn nanos(core: f64, gib: f64) -> [i64; 2] {
    [(core * 1e9).round() as i64, (gib * 1e9).round() as i64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{GIB, NodeHardware};
    use crate::money::Money;
    use crate::prices::{SplitMethod, UnitPrices};

    fn node(kind: &str, cores: u64, gib: u64, gpus: u64) -> NodeFact {
        let capacity =
            NodeHardware { millicores: cores * 1_000, ram_bytes: gib * GIB, milli_gpus: gpus * 1_000 };
        NodeFact { instance_type: kind.into(), arch: "amd64".into(), capacity, ..NodeFact::default() }
    }

    #[test]
    fn two_types_at_one_corner_price_both_exactly() {
        // 2 cores + 4 GiB at 0.085, 2 cores + 8 GiB at 0.097: a GiB is 0.003, a core 0.0365
        let prices = corners(&[[2.0, 4.0, 0.085], [2.0, 8.0, 0.097]]);
        assert!(prices.0.contains(&[36_500_000, 3_000_000]), "{prices:?}");
    }

    #[test]
    fn no_corner_values_a_type_above_its_price() {
        let catalog = Catalog::embedded();
        let shadow = ShadowPrices::of_region(catalog, "us-east-1").unwrap();
        for facts in &catalog.market().types {
            if !facts.gpus.is_empty() || !sets_prices(facts) {
                continue;
            }
            let Some(price) = catalog.on_demand_price("us-east-1", &facts.name) else { continue };
            for [core, gib] in &shadow.corners[arch_label(facts.arch)].0 {
                let value =
                    *core as f64 * f64::from(facts.vcpus) + *gib as f64 * facts.memory_mib as f64 / 1024.0;
                assert!(
                    value <= price.price.nanos() as f64 * (1.0 + 1e-6) + 1e4,
                    "{} at {value}",
                    facts.name
                );
            }
        }
    }

    #[test]
    fn a_core_is_worth_several_gib_on_common_types() {
        let shadow = ShadowPrices::of_region(Catalog::embedded(), "us-east-1").unwrap();
        for (kind, cores, gib) in [("c6i.xlarge", 4, 8), ("m6i.xlarge", 4, 16), ("r6i.xlarge", 4, 32)] {
            let [core, gib] = shadow.corners["amd64"].best(&node(kind, cores, gib, 0)).unwrap();
            assert!(core > 3 * gib && core < 20 * gib, "{kind}: a core {core}, a GiB {gib}");
        }
    }

    #[test]
    fn of_an_edge_the_middle_is_taken() {
        let inner = [[10_000_000, 2_900_000], [20_000_000, 2_400_000], [25_000_000, 1_000_000]];
        let corners = Corners([&[[0, 3_000_000]], &inner[..], &[[27_000_000, 0]]].concat());
        // 2 cores and 40 GiB are worth 136, 136 and 90 thousandths of a dollar
        assert_eq!(corners.best(&node("x", 2, 40, 0)), Some([15_000_000, 2_650_000]));
    }

    /// Reference section 1.3, last item: the GPUs of a p4d are most of its price, not a thousandth.
    #[test]
    fn a_gpu_is_worth_what_its_machine_costs_more() {
        let shadow = SplitMethod::Shadow(ShadowPrices::of_region(Catalog::embedded(), "us-east-1").unwrap());
        let node = node("p4d.24xlarge", 96, 1_152, 8);
        let cost = Money::from_nanos(21_957_642_000);
        let parts = shadow.split(cost, &node, &UnitPrices::default());
        assert_eq!(parts.total(), cost);
        assert!(parts.gpu.as_f64() > 0.6 * cost.as_f64(), "{parts:?}");
    }
}
