//! NodeOverlays: prices and extended resources as the user sees them (reference section 1.3).
//!
//! Heavier overlays win, equal weights by name, later letters first. Price is settled per offering, capacity per
//! type and resource. Two overlays of equal weight that want to settle the same thing in any NodePool: the later one
//! is left out altogether.
//!
//! ```text
//! overlay by overlay: what it selects in every NodePool ──> conflict? ──no──> prices, capacity ──> TypeTable per NodePool
//!                                                              └─yes─> ObjectProblem
//! ```

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::{self, Resources};
use supercargo_api::{NodeOverlay, NodeOverlaySpec, NodePool, labels};
use supercargo_catalog::{InstanceType, Offering, PriceKind, Usd};

use crate::market::{Market, TypeTable, is_offering_label};
use crate::problems::ObjectProblem;

/// Resources that nodes report themselves, which no overlay may change.
const NOT_EXTENDED: [&str; 4] =
    [resources::CPU, resources::MEMORY, resources::EPHEMERAL_STORAGE, resources::PODS];
/// Extended resources that the catalogue knows better.
const KNOWN: [&str; 9] = [
    resources::NVIDIA_GPU,
    resources::AMD_GPU,
    resources::AWS_NEURON,
    resources::AWS_NEURON_CORE,
    resources::HABANA_GAUDI,
    resources::AWS_POD_ENI,
    resources::AWS_PRIVATE_IPV4,
    resources::AWS_EFA,
    resources::AWS_NITRO_SANDBOX,
];

/// The types of every NodePool's NodeClass with the overlays that touch them applied; `None` where the NodeClass is
/// not known. Overlays that do not count are named.
pub fn overlaid_tables(
    pools: &[NodePool],
    overlays: &[NodeOverlay],
    market: &mut Market,
) -> (Vec<Option<Arc<TypeTable>>>, Vec<ObjectProblem>) {
    let mut problems = Vec::new();
    let mut ordered: Vec<Overlay<'_>> = Vec::new();
    for overlay in overlays {
        match compile(overlay) {
            Ok(compiled) => ordered.push(compiled),
            Err(problem) => problems.push(problem_of(overlay.metadata.name.as_deref(), problem)),
        }
    }
    ordered.sort_by(|left, right| right.weight.cmp(&left.weight).then_with(|| right.name.cmp(left.name)));
    let mut grounds: Vec<Option<PoolGround>> =
        pools.iter().map(|pool| PoolGround::new(pool, market, !ordered.is_empty())).collect();
    for overlay in &ordered {
        let selected: Vec<Option<Selected>> =
            grounds.iter().map(|ground| Some(ground.as_ref()?.select(overlay))).collect();
        let pairs = || grounds.iter().zip(&selected);
        let conflict =
            pairs().find_map(|(ground, selected)| ground.as_ref()?.conflict(overlay, selected.as_ref()?));
        if let Some(conflict) = conflict {
            problems.push(problem_of(Some(overlay.name), conflict));
            continue;
        }
        for (ground, selected) in grounds.iter_mut().zip(selected) {
            if let (Some(ground), Some(selected)) = (ground, selected) {
                ground.apply(overlay, selected);
            }
        }
    }
    let tables = grounds.into_iter().map(|ground| ground?.finish(market)).collect();
    (tables, problems)
}

fn problem_of(name: Option<&str>, problem: String) -> ObjectProblem {
    ObjectProblem { kind: "NodeOverlay".to_owned(), name: name.unwrap_or_default().to_owned(), problem }
}

struct Overlay<'a> {
    name: &'a str,
    weight: i32,
    requirements: Requirements,
    spec: &'a NodeOverlaySpec,
    capacity: Resources,
}

