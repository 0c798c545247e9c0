//! Lists: selectors, pages, revisions, shapes.

use http::Request;
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::cluster::{Cluster, MAPS, PODS, labelled, map, pod};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[rstest]
#[case("labelSelector=team", &["a", "b", "c"])]
#[case("labelSelector=team%3Dred", &["a", "c"])]
#[case("labelSelector=team!%3Dred", &["b", "d"])]
#[case("labelSelector=team+in+(red,blue),!x", &["a", "b", "c"])]
#[case("labelSelector=!team", &["d"])]
#[case("fieldSelector=metadata.name%3Db", &["b"])]
#[case("fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault", &["a", "c", "d"])]
#[case("fieldSelector=metadata.name%3Da&labelSelector=team%3Dblue", &[])]
#[tokio::test]
async fn selectors_select(#[case] query: &str, #[case] expected: &[&str]) {
    let cluster = Cluster::new();
    for (name, team) in [("c", "red"), ("a", "red"), ("b", "blue")] {
        cluster.make(MAPS, labelled(name, team)).await;
    }
    cluster.make(MAPS, map("d")).await;
    let (code, list) = cluster.get(&format!("{MAPS}?{query}")).await;
    assert_eq!((code, names(&list).as_slice()), (200, expected));
}

#[tokio::test]
async fn fields_of_kinds_select() {
    let cluster = Cluster::new();
    cluster.make(PODS, pod("p", "n1")).await;
    cluster.make(PODS, pod("q", "n2")).await;
    for (query, expected) in [
        ("spec.nodeName%3Dn1", vec!["p"]),
        ("spec.nodeName!%3Dn1,status.phase%3DPending", vec!["q"]),
        ("status.phase%3DRunning", vec![]),
        ("spec.hostNetwork%3Dfalse", vec!["p", "q"]),
    ] {
        let (_, list) = cluster.get(&format!("{PODS}?fieldSelector={query}")).await;
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_are_of_one_revision_whatever_happens_between_them() {
    let cluster = Cluster::new();
    for number in 0..25 {
        cluster.make(MAPS, map(&format!("m{number:02}"))).await;
    }
    let (_, first) = cluster.get(&format!("{MAPS}?limit=10")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 15);
    let revision = &first["metadata"]["resourceVersion"];
    cluster.delete(&format!("{MAPS}/m15")).await;
    cluster.make(MAPS, map("m155")).await;
    cluster.merge(&format!("{MAPS}/m24"), json!({"data": {"k": "later"}})).await;
    let mut all = names(&first).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    let mut last = Value::Null;
    while !token.is_empty() {
        let (code, page) = cluster.get(&format!("{MAPS}?limit=10&continue={token}")).await;
        assert_eq!((code, &page["metadata"]["resourceVersion"]), (200, revision));
        all.extend(names(&page).into_iter().map(str::to_owned));
        token = page["metadata"]["continue"].as_str().unwrap_or("").to_owned();
        last = page["items"].as_array().unwrap().last().unwrap().clone();
    }
    let expected: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    assert_eq!(all, expected);
    assert_eq!(last["data"]["k"], "v");
}

#[tokio::test]
async fn a_token_of_a_forgotten_revision_is_gone() {
    let cluster = Cluster::with(|options| options.watch_history = 5);
    for number in 0..5 {
        cluster.make(MAPS, map(&format!("m{number}"))).await;
    }
    let (_, first) = cluster.get(&format!("{MAPS}?limit=2")).await;
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    for number in 5..15 {
        cluster.make(MAPS, map(&format!("m{number}"))).await;
    }
    let (code, status) = cluster.get(&format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
}

#[tokio::test]
async fn revisions_mean_what_they_mean_upstream() {
    let cluster = Cluster::new();
    let first = cluster.make(MAPS, map("a")).await;
    let at = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    cluster.make(MAPS, map("b")).await;
    let list = |query: String| cluster.get(format!("{MAPS}?{query}").leak());
    assert_eq!(names(&list("resourceVersion=0".to_owned()).await.1), ["a", "b"]);
    assert_eq!(
        names(&list(format!("resourceVersion={at}&resourceVersionMatch=NotOlderThan")).await.1),
        ["a", "b"]
    );
    assert_eq!(names(&list(format!("resourceVersion={at}&resourceVersionMatch=Exact")).await.1), ["a"]);
    let (code, status) = list("resourceVersion=99999".to_owned()).await;
    assert_eq!((code, &status["details"]["causes"][0]["reason"]), (504, &json!("ResourceVersionTooLarge")));
    assert_eq!(list("resourceVersionMatch=Exact".to_owned()).await.0, 422);
    assert_eq!(list("resourceVersion=0&resourceVersionMatch=Exact".to_owned()).await.0, 422);
    assert_eq!(list("resourceVersion=x".to_owned()).await.0, 400);
}

#[tokio::test]
async fn a_long_list_is_whole() {
    let cluster = Cluster::new();
    for number in 0..400 {
        let mut object = map(&format!("m{number:03}"));
        object["data"]["k"] = json!("x".repeat(2000));
        cluster.make(MAPS, object).await;
    }
    let (code, list) = cluster.get(MAPS).await;
    assert_eq!((code, names(&list).len()), (200, 400));
    // The items of builtin kinds do not say what they are.
    assert_eq!((&list["kind"], list["items"][7].get("kind")), (&json!("ConfigMapList"), None));
}

#[tokio::test]
async fn tables_and_metadata_come_when_asked_for() {
    let cluster = Cluster::new();
    cluster.make(PODS, pod("p", "")).await;
    let ask = |accept: &'static str| {
        let request = Request::get(PODS).header("accept", accept).body(axum::body::Body::empty()).unwrap();
        let router = cluster.server.router();
        async move {
            let response = router.oneshot(request).await.unwrap();
            let (code, body) =
                (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes());
            (code, serde_json::from_slice::<Value>(&body).unwrap())
        }
    };
    let (_, table) = ask("application/json;as=Table;v=v1;g=meta.k8s.io").await;
    assert_eq!(
        table["rows"][0]["cells"],
        json!(["p", "0/1", "Pending", "0", "0s", "<none>", "<none>", "<none>", "<none>"])
    );
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (_, metadata) = ask("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").await;
    assert_eq!(
        (&metadata["items"][0]["metadata"]["name"], metadata["items"][0].get("spec")),
        (&json!("p"), None)
    );
    assert_eq!(ask("application/vnd.kubernetes.protobuf").await.0, 406);
}

#[tokio::test]
async fn every_listed_resource_answers_a_list_and_a_table() {
    let cluster = Cluster::new();
    let (_, groups) = cluster.get("/apis").await;
    let mut paths = vec!["/api/v1".to_owned()];
    for group in groups["groups"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            paths.push(format!("/apis/{}", version["groupVersion"].as_str().unwrap()));
        }
    }
    let mut seen = 0;
    for path in paths {
        let (_, resources) = cluster.get(&path).await;
        for resource in resources["resources"].as_array().unwrap() {
            if !resource["verbs"].as_array().unwrap().contains(&json!("list")) {
                continue;
            }
            let plural = resource["name"].as_str().unwrap();
            let (code, list) = cluster.get(&format!("{path}/{plural}")).await;
            assert_eq!(code, 200, "{path}/{plural}");
            assert_eq!(list["kind"], format!("{}List", resource["kind"].as_str().unwrap()));
            seen += 1;
        }
    }
    assert!(seen > 55, "{seen}");
}
