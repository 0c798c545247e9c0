//! The command from its arguments to its exit code.

use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::explain::{
    NodeExplanation, NodePoolExplanation, Place, PodExplanation, explain_node, explain_node_pool, explain_pod,
};
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::SolveOptions;

use super::arguments::{Arguments, Format, Subject};
use super::{live, names, node, node_pool, pod};
use crate::cluster::{self, Purpose};
use crate::console::{Console, Paint};
use crate::consolidate::moment;
use crate::documents;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;

const PURPOSE: Purpose = Purpose {
    name: "an explanation",
    needs: "the objects of a cluster; --help says how to take a dump of one",
};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Explained {
    /// Of a pod.
    Pod(Box<PodExplanation>),
    /// Of a node.
    Node(Box<NodeExplanation>),
    /// Of a NodePool.
    NodePool(Box<NodePoolExplanation>),
}

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    if let Some(address) = live::address(arguments) {
        return live::run(arguments, address, console);
    }
    let progress = Progress::new(console);
    let cluster = cluster::read(&arguments.cluster, &[], PURPOSE, console, &progress)?;
    progress.stage("looking at the cluster");
    let subject = arguments.subject;
    let name = names::full_name(subject, &arguments.name);
    let known = names::names(subject, &cluster.objects);
    let Some(position) = known.iter().position(|known| *known == name) else {
        return Err(names::unknown(subject, &arguments.name, &known));
    };
    let objects = &cluster.objects;
    let snapshot = Snapshot::build(objects, &cluster.market, &SnapshotOptions::default());
    let options = DisruptionOptions::at(moment(arguments.at, objects));
    let disruption = Disruption::build(objects, &snapshot, &options);
    let explained = match subject {
        Subject::Pod => explain_pod(objects, &snapshot, &disruption, position, SolveOptions::default())
            .map(|pod| Explained::Pod(Box::new(pod))),
        Subject::Node => {
            explain_node(objects, &snapshot, &disruption, &name).map(|node| Explained::Node(Box::new(node)))
        }
        Subject::NodePool => explain_node_pool(objects, &snapshot, &disruption, &name)
            .map(|pool| Explained::NodePool(Box::new(pool))),
    };
    drop(progress);
    let explained = explained.ok_or_else(|| names::unknown(subject, &arguments.name, &known))?;
    cluster::remark_upon(&cluster.remarks, console);
    console.data(&render(&explained, arguments.output, console.paint())?)?;
    let homeless = matches!(&explained, Explained::Pod(pod) if pod.place == Some(Place::None));
    Ok(if homeless { Exit::Incomplete } else { Exit::Success })
}

/// The explanation in the format asked for.
pub fn render(explained: &Explained, format: Format, paint: Paint) -> Result<String, Failure> {
    match (format, explained) {
        (Format::Json, Explained::Pod(pod)) => documents::json(pod),
        (Format::Json, Explained::Node(node)) => documents::json(node),
        (Format::Json, Explained::NodePool(pool)) => documents::json(pool),
        (Format::Yaml, Explained::Pod(pod)) => documents::yaml(pod),
        (Format::Yaml, Explained::Node(node)) => documents::yaml(node),
        (Format::Yaml, Explained::NodePool(pool)) => documents::yaml(pool),
        (Format::Text, Explained::Pod(pod)) => Ok(pod::text(pod, paint)),
        (Format::Text, Explained::Node(node)) => Ok(node::text(node, paint)),
        (Format::Text, Explained::NodePool(pool)) => Ok(node_pool::text(pool, paint)),
    }
}
