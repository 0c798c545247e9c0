//! Load balancers of Services as facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

use crate::collector::pods::{LivePod, selects};
use crate::collector::view::Seen;
use crate::facts::{BalancerFact, BalancerUse};
use crate::interval::Interval;

/// Annotations and values that make a load balancer private.
const PRIVATE: [(&str, &str); 3] = [
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "0.0.0.0/0"),
];

/// The load balancer of a Service in the stretch; none if it has none that answers (reference section 1.2, item 8).
pub(super) fn balancer_fact(
    seen: Seen<'_, Service>,
    pods: &BTreeMap<&str, Vec<&LivePod<'_>>>,
    stretch: Interval,
) -> Option<BalancerFact> {
    let service = seen.object;
    service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("LoadBalancer"))?;
    let entries = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    let address = entries.iter().find_map(|entry| entry.hostname.as_deref().or(entry.ip.as_deref()))?;
    let created = service.metadata.creation_timestamp.as_ref().map_or(i64::MIN, |time| time.0.as_second());
    let interval = seen.since(created).overlap(stretch);
    if interval.is_empty() {
        return None;
    }
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let behind =
        pods.get(namespace).into_iter().flatten().filter(|live| selects(service, &live.pod.metadata));
    let uses = behind.flat_map(|live| {
        let seconds = live.life.overlap(interval).seconds();
        live.containers
            .iter()
            .map(move |container| BalancerUse { workload: Arc::clone(&container.workload), seconds })
            .filter(|each| each.seconds > 0)
    });
    let mut uses: Vec<BalancerUse> = uses.collect();
    uses.sort_by(|one, other| one.workload.cmp(&other.workload));
    let annotations = service.metadata.annotations.as_ref();
    let private = PRIVATE.iter().any(|(key, value)| {
        annotations.and_then(|annotations| annotations.get(*key)).is_some_and(|found| found == value)
    });
    Some(BalancerFact {
        namespace: namespace.into(),
        service: service.metadata.name.as_deref().unwrap_or_default().into(),
        interval,
        address: address.into(),
        private,
        uses,
    })
}
