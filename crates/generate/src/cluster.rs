//! Making the cluster, from options to objects.

use supercargo_api::Objects;
use supercargo_catalog::{CapacitySettings, Catalog, NodeClassModel};
use supercargo_engine::market::Market;

use crate::builder::Builder;
use crate::options::{ClusterOptions, GenerateError};

/// Makes up a cluster: everything a dump of it would hold.
///
/// Same options, same objects. Of the time, the engine's work dominates: seconds for 1,000 nodes.
///
/// # Errors
/// Options out of range, or a region that does not sell what the NodePools ask for.
pub fn cluster(options: &ClusterOptions) -> Result<Objects, GenerateError> {
    let mut builder = Builder::new(options, Catalog::embedded())?;
    builder.grow()?;
    builder.churn();
    builder.guard()?;
    builder.finish()?;
    Ok(builder.objects)
}

/// What the NodeClasses of a cluster can buy in the region, at the catalogue's prices.
///
/// # Errors
/// A NodeClass that is not understood, or more offerings than can be told apart.
pub fn market(objects: &Objects, region: &str) -> Result<Market, GenerateError> {
    let mut classes = Vec::new();
    for node_class in &objects.node_classes {
        let name = node_class.metadata.name.clone().unwrap_or_default();
        let model = NodeClassModel::from_ec2nodeclass(node_class, CapacitySettings::default())?;
        classes.push((name, Catalog::embedded().instance_types(region, None, &model)));
    }
    Ok(Market::compile(classes)?)
}
