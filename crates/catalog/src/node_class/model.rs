//! A node class reduced to what the capacity model asks of it.

use std::collections::BTreeMap;

use supercargo_api::requirements::Requirements;
use supercargo_api::{AmiFamily, InterfaceType, NetworkInterface, Resources};

use crate::Reservation;

/// What an EC2NodeClass and the settings say about capacity and availability (reference sections 1.4, 5.2, 5.3).
///
/// The default is a class that names Amazon Linux 2023 and nothing else, under default settings: every zone, every
/// image, no reservations.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeClassModel {
    /// The operating system (row E8).
    pub ami_family: AmiFamily,
    /// Local disks become one striped disk for the kubelet (row E15).
    pub instance_store_raid0: bool,
    /// The volumes (row E14); empty for those of the family.
    pub block_devices: Vec<BlockDeviceModel>,
    /// The kubelet's configuration (row E13).
    pub kubelet: KubeletModel,
    /// The network interfaces (row E16); empty for one ordinary interface.
    pub network_interfaces: Vec<NetworkInterface>,
    /// The zones in which the class has a subnet, with their ids where known; none if that is not known, and then
    /// every zone counts.
    pub subnets: Option<BTreeMap<String, Option<String>>>,
    /// What each machine image demands of the instance type; none if the images are not known, and then every
    /// type has one.
    pub images: Option<Vec<Requirements>>,
    /// Capacity reservations the class may use.
    pub reservations: Vec<ReservationModel>,
    /// Only types built on Nitro: connection tracking is set (row E19).
    pub needs_nitro: bool,
    /// Only types in which virtual machines can run (row E21).
    pub needs_nested_virtualization: bool,
    /// The placement group nodes are launched into (row E4); none without a group, or if it is not known.
    pub placement: Option<Placement>,
    /// Offerings on dedicated hardware are wanted, too. They double the offerings, so ask for them only if a NodePool
    /// or a pod names the tenancy label.
    pub dedicated_tenancy: bool,
    /// Settings of the controller.
    pub settings: CapacitySettings,
}

/// A volume of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDeviceModel {
    /// `/dev/xvda`.
    pub device_name: Option<String>,
    /// The kubelet keeps its files here.
    pub root: bool,
    /// Bytes; none if a snapshot decides.
    pub size_bytes: Option<i64>,
}

/// The part of the kubelet's configuration that counts (reference section 5.2). Soft eviction thresholds never change
/// what is allocatable, so they are not here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KubeletModel {
    /// Pods at most, whatever the network interfaces allow.
    pub max_pods: Option<i64>,
    /// Pods at most for each vCPU; zero means no such limit.
    pub pods_per_core: Option<i64>,
    /// Replaces the computed reservation, resource by resource.
    pub kube_reserved: Resources,
    /// Kept for the system; nothing by default.
    pub system_reserved: Resources,
    /// Hard eviction threshold `memory.available`; 100 Mi by default.
    pub eviction_memory: Option<Threshold>,
    /// Hard eviction threshold `nodefs.available`; 10 % by default.
    pub eviction_nodefs: Option<Threshold>,
}

/// A hard eviction threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// Percent of the capacity; 100 switches the threshold off.
    Percent(f64),
    /// Bytes.
    Amount(i64),
}

impl Threshold {
    /// Bytes of a capacity of so many bytes, rounded up.
    pub fn of(self, capacity: i64) -> i64 {
        match self {
            Threshold::Amount(bytes) => bytes,
            // the kubelet's way of switching a threshold off
            Threshold::Percent(100.0) => 0,
            // a float-to-integer cast saturates
            Threshold::Percent(percent) => (capacity as f64 / 100.0 * percent).ceil() as i64,
        }
    }
}

/// A placement group, as far as nodes differ by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// `pg-…`.
    pub group_id: String,
    /// How instances are placed in it.
    pub strategy: PlacementStrategy,
    /// How many partitions it has; nothing with other strategies.
    pub partitions: u32,
}

impl Placement {
    /// The numbers of its partitions, which begin at one.
    pub fn partition_numbers(&self) -> std::ops::RangeInclusive<u32> {
        let last = if self.strategy == PlacementStrategy::Partition { self.partitions } else { 0 };
        1..=last
    }
}

/// Strategy of a placement group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacementStrategy {
    /// Close together; not every type allows it.
    Cluster,
    /// In partitions that share no rack.
    Partition,
    /// On distinct racks.
    Spread,
}

/// A capacity reservation of a node class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationModel {
    /// Zone it is in.
    pub zone: String,
    /// Instance type it is for.
    pub instance_type: String,
    /// Still open for launches.
    pub active: bool,
    /// What the offering will say of it. Without an account to ask, the count is one: the status of an EC2NodeClass
    /// does not tell how much of a reservation is in use.
    pub reservation: Reservation,
}

/// Settings of the controller that change capacity (reference section 5.10).
#[derive(Clone, Debug, PartialEq)]
pub struct CapacitySettings {
    /// Share of the memory the hypervisor is assumed to keep, VM_MEMORY_OVERHEAD_PERCENT; 0.075 by default.
    pub vm_memory_overhead_percent: f64,
    /// Network interfaces that pods may not use, RESERVED_ENIS; none by default.
    pub reserved_enis: u32,
    /// The VPC CNI hands out prefixes of 16 addresses, which lifts the limit on pods. Our extension: under Karpenter one
    /// sets maxPods instead. Off by default.
    pub prefix_delegation: bool,
    /// Seed of the walk that spreads spot prices over zones.
    pub spot_seed: u64,
}

impl Default for CapacitySettings {
    fn default() -> CapacitySettings {
        CapacitySettings {
            vm_memory_overhead_percent: 0.075,
            reserved_enis: 0,
            prefix_delegation: false,
            spot_seed: 0,
        }
    }
}

impl Default for NodeClassModel {
    fn default() -> NodeClassModel {
        NodeClassModel::new(AmiFamily::AL2023)
    }
}

impl NodeClassModel {
    /// A class that names a family and nothing else.
    pub fn new(ami_family: AmiFamily) -> NodeClassModel {
        NodeClassModel {
            ami_family,
            instance_store_raid0: false,
            block_devices: Vec::new(),
            kubelet: KubeletModel::default(),
            network_interfaces: Vec::new(),
            subnets: None,
            images: None,
            reservations: Vec::new(),
            needs_nitro: false,
            needs_nested_virtualization: false,
            placement: None,
            dedicated_tenancy: false,
            settings: CapacitySettings::default(),
        }
    }

    /// Network interfaces that only carry EFA traffic.
    pub(crate) fn efa_only_interfaces(&self) -> impl Iterator<Item = &NetworkInterface> {
        self.network_interfaces.iter().filter(|interface| interface.interface_type == InterfaceType::EfaOnly)
    }
}
