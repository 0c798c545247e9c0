//! What nobody should send: the right refusal, and never a panic.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use crate::cluster::{Cluster, MAPS, map};

#[rstest]
#[case::no_json("application/json", "{", 400)]
#[case::no_object("application/json", "[]", 400)]
#[case::wrong_kind("application/json", r#"{"kind":"Pod","metadata":{"name":"a"}}"#, 400)]
#[case::wrong_version("application/json", r#"{"apiVersion":"v2","metadata":{"name":"a"}}"#, 400)]
#[case::wrong_namespace("application/json", r#"{"metadata":{"name":"a","namespace":"b"}}"#, 400)]
#[case::metadata_is_text("application/json", r#"{"metadata":"a"}"#, 400)]
#[case::labels_are_numbers("application/json", r#"{"metadata":{"name":"a","labels":{"b":1}}}"#, 400)]
#[case::revision_is_set("application/json", r#"{"metadata":{"name":"a","resourceVersion":"5"}}"#, 400)]
#[case::name_is_wrong("application/json", r#"{"metadata":{"name":"A_B"}}"#, 422)]
#[case::unknown_media("text/plain", "a", 415)]
#[case::no_protobuf("application/vnd.kubernetes.protobuf", "a", 400)]
#[case::no_yaml("application/yaml", "a: [", 400)]
#[tokio::test]
async fn bodies_that_cannot_be(#[case] media: &str, #[case] body: &'static str, #[case] expected: u16) {
    let cluster = Cluster::new();
    let (code, status) = cluster.raw("POST", MAPS, media, body).await;
    assert_eq!((code, &status["kind"]), (expected, &json!("Status")), "{status}");
}

#[rstest]
#[case::json("application/json-patch+json", "{}", 400)]
#[case::json_path("application/json-patch+json", r#"[{"op":"remove","path":"/none"}]"#, 422)]
#[case::merge("application/merge-patch+json", "[]", 400)]
#[case::merge_breaks("application/merge-patch+json", r#"{"data":{"a b":"c"}}"#, 422)]
#[case::merge_types("application/merge-patch+json", r#"{"data":[1]}"#, 400)]
#[case::apply_unnamed("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap", 422)]
#[case::unknown("application/xml", "<a/>", 415)]
#[case::name("application/merge-patch+json", r#"{"metadata":{"name":"b"}}"#, 422)]
#[tokio::test]
async fn patches_that_cannot_be(#[case] media: &str, #[case] body: &'static str, #[case] expected: u16) {
    let cluster = Cluster::new();
    let made = cluster.make(MAPS, map("a")).await;
    let (code, status) = cluster.raw("PATCH", &format!("{MAPS}/a"), media, body).await;
    assert_eq!((code, &status["kind"]), (expected, &json!("Status")), "{status}");
    assert_eq!(cluster.get(&format!("{MAPS}/a")).await.1, made);
}

#[rstest]
#[case("GET", "/api/v1/namespaces/default/nothing", 404)]
#[case("GET", "/apis/nothing/v1/things", 404)]
#[case("GET", "/api/v9/pods", 404)]
#[case("GET", "/nothing", 404)]
#[case("GET", "/openapi/v9", 404)]
#[case("GET", "/api/v1/namespaces/default/configmaps/none", 404)]
#[case("GET", "/api/v1/namespaces/default/configmaps/a/status", 404)]
#[case("GET", "/api/v1/namespaces/default/nodes/a", 404)]
#[case("GET", "/api/v1/configmaps?labelSelector=%21%21", 400)]
#[case("GET", "/api/v1/configmaps?fieldSelector=a", 400)]
#[case("GET", "/api/v1/configmaps?limit=x", 400)]
#[case("GET", "/api/v1/configmaps?continue=x", 400)]
#[case("POST", "/api/v1/namespaces/default/configmaps/a", 405)]
#[case("PUT", "/api/v1/namespaces/default/configmaps", 405)]
#[case("POST", "/api/v1/configmaps", 405)]
#[case("POST", "/version", 405)]
#[case("DELETE", "/api/v1/namespaces", 405)]
#[tokio::test]
async fn requests_that_cannot_be(#[case] method: &str, #[case] path: &str, #[case] expected: u16) {
    let cluster = Cluster::new();
    let (code, answer) = cluster.raw(method, path, "application/json", map("a").to_string()).await;
    assert_eq!(code, expected, "{answer}");
}

#[tokio::test]
async fn bodies_that_are_too_long_or_too_deep() {
    let cluster = Cluster::new();
    let long = format!(r#"{{"metadata":{{"name":"a"}},"data":{{"k":"{}"}}}}"#, "x".repeat(4 << 20));
    assert_eq!(cluster.raw("POST", MAPS, "application/json", long).await.0, 413);
    for (open, media) in
        [("[", "application/json"), ("{\"a\":", "application/json"), ("[", "application/yaml")]
    {
        assert_eq!(cluster.raw("POST", MAPS, media, open.repeat(200_000)).await.0, 400, "{open} {media}");
    }
}

#[tokio::test]
async fn unknown_fields_are_told_or_refused_as_asked() {
    let cluster = Cluster::new();
    let object = json!({"metadata": {"name": "a"}, "date": {}});
    let (code, status) = cluster.post(&format!("{MAPS}?fieldValidation=Strict"), object.clone()).await;
    assert_eq!(code, 400);
    assert_eq!(
        status["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"date\""
    );
    let (code, made) = cluster.post(&format!("{MAPS}?fieldValidation=Ignore"), object.clone()).await;
    assert_eq!((code, made.get("date")), (201, None));
    let (code, patched) = cluster.merge(&format!("{MAPS}/a"), json!({"date": {}, "data": {"k": "v"}})).await;
    assert_eq!((code, patched.get("date"), &patched["data"]["k"]), (200, None, &json!("v")));
    assert_eq!(cluster.post(&format!("{MAPS}?fieldValidation=Maybe"), object).await.0, 422);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is sent wherever, there is an answer.
    #[test]
    fn nonsense_is_answered(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
        path in "/(api|apis)(/[a-z0-9.%]{0,8}){0,7}(\\?[a-zA-Z=&%0-9,!()]{0,40})?",
        media in prop::sample::select(vec![
            "application/json", "application/yaml", "application/json-patch+json", "application/apply-patch+yaml",
            "application/vnd.kubernetes.protobuf",
        ]),
        body: Vec<u8>,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::new();
            if let Ok(uri) = path.parse::<http::Uri>() {
                cluster.raw(method, &uri.to_string(), media, body).await;
            }
        });
    }
}