fn compile(overlay: &NodeOverlay) -> Result<Overlay<'_>, String> {
    let spec = &overlay.spec;
    let mut requirements = Requirements::new();
    for term in &spec.requirements {
        let requirement = Requirement::new(&term.key, term.operator, term.values().iter().cloned(), None);
        requirements.add(requirement.map_err(|error| error.to_string())?);
    }
    if spec.price.is_some() && spec.price_adjustment.is_some() {
        return Err("price and priceAdjustment exclude each other".to_owned());
    }
    if let Some(price) = &spec.price
        && price.parse::<Usd>().is_err()
    {
        return Err(format!("price {price:?} is no amount of dollars, such as 0.25"));
    }
    if let Some(change) = &spec.price_adjustment
        && adjusted(Usd::ZERO, spec).is_none()
    {
        return Err(format!("priceAdjustment {change:?} is no change of a price, such as +0.5 or -10%"));
    }
    let capacity = match &spec.capacity {
        Some(capacity) => {
            Resources::from_quantities(capacity.iter()).map_err(|error| format!("capacity: {error}"))?
        }
        None => Resources::default(),
    };
    for (name, _) in capacity.iter() {
        if NOT_EXTENDED.contains(&name) {
            return Err(format!("capacity {name}: only extended resources can be added"));
        }
        if KNOWN.contains(&name) {
            return Err(format!("capacity {name}: the instance types tell it themselves"));
        }
    }
    let name = overlay.metadata.name.as_deref().unwrap_or_default();
    Ok(Overlay { name, weight: spec.weight(), requirements, spec, capacity })
}

/// What an overlay selects in one NodePool.
struct Selected {
    /// Type and offering, where it says something about prices.
    offers: BTreeSet<(usize, usize)>,
    /// Type and resource.
    resources: BTreeSet<(usize, String)>,
}

/// The last overlay that wanted to settle something. Heavier ones come first, so it is the lightest so far.
struct Last {
    weight: i32,
    name: String,
}

/// One NodePool while overlays are applied to its types.
struct PoolGround {
    labels: BTreeMap<String, String>,
    table: Arc<TypeTable>,
    types: Vec<InstanceType>,
    prices: BTreeMap<(usize, usize), Last>,
    capacities: BTreeMap<(usize, String), Last>,
    touched: bool,
}

impl PoolGround {
    fn new(pool: &NodePool, market: &Market, overlays: bool) -> Option<PoolGround> {
        let table = market.table(&pool.spec.template.spec.node_class_ref.name)?.clone();
        let mut pool_labels = pool.spec.template.labels().into_owned();
        pool_labels.insert(labels::NODEPOOL.to_owned(), pool.metadata.name.clone().unwrap_or_default());
        Some(PoolGround {
            labels: pool_labels,
            types: if overlays { table.types.clone() } else { Vec::new() },
            table,
            prices: BTreeMap::new(),
            capacities: BTreeMap::new(),
            touched: false,
        })
    }

    fn select(&self, overlay: &Overlay<'_>) -> Selected {
        let prices = overlay.spec.price.is_some() || overlay.spec.price_adjustment.is_some();
        let mut selected = Selected { offers: BTreeSet::new(), resources: BTreeSet::new() };
        for (index, instance_type) in self.types.iter().enumerate() {
            if !self.selects_type(&overlay.requirements, instance_type) {
                continue;
            }
            let offerings = instance_type.offerings.iter().enumerate();
            let offers: Vec<usize> = offerings
                .filter(|(_, offering)| selects_offering(&overlay.requirements, offering))
                .map(|(offer, _)| offer)
                .collect();
            if !offers.is_empty() {
                selected.resources.extend(overlay.capacity.iter().map(|(name, _)| (index, name.to_owned())));
            }
            if prices {
                selected.offers.extend(offers.into_iter().map(|offer| (index, offer)));
            }
        }
        selected
    }

    fn selects_type(&self, requirements: &Requirements, instance_type: &InstanceType) -> bool {
        requirements.iter().filter(|requirement| !is_offering_label(&requirement.key)).all(|requirement| {
            let key = requirement.key.as_str();
            match instance_type.labels.get(key).or_else(|| self.labels.get(key)) {
                Some(value) => requirement.has(value),
                None => requirement.allows_absent(),
            }
        })
    }

