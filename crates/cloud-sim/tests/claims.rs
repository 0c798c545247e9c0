//! From a NodeClaim to a machine and back, through the region: what part by part is tested elsewhere, all together
//! (reference sections 3.1, 5.4).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod classes;
mod world;

use std::sync::Arc;

use classes::{
    CAPACITY, FAMILY, TYPE, VCPUS, ZONE, claim, class, cluster, launched, now, planned, requirement, small,
};
use rstest::rstest;
use serde_json::json;
use supercargo_catalog::CapacityType;
use supercargo_catalog::PlacementStrategy;
use supercargo_cloud::PlacementGroup;
use supercargo_cloud::launch::{
    AddressesInFlight, Direct, LaunchError, LaunchInput, LaunchWarning, MinValuesPolicy, observe, perform,
    plan,
};
use supercargo_cloud::{
    AllocationStrategy, CloudProvider, ImageLine, InstanceQuery, PurchaseOption, Selector, Unavailable,
};
use supercargo_cloud_sim::{FaultRule, ReservationOptions};
use world::{World, calm, catalog, fix_depth};

#[test]
fn a_claim_becomes_a_machine_and_gets_its_status() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let claim = claim(json!([requirement(CAPACITY, "In", &["spot", "on-demand"])]), small());
    let launched = launched(&world, &class, &claim).unwrap();
    assert_eq!(launched.capacity_type, CapacityType::Spot);
    let query = InstanceQuery::of_cluster("supercargo");
    let instance = now(CloudProvider::describe_instances(&world.region, &query)).unwrap().remove(0);
    assert_eq!(instance.id, launched.instance_id);
    let tag = |key: &str| instance.tags.get(key).map(String::as_str);
    assert_eq!(tag("kubernetes.io/cluster/supercargo"), Some("owned"));
    assert_eq!(tag("karpenter.sh/nodepool"), Some("general"));
    assert_eq!(tag("karpenter.k8s.aws/ec2nodeclass"), Some("default"));
    assert_eq!(tag("eks:eks-cluster-name"), Some("supercargo"));
    assert_eq!(tag("team"), Some("media"));
    let known = class.types.iter().find(|known| known.name == instance.instance_type);
    let observed = observe(&instance, known, None, Some(&claim));
    assert_eq!(observed.provider_id, format!("aws:///{}/{}", instance.zone, instance.id));
    assert_eq!(observed.image_id, instance.image_id);
    for (key, value) in [
        (CAPACITY, "spot"),
        (ZONE, instance.zone.as_str()),
        (TYPE, instance.instance_type.as_str()),
        ("kubernetes.io/arch", instance.architecture.as_str()),
        ("karpenter.sh/nodepool", "general"),
        ("workload-type", "x"),
        ("topology.kubernetes.io/region", "us-east-1"),
    ] {
        assert_eq!(observed.labels.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(observed.capacity.resources().unwrap(), known.unwrap().capacity.clone().into_iter_shown());
    let allocatable = observed.allocatable.resources().unwrap();
    assert!(claim.spec.requests().unwrap().resources().unwrap().fits_in(&allocatable));
    let machine = world.machine(&instance.id);
    let bootstrap = &machine.template.bootstrap;
    assert_eq!(bootstrap.labels.get("workload-type").map(String::as_str), Some("x"));
    assert_eq!(bootstrap.labels.get("karpenter.sh/do-not-sync-taints").map(String::as_str), Some("true"));
    assert!(bootstrap.labels.keys().all(|key| !key.contains("kubernetes.io")));
    let taints: Vec<&str> = bootstrap.taints.iter().map(|taint| taint.key.as_str()).collect();
    assert_eq!(taints, ["spot", "karpenter.sh/unregistered"]);
    assert_eq!(bootstrap.max_pods, Some(known.unwrap().capacity.get("pods")));
}

trait Shown {
    fn into_iter_shown(self) -> supercargo_api::Resources;
}

impl Shown for supercargo_api::Resources {
    /// Without what a claim does not advertise unless it is asked for.
    fn into_iter_shown(self) -> supercargo_api::Resources {
        let shown = self.iter().filter(|(name, amount)| *amount != 0 && *name != "vpc.amazonaws.com/efa");
        shown.map(|(name, amount)| (name.to_owned(), amount)).collect()
    }
}

#[test]
fn the_request_has_the_sixty_cheapest_types_with_their_prices() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let plan = planned(&class, &claim(json!([requirement(CAPACITY, "In", &["spot"])]), small())).unwrap();
    assert_eq!(plan.instance_types.len(), 60);
    assert_eq!(
        (plan.request.purchase, plan.request.strategy),
        (PurchaseOption::Spot, AllocationStrategy::PriceCapacityOptimized)
    );
    assert_eq!(plan.request.target_capacity, 1);
    let cheapest = |name: &str| {
        let known = class.types.iter().find(|known| known.name == name).unwrap();
        known
            .offerings
            .iter()
            .filter(|offer| offer.capacity_type == CapacityType::Spot)
            .map(|offer| offer.price)
            .min()
    };
    let prices: Vec<_> = plan.instance_types.iter().map(|name| cheapest(name).unwrap()).collect();
    assert!(prices.is_sorted());
    assert!(plan.request.overrides().all(|offering| offering.priority.is_some_and(|price| price > 0.0)));
    assert!(plan.request.overrides().count() > 120);
    assert!(plan.templates.iter().all(|template| template.name.starts_with("karpenter.k8s.aws/")));
    assert_eq!(plan.templates.len(), plan.request.configs.len());
    let zones: std::collections::BTreeSet<&str> =
        plan.request.overrides().map(|offer| offer.zone.as_str()).collect();
    assert!(zones.len() >= 3);
}

