//! Every way to ask has the same answer (reference sections 2.1 and 2.2).

use axum::http::{Method, StatusCode};
use rstest::rstest;
use supercargo_cost::Ledger;

use crate::asking::{data, get, send, send_as, service};
use crate::made_up;

/// Reference section 2.1: GET and POST, with and without `/model`, query string and form body.
#[tokio::test]
async fn every_way_to_ask_has_the_same_answer() {
    let router = service(made_up::ledger(3));
    let (status, expected) =
        send(&router, Method::GET, "/allocation/compute?window=1d&aggregate=namespace&accumulate=true", None)
            .await;
    assert_eq!(status, StatusCode::OK);
    assert!(expected.contains("\"shop\""));
    let form = "window=1d&aggregate=namespace&accumulate=true";
    for prefix in ["", "/model"] {
        for path in ["/allocation", "/allocation/compute"] {
            let path = format!("{prefix}{path}");
            assert_eq!(
                send(&router, Method::POST, &path, Some(form)).await,
                (StatusCode::OK, expected.clone())
            );
            let mixed = format!("{path}?window=1d");
            let rest = "aggregate=namespace&accumulate=true";
            assert_eq!(
                send(&router, Method::POST, &mixed, Some(rest)).await,
                (StatusCode::OK, expected.clone())
            );
        }
    }
    // what does not say what it is counts as a form; parameters of a type do not matter
    for kind in [None, Some("application/x-www-form-urlencoded; charset=utf-8")] {
        let answer = send_as(&router, Method::POST, "/allocation", kind, form.to_owned()).await;
        assert_eq!(answer, (StatusCode::OK, expected.clone()));
    }
}

#[tokio::test]
async fn the_openapi_document_lists_every_path_and_every_path_answers() {
    let router = service(made_up::ledger(3));
    let (_, document) = get(&router, "/openapi.json").await;
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(document["info"]["version"], "1.2.3");
    assert_eq!(document["servers"][1]["url"], "/model");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 27);
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            assert!(operation["responses"]["200"].is_object(), "{path}");
            for prefix in ["", "/model"] {
                let query = format!("{prefix}{path}?window=1d&field=name");
                let query = if path.starts_with("/alloc") { query + "space" } else { query };
                assert_eq!(send(&router, method.clone(), &query, None).await.0, StatusCode::OK, "{query}");
            }
        }
    }
}

/// Every parameter that the document names is one that the code reads: nonsense in it is refused, or is a text.
#[tokio::test]
async fn every_parameter_of_the_document_is_read() {
    let router = service(made_up::ledger(3));
    let (_, document) = get(&router, "/openapi.json").await;
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for parameter in operations["get"]["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let plain_text =
                parameter["schema"]["anyOf"].is_array() && !matches!(name, "aggregate" | "filter");
            if plain_text {
                continue;
            }
            let field = if path.starts_with("/alloc") { "namespace" } else { "name" };
            let others = [("window", "1d"), ("field", field)];
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair(name, "!nonsense");
            query.extend_pairs(others.iter().filter(|(other, _)| *other != name));
            let path = format!("{path}?{}", query.finish());
            assert_eq!(get(&router, &path).await.0, StatusCode::BAD_REQUEST, "{path}");
            seen += 1;
        }
    }
    assert!(seen > 150, "{seen}");
}

#[rstest]
#[case("/healthz")]
#[case("/clusterInfo")]
#[case("/clusterInfoMap")]
#[case("/clusters")]
#[case("/managementPlatform")]
#[case("/allNodePricing")]
#[case("/pricingSourceStatus")]
#[case("/pricingSourceSummary")]
#[case("/pricingSourceCounts")]
#[case("/serviceAccountStatus")]
#[case("/customPricing")]
#[case("/currency")]
#[case("/metrics")]
#[case("/metrics?kubeState=true")]
#[case("/allocation?window=1d&format=csv")]
#[case("/efficiency?window=1d")]
#[case("/efficiency/clusters?window=1d")]
#[case("/assets?window=1d&step=1h")]
#[tokio::test]
async fn an_answer_is_given_also_by_an_empty_ledger(#[case] path: &str) {
    let router = service(Ledger::default());
    for prefix in ["", "/model"] {
        assert_eq!(send(&router, Method::GET, &format!("{prefix}{path}"), None).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_preflight_is_answered() {
    let router = service(made_up::ledger(3));
    let (status, body) = send(&router, Method::DELETE, "/allocation?window=1d", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(body.contains("expected GET or POST"));
    assert_eq!(send(&router, Method::OPTIONS, "/allocation", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(get(&router, "/refreshPricing").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(send(&router, Method::POST, "/refreshPricing", None).await.0, StatusCode::OK);
    assert_eq!(data(&router, "/managementPlatform").await, "eks");
}

/// More requests than are computed at once all get their answer.
#[tokio::test]
async fn many_at_once_take_turns() {
    let router = service(made_up::ledger(3));
    let asked = (0..40).map(|index| {
        let router = router.clone();
        tokio::spawn(async move { data(&router, &format!("/allocation?window=1d&offset={index}")).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert!(answer.await.unwrap()[0].is_object());
    }
}
