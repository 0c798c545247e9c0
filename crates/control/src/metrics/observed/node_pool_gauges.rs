//! Limits of NodePools, and how much of them is used.

use super::Observed;
use super::amounts::{Amounts, numbers};
use crate::metrics::exposition::{Exposition, MetricType};

impl Observed {
    /// Writes the gauges of NodePools.
    pub(super) fn node_pools(&self, out: &mut Exposition) {
        let of = |amounts: &dyn Fn(&supercargo_api::NodePool) -> Amounts| -> Vec<(String, Amounts)> {
            let named = self.node_pools.iter().map(|pool| {
                let name = pool.metadata.name.clone().unwrap_or_default();
                (name, amounts(pool))
            });
            named.filter(|(_, amounts)| !amounts.is_empty()).collect()
        };
        write(
            "karpenter_nodepools_limit",
            "Limits specified on the nodepool that restrict the quantity of resources provisioned, by resource type",
            &of(&|pool| numbers(pool.spec.limits.as_deref())),
            out,
        );
        write(
            "karpenter_nodepools_usage",
            "The amount of resources that have been provisioned for a nodepool, by resource type",
            &of(&|pool| numbers(pool.status.as_ref().and_then(|status| status.resources.as_deref()))),
            out,
        );
    }
}

fn write(name: &str, help: &str, pools: &[(String, Amounts)], out: &mut Exposition) {
    if pools.is_empty() {
        return;
    }
    out.family(name, MetricType::Gauge, help);
    for (pool, amounts) in pools {
        for (resource, amount) in amounts {
            let resource = resource.replace(['-', '/', '.'], "_");
            out.sample(name, "", [("nodepool", pool.as_str()), ("resource_type", &resource)], *amount);
        }
    }
}
