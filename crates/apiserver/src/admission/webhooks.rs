//! Webhooks: which are called, in which order, and what their answers do.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::{Value, json};

use super::conditions::{Facts, Outcome, conditions_hold};
use super::lookup::Lookup;
use super::matching::{Shown, is_exempt, matched, shown_object};
use super::request::{Admitted, Operation, Rejection, Request, status};
use super::review::{Answer, answer, review, version_for};
use super::transport::{HttpTransport, LiteralResolver, ServiceReference, Target, Transport};
use crate::builtin::read::{has, int, items, set, text};
use crate::custom::expression::CelValue;
use crate::gvk::Gvr;
use crate::patch;

/// How long a webhook may take if it does not say, in seconds.
const TIMEOUT_SECONDS: i64 = 10;

/// How long a conversion may take, in seconds.
const CONVERSION_SECONDS: u64 = 30;

/// The way to call webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    transport: Arc<dyn Transport>,
}

impl Default for Webhooks {
    /// Over HTTPS; services are reached only if their names resolve by themselves.
    fn default() -> Self {
        Self::new(Arc::new(HttpTransport::new(Arc::new(LiteralResolver))))
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhooks")
    }
}

/// A webhook that is about a request.
struct Matched {
    webhook: Value,
    name: String,
    shown: Shown,
}

impl Webhooks {
    /// Webhooks called through this transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Has objects converted: posts a review and answers with what comes back. `webhook` has the `clientConfig`.
    pub(crate) async fn convert(&self, webhook: &Value, review: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut target = target(webhook)?;
        target.timeout = Duration::from_secs(CONVERSION_SECONDS);
        self.transport.call(&target, review).await.map_err(|error| error.to_string())
    }

    /// Whether any mutating webhook is registered.
    pub(super) fn has_mutating(&self, lookup: &dyn Lookup) -> bool {
        !lookup.list(&configurations("mutatingwebhookconfigurations"), None).is_empty()
    }

    /// Calls the mutating webhooks, one after the other; those that ask for it are called again if others changed the
    /// object after them.
    pub(super) async fn mutate(
        &self,
        request: &mut Request,
        lookup: &dyn Lookup,
    ) -> Result<Admitted, Rejection> {
        let mut admitted = Admitted::default();
        let registered = registered("mutatingwebhookconfigurations", request, lookup);
        // What the object was when each was last called.
        let mut seen: Vec<Option<Value>> = vec![None; registered.len()];
        for round in 0..2 {
            for (webhook, seen) in registered.iter().zip(&mut seen) {
                if round == 1 {
                    let again = text(webhook, "reinvocationPolicy") == "IfNeeded";
                    if !again || seen.is_none() || *seen == request.object {
                        continue;
                    }
                }
                let matched = match match_webhook(webhook, request, lookup) {
                    Ok(Some(matched)) => matched,
                    Ok(None) => continue,
                    Err(rejection) => return Err(rejection.after(&mut admitted)),
                };
                let result = self.call(&matched, request, &mut admitted).await;
                let patch = result.map_err(|rejection| rejection.after(&mut admitted))?;
                if let Some(patch) = patch {
                    apply(&matched, &patch, request, lookup)
                        .map_err(|rejection| rejection.after(&mut admitted))?;
                }
                *seen = request.object.clone();
            }
        }
        Ok(admitted)
    }

    /// Calls the validating webhooks, all at once. The first refusal in order of registration counts.
    pub(super) async fn validate(
        &self,
        request: &Request,
        lookup: &dyn Lookup,
    ) -> Result<Admitted, Rejection> {
        let mut all = Admitted::default();
        let mut matched = Vec::new();
        for webhook in registered("validatingwebhookconfigurations", request, lookup) {
            matched.extend(match_webhook(&webhook, request, lookup)?);
        }
        let calls = matched.iter().map(|matched| async move {
            let mut admitted = Admitted::default();
            let result = self.call(matched, request, &mut admitted).await;
            (result, admitted)
        });
        let mut refusal = None;
        for (result, admitted) in join_all(calls).await {
            all.merge(admitted);
            if let Err(rejection) = result {
                refusal.get_or_insert(rejection);
            }
        }
        match refusal {
            Some(rejection) => Err(rejection.after(&mut all)),
            None => Ok(all),
        }
    }

    /// Calls one webhook; answers with its patch.
    async fn call(
        &self,
        matched: &Matched,
        request: &Request,
        admitted: &mut Admitted,
    ) -> Result<Option<Value>, Rejection> {
        let name = &matched.name;
        if request.dry_run && !matches!(text(&matched.webhook, "sideEffects"), "None" | "NoneOnDryRun") {
            let message = format!("admission webhook {name:?} does not support dry run");
            return Err(Rejection::new(status(400, "BadRequest", &message, None)));
        }
        let answer = match self.ask(matched, request).await {
            Ok(answer) => answer,
            Err(_) if text(&matched.webhook, "failurePolicy") == "Ignore" => return Ok(None),
            Err(error) => {
                return Err(Rejection::internal(&format!("failed calling webhook {name:?}: {error}")));
            }
        };
        admitted.warnings.extend(answer.warnings);
        admitted.audit_annotations.extend(answer.audit_annotations);
        if answer.allowed { Ok(answer.patch) } else { Err(denied(name, answer.status)) }
    }

