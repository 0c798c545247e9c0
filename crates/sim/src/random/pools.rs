//! NodePools of a random scenario, and their EC2NodeClass.

use serde_json::{Value, json};
use supercargo_clock::Randomness;

/// The class of all NodePools.
pub(super) fn node_class() -> Value {
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "nodes",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "simulated"}}],
            "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "simulated"}}],
        },
    })
}

/// One to three NodePools. The last one takes everything, so that what is dry or used up elsewhere can still run.
pub(super) fn node_pools(draws: &mut Randomness) -> Vec<Value> {
    let count = 1 + draws.below(3);
    (0..count).map(|number| node_pool(number, number + 1 == count, draws)).collect()
}

fn node_pool(number: u64, is_last: bool, draws: &mut Randomness) -> Value {
    let capacity: &[&str] = match draws.below(3) {
        0 => &["on-demand"],
        1 => &["spot", "on-demand"],
        _ if !is_last => &["spot"],
        _ => &["spot", "on-demand"],
    };
    let policy = if draws.chance(0.7) { "WhenEmptyOrUnderutilized" } else { "WhenEmpty" };
    let after = ["0s", "30s", "2m"][draws.below(3) as usize];
    let expires = match draws.below(20) {
        0 => "20m",
        1 => "25m",
        _ => "720h",
    };
    let mut pool = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
        "metadata": {"name": format!("pool-{number}")},
        "spec": {
            "weight": 1 + draws.below(100),
            "template": {
                "metadata": {"labels": {"generation": "1"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "expireAfter": expires,
                    "requirements": [
                        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": capacity},
                        {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                        {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["4"]},
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                    ],
                },
            },
            "disruption": {
                "consolidationPolicy": policy,
                "consolidateAfter": after,
                "budgets": budgets(draws),
            },
        },
    });
    if !is_last && draws.chance(0.5) {
        pool["spec"]["limits"] = match draws.below(3) {
            0 => json!({"nodes": (1 + draws.below(8)).to_string()}),
            1 => {
                json!({"cpu": (16 + draws.below(100)).to_string(), "memory": format!("{}Gi", 32 + draws.below(300))})
            }
            _ => json!({"cpu": (16 + draws.below(100)).to_string()}),
        };
    }
    if draws.chance(0.3) {
        let grace = ["1m", "5m"][draws.below(2) as usize];
        pool["spec"]["template"]["spec"]["terminationGracePeriod"] = json!(grace);
    }
    pool
}

/// One budget, or one for a reason beside it.
fn budgets(draws: &mut Randomness) -> Value {
    let sizes = ["10%", "20%", "50%", "1", "3", "100%"];
    let mut size = || sizes[draws.below(6) as usize];
    let (all, some) = (size(), size());
    if !draws.chance(0.3) {
        return json!([{"nodes": all}]);
    }
    let reasons: &[&str] = match draws.below(3) {
        0 => &["Drifted"],
        1 => &["Empty"],
        _ => &["Underutilized", "Empty"],
    };
    json!([{"nodes": all}, {"nodes": some, "reasons": reasons}])
}
