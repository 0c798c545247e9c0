//! Volumes, claims on them and storage classes.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec};
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};

use crate::labels::excerpt;

use super::affinity::check_key_value;
use super::check::Check;
use super::path::At;
use super::problem::Problems;
use super::quantities::check_list;

impl Check for PersistentVolume {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(capacity) = self.spec.as_ref().and_then(|spec| spec.capacity.as_ref()) {
            let at = at.key("spec");
            check_list(&at.key("capacity"), capacity, problems);
        }
    }
}

impl Check for PersistentVolumeClaim {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(spec) = &self.spec {
            check_claim_spec(&at.key("spec"), spec, problems);
        }
    }
}

/// Checks the spec of a claim, or of the template of one.
pub(crate) fn check_claim_spec(at: &At<'_>, spec: &PersistentVolumeClaimSpec, problems: &mut Problems) {
    let Some(resources) = &spec.resources else { return };
    let at = at.key("resources");
    for (field, list) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        if let Some(list) = list {
            check_list(&at.key(field), list, problems);
        }
    }
}

impl Check for StorageClass {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let mode = self.volume_binding_mode.as_deref().unwrap_or("Immediate");
        if !matches!(mode, "Immediate" | "WaitForFirstConsumer") {
            problems
                .error(&at.key("volumeBindingMode"), format!("{:?} is not possible", excerpt(mode)))
                .right("possible: Immediate, WaitForFirstConsumer");
        }
        let at_topologies = at.key("allowedTopologies");
        for (index, topology) in self.allowed_topologies.iter().flatten().enumerate() {
            let at = at_topologies.index(index);
            let at_expressions = at.key("matchLabelExpressions");
            for (index, expression) in topology.match_label_expressions.iter().flatten().enumerate() {
                let at = at_expressions.index(index);
                check_key_value(&at.key("key"), &expression.key, problems);
            }
        }
    }
}

impl Check for CSINode {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let at = at.key("spec");
        let at_drivers = at.key("drivers");
        for (index, driver) in self.spec.drivers.iter().enumerate() {
            let at = at_drivers.index(index);
            let count = driver.allocatable.as_ref().and_then(|allocatable| allocatable.count);
            if let Some(count) = count.filter(|count| *count < 0) {
                let at = at.key("allocatable");
                problems.error(&at.key("count"), format!("{count} is too low")).right("at least 0");
            }
        }
    }
}
