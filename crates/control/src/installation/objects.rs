//! The objects beside the definitions (reference section 6.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::permissions::{cluster_role_rules, role_rules};

/// How it is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationOptions {
    /// The namespace.
    pub namespace: String,
    /// The name of everything.
    pub name: String,
    /// The image.
    pub image: String,
    /// How many replicas: one works, the others wait.
    pub replicas: u32,
    /// The cloud, as the controller takes it: `aws`, `sim`.
    pub cloud: String,
    /// Settings by the names of their environment variables.
    pub settings: BTreeMap<String, String>,
}

impl InstallationOptions {
    /// Two replicas in kube-system, of the image of this version.
    pub fn new(cloud: impl Into<String>) -> Self {
        Self {
            namespace: "kube-system".to_owned(),
            name: "supercargo".to_owned(),
            image: concat!("ghcr.io/supercargo-dev/supercargo:", env!("CARGO_PKG_VERSION")).to_owned(),
            replicas: 2,
            cloud: cloud.into(),
            settings: BTreeMap::new(),
        }
    }
}

/// The objects beside the definitions, in the order in which they can be created.
pub fn objects(options: &InstallationOptions) -> Vec<Value> {
    let mut objects = Vec::new();
    if options.namespace != "kube-system" && options.namespace != "default" {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": options.namespace, "labels": labels(options)},
        }));
    }
    let subjects = json!([{"kind": "ServiceAccount", "name": options.name, "namespace": options.namespace}]);
    let role =
        |kind: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": options.name});
    let rbac = "rbac.authorization.k8s.io/v1";
    objects.extend([
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(options)}),
        json!({
            "apiVersion": rbac, "kind": "ClusterRole", "metadata": cluster_metadata(options), "rules": cluster_role_rules(),
        }),
        json!({
            "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": cluster_metadata(options),
            "roleRef": role("ClusterRole"), "subjects": subjects,
        }),
        json!({"apiVersion": rbac, "kind": "Role", "metadata": metadata(options), "rules": role_rules()}),
        json!({
            "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata(options),
            "roleRef": role("Role"), "subjects": subjects,
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(options),
            "spec": {
                "type": "ClusterIP",
                "selector": selector(options),
                "ports": [{"name": "http-metrics", "port": 8080, "protocol": "TCP", "targetPort": "http-metrics"}],
            },
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(options),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(options)}},
        }),
        deployment(options),
    ]);
    objects
}

fn selector(options: &InstallationOptions) -> Value {
    json!({"app.kubernetes.io/instance": options.name, "app.kubernetes.io/name": "supercargo"})
}

fn labels(options: &InstallationOptions) -> Value {
    let mut labels = selector(options);
    labels["app.kubernetes.io/version"] = json!(env!("CARGO_PKG_VERSION"));
    labels
}

fn cluster_metadata(options: &InstallationOptions) -> Value {
    json!({"name": options.name, "labels": labels(options)})
}

fn metadata(options: &InstallationOptions) -> Value {
    json!({"name": options.name, "namespace": options.namespace, "labels": labels(options)})
}

fn deployment(options: &InstallationOptions) -> Value {
    let probe = |path: &str, delay: u32| json!({"httpGet": {"path": path, "port": "http"}, "initialDelaySeconds": delay, "timeoutSeconds": 30});
    let settings = options.settings.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let own = [
        json!({"name": "HOSTNAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
        json!({"name": "LOG_FORMAT", "value": "json"}),
    ];
    let told = |name: &str| options.settings.contains_key(name);
    let env: Vec<Value> = own
        .into_iter()
        .filter(|variable| variable["name"].as_str().is_none_or(|name| !told(name)))
        .chain(settings)
        .collect();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(options),
        "spec": {
            "replicas": options.replicas,
            "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": selector(options)},
            "template": {
                "metadata": {"labels": labels(options)},
                "spec": {
                    "serviceAccountName": options.name,
                    "priorityClassName": "system-cluster-critical",
                    "terminationGracePeriodSeconds": 30,
                    "securityContext": {"fsGroup": 65532},
                    "containers": [{
                        "name": "controller",
                        "image": options.image,
                        "args": ["controller", "--cloud", options.cloud],
                        "env": env,
                        "ports": [
                            {"name": "http-metrics", "containerPort": 8080, "protocol": "TCP"},
                            {"name": "http", "containerPort": 8081, "protocol": "TCP"},
                        ],
                        "livenessProbe": probe("/healthz", 30),
                        "readinessProbe": probe("/readyz", 5),
                        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": {"drop": ["ALL"]},
                            "readOnlyRootFilesystem": true,
                            "runAsGroup": 65532,
                            "runAsNonRoot": true,
                            "runAsUser": 65532,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                    }],
                    // it must not run on nodes that it gives up itself
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}]},
                        ]}},
                        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": selector(options)}},
                        ]},
                    },
                    "topologySpreadConstraints": [{
                        "labelSelector": {"matchLabels": selector(options)},
                        "maxSkew": 1,
                        "topologyKey": "topology.kubernetes.io/zone",
                        "whenUnsatisfiable": "DoNotSchedule",
                    }],
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_needed_is_there() {
        let mut options = InstallationOptions::new("sim");
        options.settings.insert("CLUSTER_NAME".to_owned(), "shop".to_owned());
        options.namespace = "supercargo".to_owned();
        insta::assert_json_snapshot!(objects(&options));
    }

    #[test]
    fn the_deployment_is_not_taken_for_another_autoscaler() {
        let options = InstallationOptions::new("sim");
        let deployment: k8s_openapi::api::apps::v1::Deployment =
            serde_json::from_value(objects(&options).pop().unwrap()).unwrap();
        assert_eq!(crate::election::rivals([&deployment], [], jiff::Timestamp::UNIX_EPOCH), []);
    }
}
