//! The catalogue: what can be bought where and for how much, and what it gives to pods.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use supercargo_api::labels::keys;

use crate::capacity::capacity;
use crate::compatibility::{Incompatibility, compatibility};
use crate::encoding::decode;
use crate::market::{InterruptionBucket, Market, Region, SpotFigure, Zone};
use crate::node_class::NodeClassModel;
use crate::offers::{Place, RegionOffers};
use crate::overhead::allocatable;
use crate::type_labels::type_labels;
use crate::volume_limit::volume_attachments;
use crate::{InstanceType, PriceKind, PriceStamp, TypeFacts, Usd};

/// The file `cargo xtask catalog` makes.
static EMBEDDED: &[u8] = include_bytes!("../data/catalog.bin");

/// A market with the questions that are asked of it.
#[derive(Clone, Debug)]
pub struct Catalog {
    market: Market,
}

/// A price with its kind and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Dollars per hour.
    pub price: Usd,
    /// Where it comes from, and when.
    pub stamp: PriceStamp,
}

impl Catalog {
    /// The market this program was built with. Decoded at the first call.
    pub fn embedded() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "the bytes are part of the program, and a test decodes them")]
        CATALOG.get_or_init(|| Catalog::new(decode(EMBEDDED).expect("the embedded catalogue is intact")))
    }

    /// A catalogue of another market. Its tables must be in the order [`Market`] states.
    pub fn new(market: Market) -> Catalog {
        Catalog { market }
    }

    /// The tables.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Names of the regions, in order.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.market.regions.iter().map(|region| region.name.as_str())
    }

    /// The availability zones of a region, in order of their names; none if the region is unknown. Local and
    /// wavelength zones are not in the catalogue.
    pub fn zones(&self, region: &str) -> &[Zone] {
        self.market.region(region).map_or(&[], |region| region.zones.as_slice())
    }

    /// The region a zone of this name is in.
    pub fn region_of_zone(&self, zone: &str) -> Option<&str> {
        let holds = |region: &&Region| region.zones.iter().any(|other| other.name == zone);
        self.market.regions.iter().find(holds).map(|region| region.name.as_str())
    }

    /// Names of all instance types, in order.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.market.types.iter().map(|facts| facts.name.as_str())
    }

    /// The facts of an instance type.
    pub fn facts(&self, type_name: &str) -> Option<&TypeFacts> {
        self.market.types.get(self.market.position(type_name)?)
    }

    /// What AWS publishes about a type's spot capacity, or the documented default; none for types without spot.
    pub fn spot_figure(&self, type_name: &str) -> Option<SpotFigure> {
        *self.market.spot.get(self.market.position(type_name)?)?
    }

    /// How often spot instances of a type are interrupted; none for types without spot.
    pub fn interruption_bucket(&self, type_name: &str) -> Option<InterruptionBucket> {
        self.spot_figure(type_name).map(|figure| figure.interruption)
    }

    /// The on-demand price of a type in a region, also of types that are no longer sold to newcomers.
    pub fn on_demand_price(&self, region: &str, type_name: &str) -> Option<Price> {
        let region = self.market.region(region)?;
        if let Some(position) = self.market.position(type_name) {
            return region_price(&self.market, region, position);
        }
        let retired = self.market.retired.binary_search_by(|(name, _)| name.as_str().cmp(type_name)).ok()?;
        let (_, price) = self.market.retired.get(retired)?;
        Some(in_region(&self.market, region, *price, PriceKind::List))
    }

    /// The spot price of a type in a zone under the default seed, whether the zone sells the type or not.
    pub fn spot_price(&self, region: &str, zone: &str, type_name: &str) -> Option<Price> {
        let region = self.market.region(region)?;
        let position = self.market.position(type_name)?;
        let zone = region.zones.iter().position(|other| other.name == zone)?;
        let offers = RegionOffers::new(&self.market, region, NodeClassModel::default().settings.spot_seed);
        offers.spot_prices(position)?.into_iter().nth(zone)
    }

    /// Every type that nodes of the class can be of and that is sold in the region, with its offerings, in order
    /// of names. `zones` restricts the offerings; an unknown region or zone has none.
    pub fn instance_types(
        &self,
        region: &str,
        zones: Option<&[String]>,
        model: &NodeClassModel,
    ) -> Vec<InstanceType> {
        let Some(region) = self.market.region(region) else { return Vec::new() };
        let offers = RegionOffers::new(&self.market, region, model.settings.spot_seed);
        let places = Place::all(region, zones, model);
        let reservations = offers.reservations(&places, model);
        let resolve = |position: usize| {
            let facts = &self.market.types[position];
            let open = reservations.get(facts.name.as_str()).map_or(&[][..], Vec::as_slice);
            if open.is_empty() && !places.iter().any(|place| place.sells(position)) {
                return None;
            }
            let labels = type_labels(facts, &region.name, model.ami_family);
            compatibility(facts, &labels, model).ok()?;
            let offerings = offers.offerings(position, &places, open, model.dedicated_tenancy);
            if offerings.is_empty() {
                return None;
            }
            Some(InstanceType { offerings, ..resolved(facts, labels, model) })
        };
        (0..self.market.types.len()).filter_map(resolve).collect()
    }

    /// One type as the class sees it, whether or not the class can run it and whether or not the region sells it: for
    /// nodes that exist already. Its offerings are those of the region.
    pub fn instance_type(
        &self,
        region: &str,
        type_name: &str,
        model: &NodeClassModel,
    ) -> Option<InstanceType> {
        let position = self.market.position(type_name)?;
        let facts = self.market.types.get(position)?;
        let labels = type_labels(facts, region, model.ami_family);
        let offerings = self.market.region(region).map_or_else(Vec::new, |region| {
            let offers = RegionOffers::new(&self.market, region, model.settings.spot_seed);
            let places = Place::all(region, None, model);
            let reservations = offers.reservations(&places, model);
            let open = reservations.get(type_name).map_or(&[][..], Vec::as_slice);
            offers.offerings(position, &places, open, model.dedicated_tenancy)
        });
        Some(InstanceType { offerings, ..resolved(facts, labels, model) })
    }

    /// Why nodes of the class cannot be of a type; none if they can, or if the type is unknown.
    pub fn incompatibility(&self, type_name: &str, model: &NodeClassModel) -> Option<Incompatibility> {
        let facts = self.facts(type_name)?;
        let labels = type_labels(facts, "", model.ami_family);
        compatibility(facts, &labels, model).err()
    }
}

