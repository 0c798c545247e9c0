//! The schemas of the kinds that every Kubernetes API has.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration::v1 as admissionregistration, apps::v1 as apps,
    authentication::v1 as authentication, authorization::v1 as authorization, autoscaling::v1 as autoscaling,
    autoscaling::v2 as autoscaling_v2, batch::v1 as batch, certificates::v1 as certificates,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, events::v1 as events,
    flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node, policy::v1 as policy,
    rbac::v1 as rbac, resource::v1 as resource, scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

use super::arena::Schema;
use super::read::Reader;

/// Group, version and kind.
type Key = (&'static str, &'static str, &'static str);

struct Builtins {
    /// In the order of their keys.
    kinds: Vec<(Key, Schema)>,
    types: BTreeMap<String, Schema>,
}

static BUILTINS: LazyLock<Builtins> = LazyLock::new(Builtins::read);

/// The schema of a builtin kind; the core group is `""`.
pub fn builtin(group: &str, version: &str, kind: &str) -> Option<&'static Schema> {
    let kinds = &BUILTINS.kinds;
    let place = kinds.binary_search_by(|(key, _)| key.cmp(&(group, version, kind))).ok()?;
    Some(&kinds[place].1)
}

/// The schema of a type by its name in the published OpenAPI, such as `io.k8s.api.core.v1.PodSpec`.
pub fn builtin_type(name: &str) -> Option<&'static Schema> {
    BUILTINS.types.get(name)
}

