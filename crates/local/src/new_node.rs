//! A Node that stands for a simulated machine of its own, as `supercargo local add-node` makes it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;
use supercargo_api::Resources;
use supercargo_api::labels::{CAPACITY_TYPE, HOSTNAME, NOT_READY_TAINT, REGION, ZONE, ZONE_ID, closest};
use supercargo_api::taint::NO_SCHEDULE;
use supercargo_catalog::{Catalog, NodeClassModel};

use crate::kubelet::MACHINE_ANNOTATION;

/// What the machine shall be.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// The node's name.
    pub name: String,
    /// `m6i.xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity_type: String,
    /// More labels; they count more than the type's own.
    pub labels: BTreeMap<String, String>,
    /// Taints it starts with.
    pub taints: Vec<Taint>,
    /// How long its kubelet takes to start.
    pub boot: Duration,
}

/// Why there is no such machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewNodeError {
    /// The type.
    #[error("unknown instance type {name:?}{}", hint(close))]
    UnknownType {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        close: Option<String>,
    },
    /// The zone.
    #[error("unknown zone {name:?}; zones are called like us-east-1a")]
    UnknownZone {
        /// What was asked for.
        name: String,
    },
}

fn hint(close: &Option<String>) -> String {
    close.as_ref().map_or_else(String::new, |close| format!("; did you mean {close}?"))
}

/// The Node of a machine, with the labels and the capacity that a kubelet on such an instance registers.
pub fn new_node(wanted: &NewNode) -> Result<Node, NewNodeError> {
    let catalog = Catalog::embedded();
    let zone_name = &wanted.zone;
    let region = catalog
        .region_of_zone(zone_name)
        .ok_or_else(|| NewNodeError::UnknownZone { name: zone_name.clone() })?;
    let zone = catalog
        .zones(region)
        .iter()
        .find(|zone| zone.name == *zone_name)
        .ok_or_else(|| NewNodeError::UnknownZone { name: zone_name.clone() })?;
    let resolved = catalog
        .instance_type(region, &wanted.instance_type, &NodeClassModel::default())
        .ok_or_else(|| NewNodeError::UnknownType {
            name: wanted.instance_type.clone(),
            close: closest(&wanted.instance_type, catalog.type_names()).map(str::to_owned),
        })?;
    let mut labels = resolved.labels;
    for (key, value) in [
        (HOSTNAME, wanted.name.as_str()),
        (ZONE, zone_name),
        (ZONE_ID, &zone.zone_id),
        (REGION, region),
        (CAPACITY_TYPE, &wanted.capacity_type),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels.extend(wanted.labels.clone());
    let present = |resources: &Resources| {
        let present: Resources = resources
            .iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(name, amount)| (name.to_owned(), amount))
            .collect();
        present.to_quantities()
    };
    let machine = json!({
        "capacity": present(&resolved.capacity),
        "allocatable": present(&resolved.allocatable),
        "bootSeconds": wanted.boot.as_secs_f64(),
    });
    let mut taints =
        vec![Taint { key: NOT_READY_TAINT.to_owned(), effect: NO_SCHEDULE.to_owned(), ..Taint::default() }];
    taints.extend(wanted.taints.iter().cloned());
    Ok(Node {
        metadata: ObjectMeta {
            name: Some(wanted.name.clone()),
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(MACHINE_ANNOTATION.to_owned(), machine.to_string())])),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec { taints: Some(taints), ..NodeSpec::default() }),
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> NewNode {
        NewNode {
            name: "node-1".into(),
            instance_type: "m6i.xlarge".into(),
            zone: "us-east-1a".into(),
            capacity_type: "on-demand".into(),
            labels: BTreeMap::from([("team".to_owned(), "media".to_owned())]),
            taints: Vec::new(),
            boot: Duration::from_secs(5),
        }
    }

    #[test]
    fn a_machine_has_what_its_type_has() {
        let node = new_node(&wanted()).unwrap();
        let labels = node.metadata.labels.unwrap();
        assert_eq!(labels["node.kubernetes.io/instance-type"], "m6i.xlarge");
        assert_eq!(labels["topology.kubernetes.io/region"], "us-east-1");
        assert_eq!(labels["team"], "media");
        let machine = &node.metadata.annotations.unwrap()[MACHINE_ANNOTATION];
        let machine: serde_json::Value = serde_json::from_str(machine).unwrap();
        assert_eq!(machine["capacity"]["cpu"], "4");
        assert_eq!(machine["allocatable"]["pods"], "58");
    }

    #[test]
    fn what_there_is_not_is_said_with_what_was_meant() {
        let error = new_node(&NewNode { instance_type: "m6i.xlrge".into(), ..wanted() }).unwrap_err();
        assert_eq!(error.to_string(), "unknown instance type \"m6i.xlrge\"; did you mean m6i.xlarge?");
        let error = new_node(&NewNode { zone: "mars-1a".into(), ..wanted() }).unwrap_err();
        assert_eq!(error.to_string(), "unknown zone \"mars-1a\"; zones are called like us-east-1a");
    }
}
