//! The rules of the custom resources, row by row: what is refused and where, and what is not.

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::manifest::{SourceFile, read};

/// The paths of what is wrong with an object, warnings with a question mark.
fn wrong(object: &Value) -> Vec<String> {
    let (_, diagnostics, _) = read(&[SourceFile::new("x.json", object.to_string())]);
    let mut paths: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.rule.as_deref() != Some("node-class-reference"))
        .map(|diagnostic| format!("{}{}", diagnostic.path, if diagnostic.is_error() { "" } else { "?" }))
        .collect();
    paths.dedup();
    paths
}

/// The object with a value put at a path such as `/spec/weight`; null takes it out.
fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let mut here = &mut object;
    let mut steps = pointer.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        let step = step.replace('~', "/");
        if steps.peek().is_none() && value.is_null() {
            here.as_object_mut().map(|fields| fields.remove(&step));
            return object;
        }
        here = match step.parse::<usize>() {
            Ok(index) => &mut here[index],
            Err(_) => &mut here[step],
        };
    }
    *here = value;
    object
}

fn pool() -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"},
        "spec": {"template": {"spec": {
            "requirements": [],
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
        }}},
    })
}

fn requirement(key: &str, operator: &str, values: &[&str], min_values: Value) -> Value {
    let mut requirement = json!({"key": key, "operator": operator});
    if !values.is_empty() {
        requirement["values"] = json!(values);
    }
    if !min_values.is_null() {
        requirement["minValues"] = min_values;
    }
    json!([requirement])
}

