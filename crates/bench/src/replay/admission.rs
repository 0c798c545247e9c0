//! Whether a node by itself takes a pod: labels, taints, room, ports, volumes.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Taint};
use supercargo_api::Pod;
use supercargo_api::taint::tolerates;
use supercargo_api::{Resources, labels as keys};

use super::requests::{clash, ports_of};
use super::world::{EBS, Labels, World};

/// Whether the pod's node selector and required node affinity hold on a node of these labels and this name.
pub(super) fn admits(pod: &Pod, labels: &Labels, name: &str) -> bool {
    let Some(spec) = pod.spec() else { return true };
    let selected = spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    selected && required.is_none_or(|required| any_term(&required.node_selector_terms, labels, name))
}

/// Whether one of the terms holds.
pub(super) fn any_term(terms: &[NodeSelectorTerm], labels: &Labels, name: &str) -> bool {
    terms.iter().any(|term| {
        let expressions = term.match_expressions.as_deref().unwrap_or_default();
        let fields = term.match_fields.as_deref().unwrap_or_default();
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(|one| holds(one, labels.get(one.key.as_str()).map(String::as_str)))
            && fields.iter().all(|one| one.key == "metadata.name" && holds(one, Some(name)))
    })
}

fn holds(expression: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = expression.values.as_deref().unwrap_or_default();
    let listed = |value: &str| values.iter().any(|other| other == value);
    compares(&expression.operator, values, value, &listed)
}

/// One comparison of a label with values.
pub(super) fn compares(
    operator: &str,
    values: &[String],
    value: Option<&str>,
    listed: &dyn Fn(&str) -> bool,
) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    let bound = values.first().and_then(|bound| number(bound));
    match operator {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value < bound),
        "Gte" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value >= bound),
        "Lte" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value <= bound),
        _ => false,
    }
}

/// Whether the pod tolerates all taints that keep pods away.
pub(super) fn tolerated(pod: &Pod, taints: &[Taint]) -> bool {
    let tolerations = pod.spec().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .all(|taint| tolerates(tolerations, taint))
}

impl World<'_> {
    /// Why the node by itself does not take the pod, if it does not.
    pub(super) fn refuses(&self, pod_name: &str, node: &str) -> Option<String> {
        let (Some(occupant), Some(site)) = (self.pods.get(pod_name), self.sites.get(node)) else {
            return Some("there is no such pod or node".to_owned());
        };
        let pod = occupant.pod;
        if let Some(closed) = site.closed {
            return Some(closed.to_owned());
        }
        if !admits(pod, &site.labels, node) {
            return Some("its labels do not match the pod's node selector or affinity".to_owned());
        }
        if !tolerated(pod, &site.taints) {
            return Some("it has a taint that the pod does not tolerate".to_owned());
        }
        let mut free = site.allocatable.sub(&site.reserved);
        for other in &site.pods {
            free.sub_assign(&self.pods[other].requests);
        }
        if let Some(short) = shortage(&occupant.requests, &free) {
            return Some(short);
        }
        let ports = ports_of(pod);
        let taken = site.pods.iter().flat_map(|other| ports_of(self.pods[other].pod)).collect::<Vec<_>>();
        if ports.iter().any(|port| taken.iter().any(|other| clash(port, other))) {
            return Some("a host port is in use".to_owned());
        }
        self.volumes_refuse(pod, node)
    }

    fn volumes_refuse(&self, pod: &Pod, node: &str) -> Option<String> {
        let site = &self.sites[node];
        let mut attached: usize = 0;
        for other in &site.pods {
            attached += self.volumes(self.pods[other].pod).len();
        }
        let own = self.volumes(pod);
        if let Some(most) = site.volumes
            && !own.is_empty()
            && (attached + own.len()) as i64 > most
        {
            return Some(format!("{} volumes would be attached, {most} can be", attached + own.len()));
        }
        for volume in own.into_iter().flatten() {
            let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
            let required = affinity.and_then(|affinity| affinity.required.as_ref());
            if let Some(required) = required
                && !any_term(&required.node_selector_terms, &site.labels, node)
            {
                let zone = site.labels.get(keys::ZONE).cloned().unwrap_or_default();
                return Some(format!("a volume of the pod cannot be attached in {zone}"));
            }
        }
        None
    }

    /// EBS volumes of a pod: those that exist, and nothing for each that is still to be made.
    fn volumes(&self, pod: &Pod) -> Vec<Option<&k8s_openapi::api::core::v1::PersistentVolume>> {
        let namespace = pod.metadata.namespace.as_deref();
        let claims = pod.spec().into_iter().flat_map(|spec| spec.volumes.iter().flatten());
        let claims = claims.filter_map(|volume| volume.persistent_volume_claim.as_ref());
        let mut found = Vec::new();
        for source in claims {
            let claim = self.claims.get(&(namespace.unwrap_or("default"), source.claim_name.as_str()));
            let volume = claim.and_then(|claim| claim.spec.as_ref()?.volume_name.as_deref());
            let volume = volume.and_then(|name| self.volumes_by_name.get(name).copied());
            let driver = volume.and_then(|volume| volume.spec.as_ref()?.csi.as_ref());
            if driver.is_none_or(|driver| driver.driver == EBS) {
                found.push(volume);
            }
        }
        found
    }
}

/// The first resource that there is too little of.
pub(super) fn shortage(requests: &Resources, free: &Resources) -> Option<String> {
    requests
        .iter()
        .find(|(name, wanted)| *wanted > 0 && *wanted > free.get(name))
        .map(|(name, wanted)| format!("{wanted} of {name} are wanted, {} are free", free.get(name)))
}
