//! A planned node in the words of a NodeClaim: which labels it may have, of which types it may be, what it must hold
//! (reference section 2.12).

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels::keys;
use supercargo_api::requirement::Operator;
use supercargo_api::requirements::Requirements;
use supercargo_api::{RequirementTerm, Resources};
use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud::launch::MAX_TYPES;
use supercargo_engine::amounts::{Amounts, VOLUME_PREFIX};
use supercargo_engine::market::{Market, OfferMask, TypeSet, TypeTable, is_offering_label};
use supercargo_engine::planned::PlannedNode;
use supercargo_engine::pools::{Pool, Variant};
use supercargo_engine::snapshot::Snapshot;
use supercargo_engine::whatif::Fresh;

/// What a NodeClaim will ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimShape {
    /// The NodePool.
    pub node_pool: String,
    /// Labels of the node that the NodePool decides, its own name and that of the class included.
    pub labels: BTreeMap<String, String>,
    /// What labels the node may have.
    pub requirements: Vec<RequirementTerm>,
    /// What its pods and the least of DaemonSets take.
    pub requests: Resources,
    /// The types it may be, cheapest first, at most 60.
    pub instance_types: Vec<String>,
    /// What each of them costs at its cheapest offering, in dollars per hour.
    pub prices: Vec<Usd>,
    /// The cheapest offering: dollars per hour.
    pub price: Usd,
    /// What it costs if it is launched where it is dearest, in dollars per hour.
    pub dearest: Usd,
    /// The most it may turn out to have, which is what counts against limits.
    pub capacity: Resources,
    /// The cheapest offering: zone.
    pub zone: String,
    /// The cheapest offering: how it is paid for.
    pub capacity_type: CapacityType,
    /// `minValues` could not be kept (best effort only).
    pub min_values_relaxed: bool,
    /// A NodeOverlay changed prices of its types.
    pub price_overlay: bool,
    /// A NodeOverlay changed what its types hold.
    pub capacity_overlay: bool,
}

struct Facts<'a> {
    variant: &'a Variant,
    types: &'a TypeSet,
    offers: OfferMask,
    chosen: (u32, u8, Usd),
    used: Amounts,
    min_values_relaxed: bool,
}

impl ClaimShape {
    /// What it counts against a limit of its NodePool, in base units.
    pub fn counted(&self, resource: &str) -> i64 {
        if resource == "nodes" { 1 } else { self.capacity.get(resource) }
    }

    /// The shape of a node that a plan would buy. Nothing if the node is not of this snapshot.
    pub fn of_planned(snapshot: &Snapshot, variants: &[Variant], node: &PlannedNode) -> Option<Self> {
        let facts = Facts {
            variant: variants.get(node.variant as usize)?,
            types: &node.types,
            offers: node.offers,
            chosen: (node.chosen, node.offer, node.price),
            used: node.used,
            min_values_relaxed: node.min_values_relaxed,
        };
        Self::of(snapshot, &facts)
    }

    /// The shape of a node that would replace others. Nothing if the node is not of this snapshot.
    pub fn of_fresh(snapshot: &Snapshot, variants: &[Variant], node: &Fresh) -> Option<Self> {
        let mut used = Amounts::ZERO;
        for (class, count) in &node.contents {
            let requests = &snapshot.classes.get(*class as usize)?.requests;
            used.add(&requests.times(i64::from(*count)));
        }
        let facts = Facts {
            variant: variants.get(node.variant as usize)?,
            types: &node.types,
            offers: node.offers,
            chosen: (node.type_index, node.offer, node.price),
            used,
            min_values_relaxed: false,
        };
        Self::of(snapshot, &facts)
    }

