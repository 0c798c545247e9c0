//! Which types and zones a node class leaves (reference section 5.3), and what a manifest can get wrong.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::EC2NodeClass;
use supercargo_catalog::{
    CapacitySettings, CapacityType, Catalog, Incompatibility, InstanceType, NodeClassModel, Placement,
    PlacementStrategy, Tenancy,
};

fn node_class(spec: Value, status: Value) -> EC2NodeClass {
    let mut manifest = json!({
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": { "name": "default" },
        "spec": {
            "role": "nodes",
            "amiSelectorTerms": [{ "alias": "al2023@latest" }],
            "subnetSelectorTerms": [{ "id": "subnet-1" }],
            "securityGroupSelectorTerms": [{ "id": "sg-1" }],
        },
        "status": status,
    });
    for (field, value) in spec.as_object().unwrap() {
        manifest["spec"][field] = value.clone();
    }
    serde_json::from_value(manifest).unwrap()
}

fn model(spec: Value, status: Value) -> NodeClassModel {
    NodeClassModel::from_ec2nodeclass(&node_class(spec, status), CapacitySettings::default()).unwrap()
}

fn types(model: &NodeClassModel) -> Vec<InstanceType> {
    Catalog::embedded().instance_types("us-east-1", None, model)
}

fn zones(types: &[InstanceType]) -> Vec<(String, String)> {
    let offerings = types.iter().flat_map(|instance_type| &instance_type.offerings);
    let mut zones: Vec<_> =
        offerings.map(|offering| (offering.zone.clone(), offering.zone_id.clone())).collect();
    zones.sort();
    zones.dedup();
    zones
}

