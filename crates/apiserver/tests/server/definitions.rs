//! Custom resources, from the definition to its end. (Schemas themselves are tested elsewhere.)

use serde_json::{Value, json};

use crate::cluster::Cluster;

pub const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const SHIPS: &str = "/apis/example.com/v1/namespaces/default/ships";

pub fn definition() -> Value {
    let spec = json!({"type": "object", "properties": {"boats": {"type": "integer", "default": 1}}});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    let version = |name: &str, is_stored: bool| {
        json!({"name": name, "served": true, "storage": is_stored, "schema": {"openAPIV3Schema": schema},
            "selectableFields": [{"jsonPath": ".spec.boats"}]})
    };
    json!({"metadata": {"name": "ships.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "ships", "kind": "Ship"},
        "versions": [version("v1", true), version("v2", false)]}})
}

pub async fn define(cluster: &Cluster) {
    cluster.make(DEFINITIONS, definition()).await;
}

#[tokio::test]
async fn a_definition_is_established_when_it_is_answered() {
    let cluster = Cluster::new();
    assert_eq!(cluster.get(SHIPS).await.0, 404);
    define(&cluster).await;
    let (_, stored) = cluster.get(&format!("{DEFINITIONS}/ships.example.com")).await;
    let conditions = stored["status"]["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|known| known["type"] == "Established" && known["status"] == "True"));
    assert_eq!(stored["status"]["storedVersions"], json!(["v1"]));
    assert_eq!(cluster.get(SHIPS).await.1["kind"], "ShipList");
    assert_eq!(cluster.get("/apis/example.com/v2").await.1["resources"][0]["kind"], "Ship");
}

#[tokio::test]
async fn objects_are_defaulted_pruned_and_served_in_all_versions() {
    let cluster = Cluster::new();
    define(&cluster).await;
    let made = cluster.make(SHIPS, json!({"metadata": {"name": "a"}, "spec": {"unknown": 1}})).await;
    assert_eq!(made["spec"], json!({"boats": 1}));
    let second = SHIPS.replace("/v1/", "/v2/");
    let (_, other) = cluster.get(&format!("{second}/a")).await;
    assert_eq!((&other["apiVersion"], &other["spec"]), (&json!("example.com/v2"), &made["spec"]));
    let (_, list) = cluster.get(&second).await;
    assert_eq!(list["items"][0]["apiVersion"], "example.com/v2");
    let mut watch = cluster.watch(&format!("{second}?watch=1")).await;
    assert_eq!(watch.next().await.unwrap()["object"]["apiVersion"], "example.com/v2");
    let (_, list) = cluster.get(&format!("{SHIPS}?fieldSelector=spec.boats%3D1")).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(cluster.get(&format!("{SHIPS}?fieldSelector=spec.sails%3D1")).await.0, 400);
}

#[tokio::test]
async fn a_definition_goes_after_its_objects() {
    let cluster = Cluster::new();
    define(&cluster).await;
    cluster.make(SHIPS, json!({"metadata": {"name": "free"}})).await;
    cluster.make(SHIPS, json!({"metadata": {"name": "held", "finalizers": ["example.com/x"]}})).await;
    let one = format!("{DEFINITIONS}/ships.example.com");
    cluster.delete(&one).await;
    assert_eq!(cluster.get(&format!("{SHIPS}/free")).await.0, 404);
    assert_eq!(
        cluster.get(&one).await.1["metadata"]["finalizers"],
        json!(["customresourcecleanup.apiextensions.k8s.io"])
    );
    cluster.merge(&format!("{SHIPS}/held"), json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(cluster.get(&one).await.0, 404);
    assert_eq!(cluster.get(SHIPS).await.0, 404);
    define(&cluster).await;
    assert_eq!(cluster.get(SHIPS).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_refused() {
    let cluster = Cluster::new();
    for (path, value) in [
        ("/spec/group", json!("")),
        ("/spec/names/plural", json!("Ships")),
        ("/spec/versions", json!([])),
        ("/spec/scope", json!("Galaxy")),
        ("/metadata/name", json!("boats.example.com")),
    ] {
        let mut wrong = definition();
        *wrong.pointer_mut(path).unwrap() = value;
        let (code, status) = cluster.post(DEFINITIONS, wrong).await;
        assert_eq!((code, &status["reason"]), (422, &json!("Invalid")), "{path}");
    }
}

#[tokio::test]
async fn objects_are_served_in_a_version_that_was_not_the_stored_one_when_they_were_made() {
    let cluster = Cluster::new();
    define(&cluster).await;
    cluster.make(SHIPS, json!({"metadata": {"name": "a"}})).await;
    let path = format!("{DEFINITIONS}/ships.example.com");
    let (_, mut definition) = cluster.get(&path).await;
    definition["spec"]["versions"][0]["storage"] = json!(false);
    definition["spec"]["versions"][1]["storage"] = json!(true);
    assert_eq!(cluster.put(&path, definition).await.0, 200);
    for version in ["v1", "v2"] {
        let ships = format!("/apis/example.com/{version}/namespaces/default/ships");
        let (_, ship) = cluster.get(&format!("{ships}/a")).await;
        assert_eq!(ship["apiVersion"], format!("example.com/{version}"));
        let (_, list) = cluster.get(&ships).await;
        assert_eq!(list["items"][0], ship);
        let (code, changed) =
            cluster.merge(&format!("{ships}/a"), json!({"metadata": {"labels": {"v": version}}})).await;
        assert_eq!((code, &changed["apiVersion"]), (200, &ship["apiVersion"]));
    }
}
