//! Every example is read, planned, and comes to what it is there to show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use supercargo_engine::plan::{Node, Plan};

use crate::program::{plan_at_root, root};

fn plan_of_example(name: &str) -> Plan {
    let said = plan_at_root(&["-f", &format!("examples/{name}"), "-o", "json"]);
    assert_eq!(said.code, 0, "{}", said.whole());
    said.plan()
}

fn sorted(folder: PathBuf) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_example_places_all_its_pods() {
    let mut folders = 0;
    for folder in sorted(root().join("examples")).iter().filter(|path| path.is_dir()) {
        let said = plan_at_root(&["-f", text(folder), "-o", "json"]);
        assert_eq!(said.code, 0, "{}: {}", folder.display(), said.whole());
        let pods = said.plan().summary.pods_on_new_nodes;
        // in the fragmented cluster all pods have their place
        assert_eq!(pods > 0, !folder.ends_with("fragmented"), "{}", folder.display());
        folders += 1;
    }
    assert!(folders >= 5);
}

#[test]
fn every_file_of_an_example_can_be_planned_with_the_node_pools_of_its_folder() {
    let mut files = 0;
    for folder in sorted(root().join("examples")).iter().filter(|path| path.is_dir()) {
        let inside = sorted(folder.clone());
        let is_pool = |path: &PathBuf| text(path).contains("node-pool");
        // a dump has everything in one file
        let pools = inside.iter().find(|path| is_pool(path)).unwrap_or(&inside[0]);
        for file in &inside {
            let said = plan_at_root(&["-f", text(pools), "-f", text(file)]);
            assert_eq!(said.code, 0, "{}: {}", file.display(), said.whole());
            files += 1;
        }
    }
    assert!(files >= 10);
}

#[test]
fn in_production_batch_work_runs_on_spot_and_services_on_demand() {
    let plan = plan_of_example("eks-production");
    let pods = |pool: &str, start: &str| -> usize {
        let nodes = plan.nodes.iter().filter(|node| node.node_pool == pool);
        nodes.flat_map(|node| &node.pods).filter(|pod| pod.starts_with(start)).count()
    };
    assert_eq!(pods("spot-batch", "batch/video-encode-batch"), 10, "ten of the fifty at a time");
    assert_eq!(pods("spot-batch", "batch/batch-processor"), 10);
    assert_eq!(pods("general-purpose", "payments/"), 6);
    assert_eq!(pods("general-purpose", "search/"), 11);
    assert_eq!(plan.summary.pods_on_new_nodes, 37);
    for node in &plan.nodes {
        let expected = if node.node_pool == "spot-batch" { "spot" } else { "on-demand" };
        assert_eq!(node.capacity_type, expected);
        assert_eq!(node.daemon_sets["cpu"], "100m", "the node agent has its room");
    }
}

#[test]
fn in_production_payments_are_spread_over_zones_and_index_shards_over_nodes() {
    let plan = plan_of_example("eks-production");
    let count = |start: &str, domain: &dyn Fn(&Node) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for node in &plan.nodes {
            let pods = node.pods.iter().filter(|pod| pod.starts_with(start)).count();
            if pods > 0 {
                *counts.entry(domain(node)).or_default() += pods;
            }
        }
        counts
    };
    let zones = count("payments/", &|node| node.zone.clone());
    assert_eq!(zones.values().copied().collect::<Vec<_>>(), [2, 2, 2], "{zones:?}");
    let nodes = count("search/search-index", &|node| node.name.clone());
    assert_eq!(nodes.values().copied().collect::<Vec<_>>(), [1, 1, 1], "{nodes:?}");
}

#[test]
fn the_fallback_buys_spot_up_to_its_limit_and_the_rest_on_demand() {
    let plan = plan_of_example("spot-fallback");
    let pools: BTreeSet<&str> = plan.nodes.iter().map(|node| node.node_pool.as_str()).collect();
    assert_eq!(pools.into_iter().collect::<Vec<_>>(), ["compute-ondemand", "compute-spot"]);
    let catalog = supercargo_catalog::Catalog::embedded();
    let of_spot = plan.nodes.iter().filter(|node| node.node_pool == "compute-spot");
    // the limit holds whichever of the types that would do is launched
    let vcpus: u32 = of_spot
        .map(|node| {
            let types = node.instance_types.iter();
            types.map(|choice| catalog.facts(&choice.instance_type).unwrap().vcpus).max().unwrap()
        })
        .sum();
    assert!(vcpus <= 48, "{vcpus} vcpus on spot");
    for node in plan.nodes.iter().filter(|node| node.node_pool == "compute-spot") {
        assert!(node.instance_types.len() >= 15, "minValues holds for {}", node.name);
    }
}