#[test]
fn a_plain_class_sees_every_type_sold_in_the_region_in_order_of_names() {
    let all = types(&NodeClassModel::new(supercargo_api::AmiFamily::AL2));
    assert!(all.len() > 1_300, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(
        all.iter().all(|found| !found.offerings.is_empty()
            && found.labels["topology.kubernetes.io/region"] == "us-east-1")
    );
    for found in &all {
        let order: Vec<_> =
            found.offerings.iter().map(|offering| (&offering.zone, offering.capacity_type)).collect();
        assert!(order.is_sorted(), "{order:?}");
    }
    assert_eq!(zones(&all).len(), 6);
}

#[test]
fn an_unknown_region_or_zone_sells_nothing() {
    let catalog = Catalog::embedded();
    let model = NodeClassModel::default();
    assert!(catalog.instance_types("mars-north-1", None, &model).is_empty());
    assert!(catalog.instance_types("us-east-1", Some(&["us-east-1z".to_owned()]), &model).is_empty());
    assert!(catalog.zones("mars-north-1").is_empty());
}

#[test]
fn zones_asked_for_restrict_the_offerings() {
    let wanted = ["us-east-1b".to_owned(), "us-east-1a".to_owned()];
    let found = Catalog::embedded().instance_types("us-east-1", Some(&wanted), &NodeClassModel::default());
    let names: Vec<String> = zones(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["us-east-1a", "us-east-1b"]);
}

#[test]
fn subnets_in_the_status_restrict_the_zones_and_their_ids_decide_which_zone_is_meant() {
    // this account calls use1-az3, the old zone that sells few types, us-east-1a
    let status = json!({ "subnets": [
        { "id": "subnet-1", "zone": "us-east-1a", "zoneID": "use1-az3" },
        { "id": "subnet-2", "zone": "us-east-1b" },
    ] });
    let found = types(&model(json!({}), status));
    let ids: Vec<(String, String)> = zones(&found);
    assert_eq!(ids[0], ("us-east-1a".to_owned(), "use1-az3".to_owned()));
    assert_eq!(ids[1].0, "us-east-1b");
    let sold_in_a =
        found.iter().filter(|found| found.offerings.iter().any(|offering| offering.zone == "us-east-1a"));
    assert!(sold_in_a.count() < 100);
}

#[rstest]
#[case::a1_on_al2023(json!({}), "a1.large", Some(Incompatibility::AmiFamily))]
#[case::a1_on_al2(json!({ "amiSelectorTerms": [{ "alias": "al2@latest" }] }), "a1.large", None)]
#[case::windows_on_arm(json!({ "amiSelectorTerms": [{ "alias": "windows2022@latest" }] }), "m7g.large", Some(Incompatibility::WindowsOnArm))]
#[case::windows(json!({ "amiSelectorTerms": [{ "alias": "windows2022@latest" }] }), "m7i.large", None)]
#[case::conntrack_on_xen(json!({ "connectionTracking": { "udpTimeout": 30 } }), "m4.large", Some(Incompatibility::ConnectionTracking))]
#[case::conntrack(json!({ "connectionTracking": { "udpTimeout": 30 } }), "m7i.large", None)]
#[case::conntrack_on_metal(json!({ "connectionTracking": { "udpTimeout": 30 } }), "m7i.metal-24xl", None)]
#[case::nested_on_old(json!({ "cpuOptions": { "nestedVirtualization": "enabled" } }), "m5.large", Some(Incompatibility::NestedVirtualization))]
#[case::nested(json!({ "cpuOptions": { "nestedVirtualization": "enabled" } }), "m7i.large", None)]
#[case::nested_disabled(json!({ "cpuOptions": { "nestedVirtualization": "disabled" } }), "m5.large", None)]
#[case::second_card(json!({ "networkInterfaces": [
    { "networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface" },
    { "networkCardIndex": 1, "deviceIndex": 1, "interfaceType": "efa-only" },
] }), "m7i.large", Some(Incompatibility::NetworkInterfaces))]
#[case::efa_without_efa(json!({ "networkInterfaces": [
    { "networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface" },
    { "networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only" },
] }), "m7i.large", Some(Incompatibility::NetworkInterfaces))]
#[case::efa(json!({ "networkInterfaces": [
    { "networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface" },
    { "networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only" },
] }), "p5.48xlarge", None)]
fn a_type_the_class_cannot_run_is_not_offered(
    #[case] spec: Value,
    #[case] name: &str,
    #[case] reason: Option<Incompatibility>,
) {
    let model = model(spec, Value::Null);
    assert_eq!(Catalog::embedded().incompatibility(name, &model), reason);
    assert_eq!(types(&model).iter().any(|found| found.name == name), reason.is_none());
}

#[test]
fn a_cluster_placement_group_excludes_burstable_types() {
    let group =
        Placement { group_id: "pg-1".to_owned(), strategy: PlacementStrategy::Cluster, partitions: 0 };
    let model = NodeClassModel { placement: Some(group), ..Default::default() };
    let catalog = Catalog::embedded();
    assert_eq!(catalog.incompatibility("t3.large", &model), Some(Incompatibility::Placement));
    assert_eq!(catalog.incompatibility("m5.large", &model), None);
}

#[test]
fn images_in_the_status_decide_architecture_and_accelerators() {
    let status = json!({ "amis": [{
        "id": "ami-1",
        "requirements": [
            { "key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"] },
            { "key": "karpenter.k8s.aws/instance-gpu-count", "operator": "DoesNotExist" },
        ],
    }] });
    let found = types(&model(json!({}), status));
    assert!(!found.is_empty());
    assert!(found.iter().all(|found| found.labels["kubernetes.io/arch"] == "arm64"));
    assert!(found.iter().all(|found| !found.labels.contains_key("karpenter.k8s.aws/instance-gpu-count")));
}

