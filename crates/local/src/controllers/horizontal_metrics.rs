//! What the metrics of an autoscaler say: usage of pods or of one of their containers. Other metrics come from adapters, of
//! which there are none here; they are answered for as a cluster without adapters does.

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
    ResourceMetricStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::Pod;
use supercargo_api::resources::{CPU, base_units, quantity};

use super::horizontal_math::{PodUsage, Target, propose};
use crate::conditions::{is_ready, ready_since};
use crate::kubelet::pod_usage;
use crate::scheduler::quantities;

/// A pod that has just become ready does not count on cpu.
const READINESS_DELAY: std::time::Duration = std::time::Duration::from_secs(30);

/// Whose usage is measured, and when.
pub(super) struct Measured<'a> {
    /// The pods of the target.
    pub(super) pods: &'a [&'a Pod],
    /// How many replicas there are.
    pub(super) replicas: i64,
    /// The seed of simulated usage.
    pub(super) seed: u64,
    /// The moment.
    pub(super) now: Timestamp,
    /// Millicores that the ready pods use together, if the autoscaler's annotation says so; else each uses what its own draws
    /// say.
    pub(super) load: Option<i64>,
}

/// What a metric wants.
pub(super) struct Wish {
    /// So many replicas.
    pub(super) replicas: i64,
    /// The metric, in words.
    pub(super) name: String,
    /// What it is now.
    pub(super) status: MetricStatus,
}

/// Why a metric wants nothing.
pub(super) struct Unmeasured {
    /// `FailedGetResourceMetric` and the like.
    pub(super) reason: &'static str,
    /// A sentence.
    pub(super) message: String,
}

impl Measured<'_> {
    /// What one metric wants.
    pub(super) fn measure(&self, metric: &MetricSpec) -> Result<Wish, Unmeasured> {
        let adapter =
            "unable to fetch metrics from custom metrics API: no known available metric versions found";
        match metric.type_.as_str() {
            "Resource" => {
                let reason = "FailedGetResourceMetric";
                let Some(source) = &metric.resource else { return Err(missing(reason, "resource")) };
                let resource = |current| MetricStatus {
                    resource: Some(ResourceMetricStatus { name: source.name.clone(), current }),
                    ..MetricStatus::default()
                };
                self.usage_wish(metric, &source.name, None, &source.target, reason, resource)
            }
            "ContainerResource" => {
                let reason = "FailedGetContainerResourceMetric";
                let Some(source) = &metric.container_resource else {
                    return Err(missing(reason, "containerResource"));
                };
                let (name, container) = (&source.name, &source.container);
                let resource = |current| MetricStatus {
                    container_resource: Some(ContainerResourceMetricStatus {
                        name: name.clone(),
                        container: container.clone(),
                        current,
                    }),
                    ..MetricStatus::default()
                };
                self.usage_wish(metric, name, Some(container), &source.target, reason, resource)
            }
            "Pods" => {
                let name = metric.pods.as_ref().map_or("", |source| &source.metric.name);
                let message = format!("unable to get metric {name}: {adapter}");
                Err(Unmeasured { reason: "FailedGetPodsMetric", message })
            }
            "Object" => {
                let message = metric.object.as_ref().map_or_else(String::new, |source| {
                    let object = &source.described_object;
                    format!(
                        "unable to get metric {}: {} {}/{adapter}",
                        source.metric.name, object.kind, object.name
                    )
                });
                Err(Unmeasured { reason: "FailedGetObjectMetric", message })
            }
            "External" => {
                let name = metric.external.as_ref().map_or("", |source| &source.metric.name);
                let message = format!(
                    "unable to get external metric {name}: unable to fetch metrics from external metrics API: the \
                     server could not find the requested resource (get {name}.external.metrics.k8s.io)"
                );
                Err(Unmeasured { reason: "FailedGetExternalMetric", message })
            }
            other => {
                let message = format!("unknown metric source type {other:?}");
                Err(Unmeasured { reason: "InvalidMetricSourceType", message })
            }
        }
    }

    fn usage_wish(
        &self,
        metric: &MetricSpec,
        name: &str,
        container: Option<&String>,
        target: &MetricTarget,
        reason: &'static str,
        resource: impl Fn(MetricValueStatus) -> MetricStatus,
    ) -> Result<Wish, Unmeasured> {
        let fail = |message: String| Err(Unmeasured { reason, message });
        let target = match (target.average_utilization, &target.average_value) {
            (Some(percent), _) => Target::Utilization(i64::from(percent)),
            (None, Some(value)) => Target::Average(base_units(name, value.0.trim()).unwrap_or(0)),
            (None, None) => {
                let what = "neither an average utilization nor an average value was set";
                return fail(format!("invalid resource metric source: {what}"));
            }
        };
        let is_share = matches!(target, Target::Utilization(_));
        let mut usages: Vec<PodUsage> =
            self.pods.iter().map(|pod| self.usage(pod, name, container)).collect();
        if let Some(load) = self.load.filter(|_| name == CPU) {
            share(load, self.pods, &mut usages);
        }
        let without = self.pods.iter().zip(&usages).find(|(_, usage)| usage.request <= 0);
        if let Some((pod, _)) = without.filter(|_| is_share) {
            let pod = pod.metadata.name.as_deref().unwrap_or_default();
            let whose =
                container.map_or_else(|| "a container".to_owned(), |name| format!("container {name}"));
            return fail(format!(
                "failed to get {name} utilization: missing request for {name} in {whose} of Pod {pod}"
            ));
        }
        let Some(proposal) = propose(&usages, target, self.replicas) else {
            let why = "did not receive metrics for targeted pods (pods might be unready)";
            return fail(format!("failed to get {name} utilization: {why}"));
        };
        let what = if container.is_some() { "container resource" } else { "resource" };
        let described = if is_share {
            format!("{name} {what} utilization (percentage of request)")
        } else {
            format!("{name} {what}")
        };
        let current = MetricValueStatus {
            average_utilization: is_share.then(|| i32::try_from(proposal.current).unwrap_or(i32::MAX)),
            average_value: Some(Quantity(quantity(name, proposal.average).to_string())),
            value: None,
        };
        let status = MetricStatus { type_: metric.type_.clone(), ..resource(current) };
        Ok(Wish { replicas: proposal.replicas, name: described, status })
    }

    /// What a pod, or one container of it, uses and requests.
    fn usage(&self, pod: &Pod, name: &str, only: Option<&String>) -> PodUsage {
        let counts = |container: &str| only.is_none_or(|only| only == container);
        let containers = pod.spec().into_iter().flat_map(|spec| &spec.containers);
        let requests = containers.filter(|container| counts(&container.name)).map(|container| {
            quantities(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()))
                .get(name)
        });
        let mut request = 0;
        for amount in requests {
            // one container without a request makes the pod's utilization unknown
            if amount <= 0 {
                request = 0;
                break;
            }
            request += amount;
        }
        let usage: Vec<i64> = pod_usage(pod, self.seed, self.now)
            .iter()
            .filter(|usage| counts(&usage.container))
            .map(|usage| if name == CPU { usage.cpu_nanocores / 1_000_000 } else { usage.memory_bytes })
            .collect();
        let settled =
            name != CPU || ready_since(pod).is_some_and(|since| since + READINESS_DELAY <= self.now);
        PodUsage {
            usage: (!usage.is_empty()).then(|| usage.iter().sum()),
            request,
            ready: is_ready(pod) && settled,
        }
    }
}

