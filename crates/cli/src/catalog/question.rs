//! From arguments to the question for the catalogue.

use std::path::Path;

use supercargo_api::requirement::Requirement;
use supercargo_api::{NodePool, Objects, labels};
use supercargo_catalog::query::{Filter, NodePoolFilters, Query, Span};
use supercargo_catalog::{CapacitySettings, Catalog, NodeClassModel};

use super::arguments::Arguments;
use crate::console::{Console, printable};
use crate::exit::Failure;
use crate::input::gather;
use crate::place;

/// The question, prices aside.
pub(super) fn question(
    arguments: &Arguments,
    catalog: &'static Catalog,
    console: &Console,
) -> Result<Query<'static>, Failure> {
    let mut filters = Vec::new();
    let mut model = NodeClassModel::default();
    let mut objects = Objects::default();
    if let Some(path) = &arguments.nodepool {
        objects = gather(std::slice::from_ref(path), console)?.objects;
        let node_pool = chosen(&objects, arguments.nodepool_name.as_deref(), path)?;
        filters.extend(of_node_pool(node_pool, console)?);
        model = of_node_class(node_pool, &objects)?;
    }
    for selector in &arguments.requirements {
        filters.extend(
            Filter::selector(selector).map_err(|error| Failure::new(format!("--requirements {error}")))?,
        );
    }
    if let Some(range) = &arguments.vcpus {
        filters
            .push(Filter::vcpus(span("--vcpus", range, "4, 4..8, 4.. or ..8")?, format!("--vcpus {range}")));
    }
    if let Some(range) = &arguments.memory {
        let example = "16Gi, 8Gi..64Gi, 8Gi.. or ..64Gi";
        filters.push(Filter::memory(span("--memory", range, example)?, format!("--memory {range}")));
    }
    if let Some(range) = &arguments.gpus {
        filters.push(Filter::gpus(span("--gpus", range, "0, 1.., 4..8 or ..8")?, format!("--gpus {range}")));
    }
    let capacity_types: Vec<String> = arguments.capacity_type.iter().map(ToString::to_string).collect();
    for (key, values) in [
        (labels::ARCH, &arguments.arch),
        (labels::ZONE, &arguments.zone),
        (labels::CAPACITY_TYPE, &capacity_types),
    ] {
        if !values.is_empty() {
            filters.push(Filter::label(Requirement::in_values(key, values.iter().cloned())));
        }
    }
    let place = place::decide(arguments.region.as_deref(), &arguments.zone, &objects, catalog)?;
    let mut query = Query::new(catalog, place.region);
    query.model = NodeClassModel { dedicated_tenancy: names_tenancy(&filters), ..model };
    query.filters = filters;
    query.order = arguments.sort;
    Ok(query)
}

/// Offerings on dedicated hardware are left out unless somebody asks for them.
fn names_tenancy(filters: &[Filter]) -> bool {
    filters
        .iter()
        .filter_map(Filter::requirement)
        .any(|requirement| requirement.key == labels::INSTANCE_TENANCY)
}

fn span(argument: &str, range: &str, example: &'static str) -> Result<Span, Failure> {
    Span::parse(range, example).map_err(|error| Failure::new(format!("{argument}: {error}")))
}

fn name_of(node_pool: &NodePool) -> &str {
    node_pool.metadata.name.as_deref().unwrap_or_default()
}

/// The NodePool of this name, or the only one.
fn chosen<'o>(objects: &'o Objects, name: Option<&str>, path: &Path) -> Result<&'o NodePool, Failure> {
    let path = path.display();
    let names = || objects.node_pools.iter().map(name_of).collect::<Vec<_>>().join(", ");
    match (objects.node_pools.as_slice(), name) {
        ([], _) => Err(Failure::new(format!("{path}: there is no NodePool in this file"))),
        ([only], None) => Ok(only),
        (_, None) => Err(Failure::new(format!(
            "{path}: there are {} NodePools in this file",
            objects.node_pools.len()
        ))
        .with_help(format!("choose one with --nodepool-name: {}", printable(&names())))),
        (all, Some(name)) => all.iter().find(|node_pool| name_of(node_pool) == name).ok_or_else(|| {
            Failure::new(format!("{path}: there is no NodePool {name:?} in this file"))
                .with_help(format!("NodePools of the file: {}", printable(&names())))
        }),
    }
}

fn of_node_pool(node_pool: &NodePool, console: &Console) -> Result<Vec<Filter>, Failure> {
    let found = NodePoolFilters::of(node_pool).map_err(|(index, error)| {
        let name = name_of(node_pool);
        Failure::new(format!("NodePool {name}: .spec.template.spec.requirements[{index}]: {error}"))
    })?;
    if !found.other_keys.is_empty() {
        let keys = printable(&found.other_keys.join(", "));
        console.note(format_args!("not about instance types, so not used: {keys}"));
    }
    Ok(found.filters)
}

/// The NodePool's EC2NodeClass, if the input has it; otherwise a plain one.
fn of_node_class(node_pool: &NodePool, objects: &Objects) -> Result<NodeClassModel, Failure> {
    let wanted = node_pool.spec.template.spec.node_class_ref.name.as_str();
    let named = objects.node_classes.iter().find(|class| class.metadata.name.as_deref() == Some(wanted));
    let Some(node_class) = named else { return Ok(NodeClassModel::default()) };
    NodeClassModel::from_ec2nodeclass(node_class, CapacitySettings::default())
        .map_err(|error| Failure::new(format!("EC2NodeClass {wanted}: {error}")))
}
