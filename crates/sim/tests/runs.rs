//! Whole runs: small scenarios from beginning to end.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use rstest::rstest;
use serde_json::json;
use supercargo_sim::scenario::{Scenario, read};
use supercargo_sim::{RunOptions, run, shortest_failure};

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

#[test]
fn a_scenario_that_fails_is_cut_down_to_its_shortest_beginning_that_does() {
    // the assertion cannot hold as soon as the second workload is there, whatever comes later
    let mut scenario = scenario(
        "name: doomed\nduration: 12m\nsettle: 3m\nassertions: {nodesMade: 1}\n\
         market: 'at: +11m, releaseImages: true'\n\
         workloads:\n\
         - {name: web, replicas: 1, cpu: '1', memory: 1Gi, steps: [{at: 9m, replicas: 2}]}\n\
         - {name: big, replicas: 0, cpu: '90', memory: 1Gi, steps: [{at: 4m, replicas: 1}, {at: 10m, replicas: 2}]}\n\
         faults: [{at: 8m, for: 5s, crash: true}]",
    );
    scenario.name = "doomed".to_owned();
    let failure = shortest_failure(&scenario).unwrap().unwrap();
    assert_eq!(failure.until, std::time::Duration::from_secs(240));
    assert_eq!(failure.scenario.workloads[1].steps.len(), 1);
    assert!(failure.scenario.workloads[0].steps.is_empty() && failure.scenario.faults.is_empty());
    assert_eq!(failure.scenario.market, "");
    assert_eq!(failure.seed, scenario.seed);
    scenario.assertions.nodes_made = Some(9);
    assert!(shortest_failure(&scenario).unwrap().is_none());
}

#[rstest]
#[case::before_most_answers("62.5s")]
#[case::in_the_midst_of_them("63.5s")]
fn who_takes_over_in_the_middle_of_a_burst_launches_nothing_twice(#[case] at: &str) {
    let mut scenario = scenario(&format!(
        "name: handover\nduration: 150s\nsettle: 1m\n\
         workloads: [{{name: web, replicas: 0, cpu: '3', memory: 2Gi, steps: [{{at: 1m, replicas: 60}}]}}]\n\
         faults: [{{at: {at}, for: 15s, crash: true}}]",
    ));
    for object in &mut scenario.objects {
        if object["kind"] == "NodePool" {
            let spec = &mut object["spec"];
            spec["disruption"] = json!({"consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never"});
            let size = json!({"key": "karpenter.k8s.aws/instance-cpu", "operator": "In", "values": ["4"]});
            spec["template"]["spec"]["requirements"].as_array_mut().unwrap().push(size);
        }
    }
    let outcome = run(&scenario, &RunOptions::default()).unwrap();
    assert_eq!(outcome.violations, []);
    assert_eq!((outcome.machines_launched, outcome.latencies.pods), (60, 60));
}
