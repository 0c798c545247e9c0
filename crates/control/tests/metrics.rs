//! What Prometheus reads is what Karpenter's dashboards ask for (reference section 6.1).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use supercargo_catalog::Usd;
use supercargo_control::metrics::{BuildInfo, CloudCall, ConsolidationType, DisruptionDecision, Metrics};

const SECOND: Duration = Duration::from_secs(1);

/// Metrics after everything has happened once.
fn eventful() -> Metrics {
    let metrics = Metrics::default();
    metrics.built(BuildInfo { version: "0.1.0", compiler: "rustc", architecture: "amd64", commit: "abc" });
    metrics.leads("karpenter-leader-election", true);
    metrics.node_claim_created("spot", "provisioned", false);
    metrics.node_claim_terminated("spot", "spot", "us-east-1a");
    metrics.node_claim_disrupted("spot", "spot", "drifted");
    metrics.node_claim_unhealthy("spot", "spot", "Ready", "ami-1");
    metrics.node_claim_termination_took("spot", SECOND);
    metrics.instance_termination_took("spot", SECOND);
    metrics.node_created("spot", "us-east-1a");
    metrics.node_terminated("spot", "us-east-1a");
    metrics.node_drained("spot");
    metrics.node_termination_took("spot", SECOND);
    metrics.node_lived("spot", SECOND);
    metrics.pod_started(SECOND);
    metrics.pod_bound(SECOND);
    metrics.provisioned_pod_bound(SECOND);
    metrics.provisioned_pod_started(SECOND);
    metrics.pod_decided(SECOND);
    metrics.eviction_answered(429);
    metrics.pod_drained("drifted");
    metrics.planned("provisioner", SECOND);
    metrics.planning("provisioner", "plan-1", 7, SECOND);
    metrics.unschedulable_pods("provisioner", 2);
    metrics.ignored_pods(1);
    metrics.pending_pods_by_zone("provisioner", &BTreeMap::from([("flexible".to_owned(), 7)]));
    metrics.disruption_evaluated("underutilized", ConsolidationType::Multi, SECOND);
    metrics.disruption_decided(
        DisruptionDecision::Replace,
        "underutilized",
        ConsolidationType::Multi,
        ["spot"],
    );
    metrics.eligible_nodes("underutilized", 3);
    metrics.consolidation_has_no_timeout();
    metrics.disruption_validation_failed(ConsolidationType::Empty);
    metrics.disruption_failed(DisruptionDecision::Delete, "drifted", ConsolidationType::None);
    metrics.move_scored("approved", "spot", "Balanced", 0.4);
    metrics.allowed_disruptions("spot", "drifted", 2);
    metrics.nodes_consuming_budgets("spot", "drifted", 1);
    metrics.node_pool_cost("spot", Usd::from_f64(0.384));
    for _ in 0..2 {
        metrics.node_pool_costs_unknown(BTreeSet::from([("spot".to_owned(), "n".to_owned())]));
    }
    metrics.cluster_state(3, None);
    let call = CloudCall { controller: "launching", method: "Create", provider: "aws" };
    metrics.cloud_called(call, SECOND);
    metrics.cloud_call_failed(call, "InsufficientCapacityError");
    metrics.offerings([(["m7i.large", "spot", "us-east-1a"], true, Usd::from_f64(0.04))]);
    metrics.instance_types([("m7i.large", 2_000, 8 << 30)]);
    metrics.launch_failed("us-east-1a", "use1-az1", "spot", "InsufficientInstanceCapacity");
    metrics.termination_failed("us-east-1a", "use1-az1");
    metrics.batch_sent("create_fleet", 12, SECOND);
    metrics.user_data_bytes([("default", 1_024)]);
    metrics.interruption_received("spot_interrupted", SECOND);
    metrics.interruption_deleted();
    metrics.instance_unhealthy("system");
    for kind in ["NodeClaim", "NodePool", "EC2NodeClass", "Node", "CapacityBuffer", "Pod"] {
        metrics.condition_changed(kind, "Ready", "True", "Ready", Some(("False", SECOND)));
        metrics.object_terminated(kind, SECOND);
    }
    metrics
}

/// Every family with its type and the labels of its first sample, a line each.
fn shapes(text: &str) -> String {
    let mut shapes = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(described) = line.strip_prefix("# TYPE ") else { continue };
        let sample = lines.peek().copied().unwrap_or_default();
        let labels = sample.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let names: Vec<&str> = labels.split(',').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
        shapes.push(format!("{described} {{{}}}", names.join(", ")));
    }
    shapes.sort();
    shapes.join("\n")
}

#[test]
fn names_types_and_labels_are_karpenters() {
    insta::assert_snapshot!(shapes(&eventful().text()));
}

#[test]
fn gauges_of_what_is_gone_go() {
    let metrics = eventful();
    metrics.node_pool_gone("spot");
    metrics.planning_ended("provisioner", "plan-1");
    metrics.offerings([]);
    metrics.pending_pods_by_zone("provisioner", &BTreeMap::new());
    let text = metrics.text();
    for gone in [
        "karpenter_nodepools_allowed_disruptions",
        "karpenter_nodepools_cost_total",
        "karpenter_scheduler_queue_depth",
        "karpenter_scheduler_pending_pods_by_effective_zone_count",
        "karpenter_cloudprovider_instance_type_offering_price_estimate",
    ] {
        assert!(!text.contains(gone), "{gone}");
    }
    assert!(text.contains("karpenter_nodepools_cost_tracker_errors_total"));
}

/// Suffixes that Karpenter gave to families of other types.
const NAMED_AGAINST_THE_RULES: [&str; 2] = ["\"_count\" suffix", "\"_total\" suffix"];

/// promtool, of the Debian package prometheus, is asked where it is installed.
#[test]
fn promtool_finds_nothing_but_what_karpenter_named_against_its_rules() {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: promtool is not installed; to have it: apt install prometheus");
        return;
    };
    child.stdin.take().unwrap().write_all(eventful().text().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // 3 is what it says of names that are not to its taste; 1 would be text that it cannot read
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    for line in said.lines().filter(|line| !line.is_empty()) {
        assert!(NAMED_AGAINST_THE_RULES.iter().any(|rule| line.contains(rule)), "{line}");
    }
}