    async fn ask(&self, matched: &Matched, request: &Request) -> Result<Answer, String> {
        let webhook = &matched.webhook;
        let version = version_for(webhook).ok_or_else(|| {
            "webhook does not accept known AdmissionReview versions (v1, v1beta1)".to_owned()
        })?;
        let target = target(webhook)?;
        let body = review(request, &matched.shown, version).to_string().into_bytes();
        let answered = self
            .transport
            .call(&target, body)
            .await
            .map_err(|error| format!("failed to call webhook: {error}"))?;
        answer(&answered, request, version, &matched.name)
    }
}

fn configurations(resource: &str) -> Gvr {
    Gvr::new("admissionregistration.k8s.io", "v1", resource)
}

/// The webhooks of all configurations, which come ordered by name.
fn registered(resource: &str, request: &Request, lookup: &dyn Lookup) -> Vec<Value> {
    if is_exempt(request) {
        return Vec::new();
    }
    let all = lookup.list(&configurations(resource), None);
    all.iter().flat_map(|configuration| items(configuration, "webhooks").to_vec()).collect()
}

fn match_webhook(
    webhook: &Value,
    request: &Request,
    lookup: &dyn Lookup,
) -> Result<Option<Matched>, Rejection> {
    let Some(shown) = matched(webhook, "rules", "", request, lookup) else { return Ok(None) };
    let name = text(webhook, "name").to_owned();
    if !items(webhook, "matchConditions").is_empty() {
        let facts = Facts::new(request, &shown, lookup);
        match conditions_hold(webhook, &facts, &CelValue::Null) {
            Outcome::Holds => {}
            Outcome::Excluded => return Ok(None),
            Outcome::Failed(_) if text(webhook, "failurePolicy") == "Ignore" => return Ok(None),
            Outcome::Failed(error) => return Err(Rejection::forbidden(request, &error)),
        }
    }
    Ok(Some(Matched { webhook: webhook.clone(), name, shown }))
}

/// Where a webhook is, how long it may take, and whom it must prove to be.
fn target(webhook: &Value) -> Result<Target, String> {
    let config = &webhook["clientConfig"];
    let seconds = int(webhook, "timeoutSeconds").unwrap_or(TIMEOUT_SECONDS).clamp(1, 30);
    let bundle = text(config, "caBundle");
    let ca_bundle = if bundle.is_empty() {
        None
    } else {
        Some(STANDARD.decode(bundle).map_err(|error| format!("failed to read caBundle: {error}"))?)
    };
    let service = has(config, "service").then(|| ServiceReference {
        namespace: text(&config["service"], "namespace").to_owned(),
        name: text(&config["service"], "name").to_owned(),
        port: int(&config["service"], "port").and_then(|port| u16::try_from(port).ok()).unwrap_or(443),
    });
    let url = match &service {
        Some(service) => {
            let path = text(&config["service"], "path");
            format!("https://{}.{}.svc:{}{path}", service.name, service.namespace, service.port)
        }
        None => text(config, "url").to_owned(),
    };
    Ok(Target { url, service, ca_bundle, timeout: Duration::from_secs(seconds.unsigned_abs()) })
}

/// The refusal of a webhook: its own status, at least 400, with the webhook named.
fn denied(name: &str, result: Value) -> Rejection {
    let by = format!("admission webhook {name:?} denied the request");
    let mut status = if result.is_object() { result } else { json!({}) };
    let said = [text(&status, "message"), text(&status, "reason")].into_iter().find(|text| !text.is_empty());
    let message = said.map_or_else(|| format!("{by} without explanation"), |said| format!("{by}: {said}"));
    let code = int(&status, "code").filter(|code| (400..=599).contains(code)).unwrap_or(400);
    set(&mut status, "kind", "Status");
    set(&mut status, "apiVersion", "v1");
    if !has(&status, "metadata") {
        set(&mut status, "metadata", json!({}));
    }
    set(&mut status, "status", "Failure");
    set(&mut status, "message", message);
    set(&mut status, "code", code);
    Rejection::new(status)
}

/// Changes the object as a webhook asks for, and completes it again.
fn apply(
    matched: &Matched,
    operations: &Value,
    request: &mut Request,
    lookup: &dyn Lookup,
) -> Result<(), Rejection> {
    let name = &matched.name;
    if operations.as_array().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let Some(object) = &request.object else {
        let message = format!(
            "admission webhook {name:?} attempted to modify the object, which is not supported for this operation"
        );
        return Err(Rejection::internal(&message));
    };
    let shown = shown_object(object, &matched.shown, request);
    let mut changed = patch::json::apply(&shown, operations).map_err(|error| {
        Rejection::internal(&format!("failed to apply the patch of webhook {name:?}: {error}"))
    })?;
    // What an object is, is not for webhooks to change.
    set(&mut changed, "apiVersion", request.gvk.api_version());
    set(&mut changed, "kind", request.gvk.kind.as_str());
    if request.operation == Operation::Create || request.operation == Operation::Update {
        lookup.default_again(&request.gvk, &mut changed, request.now);
    }
    request.object = Some(changed);
    Ok(())
}
