//! The market of the other workloads: every type of us-east-1 in three zones, and a NodePool of current families.

use supercargo_api::labels::keys;
use supercargo_api::requirement::Operator;
use supercargo_api::{NodeClassReference, NodePool, NodePoolSpec, RequirementTerm};
use supercargo_catalog::{CapacityType, Catalog, InstanceType, NodeClassModel};
use supercargo_engine::market::{Market, MarketError};

/// The region.
pub const REGION: &str = "us-east-1";
/// The zones in use.
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// What nodes of a class that names Amazon Linux 2023 and nothing else can be.
pub fn instance_types(catalog: &Catalog) -> Vec<InstanceType> {
    let zones = ZONES.map(str::to_owned);
    catalog.instance_types(REGION, Some(&zones), &NodeClassModel::default())
}

/// The compiled market.
///
/// # Errors
/// Never in practice: six kinds of offerings are far from the limit.
pub fn market(catalog: &Catalog) -> Result<Market, MarketError> {
    Market::compile([("default".to_owned(), instance_types(catalog))])
}

/// The NodeClass of every NodePool here.
pub fn node_class_reference() -> NodeClassReference {
    NodeClassReference {
        group: "karpenter.k8s.aws".to_owned(),
        kind: "EC2NodeClass".to_owned(),
        name: "default".to_owned(),
    }
}

/// A NodePool of categories c, m and r newer than generation 5, of any size, under the given capacity types.
pub fn node_pool(capacity_types: &[CapacityType]) -> NodePool {
    let mut pool = NodePool::new("default", NodePoolSpec::default());
    pool.spec.template.spec.node_class_ref = node_class_reference();
    pool.spec.template.spec.requirements = vec![
        RequirementTerm::new(keys::INSTANCE_CATEGORY, Operator::In, ["c", "m", "r"]),
        RequirementTerm::new(keys::INSTANCE_GENERATION, Operator::Gt, ["5"]),
        RequirementTerm::new(
            keys::CAPACITY_TYPE,
            Operator::In,
            capacity_types.iter().map(|capacity_type| capacity_type.as_str()),
        ),
    ];
    pool
}

/// Spot and on-demand.
pub const ANY_CAPACITY: [CapacityType; 2] = [CapacityType::Spot, CapacityType::OnDemand];
