//! Webhooks are called, in order, and what they answer counts.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod admission_world;

use std::sync::Arc;
use std::time::Duration;

use admission_world::{Answers, World, create_pod, patched, run, webhook};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_apiserver::admission::{
    CallError, HttpTransport, LiteralResolver, Operation, Resolved, Resolver, ServiceReference, Target,
    Transport, Webhooks, admit,
};
use supercargo_apiserver::gvk::{Gvk, Gvr};

const A: &str = "https://a.example.com/hook";
const B: &str = "https://b.example.com/hook";

fn world(kind: &str, webhooks: Value) -> World {
    let mut world = World::new();
    world.registration(kind, json!({ "metadata": { "name": "hooks" }, "webhooks": webhooks }));
    world
}

fn mutating(webhooks: Value) -> World {
    world("MutatingWebhookConfiguration", webhooks)
}

fn validating(webhooks: Value) -> World {
    world("ValidatingWebhookConfiguration", webhooks)
}

fn allow() -> Value {
    json!({ "allowed": true })
}

fn unreachable(url: &str) -> CallError {
    CallError::Unreachable { url: url.to_owned(), reason: "connection refused".to_owned() }
}

#[test]
fn a_webhook_is_told_everything_about_the_request() {
    let world = validating(json!([webhook("a.example.com", A, json!({}))]));
    let answers = Arc::new(Answers::default().on(A, |_| Ok(allow())));
    let mut request = create_pod("web", json!({}));
    request.object.as_mut().unwrap()["spec"] = json!({});
    run(&mut request, &world, &answers).unwrap();
    let (_, review) = answers.asked.lock().unwrap().remove(0);
    let mut asked = review["request"].clone();
    let object = asked["object"].take();
    assert_eq!(object["metadata"]["name"], "web");
    assert_eq!(object["spec"]["priority"], 0, "builtin steps come before");
    assert_eq!(
        asked,
        json!({
            "uid": "0000-1",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "requestKind": { "group": "", "version": "v1", "kind": "Pod" },
            "requestResource": { "group": "", "version": "v1", "resource": "pods" },
            "name": "web",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": { "username": "admin", "groups": ["system:masters"] },
            "object": null,
            "oldObject": null,
            "dryRun": false,
            "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
        })
    );
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
}

#[rstest]
#[case(json!({ "allowed": false, "status": { "message": "no latest", "code": 403 } }), 403, "admission webhook \"a.example.com\" denied the request: no latest")]
#[case(json!({ "allowed": false, "status": { "reason": "Because" } }), 400, "admission webhook \"a.example.com\" denied the request: Because")]
#[case(json!({ "allowed": false }), 400, "admission webhook \"a.example.com\" denied the request without explanation")]
#[case(json!({ "allowed": false, "status": { "message": "x", "code": 200 } }), 400, "admission webhook \"a.example.com\" denied the request: x")]
fn a_refusal_names_its_webhook(#[case] answer: Value, #[case] code: u16, #[case] message: &str) {
    let world = validating(json!([webhook("a.example.com", A, json!({}))]));
    let answers = Arc::new(Answers::default().on(A, move |_| Ok(answer.clone())));
    let rejection = run(&mut create_pod("web", json!({})), &world, &answers).unwrap_err();
    assert_eq!(rejection.code(), code);
    assert_eq!(rejection.to_string(), message);
    assert_eq!(rejection.status["status"], "Failure");
}

#[test]
fn what_cannot_be_reached_counts_as_its_failure_policy_says() {
    let fails = webhook("a.example.com", A, json!({ "failurePolicy": "Fail" }));
    let answers = Arc::new(Answers::default());
    let rejection =
        run(&mut create_pod("web", json!({})), &validating(json!([fails])), &answers).unwrap_err();
    assert_eq!(rejection.code(), 500);
    assert_eq!(rejection.status["reason"], "InternalError");
    assert_eq!(
        rejection.to_string(),
        "Internal error occurred: failed calling webhook \"a.example.com\": failed to call webhook: Post \
         \"https://a.example.com/hook\": connection refused"
    );
    let ignored = webhook("a.example.com", A, json!({ "failurePolicy": "Ignore" }));
    assert!(run(&mut create_pod("web", json!({})), &validating(json!([ignored])), &answers).is_ok());
}

