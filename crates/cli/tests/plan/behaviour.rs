//! What the options do, where the words go, and how the program ends.

use std::io::Read;
use std::process::Stdio;

use rstest::rstest;
use supercargo_engine::plan::Plan;

use crate::program::{Said, folder, input, plan, plan_at_root, plan_of, root, supercargo};

const EXAMPLE: &str = "examples/eks-production";

fn json(arguments: &[&str]) -> Said {
    plan(&[arguments, &["-o", "json"]].concat())
}

fn example_plan(arguments: &[&str]) -> Plan {
    plan_at_root(&[&["-f", EXAMPLE, "-o", "json"], arguments].concat()).plan()
}

#[test]
fn exit_code_is_0_when_all_pods_are_placed_and_1_when_some_are_not() {
    assert_eq!(plan_at_root(&["-f", EXAMPLE]).code, 0);
    let said = json(&["-f", "cluster.yaml"]);
    assert_eq!(said.code, 1);
    let plan = said.plan();
    assert_eq!(plan.unschedulable.len(), 1);
    assert_eq!(plan.unschedulable[0].pods, ["shop/too-large"]);
}

#[test]
fn existing_nodes_are_filled_before_new_ones_are_bought() {
    let plan = json(&["-f", "cluster.yaml"]).plan();
    assert_eq!(plan.summary.existing_nodes, 2);
    assert_eq!(plan.summary.pods_on_existing_nodes, 3, "five replicas, one is bound, three fit beside it");
    assert_eq!(plan.summary.pods_on_new_nodes, 1);
}

#[test]
fn all_pods_plans_as_if_there_were_no_nodes() {
    let plan = json(&["-f", "cluster.yaml", "--all-pods"]).plan();
    assert_eq!(plan.summary.existing_nodes, 0);
    assert!(plan.placements.is_empty());
    assert_eq!(plan.summary.pods_on_new_nodes, 5);
}

#[test]
fn the_region_is_told_by_the_nodes_and_may_be_chosen() {
    let said = json(&["-f", "cluster.yaml"]);
    assert_eq!(said.plan().summary.region.as_deref(), Some("us-east-1"));
    assert!(!said.stderr.contains("assumed"), "{}", said.stderr);
    let abroad = example_plan(&["--region", "eu-west-1"]);
    assert_eq!(abroad.summary.region.as_deref(), Some("eu-west-1"));
    assert_eq!(abroad.summary.new_nodes, 0, "the NodePools of the example ask for zones of us-east-1");
}

#[test]
fn a_region_that_nothing_tells_is_assumed_aloud() {
    let zones = "        - key: topology.kubernetes.io/zone\n          operator: In\n          \
                 values: [us-east-1a, us-east-1b, us-east-1c]\n";
    let text = three_pods_pool().replace(zones, "");
    assert!(!text.contains("us-east-1"));
    let said = plan_of(&text, &["-f", "-"]);
    assert_eq!(said.stderr, "region us-east-1 is assumed; choose another with --region\n");
    assert_eq!(said.stdout, "No pods to place.\n");
}

#[test]
fn a_node_class_without_types_is_remarked_upon() {
    let said = plan(&["-f", "cluster.yaml", "--region", "eu-west-1"]);
    let remark = "warning: EC2NodeClass default has no instance types in eu-west-1: \
                  its subnets are in us-east-1a, us-east-1b\n";
    assert_eq!((said.code, said.stderr), (1, format!("not used: 1 ConfigMap\n{remark}")));
}

#[test]
fn zones_restrict_where_nodes_are_bought() {
    let plan = json(&["-f", "cluster.yaml", "--zones", "us-east-1b", "--all-pods"]).plan();
    assert!(!plan.nodes.is_empty());
    assert!(plan.nodes.iter().all(|node| node.zones == ["us-east-1b"]), "{plan:?}");
}

#[test]
fn a_node_pool_can_be_left_out() {
    let plan = example_plan(&["--nodepool", "general-purpose"]);
    assert!(plan.nodes.iter().all(|node| node.node_pool == "general-purpose"));
    let homeless: Vec<&str> =
        plan.unschedulable.iter().flat_map(|class| &class.pods).map(String::as_str).collect();
    assert_eq!(homeless.len(), 20, "batch work asks for spot: {homeless:?}");
    assert!(homeless.iter().all(|pod| pod.starts_with("batch/")));
}

#[test]
fn prices_of_the_user_decide_and_are_marked() {
    let folder = folder("prices");
    let file = folder.join("prices.yaml");
    std::fs::write(
        &file,
        "- {instanceType: m7i.xlarge, capacityType: on-demand, price: 0.001, date: 2026-11-20}\n",
    )
    .unwrap();
    let plan = json(&["-f", "cluster.yaml", "--all-pods", "--prices", file.to_str().unwrap()]).plan();
    assert!(plan.nodes.iter().all(|node| node.instance_type == "m7i.xlarge"), "{plan:?}");
    let stamps: Vec<String> = plan.summary.prices.iter().map(ToString::to_string).collect();
    assert_eq!(stamps, ["live 2026-11-20"]);
}

/// Two pods that would rather not share a node, on a NodePool that has room for both on one.
const RATHER_APART: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: shy}
spec:
  replicas: 2
  selector: {matchLabels: {app: shy}}
  template:
    metadata: {labels: {app: shy}}
    spec:
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 1
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector: {matchLabels: {app: shy}}
      containers:
        - {name: app, image: busybox, resources: {requests: {cpu: 100m, memory: 64Mi}}}
"#;

