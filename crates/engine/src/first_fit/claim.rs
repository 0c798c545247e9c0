//! Nodes opened so far: each keeps every type that still holds its pods.

use std::collections::BTreeSet;

use supercargo_catalog::Usd;

use super::rooms::taken;
use super::{Refusal, State};
use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::fits::{Fit, Ground};
use crate::flexible::check_min_values;
use crate::market::{OfferMask, TypeSet, TypeTable, is_offering_label};
use crate::pack::{reserved_mask, within_limits};
use crate::planned::PlannedNode;
use crate::solve::{MinValuesPolicy, Relaxation};
use crate::topology::{HostCounts, Rule, Strength};

/// An open node.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    variant: u32,
    types: TypeSet,
    offers: OfferMask,
    used: Amounts,
    /// The most that any of its types has of each resource.
    most: Amounts,
    contents: Vec<(u32, u32)>,
    pods: Vec<u32>,
    host: HostCounts,
    ports: Vec<HostPort>,
    min_values_relaxed: bool,
}

/// What a claim may still be, once it takes a pod.
struct Narrowed {
    types: TypeSet,
    offers: OfferMask,
    min_values_relaxed: bool,
}

impl Claim {
    /// The claim at its cheapest offering.
    pub fn bought(&self, ground: Ground<'_>) -> Option<PlannedNode> {
        let table = ground.pools[ground.variants[self.variant as usize].pool as usize].table.as_ref()?;
        let offers =
            self.types.ones().filter_map(|index| Some((table.cheapest_offer(index, self.offers)?, index)));
        let (offer, chosen): (_, usize) =
            offers.min_by_key(|(offer, index)| (offer.price, *index, offer.key))?;
        let price: Usd = offer.price;
        Some(PlannedNode {
            variant: self.variant,
            types: self.types.clone(),
            offers: self.offers,
            chosen: chosen as u32,
            offer: offer.key,
            price,
            used: self.used,
            contents: self.contents.clone(),
            pods: self.pods.clone(),
            host: self.host.clone(),
            ports: self.ports.clone(),
            is_static: false,
            min_values_relaxed: self.min_values_relaxed,
        })
    }
}

