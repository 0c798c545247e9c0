//! A host as the objects that its kubelet writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    DaemonEndpoint, Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec, NodeStatus,
    NodeSystemInfo, Taint,
};
use k8s_openapi::api::storage::v1::{CSINode, CSINodeDriver, CSINodeSpec, VolumeNodeResources};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Serialize};
use supercargo_api::Resources;
use supercargo_api::labels::{ARCH, HOSTNAME, INSTANCE_TYPE, NOT_READY_TAINT, OS, ZONE};
use supercargo_api::resources::{CPU, EPHEMERAL_STORAGE, MEMORY, PODS};
use supercargo_api::taint::NO_SCHEDULE;

use super::hosts::Host;
use crate::scheduler::quantities;

/// The annotation that makes a Node a simulated machine of its own: its value is a JSON object, which may be empty, with
/// `capacity` and `allocatable` as in a Node's status, and `bootSeconds`.
pub const MACHINE_ANNOTATION: &str = "local.supercargo.dev/machine";

/// The driver that EBS volumes belong to.
pub(crate) const EBS_DRIVER: &str = "ebs.csi.aws.com";

/// What the annotation says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MachineOrder {
    capacity: BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>,
    allocatable: BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>,
    boot_seconds: f64,
}

/// The host that a Node with the machine annotation stands for; an annotation that cannot be read is as good as an empty
/// one. What the Node does not say is that of a machine with 4 cores and 16 GiB.
pub(super) fn host_of(node: &Node, now: Timestamp) -> Option<Host> {
    let annotation = node.metadata.annotations.as_ref()?.get(MACHINE_ANNOTATION)?;
    let order: MachineOrder = serde_json::from_str(annotation).unwrap_or_default();
    let status = node.status.as_ref();
    let first = |ordered: &BTreeMap<_, _>, known: Option<&BTreeMap<_, _>>| {
        let source = if ordered.is_empty() { known } else { Some(ordered) };
        quantities(source)
    };
    let mut capacity = first(&order.capacity, status.and_then(|status| status.capacity.as_ref()));
    for (name, amount) in [(CPU, 4_000), (MEMORY, 16 << 30), (PODS, 110), (EPHEMERAL_STORAGE, 20 << 30)] {
        if !capacity.contains(name) {
            capacity.set(name, amount);
        }
    }
    let known = first(&order.allocatable, status.and_then(|status| status.allocatable.as_ref()));
    let mut allocatable = capacity.clone();
    known.iter().for_each(|(name, amount)| allocatable.set(name, amount));
    let addresses = status.and_then(|status| status.addresses.as_deref()).unwrap_or_default();
    let address = addresses.iter().find(|address| address.type_ == "InternalIP");
    let boot = std::time::Duration::try_from_secs_f64(order.boot_seconds).unwrap_or_default();
    Some(Host {
        name: node.metadata.name.clone().unwrap_or_default(),
        provider_id: node.spec.as_ref().and_then(|spec| spec.provider_id.clone()),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints: Vec::new(),
        capacity,
        allocatable,
        address: address.map_or_else(String::new, |address| address.address.clone()),
        kubelet_version: status
            .and_then(|status| status.node_info.as_ref())
            .map_or_else(|| KUBELET_VERSION.to_owned(), |info| info.kubelet_version.clone()),
        volume_limit: None,
        boots_at: now.checked_add(boot).unwrap_or(now),
    })
}

/// The version of kubelets that nobody gives another.
pub const KUBELET_VERSION: &str = "v1.37.0";

/// The Node that a kubelet registers: not ready yet, and tainted so.
pub(super) fn registration(host: &Host, now: Timestamp) -> Node {
    let mut labels = host.labels.clone();
    for (key, value) in [(HOSTNAME, host.name.as_str()), (OS, "linux"), (ARCH, "amd64")] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    let mut taints =
        vec![Taint { key: NOT_READY_TAINT.to_owned(), effect: NO_SCHEDULE.to_owned(), ..Taint::default() }];
    taints.extend(host.taints.iter().cloned());
    let mut node = Node {
        metadata: ObjectMeta {
            name: Some(host.name.clone()),
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(
                "volumes.kubernetes.io/controller-managed-attach-detach".to_owned(),
                "true".to_owned(),
            )])),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            provider_id: host.provider_id.clone(),
            taints: Some(taints),
            ..NodeSpec::default()
        }),
        status: None,
    };
    node.status = Some(status(&node, host, false, now));
    node
}