#[test]
fn capacity_reservations_in_the_status_are_offered_nearly_free() {
    let reservation = |id: &str, state: &str, kind: &str| {
        json!({
            "id": id, "availabilityZone": "us-east-1a", "instanceType": "m5.large", "ownerID": "123456789012",
            "instanceMatchCriteria": "targeted", "state": state, "reservationType": kind, "interruptible": true,
        })
    };
    let status = json!({ "capacityReservations": [
        reservation("cr-1", "active", "default"),
        reservation("cr-2", "expiring", "capacity-block"),
    ] });
    let found = types(&model(json!({}), status));
    let m5 = found.iter().find(|found| found.name == "m5.large").unwrap();
    let reserved: Vec<_> =
        m5.offerings.iter().filter(|offering| offering.capacity_type == CapacityType::Reserved).collect();
    assert_eq!(reserved.len(), 2);
    assert_eq!(reserved[0].price.to_string(), "$0.00000001");
    assert!(reserved[0].available && !reserved[1].available);
    let first = reserved[0].reservation.as_ref().unwrap();
    assert_eq!(
        (first.id.as_str(), first.kind.as_str(), first.interruptible, first.count),
        ("cr-1", "default", true, 1)
    );
    assert_eq!(reserved[1].reservation.as_ref().unwrap().kind.as_str(), "capacity-block");
    assert_eq!(m5.cheapest_offering().unwrap().capacity_type, CapacityType::Reserved);
}

#[test]
fn dedicated_hardware_is_offered_when_asked_for() {
    let shared = types(&NodeClassModel::default());
    let both = types(&NodeClassModel { dedicated_tenancy: true, ..Default::default() });
    let count = |types: &[InstanceType], tenancy| {
        types.iter().flat_map(|found| &found.offerings).filter(|offering| offering.tenancy == tenancy).count()
    };
    assert_eq!(count(&shared, Tenancy::Dedicated), 0);
    assert_eq!(count(&both, Tenancy::Dedicated), count(&shared, Tenancy::Default));
}

#[rstest]
#[case::cel_max_pods(json!({ "maxPods": "max_pods - 10" }),
    r#".spec.kubelet.maxPods: CEL expressions (gate NodeClassCEL) are not supported, write a value instead of "max_pods - 10""#)]
#[case::cel_reserved(json!({ "kubeReserved": { "memory": "string(max_pods * 11) + 'Mi'" } }),
    r#".spec.kubelet.kubeReserved["memory"]: CEL expressions (gate NodeClassCEL) are not supported, write a value instead of "string(max_pods * 11) + 'Mi'""#)]
#[case::negative(json!({ "podsPerCore": -1 }),
    ".spec.kubelet.podsPerCore: expected a whole number that is not negative, found -1")]
#[case::not_a_number(json!({ "maxPods": [110] }),
    ".spec.kubelet.maxPods: expected a whole number that is not negative, found [110]")]
#[case::not_a_mapping(json!({ "systemReserved": "1Gi" }),
    r#".spec.kubelet.systemReserved: expected a mapping such as {memory: 200Mi}, found "1Gi""#)]
#[case::percent(json!({ "evictionHard": { "memory.available": "101%" } }),
    r#".spec.kubelet.evictionHard["memory.available"]: expected a percentage from 0% to 100% or a quantity, found "101%""#)]
fn a_kubelet_configuration_that_cannot_be_understood_is_refused_with_its_place(
    #[case] kubelet: Value,
    #[case] problem: &str,
) {
    let class = node_class(json!({ "kubelet": kubelet }), Value::Null);
    let error = NodeClassModel::from_ec2nodeclass(&class, CapacitySettings::default()).unwrap_err();
    assert_eq!(error.to_string(), problem);
}

#[test]
fn quantities_that_do_not_read_name_their_field() {
    let spec =
        json!({ "blockDeviceMappings": [{ "deviceName": "/dev/xvda", "ebs": { "volumeSize": "20 gigs" } }] });
    let class = node_class(spec, Value::Null);
    let error =
        NodeClassModel::from_ec2nodeclass(&class, CapacitySettings::default()).unwrap_err().to_string();
    assert!(error.starts_with(".spec.blockDeviceMappings[0].ebs.volumeSize: "), "{error}");
}