#[test]
fn patches_are_applied_one_after_the_other() {
    let world =
        mutating(json!([webhook("a.example.com", A, json!({})), webhook("b.example.com", B, json!({}))]));
    let answers = Arc::new(
        Answers::default()
            .on(A, |_| {
                Ok(patched(json!([{ "op": "add", "path": "/metadata/labels", "value": { "a": "1" } }])))
            })
            .on(B, |review| {
                assert_eq!(review["request"]["object"]["metadata"]["labels"], json!({ "a": "1" }));
                let container = json!({ "name": "sidecar", "image": "proxy:1" });
                Ok(patched(json!([{ "op": "add", "path": "/spec/containers/-", "value": container }])))
            }),
    );
    let mut request = create_pod("web", json!({}));
    run(&mut request, &world, &answers).unwrap();
    let pod = request.object.unwrap();
    assert_eq!(pod["metadata"]["labels"], json!({ "a": "1" }));
    // What was added is completed like what was sent.
    assert_eq!(pod["spec"]["containers"][1]["imagePullPolicy"], "IfNotPresent");
    assert_eq!(answers.urls(), [A, B]);
}

#[test]
fn a_webhook_that_asks_for_it_is_called_again_after_others() {
    let first = webhook("a.example.com", A, json!({ "reinvocationPolicy": "IfNeeded" }));
    let second = webhook("b.example.com", B, json!({}));
    let label = |review: &Value| {
        let labels = &review["request"]["object"]["metadata"]["labels"];
        let count = labels.as_object().map_or(0, serde_json::Map::len);
        let value = json!({ "seen": count.to_string() });
        Ok(patched(json!([{ "op": "add", "path": "/metadata/annotations", "value": value }])))
    };
    let answers =
        Arc::new(Answers::default().on(A, label).on(B, |_| {
            Ok(patched(json!([{ "op": "add", "path": "/metadata/labels", "value": { "b": "1" } }])))
        }));
    let mut request = create_pod("web", json!({}));
    run(&mut request, &mutating(json!([first, second])), &answers).unwrap();
    assert_eq!(answers.urls(), [A, B, A]);
    assert_eq!(request.object.unwrap()["metadata"]["annotations"], json!({ "seen": "1" }));
    // Nothing changed after it: it is not called again.
    let alone = webhook("a.example.com", A, json!({ "reinvocationPolicy": "IfNeeded" }));
    let answers = Arc::new(Answers::default().on(A, label));
    run(&mut create_pod("web", json!({})), &mutating(json!([alone])), &answers).unwrap();
    assert_eq!(answers.urls(), [A]);
}

#[rstest]
#[case(json!({ "allowed": true, "patchType": "Merge", "patch": "e30=" }), "webhook returned invalid response.patchType of \"Merge\"")]
#[case(json!({ "allowed": true, "patchType": "JSONPatch", "patch": "!" }), "patch is no base64")]
#[case(patched(json!([{ "op": "remove", "path": "/nowhere" }])), "failed to apply the patch of webhook")]
#[case(patched(json!([{ "op": "replace", "path": "", "value": 1 }])), "the whole document can only be replaced by an object")]
fn a_patch_that_cannot_be_applied_is_a_failure(#[case] answer: Value, #[case] expected: &str) {
    let world = mutating(json!([webhook("a.example.com", A, json!({}))]));
    let answers = Arc::new(Answers::default().on(A, move |_| Ok(answer.clone())));
    let rejection = run(&mut create_pod("web", json!({})), &world, &answers).unwrap_err();
    assert_eq!(rejection.code(), 500);
    assert!(rejection.to_string().contains(expected), "{rejection}");
}

