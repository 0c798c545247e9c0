//! Custom resources whose versions a webhook converts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::admission::{CallError, Called, Target, Transport, Webhooks};

use crate::cluster::Cluster;
use crate::definitions::DEFINITIONS;

const V1: &str = "/apis/example.com/v1/namespaces/default/ships";
const V2: &str = "/apis/example.com/v2/namespaces/default/ships";
const URL: &str = "https://ships.example.com/convert";

/// In v1 a ship has `spec.size` as a text, in v2 `spec.boats` as a number.
#[derive(Default)]
struct Shipwright {
    is_away: AtomicBool,
}

impl Transport for Shipwright {
    fn call<'a>(&'a self, target: &'a Target, body: Vec<u8>) -> Called<'a, Vec<u8>> {
        Box::pin(async move {
            assert_eq!(target.url, URL);
            if self.is_away.load(Ordering::Relaxed) {
                return Err(CallError::Unreachable {
                    url: target.url.clone(),
                    reason: "connection refused".to_owned(),
                });
            }
            let review: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (&review["kind"], &review["apiVersion"]),
                (&json!("ConversionReview"), &json!("apiextensions.k8s.io/v1"))
            );
            let request = &review["request"];
            let version = &request["desiredAPIVersion"];
            let convert = |object: &Value| {
                let mut object = object.clone();
                object["apiVersion"] = version.clone();
                object["spec"] = match version.as_str().unwrap() {
                    "example.com/v2" => {
                        json!({ "boats": object["spec"]["size"].as_str().map(|size| size.parse::<u64>().unwrap()) })
                    }
                    _ => json!({ "size": object["spec"]["boats"].as_u64().map(|boats| boats.to_string()) }),
                };
                object
            };
            let objects: Vec<Value> = request["objects"].as_array().unwrap().iter().map(convert).collect();
            let result = if objects
                .iter()
                .any(|object| object["spec"]["boats"] == 13 || object["spec"]["size"] == "13")
            {
                json!({ "status": "Failure", "message": "thirteen is bad luck" })
            } else {
                json!({ "status": "Success" })
            };
            let response = json!({ "uid": request["uid"], "result": result, "convertedObjects": objects });
            Ok(json!({ "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": response }).to_string().into_bytes())
        })
    }
}

async fn cluster() -> (Cluster, Arc<Shipwright>) {
    let shipwright = Arc::new(Shipwright::default());
    let webhooks = Arc::new(Webhooks::new(shipwright.clone()));
    let cluster = Cluster::with(|options| options.webhooks = webhooks);
    let version = |name: &str, is_stored: bool, field: &str, kind: Value| {
        json!({ "name": name, "served": true, "storage": is_stored, "subresources": { "status": {} },
            "additionalPrinterColumns": [{ "name": "Spec", "type": "string", "jsonPath": format!(".spec.{field}") }],
            "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                "spec": { "type": "object", "properties": { field: kind } },
                "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } } } })
    };
    let boats = json!({ "type": "integer", "maximum": 20 });
    cluster.make(DEFINITIONS, json!({ "metadata": { "name": "ships.example.com" }, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": { "plural": "ships", "kind": "Ship" },
        "conversion": { "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v1"], "clientConfig": { "url": URL } } },
        "versions": [version("v1", true, "size", json!({ "type": "string" })), version("v2", false, "boats", boats)] } })).await;
    (cluster, shipwright)
}

fn ship(name: &str, boats: u64) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "boats": boats } })
}

