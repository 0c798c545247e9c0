//! Who owns a pod, all the way up.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::FxHashMap;

/// How long a chain of owners may be.
const LONGEST_CHAIN: usize = 8;

/// An object and its controlling owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its kind.
    pub kind: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The owner's kind and name.
    pub owner: (Arc<str>, Arc<str>),
}

impl Owned {
    /// What an object's metadata says; none if nothing controls it.
    pub fn of(kind: &str, metadata: &ObjectMeta) -> Option<Owned> {
        let (owner_kind, owner_name) = controlling_owner(metadata)?;
        Some(Owned {
            kind: kind.into(),
            namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
            name: metadata.name.as_deref().unwrap_or_default().into(),
            owner: (owner_kind.into(), owner_name.into()),
        })
    }
}

fn controlling_owner(metadata: &ObjectMeta) -> Option<Named<'_>> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first())?;
    Some((&owner.kind, &owner.name))
}

/// Kind (in small letters) and name.
pub type Controller = (Arc<str>, Arc<str>);

/// Kind and name.
pub type Named<'a> = (&'a str, &'a str);

/// Kind, namespace and name.
type ObjectName<'a> = (&'a str, &'a str, &'a str);

/// The owners of a cluster.
pub struct Owners<'a> {
    known: FxHashMap<ObjectName<'a>, &'a Controller>,
}

impl<'a> Owners<'a> {
    /// An index.
    pub fn new(owned: &'a [Owned]) -> Owners<'a> {
        let entry = |owned: &'a Owned| ((&*owned.kind, &*owned.namespace, &*owned.name), &owned.owner);
        Owners { known: owned.iter().map(entry).collect() }
    }

    /// A pod's controller and the first owner of its chain, each as kind and name. The controller is the one that users know:
    /// the Deployment behind a ReplicaSet, the CronJob behind a Job (reference section 1.2, item 11, and #1179). Without the
    /// objects in between, names tell as much as they can. Kinds are as the objects spell them.
    pub fn names_of<'b>(&'b self, metadata: &'b ObjectMeta) -> Option<(Named<'b>, Named<'b>)> {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let first = controlling_owner(metadata)?;
        let (mut second, mut last, mut length) = (None, first, 1);
        while length < LONGEST_CHAIN {
            let Some((kind, name)) = self.known.get(&(last.0, namespace, last.1)) else { break };
            last = (kind, name);
            second = second.or(Some(last));
            length += 1;
        }
        if length == 1
            && let Some(above) = guess(first.0, first.1, metadata)
        {
            (second, last) = (Some(above), above);
        }
        let between = matches!(first.0, "ReplicaSet" | "Job");
        Some((second.filter(|_| between).unwrap_or(first), last))
    }

    /// The same with kinds in small letters, to be kept.
    pub fn of_pod(&self, metadata: &ObjectMeta) -> Option<(Controller, Controller)> {
        let small = |(kind, name): Named<'_>| (kind.to_ascii_lowercase().into(), name.into());
        self.names_of(metadata).map(|(controller, root)| (small(controller), small(root)))
    }
}

/// The owner of a pod's owner by names: a ReplicaSet `web-<hash>` is of the Deployment `web` if the pod has that hash as
/// its label, a Job `nightly-<8 or 10 digits>` of the CronJob `nightly`.
fn guess<'b>(kind: &str, name: &'b str, pod: &ObjectMeta) -> Option<Named<'b>> {
    let (stem, tail) = name.rsplit_once('-')?;
    match kind {
        "ReplicaSet" => {
            let hash = pod.labels.as_ref()?.get("pod-template-hash")?;
            (tail == hash).then_some(("Deployment", stem))
        }
        "Job" => {
            let stamp = matches!(tail.len(), 8 | 10) && tail.bytes().all(|byte| byte.is_ascii_digit());
            stamp.then_some(("CronJob", stem))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
    use rstest::rstest;

    use super::*;

    fn owned(kind: &str, name: &str, owner: (&str, &str)) -> Owned {
        Owned {
            kind: kind.into(),
            namespace: "shop".into(),
            name: name.into(),
            owner: (owner.0.into(), owner.1.into()),
        }
    }

    fn pod(kind: &str, name: &str) -> ObjectMeta {
        ObjectMeta {
            namespace: Some("shop".to_owned()),
            labels: Some([("pod-template-hash".to_owned(), "7d9".to_owned())].into()),
            owner_references: Some(vec![OwnerReference {
                kind: kind.to_owned(),
                name: name.to_owned(),
                controller: Some(true),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        }
    }

    #[rstest]
    #[case::known("ReplicaSet", "web-7d9", "deployment:web", "application:shop")]
    #[case::guessed("ReplicaSet", "api-7d9", "deployment:api", "deployment:api")]
    #[case::another_hash("ReplicaSet", "api-000", "replicaset:api-000", "replicaset:api-000")]
    #[case::cron_job("Job", "nightly-28000000", "cronjob:nightly", "cronjob:nightly")]
    #[case::job("Job", "encode", "job:encode", "job:encode")]
    #[case::stateful_set("StatefulSet", "db", "statefulset:db", "operator:main")]
    #[case::circle("Loop", "a", "loop:a", "loop:b")]
    fn the_chain_is_followed_to_its_root(
        #[case] kind: &str,
        #[case] name: &str,
        #[case] controller: &str,
        #[case] root: &str,
    ) {
        let known = [
            owned("ReplicaSet", "web-7d9", ("Deployment", "web")),
            owned("Deployment", "web", ("Application", "shop")),
            owned("StatefulSet", "db", ("Operator", "main")),
            owned("Loop", "a", ("Loop", "b")),
            owned("Loop", "b", ("Loop", "a")),
        ];
        let (found, first) = Owners::new(&known).of_pod(&pod(kind, name)).unwrap();
        assert_eq!(format!("{}:{}", found.0, found.1), controller);
        assert_eq!(format!("{}:{}", first.0, first.1), root);
        assert_eq!(Owners::new(&known).of_pod(&ObjectMeta::default()), None);
    }
}