#[rstest]
#[case::on_demand(&["on-demand"], CapacityType::OnDemand, PurchaseOption::OnDemand, AllocationStrategy::LowestPrice)]
#[case::spot_first(
    &["spot", "on-demand"],
    CapacityType::Spot,
    PurchaseOption::Spot,
    AllocationStrategy::PriceCapacityOptimized
)]
fn the_capacity_type_decides_how_ec2_chooses(
    #[case] allowed: &[&str],
    #[case] capacity_type: CapacityType,
    #[case] purchase: PurchaseOption,
    #[case] strategy: AllocationStrategy,
) {
    let world = World::calm();
    let class = class(&world, json!({}));
    let claim = claim(json!([requirement(CAPACITY, "In", allowed)]), small());
    let plan = planned(&class, &claim).unwrap();
    assert_eq!(
        (plan.capacity_type, plan.request.purchase, plan.request.strategy),
        (capacity_type, purchase, strategy)
    );
    let mut overlaid = claim;
    let annotation = ("karpenter.sh/price-overlay-applied".to_owned(), "true".to_owned());
    overlaid.metadata.annotations = Some([annotation].into());
    let expected = match capacity_type {
        CapacityType::Spot => AllocationStrategy::CapacityOptimizedPrioritized,
        _ => AllocationStrategy::Prioritized,
    };
    assert_eq!(planned(&class, &overlaid).unwrap().request.strategy, expected);
}

#[test]
fn spot_that_costs_more_than_on_demand_is_left_out() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let plan = planned(&class, &claim(json!([]), small())).unwrap();
    let cheapest_on_demand = class
        .types
        .iter()
        .filter(|known| plan.instance_types.contains(&known.name))
        .flat_map(|known| &known.offerings)
        .filter(|offer| offer.capacity_type == CapacityType::OnDemand)
        .map(|offer| offer.price.as_f64())
        .fold(f64::MAX, f64::min);
    assert_eq!(plan.capacity_type, CapacityType::Spot);
    assert!(plan.request.overrides().all(|offer| offer.priority.unwrap() <= cheapest_on_demand));
}

#[rstest]
#[case::left_out(json!([]), small(), false)]
#[case::asked_for_by_label(json!([requirement("karpenter.k8s.aws/instance-gpu-count", "Exists", &[])]), small(), true)]
#[case::asked_for_by_request(json!([]), json!({"nvidia.com/gpu": "1"}), true)]
#[case::only_metal_is_left(json!([requirement("karpenter.k8s.aws/instance-size", "In", &["metal"])]), small(), true)]
fn exotic_types_are_for_those_who_ask(
    #[case] requirements: serde_json::Value,
    #[case] requests: serde_json::Value,
    #[case] exotic: bool,
) {
    let world = World::calm();
    let class = class(&world, json!({}));
    let plan = planned(&class, &claim(requirements, requests)).unwrap();
    let is_exotic = |name: &String| {
        let facts = catalog().facts(name).unwrap().clone();
        facts.size().contains("metal") || !facts.gpus.is_empty() || facts.accelerator.is_some()
    };
    assert_eq!(plan.instance_types.iter().any(is_exotic), exotic);
    assert_eq!(plan.instance_types.iter().all(is_exotic), exotic);
}

