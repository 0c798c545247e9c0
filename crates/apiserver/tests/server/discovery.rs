//! Discovery, version, health, OpenAPI, and what others mount.

use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use supercargo_apiserver::MountedResource;
use tower::ServiceExt;

use crate::cluster::Cluster;

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

async fn aggregated(cluster: &Cluster, path: &str, tag: &str) -> (u16, String, Value) {
    let request = Request::get(path).header("accept", AGGREGATED).header("if-none-match", tag);
    let response =
        cluster.server.router().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, tag, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn one_document_has_every_group_and_changes_with_definitions() {
    let cluster = Cluster::new();
    let (code, tag, document) = aggregated(&cluster, "/apis", "").await;
    assert_eq!((code, &document["kind"]), (200, &json!("APIGroupDiscoveryList")));
    let apps = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["metadata"]["name"] == "apps")
        .unwrap();
    let deployments = apps["versions"][0]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["resource"] == "deployments");
    let scale = &deployments.unwrap()["subresources"][0];
    assert_eq!(scale["responseKind"], json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}));
    assert_eq!(aggregated(&cluster, "/apis", &tag).await.0, 304);
    crate::definitions::define(&cluster).await;
    let (code, changed, document) = aggregated(&cluster, "/apis", &tag).await;
    assert_eq!(code, 200);
    assert_ne!(changed, tag);
    let custom =
        document["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == "example.com");
    let versions: Vec<&Value> =
        custom.unwrap()["versions"].as_array().unwrap().iter().map(|it| &it["version"]).collect();
    assert_eq!(versions, ["v2", "v1"]);
}

#[tokio::test]
async fn the_classic_way_says_the_same() {
    let cluster = Cluster::new();
    let (_, core) = cluster.get("/api/v1").await;
    let names: Vec<&str> = core["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    for name in [
        "bindings",
        "pods/binding",
        "pods/eviction",
        "nodes/status",
        "serviceaccounts/token",
        "namespaces/finalize",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let eviction =
        core["resources"].as_array().unwrap().iter().find(|it| it["name"] == "pods/eviction").unwrap();
    assert_eq!((&eviction["group"], &eviction["kind"]), (&json!("policy"), &json!("Eviction")));
    let (_, group) = cluster.get("/apis/autoscaling").await;
    assert_eq!(group["preferredVersion"]["version"], "v2");
    assert_eq!(cluster.get("/version").await.1["minor"], "37");
    for path in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        assert_eq!(cluster.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn openapi_has_a_document_for_each_group_and_version() {
    let cluster = Cluster::new();
    crate::definitions::define(&cluster).await;
    let (_, index) = cluster.get("/openapi/v3").await;
    for path in ["api/v1", "apis/apps/v1", "apis/example.com/v2"] {
        let url = index["paths"][path]["serverRelativeURL"].as_str().unwrap();
        let (code, document) = cluster.get(url).await;
        assert_eq!((code, document["openapi"].is_string()), (200, true), "{path}");
    }
    let (_, apps) = cluster.get("/openapi/v3/apis/apps/v1").await;
    let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"), "{patch}");
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
}

#[tokio::test]
async fn others_answer_what_they_mount() {
    let cluster = Cluster::new();
    let metrics = axum::Router::new().route(
        "/apis/metrics.k8s.io/v1beta1/nodes",
        axum::routing::get(|| async { axum::Json(json!({"kind": "NodeMetricsList"})) }),
    );
    let nodes = MountedResource {
        plural: "nodes".to_owned(),
        singular: String::new(),
        kind: "NodeMetrics".to_owned(),
        is_namespaced: false,
        short_names: Vec::new(),
        verbs: vec!["get".to_owned(), "list".to_owned()],
    };
    cluster.server.mount("metrics.k8s.io/v1beta1", vec![nodes], metrics);
    assert_eq!(cluster.get("/apis/metrics.k8s.io/v1beta1/nodes").await.1["kind"], "NodeMetricsList");
    assert_eq!(cluster.get("/apis/metrics.k8s.io/v1beta1").await.1["resources"][0]["kind"], "NodeMetrics");
    let proxy = axum::Router::new().route(
        "/api/v1/nodes/{name}/proxy/stats/summary",
        axum::routing::get(|| async { axum::Json(json!({"node": {}})) }),
    );
    cluster.server.mount_node_proxy(proxy);
    assert_eq!(cluster.get("/api/v1/nodes/n1/proxy/stats/summary").await.1, json!({"node": {}}));
    assert_eq!(cluster.get("/api/v1/nodes/n1").await.0, 404);
}

#[tokio::test]
async fn questions_are_answered() {
    let cluster = Cluster::new();
    let access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let asked = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let (code, review) = cluster.post(access, asked).await;
    assert_eq!((code, &review["status"]["allowed"]), (201, &json!(true)));
    assert_eq!(cluster.post(access, json!({"spec": {}})).await.0, 422);
    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let (_, review) = cluster.post(rules, json!({"spec": {"namespace": "default"}})).await;
    assert_eq!(review["status"]["resourceRules"][0]["verbs"], json!(["*"]));
    let local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    let asked = json!({"spec": {"user": "u", "resourceAttributes": {"verb": "get"}}});
    assert_eq!(cluster.post(local, asked).await.1["status"]["allowed"], true);
    assert_eq!(cluster.get(access).await.0, 405);
}

#[tokio::test]
async fn openapi_two_has_all_types_and_all_its_references_lead_somewhere() {
    let cluster = Cluster::new();
    crate::definitions::define(&cluster).await;
    let (code, document) = cluster.get("/openapi/v2").await;
    assert_eq!((code, &document["swagger"]), (200, &json!("2.0")));
    let definitions = document["definitions"].as_object().unwrap();
    assert!(definitions.contains_key("io.k8s.api.apps.v1.Deployment"));
    assert!(definitions.contains_key("com.example.v1.Ship"));
    assert!(
        document["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"]["parameters"][0]["schema"]
            .is_object()
    );
    let text = document.to_string();
    assert!(!text.contains("#/components"));
    for reference in text.split("\"$ref\":\"#/definitions/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
    let bytes = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    for (accept, code) in [(bytes, 200), ("text/html", 406)] {
        let request = Request::get("/openapi/v2").header("accept", accept).body(axum::body::Body::empty());
        let response = cluster.server.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), code);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.starts_with(b"\x0a\x032.0"), code == 200);
    }
}