/// A load is shared evenly by the pods that are ready.
fn share(load: i64, pods: &[&Pod], usages: &mut [PodUsage]) {
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let each = load / i64::try_from(ready.max(1)).unwrap_or(i64::MAX);
    for (pod, usage) in pods.iter().zip(usages) {
        if usage.usage.is_some() {
            usage.usage = Some(if is_ready(pod) { each } else { 0 });
        }
    }
}

fn missing(reason: &'static str, field: &str) -> Unmeasured {
    Unmeasured { reason, message: format!("invalid metric source: {field} is missing") }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodStatus;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "web-1", "uid": "u"},
            "spec": {"containers": [
                {"name": "app", "resources": {"requests": {"cpu": "1"}}},
                {"name": "proxy"},
            ]},
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-02T09:00:00Z"}],
                "containerStatuses": [{"name": "app", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                    "state": {"running": {}}}],
            },
        }))
        .unwrap()
    }

    fn measure(metric: Value) -> Result<Wish, Unmeasured> {
        let pod = pod();
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let measured = Measured { pods: &[&pod], replicas: 1, seed: 1, now, load: None };
        measured.measure(&serde_json::from_value(metric).unwrap())
    }

    #[test]
    fn one_container_can_be_measured_where_another_has_no_request() {
        let target = json!({"type": "Utilization", "averageUtilization": 1});
        let whole = measure(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        let refusal = whole.err().unwrap();
        assert_eq!(refusal.reason, "FailedGetResourceMetric");
        assert!(refusal.message.ends_with("missing request for cpu in a container of Pod web-1"));
        let one = json!({"type": "ContainerResource",
            "containerResource": {"name": "cpu", "container": "app", "target": target}});
        let wish = measure(one).ok().unwrap();
        assert!(wish.replicas > 1, "{}", wish.replicas);
        assert_eq!(wish.name, "cpu container resource utilization (percentage of request)");
        let status = wish.status.container_resource.unwrap();
        assert_eq!((status.container.as_str(), status.name.as_str()), ("app", "cpu"));
    }

    #[test]
    fn a_load_is_shared_by_the_pods_that_are_ready() {
        let (first, mut second, mut starting) = (pod(), pod(), pod());
        second.metadata.uid = Some("v".to_owned());
        starting.metadata.uid = Some("w".to_owned());
        let status =
            starting.status.as_deref().cloned().map(|status| PodStatus { conditions: None, ..status });
        starting.status = status.map(Into::into);
        let target = json!({"type": "Utilization", "averageUtilization": 50});
        let metric = json!({"type": "ContainerResource",
            "containerResource": {"name": "cpu", "container": "app", "target": target}});
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let pods = [&first, &second, &starting];
        let measured = Measured { pods: &pods, replicas: 3, seed: 1, now, load: Some(3_000) };
        // two pods do three cores of work, at half a core each it takes six
        let wish = measured.measure(&serde_json::from_value(metric).unwrap()).ok().unwrap();
        assert_eq!(wish.replicas, 6);
    }

    #[rstest]
    #[case::of_pods(
        json!({"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue"}}}),
        "FailedGetPodsMetric", "unable to get metric rps: ")]
    #[case::of_an_object(
        json!({"type": "Object", "object": {"metric": {"name": "rps"}, "target": {"type": "Value"},
            "describedObject": {"kind": "Service", "name": "web"}}}),
        "FailedGetObjectMetric", "unable to get metric rps: Service web/")]
    #[case::from_outside(
        json!({"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value"}}}),
        "FailedGetExternalMetric", "unable to get external metric queue: ")]
    fn metrics_of_adapters_are_refused_as_without_adapters(
        #[case] metric: Value,
        #[case] reason: &str,
        #[case] message: &str,
    ) {
        let refusal = measure(metric).err().unwrap();
        assert_eq!(refusal.reason, reason);
        assert!(refusal.message.starts_with(message), "{}", refusal.message);
    }
}
