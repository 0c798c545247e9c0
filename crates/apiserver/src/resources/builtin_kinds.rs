//! The builtin resources of Kubernetes 1.37, one a line.

use std::sync::Arc;

use super::convert::Conversion;
use super::fields;
use super::resource::{Resource, ScalePaths, Subresource, Version};
use crate::store::Store;

/// One line of the table.
struct Line {
    group: &'static str,
    versions: &'static str,
    plural: &'static str,
    kind: &'static str,
    /// `n` namespaced, `s` has a status, `r` has a scale, `d` DELETE answers with the object, `c` PUT may create,
    /// `m` an update must say which `resourceVersion` it replaces.
    traits: &'static str,
    short: &'static [&'static str],
    categories: &'static [&'static str],
}

const fn line(
    group: &'static str,
    versions: &'static str,
    plural: &'static str,
    kind: &'static str,
    traits: &'static str,
    short: &'static [&'static str],
) -> Line {
    Line { group, versions, plural, kind, traits, short, categories: &[] }
}

const fn all(mut line: Line) -> Line {
    line.categories = &["all"];
    line
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RESOURCE: &str = "resource.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";

/// In the order in which discovery lists groups.
const LINES: &[Line] = &[
    line("", "v1", "configmaps", "ConfigMap", "n", &["cm"]),
    line("", "v1", "endpoints", "Endpoints", "nc", &["ep"]),
    line("", "v1", "events", "Event", "nc", &["ev"]),
    line("", "v1", "limitranges", "LimitRange", "nc", &["limits"]),
    line("", "v1", "namespaces", "Namespace", "s", &["ns"]),
    line("", "v1", "nodes", "Node", "s", &["no"]),
    line("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "nsd", &["pvc"]),
    line("", "v1", "persistentvolumes", "PersistentVolume", "sd", &["pv"]),
    all(line("", "v1", "pods", "Pod", "nsd", &["po"])),
    line("", "v1", "podtemplates", "PodTemplate", "ncd", &[]),
    all(line("", "v1", "replicationcontrollers", "ReplicationController", "nsr", &["rc"])),
    line("", "v1", "resourcequotas", "ResourceQuota", "nsd", &["quota"]),
    line("", "v1", "secrets", "Secret", "n", &[]),
    line("", "v1", "serviceaccounts", "ServiceAccount", "nd", &["sa"]),
    all(line("", "v1", "services", "Service", "nscd", &["svc"])),
    line("apps", "v1", "controllerrevisions", "ControllerRevision", "n", &[]),
    all(line("apps", "v1", "daemonsets", "DaemonSet", "ns", &["ds"])),
    all(line("apps", "v1", "deployments", "Deployment", "nsr", &["deploy"])),
    all(line("apps", "v1", "replicasets", "ReplicaSet", "nsr", &["rs"])),
    all(line("apps", "v1", "statefulsets", "StatefulSet", "nsr", &["sts"])),
    all(line("autoscaling", "v2 v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "ns", &["hpa"])),
    all(line("batch", "v1", "cronjobs", "CronJob", "ns", &["cj"])),
    all(line("batch", "v1", "jobs", "Job", "ns", &[])),
    line(
        "certificates.k8s.io",
        "v1",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        "s",
        &["csr"],
    ),
    line(NETWORKING, "v1", "ingressclasses", "IngressClass", "", &[]),
    line(NETWORKING, "v1", "ingresses", "Ingress", "ns", &["ing"]),
    line(NETWORKING, "v1", "ipaddresses", "IPAddress", "", &["ip"]),
    line(NETWORKING, "v1", "networkpolicies", "NetworkPolicy", "n", &["netpol"]),
    line(NETWORKING, "v1", "servicecidrs", "ServiceCIDR", "s", &[]),
    line("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "nsm", &["pdb"]),
    line(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", "", &[]),
    line(RBAC, "v1", "clusterroles", "ClusterRole", "", &[]),
    line(RBAC, "v1", "rolebindings", "RoleBinding", "n", &[]),
    line(RBAC, "v1", "roles", "Role", "n", &[]),
    line(STORAGE, "v1", "csidrivers", "CSIDriver", "", &[]),
    line(STORAGE, "v1", "csinodes", "CSINode", "", &[]),
    line(STORAGE, "v1", "csistoragecapacities", "CSIStorageCapacity", "n", &[]),
    line(STORAGE, "v1", "storageclasses", "StorageClass", "d", &["sc"]),
    line(STORAGE, "v1", "volumeattachments", "VolumeAttachment", "s", &[]),
    line(STORAGE, "v1", "volumeattributesclasses", "VolumeAttributesClass", "d", &["vac"]),
    line(ADMISSION, "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", "", &[]),
    line(ADMISSION, "v1", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", "", &[]),
    line(ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", &[]),
    line(ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "s", &[]),
    line(ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "", &[]),
    line(ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", &[]),
    line(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "sm",
        &["crd", "crds"],
    ),
    line("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "", &["pc"]),
    line("coordination.k8s.io", "v1", "leases", "Lease", "ncm", &[]),
    line("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", "", &[]),
    line("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "n", &[]),
    line("events.k8s.io", "v1", "events", "Event", "nc", &["ev"]),
    line(FLOW, "v1", "flowschemas", "FlowSchema", "s", &[]),
    line(FLOW, "v1", "prioritylevelconfigurations", "PriorityLevelConfiguration", "s", &[]),
    line(RESOURCE, "v1", "deviceclasses", "DeviceClass", "", &[]),
    line(RESOURCE, "v1", "resourceclaims", "ResourceClaim", "ns", &[]),
    line(RESOURCE, "v1", "resourceclaimtemplates", "ResourceClaimTemplate", "n", &[]),
    line(RESOURCE, "v1", "resourceslices", "ResourceSlice", "", &[]),
];

const POD_SUBRESOURCES: &[Subresource] = &[
    Subresource { name: "attach", gvk: ("", "v1", "PodAttachOptions"), verbs: &["create", "get"] },
    Subresource { name: "binding", gvk: ("", "v1", "Binding"), verbs: &["create"] },
    Subresource { name: "ephemeralcontainers", gvk: ("", "v1", "Pod"), verbs: &["get", "patch", "update"] },
    Subresource { name: "eviction", gvk: ("policy", "v1", "Eviction"), verbs: &["create"] },
    Subresource { name: "exec", gvk: ("", "v1", "PodExecOptions"), verbs: &["create", "get"] },
    Subresource { name: "log", gvk: ("", "v1", "Pod"), verbs: &["get"] },
    Subresource { name: "portforward", gvk: ("", "v1", "PodPortForwardOptions"), verbs: &["create", "get"] },
    Subresource { name: "resize", gvk: ("", "v1", "Pod"), verbs: &["get", "patch", "update"] },
];
const NAMESPACE_SUBRESOURCES: &[Subresource] =
    &[Subresource { name: "finalize", gvk: ("", "v1", "Namespace"), verbs: &["update"] }];
const ACCOUNT_SUBRESOURCES: &[Subresource] = &[Subresource {
    name: "token",
    gvk: ("authentication.k8s.io", "v1", "TokenRequest"),
    verbs: &["create"],
}];
const SIGNING_SUBRESOURCES: &[Subresource] = &[Subresource {
    name: "approval",
    gvk: ("certificates.k8s.io", "v1", "CertificateSigningRequest"),
    verbs: &["get", "patch", "update"],
}];

/// The fields of events under their names in events.k8s.io.
const EVENT_FIELD_NAMES: &[(&str, &str)] = &[
    ("regarding.kind", "involvedObject.kind"),
    ("regarding.namespace", "involvedObject.namespace"),
    ("regarding.name", "involvedObject.name"),
    ("regarding.uid", "involvedObject.uid"),
    ("regarding.apiVersion", "involvedObject.apiVersion"),
    ("regarding.resourceVersion", "involvedObject.resourceVersion"),
    ("regarding.fieldPath", "involvedObject.fieldPath"),
    ("reportingController", "reportingComponent"),
];

/// All of them, with their tables made in the store.
pub(super) fn builtin_resources(store: &Store) -> Vec<Resource> {
    LINES.iter().map(|line| resource(line, store)).collect()
}

fn resource(line: &Line, store: &Store) -> Resource {
    let has = |letter: char| line.traits.contains(letter);
    let is_events = line.group == "events.k8s.io";
    let storage_group = if is_events { "" } else { line.group };
    let table_name = match storage_group {
        "" => line.plural.to_owned(),
        group => format!("{}.{group}", line.plural),
    };
    let fields: Arc<[_]> = fields::of_table(&table_name).into();
    let subresources = match (line.group, line.plural) {
        ("", "pods") => POD_SUBRESOURCES,
        ("", "namespaces") => NAMESPACE_SUBRESOURCES,
        ("", "serviceaccounts") => ACCOUNT_SUBRESOURCES,
        (_, "certificatesigningrequests") => SIGNING_SUBRESOURCES,
        _ => &[],
    };
    let versions: Vec<Version> = line
        .versions
        .split(' ')
        .map(|name| Version {
            name: name.to_owned(),
            has_status: has('s'),
            scale: has('r').then(scale_paths),
            subresources,
            conversion: match (line.group, name) {
                ("events.k8s.io", _) => Conversion::Events,
                ("autoscaling", "v1") => Conversion::AutoscalerV1,
                _ => Conversion::ApiVersionOnly,
            },
            field_names: if is_events { EVENT_FIELD_NAMES } else { &[] },
            schema: None,
            deprecation: (line.plural == "endpoints").then(|| {
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned()
            }),
        })
        .collect();
    Resource {
        group: line.group.to_owned(),
        plural: line.plural.to_owned(),
        singular: line.kind.to_lowercase(),
        kind: line.kind.to_owned(),
        list_kind: format!("{}List", line.kind),
        is_namespaced: has('n'),
        short_names: line.short.iter().map(|&name| name.to_owned()).collect(),
        categories: line.categories.iter().map(|&name| name.to_owned()).collect(),
        table: store.table(&table_name, &fields),
        fields,
        storage_version: versions.first().map(|version| version.name.clone()).unwrap_or_default(),
        storage_group: storage_group.to_owned(),
        versions,
        storage_schema: None,
        definition: None,
        creates_on_update: has('c'),
        allows_unconditional_update: !has('m'),
        returns_deleted: has('d'),
    }
}

fn scale_paths() -> ScalePaths {
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    ScalePaths {
        spec_replicas: path("spec.replicas"),
        status_replicas: path("status.replicas"),
        selector: Some(path("spec.selector")),
    }
}