#[test]
fn each_architecture_and_accelerator_gets_its_image() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let image_of = |instance_type: &str| {
        let plan =
            planned(&class, &claim(json!([requirement(TYPE, "In", &[instance_type])]), json!({}))).unwrap();
        let id = plan.templates[0].data.image_id.clone();
        now(CloudProvider::describe_images(&world.region, &[Selector::id(id)])).unwrap()[0].name.clone()
    };
    assert!(image_of("m5.large").starts_with("amazon-eks-node-al2023-x86_64-standard-1.36-"));
    assert!(image_of("m7g.large").starts_with("amazon-eks-node-al2023-arm64-standard-1.36-"));
    assert!(image_of("g5.xlarge").starts_with("amazon-eks-node-al2023-x86_64-nvidia-1.36-"));
    assert!(image_of("inf2.xlarge").starts_with("amazon-eks-node-al2023-x86_64-neuron-1.36-"));
    assert_eq!(ImageLine::of_family(supercargo_api::AmiFamily::AL2023).count(), 5);
}

#[test]
fn without_capacity_the_offerings_are_told_and_the_next_plan_leaves_them_out() {
    let zones = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"];
    let world = World::with(|options| {
        calm(options);
        for zone in zones {
            for name in ["m5.large", "m5.xlarge"] {
                fix_depth(options, name, zone, CapacityType::Spot, 0);
            }
        }
    });
    let mut class = class(&world, json!({}));
    let wanted =
        json!([requirement(CAPACITY, "In", &["spot"]), requirement(TYPE, "In", &["m5.large", "m5.xlarge"])]);
    let claim = claim(wanted, small());
    let failure = launched(&world, &class, &claim).unwrap_err();
    assert!(failure.is_insufficient_capacity, "{failure}");
    assert!(failure.errors.iter().all(|error| error.code == "InsufficientInstanceCapacity"));
    let mut aside = Unavailable::new();
    for error in &failure.errors {
        aside.mark_error(error, None, world.now());
    }
    aside.apply(&mut class.types, world.now());
    let error = planned(&class, &claim).unwrap_err();
    let LaunchError::NoOfferings { funnel } = &error else { panic!("{error}") };
    assert_eq!(funnel.unavailable, 2);
    assert!(error.ends_claim());
}

#[test]
fn a_fleet_that_finds_some_capacity_launches_and_tells_the_rest() {
    let world = World::with(|options| {
        calm(options);
        fix_depth(options, "t3.small", "us-east-1a", CapacityType::OnDemand, 0);
    });
    let class = class(&world, json!({}));
    let wanted = json!([
        requirement(CAPACITY, "In", &["on-demand"]),
        requirement(TYPE, "In", &["t3.small", "m5.large"]),
        requirement(ZONE, "In", &["us-east-1a"])
    ]);
    let launched = launched(&world, &class, &claim(wanted, json!({"cpu": "500m"}))).unwrap();
    assert_eq!(launched.chosen.instance_type, "m5.large");
    assert_eq!(launched.errors[0].refused.instance_type, "t3.small");
}

#[test]
fn a_launch_template_that_is_gone_is_made_again() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let plan = planned(&class, &claim(json!([]), small())).unwrap();
    now(perform(&Direct(&world.region), &plan)).unwrap();
    for template in &plan.templates {
        world.region.delete_launch_template(&template.name).outcome.unwrap();
    }
    now(perform(&Direct(&world.region), &plan)).unwrap();
    now(perform(&Direct(&world.region), &plan)).unwrap();
    assert_eq!(world.region.census().launched, 3);
}

#[rstest]
#[case::not_allowed("UnauthorizedOperation", "Unauthorized", false)]
#[case::throttled("RequestLimitExceeded", "RequestLimitExceeded", true)]
#[case::aws_is_ill("InternalError", "InternalError", true)]
fn a_call_that_fails_says_why_and_whether_to_try_again(
    #[case] code: &str,
    #[case] reason: &str,
    #[case] is_retryable: bool,
) {
    let world = World::calm();
    let class = class(&world, json!({}));
    world.region.inject(FaultRule::new(supercargo_cloud::Action::CreateFleet, 1.0, code));
    let failure = launched(&world, &class, &claim(json!([]), small())).unwrap_err();
    assert_eq!((failure.reason.as_str(), failure.is_retryable), (reason, is_retryable));
    assert!(!failure.is_insufficient_capacity);
}

