//! What pods and claims get from the cluster: service account, tolerations, storage class, protection.

use serde_json::{Value, json};

use crate::admission::lookup::Lookup;
use crate::admission::request::{Operation, Rejection, Request};
use crate::builtin::amounts::quantity;
use crate::builtin::read::{
    at_mut, ensure_object, has, has_content, items, set, set_default_text, text, truth,
};
use crate::gvk::Gvr;

/// How long a pod stays on a node that is not ready or unreachable, in seconds.
const TOLERATED_SECONDS: i64 = 300;

/// Taints of nodes that are not well.
const NODE_TROUBLE: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Annotation of the StorageClass or IngressClass for those who name none.
const DEFAULT_STORAGE_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// Annotation of the IngressClass for Ingresses that name none.
const DEFAULT_INGRESS_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// Pods of kubelets themselves.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Pods run as the account `default` when nothing else is said; its pull secrets are theirs (`ServiceAccount`).
pub(super) fn set_service_account(request: &mut Request, lookup: &dyn Lookup) {
    if !request.creates("", "pods") {
        return;
    }
    let namespace = request.namespace.clone();
    let Some(pod) = &mut request.object else { return };
    if has_content(&pod["metadata"]["annotations"], MIRROR) {
        return;
    }
    let Some(spec) = ensure_object(pod, "spec") else { return };
    set_default_text(spec, "serviceAccountName", "default");
    let name = text(spec, "serviceAccountName").to_owned();
    set(spec, "serviceAccount", name.as_str());
    let Some(account) = lookup.get(&Gvr::new("", "v1", "serviceaccounts"), &namespace, &name) else { return };
    if !has_content(spec, "imagePullSecrets") && has_content(&account, "imagePullSecrets") {
        set(spec, "imagePullSecrets", account["imagePullSecrets"].clone());
    }
}

/// Pods tolerate trouble of their node for a while (`DefaultTolerationSeconds`).
pub(super) fn set_tolerations(request: &mut Request) {
    let is_pod =
        request.is_for("", "pods") && matches!(request.operation, Operation::Create | Operation::Update);
    if !is_pod {
        return;
    }
    let Some(spec) = request.object.as_mut().and_then(|pod| at_mut(pod, &["spec"])) else { return };
    let mut tolerations = items(spec, "tolerations").to_vec();
    let before = tolerations.len();
    for key in NODE_TROUBLE {
        let tolerates = |toleration: &Value| {
            let (tolerated, effect) = (text(toleration, "key"), text(toleration, "effect"));
            (tolerated.is_empty() || tolerated == key) && matches!(effect, "" | "NoExecute")
        };
        if !tolerations.iter().any(tolerates) {
            tolerations.push(json!({
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": TOLERATED_SECONDS,
            }));
        }
    }
    if tolerations.len() != before {
        set(spec, "tolerations", tolerations);
    }
}

/// Claims that name no class get the default one: the youngest, by name if there are several (`DefaultStorageClass`).
pub(super) fn set_storage_class(request: &mut Request, lookup: &dyn Lookup) {
    if !request.creates("", "persistentvolumeclaims") {
        return;
    }
    let Some(claim) = &mut request.object else { return };
    // An empty name asks for no class at all.
    if has(&claim["spec"], "storageClassName")
        || has(&claim["metadata"]["annotations"], "volume.beta.kubernetes.io/storage-class")
    {
        return;
    }
    if let Some(name) = default_class(lookup, "storageclasses", &DEFAULT_STORAGE_CLASS)
        && let Some(spec) = ensure_object(claim, "spec")
    {
        set(spec, "storageClassName", name);
    }
}

/// Ingresses that name no class get the default one (`DefaultIngressClass`).
pub(super) fn set_ingress_class(request: &mut Request, lookup: &dyn Lookup) {
    if !request.creates("networking.k8s.io", "ingresses") {
        return;
    }
    let Some(ingress) = &mut request.object else { return };
    if has(&ingress["spec"], "ingressClassName")
        || has(&ingress["metadata"]["annotations"], "kubernetes.io/ingress.class")
    {
        return;
    }
    if let Some(name) = default_class(lookup, "ingressclasses", &[DEFAULT_INGRESS_CLASS])
        && let Some(spec) = ensure_object(ingress, "spec")
    {
        set(spec, "ingressClassName", name);
    }
}

fn default_class(lookup: &dyn Lookup, resource: &str, annotations: &[&str]) -> Option<String> {
    let group = if resource == "storageclasses" { "storage.k8s.io" } else { "networking.k8s.io" };
    let classes = lookup.list(&Gvr::new(group, "v1", resource), None);
    classes
        .iter()
        .filter(|class| {
            annotations.iter().any(|annotation| text(&class["metadata"]["annotations"], annotation) == "true")
        })
        .max_by(|left, right| {
            let created = |class: &Value| text(&class["metadata"], "creationTimestamp").to_owned();
            let name = |class: &Value| text(&class["metadata"], "name").to_owned();
            created(left).cmp(&created(right)).then_with(|| name(right).cmp(&name(left)))
        })
        .map(|class| text(&class["metadata"], "name").to_owned())
}

/// Claims and volumes are kept as long as they are in use (`StorageObjectInUseProtection`).
pub(super) fn set_protection(request: &mut Request) {
    let finalizer = if request.creates("", "persistentvolumeclaims") {
        "kubernetes.io/pvc-protection"
    } else if request.creates("", "persistentvolumes") {
        "kubernetes.io/pv-protection"
    } else {
        return;
    };
    let Some(metadata) = request.object.as_mut().and_then(|object| ensure_object(object, "metadata")) else {
        return;
    };
    let mut finalizers = items(metadata, "finalizers").to_vec();
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(json!(finalizer));
        set(metadata, "finalizers", finalizers);
    }
}

/// A claim may only grow if its class lets it (`PersistentVolumeClaimResize`).
pub(super) fn check_claim_resize(request: &Request, lookup: &dyn Lookup) -> Result<(), Rejection> {
    if !(request.is_for("", "persistentvolumeclaims") && request.operation == Operation::Update) {
        return Ok(());
    }
    let (Some(new), Some(old)) = (&request.object, &request.old_object) else { return Ok(()) };
    let size = |claim: &Value| quantity(&claim["spec"]["resources"]["requests"]["storage"]);
    if size(new) <= size(old) {
        return Ok(());
    }
    if text(&old["status"], "phase") != "Bound" {
        return Err(Rejection::forbidden(request, "Only bound persistent volume claims can be expanded"));
    }
    let class = text(&new["spec"], "storageClassName");
    let class = lookup.get(&Gvr::new("storage.k8s.io", "v1", "storageclasses"), "", class);
    if class.is_some_and(|class| truth(&class, "allowVolumeExpansion")) {
        return Ok(());
    }
    let because = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
                   support resize";
    Err(Rejection::forbidden(request, because))
}
