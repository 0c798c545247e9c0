//! kube-rs as a witness, in process and in virtual time.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use rstest::rstest;
use serde_json::json;

use crate::cluster::Cluster;

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"k": "v"}})).unwrap()
}

#[rstest]
#[case::lists_and_watches(watcher::Config::default())]
#[case::streams_its_lists(watcher::Config::default().streaming_lists())]
#[case::in_pages(watcher::Config::default().page_size(2))]
#[tokio::test(start_paused = true)]
async fn its_watcher_sees_everything(#[case] config: watcher::Config) {
    let cluster = Cluster::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.server.client());
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    let mut events = watch(maps.clone(), config).boxed();
    let mut initial = Vec::new();
    loop {
        match events.try_next().await.unwrap().unwrap() {
            Event::InitApply(object) => initial.push(object.metadata.name.unwrap()),
            Event::InitDone => break,
            _ => {}
        }
    }
    assert_eq!(initial, ["a", "b", "c"]);
    let patch = json!({"data": {"k": "w"}});
    maps.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    match events.try_next().await.unwrap().unwrap() {
        Event::Apply(object) => assert_eq!(object.data.unwrap()["k"], "w"),
        other => panic!("{other:?}"),
    }
    match events.try_next().await.unwrap().unwrap() {
        Event::Delete(object) => assert_eq!(object.metadata.name.as_deref(), Some("b")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn its_watcher_recovers_when_the_history_is_gone() {
    let cluster = Cluster::with(|options| options.watch_history = 2);
    let maps: Api<ConfigMap> = Api::default_namespaced(cluster.server.client());
    let mut names = watch(maps.clone(), watcher::Config::default().timeout(10))
        .default_backoff()
        .applied_objects()
        .boxed();
    maps.create(&PostParams::default(), &map("m0")).await.unwrap();
    assert_eq!(names.try_next().await.unwrap().unwrap().metadata.name.as_deref(), Some("m0"));
    // While nobody looks, more happens than is remembered; the watcher lists again.
    for number in 1..30 {
        maps.create(&PostParams::default(), &map(&format!("m{number}"))).await.unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 29 {
        let next = tokio::time::timeout(Duration::from_secs(600), names.next()).await.unwrap().unwrap();
        if let Ok(object) = next {
            let name = object.metadata.name.unwrap();
            if name != "m0" {
                seen.insert(name);
            }
        }
    }
}

#[tokio::test]
async fn its_typed_calls_work() {
    let cluster = Cluster::new();
    let client = cluster.server.client();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let names: Vec<String> = namespaces
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|it| it.metadata.name)
        .collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}});
    let params = PatchParams::apply("witness");
    maps.patch("applied", &params, &Patch::Apply(&applied)).await.unwrap();
    let other = PatchParams::apply("other");
    let changed = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "2"}});
    match maps.patch("applied", &other, &Patch::Apply(&changed)).await {
        Err(kube::Error::Api(status)) => assert_eq!((status.code, status.reason.as_str()), (409, "Conflict")),
        other => panic!("{other:?}"),
    }
    maps.patch("applied", &other.force(), &Patch::Apply(&changed)).await.unwrap();
    let found = maps.get("applied").await.unwrap();
    assert_eq!((found.data.unwrap()["a"].as_str(), found.metadata.managed_fields.unwrap().len()), ("2", 1));
    let nodes: Api<Node> = Api::all(client);
    let node = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
    nodes.create(&PostParams::default(), &node).await.unwrap();
    nodes.cordon("n").await.unwrap();
    assert_eq!(nodes.get("n").await.unwrap().spec.unwrap().unschedulable, Some(true));
    assert!(maps.get_opt("none").await.unwrap().is_none());
}
