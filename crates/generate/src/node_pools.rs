//! The NodePools and the EC2NodeClass.

use serde_json::{Value, json};
use supercargo_api::{EC2NodeClass, NodePool};
use supercargo_catalog::Catalog;
use supercargo_clock::Randomness;

use crate::metadata::{before, typed, whole};
use crate::names::{TEAMS, hexadecimal, uid};
use crate::options::{ClusterOptions, GenerateError};

/// The image that new nodes run, by architecture and whether there are GPUs.
pub(crate) const AMIS: [(&str, &str, bool); 3] = [
    ("ami-0a1b2c3d4e5f60718", "amd64", false),
    ("ami-0b2c3d4e5f6071829", "arm64", false),
    ("ami-0c3d4e5f607182930", "amd64", true),
];
/// The image of nodes that have drifted.
pub(crate) const OLD_AMI: &str = "ami-00112233445566778";
/// The hash of the EC2NodeClass's spec as its nodes carry it.
pub(crate) const NODE_CLASS_HASH: &str = "11409317463871846712";
/// How many zones are used.
const ZONES: usize = 3;
const DAY: i64 = 86_400;
/// NodePools have small nodes if there are fewer than this to each.
const FEW: u32 = 12;
const SMALL: &[&str] = &["large", "xlarge", "2xlarge"];
const MIDDLE: &[&str] = &["xlarge", "2xlarge", "4xlarge"];
const LARGE: &[&str] = &["2xlarge", "4xlarge"];
const LARGEST: &[&str] = &["4xlarge", "8xlarge"];
const ANY: &[&str] = &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge"];

/// What work a NodePool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    General,
    Spot,
    Stateful,
    Arm,
    Batch,
    Team(&'static str),
    Gpu,
}

/// A NodePool to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) purpose: Purpose,
    /// Key and value of its taint, if it has one.
    pub(crate) taint: Option<(String, String)>,
    capacity: &'static [&'static str],
    arch: &'static [&'static str],
    categories: &'static [&'static str],
    sizes: &'static [&'static str],
    after_generation: &'static str,
    expire_after: &'static str,
    weight: Option<i32>,
}

const SPOT: &[&str] = &["spot"];
const ON_DEMAND: &[&str] = &["on-demand"];
const BOTH: &[&str] = &["on-demand", "spot"];

/// The NodePools, by purpose: the five everybody has, then one per team.
pub(crate) fn plans(options: &ClusterOptions) -> Vec<Plan> {
    // Where a NodePool has few nodes, they are small: else there would be even fewer.
    let roomy = options.nodes >= FEW * options.pools;
    let sized = |sizes: &'static [&'static str]| if roomy { sizes } else { SMALL };
    let plan = |name: &str, purpose, taint: Option<(&str, &str)>| Plan {
        name: name.to_owned(),
        purpose,
        taint: taint.map(|(key, value)| (key.to_owned(), value.to_owned())),
        capacity: ON_DEMAND,
        arch: &["amd64"],
        categories: &["c", "m", "r"],
        sizes: sized(MIDDLE),
        after_generation: "5",
        expire_after: "720h",
        weight: None,
    };
    let mut plans = vec![
        Plan { weight: Some(50), ..plan("general", Purpose::General, None) },
        Plan {
            capacity: SPOT,
            after_generation: "4",
            weight: Some(100),
            ..plan("spot", Purpose::Spot, Some(("spot", "true")))
        },
        Plan {
            categories: &["m", "r"],
            sizes: sized(LARGE),
            ..plan("stateful", Purpose::Stateful, Some(("workload-type", "stateful")))
        },
        Plan { arch: &["arm64"], weight: Some(50), ..plan("arm", Purpose::Arm, None) },
        Plan {
            capacity: SPOT,
            arch: &["amd64", "arm64"],
            sizes: sized(LARGE),
            after_generation: "4",
            expire_after: "168h",
            weight: Some(100),
            ..plan("batch", Purpose::Batch, Some(("workload-type", "batch")))
        },
    ];
    for (index, team) in TEAMS.iter().enumerate() {
        let name = format!("team-{team}");
        plans.push(Plan {
            capacity: if index % 3 == 2 { BOTH } else { ON_DEMAND },
            sizes: sized([MIDDLE, LARGE, LARGEST, ANY][index % 4]),
            ..plan(&name, Purpose::Team(team), Some(("dedicated", team)))
        });
    }
    plans.push(Plan { categories: &["m"], arch: &["arm64"], ..plan("arm-small", Purpose::Arm, None) });
    plans.truncate(options.pools as usize);
    if options.gpu {
        plans.push(Plan {
            categories: &["g"],
            sizes: &["xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge"],
            after_generation: "3",
            ..plan("gpu", Purpose::Gpu, Some(("nvidia.com/gpu", "true")))
        });
    }
    plans
}