#[rstest]
#[case::n2_any_label_of_ones_own("/spec/template/metadata", json!({"labels": {"team": "a", "example.com/x": "", "node.kubernetes.io/role": "b"}}), &[])]
#[case::n2_capacity_type("/spec/template/metadata", json!({"labels": {"karpenter.sh/capacity-type": "spot"}}), &[])]
#[case::n2_a_known_instance_label("/spec/template/metadata", json!({"labels": {"karpenter.k8s.aws/instance-family": "m7i"}}), &[])]
#[case::n2_the_pool_label("/spec/template/metadata", json!({"labels": {"karpenter.sh/nodepool": "x"}}), &[".spec.template.metadata.labels[\"karpenter.sh/nodepool\"]"])]
#[case::n2_a_subdomain("/spec/template/metadata", json!({"labels": {"x.karpenter.sh/y": "x"}}), &[".spec.template.metadata.labels[\"x.karpenter.sh/y\"]"])]
#[case::n2_the_hostname("/spec/template/metadata", json!({"labels": {"kubernetes.io/hostname": "x"}}), &[".spec.template.metadata.labels[\"kubernetes.io/hostname\"]"])]
#[case::n2_an_unknown_instance_label("/spec/template/metadata", json!({"labels": {"karpenter.k8s.aws/instance-pods": "5"}}), &[".spec.template.metadata.labels[\"karpenter.k8s.aws/instance-pods\"]"])]
#[case::n2_a_value_too_long("/spec/template/metadata", json!({"labels": {"a": "x".repeat(64)}}), &[".spec.template.metadata.labels.a"])]
#[case::n2_too_many_labels("/spec/template/metadata", json!({"labels": (0..101).map(|n| (format!("l{n}"), json!("x"))).collect::<serde_json::Map<_, _>>()}), &[".spec.template.metadata.labels"])]
#[case::n3_annotations("/spec/template/metadata", json!({"annotations": {"a b": "anything at all"}}), &[])]
#[case::n5_taints("/spec/template/spec/taints", json!([{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute", "value": "x"}]), &[])]
#[case::n5_an_empty_key("/spec/template/spec/taints", json!([{"key": "", "effect": "NoSchedule"}]), &[".spec.template.spec.taints[0].key"])]
#[case::n5_an_effect("/spec/template/spec/startupTaints", json!([{"key": "a", "effect": "Never"}]), &[".spec.template.spec.startupTaints[0].effect"])]
#[case::n5_twice("/spec/template/spec/taints", json!([{"key": "a", "effect": "NoSchedule"}, {"key": "a", "value": "x", "effect": "NoSchedule"}]), &[".spec.template.spec.taints[1]"])]
#[case::n6_a_version_in_the_group("/spec/template/spec/nodeClassRef/group", json!("karpenter.k8s.aws/v1"), &[".spec.template.spec.nodeClassRef.group"])]
#[case::n6_no_name("/spec/template/spec/nodeClassRef/name", json!(""), &[".spec.template.spec.nodeClassRef.name"])]
#[case::n6_no_reference("/spec/template/spec/nodeClassRef", Value::Null, &[".spec.template.spec.nodeClassRef"])]
#[case::n7_hours("/spec/template/spec/expireAfter", json!("1h30m10s"), &[])]
#[case::n7_never("/spec/template/spec/expireAfter", json!("Never"), &[])]
#[case::n7_days("/spec/template/spec/expireAfter", json!("30d"), &[".spec.template.spec.expireAfter"])]
#[case::n7_a_fraction("/spec/template/spec/expireAfter", json!("1.5h"), &[".spec.template.spec.expireAfter"])]
#[case::n7_longer_than_a_duration_can_be("/spec/template/spec/expireAfter", json!("99999999999h"), &[".spec.template.spec.expireAfter"])]
#[case::n8_never("/spec/template/spec/terminationGracePeriod", json!("Never"), &[".spec.template.spec.terminationGracePeriod"])]
#[case::n9_balanced("/spec/disruption", json!({"consolidateAfter": "1m", "consolidationPolicy": "Balanced"}), &[])]
#[case::n9_the_name_of_before("/spec/disruption", json!({"consolidateAfter": "1m", "consolidationPolicy": "WhenUnderutilized"}), &[".spec.disruption.consolidationPolicy"])]
#[case::n10_never("/spec/disruption", json!({"consolidateAfter": "Never"}), &[])]
#[case::n10_needed_inside_disruption("/spec/disruption", json!({}), &[".spec.disruption.consolidateAfter"])]
#[case::n11_a_schedule("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h"}]}), &[])]
#[case::n11_nodes_by_default("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"reasons": ["Empty", "Drifted"]}]}), &[])]
#[case::n11_a_schedule_alone("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "5"}, {"nodes": "0", "schedule": "@daily"}]}), &[".spec.disruption.budgets[1]"])]
#[case::n11_a_duration_alone("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "duration": "8h"}]}), &[".spec.disruption.budgets[0]"])]
#[case::n11_too_much_percent("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "101%"}]}), &[".spec.disruption.budgets[0].nodes"])]
#[case::n11_seconds("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "@daily", "duration": "30s"}]}), &[".spec.disruption.budgets[0].duration"])]
#[case::n11_no_cron("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "61 * * * *", "duration": "1h"}]}), &[".spec.disruption.budgets[0].schedule"])]
#[case::n11_a_time_zone("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h", "timeZone": "Europe/Berlin"}]}), &[])]
#[case::n11_a_time_zone_in_the_schedule("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "CRON_TZ=Asia/Tokyo 0 9 * * mon-fri", "duration": "8h"}]}), &[])]
#[case::n11_two_time_zones("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "CRON_TZ=Asia/Tokyo 0 9 * * mon-fri", "duration": "8h", "timeZone": "Europe/Berlin"}]}), &[".spec.disruption.budgets[0].schedule"])]
#[case::n11_no_time_zone("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h", "timeZone": "Mars/Olympus"}]}), &[".spec.disruption.budgets[0].timeZone"])]
#[case::n11_a_time_zone_alone("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "0", "timeZone": "UTC"}]}), &[".spec.disruption.budgets[0]"])]
#[case::n11_a_reason_twice("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": [{"nodes": "1", "reasons": ["Empty", "Empty"]}]}), &[".spec.disruption.budgets[0].reasons[1]"])]
#[case::n11_too_many("/spec/disruption", json!({"consolidateAfter": "0s", "budgets": vec![json!({"nodes": "1"}); 51]}), &[".spec.disruption.budgets"])]
#[case::n12_limits("/spec/limits", json!({"cpu": 200, "memory": "800Gi", "nodes": "50", "nvidia.com/gpu": "8"}), &[])]
#[case::n12_a_negative_limit("/spec/limits", json!({"cpu": "-1"}), &[".spec.limits.cpu"])]
#[case::n12_a_fraction_must_be_text("/spec/limits", json!({"cpu": 0.5}), &[".spec.limits.cpu"])]
#[case::n13_a_weight("/spec/weight", json!(100), &[])]
#[case::n13_no_weight_of_zero("/spec/weight", json!(0), &[".spec.weight"])]
#[case::n14_replicas("/spec/replicas", json!(0), &[])]
#[case::n14_fewer_than_none("/spec/replicas", json!(-1), &[".spec.replicas"])]
fn a_field_of_a_node_pool(#[case] pointer: &str, #[case] value: Value, #[case] expected: &[&str]) {
    assert_eq!(wrong(&with(pool(), pointer, value)), expected);
}

