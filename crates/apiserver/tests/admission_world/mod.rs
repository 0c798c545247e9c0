//! A small world for admission: objects in memory, requests, and webhooks that answer as they are told.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_apiserver::admission::{
    Admitted, CallError, Called, Lookup, Operation, Rejection, Request, Target, Transport, UserInfo,
    Webhooks, admit,
};
use supercargo_apiserver::builtin;
use supercargo_apiserver::gvk::{Gvk, Gvr};

/// Objects in memory.
#[derive(Default)]
pub struct World {
    objects: BTreeMap<(Gvr, String, String), Arc<Value>>,
    pub equivalents: Vec<(Gvr, Gvk)>,
}

impl World {
    /// A world with the namespace `default`.
    pub fn new() -> Self {
        let mut world = Self::default();
        world.put(
            "",
            "v1",
            "Namespace",
            "namespaces",
            json!({
                "metadata": { "name": "default", "labels": { "kubernetes.io/metadata.name": "default" } },
                "status": { "phase": "Active" },
            }),
        );
        world
    }

    /// Stores an object, with its defaults.
    pub fn put(&mut self, group: &str, version: &str, kind: &str, resource: &str, mut object: Value) {
        builtin::default(&Gvk::new(group, version, kind), &mut object, Timestamp::UNIX_EPOCH);
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (Gvr::new(group, version, resource), text("namespace"), text("name"));
        self.objects.insert(key, Arc::new(object));
    }

    pub fn registration(&mut self, kind: &str, object: Value) {
        let resource = format!("{}s", kind.to_lowercase()).replace("policys", "policies");
        self.put("admissionregistration.k8s.io", "v1", kind, &resource, object);
    }
}

impl Lookup for World {
    fn get(&self, resource: &Gvr, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.get(&(resource.clone(), namespace.to_owned(), name.to_owned())).cloned()
    }

    fn list(&self, resource: &Gvr, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.objects
            .iter()
            .filter(|((known, space, _), _)| {
                known == resource && namespace.is_none_or(|wanted| wanted == space)
            })
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn resource_of(&self, gvk: &Gvk) -> Option<(Gvr, bool)> {
        (gvk.kind == "ConfigMap").then(|| (Gvr::new("", "v1", "configmaps"), true))
    }

    fn equivalents(&self, _resource: &Gvr) -> Vec<(Gvr, Gvk)> {
        self.equivalents.clone()
    }
}

/// A request to create an object in the namespace `default`, with its defaults.
pub fn create(group: &str, kind: &str, resource: &str, mut object: Value) -> Request {
    let gvk = Gvk::new(group, "v1", kind);
    object["apiVersion"] = json!(gvk.api_version());
    object["kind"] = json!(kind);
    let namespaced = builtin::is_namespaced(&gvk);
    if namespaced && object["metadata"].get("namespace").is_none() {
        object["metadata"]["namespace"] = json!("default");
    }
    builtin::default(&gvk, &mut object, Timestamp::UNIX_EPOCH);
    Request {
        operation: Operation::Create,
        gvr: Gvr::new(group, "v1", resource),
        gvk,
        subresource: String::new(),
        name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        namespace: object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
        object: Some(object),
        old_object: None,
        user: UserInfo {
            username: "admin".to_owned(),
            uid: String::new(),
            groups: vec!["system:masters".to_owned()],
        },
        dry_run: false,
        options: json!({ "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" }),
        uid: "0000-1".to_owned(),
        now: Timestamp::UNIX_EPOCH,
    }
}

/// A request to create a pod with one container.
pub fn create_pod(name: &str, extra: Value) -> Request {
    let mut spec = json!({ "containers": [{ "name": "a", "image": "nginx:1" }] });
    for (field, value) in extra.as_object().into_iter().flatten() {
        spec[field.as_str()] = value.clone();
    }
    create("", "Pod", "pods", json!({ "metadata": { "name": name }, "spec": spec }))
}

/// What one webhook answers: a function of the review it is sent.
type Answerer = Box<dyn Fn(&Value) -> Result<Value, CallError> + Send + Sync>;

/// Webhooks that answer as they are told, and note what they were asked.
#[derive(Default)]
pub struct Answers {
    by_url: BTreeMap<String, Answerer>,
    pub asked: Mutex<Vec<(String, Value)>>,
}

impl Answers {
    /// What the webhook at an address answers: `response` of the review, its uid filled in.
    pub fn on(
        mut self,
        url: &str,
        answer: impl Fn(&Value) -> Result<Value, CallError> + Send + Sync + 'static,
    ) -> Self {
        self.by_url.insert(url.to_owned(), Box::new(answer));
        self
    }

    pub fn urls(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(url, _)| url.clone()).collect()
    }
}

impl Transport for Answers {
    fn call<'a>(&'a self, target: &'a Target, body: Vec<u8>) -> Called<'a, Vec<u8>> {
        let review: Value = serde_json::from_slice(&body).unwrap();
        self.asked.lock().unwrap().push((target.url.clone(), review.clone()));
        let answer = match self.by_url.get(&target.url) {
            Some(answer) => answer(&review),
            None => Err(CallError::Unreachable {
                url: target.url.clone(),
                reason: "connection refused".to_owned(),
            }),
        };
        Box::pin(async move {
            let mut response = answer?;
            response["uid"] = review["request"]["uid"].clone();
            let review = json!({ "apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response });
            Ok(review.to_string().into_bytes())
        })
    }
}

/// An answer that allows, with a patch.
pub fn patched(operations: Value) -> Value {
    json!({ "allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(operations.to_string()) })
}

/// A webhook for all pods at an address.
pub fn webhook(name: &str, url: &str, more: Value) -> Value {
    let mut webhook = json!({
        "name": name,
        "clientConfig": { "url": url },
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"] }],
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        webhook[field.as_str()] = value.clone();
    }
    webhook
}

/// Runs a request through all steps.
pub fn run(request: &mut Request, world: &World, answers: &Arc<Answers>) -> Result<Admitted, Rejection> {
    let webhooks = Webhooks::new(answers.clone());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(admit(request, world, &webhooks))
}

/// Runs a request through all steps, with no webhooks.
pub fn run_alone(request: &mut Request, world: &World) -> Result<Admitted, Rejection> {
    run(request, world, &Arc::new(Answers::default()))
}
