//! Finds the pods whose specs are equal, and lets them share one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::{Arc, Weak};

use k8s_openapi::api::core::v1::PodSpec;

use crate::manifest::strip;

use super::object::Pod;

/// Below this many known specs nobody looks for those that are gone.
const FIRST_SWEEP: usize = 256;

/// The specs of the pods that are around. It keeps none of them: a spec lives as long as some pod has it.
///
/// Pods may come one by one and go at any time. In which order they come decides which of them share memory first, and
/// nothing of what is read.
#[derive(Debug)]
pub struct Interner {
    /// By hash; different specs of one hash beside each other.
    known: BTreeMap<u64, Vec<Weak<PodSpec>>>,
    /// Entries in `known`, of specs that are gone as well.
    entries: usize,
    /// At this many entries those that are gone are taken out.
    sweep_at: usize,
}

impl Default for Interner {
    fn default() -> Self {
        Self { known: BTreeMap::new(), entries: 0, sweep_at: FIRST_SWEEP }
    }
}

impl Interner {
    /// Reads a pod of a cluster from its JSON, without what decides nothing (see [`strip`]), and lets it share its spec
    /// with those that were read before.
    ///
    /// # Errors
    /// When the bytes are no pod.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Pod, serde_json::Error> {
        let mut pod = serde_json::from_slice(bytes)?;
        strip(&mut pod);
        self.share(&mut pod);
        Ok(pod)
    }

    /// Lets a pod share its spec with the pods that have an equal one.
    pub fn share(&mut self, pod: &mut Pod) {
        let Some(spec) = pod.shared_spec() else { return };
        let alike = self.known.entry(hash_of(spec)).or_default();
        if let Some(known) = alike.iter().filter_map(Weak::upgrade).find(|known| known == spec) {
            pod.share_spec(known);
            return;
        }
        // What is read is kept in lists that are larger than needed; a copy is as large as what is in it.
        let spec =
            if Arc::strong_count(spec) == 1 { Arc::new(PodSpec::clone(spec)) } else { Arc::clone(spec) };
        alike.push(Arc::downgrade(&spec));
        self.entries += 1;
        pod.share_spec(spec);
        if self.entries >= self.sweep_at {
            self.sweep();
        }
    }

    /// How many different specs the pods have that are still around.
    pub fn len(&self) -> usize {
        self.known.values().flatten().filter(|spec| spec.strong_count() > 0).count()
    }

    /// Whether no pod is around that was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the specs that no pod has any more. As this waits until there are twice as many entries as were left
    /// the last time, it costs little for each pod.
    fn sweep(&mut self) {
        self.known.retain(|_, alike| {
            alike.retain(|spec| spec.strong_count() > 0);
            !alike.is_empty()
        });
        self.entries = self.known.values().map(Vec::len).sum();
        self.sweep_at = FIRST_SWEEP.max(2 * self.entries);
    }
}

/// A hash of the spec as it is written. Two specs that are equal are written alike: maps are in order.
fn hash_of(spec: &PodSpec) -> u64 {
    let mut hashed = Hashed(DefaultHasher::new());
    // Neither a spec nor the hasher can fail; and if, what was hashed until then would do as well.
    let _ = serde_json::to_writer(&mut hashed, spec);
    hashed.0.finish()
}

struct Hashed(DefaultHasher);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(name: &str, cpu: &str, node: &str) -> Vec<u8> {
        let pod = json!({
            "metadata": {"name": name, "uid": name, "managedFields": [{"manager": "kubelet"}]},
            "spec": {
                "containers": [{"name": "c", "image": "web:1", "resources": {"requests": {"cpu": cpu}}}],
                "nodeName": node,
                "hostname": name,
                "volumes": [{"name": format!("kube-api-access-{name}"), "projected": {}}],
            },
        });
        serde_json::to_vec(&pod).unwrap()
    }

    #[test]
    fn pods_of_a_workload_share_what_they_ask_for_wherever_they_are() {
        let mut interner = Interner::default();
        let first = interner.read(&text("a", "1", "m")).unwrap();
        let second = interner.read(&text("b", "1", "n")).unwrap();
        let third = interner.read(&text("c", "2", "n")).unwrap();
        assert!(Arc::ptr_eq(first.shared_spec().unwrap(), second.shared_spec().unwrap()));
        assert!(!Arc::ptr_eq(first.shared_spec().unwrap(), third.shared_spec().unwrap()));
        assert_eq!((first.node_name(), second.node_name()), (Some("m"), Some("n")));
        assert_eq!(first.metadata.managed_fields, None);
        assert_eq!(interner.len(), 2);
    }

    #[test]
    fn what_no_pod_asks_for_any_more_is_forgotten() {
        let mut interner = Interner::default();
        let stays = interner.read(&text("stays", "1", "n")).unwrap();
        for milli in 0..10_000 {
            interner.read(&text("goes", &format!("{milli}m"), "n")).unwrap();
        }
        assert_eq!(interner.len(), 1);
        assert!(interner.entries <= FIRST_SWEEP, "{}", interner.entries);
        let again = interner.read(&text("again", "1", "n")).unwrap();
        assert!(Arc::ptr_eq(stays.shared_spec().unwrap(), again.shared_spec().unwrap()));
        drop((stays, again));
        assert!(interner.is_empty());
    }

    #[test]
    fn what_is_no_pod_is_refused() {
        assert!(Interner::default().read(b"{\"kind\": \"Node\", \"apiVersion\": \"v1\"}").is_err());
        assert!(Interner::default().read(b"nonsense").is_err());
    }
}