#[rstest]
#[case::n4_none(json!([]), &[])]
#[case::n4_in(requirement("kubernetes.io/arch", "In", &["amd64", "arm64"], Value::Null), &[])]
#[case::n4_in_nothing(requirement("kubernetes.io/arch", "In", &[], Value::Null), &["[0]"])]
#[case::n4_not_in(requirement("kubernetes.io/arch", "NotIn", &["arm64"], Value::Null), &[])]
#[case::n4_exists(requirement("example.com/team", "Exists", &[], Value::Null), &[])]
#[case::n4_exists_with_values(requirement("example.com/team", "Exists", &["a"], Value::Null), &["[0].values?"])]
#[case::n4_does_not_exist(requirement("karpenter.k8s.aws/instance-gpu-count", "DoesNotExist", &[], Value::Null), &[])]
#[case::n4_gt(requirement("karpenter.k8s.aws/instance-generation", "Gt", &["5"], Value::Null), &[])]
#[case::n4_lt(requirement("karpenter.k8s.aws/instance-cpu", "Lt", &["33"], Value::Null), &[])]
#[case::n4_gte(requirement("karpenter.k8s.aws/instance-cpu", "Gte", &["4"], Value::Null), &[])]
#[case::n4_lte(requirement("karpenter.k8s.aws/instance-cpu", "Lte", &["32"], Value::Null), &[])]
#[case::n4_gt_two(requirement("karpenter.k8s.aws/instance-cpu", "Gt", &["4", "5"], Value::Null), &["[0]"])]
#[case::n4_gt_nothing(requirement("karpenter.k8s.aws/instance-cpu", "Gt", &[], Value::Null), &["[0]"])]
#[case::n4_gt_a_word(requirement("karpenter.k8s.aws/instance-cpu", "Gt", &["many"], Value::Null), &["[0]"])]
#[case::n4_lt_negative(requirement("karpenter.k8s.aws/instance-cpu", "Lt", &["-1"], Value::Null), &["[0].values[0]"])]
#[case::n4_an_operator_of_nobody(requirement("a", "in", &["x"], Value::Null), &["[0].operator"])]
#[case::n4_min_values(requirement("node.kubernetes.io/instance-type", "Exists", &[], json!(15)), &[])]
#[case::n4_min_values_of_a_list(requirement("karpenter.k8s.aws/instance-family", "In", &["m7i", "c7i"], json!(2)), &[])]
#[case::n4_min_values_more_than_the_list(requirement("karpenter.k8s.aws/instance-family", "In", &["m7i", "c7i"], json!(3)), &["[0]"])]
#[case::n4_min_values_zero(requirement("a", "Exists", &[], json!(0)), &["[0].minValues"])]
#[case::n4_min_values_too_many(requirement("a", "Exists", &[], json!(51)), &["[0].minValues"])]
#[case::n4_a_key_with_a_space(requirement("a b", "Exists", &[], Value::Null), &["[0].key"])]
#[case::n4_a_key_too_long(requirement(&format!("{}/a", "x".repeat(320)), "Exists", &[], Value::Null), &["[0].key"])]
#[case::n4_a_name_too_long(requirement(&"x".repeat(64), "Exists", &[], Value::Null), &["[0].key"])]
#[case::n4_a_value_with_a_space(requirement("a", "In", &["b c"], Value::Null), &["[0].values[0]"])]
#[case::n4_a_restricted_key(requirement("karpenter.sh/nodepool", "In", &["x"], Value::Null), &["[0].key"])]
#[case::n4_a_key_with_a_typo(requirement("topology.kubernetes.io/zome", "In", &["x"], Value::Null), &["[0].key?"])]
#[case::n4_an_old_name_of_a_label(requirement("beta.kubernetes.io/arch", "In", &["amd64"], Value::Null), &["[0].key?"])]
#[case::n4_a_capacity_type_that_is_known(requirement("karpenter.sh/capacity-type", "In", &["spot", "on-demand"], Value::Null), &[])]
#[case::n4_none_that_is_known(requirement("karpenter.sh/capacity-type", "In", &["preemptible"], Value::Null), &["[0].values"])]
#[case::n4_one_that_is_not_known_is_only_noted(requirement("karpenter.sh/capacity-type", "In", &["spot", "preemptible"], Value::Null), &["[0].values[1]?"])]
#[case::n4_all_known_values_excluded(requirement("karpenter.sh/capacity-type", "NotIn", &["spot", "on-demand", "reserved"], Value::Null), &["[0].values"])]
#[case::n4_fewer_known_values_than_min_values(requirement("karpenter.sh/capacity-type", "NotIn", &["spot"], json!(3)), &["[0].values"])]
#[case::n4_a_tenancy(requirement("karpenter.k8s.aws/instance-tenancy", "In", &["host"], Value::Null), &["[0].values"])]
#[case::n4_two_that_contradict_each_other(json!([
    {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
    {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]},
]), &["[1]?"])]
#[case::n4_too_many(json!(vec![json!({"key": "a", "operator": "Exists"}); 101]), &[""])]
fn requirements_of_a_node_pool(#[case] requirements: Value, #[case] expected: &[&str]) {
    let expected: Vec<String> =
        expected.iter().map(|path| format!(".spec.template.spec.requirements{path}")).collect();
    assert_eq!(wrong(&with(pool(), "/spec/template/spec/requirements", requirements)), expected);
}

