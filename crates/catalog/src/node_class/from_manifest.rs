//! From an EC2NodeClass, spec and status, to the model.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use supercargo_api::quantity::QuantityError;
use supercargo_api::requirement::RequirementError;
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::base_units;
use supercargo_api::{
    CapacityReservation, CapacityReservationState, CapacityReservationType, EC2NodeClass, EC2NodeClassSpec,
    EC2NodeClassStatus, Resources, Switch,
};
use thiserror::Error;

use super::{BlockDeviceModel, CapacitySettings, KubeletModel, NodeClassModel, ReservationModel, Threshold};
use crate::{Reservation, ReservationKind};

/// What keeps an EC2NodeClass from being understood. The path is that of the field in the manifest.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum NodeClassModelError {
    /// A quantity does not read.
    #[error("{path}: {source}")]
    Quantity {
        /// The field.
        path: String,
        /// What is wrong with it.
        source: QuantityError,
    },
    /// Something else than a whole number that is not negative.
    #[error("{path}: expected a whole number that is not negative, found {found}")]
    NotANumber {
        /// The field.
        path: String,
        /// The value, cut to 40 characters.
        found: String,
    },
    /// Something else than a mapping of names to texts.
    #[error("{path}: expected a mapping such as {example}, found {found}")]
    NotAMapping {
        /// The field.
        path: String,
        /// The value, cut to 40 characters.
        found: String,
        /// What would be right.
        example: &'static str,
    },
    /// A percentage that is none.
    #[error("{path}: expected a percentage from 0% to 100% or a quantity, found {found}")]
    Percentage {
        /// The field.
        path: String,
        /// The value, cut to 40 characters.
        found: String,
    },
    /// A CEL expression, which only a controller with that gate evaluates.
    #[error(
        "{path}: CEL expressions (gate NodeClassCEL) are not supported, write a value instead of {found}"
    )]
    Expression {
        /// The field.
        path: String,
        /// The expression, cut to 40 characters.
        found: String,
    },
    /// The requirements of a machine image in the status do not read.
    #[error("{path}: {source}")]
    Image {
        /// The field.
        path: String,
        /// What is wrong with it.
        source: RequirementError,
    },
}

impl NodeClassModel {
    /// The model of an EC2NodeClass under these settings. What the status says (subnets, images, reservations) is used
    /// if it is there; a class without a status is taken to have a subnet in every zone and an image for every type.
    pub fn from_ec2nodeclass(
        node_class: &EC2NodeClass,
        settings: CapacitySettings,
    ) -> Result<NodeClassModel, NodeClassModelError> {
        let spec = &node_class.spec;
        let mut model = NodeClassModel::new(spec.resolved_ami_family());
        model.settings = settings;
        model.instance_store_raid0 = spec.instance_store_policy.is_some();
        model.block_devices = block_devices(spec)?;
        model.kubelet = match &spec.kubelet {
            // a custom image brings its own kubelet configuration, but what it is told to be is believed
            Some(kubelet) => kubelet_model(kubelet)?,
            None => KubeletModel::default(),
        };
        model.network_interfaces = spec.network_interfaces.clone().unwrap_or_default();
        model.needs_nitro = spec.connection_tracking.is_some();
        let nested = spec.cpu_options.as_ref().and_then(|options| options.nested_virtualization);
        model.needs_nested_virtualization = nested == Some(Switch::Enabled);
        if let Some(status) = &node_class.status {
            read_status(&mut model, status)?;
        }
        Ok(model)
    }
}

fn read_status(model: &mut NodeClassModel, status: &EC2NodeClassStatus) -> Result<(), NodeClassModelError> {
    if let Some(subnets) = status.subnets.as_ref().filter(|subnets| !subnets.is_empty()) {
        let mut zones: BTreeMap<String, Option<String>> = BTreeMap::new();
        for subnet in subnets {
            let zone_id = zones.entry(subnet.zone.clone()).or_default();
            if zone_id.is_none() {
                zone_id.clone_from(&subnet.zone_id);
            }
        }
        model.subnets = Some(zones);
    }
    if let Some(amis) = status.amis.as_ref().filter(|amis| !amis.is_empty()) {
        let mut images = Vec::new();
        for (index, ami) in amis.iter().enumerate() {
            let requirements =
                Requirements::from_node_selector_terms(&ami.requirements).map_err(|source| {
                    NodeClassModelError::Image { path: format!(".status.amis[{index}].requirements"), source }
                })?;
            images.push(requirements);
        }
        model.images = Some(images);
    }
    model.reservations = status.capacity_reservations.iter().flatten().map(reservation).collect();
    Ok(())
}

