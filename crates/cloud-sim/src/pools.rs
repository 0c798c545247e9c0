//! Pools: how many instances of a type a zone has for spot and for on demand, and what spot costs.
//!
//! A pool's mean depth follows from its type: deep for common families, shallow for what is rare, new, bare or has GPUs.
//! Around it wanders [`Noise`]; the spot price moves against it. Events of the script come on top. Both are functions of
//! the moment alone; only how many instances are in use is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, Catalog, InterruptionBucket, TypeFacts, Usd};
use supercargo_clock::Randomness;
use supercargo_cloud::Tags;

use crate::noise::{Noise, fraction, hash};
use crate::shocks::Shocks;
use crate::{MarketOptions, RegionOptions};

/// A type in a zone, for spot or on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PoolKey {
    /// Position of the type in the catalogue.
    pub type_index: u32,
    /// Position of the zone in the region.
    pub zone: u8,
    /// Spot or on demand.
    pub spot: bool,
}

impl PoolKey {
    pub(crate) fn capacity_type(self) -> CapacityType {
        if self.spot { CapacityType::Spot } else { CapacityType::OnDemand }
    }
}

/// A zone of the region.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub name: String,
    pub zone_id: String,
    /// Position among the catalogue's zones of the region.
    pub catalog_position: usize,
}

/// Instances of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Use {
    /// All that have not ended.
    taken: u32,
    /// Those of them that have got notice.
    leaving: u32,
}

/// AWS quotes spot prices to a hundredth of a cent.
const PRICE_UNIT: i64 = 100_000;
/// Seconds for which a spot price stays.
const PRICE_STEP: i64 = 3_600;

/// The pools of a region.
#[derive(Debug)]
pub(crate) struct Pools {
    catalog: Arc<Catalog>,
    region: String,
    pub zones: Vec<Zone>,
    options: MarketOptions,
    step: i64,
    seed: u64,
    on_demand: Vec<Option<Usd>>,
    /// A number for each type that follows from its name.
    names: Vec<u64>,
    /// What is sold on demand and as spot, by type, then zone.
    sold: Vec<[bool; 2]>,
    /// The catalogue's spot prices, by type and zone; looked up when first asked for.
    spot: Vec<OnceLock<Vec<Option<Usd>>>>,
    fixed: BTreeMap<PoolKey, u32>,
    in_use: BTreeMap<PoolKey, Use>,
}

impl Pools {
    pub(crate) fn new(options: &RegionOptions, randomness: &Randomness) -> Pools {
        let catalog = Arc::clone(&options.catalog);
        let known = catalog.zones(&options.region);
        let is_wanted = |name: &String| options.zones.as_ref().is_none_or(|zones| zones.contains(name));
        let zones: Vec<Zone> = known
            .iter()
            .enumerate()
            .filter(|(_, zone)| is_wanted(&zone.name))
            .map(|(catalog_position, zone)| Zone {
                name: zone.name.clone(),
                zone_id: zone.zone_id.clone(),
                catalog_position,
            })
            .collect();
        let types = &catalog.market().types;
        let price = |facts: &TypeFacts| {
            catalog.on_demand_price(&options.region, &facts.name).map(|price| price.price)
        };
        let on_demand: Vec<Option<Usd>> = types.iter().map(price).collect();
        let name_number =
            |facts: &TypeFacts| facts.name.bytes().fold(0, |sum, byte| hash(sum, &[u64::from(byte)]));
        let names = types.iter().map(name_number).collect();
        let mut sold = Vec::with_capacity(types.len() * zones.len());
        for (index, facts) in types.iter().enumerate() {
            for zone in &zones {
                let in_zone =
                    known.get(zone.catalog_position).is_some_and(|known| known.sells.contains(index));
                let is_sold = in_zone && on_demand[index].is_some();
                let has_spot = facts.sold_as_spot && catalog.spot_figure(&facts.name).is_some();
                sold.push([is_sold && facts.sold_on_demand, is_sold && has_spot]);
            }
        }
        let spot = types.iter().map(|_| OnceLock::new()).collect();
        let mut fixed = BTreeMap::new();
        for ((type_name, zone, capacity_type), depth) in &options.market.fixed_depths {
            let type_index = catalog.market().position(type_name);
            let zone = zones.iter().position(|other| other.name == *zone);
            if let (Some(type_index), Some(zone)) = (type_index, zone) {
                let spot = *capacity_type == CapacityType::Spot;
                fixed.insert(PoolKey { type_index: type_index as u32, zone: zone as u8, spot }, *depth);
            }
        }
        Pools {
            region: options.region.clone(),
            zones,
            step: i64::try_from(options.market.step.as_secs()).unwrap_or(i64::MAX).max(1),
            options: options.market.clone(),
            seed: randomness.fork("pools").u64(),
            on_demand,
            names,
            sold,
            spot,
            fixed,
            in_use: BTreeMap::new(),
            catalog,
        }
    }