    fn of(snapshot: &Snapshot, facts: &Facts<'_>) -> Option<Self> {
        let pool = snapshot.pools.get(facts.variant.pool as usize)?;
        let table = pool.table.as_deref()?;
        let market = &snapshot.market;
        let (chosen, offer, price) = facts.chosen;
        let key = market.keys.get(usize::from(offer))?;
        // a node that counts on a reservation is launched into it and nowhere else
        let is_reserved = key.capacity_type == CapacityType::Reserved;
        let offers = if is_reserved { 1 << offer } else { facts.offers };
        let types = cheapest_types(table, market, pool, facts.types, offers, chosen);
        let reached = types.iter().fold(0, |mask, index| mask | table.offer_masks[*index]) & offers;
        let overhead = least_overhead(facts.variant, &types);
        let mut requests = snapshot.names.resources(&facts.used.plus(&overhead));
        let volumes: Vec<String> = requests
            .iter()
            .filter(|(name, _)| name.starts_with(VOLUME_PREFIX))
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in volumes {
            requests.remove(&name);
        }
        let labels = facts.variant.labels.iter().filter(|(key, _)| !is_simulated(key));
        let offered = types.iter().flat_map(|index| &table.offers[*index]);
        let offered = offered.filter(|offer| offers >> offer.key & 1 == 1);
        let dearest = offered.map(|offer| offer.price).fold(price, Usd::max);
        let mut capacity = Resources::new();
        for index in &types {
            for (name, amount) in table.types[*index].capacity.iter() {
                capacity.set(name, amount.max(capacity.get(name)));
            }
        }
        let plain = market.table(&pool.node_class).map(|table| &**table);
        let (price_overlay, capacity_overlay) = overlaid(table, plain, &types);
        Some(Self {
            node_pool: pool.name.clone(),
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            requirements: requirements(
                pool,
                facts.variant,
                table,
                market,
                &types,
                reached,
                facts.min_values_relaxed,
            ),
            requests,
            instance_types: types.iter().map(|index| table.types[*index].name.clone()).collect(),
            prices: types
                .iter()
                .map(|index| table.cheapest_offer(*index, offers).map_or(Usd::MAX, |offer| offer.price))
                .collect(),
            price,
            dearest,
            capacity,
            zone: key.zone.clone(),
            capacity_type: key.capacity_type,
            min_values_relaxed: facts.min_values_relaxed,
            price_overlay,
            capacity_overlay,
        })
    }
}

/// Labels that only matter while planning.
fn is_simulated(key: &str) -> bool {
    matches!(key, keys::REGISTERED | keys::INITIALIZED | keys::HOSTNAME)
}

/// At most [`MAX_TYPES`] types, the cheapest first, but such that `minValues` hold among them if they held before. The
/// chosen type is always one of them.
fn cheapest_types(
    table: &TypeTable,
    market: &Market,
    pool: &Pool,
    types: &TypeSet,
    offers: OfferMask,
    chosen: u32,
) -> Vec<usize> {
    let mut ordered: Vec<(Usd, usize)> =
        types.ones().filter_map(|index| Some((table.cheapest_offer(index, offers)?.price, index))).collect();
    ordered.sort_unstable();
    let chosen = chosen as usize;
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    if ordered.iter().any(|(_, index)| *index == chosen) {
        kept.insert(chosen);
    }
    for (key, least) in &pool.min_values {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for (_, index) in &ordered {
            if seen.len() as u64 >= u64::from(*least) || kept.len() >= MAX_TYPES {
                break;
            }
            let fresh: Vec<String> = label_values(table, market, *index, offers, key)
                .into_iter()
                .filter(|value| !seen.contains(value))
                .collect();
            if !fresh.is_empty() {
                seen.extend(fresh);
                kept.insert(*index);
            }
        }
    }
    for (_, index) in &ordered {
        if kept.len() >= MAX_TYPES {
            break;
        }
        kept.insert(*index);
    }
    ordered.into_iter().map(|(_, index)| index).filter(|index| kept.contains(index)).collect()
}

/// The values of a label that a type can have with these offerings.
fn label_values(
    table: &TypeTable,
    market: &Market,
    index: usize,
    offers: OfferMask,
    key: &str,
) -> Vec<String> {
    if !is_offering_label(key) {
        return table.label(index, key).map(str::to_owned).into_iter().collect();
    }
    let mask = table.offer_masks[index] & offers;
    let reached = market.keys.iter().enumerate().filter(|(offer, _)| mask >> offer & 1 == 1);
    reached.filter_map(|(_, offer)| offer.label(key).map(str::to_owned)).collect()
}

