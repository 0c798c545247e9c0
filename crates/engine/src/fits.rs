//! Which new nodes would do for which pods: sets of (variant, types, offerings), interned.
//!
//! Everything static about a pod and a new node is settled here once per set of rules: taints, requirements, zones.
//! Pinning a pod to a topology domain is a restriction of its set, and is remembered too.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::class::NodeRules;
use crate::market::{Market, OfferMask, TypeSet, is_offering_label};
use crate::pools::{Pool, Variant};

/// Index of a set in [`Fits`].
pub type FitId = u32;

/// What one variant offers to a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fit {
    /// Index of the variant.
    pub variant: u32,
    /// Types that would do.
    pub types: TypeSet,
    /// Offerings that would do.
    pub offers: OfferMask,
}

/// All sets so far.
#[derive(Debug, Default)]
pub struct Fits {
    sets: Vec<Vec<Fit>>,
    by_content: FxHashMap<Vec<Fit>, FitId>,
    restricted: FxHashMap<(FitId, u32, String), FitId>,
    keys: Vec<String>,
    large_enough: FxHashMap<(FitId, Amounts), bool>,
    price_indices: FxHashMap<(FitId, Amounts), Usd>,
    parts: FxHashMap<(FitId, u32, Amounts), Arc<Vec<Part>>>,
}

/// The part of a set that lies in one domain.
#[derive(Clone, Debug)]
pub struct Part {
    /// The domain.
    pub domain: String,
    /// The part.
    pub fits: FitId,
    /// The [`Fits::price_index`] of the amounts it was asked for.
    pub price_index: Usd,
}

/// What sets are computed against.
#[derive(Clone, Copy)]
pub struct Ground<'g> {
    /// Offering keys.
    pub market: &'g Market,
    /// Pools.
    pub pools: &'g [Pool],
    /// Variants of the pools.
    pub variants: &'g [Variant],
}

impl Fits {
    /// The set's members, one per variant that would do.
    pub fn get(&self, id: FitId) -> &[Fit] {
        &self.sets[id as usize]
    }

    fn intern(&mut self, set: Vec<Fit>) -> FitId {
        if let Some(known) = self.by_content.get(&set) {
            return *known;
        }
        let id = self.sets.len() as FitId;
        self.sets.push(set.clone());
        self.by_content.insert(set, id);
        id
    }

    /// The set for one alternative of some rules. With `tolerate_preferences`, PreferNoSchedule taints are no
    /// obstacle.
    pub fn of_rules(
        &mut self,
        ground: Ground<'_>,
        rules: &NodeRules,
        requirements: &Requirements,
        tolerate_preferences: bool,
    ) -> FitId {
        let mut set = Vec::new();
        for (index, variant) in ground.variants.iter().enumerate() {
            let pool = &ground.pools[variant.pool as usize];
            let Some(table) = &pool.table else { continue };
            if taint::first_untolerated(&pool.taints, &rules.tolerations, !tolerate_preferences).is_some() {
                continue;
            }
            let Ok(admitted) = variant.admits(table, ground.market, requirements) else { continue };
            set.extend(available(ground, index as u32, admitted.types, admitted.offers));
        }
        self.intern(set)
    }

    /// Two sets as one, where that says the same: wherever both offer something, they agree on the types or on the
    /// offerings.
    pub fn union(&mut self, left: FitId, right: FitId) -> Option<FitId> {
        let mut set = self.sets[left as usize].clone();
        for fit in &self.sets[right as usize] {
            match set.iter_mut().find(|known| known.variant == fit.variant) {
                None => set.push(fit.clone()),
                Some(known) if known.offers == fit.offers => known.types.union_with(&fit.types),
                Some(known) if known.types == fit.types => known.offers |= fit.offers,
                Some(_) => return None,
            }
        }
        set.sort_by_key(|fit| fit.variant);
        Some(self.intern(set))
    }

    /// The part of a set that lies in one domain of a topology key.
    pub fn restrict(&mut self, ground: Ground<'_>, id: FitId, key: &str, domain: &str) -> FitId {
        let key_number = self.key_number(key);
        let cached = (id, key_number, domain.to_owned());
        if let Some(known) = self.restricted.get(&cached) {
            return *known;
        }
        let mut set = Vec::new();
        let by_offer = is_offering_label(key);
        let mut mask: OfferMask = 0;
        if by_offer {
            for (index, offer) in ground.market.keys.iter().enumerate() {
                if offer.label(key) == Some(domain) {
                    mask |= 1 << index;
                }
            }
        }
        for fit in self.sets[id as usize].clone() {
            let variant = &ground.variants[fit.variant as usize];
            let Some(table) = &ground.pools[variant.pool as usize].table else { continue };
            if by_offer {
                set.extend(available(ground, fit.variant, fit.types, fit.offers & mask));
            } else if let Some(value) = variant.labels.get(key) {
                if value == domain {
                    set.push(fit);
                }
            } else {
                let mut types = fit.types;
                let others: Vec<usize> =
                    types.ones().filter(|index| table.label(*index, key) != Some(domain)).collect();
                for index in others {
                    types.remove(index);
                }
                set.extend(available(ground, fit.variant, types, fit.offers));
            }
        }
        let restricted = self.intern(set);
        self.restricted.insert(cached, restricted);
        restricted
    }