fn reservation(reservation: &CapacityReservation) -> ReservationModel {
    let kind = match reservation.reservation_type() {
        CapacityReservationType::Default => ReservationKind::Default,
        CapacityReservationType::CapacityBlock => ReservationKind::CapacityBlock,
    };
    ReservationModel {
        zone: reservation.availability_zone.clone(),
        instance_type: reservation.instance_type.clone(),
        active: reservation.state() == CapacityReservationState::Active,
        reservation: Reservation {
            id: reservation.id.clone(),
            kind,
            interruptible: reservation.interruptible(),
            count: 1,
        },
    }
}

fn block_devices(spec: &EC2NodeClassSpec) -> Result<Vec<BlockDeviceModel>, NodeClassModelError> {
    let mappings = spec.block_device_mappings.iter().flatten();
    mappings
        .enumerate()
        .map(|(index, mapping)| {
            let size = mapping.ebs.as_ref().and_then(|ebs| ebs.volume_size.as_deref());
            let path = || format!(".spec.blockDeviceMappings[{index}].ebs.volumeSize");
            let size_bytes = size.map(|text| amount("ephemeral-storage", text, path)).transpose()?;
            Ok(BlockDeviceModel {
                device_name: mapping.device_name.clone(),
                root: mapping.root_volume.unwrap_or(false),
                size_bytes,
            })
        })
        .collect()
}

fn amount(resource: &str, text: &str, path: impl Fn() -> String) -> Result<i64, NodeClassModelError> {
    base_units(resource, text.trim()).map_err(|source| NodeClassModelError::Quantity { path: path(), source })
}

fn kubelet_model(kubelet: &Map<String, Value>) -> Result<KubeletModel, NodeClassModelError> {
    let eviction = mapping(kubelet, "evictionHard")?;
    let threshold_of = |signal: &str| {
        let value = eviction.and_then(|thresholds| thresholds.get(signal));
        value.map(|value| threshold(&format!(".spec.kubelet.evictionHard[{signal:?}]"), value)).transpose()
    };
    Ok(KubeletModel {
        max_pods: number(kubelet, "maxPods")?,
        pods_per_core: number(kubelet, "podsPerCore")?,
        kube_reserved: reserved(kubelet, "kubeReserved")?,
        system_reserved: reserved(kubelet, "systemReserved")?,
        eviction_memory: threshold_of("memory.available")?,
        eviction_nodefs: threshold_of("nodefs.available")?,
    })
}

fn mapping<'k>(
    kubelet: &'k Map<String, Value>,
    field: &str,
) -> Result<Option<&'k Map<String, Value>>, NodeClassModelError> {
    match kubelet.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(mapping)) => Ok(Some(mapping)),
        Some(other) => Err(NodeClassModelError::NotAMapping {
            path: format!(".spec.kubelet.{field}"),
            found: shown(other),
            example: "{memory: 200Mi}",
        }),
    }
}

/// Numbers may be written as texts; any other text is a CEL expression (row E13).
fn number(kubelet: &Map<String, Value>, field: &str) -> Result<Option<i64>, NodeClassModelError> {
    let Some(value) = kubelet.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    let path = || format!(".spec.kubelet.{field}");
    let parsed = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => return Err(NodeClassModelError::Expression { path: path(), found: shown(value) }),
        },
        _ => None,
    };
    match parsed.filter(|number| (0..=i64::from(i32::MAX)).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(NodeClassModelError::NotANumber { path: path(), found: shown(value) }),
    }
}

fn reserved(kubelet: &Map<String, Value>, field: &str) -> Result<Resources, NodeClassModelError> {
    let mut amounts = Resources::new();
    for (resource, value) in mapping(kubelet, field)?.into_iter().flatten() {
        let path = || format!(".spec.kubelet.{field}[{resource:?}]");
        let text = plain_text(value).ok_or_else(|| NodeClassModelError::NotAMapping {
            path: path(),
            found: shown(value),
            example: "{memory: 200Mi}",
        })?;
        // a quantity has neither brackets nor operators nor blanks inside
        if text.trim().contains(|letter: char| letter.is_whitespace() || "()*/?<>&|".contains(letter)) {
            return Err(NodeClassModelError::Expression { path: path(), found: shown(value) });
        }
        amounts.set(resource, amount(resource, &text, path)?);
    }
    Ok(amounts)
}

fn threshold(path: &str, value: &Value) -> Result<Threshold, NodeClassModelError> {
    let text = plain_text(value).unwrap_or_default();
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.trim().parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        let wrong = || NodeClassModelError::Percentage { path: path.to_owned(), found: shown(value) };
        return percent.map(Threshold::Percent).ok_or_else(wrong);
    }
    Ok(Threshold::Amount(amount("memory", text, || path.to_owned())?))
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}
