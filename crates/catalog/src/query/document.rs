//! The answer as a document: `supercargo.dev/v1`, kind `InstanceTypeList`. Its fields are described in docs/catalog.md;
//! fields may be added under the same version, none changes its meaning or goes away.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use supercargo_api::Resources;

use super::answer::{Answer, FilterEffect, Match, MinValues, Query};
use crate::{CapacityType, InterruptionBucket, Offering, PriceStamp, Reservation, Tenancy, Usd};

/// The whole document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceTypeList {
    api_version: &'static str,
    kind: &'static str,
    /// About the list.
    pub metadata: ListMetadata,
    /// What each condition did.
    pub filters: Vec<FilterEffect>,
    /// Where variety is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub min_values: Vec<MinValues>,
    /// The types, in the order asked for.
    pub items: Vec<ListedInstanceType>,
}

/// About the list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMetadata {
    /// The region.
    pub region: String,
    /// Where the facts come from.
    pub source: String,
    /// Kinds and days of the prices in the list.
    pub prices: Vec<PriceStamp>,
    /// Types before any condition.
    pub total: usize,
    /// Types that meet all conditions.
    pub matched: usize,
    /// Types in the list: fewer than matched if there is a limit.
    pub shown: usize,
}

/// A type in the list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedInstanceType {
    /// `m7i.2xlarge`.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Nominal memory, a quantity.
    pub memory: String,
    /// How often its spot instances are interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption: Option<InterruptionBucket>,
    /// Labels of a node.
    pub labels: BTreeMap<String, String>,
    /// What a node reports, as quantities.
    pub capacity: BTreeMap<String, String>,
    /// What is left for pods, as quantities.
    pub allocatable: BTreeMap<String, String>,
    /// EBS volumes left for pods.
    pub volume_attachments: u32,
    /// The cheapest price of each capacity type.
    pub cheapest: BTreeMap<CapacityType, ListedPrice>,
    /// All offerings that meet the conditions.
    pub offerings: Vec<ListedOffering>,
}

/// A price in the list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedPrice {
    /// Dollars per hour, as a decimal text.
    pub price: Usd,
    /// Kind and day.
    #[serde(rename = "priced")]
    pub stamp: PriceStamp,
}

/// An offering in the list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedOffering {
    /// The zone.
    pub zone: String,
    /// The zone's id.
    pub zone_id: String,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// The price.
    #[serde(flatten)]
    pub price: ListedPrice,
    /// Whose hardware.
    pub tenancy: Tenancy,
    /// The reservation of a reserved offering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<Reservation>,
}

impl InstanceTypeList {
    /// The document of an answer, with at most so many types.
    pub fn new(query: &Query<'_>, answer: &Answer<'_>, limit: Option<usize>) -> InstanceTypeList {
        let shown = answer.shown(limit);
        let offerings = shown.iter().flat_map(|found| &found.instance_type.offerings);
        let prices: BTreeSet<PriceStamp> = offerings.map(|offering| offering.price_stamp).collect();
        InstanceTypeList {
            api_version: "supercargo.dev/v1",
            kind: "InstanceTypeList",
            metadata: ListMetadata {
                region: query.region.clone(),
                source: query.catalog.market().source.clone(),
                prices: prices.into_iter().collect(),
                total: answer.total,
                matched: answer.matches.len(),
                shown: shown.len(),
            },
            filters: answer.effects.clone(),
            min_values: answer.min_values.clone(),
            items: shown.iter().map(ListedInstanceType::new).collect(),
        }
    }
}

impl<'c> Answer<'c> {
    /// The first matches, at most so many.
    pub fn shown(&self, limit: Option<usize>) -> &[Match<'c>] {
        let count = limit.map_or(self.matches.len(), |limit| limit.min(self.matches.len()));
        &self.matches[..count]
    }
}

impl ListedInstanceType {
    fn new(found: &Match<'_>) -> ListedInstanceType {
        let instance_type = &found.instance_type;
        let quantities = |resources: &Resources| {
            resources.to_quantities().into_iter().map(|(name, quantity)| (name, quantity.0)).collect()
        };
        let cheapest = CapacityType::ALL.into_iter().filter_map(|capacity_type| {
            let offering = found.cheapest_offering(Some(capacity_type))?;
            Some((capacity_type, ListedPrice::new(offering)))
        });
        let bytes = i64::try_from(found.facts.memory_mib << 20).unwrap_or(i64::MAX);
        ListedInstanceType {
            name: instance_type.name.clone(),
            vcpus: found.facts.vcpus,
            memory: supercargo_api::resources::quantity("memory", bytes).to_string(),
            interruption: found.interruption,
            labels: instance_type.labels.clone(),
            capacity: quantities(&instance_type.capacity),
            allocatable: quantities(&instance_type.allocatable),
            volume_attachments: instance_type.volume_attachments,
            cheapest: cheapest.collect(),
            offerings: instance_type.offerings.iter().map(ListedOffering::new).collect(),
        }
    }
}

impl ListedPrice {
    fn new(offering: &Offering) -> ListedPrice {
        ListedPrice { price: offering.price, stamp: offering.price_stamp }
    }
}

impl ListedOffering {
    fn new(offering: &Offering) -> ListedOffering {
        ListedOffering {
            zone: offering.zone.clone(),
            zone_id: offering.zone_id.clone(),
            capacity_type: offering.capacity_type,
            price: ListedPrice::new(offering),
            tenancy: offering.tenancy,
            reservation: offering.reservation.clone(),
        }
    }
}
