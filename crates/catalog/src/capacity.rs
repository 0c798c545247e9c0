//! What a node of a type reports as capacity (reference section 5.2).

use supercargo_api::resources::{
    AMD_GPU, AWS_EFA, AWS_NEURON, AWS_NEURON_CORE, AWS_NITRO_SANDBOX, AWS_POD_ENI, AWS_PRIVATE_IPV4, CPU,
    EPHEMERAL_STORAGE, HABANA_GAUDI, MEMORY, NVIDIA_GPU, PODS,
};
use supercargo_api::{AmiFamily, Resources};

use crate::ami_family::FamilyTraits;
use crate::node_class::NodeClassModel;
use crate::{Arch, TypeFacts};

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
const GIGABYTE: i64 = 1_000_000_000;
/// Contiguous memory that Graviton instances keep for themselves.
const ARM64_RESERVED_MIB: i64 = 64;
/// Pods on a node whose family is not limited by network interfaces.
const PODS_WITHOUT_ENI_LIMIT: i64 = 110;
/// Addresses in a delegated prefix.
const ADDRESSES_PER_PREFIX: i64 = 16;

/// Everything the node has, before anything is kept back. Resources of which it has none are not named.
pub fn capacity(facts: &TypeFacts, model: &NodeClassModel) -> Resources {
    let mut capacity = Resources::new();
    capacity.set(CPU, i64::from(facts.vcpus) * 1000);
    capacity.set(MEMORY, memory(facts, model.settings.vm_memory_overhead_percent));
    capacity.set(EPHEMERAL_STORAGE, ephemeral_storage(facts, model));
    capacity.set(PODS, pods(facts, model));
    let (nvidia, amd, habana) = (gpus_of(facts, "NVIDIA"), gpus_of(facts, "AMD"), gpus_of(facts, "Habana"));
    let neuron = facts.accelerator.as_ref().filter(|accelerator| accelerator.neuron_cores_each > 0);
    let devices = neuron.map_or(0, |neuron| i64::from(neuron.count));
    let cores = neuron.map_or(0, |neuron| i64::from(neuron.count) * i64::from(neuron.neuron_cores_each));
    let is_windows = FamilyTraits::of(model.ami_family).is_windows;
    let windows_addresses = if is_windows { i64::from(facts.ipv4_per_interface) - 1 } else { 0 };
    for (resource, amount) in [
        (NVIDIA_GPU, nvidia),
        (AMD_GPU, amd),
        (HABANA_GAUDI, habana),
        (AWS_NEURON, devices),
        (AWS_NEURON_CORE, cores),
        (AWS_POD_ENI, i64::from(facts.branch_interfaces)),
        (AWS_EFA, efa_interfaces(facts, model)),
        (AWS_PRIVATE_IPV4, windows_addresses),
        (AWS_NITRO_SANDBOX, i64::from(facts.nitro_enclaves)),
    ] {
        if amount > 0 {
            capacity.set(resource, amount);
        }
    }
    capacity
}

/// Nominal memory less what Graviton keeps, less the share assumed for the hypervisor, rounded up to MiB.
fn memory(facts: &TypeFacts, overhead_percent: f64) -> i64 {
    let nominal = i64::try_from(facts.memory_mib).unwrap_or(i64::MAX / MIB);
    let usable_mib = match facts.arch {
        Arch::Arm64 => nominal - ARM64_RESERVED_MIB,
        Arch::Amd64 => nominal,
    };
    let bytes = usable_mib.saturating_mul(MIB);
    let overhead_mib = (bytes as f64 * overhead_percent / 1024.0 / 1024.0).ceil() as i64;
    bytes.saturating_sub(overhead_mib.saturating_mul(MIB))
}

fn ephemeral_storage(facts: &TypeFacts, model: &NodeClassModel) -> i64 {
    if let (true, Some(gigabytes)) = (model.instance_store_raid0, facts.instance_store_gb) {
        return i64::try_from(gigabytes).unwrap_or(i64::MAX).saturating_mul(GIGABYTE);
    }
    let traits = FamilyTraits::of(model.ami_family);
    let root = model.block_devices.iter().find(|device| device.root).and_then(|device| device.size_bytes);
    let configured = root.or_else(|| match model.ami_family {
        AmiFamily::Custom => model.block_devices.last()?.size_bytes,
        _ => {
            let is_ephemeral = |name: &Option<String>| name.as_deref() == Some(traits.ephemeral_device);
            model.block_devices.iter().find(|device| is_ephemeral(&device.device_name))?.size_bytes
        }
    });
    configured.unwrap_or(traits.ephemeral_gib * GIB)
}

/// Pods the network interfaces have addresses for: one address of each interface is its own, and two pods of
/// every node use the host's. Interfaces that are reserved or carry EFA only do not count.
pub(crate) fn eni_limited_pods(facts: &TypeFacts, reserved: i64, addresses_per_slot: i64) -> i64 {
    let interfaces = i64::from(facts.primary_card().max_interfaces) - reserved;
    if interfaces <= 0 {
        return 0;
    }
    interfaces * (i64::from(facts.ipv4_per_interface) - 1) * addresses_per_slot + 2
}

/// Pods the node takes: what the class says, or what its network allows, at most so many per vCPU.
pub(crate) fn pods(facts: &TypeFacts, model: &NodeClassModel) -> i64 {
    let traits = FamilyTraits::of(model.ami_family);
    let most = match model.kubelet.max_pods {
        Some(pods) => pods,
        None if traits.eni_limited => network_pods(facts, model),
        None => PODS_WITHOUT_ENI_LIMIT,
    };
    match model.kubelet.pods_per_core {
        Some(per_core) if per_core > 0 && traits.pods_per_core => {
            most.min(per_core.saturating_mul(i64::from(facts.vcpus)))
        }
        _ => most,
    }
}

fn network_pods(facts: &TypeFacts, model: &NodeClassModel) -> i64 {
    let on_first_card = model.efa_only_interfaces().filter(|interface| interface.network_card_index == 0);
    let reserved = i64::from(model.settings.reserved_enis) + on_first_card.count() as i64;
    if !(model.settings.prefix_delegation && facts.is_nitro()) {
        return eni_limited_pods(facts, reserved, 1);
    }
    // the ceiling of AWS's own calculator: more pods than that are slow to start, whatever the addresses allow
    let ceiling = if facts.vcpus > 30 { 250 } else { 110 };
    eni_limited_pods(facts, reserved, ADDRESSES_PER_PREFIX).min(ceiling)
}

fn gpus_of(facts: &TypeFacts, manufacturer: &str) -> i64 {
    let gpus = facts.gpus.iter().filter(|gpu| gpu.manufacturer == manufacturer);
    gpus.map(|gpu| i64::from(gpu.count)).sum()
}

/// What the class configures, if it configures interfaces; otherwise all the type takes.
fn efa_interfaces(facts: &TypeFacts, model: &NodeClassModel) -> i64 {
    if model.network_interfaces.is_empty() {
        i64::from(facts.max_efa_interfaces)
    } else {
        model.efa_only_interfaces().count() as i64
    }
}
