//! A node's price as the prices of its cores, its memory and its GPUs.
//!
//! Either method yields three weights; the node's price is divided by them, so the parts always sum to it exactly
//! (reference section 1.1, appendix, and 1.3).

use crate::facts::{GIB, NodeFact};
use crate::money::{Money, divide};
use crate::prices::{ShadowPrices, UnitPrices};

/// How a node's price is divided.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SplitMethod {
    /// In the ratio of the default prices of a core, a GiB and a GPU, as OpenCost does.
    #[default]
    DefaultRatio,
    /// By what a core and a GiB are worth among all types of the catalogue; a GPU is worth what its machine costs more
    /// than the same cores and memory without it.
    Shadow(ShadowPrices),
}

/// What of a node's cost is for what; the three sum to the node's cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeParts {
    /// Cores.
    pub cpu: Money,
    /// Memory.
    pub ram: Money,
    /// GPUs.
    pub gpu: Money,
}

impl NodeParts {
    /// All of it.
    pub fn total(self) -> Money {
        self.cpu + self.ram + self.gpu
    }

    /// Adds another node's.
    pub fn add(&mut self, other: NodeParts) {
        self.cpu += other.cpu;
        self.ram += other.ram;
        self.gpu += other.gpu;
    }
}

impl SplitMethod {
    /// The word shown to the user.
    pub const fn as_str(&self) -> &'static str {
        match self {
            SplitMethod::DefaultRatio => "default-ratio",
            SplitMethod::Shadow(_) => "shadow",
        }
    }

    /// Divides an amount that a node costs.
    pub fn split(&self, cost: Money, node: &NodeFact, units: &UnitPrices) -> NodeParts {
        let ratio = ratio_weights(node, units);
        let weights = match self {
            SplitMethod::DefaultRatio => ratio,
            SplitMethod::Shadow(prices) => prices.weights(node).unwrap_or(ratio),
        };
        // a machine without cores and memory is all core
        let weights = if weights == [0; 3] { [1, 0, 0] } else { weights };
        match divide(cost, &weights).as_slice() {
            [cpu, ram, gpu] => NodeParts { cpu: *cpu, ram: *ram, gpu: *gpu },
            _ => NodeParts { cpu: cost, ..NodeParts::default() },
        }
    }
}

/// What the node would cost at the default prices, by resource.
fn ratio_weights(node: &NodeFact, units: &UnitPrices) -> [u128; 3] {
    let prices = if node.spot {
        [units.spot_core, units.spot_ram_gib, units.spot_gpu]
    } else {
        [units.core, units.ram_gib, units.gpu]
    };
    weights(node, prices.map(|price| price.nanos()))
}

/// Weights from prices of a core, a GiB and a GPU, in 10⁻⁹ dollars.
pub(super) fn weights(node: &NodeFact, [core, gib, gpu]: [i64; 3]) -> [u128; 3] {
    let positive = |nanos: i64| u128::try_from(nanos).unwrap_or(0);
    [
        positive(core) * u128::from(node.capacity.millicores) * u128::from(GIB),
        positive(gib) * u128::from(node.capacity.ram_bytes) * 1_000,
        positive(gpu) * u128::from(node.capacity.milli_gpus) * u128::from(GIB),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use supercargo_catalog::Usd;

    use super::*;
    use crate::facts::NodeHardware;

    fn node(cores: u64, gib: u64, gpus: u64) -> NodeFact {
        let capacity =
            NodeHardware { millicores: cores * 1_000, ram_bytes: gib * GIB, milli_gpus: gpus * 1_000 };
        NodeFact { capacity, ..NodeFact::default() }
    }

    /// Reference section 1.1, appendix: list prices 30 / 30 / 10 of a node at 35.
    #[test]
    fn component_prices_are_scaled_to_the_price_of_the_node() {
        let units = UnitPrices {
            core: Usd::from_nanos(3_000_000_000),
            ram_gib: Usd::from_nanos(1_000_000_000),
            gpu: Usd::from_nanos(10_000_000_000),
            ..UnitPrices::default()
        };
        let parts = SplitMethod::DefaultRatio.split(Money::from_dollars(35), &node(10, 30, 1), &units);
        assert_eq!(
            parts,
            NodeParts {
                cpu: Money::from_dollars(15),
                ram: Money::from_dollars(15),
                gpu: Money::from_dollars(5),
            }
        );
    }

    /// Reference section 1.3: ram$ = node$ / (cpus · cpuDef/ramDef + GiB), cpu$ = ram$ · cpuDef/ramDef.
    #[test]
    fn the_default_ratio_is_that_of_the_formula() {
        let units = UnitPrices::default();
        let parts = SplitMethod::DefaultRatio.split(Money::from_nanos(96_000_000), &node(2, 8, 0), &units);
        let ratio = 0.031611 / 0.004237;
        let ram = 0.096 / (2.0 * ratio + 8.0);
        assert!((parts.ram.as_f64() - ram * 8.0).abs() < 1e-9);
        assert!((parts.cpu.as_f64() - ram * ratio * 2.0).abs() < 1e-9);
        assert_eq!(parts.total(), Money::from_nanos(96_000_000));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_price_whatever_the_node_is(
            nanos in 0i64..100_000_000_000, millicores in 0u64..1 << 40, bytes in any::<u64>(), gpus in 0u64..1 << 20,
            spot in any::<bool>(),
        ) {
            let capacity = NodeHardware { millicores, ram_bytes: bytes, milli_gpus: gpus };
            let node = NodeFact { capacity, spot, ..NodeFact::default() };
            let cost = Money::from_nanos(i128::from(nanos));
            let parts = SplitMethod::DefaultRatio.split(cost, &node, &UnitPrices::default());
            prop_assert_eq!(parts.total(), cost);
            prop_assert!(parts.cpu >= Money::ZERO && parts.ram >= Money::ZERO && parts.gpu >= Money::ZERO);
        }
    }
}
