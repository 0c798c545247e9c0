//! Whole runs: small scenarios from beginning to end.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use supercargo_sim::scenario::{Scenario, read};
use supercargo_sim::{RunOptions, run};

const CLASS_AND_POOL: &str = r#"
cluster: simulated
objects:
  - apiVersion: karpenter.k8s.aws/v1
    kind: EC2NodeClass
    metadata: {name: default}
    spec:
      role: nodes
      amiSelectorTerms: [{alias: al2023@latest}]
      subnetSelectorTerms: [{tags: {karpenter.sh/discovery: simulated}}]
      securityGroupSelectorTerms: [{tags: {karpenter.sh/discovery: simulated}}]
  - apiVersion: karpenter.sh/v1
    kind: NodePool
    metadata: {name: default}
    spec:
      template:
        spec:
          nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
          requirements:
            - {key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}
            - {key: karpenter.k8s.aws/instance-category, operator: In, values: [c, m, r]}
      disruption: {consolidationPolicy: WhenEmptyOrUnderutilized, consolidateAfter: 30s, budgets: [{nodes: 100%}]}
"#;

fn scenario(rest: &str) -> Scenario {
    read(&format!("{rest}{CLASS_AND_POOL}"), |_| Err("no files here".to_owned())).unwrap()
}

#[test]
fn pods_get_nodes_and_nodes_go_when_the_pods_do() {
    let scenario = scenario(
        "name: there-and-back\nduration: 20m\nsettle: 20m\n\
         workloads: [{name: web, replicas: 12, cpu: '1', memory: 2Gi, steps: [{at: 10m, replicas: 0}]}]",
    );
    let outcome = run(&scenario, &RunOptions::default()).unwrap();
    assert_eq!(outcome.violations, []);
    assert_eq!(outcome.latencies.pods, 12);
    assert!(outcome.latencies.last <= 90.0, "{:?}", outcome.latencies);
    let last = outcome.samples.last().unwrap();
    assert_eq!((last.machines, last.running, last.pending), (0, 0, 0));
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let scenario = scenario(
        "name: twice\nduration: 15m\nsettle: 5m\nspotHazard: 50\n\
         workloads: [{name: web, replicas: 8, cpu: '1', memory: 2Gi, steps: [{at: 5m, replicas: 3}]}]\n\
         faults: [{at: 6m, for: 20s, crash: true}, {at: 7m, for: 1m, apiErrors: 20}]",
    );
    let options = RunOptions { keep_log: true, ..RunOptions::default() };
    let (first, second) = (run(&scenario, &options).unwrap(), run(&scenario, &options).unwrap());
    assert!(first.log_lines > 100);
    for (number, (left, right)) in first.log.iter().zip(&second.log).enumerate() {
        assert_eq!(left, right, "line {number}");
    }
    assert_eq!(first.log_checksum, second.log_checksum);
}
