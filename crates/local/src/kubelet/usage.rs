//! What pods use, by a day curve: a share of the request, least at night, with a little noise.

use std::f64::consts::TAU;

use jiff::Timestamp;
use supercargo_api::Pod;
use supercargo_api::resources::{CPU, MEMORY};
use supercargo_clock::Randomness;

use super::orders::Orders;
use crate::scheduler::quantities;

/// cpu in millicores that a container without a request peaks at.
const UNSAID_CPU: i64 = 50;
/// Memory in bytes that a container without a request peaks at.
const UNSAID_MEMORY: i64 = 64 * 1024 * 1024;
/// The noise keeps its value for this many seconds.
const STEP_SECONDS: i64 = 15;
/// The hour of the day with the most traffic, in UTC.
const PEAK_HOUR: f64 = 15.0;

/// What a container uses at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The container.
    pub container: String,
    /// cpu in billionths of a core.
    pub cpu_nanocores: i64,
    /// Memory in bytes.
    pub memory_bytes: i64,
}

/// What the running containers of a pod use at a moment. It depends on seed, pod and moment only.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "simulated figures need no exactness"
)]
pub fn pod_usage(pod: &Pod, seed: u64, now: Timestamp) -> Vec<Usage> {
    let Some(spec) = pod.spec() else { return Vec::new() };
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let running: Vec<&str> = statuses
        .filter(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
        .map(|status| status.name.as_str())
        .collect();
    let orders = Orders::of(pod, seed);
    let (cpu_share, memory_share) = (orders.usage_share(CPU), orders.usage_share(MEMORY));
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let step = (now.as_second() / STEP_SECONDS).to_string();
    let day = day_curve(now);
    let containers = spec.containers.iter().filter(|container| running.contains(&container.name.as_str()));
    containers
        .map(|container| {
            let resources = container.resources.as_ref();
            let requests = quantities(resources.and_then(|resources| resources.requests.as_ref()));
            let limits = quantities(resources.and_then(|resources| resources.limits.as_ref()));
            let base = |name, unsaid| match (requests.get(name), limits.get(name)) {
                (0, 0) => unsaid,
                (0, limit) => limit,
                (request, _) => request,
            };
            let capped = |name, amount: f64| match limits.get(name) {
                0 => amount,
                limit => amount.min(limit as f64),
            };
            let mut noise =
                Randomness::from_seed(seed).fork("noise").fork(uid).fork(&container.name).fork(&step);
            let jitter = 0.9 + 0.2 * noise.f64();
            let cpu = capped(CPU, base(CPU, UNSAID_CPU) as f64 * cpu_share * day * jitter);
            // memory follows the day far less than cpu
            let memory =
                capped(MEMORY, base(MEMORY, UNSAID_MEMORY) as f64 * memory_share * (0.8 + 0.2 * day));
            Usage {
                container: container.name.clone(),
                cpu_nanocores: (cpu * 1e6) as i64,
                memory_bytes: memory as i64,
            }
        })
        .collect()
}

/// The share of the day's peak: 1 in the afternoon, 0.4 at night.
#[allow(clippy::cast_precision_loss, reason = "hours of a day")]
fn day_curve(now: Timestamp) -> f64 {
    let hour = now.as_second().rem_euclid(86_400) as f64 / 3_600.0;
    0.7 + 0.3 * ((hour - PEAK_HOUR) / 24.0 * TAU).cos()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "annotations": {"local.supercargo.dev/cpu-usage": "0.5"}},
            "spec": {"containers": [
                {"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "300m"}}},
                {"name": "b", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}},
                {"name": "c"},
            ]},
            "status": {"containerStatuses": [
                {"name": "a", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
                {"name": "b", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
            ]},
        }))
        .unwrap()
    }

    #[test]
    fn usage_follows_requests_within_limits_and_only_of_what_runs() {
        let afternoon: Timestamp = "2026-03-02T15:00:00Z".parse().unwrap();
        let usage = pod_usage(&pod(), 1, afternoon);
        assert_eq!(usage.len(), 2);
        assert_eq!(usage[0].cpu_nanocores, 300_000_000);
        assert!((900_000_000..=1_100_000_000).contains(&usage[1].cpu_nanocores), "{usage:?}");
        let night: Timestamp = "2026-03-02T03:00:00Z".parse().unwrap();
        assert!(pod_usage(&pod(), 1, night)[1].cpu_nanocores < 450_000_000);
        assert_eq!(usage, pod_usage(&pod(), 1, afternoon));
    }
}
