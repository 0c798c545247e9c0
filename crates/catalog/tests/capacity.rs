//! Capacity and allocatable resources as the node class changes them (reference section 5.2, rows E13 to E16).

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::resources as names;
use supercargo_api::{AmiFamily, EC2NodeClass};
use supercargo_catalog::{CapacitySettings, Catalog, InstanceType, NodeClassModel};

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

/// An EC2NodeClass of this alias with these further fields in its spec.
fn node_class(alias: &str, spec: Value) -> EC2NodeClass {
    let mut manifest = json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": { "name": "default" },
        "spec": {
            "role": "nodes",
            "amiSelectorTerms": [{ "alias": alias }],
            "subnetSelectorTerms": [{ "id": "subnet-1" }],
            "securityGroupSelectorTerms": [{ "id": "sg-1" }],
        },
    });
    for (field, value) in spec.as_object().unwrap() {
        manifest["spec"][field] = value.clone();
    }
    serde_json::from_value(manifest).unwrap()
}

fn resolve(name: &str, alias: &str, spec: Value) -> InstanceType {
    resolve_with(name, alias, spec, CapacitySettings::default())
}

fn resolve_with(name: &str, alias: &str, spec: Value, settings: CapacitySettings) -> InstanceType {
    let model = NodeClassModel::from_ec2nodeclass(&node_class(alias, spec), settings).unwrap();
    Catalog::embedded().instance_type("us-east-1", name, &model).unwrap()
}

#[rstest]
// m5.large: 3 interfaces of 10 addresses, 29 pods
#[case::al2023("al2023@latest", json!({}), 29, 29)]
#[case::al2("al2@latest", json!({}), 29, 29)]
#[case::bottlerocket("bottlerocket@latest", json!({}), 29, 29)]
#[case::windows("windows2022@latest", json!({}), 110, 110)]
#[case::max_pods("al2023@latest", json!({ "kubelet": { "maxPods": 110 } }), 110, 29)]
#[case::max_pods_as_text("al2023@latest", json!({ "kubelet": { "maxPods": "110" } }), 110, 29)]
#[case::max_pods_on_bottlerocket("bottlerocket@latest", json!({ "kubelet": { "maxPods": 110 } }), 110, 110)]
#[case::pods_per_core("al2023@latest", json!({ "kubelet": { "podsPerCore": 4 } }), 8, 29)]
#[case::pods_per_core_zero("al2023@latest", json!({ "kubelet": { "podsPerCore": 0 } }), 29, 29)]
#[case::pods_per_core_above("al2023@latest", json!({ "kubelet": { "podsPerCore": 100 } }), 29, 29)]
#[case::pods_per_core_on_bottlerocket("bottlerocket@latest", json!({ "kubelet": { "podsPerCore": 4 } }), 29, 29)]
#[case::pods_per_core_on_windows("windows2019@latest", json!({ "kubelet": { "podsPerCore": 4 } }), 8, 8)]
fn pods_and_the_memory_kept_for_them_follow_the_family(
    #[case] alias: &str,
    #[case] spec: Value,
    #[case] pods: i64,
    #[case] pods_reserved_for: i64,
) {
    let found = resolve("m5.large", alias, spec);
    assert_eq!(found.capacity.get(names::PODS), pods);
    assert_eq!(found.allocatable.get(names::PODS), pods);
    let kept = found.capacity.get(names::MEMORY) - found.allocatable.get(names::MEMORY);
    assert_eq!(kept, (11 * pods_reserved_for + 255 + 100) * MIB);
}

#[test]
fn reserved_interfaces_carry_no_pods_but_the_kubelets_memory_stays() {
    let reserving = |reserved_enis| {
        resolve_with(
            "m5.large",
            "al2023@latest",
            json!({}),
            CapacitySettings { reserved_enis, ..Default::default() },
        )
    };
    assert_eq!(reserving(1).capacity.get(names::PODS), 20);
    assert_eq!(reserving(3).capacity.get(names::PODS), 0);
    assert_eq!(reserving(99).capacity.get(names::PODS), 0);
    assert_eq!(reserving(1).allocatable.get(names::MEMORY), reserving(0).allocatable.get(names::MEMORY));
}