#[rstest]
#[case::only_nodes(json!({"replicas": 3, "limits": {"nodes": 5}}), true)]
#[case::no_limits(json!({"replicas": 3, "limits": {}}), true)]
#[case::cpu(json!({"replicas": 3, "limits": {"cpu": 5}}), false)]
#[case::nodes_and_cpu(json!({"replicas": 3, "limits": {"nodes": 5, "cpu": 5}}), false)]
#[case::a_weight(json!({"replicas": 3, "weight": 5}), false)]
fn a_static_node_pool_has_no_weight_and_only_the_limit_nodes_n13_n14(
    #[case] fields: Value,
    #[case] sound: bool,
) {
    let mut object = pool();
    for (name, value) in fields.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    assert_eq!(wrong(&object), if sound { vec![] } else { vec![".spec"] });
}

fn class() -> Value {
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "node",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"a": "*"}}],
            "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
        },
    })
}

#[rstest]
#[case::e1_ids_and_tags_in_different_terms("/spec/subnetSelectorTerms", json!([{"id": "subnet-1"}, {"tags": {"a": "b"}}]), &[])]
#[case::e1_none("/spec/subnetSelectorTerms", json!([]), &[".spec.subnetSelectorTerms"])]
#[case::e1_missing("/spec/subnetSelectorTerms", Value::Null, &[".spec.subnetSelectorTerms"])]
#[case::e1_too_many("/spec/subnetSelectorTerms", json!(vec![json!({"id": "subnet-1"}); 31]), &[".spec.subnetSelectorTerms"])]
#[case::e1_an_empty_term("/spec/subnetSelectorTerms", json!([{}]), &[".spec.subnetSelectorTerms[0]"])]
#[case::e1_one_term_that_mixes_is_enough("/spec/subnetSelectorTerms", json!([{"id": "subnet-1"}, {"id": "subnet-2", "tags": {"a": "b"}}]), &[".spec.subnetSelectorTerms[1]"])]
#[case::e1_an_empty_tag("/spec/subnetSelectorTerms", json!([{"tags": {"a": ""}}]), &[".spec.subnetSelectorTerms[0].tags.a"])]
#[case::e1_too_many_tags("/spec/subnetSelectorTerms", json!([{"tags": (0..21).map(|n| (format!("t{n}"), json!("x"))).collect::<serde_json::Map<_, _>>()}]), &[".spec.subnetSelectorTerms[0].tags"])]
#[case::e1_an_id_of_something_else("/spec/subnetSelectorTerms", json!([{"id": "vpc-1"}]), &[".spec.subnetSelectorTerms[0].id"])]
#[case::e2_by_name("/spec/securityGroupSelectorTerms", json!([{"name": "nodes"}, {"id": "sg-1"}]), &[])]
#[case::e2_one_term_that_mixes_is_enough("/spec/securityGroupSelectorTerms", json!([{"name": "nodes"}, {"name": "a", "tags": {"a": "b"}}]), &[".spec.securityGroupSelectorTerms[1]"])]
#[case::e3_by_criteria("/spec/capacityReservationSelectorTerms", json!([{"ownerID": "123456789012", "instanceMatchCriteria": "open"}]), &[])]
#[case::e3_only_an_owner("/spec/capacityReservationSelectorTerms", json!([{"ownerID": "123456789012"}]), &[".spec.capacityReservationSelectorTerms[0]"])]
#[case::e3_one_term_that_mixes_is_enough("/spec/capacityReservationSelectorTerms", json!([{"id": "cr-1"}, {"id": "cr-1", "tags": {"a": "b"}}]), &[".spec.capacityReservationSelectorTerms[1]"])]
#[case::e4_a_placement_group("/spec/placementGroupSelector", json!({"name": "group"}), &[])]
#[case::e4_none("/spec/placementGroupSelector", json!({}), &[".spec.placementGroupSelector"])]
#[case::e4_both("/spec/placementGroupSelector", json!({"name": "group", "id": "pg-1"}), &[".spec.placementGroupSelector"])]
#[case::e5_e6_e9_e17_e20("/spec/associatePublicIPAddress", json!(true), &[])]
#[case::e6_fewer_than_none("/spec/ipPrefixCount", json!(-1), &[".spec.ipPrefixCount"])]
#[case::e7_an_alias_with_a_version("/spec/amiSelectorTerms", json!([{"alias": "bottlerocket@v1.20.0"}]), &[])]
#[case::e7_no_version("/spec/amiSelectorTerms", json!([{"alias": "al2023"}]), &[".spec.amiSelectorTerms[0].alias"])]
#[case::e7_a_family_of_nobody("/spec/amiSelectorTerms", json!([{"alias": "ubuntu@latest"}]), &[".spec.amiSelectorTerms[0].alias"])]
#[case::e7_windows_pinned("/spec/amiSelectorTerms", json!([{"alias": "windows2025@v1"}]), &[".spec.amiSelectorTerms[0].alias"])]
#[case::e7_windows_latest("/spec/amiSelectorTerms", json!([{"alias": "windows2025@latest"}]), &[])]
#[case::e7_an_alias_too_long("/spec/amiSelectorTerms", json!([{"alias": format!("al2023@{}", "v".repeat(30))}]), &[".spec.amiSelectorTerms[0].alias"])]
#[case::e7_an_alias_beside_a_name("/spec/amiSelectorTerms", json!([{"alias": "al2023@latest", "name": "x"}]), &[".spec.amiSelectorTerms[0]"])]
#[case::e7_an_alias_beside_another_term("/spec/amiSelectorTerms", json!([{"alias": "al2023@latest"}, {"id": "ami-1"}]), &[".spec.amiSelectorTerms"])]
#[case::e7_an_empty_term("/spec/amiSelectorTerms", json!([{"owner": "self"}]), &[".spec", ".spec.amiSelectorTerms[0]"])]
#[case::e8_the_family_of_the_alias("/spec/amiFamily", json!("AL2023"), &[])]
#[case::e8_custom("/spec/amiFamily", json!("Custom"), &[])]
#[case::e8_another_family("/spec/amiFamily", json!("AL2"), &[".spec"])]
#[case::e8_no_family("/spec/amiFamily", json!("Ubuntu"), &[".spec.amiFamily"])]
#[case::e9_too_much_user_data("/spec/userData", json!("x".repeat(17_000)), &[".spec.userData"])]
#[case::e10_an_empty_role("/spec/role", json!(""), &[".spec.role"])]
#[case::e10_e11_neither("/spec/role", Value::Null, &[".spec"])]
#[case::e11_both("/spec/instanceProfile", json!("profile"), &[".spec"])]
#[case::e12_tags("/spec/tags", json!({"team": "a", "kubernetes.io/x": "y"}), &[])]
#[case::e12_the_cluster_tag("/spec/tags", json!({"kubernetes.io/cluster/x": "owned"}), &[".spec.tags[\"kubernetes.io/cluster/x\"]"])]
#[case::e12_the_cluster_name("/spec/tags", json!({"eks:eks-cluster-name": "x"}), &[".spec.tags[\"eks:eks-cluster-name\"]"])]
#[case::e12_the_pool("/spec/tags", json!({"karpenter.sh/nodepool": "x"}), &[".spec.tags[\"karpenter.sh/nodepool\"]"])]
#[case::e12_the_claim("/spec/tags", json!({"karpenter.sh/nodeclaim": "x"}), &[".spec.tags[\"karpenter.sh/nodeclaim\"]"])]
#[case::e12_the_class("/spec/tags", json!({"karpenter.k8s.aws/ec2nodeclass": "x"}), &[".spec.tags[\"karpenter.k8s.aws/ec2nodeclass\"]"])]
#[case::e12_no_key("/spec/tags", json!({"": "x"}), &[".spec.tags[\"\"]"])]
#[case::e14_a_volume("/spec/blockDeviceMappings", json!([{"deviceName": "/dev/xvda", "ebs": {"volumeSize": "100Gi", "volumeType": "gp3", "iops": 3000, "encrypted": true}}]), &[])]
#[case::e14_nothing_to_make_it_from("/spec/blockDeviceMappings", json!([{"ebs": {"volumeType": "gp3"}}]), &[".spec.blockDeviceMappings[0].ebs"])]
#[case::e14_two_roots("/spec/blockDeviceMappings", json!([{"rootVolume": true}, {"rootVolume": true}]), &[".spec.blockDeviceMappings"])]
#[case::e14_a_size_in_mebibytes("/spec/blockDeviceMappings", json!([{"ebs": {"volumeSize": "1024Mi"}}]), &[".spec.blockDeviceMappings[0].ebs.volumeSize"])]
#[case::e14_a_rate_without_a_snapshot("/spec/blockDeviceMappings", json!([{"ebs": {"volumeSize": "1Gi", "volumeInitializationRate": 100}}]), &[".spec.blockDeviceMappings[0].ebs"])]
#[case::e14_a_rate_too_low("/spec/blockDeviceMappings", json!([{"ebs": {"snapshotID": "snap-1", "volumeInitializationRate": 99}}]), &[".spec.blockDeviceMappings[0].ebs.volumeInitializationRate"])]
#[case::e15_raid0("/spec/instanceStorePolicy", json!("RAID0"), &[])]
#[case::e15_raid1("/spec/instanceStorePolicy", json!("RAID1"), &[".spec.instanceStorePolicy"])]
#[case::e16_interfaces("/spec/networkInterfaces", json!([
    {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
    {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
    {"networkCardIndex": 1, "deviceIndex": 1, "interfaceType": "efa-only"},
]), &[])]
#[case::e16_no_first_interface("/spec/networkInterfaces", json!([{"networkCardIndex": 1, "deviceIndex": 0, "interfaceType": "interface"}]), &[".spec.networkInterfaces"])]
#[case::e16_two_efa_on_a_card("/spec/networkInterfaces", json!([
    {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
    {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
    {"networkCardIndex": 0, "deviceIndex": 2, "interfaceType": "efa-only"},
]), &[".spec.networkInterfaces"])]
#[case::e18_hops("/spec/metadataOptions", json!({"httpPutResponseHopLimit": 65}), &[".spec.metadataOptions.httpPutResponseHopLimit"])]
#[case::e18_tokens("/spec/metadataOptions", json!({"httpTokens": "optional"}), &[])]
#[case::e19_a_timeout("/spec/connectionTracking", json!({"udpTimeout": 30}), &[])]
#[case::e19_none("/spec/connectionTracking", json!({}), &[".spec.connectionTracking"])]
#[case::e19_too_long("/spec/connectionTracking", json!({"tcpEstablishedTimeout": 432001}), &[".spec.connectionTracking.tcpEstablishedTimeout"])]
#[case::e21_nested("/spec/cpuOptions", json!({"nestedVirtualization": "enabled"}), &[])]
#[case::e21_a_boolean("/spec/cpuOptions", json!({"nestedVirtualization": true}), &[".spec.cpuOptions.nestedVirtualization"])]
fn a_field_of_a_node_class(#[case] pointer: &str, #[case] value: Value, #[case] expected: &[&str]) {
    assert_eq!(wrong(&with(class(), pointer, value)), expected);
}

