//! Twelve Deployments scale out at once: 1,600 replicas, spread over zones, some never two to a node.

use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_engine::solve::SolveOptions;

use super::{Context, Workload};
use crate::pods::{dress, labels, pod, shun, spec, spread, unschedulable};
use crate::us_east_1;

/// Name, replicas, cpu, memory, never two to a node.
const DEPLOYMENTS: [(&str, u32, &str, &str, bool); 12] = [
    ("checkout", 200, "500m", "1Gi", false),
    ("cart", 180, "250m", "512Mi", false),
    ("search", 160, "2", "4Gi", false),
    ("recommend", 120, "1500m", "12Gi", false),
    ("catalog", 200, "750m", "1536Mi", false),
    ("gateway", 60, "1", "2Gi", true),
    ("session-cache", 40, "1", "8Gi", true),
    ("thumbnails", 140, "3500m", "3Gi", false),
    ("ledger", 80, "4", "16Gi", false),
    ("mailer", 220, "100m", "256Mi", false),
    ("stream", 160, "1", "6Gi", false),
    ("broker", 40, "2", "14Gi", true),
];

/// All replicas pending, no node yet.
pub fn burst(context: &Context) -> Workload {
    let mut pods = Vec::new();
    for (name, replicas, cpu, memory, alone) in DEPLOYMENTS {
        let own = labels([("app.kubernetes.io/name", name), ("pod-template-hash", "6d5f7c8b9")]);
        let selected = labels([("app.kubernetes.io/name", name)]);
        for replica in 0..replicas {
            let mut pod = pod("shop", &format!("{name}-6d5f7c8b9-{replica:05x}"), &own, cpu, memory);
            dress(&mut pod, "ReplicaSet", &format!("{name}-6d5f7c8b9"), pods.len() as u64);
            spec(&mut pod).topology_spread_constraints = Some(vec![spread(keys::ZONE, 1, &selected)]);
            if alone {
                shun(&mut pod, keys::HOSTNAME, &selected);
            }
            unschedulable(&mut pod);
            pods.push(pod.into());
        }
    }
    Workload {
        name: "burst",
        variant: String::new(),
        objects: Objects {
            pods,
            node_pools: vec![us_east_1::node_pool(&us_east_1::ANY_CAPACITY)],
            ..Objects::default()
        },
        market: context.us_east_1.clone(),
        options: SolveOptions::default(),
    }
}