#[rstest]
#[case("m5.large", 110)] // 3 * 9 * 16 + 2 = 434, at most 110 up to 30 vCPUs
#[case("m5.12xlarge", 250)]
#[case("t3.nano", 34)] // 2 * 1 * 16 + 2
#[case("m4.large", 20)] // Xen hands out no prefixes
fn prefix_delegation_is_off_by_default_and_lifts_the_limit_when_on(#[case] name: &str, #[case] pods: i64) {
    let settings = CapacitySettings { prefix_delegation: true, ..Default::default() };
    assert_eq!(
        resolve_with(name, "al2023@latest", json!({}), settings.clone()).capacity.get(names::PODS),
        pods
    );
    let fixed = resolve_with(name, "al2023@latest", json!({ "kubelet": { "maxPods": 7 } }), settings);
    assert_eq!(fixed.capacity.get(names::PODS), 7);
}

#[rstest]
#[case::default(0.075, "m5.large", 8192 - 615)]
#[case::none(0.0, "m5.large", 8192)]
#[case::graviton(0.075, "m7g.large", 8192 - 64 - 610)]
fn memory_is_what_the_hypervisor_leaves(#[case] percent: f64, #[case] name: &str, #[case] mib: i64) {
    let settings = CapacitySettings { vm_memory_overhead_percent: percent, ..Default::default() };
    assert_eq!(
        resolve_with(name, "al2023@latest", json!({}), settings).capacity.get(names::MEMORY),
        mib * MIB
    );
}

#[test]
fn what_the_class_reserves_replaces_the_computed_reservation_key_by_key() {
    let spec = json!({ "kubelet": {
        "kubeReserved": { "cpu": "200m", "pid": "1000" },
        "systemReserved": { "cpu": "100m", "memory": "1Gi", "ephemeral-storage": "2Gi" },
    } });
    let found = resolve("m5.large", "al2023@latest", spec);
    assert_eq!(found.allocatable.get(names::CPU), 2000 - 200 - 100);
    assert_eq!(found.allocatable.get(names::MEMORY), (8192 - 615 - (11 * 29 + 255) - 1024 - 100) * MIB);
    assert_eq!(found.allocatable.get(names::EPHEMERAL_STORAGE), (20 - 1 - 2 - 2) * GIB);
    assert!(!found.allocatable.contains("pid"));
}

#[rstest]
#[case::amount(json!({ "memory.available": "500Mi" }), 500 * MIB, 2 * GIB)]
#[case::percent(json!({ "memory.available": "5%", "nodefs.available": "15%" }), 397_253_018, 3 * GIB)]
#[case::switched_off(json!({ "memory.available": "100%", "nodefs.available": "100%" }), 0, 0)]
#[case::another_signal(json!({ "pid.available": "10%" }), 100 * MIB, 2 * GIB)]
fn hard_eviction_thresholds_are_kept_free(#[case] hard: Value, #[case] memory: i64, #[case] disk: i64) {
    let found = resolve("m5.large", "al2023@latest", json!({ "kubelet": { "evictionHard": hard } }));
    let kept = |name| found.capacity.get(name) - found.allocatable.get(name);
    assert_eq!(kept(names::MEMORY) - (11 * 29 + 255) * MIB, memory);
    assert_eq!(kept(names::EPHEMERAL_STORAGE) - GIB, disk);
}

#[test]
fn soft_eviction_thresholds_change_nothing() {
    let soft = json!({ "kubelet": {
        "evictionSoft": { "memory.available": "50%" },
        "evictionSoftGracePeriod": { "memory.available": "1m" },
    } });
    assert_eq!(resolve("m5.large", "al2023@latest", soft), resolve("m5.large", "al2023@latest", json!({})));
}