/// The type without offerings.
fn resolved(facts: &TypeFacts, labels: BTreeMap<String, String>, model: &NodeClassModel) -> InstanceType {
    let capacity = capacity(facts, model);
    debug_assert_eq!(labels.get(keys::INSTANCE_TYPE), Some(&facts.name));
    InstanceType {
        name: facts.name.clone(),
        labels,
        allocatable: allocatable(facts, model, &capacity),
        capacity,
        offerings: Vec::new(),
        volume_attachments: volume_attachments(facts, model),
    }
}

/// The on-demand price of a type in a region.
pub(crate) fn region_price(market: &Market, region: &Region, position: usize) -> Option<Price> {
    let listed = (*market.on_demand.get(position)?)?;
    Some(in_region(market, region, listed.price, listed.kind))
}

/// A price of us-east-1 in a region: the list's own, or multiplied and then an estimate of the older figure's day.
fn in_region(market: &Market, region: &Region, price: Usd, kind: PriceKind) -> Price {
    /// A hundredth of a cent: what AWS quotes.
    const UNIT: i64 = 100_000;
    if region.listed {
        return Price { price, stamp: PriceStamp::new(kind, market.list_date) };
    }
    let multiplied = price.scaled(i64::from(region.price_factor_permille), 1000 * UNIT).saturating_mul(UNIT);
    let date = region.price_date.min(market.list_date);
    Price { price: multiplied, stamp: PriceStamp::new(PriceKind::Estimate, date) }
}
