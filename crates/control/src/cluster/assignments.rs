//! Which pods a claim was made for, until the scheduler has had its chance to put them there.
//!
//! A planned node is bought for certain pods. While it is on its way they count as being on it: planning them anew with
//! every batch would cost time and, packed differently, could buy nodes twice.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_reconcile::Key;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    uid: String,
    claim: String,
}

/// Pods by the NodeClaim they were planned onto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    by_pod: BTreeMap<Key, Assignment>,
    by_claim: BTreeMap<String, BTreeSet<Key>>,
}

impl Assignments {
    /// A pod, by key and uid, shall go to the node of this claim, and not where it was to go before.
    pub fn assign(&mut self, pod: Key, uid: &str, claim: &str) {
        self.release(&pod);
        self.by_claim.entry(claim.to_owned()).or_default().insert(pod.clone());
        self.by_pod.insert(pod, Assignment { uid: uid.to_owned(), claim: claim.to_owned() });
    }

    /// The pod goes nowhere in particular any more.
    pub fn release(&mut self, pod: &Key) {
        let Some(known) = self.by_pod.remove(pod) else { return };
        if let Some(pods) = self.by_claim.get_mut(&known.claim) {
            pods.remove(pod);
            if pods.is_empty() {
                self.by_claim.remove(&known.claim);
            }
        }
    }

    /// The claim takes no pods any more; those that were to go there are returned.
    pub fn release_claim(&mut self, claim: &str) -> BTreeSet<Key> {
        let pods = self.by_claim.remove(claim).unwrap_or_default();
        for pod in &pods {
            self.by_pod.remove(pod);
        }
        pods
    }

    /// The claim a pod shall go to.
    pub fn of(&self, pod: &Key, uid: Option<&str>) -> Option<&str> {
        let known = self.by_pod.get(pod)?;
        (Some(known.uid.as_str()) == uid).then_some(known.claim.as_str())
    }

    /// The pods that shall go to a claim.
    pub fn to(&self, claim: &str) -> impl Iterator<Item = &Key> {
        self.by_claim.get(claim).into_iter().flatten()
    }

    /// The claims that pods shall go to.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.by_claim.keys().map(String::as_str)
    }

    /// Whether no pod is to go anywhere.
    pub fn is_empty(&self) -> bool {
        self.by_pod.is_empty()
    }

    /// How many pods are to go somewhere.
    pub fn len(&self) -> usize {
        self.by_pod.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_goes_to_one_claim_and_another_pod_of_its_name_to_none() {
        let mut assignments = Assignments::default();
        let pod = Key::new("shop", "web-0");
        assignments.assign(pod.clone(), "u-1", "general-a");
        assignments.assign(pod.clone(), "u-1", "general-b");
        assert_eq!(assignments.of(&pod, Some("u-1")), Some("general-b"));
        assert_eq!(assignments.of(&pod, Some("u-2")), None);
        assert_eq!(assignments.to("general-a").count(), 0);
        assert_eq!(assignments.release_claim("general-b"), BTreeSet::from([pod.clone()]));
        assert_eq!(assignments.of(&pod, Some("u-1")), None);
        assert!(assignments.is_empty());
    }
}