#[rstest]
#[case::al2023_default("al2023@latest", json!({}), 20 * GIB)]
#[case::windows_default("windows2025@latest", json!({}), 50 * GIB)]
#[case::the_family_device("al2023@latest", json!([{ "deviceName": "/dev/xvda", "ebs": { "volumeSize": "100Gi" } }]), 100 * GIB)]
#[case::another_device("al2023@latest", json!([{ "deviceName": "/dev/xvdz", "ebs": { "volumeSize": "100Gi" } }]), 20 * GIB)]
#[case::bottlerocket_data("bottlerocket@latest", json!([
    { "deviceName": "/dev/xvda", "ebs": { "volumeSize": "4Gi" } },
    { "deviceName": "/dev/xvdb", "ebs": { "volumeSize": "80G" } },
]), 80_000_000_000)]
#[case::root_volume("al2023@latest", json!([
    { "deviceName": "/dev/xvda", "ebs": { "volumeSize": "10Gi" } },
    { "deviceName": "/dev/xvdb", "rootVolume": true, "ebs": { "volumeSize": "1Ti" } },
]), 1024 * GIB)]
#[case::snapshot_without_size("al2023@latest", json!([{ "deviceName": "/dev/xvda", "ebs": { "snapshotID": "snap-1" } }]), 20 * GIB)]
#[case::windows_device("windows2022@latest", json!([{ "deviceName": "/dev/sda1", "ebs": { "volumeSize": "70Gi" } }]), 70 * GIB)]
fn disk_comes_from_the_volume_the_kubelet_uses(
    #[case] alias: &str,
    #[case] mappings: Value,
    #[case] bytes: i64,
) {
    let spec = if mappings.is_array() { json!({ "blockDeviceMappings": mappings }) } else { mappings };
    assert_eq!(resolve("m5.large", alias, spec).capacity.get(names::EPHEMERAL_STORAGE), bytes);
}

#[test]
fn a_custom_image_has_the_size_of_its_last_volume() {
    let spec = json!({
        "amiFamily": "Custom",
        "blockDeviceMappings": [
            { "deviceName": "/dev/xvda", "ebs": { "volumeSize": "10Gi" } },
            { "deviceName": "/dev/sdx", "ebs": { "volumeSize": "30Gi" } },
        ],
    });
    let found = resolve("m5.large", "al2023@latest", spec);
    assert_eq!(found.capacity.get(names::EPHEMERAL_STORAGE), 30 * GIB);
}

#[test]
fn raid0_makes_the_local_disks_the_nodes_disk_where_there_are_any() {
    let spec = || json!({ "instanceStorePolicy": "RAID0" });
    let with_disks = resolve("m5d.large", "al2023@latest", spec());
    assert_eq!(with_disks.capacity.get(names::EPHEMERAL_STORAGE), 75_000_000_000);
    assert_eq!(with_disks.allocatable.get(names::EPHEMERAL_STORAGE), 75_000_000_000 - 7_500_000_000 - GIB);
    assert_eq!(resolve("m5.large", "al2023@latest", spec()).capacity.get(names::EPHEMERAL_STORAGE), 20 * GIB);
}

#[rstest]
#[case("p5.48xlarge", names::NVIDIA_GPU, 8)]
#[case("g4ad.16xlarge", names::AMD_GPU, 4)]
#[case("inf1.24xlarge", names::AWS_NEURON, 16)]
#[case("inf1.24xlarge", names::AWS_NEURON_CORE, 64)]
#[case("trn1.32xlarge", names::AWS_NEURON_CORE, 32)]
#[case("dl2q.24xlarge", names::AWS_NEURON, 0)]
#[case("p5.48xlarge", names::AWS_EFA, 32)]
#[case("m5.large", names::AWS_EFA, 0)]
#[case("m5.large", names::AWS_POD_ENI, 9)]
#[case("t3.large", names::AWS_POD_ENI, 0)]
#[case("m5.large", names::AWS_PRIVATE_IPV4, 0)]
#[case("m5.xlarge", names::AWS_NITRO_SANDBOX, 1)]
#[case("m5.large", names::AWS_NITRO_SANDBOX, 0)]
#[case("g6f.4xlarge", names::NVIDIA_GPU, 0)]
fn devices_are_counted_and_zero_is_not_named(#[case] name: &str, #[case] resource: &str, #[case] count: i64) {
    let found = resolve(name, "al2023@latest", json!({}));
    assert_eq!(found.capacity.get(resource), count);
    assert_eq!(found.capacity.contains(resource), count > 0);
    assert_eq!(found.allocatable.get(resource), count);
}