#[rstest]
#[case::nothing("AL2023", json!({}), &[])]
#[case::any_field_of_the_kubelet("AL2023", json!({"cgroupDriver": "systemd", "featureGates": {"X": true}, "shutdownGracePeriod": "30s", "tlsCipherSuites": ["a"], "memorySwap": {"swapBehavior": "NoSwap"}}), &[])]
#[case::an_unknown_field("AL2023", json!({"maxPod": 5}), &[".maxPod"])]
#[case::a_number_as_text("AL2023", json!({"maxPods": "5"}), &[".maxPods"])]
#[case::an_expression("AL2023", json!({"maxPods": "vcpus * 10"}), &[".maxPods"])]
#[case::negative("AL2023", json!({"maxPods": -1, "podsPerCore": -1, "evictionMaxPodGracePeriod": -1}), &[".evictionMaxPodGracePeriod", ".maxPods", ".podsPerCore"])]
#[case::thresholds("AL2023", json!({"evictionHard": {"memory.available": "5%", "nodefs.available": "10Gi", "pid.available": "0%"}}), &[])]
#[case::a_threshold_above_all("AL2023", json!({"evictionHard": {"memory.available": "101%"}}), &[".evictionHard[\"memory.available\"]"])]
#[case::a_negative_threshold("AL2023", json!({"evictionHard": {"memory.available": "-1Gi"}}), &[".evictionHard[\"memory.available\"]"])]
#[case::an_unknown_signal("AL2023", json!({"evictionHard": {"memory": "5%"}}), &[".evictionHard.memory"])]
#[case::soft_with_grace("AL2023", json!({"evictionSoft": {"memory.available": "5%"}, "evictionSoftGracePeriod": {"memory.available": "1m"}}), &[])]
#[case::soft_without_grace("AL2023", json!({"evictionSoft": {"memory.available": "5%"}}), &[".evictionSoft[\"memory.available\"]"])]
#[case::grace_without_soft("AL2023", json!({"evictionSoftGracePeriod": {"memory.available": "1m"}}), &[".evictionSoftGracePeriod[\"memory.available\"]"])]
#[case::grace_that_is_no_duration("AL2023", json!({"evictionSoft": {"memory.available": "5%"}, "evictionSoftGracePeriod": {"memory.available": "1 minute"}}), &[".evictionSoftGracePeriod[\"memory.available\"]"])]
#[case::reserved("AL2023", json!({"kubeReserved": {"cpu": "100m", "memory": "1Gi", "ephemeral-storage": "1Gi", "pid": "100"}}), &[])]
#[case::reserved_negative("AL2023", json!({"systemReserved": {"cpu": "-100m"}}), &[".systemReserved.cpu"])]
#[case::reserved_something_else("AL2023", json!({"systemReserved": {"nvidia.com/gpu": "1"}}), &[".systemReserved[\"nvidia.com/gpu\"]"])]
#[case::image_thresholds("AL2023", json!({"imageGCHighThresholdPercent": 85, "imageGCLowThresholdPercent": 80}), &[])]
#[case::image_thresholds_the_wrong_way("AL2023", json!({"imageGCHighThresholdPercent": 80, "imageGCLowThresholdPercent": 80}), &[".imageGCHighThresholdPercent"])]
#[case::image_thresholds_beyond("AL2023", json!({"imageGCHighThresholdPercent": 101}), &[".imageGCHighThresholdPercent"])]
#[case::taints("AL2023", json!({"registerWithTaints": []}), &[".registerWithTaints"])]
#[case::bottlerocket_maps_fewer_fields("Bottlerocket", json!({"cgroupDriver": "systemd", "maxPods": 50, "clusterDNS": ["10.0.0.10"]}), &[".cgroupDriver"])]
#[case::bottlerocket_knows_no_pods_per_core("Bottlerocket", json!({"podsPerCore": 10}), &[".podsPerCore"])]
#[case::custom_takes_anything("Custom", json!({"cgroupDriver": "systemd"}), &[])]
fn the_kubelet_map_e13(#[case] family: &str, #[case] kubelet: Value, #[case] expected: &[&str]) {
    let mut class = with(class(), "/spec/kubelet", kubelet);
    class["spec"]["amiFamily"] = json!(family);
    class["spec"]["amiSelectorTerms"] = json!([{"id": "ami-1"}]);
    let mut expected: Vec<String> = expected.iter().map(|path| format!(".spec.kubelet{path}")).collect();
    let mut found = wrong(&class);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[rstest]
#[case::a_price(json!({"price": "0.384"}), &[])]
#[case::a_discount(json!({"priceAdjustment": "-15%"}), &[])]
#[case::a_surcharge(json!({"priceAdjustment": "+0.5"}), &[])]
#[case::all_of_it(json!({"priceAdjustment": "-100%"}), &[])]
#[case::more_than_all(json!({"priceAdjustment": "-101%"}), &[".spec.priceAdjustment"])]
#[case::no_sign(json!({"priceAdjustment": "10%"}), &[".spec.priceAdjustment"])]
#[case::a_negative_price(json!({"price": "-1"}), &[".spec.price"])]
#[case::both(json!({"price": "1", "priceAdjustment": "+1"}), &[".spec"])]
#[case::a_resource(json!({"capacity": {"example.com/dongle": 4}}), &[])]
#[case::cpu(json!({"capacity": {"cpu": 4}}), &[".spec.capacity.cpu"])]
#[case::a_gpu(json!({"capacity": {"nvidia.com/gpu": 4}}), &[".spec.capacity[\"nvidia.com/gpu\"]"])]
#[case::a_weight(json!({"price": "1", "weight": 10_001}), &[".spec.weight"])]
#[case::nothing(json!({}), &[".spec?"])]
#[case::a_requirement(json!({"price": "1", "requirements": requirement("karpenter.sh/nodepool", "In", &["a"], Value::Null)}), &[])]
#[case::not_in_nothing(json!({"price": "1", "requirements": requirement("kubernetes.io/arch", "NotIn", &[], Value::Null)}), &[".spec.requirements[0]"])]
#[case::min_values(json!({"price": "1", "requirements": requirement("kubernetes.io/arch", "Exists", &[], json!(1))}), &[".spec.requirements[0].minValues"])]
#[case::a_reservation(json!({"price": "1", "requirements": requirement("karpenter.k8s.aws/capacity-reservation-id", "Exists", &[], Value::Null)}), &[".spec.requirements[0].key"])]
fn a_node_overlay_reference_1_3(#[case] fields: Value, #[case] expected: &[&str]) {
    let mut object = json!({"apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": "x"}, "spec": {"requirements": []}});
    for (name, value) in fields.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    assert_eq!(wrong(&object), expected);
}

