//! The labels a node of an instance type carries, whatever zone and price it is bought at (reference row 1.7).

use std::collections::BTreeMap;

use supercargo_api::AmiFamily;
use supercargo_api::labels::keys;

use crate::{Gpu, TypeFacts};

/// All labels that follow from the type, the region and the operating system.
///
/// A label whose fact is unknown or does not apply is absent; only the hypervisor of bare metal is an empty text,
/// as under Karpenter. The labels of the offering (zone, zone id, capacity type, tenancy, reservation) are not here.
pub fn type_labels(facts: &TypeFacts, region: &str, ami_family: AmiFamily) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        labels.insert(key.to_owned(), value);
    };
    set(keys::INSTANCE_TYPE, facts.name.clone());
    set(keys::REGION, region.to_owned());
    set(keys::ARCH, facts.arch.as_str().to_owned());
    match windows_build(ami_family) {
        Some(build) => {
            set(keys::OS, keys::OS_WINDOWS.to_owned());
            set(keys::WINDOWS_BUILD, build.to_owned());
        }
        None => set(keys::OS, keys::OS_LINUX.to_owned()),
    }
    if let (Some(category), Some(generation)) = (facts.category(), facts.generation()) {
        set(keys::INSTANCE_CATEGORY, category.to_owned());
        set(keys::INSTANCE_GENERATION, generation.to_owned());
    }
    set(keys::INSTANCE_FAMILY, facts.family().to_owned());
    set(keys::INSTANCE_SIZE, facts.size().to_owned());
    set(keys::INSTANCE_CPU, facts.vcpus.to_string());
    set(keys::INSTANCE_CPU_MANUFACTURER, lower_kebab(&facts.cpu_manufacturer));
    set(keys::INSTANCE_CPU_CLOCK_SPEED, facts.clock_mhz.to_string());
    set(keys::INSTANCE_MEMORY, facts.memory_mib.to_string());
    set(keys::INSTANCE_HYPERVISOR, facts.hypervisor.as_str().to_owned());
    set(keys::INSTANCE_ENCRYPTION_IN_TRANSIT, facts.encryption_in_transit.to_string());
    set(keys::NITRO_SANDBOX, facts.nitro_enclaves.to_string());
    set(keys::INSTANCE_CAPABILITY_FLEX, facts.family().contains("flex").to_string());
    if let Some(mbps) = facts.ebs_bandwidth_mbps {
        set(keys::INSTANCE_EBS_BANDWIDTH, mbps.to_string());
    }
    if let Some(mbps) = facts.network_bandwidth_mbps {
        set(keys::INSTANCE_NETWORK_BANDWIDTH, mbps.to_string());
    }
    if let (Some(gigabytes), true) = (facts.instance_store_gb, facts.instance_store_nvme) {
        set(keys::INSTANCE_LOCAL_NVME, gigabytes.to_string());
    }
    if let [Gpu { name, manufacturer, count, memory_mib }] = facts.gpus.as_slice() {
        set(keys::INSTANCE_GPU_NAME, lower_kebab(name));
        set(keys::INSTANCE_GPU_MANUFACTURER, lower_kebab(manufacturer));
        set(keys::INSTANCE_GPU_COUNT, count.to_string());
        set(keys::INSTANCE_GPU_MEMORY, memory_mib.to_string());
    }
    if let Some(accelerator) = &facts.accelerator {
        set(keys::INSTANCE_ACCELERATOR_NAME, lower_kebab(&accelerator.name));
        set(keys::INSTANCE_ACCELERATOR_MANUFACTURER, lower_kebab(&accelerator.manufacturer));
        set(keys::INSTANCE_ACCELERATOR_COUNT, accelerator.count.to_string());
    }
    labels
}

/// The build a Windows family's images are of, the value of `node.kubernetes.io/windows-build`.
pub(crate) fn windows_build(ami_family: AmiFamily) -> Option<&'static str> {
    match ami_family {
        AmiFamily::Windows2019 => Some("10.0.17763"),
        AmiFamily::Windows2022 => Some("10.0.20348"),
        AmiFamily::Windows2025 => Some("10.0.26100"),
        AmiFamily::AL2 | AmiFamily::AL2023 | AmiFamily::Bottlerocket | AmiFamily::Custom => None,
    }
}

fn lower_kebab(text: &str) -> String {
    text.to_ascii_lowercase().replace(' ', "-")
}