    /// What another overlay of the same weight wants to settle as well.
    fn conflict(&self, overlay: &Overlay<'_>, selected: &Selected) -> Option<String> {
        let same = |last: &&Last| last.weight == overlay.weight;
        let price = selected.offers.iter().find_map(|key| {
            let last = self.prices.get(key).filter(same)?;
            let instance_type = &self.types[key.0];
            Some((
                last,
                format!("the price of {} in {}", instance_type.name, instance_type.offerings[key.1].zone),
            ))
        });
        let capacity = || {
            selected.resources.iter().find_map(|key| {
                let last = self.capacities.get(key).filter(same)?;
                Some((last, format!("{} of {}", key.1, self.types[key.0].name)))
            })
        };
        let (last, what) = price.or_else(capacity)?;
        Some(format!(
            "conflicts with NodeOverlay {:?} over {what}: both have weight {}",
            last.name, last.weight
        ))
    }

    fn apply(&mut self, overlay: &Overlay<'_>, selected: Selected) {
        let last = || Last { weight: overlay.weight, name: overlay.name.to_owned() };
        for key in selected.offers {
            let offering = &mut self.types[key.0].offerings[key.1];
            if let Entry::Vacant(_) = self.prices.entry(key)
                && let Some(price) = adjusted(offering.price, overlay.spec)
            {
                offering.price = price;
                offering.price_stamp.kind = PriceKind::Live;
                self.touched = true;
            }
            self.prices.insert(key, last());
        }
        for key in selected.resources {
            let amount = overlay.capacity.get(&key.1);
            if let Entry::Vacant(_) = self.capacities.entry(key.clone()) {
                add_capacity(&mut self.types[key.0], &key.1, amount);
                self.touched = true;
            }
            self.capacities.insert(key, last());
        }
    }

    fn finish(self, market: &mut Market) -> Option<Arc<TypeTable>> {
        if !self.touched {
            return Some(self.table);
        }
        // The offering keys are those of the table that the types come from, so the masks still fit.
        market.table_of(self.types).ok().map(Arc::new)
    }
}

/// Huge pages are cut from memory (reference section 2.8).
fn add_capacity(instance_type: &mut InstanceType, name: &str, amount: i64) {
    if name.starts_with(resources::HUGEPAGES_PREFIX) {
        let memory = instance_type.allocatable.get(resources::MEMORY);
        let taken = amount.saturating_sub(instance_type.capacity.get(name));
        instance_type.allocatable.set(resources::MEMORY, memory.saturating_sub(taken).max(0));
    }
    instance_type.capacity.set(name, amount);
    instance_type.allocatable.set(name, amount);
}

fn selects_offering(requirements: &Requirements, offering: &Offering) -> bool {
    requirements.iter().filter(|requirement| is_offering_label(&requirement.key)).all(|requirement| {
        let reservation = offering.reservation.as_ref();
        let value = match requirement.key.as_str() {
            labels::ZONE => Some(offering.zone.as_str()),
            labels::ZONE_ID => Some(offering.zone_id.as_str()),
            labels::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
            labels::INSTANCE_TENANCY => Some(offering.tenancy.as_str()),
            labels::CAPACITY_RESERVATION_ID => reservation.map(|one| one.id.as_str()),
            labels::CAPACITY_RESERVATION_TYPE => reservation.map(|one| one.kind.as_str()),
            _ => reservation.map(|one| if one.interruptible { "true" } else { "false" }),
        };
        value.map_or_else(|| requirement.allows_absent(), |value| requirement.has(value))
    })
}

/// An absolute price, or a change by dollars or percent; never below zero. `None` where the overlay says nothing that
/// can be read.
fn adjusted(price: Usd, spec: &NodeOverlaySpec) -> Option<Usd> {
    if let Some(absolute) = &spec.price {
        return absolute.parse().ok();
    }
    let change = spec.price_adjustment.as_deref()?;
    let nanos = match change.strip_suffix('%') {
        Some(percent) => {
            let percent: f64 = percent.parse().ok().filter(|percent: &f64| percent.is_finite())?;
            Usd::from_f64(price.as_f64() * (1.0 + percent / 100.0)).nanos()
        }
        None => {
            let dollars: f64 = change.parse().ok().filter(|dollars: &f64| dollars.is_finite())?;
            price.nanos().saturating_add(Usd::from_f64(dollars).nanos())
        }
    };
    Some(Usd::from_nanos(nanos.max(0)))
}
