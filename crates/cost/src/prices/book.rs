//! The book of prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;

use crate::facts::{BalancerFact, GIB, NodeFact, VolumeFact};
use crate::interval::{Interval, part};
use crate::money::{Money, fraction};
use crate::prices::billed;
use crate::prices::files::PriceEntry;
use crate::prices::{NodeLabel, PriceSource, SplitMethod, UnitPrices, VOLUME_TYPES};

/// Seconds of a month of 730 hours.
const MONTH: u128 = 730 * 3_600;

/// What a price of a node is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodePriceKey {
    /// One machine, by its instance id.
    Instance(Arc<str>),
    /// One machine, by the node's name.
    Node(Arc<str>),
    /// All machines of a type.
    Offering {
        /// Region; empty for all.
        region: Arc<str>,
        /// Zone; empty for all of the region.
        zone: Arc<str>,
        /// Instance type.
        instance_type: Arc<str>,
        /// Whether as spot instance.
        spot: bool,
    },
    /// All machines whose node has a label.
    Labelled {
        /// The label.
        label: NodeLabel,
        /// Its value, in small letters.
        value: Arc<str>,
        /// Region; empty for all.
        region: Arc<str>,
    },
}

/// A price with its origin and the time it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodePrice {
    /// Per hour.
    pub price: Usd,
    /// Where it comes from.
    pub source: PriceSource,
    /// When it held.
    pub valid: Interval,
    /// The day the figure is of, if it is of one.
    pub day: Option<Date>,
    /// Whether the machine's GPUs cost extra, what the book says of their model.
    pub without_gpus: bool,
}

/// What a node costs, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricedNode {
    /// Per hour.
    pub price: Usd,
    /// Where it comes from.
    pub source: PriceSource,
    /// The day the figure is of, if it is of one.
    pub day: Option<Date>,
}

/// What a GiB-month of a volume costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePrice {
    /// Per GiB and month of 730 hours.
    pub gib_month: Usd,
    /// Where it comes from.
    pub source: PriceSource,
}

/// All prices. Every change makes a new version, by which answers from older prices are known to be stale.
#[derive(Clone, Debug)]
pub struct PriceBook {
    pub(super) version: u64,
    pub(super) nodes: BTreeMap<NodePriceKey, Vec<NodePrice>>,
    /// Of a GPU, by model in small letters and region; an empty one is for all.
    pub(super) gpus: BTreeMap<(Arc<str>, Arc<str>), Usd>,
    pub(super) volumes: BTreeMap<Arc<str>, VolumePrice>,
    pub(super) units: UnitPrices,
    pub(super) split: SplitMethod,
}

impl Default for PriceBook {
    /// Default prices for everything, and the list prices of volume types.
    fn default() -> PriceBook {
        let volume = |(name, nanos): (&str, i64)| {
            (name.into(), VolumePrice { gib_month: Usd::from_nanos(nanos), source: PriceSource::List })
        };
        PriceBook {
            version: 0,
            nodes: BTreeMap::new(),
            gpus: BTreeMap::new(),
            volumes: VOLUME_TYPES.into_iter().map(volume).collect(),
            units: UnitPrices::default(),
            split: SplitMethod::DefaultRatio,
        }
    }
}

impl PriceBook {
    /// Grows with every change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Prices of units.
    pub const fn units(&self) -> &UnitPrices {
        &self.units
    }

    /// How nodes' prices are divided.
    pub const fn split_method(&self) -> &SplitMethod {
        &self.split
    }

    /// Sets the prices of units.
    pub fn set_units(&mut self, units: UnitPrices) {
        self.units = units;
        self.version += 1;
    }

    /// Sets how nodes' prices are divided.
    pub fn set_split_method(&mut self, method: SplitMethod) {
        self.split = method;
        self.version += 1;
    }

    /// Sets the price of a volume type or of a StorageClass, by name.
    pub fn set_volume_price(&mut self, name: &str, price: VolumePrice) {
        self.volumes.insert(name.into(), price);
        self.version += 1;
    }

    /// Adds prices of nodes. One of the same source and beginning as an older one takes its place: that is how a bill is
    /// corrected.
    pub fn add_node_prices(&mut self, prices: impl IntoIterator<Item = (NodePriceKey, NodePrice)>) {
        for (key, price) in prices {
            let entries = self.nodes.entry(key).or_default();
            let place =
                |entry: &NodePrice| (entry.source, entry.valid.start).cmp(&(price.source, price.valid.start));
            match entries.binary_search_by(place) {
                Ok(same) => entries[same] = price,
                Err(position) => entries.insert(position, price),
            }
        }
        self.version += 1;
    }

