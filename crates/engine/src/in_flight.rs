//! NodeClaims without a node: capacity in flight, also before it is launched.
//!
//! Karpenter schedules nothing while a claim is not launched (reference row 9.2-1). Here it counts for what it is sure
//! to become: the least any of its types has for pods, the labels they all share. Against limits it counts for the most.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::NodeClaim;
use supercargo_api::condition_types::DISRUPTION_REASON;
use supercargo_api::is_true;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::Resources;

use crate::amounts::Amounts;
use crate::market::{Market, OFFERING_LABELS, OfferMask, TypeTable, is_offering_label};
use crate::pools::Pool;
use crate::rooms::{Room, named};
use crate::volumes::EBS_DRIVER;

/// The room that a claim without a node is.
pub(crate) fn room_of_claim(
    claim: &NodeClaim,
    pools: &[Pool],
    index: &BTreeMap<&str, u32>,
    market: &Market,
) -> Room {
    let name = claim.metadata.name.clone().unwrap_or_default();
    let mut claim_labels = claim.metadata.labels.clone().unwrap_or_default();
    let mut requirements = Requirements::from_labels(&claim_labels);
    for term in &claim.spec.requirements {
        if let Ok(requirement) =
            Requirement::new(&term.key, term.operator, term.values().iter().cloned(), None)
        {
            requirements.add(requirement);
        }
    }
    let partitions = requirements.get(labels::PLACEMENT_GROUP_PARTITION).filter(|asked| !asked.complement());
    let partitions =
        partitions.map(|asked| asked.values().iter().cloned().map(Some).collect::<BTreeSet<_>>());
    let decided = requirements.single_values().map(|(key, value)| (key.to_owned(), value.to_owned()));
    claim_labels.extend(decided.collect::<Vec<_>>());
    claim_labels.insert(labels::REGISTERED.to_owned(), "true".to_owned());
    claim_labels.insert(labels::INITIALIZED.to_owned(), "true".to_owned());
    claim_labels.entry(labels::HOSTNAME.to_owned()).or_insert_with(|| name.clone());
    let pool = claim_labels.get(labels::NODEPOOL).and_then(|name| index.get(name.as_str())).copied();
    let status = claim.status.as_ref();
    let list = |list: Option<&supercargo_api::ResourceList>| named(list.map(|list| &**list));
    let mut room = Room {
        pool,
        initialized: false,
        in_flight: true,
        leaving: claim.metadata.deletion_timestamp.is_some()
            || is_true(claim.conditions(), DISRUPTION_REASON),
        deleted: claim.metadata.deletion_timestamp.is_some(),
        cordoned: false,
        name,
        node: None,
        claim: None,
        labels: claim_labels,
        // which of several partitions it is in is known once it registers
        undecided: partitions
            .filter(|numbers| numbers.len() > 1)
            .map(|numbers| (labels::PLACEMENT_GROUP_PARTITION.to_owned(), numbers))
            .into_iter()
            .collect(),
        taints: claim.spec.taints().to_vec(),
        capacity: list(status.and_then(|status| status.capacity.as_ref())),
        allocatable: list(status.and_then(|status| status.allocatable.as_ref())),
        attachable: BTreeMap::new(),
        free: Amounts::ZERO,
        host_ports: Vec::new(),
        daemons_running: Amounts::ZERO,
    };
    if room.allocatable.is_empty()
        && let Some(table) = pool.and_then(|pool| pools[pool as usize].table.as_ref())
    {
        foresee(&mut room, &requirements, table, market);
    }
    room
}

/// Fills in what is certain of a claim that is not launched yet.
fn foresee(room: &mut Room, requirements: &Requirements, table: &TypeTable, market: &Market) {
    let mut types = table.all();
    let mut offers = market.all_offers();
    for requirement in requirements.iter() {
        if is_offering_label(&requirement.key) {
            offers &= market.offers_matching(requirement);
        } else if table.has_label(&requirement.key) {
            types.intersect_with(&table.matching(requirement));
        }
    }
    let candidates: Vec<usize> =
        types.ones().filter(|index| table.offer_masks[*index] & offers != 0).collect();
    let mut least: Option<Resources> = None;
    let mut reached: OfferMask = 0;
    for index in &candidates {
        let candidate = &table.types[*index];
        reached |= table.offer_masks[*index] & offers;
        least = Some(match least {
            None => candidate.allocatable.clone(),
            Some(least) => smaller(&least, &candidate.allocatable),
        });
    }
    let attachments = candidates.iter().map(|index| i64::from(table.types[*index].volume_attachments)).min();
    room.attachable = attachments.map(|count| (EBS_DRIVER.to_owned(), count)).into_iter().collect();
    if let Some(least) = least {
        room.allocatable = least;
    }
    // what cannot be had at the moment may be had again before it is launched
    let largest = types.ones().map(|index| &table.types[index].capacity);
    room.capacity = largest.fold(Resources::new(), larger);
    let keys: BTreeSet<&str> =
        candidates.iter().flat_map(|index| table.types[*index].labels.keys().map(String::as_str)).collect();
    let mut possible: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
    for key in keys {
        let values = candidates.iter().map(|index| table.label(*index, key).map(str::to_owned));
        possible.insert(key.to_owned(), values.collect());
    }
    for (_, offer) in market.keys.iter().enumerate().filter(|(index, _)| reached >> index & 1 == 1) {
        for key in OFFERING_LABELS {
            possible.entry(key.to_owned()).or_default().insert(offer.label(key).map(str::to_owned));
        }
    }
    for (key, values) in possible {
        if room.labels.contains_key(&key) {
            continue;
        }
        match values.first() {
            Some(Some(value)) if values.len() == 1 => {
                room.labels.insert(key, value.clone());
            }
            _ => {
                room.undecided.insert(key, values);
            }
        }
    }
}

fn smaller(left: &Resources, right: &Resources) -> Resources {
    let mut least = Resources::default();
    for (name, amount) in left.iter() {
        least.set(name, amount.min(right.get(name)));
    }
    least
}

fn larger(mut left: Resources, right: &Resources) -> Resources {
    for (name, amount) in right.iter() {
        left.set(name, amount.max(left.get(name)));
    }
    left
}
