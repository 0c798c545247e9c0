//! A large cluster runs, and a thousand pods are new: 40 Deployments roll out a release, half of them with more room
//! to each pod than running nodes have left.

use supercargo_engine::solve::SolveOptions;

use super::{Context, Workload};
use crate::cluster::{Size, cluster};
use crate::pods::unschedulable;

/// Nodes of the cluster.
const NODES: usize = 5_000;
/// Running pods.
const RUNNING: usize = 150_000;
/// Pending pods.
pub const PENDING: usize = 1_000;
const REPLICAS: usize = 50;
const ROLLING_OUT: usize = 40;
const SEED: u64 = 42;

/// 5,000 nodes, 150,000 running pods, 1,000 pending.
pub fn incremental(context: &Context) -> Workload {
    let (mut objects, deployments) = cluster(Size { nodes: NODES, pods: RUNNING, replicas: REPLICAS }, SEED);
    let stride = (deployments.len() / ROLLING_OUT).max(1);
    let growing = deployments.iter().step_by(stride).take(ROLLING_OUT);
    for (number, deployment) in growing.enumerate() {
        for replica in 0..PENDING / ROLLING_OUT {
            let (replica, uid) = (REPLICAS + replica, objects.pods.len());
            let mut pod = if number % 2 == 0 {
                deployment.replica(replica, uid)
            } else {
                deployment.sized_replica(replica, uid, 6_000, 20_480)
            };
            unschedulable(&mut pod);
            objects.pods.push(pod.into());
        }
    }
    Workload {
        name: "incremental",
        variant: String::new(),
        objects,
        market: context.us_east_1.clone(),
        options: SolveOptions::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_as_large_as_promised() {
        let workload = incremental(&Context::new().unwrap());
        let running = workload.objects.pods.iter().filter(|pod| pod.node_name().is_some());
        assert_eq!(workload.objects.nodes.len(), NODES);
        assert_eq!(running.count(), RUNNING);
        assert_eq!(workload.objects.pods.len(), RUNNING + PENDING);
    }
}
