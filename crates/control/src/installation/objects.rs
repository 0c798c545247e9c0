//! The objects beside the definitions (reference section 6.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::permissions::{cluster_role_rules, cost_rules, role_rules};

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
    /// The costs, if they are to be measured.
    pub costs: Option<CostOptions>,
}

/// How costs are measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostOptions {
    /// The port that they are answered on; 0 is none.
    pub port: u16,
    /// The claim of the volume that the ledger is kept on, if it is.
    pub claim: Option<String>,
}

/// Where the ledger is in the container.
const LEDGER: &str = "/var/lib/supercargo/ledger";

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
            costs: None,
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
    let named =
        |kind: &str, name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let role = |kind: &str| named(kind, &options.name);
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
    ]);
    if options.costs.is_some() {
        let name = format!("{}-costs", options.name);
        let metadata = json!({"name": name, "labels": labels(options)});
        objects.extend([
            json!({"apiVersion": rbac, "kind": "ClusterRole", "metadata": metadata, "rules": cost_rules()}),
            json!({
                "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": metadata,
                "roleRef": named("ClusterRole", &name), "subjects": subjects,
            }),
        ]);
    }
    objects.extend([
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(options),
            "spec": {"type": "ClusterIP", "selector": selector(options), "ports": service_ports(options)},
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(options),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(options)}},
        }),
        deployment(options),
    ]);
    objects
}

/// Ports by name.
fn ports(options: &InstallationOptions) -> Vec<(&'static str, u16)> {
    let costs = options.costs.as_ref().map(|costs| costs.port).filter(|port| *port != 0);
    [("http-metrics", 8080), ("http", 8081)]
        .into_iter()
        .chain(costs.map(|port| ("http-costs", port)))
        .collect()
}

fn service_ports(options: &InstallationOptions) -> Value {
    let answered = ports(options).into_iter().filter(|(name, _)| *name != "http");
    answered
        .map(|(name, port)| json!({"name": name, "port": port, "protocol": "TCP", "targetPort": name}))
        .collect()
}

/// The words of the command.
fn arguments(options: &InstallationOptions) -> Vec<String> {
    let mut words = vec!["controller".to_owned(), "--cloud".to_owned(), options.cloud.clone()];
    if let Some(costs) = &options.costs {
        words.extend(["--cost-port".to_owned(), costs.port.to_string()]);
        if costs.claim.is_some() {
            words.extend(["--cost-store".to_owned(), LEDGER.to_owned()]);
        }
    }
    words
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
    let mut deployment = json!({
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
                        "args": arguments(options),
                        "env": env,
                        "ports": ports(options)
                            .into_iter()
                            .map(|(name, port)| json!({"name": name, "containerPort": port, "protocol": "TCP"}))
                            .collect::<Value>(),
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
    });
    if let Some(claim) = options.costs.as_ref().and_then(|costs| costs.claim.as_ref()) {
        let pod = &mut deployment["spec"]["template"]["spec"];
        pod["volumes"] = json!([{"name": "ledger", "persistentVolumeClaim": {"claimName": claim}}]);
        pod["containers"][0]["volumeMounts"] = json!([{"name": "ledger", "mountPath": LEDGER}]);
    }
    deployment
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

    /// What measuring needs comes with it, and only with it.
    #[test]
    fn costs_come_with_their_permissions_their_port_and_their_volume() {
        let plain = InstallationOptions::new("sim");
        let costs = CostOptions { port: 9003, claim: Some("ledger".to_owned()) };
        let measured = InstallationOptions { costs: Some(costs), ..plain.clone() };
        let (plain, measured) = (objects(&plain), objects(&measured));
        let news: Vec<&Value> = measured.iter().filter(|object| !plain.contains(object)).collect();
        let named =
            |object: &&Value| format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', "");
        assert_eq!(
            news.iter().map(named).collect::<Vec<_>>(),
            [
                "ClusterRole supercargo-costs",
                "ClusterRoleBinding supercargo-costs",
                "Service supercargo",
                "Deployment supercargo"
            ]
        );
        let pod = &news[3]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        insta::assert_json_snapshot!(json!({
            "rules": news[0]["rules"], "roleRef": news[1]["roleRef"], "service": news[2]["spec"]["ports"],
            "args": container["args"], "ports": container["ports"], "mounts": container["volumeMounts"], "volumes": pod["volumes"],
        }));
        assert!(!plain.iter().any(|object| object.to_string().contains("nodes/proxy")));
    }

    #[test]
    fn the_deployment_is_not_taken_for_another_autoscaler() {
        let options = InstallationOptions::new("sim");
        let deployment: k8s_openapi::api::apps::v1::Deployment =
            serde_json::from_value(objects(&options).pop().unwrap()).unwrap();
        assert_eq!(crate::election::rivals([&deployment], [], jiff::Timestamp::UNIX_EPOCH), []);
    }
}
