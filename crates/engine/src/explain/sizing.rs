//! Why a node is of its type: what its pods would need today, and what they would be given.

use supercargo_api::NodeClaim;
use supercargo_api::labels;
use supercargo_api::requirement::Operator;
use supercargo_catalog::Usd;

use crate::amounts::{Amounts, CPU, MEMORY, PODS, WIDTH};
use crate::market::{OfferMask, OfferRow, TypeSet, TypeTable};
use crate::plan::{InstanceChoice, percent};
use crate::rooms::Room;
use crate::snapshot::Snapshot;
use crate::solve::{Outlook, outlook};

use super::node_document::Sizing;

/// The question.
pub(super) struct Case<'e> {
    pub(super) snapshot: &'e Snapshot,
    pub(super) room: &'e Room,
    /// Its pods, DaemonSets' and those on their way out aside.
    pub(super) pods: &'e [u32],
    /// What all its pods request.
    pub(super) requests: &'e Amounts,
    pub(super) allocatable: &'e Amounts,
    pub(super) price: Option<Usd>,
    pub(super) claim: Option<&'e NodeClaim>,
}

/// A type that would hold the pods.
type Holding<'t> = (OfferRow, &'t str);

/// Looks through the types of the node's NodePool.
pub(super) fn sizing(case: &Case<'_>) -> Option<Sizing> {
    let pool = &case.snapshot.pools[case.room.pool? as usize];
    let table = pool.table.as_ref()?;
    let own = case.room.labels.get(labels::INSTANCE_TYPE).map_or("", String::as_str);
    let mut holding = holding(case, table);
    holding.sort_by_key(|(offer, name)| (offer.price, *name));
    let cheapest = holding.first().map(|(offer, name)| {
        let key = &case.snapshot.market.keys[offer.key as usize];
        InstanceChoice {
            instance_type: (*name).to_owned(),
            zone: key.zone.clone(),
            capacity_type: key.capacity_type.as_str().to_owned(),
            price_per_hour: offer.price,
        }
    });
    let cheaper =
        case.price.map_or(0, |price| holding.iter().filter(|(offer, _)| offer.price < price).count());
    let (fullest, fullest_percent) = fullest(case);
    let text = text(case, own, &holding, cheaper, cheapest.as_ref());
    Some(Sizing {
        text,
        holding: holding.len(),
        cheaper,
        cheapest,
        fullest,
        fullest_percent,
        launched_from: case.claim.and_then(types_of_claim),
    })
}

fn text(
    case: &Case<'_>,
    own: &str,
    holding: &[Holding<'_>],
    cheaper: usize,
    cheapest: Option<&InstanceChoice>,
) -> String {
    let types = |count: usize| if count == 1 { "1 type".to_owned() } else { format!("{count} types") };
    if case.pods.is_empty() {
        return "nothing runs on it that would need a node".to_owned();
    }
    let Some(cheapest) = cheapest else {
        return "no type of its NodePool would hold its pods today".to_owned();
    };
    let allowed = holding.iter().any(|(_, name)| *name == own);
    match case.price {
        Some(price) if cheaper > 0 => format!(
            "{} of {} that hold its pods {} cheaper: {} {} would cost {} less an hour",
            cheaper,
            types(holding.len()),
            if cheaper == 1 { "is" } else { "are" },
            cheapest.capacity_type,
            cheapest.instance_type,
            price - cheapest.price_per_hour
        ),
        Some(_) if allowed => format!("the cheapest of {} that hold its pods", types(holding.len())),
        Some(_) => format!("none of {} that hold its pods is cheaper", types(holding.len())),
        None => format!("{} hold its pods; what this one costs is not known", types(holding.len())),
    }
}

/// The types of the NodePool that hold all pods of the node, each at its cheapest offering.
fn holding<'t>(case: &Case<'_>, table: &'t TypeTable) -> Vec<Holding<'t>> {
    let mut without = case.snapshot.clone();
    without.pending = case.pods.to_vec();
    let outlook = outlook(&without);
    let mut used = Amounts::ZERO;
    let mut classes: Vec<u32> = Vec::new();
    for pod in case.pods {
        let class = case.snapshot.pods[*pod as usize].class;
        used.add(&case.snapshot.classes[class as usize].requests);
        classes.push(class);
    }
    classes.sort_unstable();
    classes.dedup();
    let mut best: Vec<Option<OfferRow>> = vec![None; table.len()];
    for (index, variant) in outlook.variants.iter().enumerate() {
        if Some(variant.pool) != case.room.pool {
            continue;
        }
        let (types, offers) = admitted(&outlook, index as u32, &classes, &variant.types, variant.offers);
        for one in types.ones().filter(|one| used.fits(&variant.net[*one])) {
            let Some(offer) = table.cheapest_offer(one, offers) else { continue };
            if best[one].is_none_or(|known| offer.price < known.price) {
                best[one] = Some(offer);
            }
        }
    }
    let found = best.into_iter().zip(&table.types);
    found.filter_map(|(offer, one)| Some((offer?, one.name.as_str()))).collect()
}

/// What all classes admit of a variant, other pods aside.
fn admitted(
    outlook: &Outlook,
    variant: u32,
    classes: &[u32],
    types: &TypeSet,
    offers: OfferMask,
) -> (TypeSet, OfferMask) {
    let (mut types, mut offers) = (types.clone(), offers);
    for class in classes {
        let (mut some_types, mut some_offers) = (TypeSet::with_capacity(types.len()), 0);
        let sets =
            outlook.classes[*class as usize].iter().flat_map(|of_class| of_class.sets.iter().flatten());
        for fit in sets.filter(|fit| fit.variant == variant) {
            some_types.union_with(&fit.types);
            some_offers |= fit.offers;
        }
        types.intersect_with(&some_types);
        offers &= some_offers;
    }
    (types, offers)
}

/// The resource of which most is requested, and its share in percent.
fn fullest(case: &Case<'_>) -> (String, f64) {
    let shares = (0..WIDTH).filter(|place| case.allocatable[*place] > 0 && case.requests[*place] > 0);
    let shares = shares.filter(|place| matches!(*place, CPU | MEMORY | PODS) || *place > PODS);
    let share = |place: usize| percent(case.requests[place] as f64, case.allocatable[place] as f64);
    let fullest = shares.max_by(|left, right| share(*left).total_cmp(&share(*right)).then(right.cmp(left)));
    match fullest {
        Some(place) => (case.snapshot.names.name(place).to_owned(), share(place)),
        None => (String::new(), 0.0),
    }
}

/// How many types a NodeClaim names.
fn types_of_claim(claim: &NodeClaim) -> Option<usize> {
    let terms = claim.spec.requirements.iter();
    let mut named = terms.filter(|term| term.key == labels::INSTANCE_TYPE && term.operator == Operator::In);
    named.next().map(|term| term.values().len())
}