fn least_overhead(variant: &Variant, types: &[usize]) -> Amounts {
    let overheads = types.iter().filter_map(|index| variant.overhead.get(*index).copied());
    overheads.reduce(|left, right| left.at_most(&right)).unwrap_or(Amounts::ZERO)
}

/// Whether overlays changed prices, and whether they changed capacity.
fn overlaid(table: &TypeTable, plain: Option<&TypeTable>, types: &[usize]) -> (bool, bool) {
    let Some(plain) = plain.filter(|plain| !std::ptr::eq(*plain, table)) else { return (false, false) };
    let (mut price, mut capacity) = (false, false);
    for index in types {
        let ours = &table.types[*index];
        let Ok(theirs) = plain.types.binary_search_by(|known| known.name.cmp(&ours.name)) else { continue };
        let theirs = &plain.types[theirs];
        let pairs = ours.offerings.iter().zip(&theirs.offerings);
        price |= pairs.into_iter().any(|(one, other)| one.price != other.price);
        capacity |= ours.capacity != theirs.capacity;
    }
    (price, capacity)
}

fn requirements(
    pool: &Pool,
    variant: &Variant,
    table: &TypeTable,
    market: &Market,
    types: &[usize],
    reached: OfferMask,
    relaxed: bool,
) -> Vec<RequirementTerm> {
    let all_values = |mask: OfferMask, key: &str| -> BTreeSet<String> {
        let offers = market.keys.iter().enumerate().filter(|(offer, _)| mask >> offer & 1 == 1);
        offers.filter_map(|(_, offer)| offer.label(key).map(str::to_owned)).collect()
    };
    let possible =
        variant.types.ones().fold(0, |mask, index| mask | table.offer_masks[index]) & variant.offers;
    let mut settled: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let names: BTreeSet<String> = types.iter().map(|index| table.types[*index].name.clone()).collect();
    settled.insert(keys::INSTANCE_TYPE.to_owned(), names.into_iter().collect());
    let capacity_types = all_values(reached, keys::CAPACITY_TYPE);
    if capacity_types.contains(CapacityType::Reserved.as_str()) {
        let ids = all_values(reached, keys::CAPACITY_RESERVATION_ID);
        settled.insert(keys::CAPACITY_RESERVATION_ID.to_owned(), ids.into_iter().collect());
    }
    settled.insert(keys::CAPACITY_TYPE.to_owned(), capacity_types.into_iter().collect());
    for key in [keys::ZONE, keys::INSTANCE_TENANCY] {
        let wanted = all_values(reached, key);
        if wanted != all_values(possible, key) && !wanted.is_empty() {
            settled.insert(key.to_owned(), wanted.into_iter().collect());
        }
    }
    for (key, value) in &variant.labels {
        let is_open = !is_simulated(key) && !pool.labels.contains_key(key);
        if is_open {
            settled.insert(key.clone(), vec![value.clone()]);
        }
    }
    let mut terms = Vec::new();
    let asked: &Requirements = &pool.requirements;
    for requirement in asked.iter().filter(|requirement| !is_simulated(&requirement.key)) {
        let key = requirement.key.as_str();
        let min_values = requirement.min_values.and_then(|least| i32::try_from(least).ok());
        let own = settled.remove(key).map(|values| vec![(Operator::In, values)]);
        for (position, (operator, values)) in
            own.unwrap_or_else(|| requirement.terms()).into_iter().enumerate()
        {
            let mut term = RequirementTerm::new(key, operator, values);
            if position == 0 {
                term.min_values = min_values.map(|least| {
                    let reachable = || {
                        let found: BTreeSet<String> = types
                            .iter()
                            .flat_map(|index| label_values(table, market, *index, reached, key))
                            .collect();
                        i32::try_from(found.len()).unwrap_or(i32::MAX)
                    };
                    // what cannot be kept is written down as what can (reference section 2.5)
                    if relaxed { least.min(reachable()) } else { least }
                });
            }
            terms.push(term);
        }
    }
    terms.extend(settled.into_iter().map(|(key, values)| RequirementTerm::new(key, Operator::In, values)));
    terms
}
