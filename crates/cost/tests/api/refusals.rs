//! What cannot be is refused, in one shape, with what would be right (reference section 2.7).

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;
use supercargo_cost::http::router;
use tower::ServiceExt;

use crate::asking::{cost_service, query, send, send_as, service};
use crate::made_up;

/// Reference section 2.7: one shape, status and code agree, the window's text is upstream's.
#[rstest]
#[case("/allocation", 400, "Invalid 'window' parameter: illegal window")]
#[case("/model/assets?window=soon", 400, "Invalid 'window' parameter: illegal window: soon")]
#[case("/allocation?window=1d&aggregate=nonsense", 400, "unknown aggregate")]
#[case("/allocation?window=1d&filter=namespace:", 400, "ends where a quoted text is expected")]
#[case("/allocation?window=2026-01-02,2026-01-01", 400, "it has to end after it begins")]
#[case("/allocation?window=9999d", 400, "out of range")]
#[case(
    "/allocation?window=1-34560001&step=1m",
    400,
    "the window has 576000 steps, at most 10000 are answered"
)]
#[case("/allocation?window=1d&step=-1h", 400, "is not a duration")]
#[case("/allocation?window=1d&step=0s", 400, "is out of range")]
#[case("/allocation?window=1d&limit=1e9", 400, "a whole number from 0 on")]
#[case(
    "/allocation?window=1d&offset=340282366920938463463374607431768211456",
    400,
    "a whole number from 0 on"
)]
#[case("/allocation?window=1d&format=pdf", 400, "expected json or csv")]
#[case("/allocation?window=1d&includeProportionalAssetResourceCosts=true", 400, "it needs includeIdle=true")]
#[case("/allocation/autocomplete?window=1d", 400, "parameter field")]
#[case("/allocation/autocomplete?window=1d&field=colour", 400, "expected cluster, namespace")]
#[case("/allocation/autocomplete?window=1d&field=pod:x", 400, "expected cluster, namespace")]
#[case("/allocation/autocomplete?window=1d&field=label:", 400, "expected cluster, namespace")]
#[case("/allocation/autocomplete?window=1d&field=pod&limit=1001", 400, "from 0 to 1000")]
#[case("/efficiency?window=1d&buffer=0.5", 400, "a factor from 1 to 100")]
#[case("/efficiency?window=1d&bufferMultiplier=NaN", 400, "a factor from 1 to 100")]
#[case("/assets?window=1d&aggregate=colour", 400, "type, category, cluster")]
#[case("/assets?window=1d&filter=pod:%22x%22", 400, "unknown field \\\"pod\\\"")]
#[case("/assets?window=0-300000000&step=1s", 400, "at most 10000 are answered")]
#[case("/metrics?kubeState=perhaps", 400, "true or false")]
#[case("/gaps?window=", 400, "illegal window")]
#[case("/nowhere", 404, "no such path: /nowhere")]
#[case("/model", 404, "no such path: /model")]
#[tokio::test]
async fn a_bad_request_is_told_why(#[case] path: &str, #[case] status: u16, #[case] reason: &str) {
    let router = service(made_up::ledger(3));
    let (found, body) = send(&router, Method::GET, path, None).await;
    assert_eq!(found.as_u16(), status, "{body}");
    assert!(body.contains(reason), "{body}");
    if let Ok(body) = serde_json::from_str::<Value>(&body) {
        assert_eq!((&body["code"], &body["status"]), (&Value::from(status), &Value::from("error")));
        assert_eq!(body["data"], Value::Null);
    } else {
        assert!(body.starts_with("Invalid 'window' parameter"));
    }
}

#[tokio::test]
async fn a_body_has_to_be_a_form_of_reasonable_length() {
    let router = service(made_up::ledger(3));
    let json = || (Some("application/json"), "{\"window\":\"1d\"}".to_owned());
    let long = || (None, "a=".to_owned() + &"x".repeat(2 << 20));
    for ((kind, body), status, reason) in [
        (json(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is application/json; expected parameters as"),
        (long(), StatusCode::PAYLOAD_TOO_LARGE, "expected at most 1048576 bytes"),
    ] {
        let (found, body) = send_as(&router, Method::POST, "/allocation?window=1d", kind, body).await;
        assert_eq!(found, status);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["code"], status.as_u16());
        assert!(body["message"].as_str().unwrap().contains(reason), "{body}");
    }
    // an empty body is no body, whatever it says it is
    let (found, _) =
        send_as(&router, Method::POST, "/allocation?window=1d", Some("application/json"), String::new())
            .await;
    assert_eq!(found, StatusCode::OK);
}

/// Lists and filters without end would be asked about every row.
#[rstest]
#[case("aggregate", "label:a,".repeat(21), "it lists 21 words, at most 20 are read")]
#[case("shareNamespaces", "a,".repeat(100_000), "it lists 100000 words, at most 1000 are read")]
#[case("shareLabels", "a:b,".repeat(1_001), "it lists 1001 words, at most 1000 are read")]
#[case("filterPods", "a,".repeat(200_000), "it lists 200000 words, at most 1000 are read")]
#[case("filterLabels", "a:b,".repeat(1_001), "it lists 1001 words, at most 1000 are read")]
#[case("filter", "(".repeat(300_000), "300000 bytes, at most 65536 are read")]
#[case("filter", "(".repeat(60_000), "parentheses deeper than 64")]
#[case("filter", "namespace:\"a\"+".repeat(4_000), "ends where a comparison is expected")]
#[case("window", "7d".repeat(400_000), "illegal window: 7d7d7d")]
#[case("step", "9999h".repeat(100_000), "is out of range: expected one second to 100 years")]
#[tokio::test]
async fn what_has_no_end_is_refused_at_once(#[case] name: &str, #[case] value: String, #[case] reason: &str) {
    let router = service(made_up::ledger(3));
    let (path, form) = match name {
        "window" => ("/allocation", query(&[(name, &value)])),
        _ => ("/allocation?window=1d", query(&[(name, &value)])),
    };
    let (status, body) = send(&router, Method::POST, path, Some(&form)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains(reason) && body.len() < 1_000, "{}", &body[..body.len().min(500)]);
}

#[tokio::test]
async fn prices_that_cannot_be_fetched_are_told() {
    let failing = cost_service(made_up::ledger(3)).with_refresh(Arc::new(|| Err("no route".to_owned())));
    let (status, body) = send(&router(failing), Method::POST, "/refreshPricing", None).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(body.contains("prices could not be fetched: no route"), "{body}");
    let fetching = cost_service(made_up::ledger(3)).with_refresh(Arc::new(|| Ok(())));
    let (status, body) = send(&router(fetching), Method::POST, "/refreshPricing", None).await;
    assert_eq!((status.as_u16(), body.contains("\"data\":null")), (200, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is sent, the answer is an answer or a refusal, never a failure.
    #[test]
    fn nonsense_is_refused_not_failed(
        path in "/(model/)?(allocation|allocation/summary|assets|gaps|healthz|efficiency|allocation/autocomplete)",
        names in proptest::collection::vec(
            ("window|aggregate|step|filter|accumulate|limit|shareCost|decimals|compat|field|format|buffer", ".{0,12}"),
            0..5,
        ),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &names {
            query.append_pair(name, value);
        }
        query.append_pair("window", "2h");
        let uri = format!("{path}?{}", query.finish());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = runtime.block_on(async {
            let request = Request::builder().method(Method::POST).uri(&uri).body(Body::from(body)).unwrap();
            service(made_up::ledger(3)).oneshot(request).await.unwrap().status()
        });
        prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{} for {}", status, uri);
    }
}
