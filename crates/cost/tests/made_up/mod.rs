//! Made-up clusters: four hours of two clusters, everything chosen by a seed.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;
use std::sync::Arc;

use supercargo_catalog::Catalog;
use supercargo_clock::Randomness;
use supercargo_cost::facts::{
    Amount, BalancerFact, BalancerUse, ContainerFact, GIB, HourFacts, ManagementFact, NetworkBytes, NodeFact,
    NodeHardware, VolumeFact, sweep,
};
use supercargo_cost::workload::Labels;
use supercargo_cost::{Interval, Ledger, PriceBook, Store, Workload};

pub const CLUSTERS: [&str; 2] = ["east", "west"];
const NAMESPACES: [&str; 4] = ["batch", "kube-system", "search", "shop"];
const TEAMS: [&str; 3] = ["media", "payments", "platform"];
const TYPES: [(&str, u64, u64, u64); 4] =
    [("m5.large", 2, 8, 0), ("c5.2xlarge", 8, 16, 0), ("r5.xlarge", 4, 32, 0), ("g4dn.xlarge", 4, 16, 1)];

pub fn hours() -> Vec<i64> {
    vec![0, 3_600, 7_200, 10_800]
}

pub fn prices() -> PriceBook {
    static BOOK: std::sync::OnceLock<PriceBook> = std::sync::OnceLock::new();
    BOOK.get_or_init(|| PriceBook::of_region(Catalog::embedded(), "us-east-1")).clone()
}

pub fn ledger(seed: u64) -> Ledger {
    let mut ledger = Ledger::new(prices());
    for hour in hours() {
        for cluster in CLUSTERS {
            ledger.insert(facts(seed, cluster, hour));
        }
    }
    ledger
}

/// The same ledger, told backwards, everything twice.
pub fn turned_ledger(seed: u64) -> Ledger {
    let mut ledger = Ledger::new(prices());
    for hour in hours().into_iter().rev() {
        for cluster in CLUSTERS.into_iter().rev() {
            let mut facts = facts(seed, cluster, hour);
            facts.containers.reverse();
            facts.nodes.reverse();
            facts.volumes.reverse();
            facts.balancers.reverse();
            ledger.insert(facts.clone());
            ledger.insert(facts);
        }
    }
    ledger
}

/// The same, in files.
pub fn store(directory: &Path, seed: u64) -> Store {
    let store = Store::open(directory).unwrap();
    for hour in hours() {
        for cluster in CLUSTERS {
            store.commit(&facts(seed, cluster, hour)).unwrap();
        }
    }
    store
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Arc::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

fn below(random: &mut Randomness, limit: u64) -> u64 {
    random.below(limit)
}

fn inside(random: &mut Randomness, hour: i64) -> Interval {
    let start = hour + below(random, 3_000) as i64;
    Interval::new(start, (start + 60 + below(random, 3_600) as i64).min(hour + 3_600))
}

pub fn facts(seed: u64, cluster: &str, hour: i64) -> HourFacts {
    let salt = hour as u64 * 31 + cluster.len() as u64 * 7 + u64::from(cluster.as_bytes()[0]);
    let mut random = Randomness::from_seed(seed ^ salt);
    let random = &mut random;
    let mut facts = HourFacts::new(cluster, hour);
    for index in 0..1 + below(random, 3) {
        let (kind, cores, gib, gpus) = TYPES[below(random, 4) as usize];
        let capacity =
            NodeHardware { millicores: cores * 1_000, ram_bytes: gib * GIB, milli_gpus: gpus * 1_000 };
        facts.nodes.push(NodeFact {
            name: format!("node-{index}").into(),
            interval: if below(random, 3) == 0 { inside(random, hour) } else { Interval::hour(hour) },
            provider_id: format!("aws:///us-east-1a/i-{cluster}{index}").into(),
            instance_type: if below(random, 8) == 0 { "unheard.of".into() } else { kind.into() },
            region: "us-east-1".into(),
            zone: "us-east-1a".into(),
            arch: "amd64".into(),
            pool: "general".into(),
            spot: below(random, 2) == 0,
            capacity,
            allocatable: NodeHardware {
                millicores: capacity.millicores - 80,
                ram_bytes: capacity.ram_bytes - GIB,
                milli_gpus: capacity.milli_gpus,
            },
        });
    }
    for index in 0..below(random, 8) {
        let namespace = NAMESPACES[below(random, 4) as usize];
        let team = TEAMS[below(random, 3) as usize];
        let interval = inside(random, hour);
        let node = format!("node-{}", below(random, 4));
        let workload = Arc::new(Workload {
            cluster: cluster.into(),
            node: node.as_str().into(),
            namespace: namespace.into(),
            pod: format!("pod-{}", index / 2).into(),
            pod_uid: format!("uid-{index}").into(),
            container: if index % 2 == 0 { "main".into() } else { "side".into() },
            controller_kind: "deployment".into(),
            controller: format!("app-{namespace}").into(),
            labels: if index % 3 == 0 { Labels::default() } else { labels(&[("team", team)]) },
            namespace_labels: labels(&[("cost-center", "cc-1")]),
            services: if index % 2 == 0 { vec!["front".into()] } else { Vec::new() },
            ..Workload::default()
        });
        let seconds = interval.seconds();
        let amount = |random: &mut Randomness, unit: u64| {
            let (requested, used) =
                (below(random, 4_000) * unit * seconds, below(random, 4_000) * unit * seconds);
            Amount { requested, used, charged: requested.max(used) + below(random, 100) * unit }
        };
        facts.containers.push(ContainerFact {
            workload,
            interval,
            cpu: amount(random, 1_000),
            ram: amount(random, 4 << 20),
            gpu: if index == 0 {
                Amount { requested: 1_000 * seconds, used: 0, charged: 1_000 * seconds }
            } else {
                Amount::default()
            },
            cpu_peak: 4_000_000,
            ram_peak: GIB,
            measured: seconds,
            network: (index % 2 == 0).then(|| NetworkBytes {
                transmitted: below(random, 1 << 40),
                received: below(random, 1 << 40),
                zone: below(random, 1 << 38),
                region: below(random, 1 << 30),
                internet: below(random, 1 << 38),
            }),
            ..ContainerFact::default()
        });
    }
    let users: Vec<_> =
        facts.containers.iter().take(3).map(|fact| (Arc::clone(&fact.workload), fact.interval)).collect();
    for (index, users) in [&users[..], &[]].into_iter().enumerate() {
        let bytes = (1 + below(random, 500)) * GIB;
        facts.volumes.push(VolumeFact {
            name: format!("pv-{index}").into(),
            interval: Interval::hour(hour),
            bytes,
            volume_type: if index == 0 { "gp3".into() } else { "nonsense".into() },
            storage_class: "standard-class".into(),
            claim_namespace: if index == 0 { "shop".into() } else { "".into() },
            claim: "data".into(),
            uses: sweep(bytes, Interval::hour(hour), users),
            ..VolumeFact::default()
        });
        facts.balancers.push(BalancerFact {
            namespace: "shop".into(),
            service: format!("front-{index}").into(),
            interval: Interval::hour(hour),
            address: format!("lb-{index}.example.com").into(),
            private: index == 1,
            uses: users
                .iter()
                .map(|(workload, had)| BalancerUse { workload: Arc::clone(workload), seconds: had.seconds() })
                .collect(),
        });
    }
    facts.management = Some(ManagementFact { provisioner: "EKS".into(), interval: Interval::hour(hour) });
    facts
}
