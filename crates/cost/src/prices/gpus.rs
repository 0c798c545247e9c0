//! GPUs that cost extra, besides the node they are in.

use supercargo_catalog::{Catalog, Usd};

use crate::facts::NodeFact;
use crate::prices::PriceBook;

impl PriceBook {
    /// What a machine's GPUs cost an hour, where they cost extra. A model is known by its name in the catalogue, such as
    /// `t4`, also within a longer one: `Tesla-T4`, `NVIDIA-A100-SXM4-40GB`.
    pub(super) fn gpus_of(&self, node: &NodeFact) -> Usd {
        let count = node.capacity.milli_gpus / 1_000;
        let facts =
            Catalog::embedded().facts(&node.instance_type).filter(|_| count > 0 && !self.gpus.is_empty());
        let Some(model) = facts.and_then(|facts| facts.gpus.first()).map(|gpu| gpu.name.to_lowercase())
        else {
            return Usd::from_nanos(0);
        };
        let is_it = |name: &str| {
            name == model
                || name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part == model)
        };
        let of_region = |wanted: &str| {
            let mut known = self.gpus.iter();
            known.find(|((name, region), _)| &**region == wanted && is_it(name)).map(|(_, price)| *price)
        };
        let price = of_region(&node.region).or_else(|| of_region(""));
        price.map_or(Usd::from_nanos(0), |price| {
            price.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
        })
    }
}