    /// Enters what a price file says.
    pub fn apply(&mut self, entries: &[PriceEntry]) {
        let nodes = entries.iter().filter_map(|entry| match entry {
            PriceEntry::Node(key, price) => Some((key.clone(), *price)),
            _ => None,
        });
        self.add_node_prices(nodes);
        for entry in entries {
            match entry {
                PriceEntry::Node(..) => {}
                PriceEntry::Volume { name, gib_month } => {
                    let price = VolumePrice { gib_month: *gib_month, source: PriceSource::Custom };
                    self.set_volume_price(name, price);
                }
                PriceEntry::Gpu { model, region, price } => {
                    self.gpus.insert((Arc::clone(model), Arc::clone(region)), *price);
                    self.version += 1;
                }
                PriceEntry::Units(changes) => {
                    self.units.apply(changes);
                    self.version += 1;
                }
            }
        }
    }

    /// What a node costs per hour, at the beginning of its stretch: the most trusted source that knows, and of those the
    /// most particular (reference section 4.2). A node nobody knows costs what its parts cost by default.
    pub fn node(&self, node: &NodeFact) -> PricedNode {
        let all: Arc<str> = "".into();
        let offering = |region: &Arc<str>, zone: &Arc<str>| NodePriceKey::Offering {
            region: Arc::clone(region),
            zone: Arc::clone(zone),
            instance_type: Arc::clone(&node.instance_type),
            spot: node.spot,
        };
        // the most particular first
        let keys = [
            NodePriceKey::Instance(node.instance_id().into()),
            NodePriceKey::Node(Arc::clone(&node.name)),
            offering(&node.region, &node.zone),
            offering(&all, &node.zone),
            offering(&node.region, &all),
            offering(&all, &all),
        ];
        let labelled = NodeLabel::ALL.into_iter().filter(|_| self.knows_labels()).flat_map(|label| {
            let value: Arc<str> = label.of(node).to_lowercase().into();
            [&node.region, &all].map(|region| NodePriceKey::Labelled {
                label,
                value: Arc::clone(&value),
                region: Arc::clone(region),
            })
        });
        let at = node.interval.start;
        let held = |price: &&NodePrice| {
            price.valid.start <= at && at < price.valid.end && !price.price.is_negative()
        };
        let newest_first = |price: &NodePrice| (price.source, std::cmp::Reverse(price.valid.start));
        let known = keys
            .into_iter()
            .chain(labelled)
            .filter_map(|key| {
                self.nodes.get(&key)?.iter().filter(held).min_by_key(|price| newest_first(price))
            })
            .min_by_key(|price| price.source);
        let by_units = self.units.node_source;
        match known.filter(|known| known.source <= by_units) {
            Some(known) => {
                let gpus = if known.without_gpus { self.gpus_of(node) } else { Usd::from_nanos(0) };
                PricedNode { price: known.price + gpus, source: known.source, day: known.day }
            }
            None => PricedNode { price: self.default_price(node), source: by_units, day: None },
        }
    }

    fn knows_labels(&self) -> bool {
        // they come last
        self.nodes.last_key_value().is_some_and(|(key, _)| matches!(key, NodePriceKey::Labelled { .. }))
    }

    fn default_price(&self, node: &NodeFact) -> Usd {
        let units = &self.units;
        let (core, gib, gpu) = if node.spot {
            (units.spot_core, units.spot_ram_gib, units.spot_gpu)
        } else {
            (units.core, units.ram_gib, units.gpu)
        };
        let amount = |price: Usd, amount: u64, unit: u64| {
            let nanos = u128::try_from(price.nanos()).unwrap_or(0) * u128::from(amount) / u128::from(unit);
            Usd::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
        };
        amount(core, node.capacity.millicores, 1_000)
            + amount(gib, node.capacity.ram_bytes, GIB)
            + amount(gpu, node.capacity.milli_gpus, 1_000)
    }

    /// What a node costs in the part of its stretch that lies in a window; parts of adjoining windows add up exactly.
    pub fn node_cost(&self, node: &NodeFact, window: Interval) -> (Money, PricedNode) {
        let priced = self.node(node);
        let all = Money::of_price(priced.price, node.interval.seconds());
        (money_part(all, node.interval, window), priced)
    }

    /// The price of a volume: that of its own name or its StorageClass if one was set, or of its type, or the default.
    pub fn volume(&self, volume: &VolumeFact) -> VolumePrice {
        let known = [&volume.name, &volume.storage_class, &volume.volume_type]
            .into_iter()
            .find_map(|name| self.volumes.get(name));
        known
            .copied()
            .unwrap_or(VolumePrice { gib_month: self.units.volume_gib_month, source: PriceSource::Default })
    }

    /// What a volume costs in the part of its stretch that lies in a window, by its bill if there is one, and where the price
    /// comes from.
    pub fn volume_cost(&self, volume: &VolumeFact, window: Interval) -> (Money, PriceSource) {
        let (all, source) = match self.billed(billed::volume(volume), volume.interval) {
            Some(cost) => (cost, PriceSource::Bill),
            None => {
                let price = self.volume(volume);
                (per_gib(price.gib_month, volume.byte_seconds(), MONTH), price.source)
            }
        };
        (money_part(all, volume.interval, window), source)
    }

