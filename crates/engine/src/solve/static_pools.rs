//! Static NodePools keep their number of nodes (reference section 2.15).

use crate::amounts::Amounts;
use crate::market::OfferRow;
use crate::pack::reserved_mask;
use crate::planned::PlannedNode;
use crate::topology::HostCounts;

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
            while missing > 0 {
                let Some((node, most)) = self.cheapest_static(index as u32) else { break };
                let taken = missing.min(most);
                if let Some(table) = &pool.table {
                    self.stock.take(index as u32, &table.types[node.chosen as usize].capacity, taken);
                }
                if most < u32::MAX {
                    self.stock.reserved.insert(node.offer, most - taken);
                }
                self.nodes.extend(std::iter::repeat_n(node, taken as usize));
                missing -= taken;
            }
        }
    }

    /// The cheapest node that a static NodePool can have, and how many there are of it.
    fn cheapest_static(&self, pool: u32) -> Option<(PlannedNode, u32)> {
        let table = self.snapshot.pools[pool as usize].table.as_ref()?;
        let mut best: Option<(OfferRow, usize, usize, u32)> = None;
        for (position, variant) in
            self.variants.iter().enumerate().filter(|(_, variant)| variant.pool == pool)
        {
            for type_index in variant.types.ones() {
                for offer in
                    table.offers[type_index].iter().filter(|offer| variant.offers >> offer.key & 1 == 1)
                {
                    let stock = self.stock.reserved.get(&offer.key);
                    let left = stock.copied().unwrap_or(offer.count);
                    let dearer = best.is_some_and(|(best, ..)| best.price <= offer.price);
                    if left > 0 && !dearer {
                        best = Some((*offer, type_index, position, left));
                    }
                }
            }
        }
        let (offer, chosen, position, left) = best?;
        let variant = &self.variants[position];
        let reserved = reserved_mask(Self::ground(self.snapshot, &self.variants));
        let offers = if reserved >> offer.key & 1 == 1 { 1 << offer.key } else { variant.offers & !reserved };
        let node = PlannedNode {
            variant: position as u32,
            types: variant.types.clone(),
            offers,
            chosen: chosen as u32,
            offer: offer.key,
            price: offer.price,
            used: Amounts::ZERO,
            contents: Vec::new(),
            pods: Vec::new(),
            host: HostCounts::default(),
            ports: variant.daemon_ports.clone(),
            is_static: true,
            min_values_relaxed: false,
        };
        Some((node, left))
    }
}