    /// The pool of a type in a zone; none if either does not exist.
    pub(crate) fn key(&self, type_name: &str, zone: &str, spot: bool) -> Option<PoolKey> {
        let type_index = self.catalog.market().position(type_name)?;
        let zone = self.zones.iter().position(|other| other.name == zone)?;
        Some(PoolKey { type_index: type_index as u32, zone: zone as u8, spot })
    }

    /// The pool that an offering is taken from; none if it is not sold. Reserved capacity is not a pool.
    pub(crate) fn of_offering(
        &self,
        type_name: &str,
        zone: &str,
        capacity_type: CapacityType,
    ) -> Option<PoolKey> {
        let spot = match capacity_type {
            CapacityType::Spot => true,
            CapacityType::OnDemand => false,
            CapacityType::Reserved => return None,
        };
        self.key(type_name, zone, spot).filter(|key| self.sells(*key))
    }

    pub(crate) fn facts(&self, key: PoolKey) -> &TypeFacts {
        &self.catalog.market().types[key.type_index as usize]
    }

    pub(crate) fn zone(&self, key: PoolKey) -> &Zone {
        &self.zones[key.zone as usize]
    }

    /// Whether the zone sells the type in this way at all.
    pub(crate) fn sells(&self, key: PoolKey) -> bool {
        let place = key.type_index as usize * self.zones.len() + key.zone as usize;
        self.sold.get(place).is_some_and(|[on_demand, spot]| if key.spot { *spot } else { *on_demand })
    }

    /// All types that are sold in a zone in some way.
    pub(crate) fn sold(&self) -> impl Iterator<Item = PoolKey> {
        let types = 0..self.on_demand.len() as u32;
        types.flat_map(move |type_index| {
            let zones = 0..self.zones.len() as u8;
            zones.flat_map(move |zone| [false, true].map(|spot| PoolKey { type_index, zone, spot }))
        })
    }

    /// Instances that the pool has at a moment, those in use included.
    pub(crate) fn depth(&self, key: PoolKey, now: Timestamp, shocks: &Shocks) -> u32 {
        if !self.sells(key) {
            return 0;
        }
        let undisturbed = match self.fixed.get(&key) {
            Some(depth) => f64::from(*depth),
            None => self.wandering_depth(key, now),
        };
        let (facts, zone) = (self.facts(key), self.zone(key));
        shocks.depth(&facts.name, &zone.name, key.capacity_type(), undisturbed, now)
    }

    fn wandering_depth(&self, key: PoolKey, now: Timestamp) -> f64 {
        let class = DepthClass::of(self.facts(key));
        let mean = class.mean(self.facts(key), key.spot) * self.options.depth;
        // no two pools of a class are equally deep
        let own = 0.4 + 1.2 * fraction(self.seed, &[1, self.pool_number(key)]);
        let second = now.as_second().div_euclid(self.step).saturating_mul(self.step);
        let swing = class.swing(key.spot) * self.options.volatility;
        let factor = 1.0 + swing * self.noise(key).at(second) - swing * 0.2 * business_hours(second);
        (mean * own * factor).max(0.0).floor()
    }

    fn pool_number(&self, key: PoolKey) -> u64 {
        // the type's name and not its position: another catalogue leaves the pools that stay as they are
        let name = self.names[key.type_index as usize];
        hash(name, &[self.zone(key).catalog_position as u64, u64::from(key.spot)])
    }