fn three_pods_pool() -> String {
    std::fs::read_to_string(root().join("examples/three-pods/node-pool.yaml")).unwrap()
}

#[rstest]
#[case::by_default(&[], None, 2)]
#[case::by_argument(&["--preference-policy", "ignore"], None, 1)]
#[case::by_environment(&[], Some("Ignore"), 1)]
#[case::the_argument_wins(&["--preference-policy", "Respect"], Some("Ignore"), 2)]
fn preferences_are_respected_or_ignored(
    #[case] arguments: &[&str],
    #[case] variable: Option<&str>,
    #[case] nodes: usize,
) {
    let folder = folder(&format!("preferences-{}-{nodes}-{}", arguments.len(), variable.is_some()));
    std::fs::write(folder.join("all.yaml"), format!("{}---{RATHER_APART}", three_pods_pool())).unwrap();
    let mut command = supercargo(&folder);
    command.args(["plan", "-f", "all.yaml", "-o", "json"]).args(arguments);
    if let Some(variable) = variable {
        command.env("PREFERENCE_POLICY", variable);
    }
    let plan: Plan = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(plan.nodes.len(), nodes);
}

#[rstest]
#[case::strict(&[], 1, 0)]
#[case::best_effort(&["--min-values-policy", "best-effort"], 0, 1)]
#[case::as_karpenter_spells_it(&["--min-values-policy", "BestEffort"], 0, 1)]
fn min_values_are_kept_or_relaxed(#[case] arguments: &[&str], #[case] code: i32, #[case] nodes: usize) {
    let pool = three_pods_pool().replace(
        "        - key: karpenter.k8s.aws/instance-size\n          operator: In\n          values: [large, xlarge, 2xlarge]",
        "        - key: node.kubernetes.io/instance-type\n          operator: Exists\n          minValues: 50\n        \
         - key: karpenter.k8s.aws/instance-family\n          operator: In\n          values: [m7i, c7i]",
    );
    assert!(pool.contains("minValues"));
    let text = format!("{pool}---{}", RATHER_APART.replace("replicas: 2", "replicas: 1"));
    let said = plan_of(&text, &[&["-f", "-", "-o", "json"], arguments].concat());
    assert_eq!(said.code, code, "{}", said.whole());
    let plan = said.plan();
    assert_eq!(plan.nodes.len(), nodes);
    assert!(plan.nodes.iter().all(|node| node.min_values_relaxed));
}

#[test]
fn a_list_from_kubectl_is_read_like_the_files_it_holds() {
    let folder = folder("list");
    let mut items = Vec::new();
    for file in ["node-pool.yaml", "pods.yaml"] {
        let text = std::fs::read_to_string(root().join("examples/three-pods").join(file)).unwrap();
        for document in text.split("\n---\n") {
            items.push(serde_saphyr::from_str::<serde_json::Value>(document).unwrap());
        }
    }
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
    std::fs::write(folder.join("dump.json"), list.to_string()).unwrap();
    let of_list = plan(&["-f", folder.join("dump.json").to_str().unwrap()]);
    let of_files = plan_at_root(&["-f", "examples/three-pods"]);
    assert_eq!(of_list.stdout, of_files.stdout);
    assert_eq!(plan_of(&list.to_string(), &["-f", "-"]).stdout, of_files.stdout);
}

#[test]
fn the_same_input_always_gives_the_same_bytes() {
    for format in ["table", "wide", "json", "yaml"] {
        let arguments = ["-f", EXAMPLE, "-o", format, "--explain"];
        assert_eq!(plan_at_root(&arguments).whole(), plan_at_root(&arguments).whole());
    }
}

#[test]
fn kinds_that_do_not_matter_are_counted_in_one_line_on_stderr() {
    let said = plan_at_root(&["-f", EXAMPLE]);
    assert_eq!(said.stderr, "not used: 2 Service\n");
    let quiet = plan_at_root(&["-f", EXAMPLE, "--quiet"]);
    assert_eq!((quiet.stderr.as_str(), quiet.stdout), ("", said.stdout));
}

#[test]
fn yaml_and_json_hold_the_same_plan() {
    let yaml = plan_at_root(&["-f", EXAMPLE, "-o", "yaml"]).stdout;
    assert_eq!(serde_saphyr::from_str::<Plan>(&yaml).unwrap(), example_plan(&[]));
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    assert!(!plan_at_root(&["-f", EXAMPLE]).stdout.contains('\u{1b}'));
    assert!(plan_at_root(&["-f", EXAMPLE, "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = supercargo(&root())
        .args(["plan", "-f", EXAMPLE, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert_eq!(stderr, "not used: 2 Service\n");
}

#[rstest]
#[case::of_the_program(&["--help"], "program")]
#[case::short(&["plan", "-h"], "plan_short")]
#[case::long(&["plan", "--help"], "plan_long")]
#[case::of_consolidate(&["consolidate", "-h"], "consolidate_short")]
#[case::of_consolidate_long(&["consolidate", "--help"], "consolidate_long")]
#[case::of_explain(&["explain", "-h"], "explain_short")]
#[case::of_explain_long(&["explain", "--help"], "explain_long")]
#[case::of_generate(&["generate", "cluster", "--help"], "generate_cluster")]
fn help_is_as_it_should_be(#[case] arguments: &[&str], #[case] name: &str) {
    let output = supercargo(&input()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(format!("help_{name}"), String::from_utf8(output.stdout).unwrap());
}

#[test]
fn version_is_the_packages() {
    let output = supercargo(&input()).arg("--version").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("supercargo {}\n", env!("CARGO_PKG_VERSION"))
    );
}
