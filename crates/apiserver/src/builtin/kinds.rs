//! Which rules are for which kind.

use jiff::Timestamp;
use serde_json::Value;

use crate::field_error::FieldError;
use crate::gvk::Gvk;
use crate::names::NameRule;

use super::pod::{spec::check_pod, update};
use super::read::{Errors, has, text};
use super::workloads::{batch, replicated};
use super::{access, availability, cluster, metadata, networking, pod, registration, services, storage};

/// Builtin kinds that are not in a namespace.
const CLUSTER_SCOPED: [(&str, &str); 23] = [
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    (access::RBAC, "ClusterRole"),
    (access::RBAC, "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
];

/// Kinds whose objects have no `metadata` to speak of: questions, not things.
const WITHOUT_NAME: [&str; 9] = [
    "SelfSubjectReview",
    "TokenReview",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
    "LocalSubjectAccessReview",
    "TokenRequest",
    "Eviction",
    "DeleteOptions",
];

/// Whether objects of a builtin kind are in a namespace.
pub fn is_namespaced(gvk: &Gvk) -> bool {
    !CLUSTER_SCOPED.contains(&(gvk.group.as_str(), gvk.kind.as_str()))
}

/// What the names of objects of a builtin kind look like.
pub fn name_rule(gvk: &Gvk) -> NameRule {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Namespace") => NameRule::Label,
        ("", "Service") => NameRule::Label1035,
        ("batch", "CronJob") => NameRule::SubdomainUpTo(batch::LONGEST_CRON_JOB_NAME),
        (access::RBAC, _) => NameRule::PathSegment,
        _ => NameRule::Subdomain,
    }
}

/// Sets what upstream sets when nothing is said, in the object of a builtin kind. Idempotent; other kinds stay as they
/// are. The time is that of the request; no builtin default depends on it so far.
pub fn default(gvk: &Gvk, object: &mut Value, _now: Timestamp) {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => pod::defaults::pod(object),
        ("", "PodTemplate") => pod::defaults::template(object),
        ("", "ReplicationController") => replicated::default_replication_controller(object),
        ("", "Service") => services::default_service(object),
        ("", "Endpoints") => services::default_endpoints(object),
        ("", "PersistentVolumeClaim") => storage::default_claim(object),
        ("", "PersistentVolume") => storage::default_volume(object),
        ("", "Node") => cluster::default_node(object),
        ("", "Namespace") => cluster::default_namespace(object),
        ("", "Secret") => cluster::default_secret(object),
        ("", "LimitRange") => cluster::default_limit_range(object),
        ("apps", "Deployment") => replicated::default_deployment(object),
        ("apps", "ReplicaSet") => replicated::default_replica_set(object),
        ("apps", "StatefulSet") => replicated::default_stateful_set(object),
        ("apps", "DaemonSet") => replicated::default_daemon_set(object),
        ("batch", "Job") => batch::default_job(object),
        ("batch", "CronJob") => batch::default_cron_job(object),
        ("autoscaling", "HorizontalPodAutoscaler") => availability::default_autoscaler(object, &gvk.version),
        ("discovery.k8s.io", "EndpointSlice") => services::default_slice(object),
        ("networking.k8s.io", "NetworkPolicy") => networking::default_network_policy(object),
        ("scheduling.k8s.io", "PriorityClass") => {
            super::read::set_default_text(object, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("storage.k8s.io", "StorageClass") => storage::default_class(object),
        (access::RBAC, "RoleBinding" | "ClusterRoleBinding") => access::default_binding(object),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            registration::default_webhooks(object, true);
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => {
            registration::default_webhooks(object, false);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => registration::default_policy(object),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            registration::default_policy_binding(object);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crate::custom::default_definition(object),
        _ => {}
    }
}

/// What is wrong with an object of a builtin kind that is to be created. It has its defaults, name and namespace.
pub fn validate(gvk: &Gvk, object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if !WITHOUT_NAME.contains(&gvk.kind.as_str()) {
        errors.extend(metadata::validate(object, is_namespaced(gvk), name_rule(gvk), true));
    }
    check(gvk, object, &mut errors);
    errors.into_vec()
}

/// What is wrong with the new state of an object of a builtin kind, also in view of the old one.
pub fn validate_update(gvk: &Gvk, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    errors.extend(metadata::validate_update(new, old, true));
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        // The spec of a pod is checked by what may change: rules that came later do not hold for it.
        ("", "Pod") => update::check_pod_update(new, old, &mut errors),
        _ => check(gvk, new, &mut errors),
    }
    check_changes(gvk, new, old, &mut errors);
    errors.into_vec()
}

/// What is wrong with a change of the status of an object of a builtin kind.
pub fn validate_status(gvk: &Gvk, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Errors::default();
    errors.extend(metadata::validate_update(new, old, true));
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => update::check_pod_status(new, old, &mut errors),
        ("", "Node") => cluster::check_node(new, &mut errors),
        _ => {
            for field in [
                "replicas",
                "readyReplicas",
                "availableReplicas",
                "updatedReplicas",
                "unavailableReplicas",
                "observedGeneration",
                "fullyLabeledReplicas",
                "active",
                "succeeded",
                "failed",
                "disruptionsAllowed",
                "currentHealthy",
                "desiredHealthy",
                "expectedPods",
            ] {
                let at = crate::field_error::Path::ROOT.field("status");
                super::workloads::rolling::check_not_negative(&new["status"], field, &at, &mut errors);
            }
        }
    }
    errors.into_vec()
}