    fn noise(&self, key: PoolKey) -> Noise {
        Noise::new(hash(self.seed, &[2, self.pool_number(key)]))
    }

    /// Instances that can still be sold.
    pub(crate) fn available(&self, key: PoolKey, now: Timestamp, shocks: &Shocks) -> u32 {
        self.depth(key, now, shocks).saturating_sub(self.taken(key))
    }

    /// Instances in use.
    pub(crate) fn taken(&self, key: PoolKey) -> u32 {
        self.in_use.get(&key).map_or(0, |counted| counted.taken)
    }

    /// How many instances of a spot pool have to go besides those that have got notice.
    pub(crate) fn excess(&self, key: PoolKey, now: Timestamp, shocks: &Shocks) -> u32 {
        let counted = self.in_use.get(&key).copied().unwrap_or_default();
        let staying = counted.taken.saturating_sub(counted.leaving);
        staying.saturating_sub(self.depth(key, now, shocks))
    }

    /// Spot pools with instances.
    pub(crate) fn live_spot(&self) -> Vec<PoolKey> {
        self.in_use.keys().copied().filter(|key| key.spot).collect()
    }

    pub(crate) fn take(&mut self, key: PoolKey) {
        self.in_use.entry(key).or_default().taken += 1;
    }

    pub(crate) fn mark_leaving(&mut self, key: PoolKey) {
        self.in_use.entry(key).or_default().leaving += 1;
    }

    /// Gives an instance back.
    pub(crate) fn release(&mut self, key: PoolKey, was_leaving: bool) {
        if let Some(counted) = self.in_use.get_mut(&key) {
            counted.taken = counted.taken.saturating_sub(1);
            counted.leaving = counted.leaving.saturating_sub(u32::from(was_leaving));
            if counted.taken == 0 {
                self.in_use.remove(&key);
            }
        }
    }

    /// The on-demand price.
    pub(crate) fn on_demand_price(&self, key: PoolKey) -> Option<Usd> {
        *self.on_demand.get(key.type_index as usize)?
    }

    /// The catalogue's price of the pool.
    fn list_price(&self, key: PoolKey) -> Option<Usd> {
        if !key.spot {
            return self.on_demand_price(key);
        }
        let by_zone = self.spot.get(key.type_index as usize)?.get_or_init(|| {
            let name = &self.facts(key).name;
            let in_zone = |zone: &Zone| self.catalog.spot_price(&self.region, &zone.name, name);
            self.zones.iter().map(|zone| in_zone(zone).map(|price| price.price)).collect()
        });
        *by_zone.get(key.zone as usize)?
    }

    /// Dollars per hour at a moment.
    pub(crate) fn price(&self, key: PoolKey, now: Timestamp, shocks: &Shocks) -> Option<Usd> {
        let listed = self.list_price(key)?;
        if !key.spot {
            return Some(listed);
        }
        let on_demand = self.on_demand_price(key)?;
        let second = self.price_since(now).as_second();
        let moved = self.options.price_volatility * 0.25 * -self.noise(key).at(second);
        let (facts, zone) = (self.facts(key), self.zone(key));
        let shock = shocks.price_factor(&facts.name, &zone.name, CapacityType::Spot, now);
        let exact = listed.as_f64() * (1.0 + moved).max(0.2) * shock;
        let quoted = Usd::from_f64(exact).scaled(1, PRICE_UNIT).saturating_mul(PRICE_UNIT);
        Some(quoted.max(Usd::from_nanos(PRICE_UNIT)).min(on_demand))
    }

    /// Since when the price of a moment holds, events of the script apart.
    pub(crate) fn price_since(&self, now: Timestamp) -> Timestamp {
        let second = now.as_second().div_euclid(PRICE_STEP).saturating_mul(PRICE_STEP);
        Timestamp::from_second(second).unwrap_or(now)
    }

    /// The next moment at which depths change by themselves.
    pub(crate) fn next_step(&self, now: Timestamp) -> Timestamp {
        let second = now.as_second().div_euclid(self.step).saturating_add(1).saturating_mul(self.step);
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
    }

