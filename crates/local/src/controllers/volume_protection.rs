//! Claims that pods use and volumes that are bound are not deleted under them: a finalizer holds them until then.

use jiff::Timestamp;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, claims_of};

use crate::conditions::is_finished;

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// The controller that lets claims and volumes go. The key of a claim has a namespace, that of a volume none.
#[derive(Debug, Default)]
pub struct VolumeProtection;

impl Controller for VolumeProtection {
    const NAME: &'static str = "volume-protection";
    const KINDS: &'static [Kind] = &[Kind::PersistentVolumeClaim, Kind::PersistentVolume, Kind::Pod];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match (change.kind, &change.old, &change.new) {
            (Kind::Pod, Some(Object::Pod(old)), new) => {
                let over = match new {
                    Some(Object::Pod(pod)) => is_finished(pod),
                    _ => true,
                };
                if over { claims_of(old).collect() } else { Vec::new() }
            }
            (Kind::PersistentVolumeClaim | Kind::PersistentVolume, _, Some(_)) => vec![change.key.clone()],
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, _: Timestamp) -> Decision {
        let action = if key.namespace.is_empty() {
            let volume = state.volumes.get(key).filter(|volume| {
                let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
                phase != Some("Bound")
            });
            volume.and_then(|volume| release(Kind::PersistentVolume, &**volume, VOLUME_FINALIZER))
        } else {
            let used = state.pods_using(key).any(|(_, pod)| !is_finished(pod));
            let claim = state.claims.get(key).filter(|_| !used);
            claim.and_then(|claim| release(Kind::PersistentVolumeClaim, &**claim, CLAIM_FINALIZER))
        };
        action.into_iter().collect::<Vec<_>>().into()
    }
}

/// Takes the finalizer off an object that is to go.
fn release<T>(kind: Kind, object: &T, finalizer: &str) -> Option<Action>
where
    T: Metadata<Ty = ObjectMeta> + Clone + serde::Serialize + PartialEq,
{
    let metadata = object.metadata();
    metadata.deletion_timestamp.as_ref()?;
    let mut free = object.clone();
    let finalizers = free.metadata_mut().finalizers.as_mut()?;
    finalizers.retain(|known| known != finalizer);
    Action::update(kind, object, &free)
}
