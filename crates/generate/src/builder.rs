//! The cluster while it is made up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::Objects;
use supercargo_catalog::Catalog;
use supercargo_clock::Randomness;
use supercargo_engine::market::Market;

use crate::cluster::market;
use crate::daemons::{Daemon, daemons};
use crate::metadata::before;
use crate::node_pools::{Plan, node_class, node_pool, plans};
use crate::options::{ClusterOptions, GenerateError};
use crate::workload::Workload;

/// In place of a workload: the pod belongs to a DaemonSet.
pub(crate) const DAEMON: u32 = u32::MAX;

/// What is known of a node beside its object.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// When it was launched.
    pub(crate) born: Timestamp,
    /// When a pod last came or went.
    pub(crate) last_event: Timestamp,
    pub(crate) zone: String,
}

/// The cluster while it is made up.
pub(crate) struct Builder<'o> {
    pub(crate) options: &'o ClusterOptions,
    pub(crate) plans: Vec<Plan>,
    pub(crate) market: Market,
    pub(crate) objects: Objects,
    /// The workload of each pod, by index, or [`DAEMON`].
    pub(crate) owners: Vec<u32>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) daemons: Vec<Daemon>,
    /// By name of the node.
    pub(crate) sites: BTreeMap<String, Site>,
    /// What sizes of pods are multiplied by, so that as many fit on a node as shall.
    pub(crate) scale: f64,
    /// Names of workloads that are taken.
    pub(crate) taken: BTreeSet<String>,
    /// The moment that is being made up.
    pub(crate) now: Timestamp,
    /// What workloads are like.
    pub(crate) drawing: Randomness,
    /// Names and identifiers.
    pub(crate) naming: Randomness,
    /// How many nodes were ever bought.
    pub(crate) bought: u64,
    /// Everything else that happens.
    pub(crate) events: Randomness,
}

impl Builder<'_> {
    /// An empty cluster with its NodePools.
    pub(crate) fn new<'o>(
        options: &'o ClusterOptions,
        catalog: &Catalog,
    ) -> Result<Builder<'o>, GenerateError> {
        options.check(catalog)?;
        let seed = Randomness::from_seed(options.seed);
        let mut naming = seed.fork("names");
        let plans = plans(options);
        let pools = plans.iter().map(|plan| node_pool(plan, options, &mut naming));
        let node_pools = pools.collect::<Result<Vec<_>, _>>()?;
        let node_classes = vec![node_class(options, catalog, &mut naming)?];
        let mut objects = Objects { node_pools, node_classes, ..Objects::default() };
        let market = market(&objects, &options.region)?;
        let daemons = daemons(options.gpu, &mut naming)?;
        let mut builder = Builder {
            options,
            plans,
            market,
            objects: Objects::default(),
            owners: Vec::new(),
            workloads: Vec::new(),
            daemons,
            sites: BTreeMap::new(),
            scale: 1.0,
            taken: BTreeSet::new(),
            now: before(options.at, 7 * 86_400),
            drawing: seed.fork("workloads"),
            naming,
            bought: 0,
            events: seed.fork("events"),
        };
        objects.daemon_sets = builder.daemon_sets()?;
        builder.objects = objects;
        builder.found()?;
        Ok(builder)
    }

    /// Takes away the pods that are not kept.
    pub(crate) fn keep_pods(&mut self, keep: &[bool]) {
        let mut flags = keep.iter();
        self.objects.pods.retain(|_| flags.next().copied().unwrap_or(true));
        let mut flags = keep.iter();
        self.owners.retain(|_| flags.next().copied().unwrap_or(true));
    }

    /// The pods of each workload, by index.
    pub(crate) fn pods_by_workload(&self) -> Vec<Vec<usize>> {
        let mut pods = vec![Vec::new(); self.workloads.len()];
        for (index, owner) in self.owners.iter().enumerate().filter(|(_, owner)| **owner != DAEMON) {
            pods[*owner as usize].push(index);
        }
        pods
    }
}
