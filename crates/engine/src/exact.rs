//! The cheapest nodes for a handful of pods, by trying everything.
//!
//! Every subset of the pods has a cheapest single node, if any holds it; the cheapest way to cover all pods is found
//! over subsets of subsets. The number of pods is what makes this dear, so it is for the few: small plans as a whole,
//! and the last nodes of large ones.

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::fits::Fit;
use crate::flexible::{check_min_values, holding};
use crate::market::{OfferMask, TypeSet};
use crate::pack::Packer;
use crate::topology::HostCounts;

/// At most this many pods are settled together: eight pods are 256 subsets and 6,561 pairs of them.
pub const MOST_PODS: usize = 8;

/// The cheapest node for a subset.
#[derive(Clone, Debug)]
pub struct Single {
    /// Index of the variant.
    pub variant: u32,
    /// Index of the type.
    pub type_index: u32,
    /// Offering key.
    pub offer: u8,
    /// Dollars per hour.
    pub price: Usd,
}

/// One node of the answer.
#[derive(Clone, Debug)]
pub struct ExactNode {
    /// What it is bought as.
    pub single: Single,
    /// Demands, once per pod.
    pub pods: Vec<u32>,
}

/// The pods of a subset, put together.
struct Subset {
    used: Amounts,
    by_variant: Vec<(u32, TypeSet, OfferMask)>,
}

impl Packer<'_> {
    /// The cheapest nodes for these pods, given as demands, one entry per pod. `None` when some pod fits nowhere, or
    /// when limits, reservations or pods that follow others make the pieces depend on each other.
    pub fn exact(&self, pods: &[u32]) -> Option<(Vec<ExactNode>, Usd)> {
        if pods.len() > MOST_PODS || pods.iter().any(|pod| self.demands()[*pod as usize].host.follows) {
            return None;
        }
        let by_price = self.types_by_price();
        let full = (1_usize << pods.len()) - 1;
        let mut singles: Vec<Option<Single>> = vec![None; full + 1];
        for mask in 1..=full {
            // A subset that holds a subset no node can take is out of the question.
            let smaller = (0..pods.len()).filter(|pod| mask >> pod & 1 == 1).map(|pod| mask & !(1 << pod));
            if smaller.clone().any(|smaller| smaller != 0 && singles[smaller].is_none()) {
                continue;
            }
            let floor = smaller
                .filter_map(|smaller| singles[smaller].as_ref().map(|single| single.price))
                .max()
                .unwrap_or(Usd::ZERO);
            let members: Vec<u32> =
                (0..pods.len()).filter(|pod| mask >> pod & 1 == 1).map(|pod| pods[pod]).collect();
            singles[mask] = self.single(&members, floor, &by_price);
        }
        let mut best: Vec<Option<(Usd, usize)>> = vec![None; full + 1];
        best[0] = Some((Usd::ZERO, 0));
        for mask in 1..=full {
            let lowest = mask & mask.wrapping_neg();
            let mut part = mask;
            while part != 0 {
                if part & lowest != 0
                    && let (Some(single), Some((rest, _))) = (&singles[part], best[mask & !part])
                {
                    let total = single.price + rest;
                    if best[mask].is_none_or(|(known, _)| total < known) {
                        best[mask] = Some((total, part));
                    }
                }
                part = (part - 1) & mask;
            }
        }
        let (total, _) = best[full]?;
        let mut nodes = Vec::new();
        let mut mask = full;
        while mask != 0 {
            let (_, part) = best[mask]?;
            let single = singles[part].clone()?;
            let members = (0..pods.len()).filter(|pod| part >> pod & 1 == 1).map(|pod| pods[pod]).collect();
            nodes.push(ExactNode { single, pods: members });
            mask &= !part;
        }
        Some((nodes, total))
    }

    /// By variant, its types and the least they cost in any offering, cheapest first.
    fn types_by_price(&self) -> Vec<Vec<(Usd, u32)>> {
        let ground = self.ground();
        ground
            .variants
            .iter()
            .enumerate()
            .map(|(index, variant)| {
                let mut types: Vec<(Usd, u32)> = Vec::new();
                if self.is_in_tier(index as u32) {
                    for type_index in variant.types.ones() {
                        if let Some((_, price)) = self.offer(index as u32, type_index, variant.offers) {
                            types.push((price, type_index as u32));
                        }
                    }
                }
                types.sort_unstable();
                types
            })
            .collect()
    }

    fn subset(&self, members: &[u32]) -> Option<Subset> {
        let mut used = Amounts::ZERO;
        let mut by_variant: Vec<(u32, TypeSet, OfferMask)> = Vec::new();
        for (position, member) in members.iter().enumerate() {
            let demand = &self.demands()[*member as usize];
            used.add(&demand.amounts);
            let fits: &[Fit] = self.fits().get(demand.fits);
            if position == 0 {
                let in_tier = fits.iter().filter(|fit| self.is_in_tier(fit.variant));
                by_variant = in_tier.map(|fit| (fit.variant, fit.types.clone(), fit.offers)).collect();
                continue;
            }
            by_variant.retain_mut(|(variant, types, offers)| {
                let Some(fit) = fits.iter().find(|fit| fit.variant == *variant) else { return false };
                types.intersect_with(&fit.types);
                *offers &= fit.offers;
                *offers != 0
            });
        }
        (!by_variant.is_empty()).then_some(Subset { used, by_variant })
    }

    fn single(&self, members: &[u32], floor: Usd, by_price: &[Vec<(Usd, u32)>]) -> Option<Single> {
        let subset = self.subset(members)?;
        let ground = self.ground();
        let mut best: Option<Single> = None;
        for (variant_index, types, offers) in &subset.by_variant {
            let variant = &ground.variants[*variant_index as usize];
            if !self.go_together(members, &variant.daemon_ports) {
                continue;
            }
            let pool = &ground.pools[variant.pool as usize];
            if self.is_strict() && !pool.min_values.is_empty() {
                let Some(table) = &pool.table else { continue };
                let held = holding(types, &variant.net, &subset.used);
                if check_min_values(table, ground, &pool.min_values, &held, *offers).is_err() {
                    continue;
                }
            }
            for (least, type_index) in &by_price[*variant_index as usize] {
                if best.as_ref().is_some_and(|best| *least >= best.price) {
                    break;
                }
                let index = *type_index as usize;
                if !types.contains(index) || !subset.used.fits(&variant.net[index]) {
                    continue;
                }
                let Some((offer, price)) = self.offer(*variant_index, index, *offers) else { continue };
                if best.as_ref().is_none_or(|best| price < best.price) {
                    best = Some(Single { variant: *variant_index, type_index: *type_index, offer, price });
                }
                if price <= floor {
                    break;
                }
            }
        }
        best
    }

    /// Whether rules by host and ports allow these pods on one node, in the order they are given.
    fn go_together(&self, members: &[u32], daemon_ports: &[crate::class::HostPort]) -> bool {
        let demands = self.demands();
        if members.iter().all(|member| demands[*member as usize].host.is_free()) {
            return true;
        }
        let mut host = HostCounts::default();
        let mut ports = daemon_ports.to_vec();
        for member in members {
            let rules = &demands[*member as usize].host;
            if rules.copies(&|group| host.count(group), &ports, self.host_totals()) == 0 {
                return false;
            }
            rules.record(&mut host, &mut ports, 1);
        }
        true
    }
}