/// The NodePool of a plan.
pub(crate) fn node_pool(
    plan: &Plan,
    options: &ClusterOptions,
    randomness: &mut Randomness,
) -> Result<NodePool, GenerateError> {
    let is_in = |key: &str, values: &[&str]| json!({ "key": key, "operator": "In", "values": values });
    let mut labels = json!({ "workload-type": workload_type(plan.purpose) });
    if let Purpose::Team(team) = plan.purpose {
        labels["team"] = json!(team);
    }
    let mut spec = json!({
        "template": {
            "metadata": { "labels": labels },
            "spec": {
                "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                "requirements": [
                    is_in("kubernetes.io/os", &["linux"]),
                    is_in("kubernetes.io/arch", plan.arch),
                    is_in("karpenter.sh/capacity-type", plan.capacity),
                    is_in("karpenter.k8s.aws/instance-category", plan.categories),
                    is_in("karpenter.k8s.aws/instance-size", plan.sizes),
                    {
                        "key": "karpenter.k8s.aws/instance-generation",
                        "operator": "Gt",
                        "values": [plan.after_generation],
                    },
                ],
                "expireAfter": plan.expire_after,
            },
        },
        "disruption": disruption(plan.purpose, options.obstacles),
    });
    if let Some((key, value)) = &plan.taint {
        spec["template"]["spec"]["taints"] = json!([{ "key": key, "value": value, "effect": "NoSchedule" }]);
    }
    if let Some(weight) = plan.weight {
        spec["weight"] = json!(weight);
    }
    let born = whole(before(options.at, 200 * DAY));
    let conditions: Vec<Value> =
        ["ValidationSucceeded", "NodeClassReady", "Ready"].map(|type_| condition(type_, born)).into();
    typed(
        "NodePool",
        json!({
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": {
                "name": plan.name,
                "uid": uid(randomness),
                "creationTimestamp": born,
                "annotations": {
                    "karpenter.sh/nodepool-hash": pool_hash(&plan.name),
                    "karpenter.sh/nodepool-hash-version": "v3",
                },
            },
            "spec": spec,
            "status": { "conditions": conditions },
        }),
    )
}

fn workload_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::General | Purpose::Arm => "general",
        Purpose::Spot => "stateless",
        Purpose::Stateful => "stateful",
        Purpose::Batch => "batch",
        Purpose::Team(_) => "team",
        Purpose::Gpu => "gpu",
    }
}

/// How nodes may go: freely, or as people are used to write it.
fn disruption(purpose: Purpose, obstacles: bool) -> Value {
    if !obstacles {
        return json!({
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": "0s",
            "budgets": [{ "nodes": "100%" }],
        });
    }
    match purpose {
        Purpose::Batch => json!({
            "consolidationPolicy": "WhenEmpty", "consolidateAfter": "30s", "budgets": [{ "nodes": "50%" }],
        }),
        Purpose::Stateful => json!({
            "consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "10m",
            "budgets": [
                { "nodes": "10%" },
                { "nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h", "reasons": ["Underutilized", "Drifted"] },
            ],
        }),
        Purpose::Spot => json!({
            "consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "30s", "budgets": [{ "nodes": "30%" }],
        }),
        _ => json!({
            "consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "60s", "budgets": [{ "nodes": "20%" }],
        }),
    }
}

/// A number that stands for the template of a NodePool; its nodes carry the same.
pub(crate) fn pool_hash(name: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.to_string()
}

/// A condition that holds since a moment.
pub(crate) fn condition(type_: &str, since: jiff::Timestamp) -> Value {
    json!({ "type": type_, "status": "True", "lastTransitionTime": since, "reason": type_, "message": "" })
}

/// The EC2NodeClass that all NodePools use.
pub(crate) fn node_class(
    options: &ClusterOptions,
    catalog: &Catalog,
    randomness: &mut Randomness,
) -> Result<EC2NodeClass, GenerateError> {
    let born = whole(before(options.at, 200 * DAY));
    let discovery = json!([{ "tags": { "karpenter.sh/discovery": "made-up" } }]);
    let zones = catalog.zones(&options.region).iter().take(ZONES);
    let subnets: Vec<Value> = zones
        .map(|zone| {
            let id = format!("subnet-0{}", hexadecimal(16, randomness));
            json!({ "id": id, "zone": zone.name, "zoneID": zone.zone_id })
        })
        .collect();
    let images = AMIS.map(|(id, arch, gpu)| {
        let gpus = if gpu { "Exists" } else { "DoesNotExist" };
        json!({
            "id": id,
            "name": format!("amazon-eks-node-al2023-{arch}-{}-1.36-v20261012", if gpu { "nvidia" } else { "standard" }),
            "requirements": [
                { "key": "kubernetes.io/arch", "operator": "In", "values": [arch] },
                { "key": "karpenter.k8s.aws/instance-gpu-count", "operator": gpus },
            ],
        })
    });
    let ready = [
        "AMIsReady",
        "SubnetsReady",
        "SecurityGroupsReady",
        "InstanceProfileReady",
        "ValidationSucceeded",
        "Ready",
    ];
    typed(
        "EC2NodeClass",
        json!({
            "apiVersion": "karpenter.k8s.aws/v1",
            "kind": "EC2NodeClass",
            "metadata": {
                "name": "default",
                "uid": uid(randomness),
                "creationTimestamp": born,
                "annotations": {
                    "karpenter.k8s.aws/ec2nodeclass-hash": NODE_CLASS_HASH,
                    "karpenter.k8s.aws/ec2nodeclass-hash-version": "v4",
                },
            },
            "spec": {
                "role": "KarpenterNodeRole-made-up",
                "amiSelectorTerms": [{ "alias": "al2023@latest" }],
                "subnetSelectorTerms": discovery,
                "securityGroupSelectorTerms": discovery,
                "metadataOptions": { "httpTokens": "required", "httpPutResponseHopLimit": 1 },
                "blockDeviceMappings": [{
                    "deviceName": "/dev/xvda",
                    "ebs": { "volumeSize": "100Gi", "volumeType": "gp3", "encrypted": true },
                }],
            },
            "status": {
                "subnets": subnets,
                "securityGroups": [{ "id": "sg-0123456789abcdef0", "name": "made-up-nodes" }],
                "amis": images,
                "instanceProfile": "made-up_KarpenterNodeRole",
                "conditions": ready.map(|type_| condition(type_, born)),
            },
        }),
    )
}
