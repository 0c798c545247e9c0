//! What every cluster has from the start. Whatever is there already stays as it is.

use serde_json::{Value, json};

use crate::builtin;
use crate::server::Server;
use crate::status::ApiError;

/// The namespaces.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Where addresses of services come from: that of EKS for VPCs outside of 10.0.0.0/8.
const SERVICE_NETWORK: &str = "10.100.0.0/16";
/// The address of the API server's own service: the first one.
const SERVER_ADDRESS: &str = "10.100.0.1";

/// Makes what is missing.
pub(crate) fn bootstrap(server: &Server) -> Result<(), ApiError> {
    for name in NAMESPACES {
        let labels = json!({ "kubernetes.io/metadata.name": name });
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "labels": labels },
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
        });
        ensure(server, "", "namespaces", "", name, namespace)?;
    }
    for (name, value, description) in [
        ("system-cluster-critical", 2_000_000_000, "for what the cluster needs to work"),
        ("system-node-critical", 2_000_001_000, "for what a node needs to work"),
    ] {
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "generation": 1 },
            "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority",
        });
        ensure(server, "scheduling.k8s.io", "priorityclasses", "", name, class)?;
    }
    roles(server)?;
    let service_cidr = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {},
        "spec": { "cidrs": [SERVICE_NETWORK] },
    });
    ensure(server, "networking.k8s.io", "servicecidrs", "", "kubernetes", service_cidr)?;
    let port = json!({ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 });
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "labels": { "component": "apiserver", "provider": "kubernetes" } },
        "spec": { "clusterIP": SERVER_ADDRESS, "clusterIPs": [SERVER_ADDRESS], "ports": [port], "type": "ClusterIP" },
        "status": { "loadBalancer": {} },
    });
    builtin::default(&crate::gvk::Gvk::new("", "v1", "Service"), &mut service, server.now());
    ensure(server, "", "services", "default", "kubernetes", service)?;
    server.settle();
    Ok(())
}

/// The roles that people bind to, and the administrator's binding.
fn roles(server: &Server) -> Result<(), ApiError> {
    let all = json!([
        { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] },
        { "nonResourceURLs": ["*"], "verbs": ["*"] },
    ]);
    let read_only = json!(["get", "list", "watch"]);
    let write = json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    let groups =
        json!(["", "apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io", "policy"]);
    let workloads = |verbs: &Value| json!([{ "apiGroups": groups, "resources": ["*"], "verbs": verbs }]);
    for (name, rules) in [
        ("cluster-admin", all),
        ("admin", workloads(&write)),
        ("edit", workloads(&write)),
        ("view", workloads(&read_only)),
    ] {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
            "rules": rules,
        });
        ensure(server, "rbac.authorization.k8s.io", "clusterroles", "", name, role)?;
    }
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
        "metadata": { "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": group, "kind": "Group", "name": "system:masters" }],
    });
    ensure(server, group, "clusterrolebindings", "", "cluster-admin", binding)
}

fn ensure(
    server: &Server,
    group: &str,
    plural: &str,
    namespace: &str,
    name: &str,
    mut object: Value,
) -> Result<(), ApiError> {
    let registry = server.registry();
    let resource = registry.get(group, plural).ok_or_else(ApiError::no_such_resource)?;
    let key = resource.key(namespace, name);
    if server.shared.store.get(resource.table, &key).is_some() {
        return Ok(());
    }
    let mut metadata = server.new_metadata(namespace, name);
    for (field, value) in object["metadata"].as_object().into_iter().flatten() {
        metadata[field] = value.clone();
    }
    object["metadata"] = metadata;
    match server.commit(resource, &key, None, &mut object) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::already_exists(&resource.qualified(), name)),
    }
}
