//! What the crate promises: valid, deterministic, placed as the scheduler places, as large as asked for.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails the test")]

use std::collections::BTreeMap;

use rstest::rstest;
use supercargo_api::Objects;
use supercargo_api::manifest::{SourceFile, read};
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_generate::{ClusterOptions, cluster, market, write_json, write_yaml};

fn options(nodes: u32, seed: u64, churn: f64) -> ClusterOptions {
    ClusterOptions { nodes, seed, churn, ..ClusterOptions::default() }
}

fn json(objects: &Objects) -> Vec<u8> {
    let mut text = Vec::new();
    write_json(objects, &mut text).unwrap();
    text
}

fn yaml(objects: &Objects) -> Vec<u8> {
    let mut text = Vec::new();
    write_yaml(objects, &mut text).unwrap();
    text
}

#[rstest]
#[case::json(json)]
#[case::yaml(yaml)]
fn what_is_written_reads_without_a_word_and_as_the_same(#[case] write: fn(&Objects) -> Vec<u8>) {
    let made = cluster(&ClusterOptions { gpu: true, pools: 12, ..options(14, 3, 0.3) }).unwrap();
    let reread = |objects: &Objects| {
        let file = SourceFile::from_bytes("dump", write(objects)).unwrap();
        let (read, problems, unused) = read(&[file]);
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(unused, BTreeMap::new());
        read
    };
    // What decides nothing is left out when a dump is read, so the second reading is compared with the first.
    let once = reread(&made);
    assert!(once == reread(&once));
    let metadata =
        |objects: &Objects| -> Vec<_> { objects.pods.iter().map(|pod| pod.metadata.clone()).collect() };
    assert!(metadata(&once) == metadata(&made));
    assert!(once.nodes == made.nodes && once.node_claims == made.node_claims);
    assert!(once.persistent_volumes == made.persistent_volumes);
}

#[test]
fn nothing_is_missing_that_controllers_would_make() {
    let made = cluster(&options(12, 5, 0.5)).unwrap();
    let mut expanded = made.clone();
    supercargo_api::workloads::expand(&mut expanded);
    let names = |objects: &Objects| -> Vec<String> {
        objects.pods.iter().filter_map(|pod| pod.metadata.name.clone()).collect()
    };
    assert_eq!(names(&expanded), names(&made));
    assert_eq!(expanded.persistent_volume_claims, made.persistent_volume_claims);
}

#[test]
fn the_same_options_give_the_same_bytes_and_another_seed_does_not() {
    let first = json(&cluster(&options(9, 1, 0.4)).unwrap());
    assert!(first == json(&cluster(&options(9, 1, 0.4)).unwrap()));
    assert!(first != json(&cluster(&options(9, 2, 0.4)).unwrap()));
}

#[rstest]
#[case::one(1, 0.0, 1, "us-east-1")]
#[case::a_few(4, 0.5, 3, "eu-central-1")]
#[case::some(40, 0.3, 5, "us-west-2")]
#[case::many_pools(60, 0.7, 20, "us-east-1")]
fn there_are_as_many_nodes_as_asked_for_and_every_pod_runs_on_one(
    #[case] nodes: u32,
    #[case] churn: f64,
    #[case] pools: u32,
    #[case] region: &str,
) {
    let options = ClusterOptions { pools, region: region.to_owned(), ..options(nodes, 11, churn) };
    let made = cluster(&options).unwrap();
    assert_eq!(made.nodes.len(), nodes as usize);
    assert_eq!(made.node_pools.len(), pools as usize);
    let market = market(&made, region).unwrap();
    let snapshot = Snapshot::build(&made, &market, &SnapshotOptions::default());
    assert_eq!(snapshot.pending, Vec::<u32>::new());
    assert_eq!(snapshot.ignored, Vec::new());
    assert_eq!(snapshot.problems, Vec::new());
    assert_eq!(snapshot.rooms.len(), nodes as usize);
    for room in &snapshot.rooms {
        let overdrawn = (0..snapshot.names.len()).find(|place| room.free[*place] < 0);
        assert_eq!(overdrawn, None, "{} is overdrawn", room.name);
    }
}

#[test]
fn churn_takes_its_share_unevenly() {
    let pods = |objects: &Objects| {
        let mut pods: BTreeMap<String, usize> = BTreeMap::new();
        for pod in &objects.pods {
            let owner = &pod.metadata.owner_references.as_ref().unwrap()[0];
            if owner.kind != "DaemonSet" && pod.metadata.namespace.as_deref() != Some("kube-system") {
                *pods.entry(owner.uid.clone()).or_default() += 1;
            }
        }
        pods
    };
    let whole = pods(&cluster(&options(40, 8, 0.0)).unwrap());
    let left = pods(&cluster(&options(40, 8, 0.5)).unwrap());
    let (before, after) = (whole.values().sum::<usize>() as f64, left.values().sum::<usize>() as f64);
    assert!((0.46..0.54).contains(&(after / before)), "{after} of {before} pods are left");
    let share = |owner: &String| *left.get(owner).unwrap_or(&0) as f64 / whole[owner] as f64;
    assert!(whole.keys().any(|owner| whole[owner] > 4 && share(owner) == 1.0), "some are untouched");
    assert!(whole.keys().any(|owner| whole[owner] > 4 && share(owner) < 0.25), "some lost nearly all");
}

#[test]
fn without_obstacles_and_budgets_nothing_is_in_the_way() {
    let made = cluster(&ClusterOptions { obstacles: false, pdbs: false, ..options(12, 4, 0.4) }).unwrap();
    assert!(made.pod_disruption_budgets.is_empty());
    let annotated = |annotations: &Option<BTreeMap<String, String>>| {
        annotations.iter().flatten().any(|(key, _)| key == "karpenter.sh/do-not-disrupt")
    };
    assert!(!made.pods.iter().any(|pod| annotated(&pod.metadata.annotations)));
    assert!(!made.nodes.iter().any(|node| annotated(&node.metadata.annotations)));
    assert_eq!(made.nodes.len(), made.node_claims.len());
}
