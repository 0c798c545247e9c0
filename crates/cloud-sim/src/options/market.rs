//! How deep pools are, how prices move, what the account may have, and what it has reserved.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::InstanceMatchCriteria;
use supercargo_catalog::{CapacityType, ReservationKind, TypeFacts};
use supercargo_cloud::Tags;

/// Depth of pools and prices.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketOptions {
    /// How often depths change.
    pub step: Duration,
    /// Multiplies every depth.
    pub depth: f64,
    /// Multiplies how much depths move; zero for depths that stand still.
    pub volatility: f64,
    /// Multiplies how much spot prices move; zero for the catalogue's prices.
    pub price_volatility: f64,
    /// Depths that are given and do not move, by type, zone and capacity type (spot or on demand).
    pub fixed_depths: BTreeMap<(String, String, CapacityType), u32>,
}

impl Default for MarketOptions {
    fn default() -> MarketOptions {
        MarketOptions {
            step: Duration::from_secs(300),
            depth: 1.0,
            volatility: 1.0,
            price_volatility: 1.0,
            fixed_depths: BTreeMap::new(),
        }
    }
}

/// The classes of types that EC2 has vCPU quotas for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaClass {
    /// A, C, D, H, I, M, R, T and Z.
    Standard,
    /// G and VT.
    Graphics,
    /// P.
    Accelerated,
    /// Inf.
    Inferentia,
    /// Trn.
    Trainium,
    /// X.
    HighMemoryX,
    /// U.
    HighMemoryU,
    /// F.
    Fpga,
    /// DL.
    DeepLearning,
    /// HPC.
    Hpc,
}

impl QuotaClass {
    /// The class of a type.
    pub fn of(facts: &TypeFacts) -> QuotaClass {
        match facts.category().unwrap_or_default() {
            "g" | "gr" | "vt" => QuotaClass::Graphics,
            "p" => QuotaClass::Accelerated,
            "inf" => QuotaClass::Inferentia,
            "trn" => QuotaClass::Trainium,
            "x" => QuotaClass::HighMemoryX,
            "u" | "u7i" | "u7in" => QuotaClass::HighMemoryU,
            "f" => QuotaClass::Fpga,
            "dl" => QuotaClass::DeepLearning,
            "hpc" => QuotaClass::Hpc,
            _ => QuotaClass::Standard,
        }
    }
}

/// What the account may have at most. What is not named is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// vCPUs of running on-demand instances.
    pub on_demand_vcpus: BTreeMap<QuotaClass, u32>,
    /// vCPUs of running spot instances.
    pub spot_vcpus: BTreeMap<QuotaClass, u32>,
    /// Whether the role that EC2 needs for spot instances is missing.
    pub no_spot_role: bool,
}

/// A capacity reservation of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationOptions {
    /// `cr-…`; made up if absent.
    pub id: Option<String>,
    /// The type it is for.
    pub instance_type: String,
    /// The zone it is in.
    pub zone: String,
    /// Instances it holds.
    pub count: u32,
    /// On demand, or a capacity block.
    pub kind: ReservationKind,
    /// Whether EC2 may take its instances back.
    pub interruptible: bool,
    /// Whether it takes any matching instance or only those that name it.
    pub match_criteria: InstanceMatchCriteria,
    /// When it begins; none for at once.
    pub starts_at: Option<Timestamp>,
    /// When it ends; none if it stays.
    pub ends_at: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl ReservationOptions {
    /// An on-demand reservation that only takes instances that name it, without an end.
    pub fn targeted(
        instance_type: impl Into<String>,
        zone: impl Into<String>,
        count: u32,
    ) -> ReservationOptions {
        ReservationOptions {
            id: None,
            instance_type: instance_type.into(),
            zone: zone.into(),
            count,
            kind: ReservationKind::Default,
            interruptible: false,
            match_criteria: InstanceMatchCriteria::Targeted,
            starts_at: None,
            ends_at: None,
            tags: Tags::new(),
        }
    }
}