#[rstest]
#[case(json!({ "rules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*"] }] }), false)]
#[case(json!({ "rules": [{ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"] }] }), true)]
#[case(json!({ "rules": [{ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["*"] }] }), false)]
#[case(json!({ "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods/status"] }] }), false)]
#[case(json!({ "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*/*"] }] }), true)]
#[case(json!({ "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*"], "scope": "Cluster" }] }), false)]
#[case(json!({ "namespaceSelector": { "matchLabels": { "env": "prod" } } }), false)]
#[case(json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "default" } } }), true)]
#[case(json!({ "objectSelector": { "matchLabels": { "inject": "yes" } } }), false)]
#[case(json!({ "matchConditions": [{ "name": "n", "expression": "object.metadata.name == 'web'" }] }), true)]
#[case(json!({ "matchConditions": [{ "name": "n", "expression": "request.userInfo.username.startsWith('system:')" }] }), false)]
#[case(json!({ "failurePolicy": "Ignore", "matchConditions": [{ "name": "n", "expression": "object.nothing" }] }), false)]
fn only_what_a_webhook_is_about_is_shown_to_it(#[case] more: Value, #[case] is_called: bool) {
    let world = validating(json!([webhook("a.example.com", A, more)]));
    let answers = Arc::new(Answers::default().on(A, |_| Ok(allow())));
    run(&mut create_pod("web", json!({})), &world, &answers).unwrap();
    assert_eq!(!answers.urls().is_empty(), is_called);
}

#[test]
fn an_equivalent_version_is_shown_as_the_one_that_is_asked_for() {
    let rule =
        json!([{ "apiGroups": [""], "apiVersions": ["v2"], "operations": ["*"], "resources": ["pods"] }]);
    let answers = Arc::new(Answers::default().on(A, |_| Ok(allow())));
    for (policy, called) in [("Exact", 0), ("Equivalent", 1)] {
        let hook = webhook("a.example.com", A, json!({ "rules": rule, "matchPolicy": policy }));
        let mut world = validating(json!([hook]));
        world.equivalents = vec![(Gvr::new("", "v2", "pods"), Gvk::new("", "v2", "Pod"))];
        run(&mut create_pod("web", json!({})), &world, &answers).unwrap();
        assert_eq!(answers.urls().len(), called);
    }
    let (_, review) = answers.asked.lock().unwrap().remove(0);
    assert_eq!(review["request"]["kind"]["version"], "v2");
    assert_eq!(review["request"]["requestKind"]["version"], "v1");
    assert_eq!(review["request"]["object"]["apiVersion"], "v2");
}

#[test]
fn warnings_and_notes_reach_the_client_also_beside_a_refusal() {
    let world =
        validating(json!([webhook("a.example.com", A, json!({})), webhook("b.example.com", B, json!({}))]));
    let answers = |allowed: bool| {
        Arc::new(
            Answers::default()
                .on(A, |_| Ok(json!({ "allowed": true, "warnings": ["old field"], "auditAnnotations": { "k": "v" } })))
                .on(B, move |_| Ok(json!({ "allowed": allowed, "warnings": ["x".repeat(1000)] }))),
        )
    };
    let admitted = run(&mut create_pod("web", json!({})), &world, &answers(true)).unwrap();
    assert_eq!(admitted.warnings, ["old field".to_owned(), "x".repeat(256)]);
    assert_eq!(admitted.audit_annotations["a.example.com/k"], "v");
    let rejection = run(&mut create_pod("web", json!({})), &world, &answers(false)).unwrap_err();
    assert_eq!(rejection.warnings.len(), 2);
}

#[test]
fn a_deletion_is_shown_as_what_goes() {
    let world = validating(json!([webhook("a.example.com", A, json!({}))]));
    let answers = Arc::new(Answers::default().on(A, |_| Ok(allow())));
    let mut request = create_pod("web", json!({}));
    request.operation = Operation::Delete;
    request.old_object = request.object.take().map(Arc::new);
    run(&mut request, &world, &answers).unwrap();
    let (_, review) = answers.asked.lock().unwrap().remove(0);
    assert_eq!(review["request"]["object"], Value::Null);
    assert_eq!(review["request"]["oldObject"]["metadata"]["name"], "web");
}