    /// The parts of a set, one per domain of a topology key, that are large enough for the amounts.
    pub fn parts(&mut self, ground: Ground<'_>, id: FitId, key: &str, amounts: &Amounts) -> Arc<Vec<Part>> {
        let cached = (id, self.key_number(key), *amounts);
        if let Some(known) = self.parts.get(&cached) {
            return known.clone();
        }
        let mut parts = Vec::new();
        for domain in self.domains(ground, id, key) {
            let fits = self.restrict(ground, id, key, &domain);
            if self.is_large_enough(ground, fits, amounts) {
                let price_index = self.price_index(ground, fits, amounts);
                parts.push(Part { domain, fits, price_index });
            }
        }
        let parts = Arc::new(parts);
        self.parts.insert(cached, parts.clone());
        parts
    }

    fn key_number(&mut self, key: &str) -> u32 {
        let known = self.keys.iter().position(|known| known == key);
        known.unwrap_or_else(|| {
            self.keys.push(key.to_owned());
            self.keys.len() - 1
        }) as u32
    }

    /// The domains of a topology key that a set reaches, sorted.
    pub fn domains(&self, ground: Ground<'_>, id: FitId, key: &str) -> Vec<String> {
        let mut domains = std::collections::BTreeSet::new();
        for fit in &self.sets[id as usize] {
            let variant = &ground.variants[fit.variant as usize];
            let Some(table) = &ground.pools[variant.pool as usize].table else { continue };
            if is_offering_label(key) {
                let mut reached: OfferMask = 0;
                for index in fit.types.ones() {
                    reached |= table.offer_masks[index] & fit.offers;
                }
                for (index, offer) in ground.market.keys.iter().enumerate() {
                    if reached >> index & 1 == 1
                        && let Some(value) = offer.label(key)
                    {
                        domains.insert(value.to_owned());
                    }
                }
            } else if let Some(value) = variant.labels.get(key) {
                domains.insert(value.clone());
            } else {
                domains
                    .extend(fit.types.ones().filter_map(|index| table.label(index, key)).map(String::from));
            }
        }
        domains.into_iter().collect()
    }

    /// Whether any type of the set holds the amounts.
    pub fn is_large_enough(&mut self, ground: Ground<'_>, id: FitId, amounts: &Amounts) -> bool {
        if let Some(known) = self.large_enough.get(&(id, *amounts)) {
            return *known;
        }
        let set = &self.sets[id as usize];
        let enough = set.iter().any(|fit| {
            let net = &ground.variants[fit.variant as usize].net;
            fit.types.ones().any(|index| amounts.fits(&net[index]))
        });
        self.large_enough.insert((id, *amounts), enough);
        enough
    }
}

impl Fits {
    /// The least share of a node's price that the amounts would bear: the price times the largest fraction of the
    /// node they take. Good for ranking sets, not for adding up.
    pub fn price_index(&mut self, ground: Ground<'_>, id: FitId, amounts: &Amounts) -> Usd {
        if let Some(known) = self.price_indices.get(&(id, *amounts)) {
            return *known;
        }
        let mut least = f64::INFINITY;
        for fit in &self.sets[id as usize] {
            let variant = &ground.variants[fit.variant as usize];
            let Some(table) = &ground.pools[variant.pool as usize].table else { continue };
            for index in fit.types.ones() {
                let net = &variant.net[index];
                if !amounts.fits(net) {
                    continue;
                }
                let Some(offer) = table.cheapest_offer(index, fit.offers) else { continue };
                let shares = amounts.0.iter().zip(&net.0).filter(|(need, _)| **need > 0);
                let share = shares.map(|(need, have)| *need as f64 / *have as f64).fold(0.0, f64::max);
                least = least.min(offer.price.as_f64() * share);
            }
        }
        let index = if least.is_finite() { Usd::from_f64(least) } else { Usd::MAX };
        self.price_indices.insert((id, *amounts), index);
        index
    }
}

/// The fit without types that are not sold in any of the offerings; nothing when none is left.
fn available(ground: Ground<'_>, variant: u32, mut types: TypeSet, offers: OfferMask) -> Option<Fit> {
    let pool = ground.variants[variant as usize].pool;
    let table = ground.pools[pool as usize].table.as_ref()?;
    let sold_out: Vec<usize> = types.ones().filter(|index| table.offer_masks[*index] & offers == 0).collect();
    for index in sold_out {
        types.remove(index);
    }
    (!types.is_clear()).then_some(Fit { variant, types, offers })
}
