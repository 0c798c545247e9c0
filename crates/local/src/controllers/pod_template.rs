//! Pods from templates, and names for them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::{Metadata, Resource};
use supercargo_api::Pod;
use supercargo_clock::Randomness;

/// Letters and digits that make no words, as Kubernetes uses them.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest name that a suffix may be put on.
const LONGEST_BASE: usize = 57;

/// A pod of a template, controlled by an owner.
pub(super) fn pod_from<T>(template: &PodTemplateSpec, owner: &T, name: String) -> Pod
where
    T: Metadata<Ty = ObjectMeta> + Resource,
{
    let metadata = template.metadata.clone().unwrap_or_default();
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: owner.metadata().namespace.clone(),
        labels: metadata.labels,
        annotations: metadata.annotations,
        finalizers: metadata.finalizers,
        owner_references: Some(vec![owner_reference(owner)]),
        ..ObjectMeta::default()
    };
    Pod::new(metadata, template.spec.clone(), None)
}

/// A reference to the owner that controls something.
pub(super) fn owner_reference<T>(owner: &T) -> OwnerReference
where
    T: Metadata<Ty = ObjectMeta> + Resource,
{
    let metadata = owner.metadata();
    OwnerReference {
        api_version: T::API_VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Draws for the names an owner gives at this moment.
pub(super) fn name_draws(owner: &ObjectMeta, now: Timestamp) -> Randomness {
    let uid = owner.uid.as_deref().unwrap_or_default();
    Randomness::from_seed(now.as_nanosecond() as u64).fork(uid)
}

/// `base-` and five random letters, and not a name that is taken.
pub(super) fn suffixed(base: &str, draws: &mut Randomness, taken: impl Fn(&str) -> bool) -> String {
    let base: String = base.chars().take(LONGEST_BASE).collect();
    loop {
        let name = format!("{base}-{}", letters(draws, 5));
        if !taken(&name) {
            return name;
        }
    }
}

/// A short text that depends on a longer one only, for names of revisions.
pub(super) fn fingerprint(text: &str) -> String {
    letters(&mut Randomness::from_seed(0).fork("fingerprint").fork(text), 10)
}

fn letters(draws: &mut Randomness, count: usize) -> String {
    (0..count).filter_map(|_| draws.choose(ALPHABET)).map(|letter| char::from(*letter)).collect()
}

/// Labels with one more.
pub(super) fn with_label(
    labels: Option<BTreeMap<String, String>>,
    key: &str,
    value: &str,
) -> Option<BTreeMap<String, String>> {
    let mut labels = labels.unwrap_or_default();
    labels.insert(key.to_owned(), value.to_owned());
    Some(labels)
}