#[test]
fn windows_nodes_have_addresses_for_pods_and_a_build_label() {
    let found = resolve("m5.large", "windows2022@latest", json!({}));
    assert_eq!(found.capacity.get(names::AWS_PRIVATE_IPV4), 9);
    assert_eq!(found.labels["kubernetes.io/os"], "windows");
    assert_eq!(found.labels["node.kubernetes.io/windows-build"], "10.0.20348");
}

#[test]
fn configured_network_interfaces_decide_the_efa_count_and_take_pod_interfaces_on_the_first_card() {
    let interface = |card: u32, device: u32, kind: &str| json!({ "networkCardIndex": card, "deviceIndex": device, "interfaceType": kind });
    let plain = resolve(
        "p5.48xlarge",
        "al2023@latest",
        json!({ "networkInterfaces": [interface(0, 0, "interface")] }),
    );
    assert_eq!(plain.capacity.get(names::AWS_EFA), 0);
    assert_eq!(plain.capacity.get(names::PODS), 100);
    let with_efa = json!({ "networkInterfaces": [
        interface(0, 0, "interface"),
        interface(0, 1, "efa-only"),
        interface(1, 1, "efa-only"),
    ] });
    let found = resolve("p5.48xlarge", "al2023@latest", with_efa);
    assert_eq!(found.capacity.get(names::AWS_EFA), 2);
    assert_eq!(found.capacity.get(names::PODS), 51);
}

#[rstest]
// 28 shared slots, two interfaces, the root volume
#[case::shared("m5.large", "al2023@latest", 25)]
// ... and one NVMe disk
#[case::local_disk("m5d.large", "al2023@latest", 24)]
// ... and four GPUs
#[case::gpus("g4dn.12xlarge", "al2023@latest", 20)]
// its own 32 slots, less the root volume
#[case::dedicated("m7i.large", "al2023@latest", 31)]
#[case::dedicated_large("m7i.48xlarge", "al2023@latest", 127)]
// two volumes of its own
#[case::bottlerocket("m7i.large", "bottlerocket@latest", 30)]
// interfaces do not count on Xen
#[case::xen("m4.large", "al2023@latest", 39)]
// 3 slots, one of them a second interface, one the root volume
#[case::nearly_none("d3.8xlarge", "al2023@latest", 1)]
fn volumes_left_for_the_csi_driver(#[case] name: &str, #[case] alias: &str, #[case] volumes: u32) {
    assert_eq!(resolve(name, alias, json!({})).volume_attachments, volumes);
}

#[test]
fn every_type_leaves_something_for_pods_under_every_family() {
    let families = [
        AmiFamily::AL2,
        AmiFamily::AL2023,
        AmiFamily::Bottlerocket,
        AmiFamily::Custom,
        AmiFamily::Windows2019,
        AmiFamily::Windows2022,
        AmiFamily::Windows2025,
    ];
    for family in families {
        let model = NodeClassModel::new(family);
        for found in Catalog::embedded().instance_types("us-east-1", None, &model) {
            for name in [names::CPU, names::EPHEMERAL_STORAGE, names::PODS] {
                assert!(found.allocatable.get(name) > 0, "{family:?} {} {name}", found.name);
            }
            assert!(
                found.allocatable.fits_in(&found.capacity) || family != AmiFamily::AL2023,
                "{}",
                found.name
            );
        }
    }
}
