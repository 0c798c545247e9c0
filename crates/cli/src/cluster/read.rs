//! From arguments to objects and a market.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use supercargo_api::{NodePool, Objects, workloads};
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, RealClock};
use supercargo_engine::market::Market;

use super::arguments::ClusterArguments;
use crate::console::Console;
use crate::exit::Failure;
use crate::figures::count;
use crate::input::{Gathered, gather};
use crate::progress::Progress;
use crate::{market, place};

/// What the input is for, in the words of its error messages.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// `a plan`.
    pub name: &'static str,
    /// What it needs at least.
    pub needs: &'static str,
}

/// A cluster, ready to be looked at.
#[derive(Debug)]
pub struct Cluster {
    /// Everything of the input, with the pods that workloads will make.
    pub objects: Objects,
    /// What can be bought.
    pub market: Market,
    /// What the user should be told about the input once the answer is there.
    pub remarks: Vec<String>,
}

/// Reads a cluster. Of its NodePools only those that are wanted stay; none wanted is all.
pub fn read(
    arguments: &ClusterArguments,
    wanted: &[String],
    purpose: Purpose,
    console: &Console,
    progress: &Progress,
) -> Result<Cluster, Failure> {
    let catalog = Catalog::embedded();
    progress.stage("reading the input");
    let Gathered { mut objects, unused } = gather(&arguments.files, console)?;
    if objects.is_empty() {
        return Err(nothing_there(&unused, purpose));
    }
    keep_node_pools(&mut objects, wanted)?;
    workloads::expand(&mut objects);
    check_somewhere_to_go(&objects)?;
    progress.stage("compiling the market");
    let place = place::decide(arguments.region.as_deref(), &arguments.zones, &objects, catalog)?;
    let prices = arguments.prices.as_ref().map(|path| market::read_prices(path, catalog)).transpose()?;
    let today = || RealClock::new().now().to_zoned(TimeZone::UTC).date();
    let prices = prices.as_ref().map(|prices| (prices, today()));
    let (market, warnings) =
        market::compile(&objects, &place, &arguments.capacity_settings(), prices, catalog)?;
    let mut remarks: Vec<String> = unused_remark(&unused).into_iter().collect();
    if place.assumed {
        remarks.push(format!("region {} is assumed; choose another with --region", place.region));
    }
    let warning = console.error_paint().warning("warning:");
    remarks.extend(warnings.into_iter().map(|said| format!("{warning} {said}")));
    Ok(Cluster { objects, market, remarks })
}

/// Says on stderr what there is to say about the input.
pub fn remark_upon(remarks: &[String], console: &Console) {
    for remark in remarks {
        console.note(remark);
    }
}

fn nothing_there(unused: &BTreeMap<String, usize>, purpose: Purpose) -> Failure {
    let problem = match unused.values().sum() {
        0 => "the input holds no objects".to_owned(),
        objects => {
            format!("none of the {} of the input matters to {}", count(objects, "object"), purpose.name)
        }
    };
    Failure::new(problem).with_help(format!("{} needs {}", purpose.name, purpose.needs))
}

/// `not used: 2 ConfigMap, 1 Service`, the most frequent first.
fn unused_remark(unused: &BTreeMap<String, usize>) -> Option<String> {
    let mut kinds: Vec<(&str, usize)> =
        unused.iter().map(|(name, number)| (name.rsplit('/').next().unwrap_or(name), *number)).collect();
    kinds.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    (!kinds.is_empty()).then(|| format!("not used: {}", kinds.join(", ")))
}

/// Leaves out the NodePools that were not asked for.
fn keep_node_pools(objects: &mut Objects, wanted: &[String]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let name = |pool: &NodePool| pool.metadata.name.clone().unwrap_or_default();
    let known: Vec<String> = objects.node_pools.iter().map(name).collect();
    let unknown: Vec<&str> = wanted.iter().filter(|pool| !known.contains(pool)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let help = match known.as_slice() {
            [] => "there is no NodePool in the input".to_owned(),
            known => format!("NodePools of the input: {}", known.join(", ")),
        };
        return Err(Failure::new(format!("no NodePool {} in the input", unknown.join(", "))).with_help(help));
    }
    objects.node_pools.retain(|pool| wanted.contains(&name(pool)));
    Ok(())
}

/// Pods need somewhere to go: a NodePool, or nodes.
fn check_somewhere_to_go(objects: &Objects) -> Result<(), Failure> {
    let waiting = objects.pods.iter().any(|pod| pod.node_name().is_none());
    if waiting && objects.node_pools.is_empty() && objects.nodes.is_empty() && objects.node_claims.is_empty()
    {
        return Err(Failure::new("there are pods to place, but no NodePool and no node to place them on").with_help(
            "add a NodePool and its EC2NodeClass to the input, for example -f examples/eks-production/node-pools.yaml",
        ));
    }
    Ok(())
}
