//! The market as one value: types, regions, zones, offerings and prices, as the embedded file holds them.
//!
//! Built by `cargo xtask catalog`, carried by [`crate::encoding`], read through [`crate::Catalog`].

use fixedbitset::FixedBitSet;
use jiff::civil::Date;

use crate::{PriceKind, TypeFacts, Usd};

/// All tables, indexed by instance type: position `n` of every table is about `types[n]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Where the facts come from: `moto 5.2.5`.
    pub source: String,
    /// The day of the on-demand list.
    pub list_date: Date,
    /// The day of the spot figures.
    pub spot_date: Date,
    /// The facts, ordered by name, no name twice.
    pub types: Vec<TypeFacts>,
    /// On-demand prices in us-east-1; none where no price is known.
    pub on_demand: Vec<Option<ListPrice>>,
    /// Spot figures; none for types not sold as spot capacity.
    pub spot: Vec<Option<SpotFigure>>,
    /// Prices in us-east-1 of types that are on the price list but not among `types`, ordered by name.
    pub retired: Vec<(String, Usd)>,
    /// The regions, ordered by name.
    pub regions: Vec<Region>,
}

/// An on-demand price in us-east-1 and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPrice {
    /// Dollars per hour.
    pub price: Usd,
    /// From the list, or estimated.
    pub kind: PriceKind,
}

/// What AWS publishes about a type's spot capacity in us-east-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpotFigure {
    /// Saving against on demand in percent, 0 to 100.
    pub saving_percent: u8,
    /// How often its instances are interrupted.
    pub interruption: InterruptionBucket,
    /// The figures are not the type's own, but the median of its family or of all types.
    pub defaulted: bool,
}

/// Share of a type's spot instances that were interrupted within a month, as AWS publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum InterruptionBucket {
    /// Below 5 %.
    #[serde(rename = "<5%")]
    Below5,
    /// 5 to 10 %.
    #[serde(rename = "5-10%")]
    From5To10,
    /// 10 to 15 %.
    #[serde(rename = "10-15%")]
    From10To15,
    /// 15 to 20 %.
    #[serde(rename = "15-20%")]
    From15To20,
    /// Above 20 %.
    #[serde(rename = ">20%")]
    Above20,
}

impl InterruptionBucket {
    /// All buckets, the rarest interruptions first; the position is AWS's number for it.
    pub const ALL: [InterruptionBucket; 5] = [
        InterruptionBucket::Below5,
        InterruptionBucket::From5To10,
        InterruptionBucket::From10To15,
        InterruptionBucket::From15To20,
        InterruptionBucket::Above20,
    ];

    /// The text shown: `<5%`, `5-10%` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            InterruptionBucket::Below5 => "<5%",
            InterruptionBucket::From5To10 => "5-10%",
            InterruptionBucket::From10To15 => "10-15%",
            InterruptionBucket::From15To20 => "15-20%",
            InterruptionBucket::Above20 => ">20%",
        }
    }

    /// The middle of the bucket as a monthly probability; 25 % for the open one.
    pub const fn monthly_probability(self) -> f64 {
        match self {
            InterruptionBucket::Below5 => 0.025,
            InterruptionBucket::From5To10 => 0.075,
            InterruptionBucket::From10To15 => 0.125,
            InterruptionBucket::From15To20 => 0.175,
            InterruptionBucket::Above20 => 0.25,
        }
    }
}

/// A region: its zones and its price level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// `eu-central-1`.
    pub name: String,
    /// On-demand prices compared with us-east-1, in thousandths: 1198 is 19.8 % more.
    pub price_factor_permille: u32,
    /// The day of the factor; for the region the list is of, the day of the list.
    pub price_date: Date,
    /// Prices are the list's own, not multiplied.
    pub listed: bool,
    /// The availability zones, ordered by name.
    pub zones: Vec<Zone>,
}

/// An availability zone and what is sold in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `eu-central-1a`, as one account sees it: AWS shuffles the letters per account.
    pub name: String,
    /// `euc1-az2`, the same for all accounts.
    pub zone_id: String,
    /// Bit `n` is set if `types[n]` is sold here.
    pub sells: FixedBitSet,
}

impl Market {
    /// Position of a type in the tables.
    pub fn position(&self, type_name: &str) -> Option<usize> {
        self.types.binary_search_by(|facts| facts.name.as_str().cmp(type_name)).ok()
    }

    /// A region by name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        let position = self.regions.binary_search_by(|region| region.name.as_str().cmp(name)).ok()?;
        self.regions.get(position)
    }
}