#[test]
fn reserved_capacity_comes_first_and_others_keep_out_of_it() {
    let world = World::with(|options| {
        calm(options);
        options.reservations.push(ReservationOptions {
            id: Some("cr-1".to_owned()),
            ..ReservationOptions::targeted("m5.4xlarge", "us-east-1b", 1)
        });
    });
    let class = class(&world, json!({"capacityReservationSelectorTerms": [{"id": "cr-1"}]}));
    let claim = claim(json!([requirement(CAPACITY, "In", &["reserved", "on-demand", "spot"])]), small());
    let plan = planned(&class, &claim).unwrap();
    assert_eq!(
        (plan.capacity_type, plan.instance_types.as_slice()),
        (CapacityType::Reserved, &["m5.4xlarge".to_owned()][..])
    );
    let launched = now(perform(&Direct(&world.region), &plan)).unwrap();
    assert_eq!(launched.capacity_type, CapacityType::Reserved);
    let instance =
        now(CloudProvider::describe_instances(&world.region, &InstanceQuery::ids([&launched.instance_id])))
            .unwrap();
    let reservation = &world.region.describe_capacity_reservations(&[]).outcome.unwrap()[0];
    let labels = observe(&instance[0], None, Some(reservation), Some(&claim)).labels;
    assert_eq!(labels.get("karpenter.k8s.aws/capacity-reservation-id").map(String::as_str), Some("cr-1"));
    assert_eq!(
        labels.get("karpenter.k8s.aws/capacity-reservation-type").map(String::as_str),
        Some("default")
    );
    let failure = now(perform(&Direct(&world.region), &plan)).unwrap_err();
    assert_eq!(failure.errors[0].code, "ReservationCapacityExceeded");
    assert!(failure.is_insufficient_capacity);
}

#[test]
fn min_values_must_survive_the_sixty_cheapest() {
    let world = World::calm();
    let class = class(&world, json!({}));
    let sizes = |least: u32| {
        let mut asked = requirement(VCPUS, "Exists", &[]);
        asked["minValues"] = json!(least);
        claim(json!([asked, requirement(CAPACITY, "In", &["on-demand"])]), small())
    };
    assert!(planned(&class, &sizes(1)).is_ok());
    let error = planned(&class, &sizes(20)).unwrap_err();
    assert!(matches!(&error, LaunchError::MinValues { key, wanted: 20, .. } if key == VCPUS), "{error}");
    let relaxed = plan(LaunchInput {
        claim: &sizes(20),
        node_class: &class.node_class,
        cluster: &cluster(),
        instance_types: &class.types,
        subnets: &class.subnets,
        placement_group: class.placement_group.as_ref(),
        in_flight: &AddressesInFlight::default(),
        min_values_policy: MinValuesPolicy::BestEffort,
        uses_reservations: true,
    })
    .unwrap();
    assert_eq!(relaxed.warnings, [LaunchWarning::MinValuesRelaxed]);
}

#[test]
fn few_types_on_demand_although_spot_would_do_is_worth_a_warning() {
    let world = World::calm();
    let mut class = class(&world, json!({}));
    let mut aside = Unavailable::new();
    aside.mark_capacity_type(CapacityType::Spot, world.now());
    aside.apply(&mut class.types, world.now());
    let plan = planned(&class, &claim(json!([requirement(TYPE, "In", &["m5.large"])]), small())).unwrap();
    assert_eq!(plan.warnings, [LaunchWarning::FewTypesForSpot { types: 1 }]);
}

