//! Machines come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Taint};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use supercargo_local::{MACHINE_ANNOTATION, NewNode, new_node};

use super::arguments::{AddNode, RemoveNode};
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Adds machines and prints the names of their nodes.
pub(super) async fn add(arguments: &AddNode, client: Client, console: &Console) -> Result<Exit, Failure> {
    let labels = labels(&arguments.labels)?;
    let taints = arguments.taints.iter().map(|text| taint(text)).collect::<Result<Vec<_>, _>>()?;
    let nodes: Api<Node> = Api::all(client);
    let known = nodes.list_metadata(&ListParams::default()).await.map_err(failure)?;
    let mut taken: BTreeSet<String> = known.items.into_iter().filter_map(|node| node.metadata.name).collect();
    let mut added = String::new();
    for _ in 0..arguments.count {
        let name = arguments.name.clone().unwrap_or_else(|| free_name(&taken));
        let node = new_node(&NewNode {
            name: name.clone(),
            instance_type: arguments.instance_type.clone(),
            zone: arguments.zone.clone(),
            capacity_type: arguments.capacity_type.clone(),
            labels: labels.clone(),
            taints: taints.clone(),
            boot: Duration::from_secs(arguments.boot_seconds.into()),
        })
        .map_err(|error| Failure::new(error.to_string()))?;
        nodes.create(&PostParams::default(), &node).await.map_err(failure)?;
        added.push_str(&format!("node/{name} added\n"));
        taken.insert(name);
    }
    console.data(&added)?;
    Ok(Exit::Success)
}

/// Removes machines with their nodes. Nodes that are no simulated machines are left alone.
pub(super) async fn remove(
    arguments: &RemoveNode,
    client: Client,
    console: &Console,
) -> Result<Exit, Failure> {
    let nodes: Api<Node> = Api::all(client);
    for name in &arguments.names {
        let node = nodes.get(name).await.map_err(failure)?;
        let simulated =
            node.metadata.annotations.is_some_and(|annotations| annotations.contains_key(MACHINE_ANNOTATION));
        if !simulated {
            return Err(Failure::new(format!("node {name} was not added with supercargo local add-node"))
                .with_help("nodes of instances go when their instances do"));
        }
        nodes.delete(name, &DeleteParams::default()).await.map_err(failure)?;
        console.data(&format!("node/{name} removed\n"))?;
    }
    Ok(Exit::Success)
}

fn free_name(taken: &BTreeSet<String>) -> String {
    let mut number = taken.len();
    loop {
        number += 1;
        let name = format!("node-{number}");
        if !taken.contains(&name) {
            return name;
        }
    }
}

fn labels(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let label = |text: &String| {
        let (key, value) = text.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    texts
        .iter()
        .map(|text| label(text).ok_or_else(|| Failure::new(format!("{text:?} is no label; write KEY=VALUE"))))
        .collect()
}

fn taint(text: &str) -> Result<Taint, Failure> {
    let wrong = || {
        let problem = format!("{text:?} is no taint");
        Failure::new(problem).with_help(
            "write KEY=VALUE:EFFECT or KEY:EFFECT; effects are NoSchedule, PreferNoSchedule and NoExecute",
        )
    };
    let (named, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(wrong());
    }
    let (key, value) = match named.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (named, None),
    };
    Ok(Taint { key: key.to_owned(), value, effect: effect.to_owned(), time_added: None })
}

fn failure(error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => Failure::new(status.message.clone()),
        other => Failure::new(format!("the cluster does not answer: {other}"))
            .with_help("is it up? supercargo up starts one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read_as_kubectl_reads_them() {
        let spot = taint("spot=true:NoSchedule").unwrap();
        assert_eq!(
            (spot.key.as_str(), spot.value.as_deref(), spot.effect.as_str()),
            ("spot", Some("true"), "NoSchedule")
        );
        assert_eq!(taint("gpu:NoExecute").unwrap().value, None);
        assert!(taint("gpu").is_err());
        assert!(taint("gpu:Never").is_err());
    }

    #[test]
    fn nodes_are_numbered_where_numbers_are_free() {
        let taken = BTreeSet::from(["node-2".to_owned()]);
        assert_eq!(free_name(&taken), "node-3");
        assert_eq!(free_name(&BTreeSet::new()), "node-1");
    }
}