    /// Mean seconds until an instance of the pool is taken back; none if it never is. Where little is left it is sooner,
    /// where much is left later.
    pub(crate) fn mean_time_to_interruption(&self, key: PoolKey, available: u32) -> Option<f64> {
        const MONTH: f64 = 30.0 * 86_400.0;
        let bucket = self.catalog.interruption_bucket(&self.facts(key).name)?;
        // -ln(1 - p) for the middle of each bucket
        let monthly = match bucket {
            InterruptionBucket::Below5 => 0.025_317_8,
            InterruptionBucket::From5To10 => 0.077_961_5,
            InterruptionBucket::From10To15 => 0.133_531_4,
            InterruptionBucket::From15To20 => 0.192_371_9,
            InterruptionBucket::Above20 => 0.287_682_1,
        };
        let scarcity = (40.0 / f64::from(available.max(1))).clamp(0.5, 3.0);
        Some(MONTH / (monthly * scarcity))
    }
}

/// The generation that is still being built up.
const NEWEST_GENERATION: u32 = 8;

/// How rare a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DepthClass {
    /// General purpose, compute and memory types of the last years.
    Common,
    /// Their newest generation.
    New,
    /// Burstable types and those of before.
    Old,
    /// Storage, large memory and other special types.
    Special,
    /// GPUs and accelerators.
    Accelerated,
    /// Whole machines.
    Metal,
}

impl DepthClass {
    fn of(facts: &TypeFacts) -> DepthClass {
        let generation = facts.generation().and_then(|number| number.parse::<u32>().ok()).unwrap_or(1);
        if facts.size().starts_with("metal") {
            DepthClass::Metal
        } else if !facts.gpus.is_empty() || facts.accelerator.is_some() {
            DepthClass::Accelerated
        } else if !matches!(facts.category(), Some("m" | "c" | "r" | "t")) {
            DepthClass::Special
        } else if generation >= NEWEST_GENERATION {
            DepthClass::New
        } else if generation < 5 {
            DepthClass::Old
        } else {
            DepthClass::Common
        }
    }

    /// Mean instances of the pool, from vCPUs a zone has of the type. The figures are ours; AWS publishes none.
    fn mean(self, facts: &TypeFacts, spot: bool) -> f64 {
        let (on_demand, as_spot) = match self {
            DepthClass::Common => (20_000.0, 7_000.0),
            DepthClass::New => (6_000.0, 1_500.0),
            DepthClass::Old => (5_000.0, 1_500.0),
            DepthClass::Special => (4_000.0, 1_000.0),
            DepthClass::Accelerated => (500.0, 120.0),
            DepthClass::Metal => (700.0, 160.0),
        };
        let vcpus = if spot { as_spot } else { on_demand };
        vcpus / f64::from(facts.vcpus.max(1))
    }

    /// How much the depth moves, compared with its mean.
    fn swing(self, spot: bool) -> f64 {
        let on_demand = match self {
            DepthClass::Common => 0.15,
            DepthClass::New | DepthClass::Old => 0.4,
            DepthClass::Special => 0.6,
            DepthClass::Accelerated | DepthClass::Metal => 1.2,
        };
        if spot { on_demand + 0.35 } else { on_demand }
    }
}

/// How busy a moment is: 0 at midnight, 1 at noon (UTC), in straight lines; none at weekends.
fn business_hours(second: i64) -> f64 {
    let day = second.div_euclid(86_400);
    // 1970-01-01 was a Thursday
    if (day + 3).rem_euclid(7) >= 5 {
        return 0.0;
    }
    let from_noon = (second.rem_euclid(86_400) - 43_200).abs() as f64;
    1.0 - from_noon / 43_200.0
}

/// The tags by which subnets and security groups are found.
pub(crate) fn discovery_tags(options: &RegionOptions) -> Tags {
    let mut tags = options.network.tags.clone();
    tags.insert(supercargo_cloud::tags::DISCOVERY.to_owned(), options.cluster_name.clone());
    tags
}
