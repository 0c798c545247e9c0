//! What the engine buys: an instance type as one node class sees it, and the offerings of that type.
//!
//! An [`Offering`] is one (zone, capacity type) at one price; an [`InstanceType`] carries the labels its
//! node will have, what the machine holds, and what is left for pods. Tests and benchmarks build both by
//! hand; [`crate::Catalog::instance_types`] builds them from the embedded data.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use supercargo_api::Resources;
use thiserror::Error;

use crate::Usd;

/// How an instance is paid for; the value of the label `karpenter.sh/capacity-type` (reference row 1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// Paid already, through a capacity reservation.
    Reserved,
    /// Spare capacity that EC2 may take back with two minutes' notice.
    Spot,
    /// The list price, no commitment.
    OnDemand,
}

impl CapacityType {
    /// All three, in the order a launch prefers them (reference section 5.4, step 4).
    pub const ALL: [CapacityType; 3] = [CapacityType::Reserved, CapacityType::Spot, CapacityType::OnDemand];

    /// The label value: `on-demand`, `spot` or `reserved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            CapacityType::OnDemand => "on-demand",
            CapacityType::Spot => "spot",
            CapacityType::Reserved => "reserved",
        }
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A text that is no capacity type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown capacity type {text:?}: expected on-demand, spot or reserved")]
pub struct CapacityTypeError {
    /// The offending text, cut to 40 characters.
    pub text: String,
}

impl FromStr for CapacityType {
    type Err = CapacityTypeError;

    fn from_str(text: &str) -> Result<CapacityType, CapacityTypeError> {
        CapacityType::ALL
            .into_iter()
            .find(|capacity_type| capacity_type.as_str() == text)
            .ok_or_else(|| CapacityTypeError { text: text.chars().take(40).collect() })
    }
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriceKind {
    /// AWS's published price of that day.
    List,
    /// Derived by us: a list price times a region's or a family's factor, or a spot saving.
    Estimate,
    /// Read from the account, or given by the user.
    Live,
}

impl PriceKind {
    /// The word shown to the user: `list`, `estimate` or `live`.
    pub const fn as_str(self) -> &'static str {
        match self {
            PriceKind::List => "list",
            PriceKind::Estimate => "estimate",
            PriceKind::Live => "live",
        }
    }
}

impl fmt::Display for PriceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The kind and the day of a price. Every price that is shown to a user carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PriceStamp {
    /// Where the price comes from.
    pub kind: PriceKind,
    /// The day the figure was valid on.
    pub date: jiff::civil::Date,
}

impl PriceStamp {
    /// A stamp.
    pub const fn new(kind: PriceKind, date: jiff::civil::Date) -> PriceStamp {
        PriceStamp { kind, date }
    }
}

impl fmt::Display for PriceStamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{} {}", self.kind, self.date))
    }
}

/// What kind of capacity reservation backs a reserved offering: the value of the label
/// `karpenter.k8s.aws/capacity-reservation-type` (reference row 1.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReservationKind {
    /// An on-demand capacity reservation.
    #[default]
    Default,
    /// A capacity block for machine learning, with an end.
    CapacityBlock,
}

impl ReservationKind {
    /// The label value: `default` or `capacity-block`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReservationKind::Default => "default",
            ReservationKind::CapacityBlock => "capacity-block",
        }
    }
}

impl fmt::Display for ReservationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The capacity reservation behind an offering of capacity type `reserved`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// `cr-…`, the value of `karpenter.k8s.aws/capacity-reservation-id`.
    pub id: String,
    /// The value of `karpenter.k8s.aws/capacity-reservation-type`.
    pub kind: ReservationKind,
    /// The value of `karpenter.k8s.aws/capacity-reservation-interruptible`.
    pub interruptible: bool,
    /// Instances still free in the reservation.
    pub count: u32,
}

/// Whose hardware the instance runs on: the value of `karpenter.k8s.aws/instance-tenancy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tenancy {
    /// Shared hardware.
    #[default]
    Default,
    /// Hardware of this account only.
    Dedicated,
}

impl Tenancy {
    /// The label value: `default` or `dedicated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tenancy::Default => "default",
            Tenancy::Dedicated => "dedicated",
        }
    }
}

/// One instance type in one zone under one capacity type (reference section 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offering {
    /// `us-east-1a`, the value of `topology.kubernetes.io/zone`.
    pub zone: String,
    /// `use1-az4`, the value of `topology.k8s.aws/zone-id`.
    pub zone_id: String,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// Dollars per hour.
    pub price: Usd,
    /// Kind and day of the price.
    pub price_stamp: PriceStamp,
    /// Whether it can be launched now; an offering out of stock stays in the list for the reasons.
    pub available: bool,
    /// Set if and only if the capacity type is reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
    /// Whose hardware it runs on.
    #[serde(default)]
    pub tenancy: Tenancy,
}

/// An instance type as one node class sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// `m7i.2xlarge`.
    pub name: String,
    /// Every label its node will have that does not depend on the offering: arch, os, instance type, region
    /// and the `karpenter.k8s.aws/` ones. Zone and capacity type are with the offerings.
    pub labels: BTreeMap<String, String>,
    /// What the node reports as capacity: cpu in millicores, the rest in whole units.
    pub capacity: Resources,
    /// Capacity without the kubelet's, the system's and the eviction threshold's share: what pods
    /// (DaemonSets included) may request in total.
    pub allocatable: Resources,
    /// Where and at what price, ordered by zone, then capacity type.
    pub offerings: Vec<Offering>,
    /// How many EBS volumes the CSI driver may attach to a new node of this type.
    pub volume_attachments: u32,
}

impl Offering {
    /// An available offering on shared hardware with no reservation behind it.
    pub fn new(
        zone: impl Into<String>,
        zone_id: impl Into<String>,
        capacity_type: CapacityType,
        price: Usd,
        price_stamp: PriceStamp,
    ) -> Offering {
        Offering {
            zone: zone.into(),
            zone_id: zone_id.into(),
            capacity_type,
            price,
            price_stamp,
            available: true,
            reservation: None,
            tenancy: Tenancy::Default,
        }
    }
}

impl InstanceType {
    /// The cheapest offering that can be launched; the first of equal ones.
    pub fn cheapest_offering(&self) -> Option<&Offering> {
        self.offerings.iter().filter(|offering| offering.available).min_by_key(|offering| offering.price)
    }
}