#[test]
fn registrations_cannot_lock_themselves_in() {
    let everything =
        json!([{ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"] }]);
    let world = validating(json!([webhook("a.example.com", A, json!({ "rules": everything }))]));
    let answers = Arc::new(Answers::default().on(A, |_| Err(unreachable(A))));
    let mut request = create_pod("web", json!({}));
    request.gvr = Gvr::new("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations");
    request.namespace = String::new();
    assert!(run(&mut request, &world, &answers).is_ok());
}

/// A webhook server with a certificate for `hook.default.svc`; it answers `answer`, or nothing at all.
async fn serve(answer: Option<Value>) -> (std::net::SocketAddr, String, tokio::task::JoinHandle<()>) {
    let certified = rcgen::generate_simple_self_signed(vec!["hook.default.svc".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let answer = answer.clone();
            let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let path = request.uri().to_string();
                    let body = request.into_body().collect().await?.to_bytes();
                    let Some(mut answer) = answer else { std::future::pending().await };
                    let review: Value = serde_json::from_slice(&body).unwrap();
                    answer["uid"] = review["request"]["uid"].clone();
                    answer["warnings"] = json!([path]);
                    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer });
                    Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::from(review.to_string()))))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (address, pem, task)
}

struct Fixed(std::net::SocketAddr);

impl Resolver for Fixed {
    fn resolve(&self, service: &ServiceReference) -> Option<Resolved> {
        (service.name == "hook").then_some(Resolved { address: self.0, is_tls: true })
    }
}

fn of_service(name: &str, bundle: &str, more: Value) -> Value {
    let mut hook = webhook("a.example.com", A, more);
    hook["clientConfig"] = json!({
        "service": { "namespace": "default", "name": name, "path": "/check", "port": 8443 },
        "caBundle": STANDARD.encode(bundle),
    });
    hook
}

#[tokio::test]
async fn a_service_is_called_over_tls_with_its_own_authority() {
    let (address, pem, task) = serve(Some(allow())).await;
    let webhooks = Webhooks::new(Arc::new(HttpTransport::new(Arc::new(Fixed(address)))));
    let world = validating(json!([of_service("hook", &pem, json!({}))]));
    let admitted = admit(&mut create_pod("web", json!({})), &world, &webhooks).await.unwrap();
    assert_eq!(admitted.warnings, ["/check?timeout=10s"]);

    // A certificate of somebody else is not taken.
    let other = rcgen::generate_simple_self_signed(vec!["hook.default.svc".to_owned()]).unwrap().cert.pem();
    let world = validating(json!([of_service("hook", &other, json!({}))]));
    let rejection = admit(&mut create_pod("web", json!({})), &world, &webhooks).await.unwrap_err();
    assert!(
        rejection
            .to_string()
            .contains("failed to call webhook: Post \"https://hook.default.svc:8443/check\": tls: "),
        "{rejection}"
    );
    task.abort();
}

#[tokio::test]
async fn a_service_that_is_not_there_is_not_found() {
    let webhooks = Webhooks::new(Arc::new(HttpTransport::new(Arc::new(LiteralResolver))));
    let pem = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap().cert.pem();
    let world = validating(json!([of_service("no-such-service-anywhere", &pem, json!({}))]));
    let rejection = admit(&mut create_pod("web", json!({})), &world, &webhooks).await.unwrap_err();
    assert!(rejection.to_string().ends_with("service \"no-such-service-anywhere\" not found"), "{rejection}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_answer_is_given_up() {
    let (address, pem, task) = serve(None).await;
    let transport = HttpTransport::new(Arc::new(Fixed(address)));
    let target = Target {
        url: "https://hook.default.svc:443/".to_owned(),
        service: Some(ServiceReference {
            namespace: "default".to_owned(),
            name: "hook".to_owned(),
            port: 443,
        }),
        ca_bundle: Some(pem.into_bytes()),
        timeout: Duration::from_secs(10),
    };
    let error = transport.call(&target, b"{}".to_vec()).await.unwrap_err();
    assert_eq!(error.to_string(), "Post \"https://hook.default.svc:443/\": context deadline exceeded");
    task.abort();
}
