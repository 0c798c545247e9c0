//! What a new node may turn out to be: which types and offerings would do for all its pods, and may be bought.

use supercargo_catalog::{CapacityType, Usd};

use crate::amounts::Amounts;
use crate::fits::Ground;
use crate::flexible::check_min_values;
use crate::market::{OfferMask, TypeSet};
use crate::pack::within_limits;

use super::answer::{Fresh, SpotRule};
use super::board::Board;
use super::layout::{Mover, Purchase};

/// Types and offerings that go together.
pub(super) type Boxes = Vec<(TypeSet, OfferMask)>;

/// A node to buy, and what is on it.
pub(super) struct Bought<'a> {
    pub(super) variant: u32,
    pub(super) purchase: Purchase,
    pub(super) boxes: &'a Boxes,
    pub(super) used: Amounts,
    pub(super) contents: &'a [(u32, u32)],
}

impl<'l> Board<'l> {
    /// Types and offerings of a variant that would do for all.
    pub(super) fn boxes(&self, movers: &[&Mover], variant: u32) -> Boxes {
        let mut boxes: Option<Boxes> = None;
        let mut seen: Vec<*const Vec<Vec<crate::fits::Fit>>> = Vec::new();
        for mover in movers {
            let address = std::sync::Arc::as_ptr(&mover.sets);
            if seen.contains(&address) {
                continue;
            }
            seen.push(address);
            let own = mover.sets.iter().flatten().filter(|fit| fit.variant == variant);
            let narrowed: Boxes = match &boxes {
                None => own.map(|fit| (fit.types.clone(), fit.offers)).collect(),
                Some(known) => own
                    .flat_map(|fit| {
                        known.iter().map(|(types, offers)| {
                            let mut both = types.clone();
                            both.intersect_with(&fit.types);
                            (both, offers & fit.offers)
                        })
                    })
                    .filter(|(types, offers)| *offers != 0 && !types.is_clear())
                    .collect(),
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            boxes = Some(narrowed);
        }
        boxes.unwrap_or_default()
    }

    /// Whether limits, reservations and the rule about spot leave this to be bought, besides what is bought already.
    pub(super) fn may_buy(
        &self,
        variant: u32,
        type_index: u32,
        offer: u8,
        spot: SpotRule,
        made: &[Fresh],
    ) -> bool {
        let snapshot = self.layout.snapshot;
        if spot == SpotRule::Forbidden
            && snapshot.market.keys[offer as usize].capacity_type == CapacityType::Spot
        {
            return false;
        }
        let pool = self.layout.variants[variant as usize].pool;
        let Some(table) = &snapshot.pools[pool as usize].table else { return false };
        let limits = &self.limits[pool as usize];
        if !limits.is_empty() {
            let mut left = limits.clone();
            for node in made.iter().filter(|node| self.layout.variants[node.variant as usize].pool == pool) {
                let capacity = &table.types[node.type_index as usize].capacity;
                for (resource, left) in &mut left {
                    *left -= if resource == "nodes" { 1 } else { capacity.get(resource) };
                }
            }
            if !within_limits(&left, &table.types[type_index as usize].capacity) {
                return false;
            }
        }
        let is_reserved = snapshot.market.keys[offer as usize].reservation.is_some();
        !is_reserved
            || (self.in_stock(variant, type_index, offer) && made.iter().all(|node| node.offer != offer))
    }

    /// The node with all the types it may turn out to be.
    pub(super) fn flexible(&self, bought: &Bought<'_>, below: Option<Usd>) -> Fresh {
        let layout = self.layout;
        let snapshot = layout.snapshot;
        let Bought { variant, purchase: Purchase { price, type_index, offer }, boxes, used, .. } = *bought;
        let contents = bought.contents.to_vec();
        let pool = layout.variants[variant as usize].pool as usize;
        let key = &snapshot.market.keys[offer as usize];
        // The same capacity type and domains as the one it is bought as: what was checked holds for all of them.
        let domains = |type_index: u32, offer: u8| {
            (0..layout.keys.len() as u32).map(move |key| self.fresh_domain(key, variant, type_index, offer))
        };
        let mut offers: OfferMask = 0;
        for (index, other) in snapshot.market.keys.iter().enumerate() {
            let alike = other.capacity_type == key.capacity_type
                && other.reservation == key.reservation
                && other.tenancy == key.tenancy
                && domains(type_index, index as u8).eq(domains(type_index, offer));
            if alike {
                offers |= 1 << index;
            }
        }
        offers &= boxes
            .iter()
            .filter(|(types, _)| types.contains(type_index as usize))
            .fold(0, |all, (_, offers)| all | offers);
        let net = &layout.variants[variant as usize].net;
        let mut types = TypeSet::with_capacity(net.len());
        let limits = &self.limits[pool];
        let Some(table) = &snapshot.pools[pool].table else {
            return Fresh { variant, type_index, offer, price, types, offers, contents };
        };
        let mut dear = TypeSet::with_capacity(0);
        if let Some(below) = below {
            (offers, dear) = self.affordable(variant, type_index, offers, below);
        }
        for purchase in &layout.purchases[variant as usize] {
            if below.is_some_and(|below| purchase.price >= below) {
                break;
            }
            let index = purchase.type_index as usize;
            let suits = offers >> purchase.offer & 1 == 1
                && !types.contains(index)
                && !dear.contains(index)
                && boxes
                    .iter()
                    .any(|(types, boxed)| boxed >> purchase.offer & 1 == 1 && types.contains(index))
                && used.fits(&net[index])
                && within_limits(limits, &table.types[index].capacity)
                && domains(purchase.type_index, purchase.offer).eq(domains(type_index, offer));
            if suits {
                types.insert(index);
            }
        }
        types.insert(type_index as usize);
        Fresh { variant, type_index, offer, price, types, offers, contents }
    }

    pub(super) fn has_min_values(&self, node: &Fresh) -> bool {
        let layout = self.layout;
        let snapshot = layout.snapshot;
        let pool = &snapshot.pools[layout.variants[node.variant as usize].pool as usize];
        let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants: &layout.variants };
        pool.min_values.is_empty()
            || pool.table.as_ref().is_some_and(|table| {
                check_min_values(table, ground, &pool.min_values, &node.types, node.offers).is_ok()
            })
    }