#[tokio::test]
async fn every_verb_speaks_the_version_of_the_client() {
    let (cluster, _) = cluster().await;
    let made = cluster.make(V2, ship("a", 3)).await;
    assert_eq!((&made["apiVersion"], &made["spec"]), (&json!("example.com/v2"), &json!({ "boats": 3 })));
    let path = format!("{V2}/a");
    // It is kept in v1.
    let (_, kept) = cluster.get(&format!("{V1}/a")).await;
    assert_eq!((&kept["apiVersion"], &kept["spec"]), (&json!("example.com/v1"), &json!({ "size": "3" })));
    assert_eq!(cluster.get(&path).await, (200, made));
    let (code, changed) = cluster.merge(&path, json!({ "spec": { "boats": 4 } })).await;
    assert_eq!((code, &changed["spec"]), (200, &json!({ "boats": 4 })));
    let mut whole = changed.clone();
    whole["spec"] = json!({ "boats": 5 });
    assert_eq!(cluster.put(&path, whole).await.1["spec"], json!({ "boats": 5 }));
    assert_eq!(cluster.put(&path, changed).await.0, 409);
    let apply = json!({ "apiVersion": "example.com/v2", "kind": "Ship", "metadata": { "name": "a" }, "spec": { "boats": 6 } });
    let query = format!("{path}?fieldManager=me&force=true");
    let (code, applied) =
        cluster.raw("PATCH", &query, "application/apply-patch+yaml", apply.to_string()).await;
    assert_eq!((code, &applied["spec"]), (200, &json!({ "boats": 6 })));
    let operations = json!([{ "op": "test", "path": "/spec/boats", "value": 6 }, { "op": "replace", "path": "/spec/boats", "value": 7 }]);
    let (code, patched) =
        cluster.raw("PATCH", &path, "application/json-patch+json", operations.to_string()).await;
    assert_eq!((code, &patched["spec"]), (200, &json!({ "boats": 7 })));
    let (code, status) =
        cluster.merge(&format!("{path}/status"), json!({ "status": { "afloat": true } })).await;
    assert_eq!((code, &status["status"]), (200, &json!({ "afloat": true })));
    cluster.make(V1, json!({ "metadata": { "name": "b" }, "spec": { "size": "1" } })).await;
    let (_, list) = cluster.get(V2).await;
    let boats: Vec<&Value> =
        list["items"].as_array().unwrap().iter().map(|ship| &ship["spec"]["boats"]).collect();
    assert_eq!((&list["apiVersion"], boats), (&json!("example.com/v2"), vec![&json!(7), &json!(1)]));
    assert_eq!(cluster.delete(&path).await.0, 200);
    assert_eq!(cluster.get(&path).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn watches_convert_what_they_see() {
    let (cluster, shipwright) = cluster().await;
    cluster.make(V1, json!({ "metadata": { "name": "a" }, "spec": { "size": "1" } })).await;
    let mut watch = cluster.watch(&format!("{V2}?watch=1")).await;
    let first = watch.next().await.unwrap();
    assert_eq!((&first["type"], &first["object"]["spec"]), (&json!("ADDED"), &json!({ "boats": 1 })));
    cluster.make(V2, ship("b", 2)).await;
    assert_eq!(watch.next().await.unwrap()["object"]["spec"], json!({ "boats": 2 }));
    shipwright.is_away.store(true, Ordering::Relaxed);
    cluster.make(V1, json!({ "metadata": { "name": "c" }, "spec": { "size": "1" } })).await;
    let last = watch.next().await.unwrap();
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(500)));
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn what_is_wrong_in_the_version_of_the_client_is_refused_in_its_words() {
    let (cluster, _) = cluster().await;
    let (code, status) = cluster.post(V2, ship("a", 21)).await;
    assert_eq!(code, 422);
    let message = status["message"].as_str().unwrap();
    assert!(
        message
            .contains("spec.boats: Invalid value: 21: spec.boats in body should be less than or equal to 20"),
        "{message}"
    );
    let mut unknown = ship("a", 1);
    unknown["spec"]["sails"] = json!(2);
    let (code, status) = cluster.post(&format!("{V2}?fieldValidation=Strict"), unknown).await;
    assert_eq!(
        (code, status["message"].as_str().unwrap()),
        (400, "strict decoding error: unknown field \"spec.sails\"")
    );
}

#[rstest]
#[case::away(
    true,
    3,
    "conversion webhook for example.com/v2, Kind=Ship failed: Post \"https://ships.example.com/convert\": connection refused"
)]
#[case::unwilling(false, 13, "conversion webhook for example.com/v2, Kind=Ship failed: thirteen is bad luck")]
#[tokio::test]
async fn a_webhook_that_fails_fails_the_request(
    #[case] is_away: bool,
    #[case] boats: u64,
    #[case] message: &str,
) {
    let (cluster, shipwright) = cluster().await;
    shipwright.is_away.store(is_away, Ordering::Relaxed);
    let (code, status) = cluster.post(V2, ship("a", boats)).await;
    assert_eq!((code, &status["message"]), (500, &json!(message)));
    // Who speaks the stored version needs no webhook.
    assert_eq!(
        cluster.post(V1, json!({ "metadata": { "name": "a" }, "spec": { "size": "1" } })).await.0,
        201
    );
}

#[tokio::test]
async fn objects_stay_readable_when_another_version_becomes_the_stored_one() {
    let (cluster, _) = cluster().await;
    cluster.make(V1, json!({ "metadata": { "name": "a" }, "spec": { "size": "1" } })).await;
    let path = format!("{DEFINITIONS}/ships.example.com");
    let (_, mut definition) = cluster.get(&path).await;
    definition["spec"]["versions"][0]["storage"] = json!(false);
    definition["spec"]["versions"][1]["storage"] = json!(true);
    assert_eq!(cluster.put(&path, definition).await.0, 200);
    assert_eq!(cluster.get(&format!("{V1}/a")).await.1["spec"], json!({ "size": "1" }));
    assert_eq!(cluster.get(&format!("{V2}/a")).await.1["spec"], json!({ "boats": 1 }));
    assert_eq!(cluster.get(V2).await.1["items"][0]["spec"], json!({ "boats": 1 }));
    let (code, changed) = cluster.merge(&format!("{V2}/a"), json!({ "spec": { "boats": 2 } })).await;
    assert_eq!((code, &changed["spec"]), (200, &json!({ "boats": 2 })));
    assert_eq!(cluster.get(&format!("{V1}/a")).await.1["spec"], json!({ "size": "2" }));
}
