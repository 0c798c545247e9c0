//! NodeOverlays: prices and extended resources as the user sees them (reference section 1.3).
//!
//! Heavier overlays win, equal weights by name, later letters first. Price is settled per offering, capacity per
//! type and resource. Two overlays of equal weight that want to settle the same thing: the later one is left out
//! altogether.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use supercargo_api::NodePool;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::Resources;
use supercargo_api::NodeOverlay;
use supercargo_catalog::{InstanceType, Offering, PriceKind, Usd};

use crate::market::{Market, TypeTable, is_offering_label};

struct Overlay<'a> {
    weight: i32,
    requirements: Requirements,
    spec: &'a supercargo_api::NodeOverlaySpec,
    capacity: Resources,
}

/// The types of a NodePool's NodeClass with the overlays that touch them applied.
pub fn overlaid_table(pool: &NodePool, overlays: &[NodeOverlay], market: &mut Market) -> Option<Arc<TypeTable>> {
    let table = market.table(&pool.spec.template.spec.node_class_ref.name)?.clone();
    if overlays.is_empty() {
        return Some(table);
    }
    let mut pool_labels = pool.spec.template.labels().into_owned();
    pool_labels.insert(labels::NODEPOOL.to_owned(), pool.metadata.name.clone().unwrap_or_default());
    let mut ordered: Vec<(&NodeOverlay, Overlay<'_>)> =
        overlays.iter().filter_map(|overlay| Some((overlay, compile(overlay)?))).collect();
    ordered.sort_by(|(left_object, left), (right_object, right)| {
        right.weight.cmp(&left.weight).then_with(|| right_object.metadata.name.cmp(&left_object.metadata.name))
    });
    let mut types = table.types.clone();
    let mut settled = Settled::default();
    let mut touched = false;
    for (_, overlay) in &ordered {
        touched |= settled.apply(overlay, &pool_labels, &mut types);
    }
    if !touched {
        return Some(table);
    }
    // The offering keys are those of the table that the types come from, so the masks still fit.
    market.table_of(types).ok().map(Arc::new)
}

fn compile(overlay: &NodeOverlay) -> Option<Overlay<'_>> {
    let mut requirements = Requirements::new();
    for term in &overlay.spec.requirements {
        requirements.add(Requirement::new(&term.key, term.operator, term.values().iter().cloned(), None).ok()?);
    }
    let capacity = match &overlay.spec.capacity {
        Some(capacity) => Resources::from_quantities(capacity.iter()).ok()?,
        None => Resources::default(),
    };
    Some(Overlay { weight: overlay.spec.weight(), requirements, spec: &overlay.spec, capacity })
}

/// What is settled already, and by which weight.
#[derive(Default)]
struct Settled {
    prices: BTreeMap<(usize, usize), i32>,
    capacities: BTreeMap<(usize, String), i32>,
}

impl Settled {
    /// Applies an overlay unless it conflicts with one of the same weight. Whether anything changed.
    fn apply(&mut self, overlay: &Overlay<'_>, pool: &BTreeMap<String, String>, types: &mut [InstanceType]) -> bool {
        let prices = overlay.spec.price.is_some() || overlay.spec.price_adjustment.is_some();
        let mut offers = BTreeSet::new();
        let mut resources = BTreeSet::new();
        for (index, instance_type) in types.iter().enumerate() {
            if !selects_type(&overlay.requirements, pool, instance_type) {
                continue;
            }
            let mut selected = 0;
            for (offer, offering) in instance_type.offerings.iter().enumerate() {
                if selects_offering(&overlay.requirements, offering) {
                    selected += 1;
                    if prices {
                        offers.insert((index, offer));
                    }
                }
            }
            if selected > 0 {
                resources.extend(overlay.capacity.iter().map(|(name, _)| (index, name.to_owned())));
            }
        }
        let conflict = offers.iter().any(|key| self.prices.get(key) == Some(&overlay.weight))
            || resources.iter().any(|key| self.capacities.get(key) == Some(&overlay.weight));
        if conflict {
            return false;
        }
        let mut touched = false;
        for key in offers {
            if let std::collections::btree_map::Entry::Vacant(entry) = self.prices.entry(key) {
                entry.insert(overlay.weight);
                let offering = &mut types[key.0].offerings[key.1];
                offering.price = adjusted(offering.price, overlay.spec);
                offering.price_stamp.kind = PriceKind::Live;
                touched = true;
            }
        }
        for (index, name) in resources {
            if let std::collections::btree_map::Entry::Vacant(entry) = self.capacities.entry((index, name.clone())) {
                entry.insert(overlay.weight);
                let amount = overlay.capacity.get(&name);
                types[index].capacity.set(&name, amount);
                types[index].allocatable.set(&name, amount);
                touched = true;
            }
        }
        touched
    }
}

fn selects_type(requirements: &Requirements, pool: &BTreeMap<String, String>, instance_type: &InstanceType) -> bool {
    requirements.iter().filter(|requirement| !is_offering_label(&requirement.key)).all(|requirement| {
        let key = requirement.key.as_str();
        match instance_type.labels.get(key).or_else(|| pool.get(key)) {
            Some(value) => requirement.has(value),
            None => requirement.allows_absent(),
        }
    })
}

fn selects_offering(requirements: &Requirements, offering: &Offering) -> bool {
    requirements.iter().all(|requirement| {
        let value = match requirement.key.as_str() {
            labels::ZONE => Some(offering.zone.as_str()),
            labels::ZONE_ID => Some(offering.zone_id.as_str()),
            labels::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
            _ => return true,
        };
        value.is_some_and(|value| requirement.has(value))
    })
}

/// An absolute price, or a change by dollars or percent; never below zero.
fn adjusted(price: Usd, spec: &supercargo_api::NodeOverlaySpec) -> Usd {
    if let Some(absolute) = spec.price.as_ref().and_then(|text| text.parse::<Usd>().ok()) {
        return absolute;
    }
    let Some(change) = spec.price_adjustment.as_deref() else { return price };
    let nanos = match change.strip_suffix('%') {
        Some(percent) => {
            let percent: f64 = percent.parse().unwrap_or(0.0);
            Usd::from_f64(price.as_f64() * (1.0 + percent / 100.0)).nanos()
        }
        None => {
            let dollars: f64 = change.parse().unwrap_or(0.0);
            price.nanos().saturating_add(Usd::from_f64(dollars).nanos())
        }
    };
    Usd::from_nanos(nanos.max(0))
}
