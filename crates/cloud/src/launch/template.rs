//! Launch templates: one for each group of types whose machines are told the same (reference section 5.4, step 6).

use std::collections::BTreeMap;

use supercargo_api::labels::{self, keys};
use supercargo_api::requirements::Requirements;
use supercargo_api::resources::{AWS_EFA, AWS_NITRO_SANDBOX, PODS};
use supercargo_api::{
    Ami, AmiFamily, BlockDevice, BlockDeviceMapping, EC2NodeClass, NodeClaim, Resources, Switch, VolumeType,
    taint,
};
use supercargo_catalog::{CapacityType, InstanceType, Tenancy};

use super::place::Place;
use crate::{Bootstrap, Cluster, LaunchTemplateData, LaunchTemplateRequest, ReservationPreference, Tags};

/// What every launch template's name begins with.
const NAME_PREFIX: &str = "karpenter.k8s.aws/";

/// What a group of types shares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub image_id: String,
    pub max_pods: i64,
    pub efa_interfaces: u32,
    pub reservation_id: Option<String>,
}

/// What all launch templates of a launch share.
pub(super) struct Common<'a> {
    pub claim: &'a NodeClaim,
    pub requirements: &'a Requirements,
    pub requests: &'a Resources,
    pub node_class: &'a EC2NodeClass,
    pub cluster: &'a Cluster,
    pub capacity_type: CapacityType,
    pub tenancy: Tenancy,
    pub uses_reservations: bool,
    pub place: Option<&'a Place>,
    pub tags: &'a Tags,
}

impl Group {
    /// The group of a type; none if the class has no image for it.
    pub(super) fn of(
        instance_type: &InstanceType,
        amis: &[(&Ami, Requirements)],
        requests: &Resources,
        reservation_id: Option<String>,
    ) -> Option<Group> {
        let (ami, _) =
            amis.iter().find(|(_, requirements)| requirements.has_labels(&instance_type.labels))?;
        let efa = if requests.get(AWS_EFA) > 0 { instance_type.capacity.get(AWS_EFA) } else { 0 };
        Some(Group {
            image_id: ami.id.clone(),
            max_pods: instance_type.capacity.get(PODS),
            efa_interfaces: u32::try_from(efa).unwrap_or_default(),
            reservation_id,
        })
    }
}

impl Common<'_> {
    /// The launch template of a group.
    pub(super) fn request(&self, group: &Group) -> LaunchTemplateRequest {
        let spec = &self.node_class.spec;
        let status = self.node_class.status.as_ref();
        let groups = status.and_then(|status| status.security_groups.as_deref()).unwrap_or_default();
        let reservation = match &group.reservation_id {
            Some(reservation_id) => ReservationPreference::Only { reservation_id: reservation_id.clone() },
            None if self.uses_reservations => ReservationPreference::None,
            None => ReservationPreference::Open,
        };
        let data = LaunchTemplateData {
            image_id: group.image_id.clone(),
            instance_profile: status
                .and_then(|status| status.instance_profile.clone())
                .or_else(|| spec.instance_profile.clone()),
            security_group_ids: groups.iter().map(|group| group.id.clone()).collect(),
            network_interfaces: spec.network_interfaces.clone().unwrap_or_default(),
            efa_interfaces: group.efa_interfaces,
            associate_public_ip: spec.associate_public_ip_address,
            ip_prefix_count: spec.ip_prefix_count,
            connection_tracking: spec.connection_tracking.clone(),
            bootstrap: self.bootstrap(group.max_pods),
            block_devices: block_devices(self.node_class),
            metadata_options: spec.metadata_options(),
            detailed_monitoring: spec.detailed_monitoring.unwrap_or(false),
            tenancy: self.tenancy,
            placement_group_id: self.place.map(|place| place.group_id.clone()),
            placement_partition: self.place.and_then(|place| place.partition),
            enclave: self.requests.get(AWS_NITRO_SANDBOX) > 0,
            nested_virtualization: spec
                .cpu_options
                .as_ref()
                .and_then(|options| options.nested_virtualization)
                .map(|switch| switch == Switch::Enabled),
            reservation,
            tags: self.tags.clone(),
        };
        let name = format!("{NAME_PREFIX}{:016x}", fingerprint(&format!("{data:?}")));
        LaunchTemplateRequest { name, data, tags: self.tags.clone(), dry_run: false }
    }

    /// What the machines of a group are told.
    fn bootstrap(&self, max_pods: i64) -> Bootstrap {
        let spec = &self.node_class.spec;
        let family = spec.resolved_ami_family();
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        labels
            .extend(self.requirements.single_values().map(|(key, value)| (key.to_owned(), value.to_owned())));
        labels.extend(self.claim.metadata.labels.clone().unwrap_or_default());
        labels.insert(keys::CAPACITY_TYPE.to_owned(), self.capacity_type.as_str().to_owned());
        if family != AmiFamily::Custom {
            labels.insert(keys::DO_NOT_SYNC_TAINTS.to_owned(), "true".to_owned());
        }
        labels.retain(|key, _| kubelet_may_set(key));
        // custom images get their user data as it is, and are told nothing
        let taints = if family == AmiFamily::Custom {
            Vec::new()
        } else {
            let claimed = self.claim.spec.taints().iter().chain(self.claim.spec.startup_taints());
            let mut taints: Vec<_> = claimed.cloned().collect();
            let unregistered = taint::unregistered();
            if !taints.iter().any(|taint| taint.key == unregistered.key) {
                taints.push(unregistered);
            }
            taints
        };
        Bootstrap {
            family,
            cluster: self.cluster.clone(),
            labels,
            taints,
            max_pods: Some(max_pods),
            kubelet: spec.kubelet.clone().unwrap_or_default(),
            instance_store_raid0: spec.instance_store_policy.is_some(),
            user_data: spec.user_data.clone(),
        }
    }
}

/// Whether the kubelet may give its node the label: not if it is of Kubernetes' own domains. The controller sets those
/// when the node registers (reference section 5.5).
fn kubelet_may_set(key: &str) -> bool {
    let domain = labels::domain(key);
    let is_under = |parent: &str| {
        domain == parent || domain.strip_suffix(parent).is_some_and(|child| child.ends_with('.'))
    };
    !is_under("kubernetes.io") && !is_under("k8s.io")
}

/// The volumes of the class, or those of its family: gp3, encrypted (reference section 5.5).
fn block_devices(node_class: &EC2NodeClass) -> Vec<BlockDeviceMapping> {
    if let Some(mappings) = &node_class.spec.block_device_mappings {
        return mappings.clone();
    }
    let volume = |device: &str, size: &str| BlockDeviceMapping {
        device_name: Some(device.to_owned()),
        ebs: Some(BlockDevice {
            delete_on_termination: Some(true),
            encrypted: Some(true),
            volume_size: Some(size.to_owned()),
            volume_type: Some(VolumeType::Gp3),
            ..BlockDevice::default()
        }),
        root_volume: None,
    };
    match node_class.spec.resolved_ami_family() {
        AmiFamily::AL2 | AmiFamily::AL2023 => vec![volume("/dev/xvda", "20Gi")],
        AmiFamily::Bottlerocket => vec![volume("/dev/xvda", "4Gi"), volume("/dev/xvdb", "20Gi")],
        AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => {
            vec![volume("/dev/sda1", "50Gi")]
        }
        AmiFamily::Custom => Vec::new(),
    }
}

/// 64 bits that tell texts apart (FNV-1a).
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
