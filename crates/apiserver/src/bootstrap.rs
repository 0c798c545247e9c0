//! What every cluster has from the start. Whatever is there already stays as it is.

use serde_json::{Value, json};

use crate::builtin;
use crate::server::Server;
use crate::status::ApiError;

/// The namespaces.
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

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
    let cidr = server.shared.options.service_cidr.clone();
    let service_cidr = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {},
        "spec": { "cidrs": [cidr] },
    });
    ensure(server, "networking.k8s.io", "servicecidrs", "", "kubernetes", service_cidr)?;
    if let Some(address) = first_address(&cidr) {
        let port = json!({ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 });
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "labels": { "component": "apiserver", "provider": "kubernetes" } },
            "spec": { "clusterIP": address, "clusterIPs": [address], "ports": [port], "type": "ClusterIP" },
            "status": { "loadBalancer": {} },
        });
        let gvk = crate::gvk::Gvk::new("", "v1", "Service");
        builtin::default(&gvk, &mut service, server.now());
        ensure(server, "", "services", "default", "kubernetes", service)?;
    }
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

/// The first address of a range, which is that of the API server's own service.
fn first_address(cidr: &str) -> Option<String> {
    let (network, _) = cidr.split_once('/')?;
    let address: std::net::Ipv4Addr = network.parse().ok()?;
    Some(std::net::Ipv4Addr::from(u32::from(address).checked_add(1)?).to_string())
}