/// All builtin kinds with group, version and kind, in that order.
pub fn builtins() -> impl Iterator<Item = ((&'static str, &'static str, &'static str), &'static Schema)> {
    BUILTINS.kinds.iter().map(|(key, schema)| (*key, schema))
}

/// Collects the kinds while the generator collects their definitions.
struct Collector {
    generator: SchemaGenerator,
    kinds: Vec<(Key, String)>,
}

impl Collector {
    fn kind<T: Resource + JsonSchema>(&mut self) {
        self.named::<T>((T::GROUP, T::VERSION, T::KIND));
    }

    fn named<T: JsonSchema>(&mut self, key: Key) {
        self.generator.subschema_for::<T>();
        self.kinds.push((key, T::schema_name().into_owned()));
    }
}

impl Builtins {
    fn read() -> Builtins {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut collector = Collector { generator, kinds: Vec::new() };
        core_kinds(&mut collector);
        group_kinds(&mut collector);
        review_kinds(&mut collector);
        extension_kinds(&mut collector);
        let mut reader = Reader::new(None);
        reader.read_definitions(&collector.generator.take_definitions(false));
        let definitions = std::mem::take(&mut reader.definitions);
        let arena = Arc::new(reader.arena);
        let schema = |index: u32| Schema { arena: arena.clone(), index };
        let types: BTreeMap<String, Schema> =
            definitions.into_iter().map(|(name, index)| (name, schema(index))).collect();
        let kinds = collector.kinds.iter().filter_map(|(key, name)| Some((*key, types.get(name)?.clone())));
        let mut kinds: Vec<(Key, Schema)> = kinds.collect();
        kinds.sort_by_key(|(key, _)| *key);
        Builtins { kinds, types }
    }
}

fn core_kinds(collector: &mut Collector) {
    collector.kind::<core::Binding>();
    collector.kind::<core::ConfigMap>();
    collector.kind::<core::Endpoints>();
    collector.kind::<core::Event>();
    collector.kind::<core::LimitRange>();
    collector.kind::<core::Namespace>();
    collector.kind::<core::Node>();
    collector.kind::<core::PersistentVolume>();
    collector.kind::<core::PersistentVolumeClaim>();
    collector.kind::<core::Pod>();
    collector.kind::<core::PodTemplate>();
    collector.kind::<core::ReplicationController>();
    collector.kind::<core::ResourceQuota>();
    collector.kind::<core::Secret>();
    collector.kind::<core::Service>();
    collector.kind::<core::ServiceAccount>();
    collector.kind::<meta::Status>();
    collector.named::<meta::DeleteOptions>(("", "v1", "DeleteOptions"));
}

fn group_kinds(collector: &mut Collector) {
    collector.kind::<apps::ControllerRevision>();
    collector.kind::<apps::DaemonSet>();
    collector.kind::<apps::Deployment>();
    collector.kind::<apps::ReplicaSet>();
    collector.kind::<apps::StatefulSet>();
    collector.kind::<autoscaling::HorizontalPodAutoscaler>();
    collector.kind::<autoscaling::Scale>();
    collector.kind::<autoscaling_v2::HorizontalPodAutoscaler>();
    collector.kind::<batch::CronJob>();
    collector.kind::<batch::Job>();
    collector.kind::<certificates::CertificateSigningRequest>();
    collector.kind::<coordination::Lease>();
    collector.kind::<discovery::EndpointSlice>();
    collector.kind::<events::Event>();
    collector.kind::<flowcontrol::FlowSchema>();
    collector.kind::<flowcontrol::PriorityLevelConfiguration>();
    collector.kind::<networking::IPAddress>();
    collector.kind::<networking::Ingress>();
    collector.kind::<networking::IngressClass>();
    collector.kind::<networking::NetworkPolicy>();
    collector.kind::<networking::ServiceCIDR>();
    collector.kind::<node::RuntimeClass>();
    collector.kind::<policy::Eviction>();
    collector.kind::<policy::PodDisruptionBudget>();
    collector.kind::<rbac::ClusterRole>();
    collector.kind::<rbac::ClusterRoleBinding>();
    collector.kind::<rbac::Role>();
    collector.kind::<rbac::RoleBinding>();
    collector.kind::<resource::DeviceClass>();
    collector.kind::<resource::ResourceClaim>();
    collector.kind::<resource::ResourceClaimTemplate>();
    collector.kind::<resource::ResourceSlice>();
    collector.kind::<scheduling::PriorityClass>();
    collector.kind::<storage::CSIDriver>();
    collector.kind::<storage::CSINode>();
    collector.kind::<storage::CSIStorageCapacity>();
    collector.kind::<storage::StorageClass>();
    collector.kind::<storage::VolumeAttachment>();
    collector.kind::<storage::VolumeAttributesClass>();
}

fn review_kinds(collector: &mut Collector) {
    collector.kind::<authentication::SelfSubjectReview>();
    collector.kind::<authentication::TokenRequest>();
    collector.kind::<authentication::TokenReview>();
    collector.kind::<authorization::LocalSubjectAccessReview>();
    collector.kind::<authorization::SelfSubjectAccessReview>();
    collector.kind::<authorization::SelfSubjectRulesReview>();
    collector.kind::<authorization::SubjectAccessReview>();
}

fn extension_kinds(collector: &mut Collector) {
    collector.kind::<admissionregistration::MutatingAdmissionPolicy>();
    collector.kind::<admissionregistration::MutatingAdmissionPolicyBinding>();
    collector.kind::<admissionregistration::MutatingWebhookConfiguration>();
    collector.kind::<admissionregistration::ValidatingAdmissionPolicy>();
    collector.kind::<admissionregistration::ValidatingAdmissionPolicyBinding>();
    collector.kind::<admissionregistration::ValidatingWebhookConfiguration>();
    collector.kind::<apiextensions::CustomResourceDefinition>();
    collector.kind::<apiregistration::APIService>();
}

#[cfg(test)]
mod tests {
    use super::super::arena::{ListType, Scalar, Shape};
    use super::*;

    #[test]
    fn a_deployment_has_its_fields_and_merge_rules() {
        let deployment = builtin("apps", "v1", "Deployment").unwrap();
        assert_eq!(deployment.type_name(), Some("io.k8s.api.apps.v1.Deployment"));
        let containers = deployment.at(&["spec", "template", "spec", "containers"]).unwrap();
        assert_eq!(containers.list_type(), Some(&ListType::Map(vec!["name".into()])));
        assert_eq!(containers.patch_rule().merge_key.as_deref(), Some("name"));
        let strategy = deployment.at(&["spec", "strategy"]).unwrap();
        assert!(strategy.patch_rule().retain_keys);
        let cpu =
            deployment.at(&["spec", "template", "spec", "containers", "resources", "limits", "cpu"]).unwrap();
        assert!(matches!(cpu.view().shape(), Shape::Scalar(Scalar::Quantity)));
    }

    #[test]
    fn a_field_may_be_granular_though_its_type_is_atomic() {
        let volume = builtin("", "v1", "PersistentVolume").unwrap();
        assert!(!volume.at(&["spec", "claimRef"]).unwrap().view().atomic());
        assert!(builtin_type("io.k8s.api.core.v1.ObjectReference").unwrap().view().atomic());
    }

    #[test]
    fn every_rule_of_the_table_is_about_a_field_that_is() {
        let mut checked = 0;
        for line in include_str!("rules.txt").lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let name = words.next().unwrap();
            // Types of fields behind gates that the generated crate leaves out are not reachable.
            let Some(schema) = builtin_type(name) else { continue };
            for word in words {
                let field = word.split('=').next().unwrap();
                assert!(field == "*" || schema.view().declares(field), "{name} has no field {field}");
                checked += 1;
            }
        }
        assert!(checked > 120, "{checked}");
    }

    #[test]
    fn types_may_contain_themselves() {
        let definition = builtin("apiextensions.k8s.io", "v1", "CustomResourceDefinition").unwrap();
        let schema = definition.at(&["spec", "versions", "schema", "openAPIV3Schema"]).unwrap();
        let deeper = schema.at(&["properties", "a", "properties", "b", "not"]).unwrap();
        assert_eq!(schema.type_name(), deeper.type_name());
    }
}