#[rstest]
#[case::a_size(json!({"podTemplateRef": {"name": "t"}, "replicas": 3}), &[".spec.podTemplateRef.name?"])]
#[case::a_limit(json!({"podTemplateRef": {"name": "t"}, "limits": {"cpu": "10"}}), &[".spec.podTemplateRef.name?"])]
#[case::no_size(json!({"podTemplateRef": {"name": "t"}}), &[".spec", ".spec.podTemplateRef.name?"])]
#[case::a_share(json!({"scalableRef": {"kind": "Deployment", "name": "d"}, "percentage": 10}), &[".spec.scalableRef.name?"])]
#[case::both(json!({"podTemplateRef": {"name": "t"}, "scalableRef": {"kind": "Deployment", "name": "d"}, "replicas": 1}), &[".spec", ".spec.podTemplateRef.name?", ".spec.scalableRef.name?"])]
#[case::neither(json!({"replicas": 1}), &[".spec"])]
#[case::a_kind_that_does_not_scale(json!({"scalableRef": {"kind": "Job", "name": "d"}, "replicas": 1}), &[".spec.scalableRef.kind"])]
#[case::a_group_that_is_not_apps(json!({"scalableRef": {"apiGroup": "argoproj.io", "kind": "Deployment", "name": "d"}, "replicas": 1}), &[".spec.scalableRef.kind", ".spec.scalableRef.name?"])]
#[case::fewer_than_none(json!({"scalableRef": {"kind": "Deployment", "name": "d"}, "percentage": -1}), &[".spec.percentage", ".spec.scalableRef.name?"])]
#[case::another_strategy(json!({"scalableRef": {"kind": "Deployment", "name": "d"}, "replicas": 1, "provisioningStrategy": "x"}), &[".spec.provisioningStrategy?", ".spec.scalableRef.name?"])]
fn a_capacity_buffer_reference_1_5(#[case] spec: Value, #[case] expected: &[&str]) {
    let object = json!({"apiVersion": "autoscaling.x-k8s.io/v1beta1", "kind": "CapacityBuffer", "metadata": {"name": "x"}, "spec": spec});
    let mut found = wrong(&object);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_node_claim_may_name_its_node_pool_reference_1_2() {
    let claim = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "x"}, "spec": {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
        "requirements": [
            {"key": "karpenter.sh/nodepool", "operator": "In", "values": ["general"]},
            {"key": "karpenter.k8s.aws/ec2nodeclass", "operator": "In", "values": ["default"]},
        ],
        "resources": {"requests": {"cpu": "3500m"}},
    }});
    assert_eq!(wrong(&claim), Vec::<String>::new());
    let old = with(
        claim,
        "/status",
        json!({"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-08-20T10:00:00Z"}]}),
    );
    assert_eq!(wrong(&old), Vec::<String>::new(), "conditions of old objects have no reason and message");
}