fn check(gvk: &Gvk, object: &Value, errors: &mut Errors) {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => check_pod(object, errors),
        ("", "PodTemplate") => {
            let at = crate::field_error::Path::ROOT.field("template");
            pod::spec::check_pod_template(&object["template"], &at, None, errors);
        }
        ("", "Binding") => update::check_binding(object, errors),
        ("", "ReplicationController") => replicated::check_replication_controller(object, errors),
        ("", "Service") => services::check_service(object, errors),
        ("", "Endpoints") => services::check_endpoints(object, errors),
        ("", "PersistentVolumeClaim") => storage::check_claim(object, errors),
        ("", "PersistentVolume") => storage::check_volume(object, errors),
        ("", "Node") => cluster::check_node(object, errors),
        ("", "Namespace") => cluster::check_namespace(object, errors),
        ("", "ConfigMap") => cluster::check_config_map(object, errors),
        ("", "Secret") => cluster::check_secret(object, errors),
        ("", "LimitRange") => cluster::check_limit_range(object, errors),
        ("", "ResourceQuota") => cluster::check_quota(object, errors),
        ("" | "events.k8s.io", "Event") => cluster::check_event(object, errors),
        ("apps", "Deployment") => replicated::check_deployment(object, errors),
        ("apps", "ReplicaSet") => replicated::check_replica_set(object, errors),
        ("apps", "StatefulSet") => replicated::check_stateful_set(object, errors),
        ("apps", "DaemonSet") => replicated::check_daemon_set(object, errors),
        ("batch", "Job") => batch::check_job(object, errors),
        ("batch", "CronJob") => batch::check_cron_job(object, errors),
        ("autoscaling", "HorizontalPodAutoscaler") => availability::check_autoscaler(object, errors),
        ("policy", "PodDisruptionBudget") => availability::check_budget(object, errors),
        ("scheduling.k8s.io", "PriorityClass") => availability::check_priority_class(object, errors),
        ("coordination.k8s.io", "Lease") => availability::check_lease(object, errors),
        ("node.k8s.io", "RuntimeClass") => availability::check_runtime_class(object, errors),
        ("discovery.k8s.io", "EndpointSlice") => services::check_slice(object, errors),
        ("networking.k8s.io", "Ingress") => networking::check_ingress(object, errors),
        ("networking.k8s.io", "NetworkPolicy") => networking::check_network_policy(object, errors),
        ("storage.k8s.io", "StorageClass") => storage::check_class(object, errors),
        ("storage.k8s.io", "CSINode") => storage::check_csi_node(object, errors),
        ("storage.k8s.io", "VolumeAttachment") => storage::check_attachment(object, errors),
        (access::RBAC, "Role") => access::check_role(object, false, errors),
        (access::RBAC, "ClusterRole") => access::check_role(object, true, errors),
        (access::RBAC, "RoleBinding") => access::check_binding(object, false, errors),
        (access::RBAC, "ClusterRoleBinding") => access::check_binding(object, true, errors),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            registration::check_webhooks(object, true, errors);
        }
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => {
            registration::check_webhooks(object, false, errors);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            registration::check_policy(object, errors)
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            registration::check_policy_binding(object, errors);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            errors.extend(crate::custom::validate_definition(object));
        }
        _ => {}
    }
}

fn check_changes(gvk: &Gvk, new: &Value, old: &Value, errors: &mut Errors) {
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Service") => services::check_service_update(new, old, errors),
        ("", "PersistentVolumeClaim") => storage::check_claim_update(new, old, errors),
        ("", "PersistentVolume") => storage::check_volume_update(new, old, errors),
        ("", "Node") => cluster::check_node_update(new, old, errors),
        ("", "ConfigMap") => cluster::check_immutable_data(new, old, &["data", "binaryData"], errors),
        ("", "Secret") => cluster::check_secret_update(new, old, errors),
        ("", "ResourceQuota") => cluster::check_quota_update(new, old, errors),
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => {
            replicated::check_selector_stays(new, old, errors)
        }
        ("apps", "StatefulSet") => replicated::check_stateful_set_update(new, old, errors),
        ("batch", "Job") => batch::check_job_update(new, old, errors),
        ("scheduling.k8s.io", "PriorityClass") => availability::check_priority_class_update(new, old, errors),
        ("storage.k8s.io", "StorageClass") => storage::check_class_update(new, old, errors),
        ("storage.k8s.io", "VolumeAttachment") => storage::check_spec_stays(new, old, errors),
        ("networking.k8s.io", "IngressClass") => {
            let field = |object: &Value| text(&object["spec"], "controller").to_owned();
            if has(&old["spec"], "controller") && field(new) != field(old) {
                errors.push(FieldError::invalid("spec.controller", field(new), "field is immutable"));
            }
        }
        ("discovery.k8s.io", "EndpointSlice") if text(new, "addressType") != text(old, "addressType") => {
            let value = new["addressType"].clone();
            errors.push(FieldError::invalid("addressType", value, "field is immutable"));
        }
        ("node.k8s.io", "RuntimeClass") if text(new, "handler") != text(old, "handler") => {
            errors.push(FieldError::invalid("handler", new["handler"].clone(), "field is immutable"));
        }
        (access::RBAC, "RoleBinding" | "ClusterRoleBinding") => {
            access::check_binding_update(new, old, errors)
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            errors.extend(crate::custom::validate_definition_update(new, old));
        }
        _ => {}
    }
}
