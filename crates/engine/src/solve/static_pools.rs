//! Static NodePools keep their number of nodes (reference section 2.15).

use crate::amounts::Amounts;
use crate::planned::PlannedNode;

use super::solver::Solver;

impl Solver<'_> {
    /// Static pools keep their number of nodes whatever the pods say (reference section 2.15).
    pub(super) fn keep_static_pools(&mut self) {
        for (index, pool) in self.snapshot.pools.iter().enumerate() {
            let Some(replicas) = pool.replicas else { continue };
            let mut missing = replicas.saturating_sub(pool.nodes);
            if let Some(limit) = pool.limits.get("nodes") {
                missing = missing.min(u32::try_from(limit.left.max(0)).unwrap_or(u32::MAX));
            }
            let Some(position) = self.variants.iter().position(|variant| variant.pool == index as u32) else {
                continue;
            };
            let variant = &self.variants[position];
            let Some(table) = &pool.table else { continue };
            let priced = variant.types.ones().filter_map(|type_index| {
                Some((table.cheapest_offer(type_index, variant.offers)?, type_index))
            });
            let Some((offer, chosen)) = priced.min_by_key(|(offer, type_index)| (offer.price, *type_index))
            else {
                continue;
            };
            let node = PlannedNode {
                variant: position as u32,
                types: variant.types.clone(),
                offers: variant.offers,
                chosen: chosen as u32,
                offer: offer.key,
                price: offer.price,
                used: Amounts::ZERO,
                contents: Vec::new(),
                pods: Vec::new(),
                host: Default::default(),
                ports: variant.daemon_ports.clone(),
                is_static: true,
                min_values_relaxed: false,
            };
            self.stock.take(index as u32, &table.types[chosen].capacity, missing);
            self.nodes.extend(std::iter::repeat_n(node, missing as usize));
        }
    }
}