/// The status that a kubelet writes.
pub(super) fn status(node: &Node, host: &Host, ready: bool, now: Timestamp) -> NodeStatus {
    let mut status = node.status.clone().unwrap_or_default();
    status.capacity = Some(host.capacity.to_quantities());
    status.allocatable = Some(allocatable(host).to_quantities());
    let address =
        |type_: &str, address: &str| NodeAddress { type_: type_.to_owned(), address: address.to_owned() };
    status.addresses = Some(vec![address("InternalIP", &host.address), address("Hostname", &host.name)]);
    status.daemon_endpoints =
        Some(NodeDaemonEndpoints { kubelet_endpoint: Some(DaemonEndpoint { port: 10_250 }) });
    let architecture = host.labels.get(ARCH).cloned().unwrap_or_else(|| "amd64".to_owned());
    status.node_info = Some(NodeSystemInfo {
        architecture,
        boot_id: host.name.clone(),
        container_runtime_version: "containerd://2.1.5".to_owned(),
        kernel_version: "6.12.40-64.114.amzn2023".to_owned(),
        kube_proxy_version: String::new(),
        kubelet_version: host.kubelet_version.clone(),
        machine_id: host.name.clone(),
        operating_system: "linux".to_owned(),
        os_image: "Amazon Linux 2023".to_owned(),
        system_uuid: host.provider_id.clone().unwrap_or_else(|| host.name.clone()),
        ..NodeSystemInfo::default()
    });
    let well = [
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ];
    for (type_, reason, message) in well {
        set(&mut status, type_, "False", reason, message, now);
    }
    if ready {
        set(&mut status, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
    } else {
        let message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                       message:Network plugin returns error: cni plugin not initialized";
        set(&mut status, "Ready", "False", "KubeletNotReady", message, now);
    }
    status
}

fn allocatable(host: &Host) -> Resources {
    host.allocatable.clone()
}

/// Sets a condition of a node, with the heartbeat of now.
pub(crate) fn set(
    status: &mut NodeStatus,
    type_: &str,
    value: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let conditions = status.conditions.get_or_insert_default();
    let mut condition = NodeCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    };
    match conditions.iter_mut().find(|known| known.type_ == type_) {
        Some(known) => {
            if known.status == value {
                condition.last_transition_time = known.last_transition_time.clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

/// The node's CSINode: how many EBS volumes it takes.
pub(super) fn csi_node(host: &Host, node: &Node) -> CSINode {
    CSINode {
        metadata: ObjectMeta {
            name: Some(host.name.clone()),
            owner_references: Some(vec![owner(node)]),
            ..ObjectMeta::default()
        },
        spec: CSINodeSpec {
            drivers: vec![CSINodeDriver {
                name: EBS_DRIVER.to_owned(),
                node_id: host
                    .provider_id
                    .as_deref()
                    .and_then(|id| id.rsplit('/').next())
                    .unwrap_or(&host.name)
                    .to_owned(),
                topology_keys: Some(vec![ZONE.to_owned()]),
                allocatable: host.volume_limit.map(|count| VolumeNodeResources { count: Some(count) }),
            }],
        },
        ..CSINode::default()
    }
}

/// The node's Lease, renewed now.
pub(super) fn lease(host: &Host, node: &Node, seconds: i32, now: Timestamp) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(host.name.clone()),
            namespace: Some(LEASE_NAMESPACE.to_owned()),
            owner_references: Some(vec![owner(node)]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(host.name.clone()),
            lease_duration_seconds: Some(seconds),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

/// Where the leases of nodes live.
pub(crate) const LEASE_NAMESPACE: &str = "kube-node-lease";

fn owner(node: &Node) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.metadata.name.clone().unwrap_or_default(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }
}

/// The instance type of a host, for messages.
#[must_use]
pub(super) fn instance_type(host: &Host) -> &str {
    host.labels.get(INSTANCE_TYPE).map_or("machine", String::as_str)
}
