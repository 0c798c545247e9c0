//! The market for the NodeClasses of the input: instance types as each class sees them, at the user's prices.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::civil::Date;
use k8s_openapi::api::core::v1::{NodeSelectorTerm, PodSpec};
use supercargo_api::{Objects, labels};
use supercargo_catalog::{CapacitySettings, Catalog, NodeClassModel, PriceOverrides};
use supercargo_engine::market::Market;

use crate::exit::Failure;
use crate::place::Place;

/// Reads a file of prices.
pub fn read_prices(path: &Path, catalog: &Catalog) -> Result<PriceOverrides, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(format!("{name}: no such file")),
        std::io::ErrorKind::InvalidData => Failure::new(format!("{name}: the file is not text")),
        _ => Failure::new(format!("{name}: {error}")),
    })?;
    PriceOverrides::parse(&name, &text, catalog).map_err(|error| {
        let lines: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
        Failure::new(lines.join("\n"))
    })
}

/// Compiles the market: every NodeClass with the types it can have in the place. A NodeClass without any is no mistake,
/// but worth a remark; the remarks are returned, too.
pub fn compile(
    objects: &Objects,
    place: &Place,
    settings: &CapacitySettings,
    prices: Option<(&PriceOverrides, Date)>,
    catalog: &Catalog,
) -> Result<(Market, Vec<String>), Failure> {
    let dedicated = names_tenancy(objects);
    let mut problems = Vec::new();
    let mut remarks = Vec::new();
    let mut classes = BTreeMap::new();
    for node_class in &objects.node_classes {
        let name = node_class.metadata.name.clone().unwrap_or_default();
        let mut model = match NodeClassModel::from_ec2nodeclass(node_class, settings.clone()) {
            Ok(model) => model,
            Err(error) => {
                problems.push(format!("EC2NodeClass {name}: {error}"));
                continue;
            }
        };
        model.dedicated_tenancy = dedicated;
        let mut types = catalog.instance_types(&place.region, place.zones.as_deref(), &model);
        if types.is_empty() {
            remarks.push(without_types(&name, &model, place));
        }
        if let Some((prices, today)) = prices {
            prices.apply(&mut types, today);
        }
        classes.insert(name, types);
    }
    if !problems.is_empty() {
        return Err(Failure::new(problems.join("\n")));
    }
    let market = Market::compile(classes).map_err(|error| Failure::new(error.to_string()))?;
    Ok((market, remarks))
}

fn without_types(name: &str, model: &NodeClassModel, place: &Place) -> String {
    let here = match &place.zones {
        Some(zones) => zones.join(", "),
        None => place.region.clone(),
    };
    let subnets: Vec<&str> = model.subnets.iter().flatten().map(|(zone, _)| zone.as_str()).collect();
    let why = if subnets.is_empty() {
        String::new()
    } else {
        format!(": its subnets are in {}", subnets.join(", "))
    };
    format!("EC2NodeClass {name} has no instance types in {here}{why}")
}

/// Whether anybody asks for dedicated hardware, which doubles the offerings.
fn names_tenancy(objects: &Objects) -> bool {
    let pools = objects.node_pools.iter().any(|pool| {
        let template = &pool.spec.template;
        template.spec.requirements.iter().any(|term| term.key == labels::INSTANCE_TENANCY)
            || template.labels().contains_key(labels::INSTANCE_TENANCY)
    });
    pools || objects.pods.iter().filter_map(|pod| pod.spec()).any(pod_names_tenancy)
}

fn pod_names_tenancy(spec: &PodSpec) -> bool {
    let names = |term: &NodeSelectorTerm| {
        term.match_expressions.iter().flatten().any(|expression| expression.key == labels::INSTANCE_TENANCY)
    };
    let selected = spec.node_selector.as_ref().is_some_and(|map| map.contains_key(labels::INSTANCE_TENANCY));
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    selected
        || affinity.is_some_and(|affinity| {
            let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
            let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
            required.is_some_and(|required| required.node_selector_terms.iter().any(names))
                || preferred.into_iter().any(|term| names(&term.preference))
        })
}
