//! Watches: what is seen, from when, and until when. Time is tokio's, and stands still.

use futures::StreamExt;
use serde_json::json;

use crate::cluster::{Cluster, MAPS, PODS, labelled, map, pod};

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_revision_sees_what_comes_after_it_in_order() {
    let cluster = Cluster::new();
    let first = cluster.make(MAPS, map("a")).await;
    let from = first["metadata"]["resourceVersion"].as_str().unwrap();
    cluster.make(MAPS, map("b")).await;
    let mut watch = cluster.watch(&format!("{MAPS}?watch=true&resourceVersion={from}")).await;
    cluster.merge(&format!("{MAPS}/b"), json!({"data": {"k": "w"}})).await;
    cluster.delete(&format!("{MAPS}/b")).await;
    cluster.make("/api/v1/namespaces/kube-system/configmaps", map("elsewhere")).await;
    for expected in ["ADDED", "MODIFIED", "DELETED"] {
        assert_eq!(watch.brief().await, (expected.to_owned(), "b".to_owned()));
    }
    assert!(watch.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_revision_begins_with_everything() {
    let cluster = Cluster::new();
    cluster.make(MAPS, map("a")).await;
    for query in ["watch=1", "watch=1&resourceVersion=0"] {
        let mut watch = cluster.watch(&format!("{MAPS}?{query}")).await;
        assert_eq!(watch.brief().await, ("ADDED".to_owned(), "a".to_owned()), "{query}");
        assert!(watch.is_quiet().await);
    }
}

#[tokio::test(start_paused = true)]
async fn initial_events_end_with_a_bookmark_that_says_so() {
    let cluster = Cluster::new();
    cluster.make(MAPS, map("a")).await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = cluster.watch(&format!("{MAPS}?{query}")).await;
    assert_eq!(watch.brief().await.1, "a");
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], cluster.server.revision().to_string());
    let (code, _) = cluster.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!(code, 422);
}

#[tokio::test(start_paused = true)]
async fn a_selector_makes_objects_come_and_go() {
    let cluster = Cluster::new();
    let mut watch = cluster.watch(&format!("{MAPS}?watch=1&labelSelector=team%3Dred")).await;
    cluster.make(MAPS, labelled("a", "blue")).await;
    let one = format!("{MAPS}/a");
    cluster.merge(&one, json!({"metadata": {"labels": {"team": "red"}}})).await;
    assert_eq!(watch.brief().await.0, "ADDED");
    cluster.merge(&one, json!({"data": {"x": "y"}})).await;
    assert_eq!(watch.brief().await.0, "MODIFIED");
    let (_, left) = cluster.merge(&one, json!({"metadata": {"labels": {"team": "blue"}}})).await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["metadata"]["labels"]["team"]),
        (&json!("DELETED"), &json!("red"))
    );
    assert_eq!(event["object"]["metadata"]["resourceVersion"], left["metadata"]["resourceVersion"]);
    cluster.delete(&one).await;
    assert!(watch.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_node_watches_its_pods() {
    let cluster = Cluster::new();
    let mut watch = cluster.watch("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1").await;
    cluster.make(PODS, pod("p", "")).await;
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    assert_eq!(cluster.post(&format!("{PODS}/p/binding"), binding).await.0, 201);
    assert_eq!(watch.brief().await, ("ADDED".to_owned(), "p".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_revision_is_an_error_in_the_stream() {
    let cluster = Cluster::with(|options| options.watch_history = 3);
    let first = cluster.make(MAPS, map("a")).await;
    let from = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    for number in 0..10 {
        cluster.make(MAPS, map(&format!("m{number}"))).await;
    }
    let mut watch = cluster.watch(&format!("{MAPS}?watch=1&resourceVersion={from}")).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(watch.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_in_time_and_gives_bookmarks_until_then() {
    let cluster = Cluster::new();
    let started = tokio::time::Instant::now();
    let mut watch =
        cluster.watch(&format!("{MAPS}?watch=1&timeoutSeconds=150&allowWatchBookmarks=true")).await;
    cluster.make("/api/v1/namespaces/kube-system/configmaps", map("elsewhere")).await;
    for _ in 0..3 {
        let bookmark = watch.next().await.unwrap();
        assert_eq!(bookmark["type"], "BOOKMARK");
        assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], cluster.server.revision().to_string());
    }
    assert_eq!(watch.next().await, None);
    assert_eq!(started.elapsed().as_secs(), 150);
    let mut silent = cluster.watch(&format!("{MAPS}?watch=1")).await;
    assert_eq!(silent.next().await, None);
    assert!((1800..3600).contains(&(started.elapsed().as_secs() - 150)));
}

#[tokio::test(start_paused = true)]
async fn a_table_is_watched_row_by_row() {
    let cluster = Cluster::new();
    let request = http::Request::get(format!("{MAPS}?watch=1"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(axum::body::Body::empty());
    let response = tower::ServiceExt::oneshot(cluster.server.router(), request.unwrap()).await.unwrap();
    let mut pieces = response.into_body().into_data_stream();
    for (name, has_columns) in [("a", true), ("b", false)] {
        cluster.make(MAPS, map(name)).await;
        let piece = pieces.next().await.unwrap().unwrap();
        let event: serde_json::Value = serde_json::from_slice(&piece).unwrap();
        assert_eq!(
            (&event["object"]["kind"], &event["object"]["rows"][0]["cells"][0]),
            (&json!("Table"), &json!(name))
        );
        assert_eq!(event["object"]["columnDefinitions"].is_array(), has_columns);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_watchers_see_every_event() {
    let cluster = Cluster::new();
    let mut watches = Vec::new();
    for _ in 0..100 {
        watches.push(cluster.watch(&format!("{MAPS}?watch=1")).await);
    }
    for number in 0..50 {
        cluster.make(MAPS, map(&format!("m{number:02}"))).await;
    }
    for watch in &mut watches {
        for number in 0..50 {
            assert_eq!(watch.brief().await, ("ADDED".to_owned(), format!("m{number:02}")));
        }
    }
}