#[rstest]
#[case::too_big(json!([]), json!({"cpu": "10k"}), "are too small")]
#[case::no_such_label(json!([requirement(FAMILY, "In", &["m99"])]), small(), "do not have the labels required")]
#[case::no_such_zone(
    json!([requirement(ZONE, "In", &["us-east-1z"])]),
    small(),
    "have no offering that is required and available"
)]
fn when_nothing_is_left_it_is_told_why(
    #[case] requirements: serde_json::Value,
    #[case] requests: serde_json::Value,
    #[case] expected: &str,
) {
    let world = World::calm();
    let class = class(&world, json!({}));
    let error = planned(&class, &claim(requirements, requests)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_class_that_is_not_ready_launches_nothing() {
    let world = World::calm();
    let mut class = class(&world, json!({}));
    class.node_class.metadata.generation = Some(2);
    let error = planned(&class, &claim(json!([]), small())).unwrap_err();
    assert_eq!(error.reason(), "nodeclass_not_ready");
    assert_eq!(
        error.to_string(),
        "the EC2NodeClass default is not ready: generation 2 has not been looked at, only 1"
    );
    class.node_class.status.as_mut().unwrap().conditions = None;
    assert!(planned(&class, &claim(json!([]), small())).unwrap_err().to_string().contains("not known yet"));
}

#[test]
fn a_region_in_a_pointer_is_a_provider() {
    let world = World::calm();
    let provider: Arc<dyn CloudProvider> = Arc::new(world.region);
    assert_eq!(provider.region(), "us-east-1");
    assert_eq!(now(provider.describe_subnets(&[])).unwrap().len(), 6);
}

fn group(strategy: PlacementStrategy, partitions: u32) -> PlacementGroup {
    let name = "brokers".to_owned();
    PlacementGroup { id: "pg-1".to_owned(), name, strategy, partitions, tags: [].into() }
}

fn with_group(strategy: PlacementStrategy, partitions: u32) -> World {
    World::with(|options| {
        calm(options);
        options.placement_groups = vec![group(strategy, partitions)];
    })
}

const GROUP: &str = "karpenter.k8s.aws/placement-group-id";
const PARTITION: &str = "karpenter.k8s.aws/placement-group-partition";

/// Partitions of instances that are launched one after the other for such a claim.
fn partitions(world: &World, selector: serde_json::Value, asked: serde_json::Value) -> Vec<Option<u32>> {
    let class = class(world, json!({ "placementGroupSelector": selector }));
    let claim = claim(json!([asked]), small());
    (0..6).for_each(|_| drop(launched(world, &class, &claim).unwrap()));
    let instances = world.region.describe_instances(&InstanceQuery::default()).outcome.unwrap();
    assert!(instances.iter().all(|instance| instance.placement_group.as_deref() == Some("pg-1")));
    instances.iter().map(|instance| instance.placement_partition).collect()
}

#[test]
fn row_e4_instances_spread_over_the_partitions_of_a_group_found_by_its_name() {
    let world = with_group(PlacementStrategy::Partition, 3);
    let anything = requirement(CAPACITY, "Exists", &[]);
    let found = partitions(&world, json!({"name": "brokers"}), anything);
    assert_eq!(found, [1, 2, 3, 1, 2, 3].map(Some));
}

#[rstest]
#[case::one(&["2"], Some(2))]
#[case::the_first_of_some(&["3", "2"], Some(2))]
fn section_5_3_a_partition_that_is_asked_for_is_got(#[case] values: &[&str], #[case] expected: Option<u32>) {
    let world = with_group(PlacementStrategy::Partition, 3);
    let found = partitions(&world, json!({"id": "pg-1"}), requirement(PARTITION, "In", values));
    assert_eq!(found, [expected; 6]);
}

#[test]
fn a_spread_group_has_no_partitions() {
    let world = with_group(PlacementStrategy::Spread, 0);
    let found = partitions(&world, json!({"id": "pg-1"}), requirement(CAPACITY, "Exists", &[]));
    assert_eq!(found, [None; 6]);
    let instance = world.region.describe_instances(&InstanceQuery::default()).outcome.unwrap().remove(0);
    let labels = observe(&instance, None, None, None).labels;
    assert_eq!(labels.get(GROUP).map(String::as_str), Some("pg-1"));
    assert_eq!(labels.get(PARTITION), None);
}

#[rstest]
#[case::partition(PARTITION, "4", json!({"id": "pg-1"}), "the placement group pg-1 with 3 partitions")]
#[case::group(GROUP, "pg-2", json!({"id": "pg-1"}), "the placement group pg-1")]
#[case::no_group(PARTITION, "1", json!(null), "no placement group")]
fn what_a_placement_group_does_not_have_is_not_launched(
    #[case] key: &str,
    #[case] value: &str,
    #[case] selector: serde_json::Value,
    #[case] found: &str,
) {
    let world = with_group(PlacementStrategy::Partition, 3);
    let class = class(&world, json!({ "placementGroupSelector": selector }));
    let error = planned(&class, &claim(json!([requirement(key, "In", &[value])]), small())).unwrap_err();
    assert!(error.ends_claim());
    assert_eq!(error.to_string(), format!("{key} In [{value}]: the EC2NodeClass has {found}"));
}

#[test]
fn ec2_knows_its_placement_groups() {
    let world = with_group(PlacementStrategy::Partition, 3);
    let mut class = class(&world, json!({"placementGroupSelector": {"id": "pg-1"}}));
    class.placement_group =
        Some(PlacementGroup { id: "pg-9".to_owned(), ..group(PlacementStrategy::Cluster, 0) });
    let failure = launched(&world, &class, &claim(json!([]), small())).unwrap_err();
    assert_eq!(failure.errors[0].code, "InvalidPlacementGroup.Unknown");
}