    /// The node, if `minValues` and the rule about spot are content with its types.
    pub(super) fn flexible_enough(&self, mut node: Fresh, spot: SpotRule) -> Option<Fresh> {
        let layout = self.layout;
        let snapshot = layout.snapshot;
        if !self.has_min_values(&node) {
            return None;
        }
        let is_spot = snapshot.market.keys[node.offer as usize].capacity_type == CapacityType::Spot;
        if let (SpotRule::Flexible(least), true) = (spot, is_spot) {
            if node.types.count_ones(..) < least {
                return None;
            }
            // The cheapest, and as many more as minValues needs (reference section 4.12).
            let all = node.types.clone();
            node.types.clear();
            for purchase in &layout.purchases[node.variant as usize] {
                let index = purchase.type_index as usize;
                if all.contains(index) && node.offers >> purchase.offer & 1 == 1 {
                    node.types.insert(index);
                }
                if node.types.count_ones(..) >= least && self.has_min_values(&node) {
                    break;
                }
            }
        }
        Some(node)
    }

    /// Leaves out the types that may cost as much or more, but never the one that the node is bought as: that one keeps to
    /// the offerings that cost less.
    pub(super) fn keep_below(&self, node: &mut Fresh, below: Usd) {
        let (offers, dear) = self.affordable(node.variant, node.type_index, node.offers, below);
        node.offers = offers;
        let mut kept = TypeSet::with_capacity(node.types.len());
        for purchase in &self.layout.purchases[node.variant as usize] {
            if purchase.price >= below {
                break;
            }
            let index = purchase.type_index as usize;
            let is_offered = node.offers >> purchase.offer & 1 == 1;
            if is_offered && node.types.contains(index) && !dear.contains(index) {
                kept.insert(index);
            }
        }
        kept.insert(node.type_index as usize);
        node.types = kept;
    }

    /// The offerings at which a type costs less, and the types that cost as much or more at one of those. A node may be
    /// launched as any of its types at any of its offerings, so that it is the dearest that has to be affordable
    /// (reference section 4.9).
    fn affordable(
        &self,
        variant: u32,
        type_index: u32,
        offers: OfferMask,
        below: Usd,
    ) -> (OfferMask, TypeSet) {
        let is_offered = |purchase: &&Purchase| offers >> purchase.offer & 1 == 1;
        let purchases = || self.layout.purchases[variant as usize].iter().filter(is_offered);
        let too_dear = |purchase: &&Purchase| purchase.price >= below;
        let own = purchases().filter(|purchase| purchase.type_index == type_index);
        let left = own.filter(too_dear).fold(offers, |left, purchase| left & !(1 << purchase.offer));
        let mut dear = TypeSet::with_capacity(self.layout.variants[variant as usize].net.len());
        for purchase in purchases().filter(too_dear).filter(|purchase| left >> purchase.offer & 1 == 1) {
            dear.insert(purchase.type_index as usize);
        }
        (left, dear)
    }
}