impl State<'_> {
    /// Puts the pod on the first open claim that takes it, fewest pods first.
    pub(super) fn on_claim(&mut self, pod: u32, class: u32, level: &Relaxation) -> bool {
        let sets = self.sets(class, level);
        let keys = self.domain_keys(class, level);
        let mut position = 0;
        while let Some(index) = self.next_open(class, level, &mut position) {
            let claim = &self.claims[index as usize];
            let requests = &self.snapshot.classes[class as usize].requests;
            if !claim.used.plus(requests).fits(&claim.most) {
                self.closed(class, level).claims.insert(index as usize);
                continue;
            }
            let variant = claim.variant;
            let mut refusal = Refusal::Forever;
            for set in &sets {
                let fit = self.fits.get(*set).iter().find(|fit| fit.variant == variant).cloned();
                let Some(fit) = fit else { continue };
                let claim = std::mem::take(&mut self.claims[index as usize]);
                let narrowed = self.narrowed(class, level, &claim, &fit, &keys);
                self.claims[index as usize] = claim;
                match narrowed {
                    Ok(narrowed) => {
                        self.join(index, pod, class, narrowed);
                        return true;
                    }
                    Err(Refusal::Now) => refusal = Refusal::Now,
                    Err(Refusal::Forever) => {}
                }
            }
            if refusal == Refusal::Forever {
                self.closed(class, level).claims.insert(index as usize);
            }
        }
        false
    }

    /// The next claim in line that is not closed to the asker.
    fn next_open(&mut self, class: u32, level: &Relaxation, position: &mut usize) -> Option<u32> {
        self.closed(class, level);
        let closed = self.closed.get(&(class, *level))?;
        let rest = self.line.order().get(*position..)?;
        let ahead = rest.iter().position(|claim| !closed.claims.contains(*claim as usize))?;
        *position += ahead + 1;
        self.line.order().get(*position - 1).copied()
    }

    /// Opens a claim for the pod, heaviest NodePool first.
    pub(super) fn on_new_claim(&mut self, pod: u32, class: u32, level: &Relaxation) -> Result<(), Refusal> {
        let sets = self.sets(class, level);
        let keys = self.domain_keys(class, level);
        let reserved = reserved_mask(self.ground());
        let mut refusal = Refusal::Forever;
        for template in self.templates.clone() {
            for set in &sets {
                let fit = self.fits.get(*set).iter().find(|fit| fit.variant == template).cloned();
                let Some(mut fit) = fit else { continue };
                fit.offers &= !reserved;
                let Some(claim) = self.empty_claim(template, &fit) else { continue };
                match self.narrowed(class, level, &claim, &fit, &keys) {
                    Ok(narrowed) => {
                        let index = self.open(claim, &narrowed.types);
                        self.join(index, pod, class, narrowed);
                        return Ok(());
                    }
                    Err(Refusal::Now) => refusal = Refusal::Now,
                    Err(Refusal::Forever) => {}
                }
            }
        }
        Err(refusal)
    }

    fn empty_claim(&self, variant: u32, fit: &Fit) -> Option<Claim> {
        let template = &self.variants[variant as usize];
        let table = self.snapshot.pools[template.pool as usize].table.as_ref()?;
        let limits = &self.limits[template.pool as usize];
        let mut types = fit.types.clone();
        for index in fit.types.ones() {
            if !within_limits(limits, &table.types[index].capacity) {
                types.set(index, false);
            }
        }
        Some(Claim {
            variant,
            types,
            offers: template.offers & fit.offers,
            used: Amounts::ZERO,
            most: Amounts::ZERO,
            contents: Vec::new(),
            pods: Vec::new(),
            host: HostCounts::default(),
            ports: template.daemon_ports.clone(),
            min_values_relaxed: false,
        })
    }

    /// What a claim may still be with one pod more.
    fn narrowed(
        &mut self,
        class: u32,
        level: &Relaxation,
        claim: &Claim,
        fit: &Fit,
        keys: &[String],
    ) -> Result<Narrowed, Refusal> {
        let row = &self.snapshot.classes[class as usize];
        if taken(&row.host_ports, &claim.ports) {
            return Err(Refusal::Forever);
        }
        self.host_allows(class, level, &|group| claim.host.count(group))?;
        let used = claim.used.plus(&row.requests);
        let variant = &self.variants[claim.variant as usize];
        let mut types = claim.types.clone();
        types.intersect_with(&fit.types);
        for index in types.clone().ones() {
            if !used.fits(&variant.net[index]) {
                types.set(index, false);
            }
        }
        let offers = claim.offers & fit.offers;
        let snapshot = self.snapshot;
        let pool = &snapshot.pools[variant.pool as usize];
        let table = pool.table.as_deref().ok_or(Refusal::Forever)?;
        drop_sold_out(&mut types, offers, table);
        if types.is_clear() {
            return Err(Refusal::Forever);
        }
        let mut narrowed = Narrowed { types, offers, min_values_relaxed: false };
        for key in keys {
            let possible = self.possible_domains(claim.variant, &narrowed.types, narrowed.offers, key);
            let allowed = self.allowed_domains(class, level, key, &possible);
            if allowed.len() < possible.len() {
                self.keep_domains(claim.variant, &mut narrowed, key, &allowed, table);
            }
            if allowed.is_empty() || narrowed.types.is_clear() {
                return Err(Refusal::Now);
            }
        }
        let flexible =
            check_min_values(table, self.ground(), &pool.min_values, &narrowed.types, narrowed.offers);
        if flexible.is_err() {
            let fresh = claim.pods.is_empty();
            if self.options.min_values == MinValuesPolicy::Strict || !(fresh || claim.min_values_relaxed) {
                return Err(if keys.is_empty() { Refusal::Forever } else { Refusal::Now });
            }
            narrowed.min_values_relaxed = true;
        }
        Ok(narrowed)
    }

    fn open(&mut self, claim: Claim, types: &TypeSet) -> u32 {
        let pool = self.variants[claim.variant as usize].pool as usize;
        // Whichever type it will be, the limit must hold (reference section 2.11).
        if let Some(table) = &self.snapshot.pools[pool].table {
            for (resource, left) in &mut self.limits[pool] {
                let largest = types.ones().map(|index| table.types[index].capacity.get(resource)).max();
                *left -= if resource == "nodes" { 1 } else { largest.unwrap_or_default() };
            }
        }
        self.claims.push(claim);
        self.line.open()
    }

    fn join(&mut self, index: u32, pod: u32, class: u32, narrowed: Narrowed) {
        let row = &self.snapshot.classes[class as usize];
        let claim = &mut self.claims[index as usize];
        claim.types = narrowed.types;
        claim.offers = narrowed.offers;
        claim.min_values_relaxed |= narrowed.min_values_relaxed;
        claim.used.add(&row.requests);
        let net = &self.variants[claim.variant as usize].net;
        claim.most = Amounts::ZERO;
        for type_index in claim.types.ones() {
            claim.most = claim.most.at_least(&net[type_index]);
        }
        claim.ports.extend(row.host_ports.iter().cloned());
        claim.pods.push(pod);
        match claim.contents.iter_mut().find(|(known, _)| *known == class) {
            Some((_, count)) => *count += 1,
            None => claim.contents.push((class, 1)),
        }
        let links = &self.topology.links[class as usize];
        for group in links.matched.iter().filter(|group| self.topology.groups[**group as usize].by_host) {
            claim.host.record(*group, 1, 0);
            self.topology.host_totals[*group as usize] += 1;
        }
        for (group, strength) in &links.owned {
            let entry = &self.topology.groups[*group as usize];
            if entry.by_host && entry.rule == Rule::AntiAffinity && *strength == Strength::Required {
                claim.host.record(*group, 0, 1);
            }
        }
        self.line.grew(index);
        let (variant, types, offers) = (claim.variant, claim.types.clone(), claim.offers);
        let keys: BTreeSet<String> = {
            let links = &self.topology.links[class as usize];
            let groups = links.matched.iter().copied().chain(links.owned.iter().map(|(group, _)| *group));
            groups.map(|group| self.topology.groups[group as usize].key.clone()).collect()
        };
        let domains: Vec<(String, Vec<String>)> = keys
            .into_iter()
            .map(|key| {
                let possible = self.possible_domains(variant, &types, offers, &key);
                (key, possible)
            })
            .collect();
        self.record_domains(class, |key| {
            let known = domains.iter().find(|(known, _)| known == key);
            known.map(|(_, domains)| domains.clone()).unwrap_or_default()
        });
    }

    /// The domains that a claim may turn out to be in, sorted.
    fn possible_domains(&self, variant: u32, types: &TypeSet, offers: OfferMask, key: &str) -> Vec<String> {
        let template = &self.variants[variant as usize];
        if let Some(value) = template.labels.get(key) {
            return vec![value.clone()];
        }
        let Some(table) = &self.snapshot.pools[template.pool as usize].table else { return Vec::new() };
        let domains: BTreeSet<&str> = if is_offering_label(key) {
            let reached = types.ones().fold(0, |mask, index| mask | table.offer_masks[index]) & offers;
            let keys = self.snapshot.market.keys.iter().enumerate();
            keys.filter(|(index, _)| reached >> index & 1 == 1)
                .filter_map(|(_, offer)| offer.label(key))
                .collect()
        } else {
            types.ones().filter_map(|index| table.label(index, key)).collect()
        };
        domains.into_iter().map(str::to_owned).collect()
    }

    fn keep_domains(
        &self,
        variant: u32,
        narrowed: &mut Narrowed,
        key: &str,
        allowed: &[String],
        table: &TypeTable,
    ) {
        let is_allowed =
            |value: Option<&str>| value.is_some_and(|value| allowed.iter().any(|one| one == value));
        if is_offering_label(key) {
            for (index, offer) in self.snapshot.market.keys.iter().enumerate() {
                if !is_allowed(offer.label(key)) {
                    narrowed.offers &= !(1 << index);
                }
            }
        } else if let Some(value) = self.variants[variant as usize].labels.get(key) {
            if !is_allowed(Some(value)) {
                narrowed.types.clear();
            }
        } else {
            for index in narrowed.types.clone().ones() {
                if !is_allowed(table.label(index, key)) {
                    narrowed.types.set(index, false);
                }
            }
        }
        drop_sold_out(&mut narrowed.types, narrowed.offers, table);
    }
}

fn drop_sold_out(types: &mut TypeSet, offers: OfferMask, table: &TypeTable) {
    for index in types.clone().ones() {
        if table.offer_masks[index] & offers == 0 {
            types.set(index, false);
        }
    }
}
