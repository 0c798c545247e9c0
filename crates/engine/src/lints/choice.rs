//! Too little to choose from: when a type, a family or a zone is sold out, a launch needs another.

use std::collections::BTreeSet;

use supercargo_api::labels;
use supercargo_catalog::CapacityType;

use crate::market::OfferMask;

use super::lint::{Lint, Severity};
use super::node_pool::{Case, Reach};

const FIELD: &str = "spec.template.spec.requirements";
/// As many types as one should have to choose from: spot nodes are replaced by cheaper ones only with that many
/// (reference section 4.12), and launches find capacity among them when some are sold out.
const ENOUGH_TYPES: usize = 15;
/// With fewer it gets dangerous.
const FEW_TYPES: usize = 10;
const ENOUGH_FAMILIES: usize = 2;
const ENOUGH_GENERATIONS: usize = 2;
const ENOUGH_ZONES: usize = 3;

pub(super) fn lint(case: &Case<'_>, lints: &mut Vec<Lint>) {
    let Some(reach) = case.reach.as_ref().filter(|reach| !reach.types.is_clear()) else { return };
    // There are few kinds of machines with accelerators, and whoever asks for one means it.
    let accelerated = reach.types.ones().all(|index| {
        [labels::INSTANCE_GPU_COUNT, labels::INSTANCE_ACCELERATOR_COUNT]
            .iter()
            .any(|key| reach.table.label(index, key).is_some())
    });
    let narrow = if accelerated { Severity::Note } else { Severity::Warning };
    types(reach, narrow, lints);
    families(reach, narrow, lints);
    zones(case, reach, lints);
    spot(case, reach, narrow, lints);
}

fn types(reach: &Reach<'_>, narrow: Severity, lints: &mut Vec<Lint>) {
    let types = reach.types.count_ones(..);
    let right = format!("allow {ENOUGH_TYPES} or more: further sizes, generations and families");
    if types == 1 {
        let only = reach.types.ones().next().map_or("", |index| reach.table.types[index].name.as_str());
        let what = format!("one instance type only, {only}: when it is sold out, nothing is launched");
        lints.push(Lint::new(narrow, "one-type", FIELD, what, right));
    } else if types < ENOUGH_TYPES {
        let severity = if types < FEW_TYPES { narrow } else { Severity::Note };
        let what =
            format!("{types} instance types; {ENOUGH_TYPES} or more keep launches possible and prices low");
        lints.push(Lint::new(severity, "few-types", FIELD, what, right));
    }
}

fn families(reach: &Reach<'_>, narrow: Severity, lints: &mut Vec<Lint>) {
    if reach.types.count_ones(..) < 2 {
        return;
    }
    let values = |key: &str| -> BTreeSet<&str> {
        reach.types.ones().filter_map(|index| reach.table.label(index, key)).collect()
    };
    let families = values(labels::INSTANCE_FAMILY);
    let generations = values(labels::INSTANCE_GENERATION);
    if let Some(only) = families.first().filter(|_| families.len() < ENOUGH_FAMILIES) {
        let what = format!("one instance family only, {only}: shortages come by family");
        lints.push(Lint::new(narrow, "one-family", FIELD, what, "allow another family"));
    } else if let Some(only) = generations.first().filter(|_| generations.len() < ENOUGH_GENERATIONS) {
        let what = format!("one generation only, {only}: shortages come by generation, and so do price cuts");
        let right = format!("use {} with Gt or Gte instead of In", labels::INSTANCE_GENERATION);
        lints.push(Lint::new(Severity::Note, "one-generation", FIELD, what, right));
    }
}

fn zones(case: &Case<'_>, reach: &Reach<'_>, lints: &mut Vec<Lint>) {
    let zones_in = |mask: OfferMask| -> BTreeSet<&str> {
        let keys = case.snapshot.market.keys.iter().enumerate();
        keys.filter(|(index, _)| mask >> index & 1 == 1).map(|(_, key)| key.zone.as_str()).collect()
    };
    let sold = reach.table.offer_masks.iter().fold(0, |all, mask| all | mask);
    let allowed =
        reach.types.ones().fold(0, |all, index| all | reach.table.offer_masks[index]) & reach.offers;
    let (sold, allowed) = (zones_in(sold), zones_in(allowed));
    if allowed.len() >= ENOUGH_ZONES.min(sold.len()) {
        return;
    }
    let names: Vec<&str> = allowed.iter().copied().collect();
    let what = match names[..] {
        [only] => format!("one zone only, {only}, of {}", sold.len()),
        _ => format!("{} zones only ({}) of {}", names.len(), names.join(", "), sold.len()),
    };
    let right = "allow three zones or more, unless its pods are meant to stay together";
    lints.push(Lint::new(Severity::Warning, "few-zones", FIELD, what, right));
}

fn spot(case: &Case<'_>, reach: &Reach<'_>, narrow: Severity, lints: &mut Vec<Lint>) {
    let keys = case.snapshot.market.keys.iter().enumerate();
    let of_spot = keys
        .filter(|(_, key)| key.capacity_type == CapacityType::Spot)
        .fold(0, |mask: OfferMask, (index, _)| mask | 1 << index)
        & reach.offers;
    let has_spot = |index: &usize| reach.table.offer_masks[*index] & of_spot != 0;
    let types = reach.types.ones().filter(has_spot).count();
    if types == 0 || types >= ENOUGH_TYPES {
        return;
    }
    let what = format!(
        "{types} types to have as spot; a spot node is replaced by a cheaper one only where {ENOUGH_TYPES} are"
    );
    let right = "allow more types: they also keep interruptions rare";
    lints.push(Lint::new(narrow, "few-spot-types", FIELD, what, right));
}