    /// What a load balancer costs in the part of its stretch that lies in a window, by its bill if there is one, and where the
    /// price comes from.
    pub fn balancer_cost(&self, balancer: &BalancerFact, window: Interval) -> (Money, PriceSource) {
        let billed =
            billed::balancer(&balancer.address).and_then(|name| self.billed(name, balancer.interval));
        let (all, source) = match billed {
            Some(cost) => (cost, PriceSource::Bill),
            None => (Money::of_price(self.units.balancer, balancer.interval.seconds()), PriceSource::List),
        };
        (money_part(all, balancer.interval, window), source)
    }

    /// What a resource that is no node was billed for a stretch.
    fn billed(&self, resource: Arc<str>, stretch: Interval) -> Option<Money> {
        let prices = self.nodes.get(&NodePriceKey::Instance(resource))?;
        let held = |price: &&NodePrice| {
            price.source == PriceSource::Bill
                && price.valid.start <= stretch.start
                && stretch.start < price.valid.end
                && !price.price.is_negative()
        };
        let newest = prices.iter().filter(held).max_by_key(|price| price.valid.start)?;
        Some(Money::of_price(newest.price, stretch.seconds()))
    }
}

/// The part of a cost, spread evenly over `whole`, that falls into a window.
pub(crate) fn money_part(cost: Money, whole: Interval, window: Interval) -> Money {
    Money::from_nanos(i128::try_from(part(cost.weight(), whole, window)).unwrap_or(i128::MAX))
}

/// What a number of bytes costs at a price per GiB, rounded down.
pub(crate) fn per_gib_of(price: Usd, bytes: u128) -> Money {
    per_gib(price, bytes, 1)
}

/// `price · amount / (GiB · divisor)`, rounded down.
fn per_gib(price: Usd, amount: u128, divisor: u128) -> Money {
    let nanos = u128::try_from(price.nanos()).unwrap_or(0);
    let whole = u128::from(GIB) * divisor;
    // whole units apart, so that the fraction is below one
    let (units, rest) = (amount / whole, amount % whole);
    let cost = nanos.saturating_mul(units).saturating_add(fraction(nanos, rest, whole));
    Money::from_nanos(i128::try_from(cost).unwrap_or(i128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forever() -> Interval {
        Interval::new(0, i64::MAX)
    }

    fn node() -> NodeFact {
        NodeFact {
            provider_id: "aws:///us-east-1a/i-1".into(),
            instance_type: "m5.large".into(),
            region: "us-east-1".into(),
            zone: "us-east-1a".into(),
            interval: Interval::hour(7_200),
            ..NodeFact::default()
        }
    }

    fn price(nanos: i64, source: PriceSource) -> NodePrice {
        NodePrice { price: Usd::from_nanos(nanos), source, valid: forever(), day: None, without_gpus: false }
    }

    fn offering(zone: &str) -> NodePriceKey {
        NodePriceKey::Offering {
            region: "us-east-1".into(),
            zone: zone.into(),
            instance_type: "m5.large".into(),
            spot: false,
        }
    }

    /// Reference section 4.2, and the promise that a late bill re-prices the past.
    #[test]
    fn the_most_trusted_source_wins_and_a_bill_corrects_itself() {
        let mut book = PriceBook::default();
        assert_eq!(book.node(&node()).source, PriceSource::Default);
        book.add_node_prices([(offering(""), price(96_000_000, PriceSource::List))]);
        assert_eq!(book.node(&node()).price, Usd::from_nanos(96_000_000));
        book.add_node_prices([(offering("us-east-1a"), price(60_000_000, PriceSource::SavingsPlan))]);
        assert_eq!(book.node(&node()).source, PriceSource::SavingsPlan);
        let version = book.version();
        let bill = NodePriceKey::Instance("i-1".into());
        book.add_node_prices([(bill.clone(), price(50_000_000, PriceSource::Bill))]);
        book.add_node_prices([(bill, price(51_000_000, PriceSource::Bill))]);
        assert_eq!(book.node(&node()).price, Usd::from_nanos(51_000_000));
        assert!(book.version() > version);
    }

    #[test]
    fn a_price_holds_for_its_time_only() {
        let mut book = PriceBook::default();
        let early = NodePrice { valid: Interval::new(0, 7_200), ..price(1, PriceSource::SpotHistory) };
        let late = NodePrice { valid: Interval::new(7_200, 10_800), ..price(2, PriceSource::SpotHistory) };
        book.add_node_prices([(offering("us-east-1a"), early), (offering("us-east-1a"), late)]);
        assert_eq!(book.node(&node()).price, Usd::from_nanos(2));
        let before = NodeFact { interval: Interval::hour(0), ..node() };
        assert_eq!(book.node(&before).price, Usd::from_nanos(1));
    }

    #[test]
    fn a_gibibyte_month_of_gp3_is_eight_cents() {
        let volume = VolumeFact {
            bytes: 730 * GIB,
            volume_type: "gp3".into(),
            interval: Interval::hour(0),
            ..VolumeFact::default()
        };
        let (cost, source) = PriceBook::default().volume_cost(&volume, Interval::hour(0));
        assert_eq!(cost, Money::from_nanos(80_000_000));
        assert_eq!(source, PriceSource::List);
    }
}
