//! What kubelets and `metrics.k8s.io` say, as readings.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use supercargo_api::quantity::{parse_milli, parse_value};
use thiserror::Error;

use crate::collector::view::{PodTraffic, VolumeUsage};
use crate::facts::NetworkBytes;

/// What was read of a container at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerReading {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// Uid of the pod; empty if it was not told.
    pub pod_uid: Arc<str>,
    /// Name of the container.
    pub container: Arc<str>,
    /// Billionths of a core, over the last seconds.
    pub nanocores: Option<u64>,
    /// Core-nanoseconds since the container began, and when they were counted, in nanoseconds since 1970.
    pub counter: Option<(u64, i128)>,
    /// Bytes of the working set.
    pub ram_bytes: Option<u64>,
}

/// What one answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Containers.
    pub containers: Vec<ContainerReading>,
    /// Traffic of pods.
    pub traffic: Vec<PodTraffic>,
    /// Claimed volumes.
    pub volumes: Vec<VolumeUsage>,
}

/// An answer that is not what it should be.
#[derive(Debug, Error)]
#[error("the answer is no {what}: {source}")]
pub struct ReadingError {
    what: &'static str,
    source: serde_json::Error,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Summary {
    #[serde(deserialize_with = "or_nothing")]
    pods: Vec<PodStats>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PodStats {
    pod_ref: PodRef,
    #[serde(deserialize_with = "or_nothing")]
    containers: Vec<ContainerStats>,
    network: Option<NetworkStats>,
    #[serde(deserialize_with = "or_nothing")]
    volume: Vec<VolumeStats>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodRef {
    name: Arc<str>,
    namespace: Arc<str>,
    uid: Arc<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStats {
    name: Arc<str>,
    cpu: Option<CpuStats>,
    memory: Option<MemoryStats>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct CpuStats {
    time: Option<Timestamp>,
    usage_nano_cores: Option<u64>,
    usage_core_nano_seconds: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct MemoryStats {
    working_set_bytes: Option<u64>,
    usage_bytes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NetworkStats {
    rx_bytes: Option<u64>,
    tx_bytes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct VolumeStats {
    used_bytes: Option<u64>,
    pvc_ref: Option<PodRef>,
}

/// Go writes an empty list as null.
fn or_nothing<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Vec<T>>::deserialize(from).map(Option::unwrap_or_default)
}

/// Reads a kubelet's summary (`/stats/summary`).
pub fn read_summary(answer: &[u8]) -> Result<Readings, ReadingError> {
    let summary: Summary = serde_json::from_slice(answer)
        .map_err(|source| ReadingError { what: "summary of a kubelet", source })?;
    let mut readings = Readings::default();
    for pod in summary.pods {
        let PodRef { name, namespace, uid } = pod.pod_ref;
        for container in pod.containers {
            let cpu = container.cpu.unwrap_or_default();
            let memory = container.memory.unwrap_or_default();
            let counted = cpu.usage_core_nano_seconds.zip(cpu.time);
            readings.containers.push(ContainerReading {
                namespace: Arc::clone(&namespace),
                pod: Arc::clone(&name),
                pod_uid: Arc::clone(&uid),
                container: container.name,
                nanocores: cpu.usage_nano_cores,
                counter: counted.map(|(count, time)| (count, time.as_nanosecond())),
                ram_bytes: memory.working_set_bytes.or(memory.usage_bytes),
            });
        }
        if let Some(network) = pod.network
            && (network.rx_bytes.is_some() || network.tx_bytes.is_some())
        {
            // where it went is not told: it has no class, and no price
            let counters = NetworkBytes {
                transmitted: network.tx_bytes.unwrap_or(0),
                received: network.rx_bytes.unwrap_or(0),
                ..NetworkBytes::default()
            };
            let (namespace, pod) = (Arc::clone(&namespace), Arc::clone(&name));
            readings.traffic.push(PodTraffic { namespace, pod, pod_uid: Arc::clone(&uid), counters });
        }
        let claimed = pod.volume.into_iter().filter_map(|volume| Some((volume.pvc_ref?, volume.used_bytes?)));
        readings.volumes.extend(claimed.map(|(claim, used_bytes)| VolumeUsage {
            namespace: claim.namespace,
            claim: claim.name,
            used_bytes,
        }));
    }
    Ok(readings)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodMetricsList {
    #[serde(deserialize_with = "or_nothing")]
    items: Vec<PodMetrics>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PodMetrics {
    metadata: PodRef,
    #[serde(deserialize_with = "or_nothing")]
    containers: Vec<ContainerMetrics>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerMetrics {
    name: Arc<str>,
    usage: Amounts,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Amounts {
    cpu: Option<String>,
    memory: Option<String>,
}

/// Reads a list of `metrics.k8s.io`: use over the last seconds, without uids.
pub fn read_pod_metrics(answer: &[u8]) -> Result<Readings, ReadingError> {
    let list: PodMetricsList = serde_json::from_slice(answer)
        .map_err(|source| ReadingError { what: "list of pod metrics", source })?;
    let mut readings = Readings::default();
    for pod in list.items {
        let PodRef { name, namespace, .. } = pod.metadata;
        readings.containers.extend(pod.containers.into_iter().map(|container| {
            ContainerReading {
                namespace: Arc::clone(&namespace),
                pod: Arc::clone(&name),
                pod_uid: "".into(),
                container: container.name,
                nanocores: container.usage.cpu.as_deref().and_then(nanocores),
                counter: None,
                ram_bytes: container
                    .usage
                    .memory
                    .as_deref()
                    .and_then(|text| parse_value(text).ok().and_then(|bytes| u64::try_from(bytes).ok())),
            }
        }));
    }
    Ok(readings)
}

/// Billionths of a core, as the metrics API writes them: `12345678n`, `250m`.
fn nanocores(text: &str) -> Option<u64> {
    if let Some(nano) = text.strip_suffix('n') {
        return nano.parse().ok();
    }
    if let Some(micro) = text.strip_suffix('u') {
        return micro.parse::<u64>().ok()?.checked_mul(1_000);
    }
    u64::try_from(parse_milli(text).ok()?).ok()?.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const SUMMARY: &str = r#"{"node": {"nodeName": "n1"}, "pods": [{
        "podRef": {"name": "web", "namespace": "shop", "uid": "u1"}, "startTime": "2026-03-02T09:00:00Z",
        "containers": [
            {"name": "main", "cpu": {"time": "2026-03-02T10:00:00Z", "usageNanoCores": 250000000, "usageCoreNanoSeconds": 7},
             "memory": {"workingSetBytes": 1024, "usageBytes": 4096}, "rootfs": {"usedBytes": 1}},
            {"name": "starting"}],
        "network": {"name": "eth0", "rxBytes": 10, "txBytes": 20, "interfaces": []},
        "volume": [{"name": "data", "usedBytes": 5, "pvcRef": {"name": "data", "namespace": "shop"}}, {"name": "tmp", "usedBytes": 1}]
    }, {"podRef": {"name": "new", "namespace": "shop", "uid": "u2"}, "containers": null}]}"#;

    #[test]
    fn a_summary_is_read_whole() {
        let readings = read_summary(SUMMARY.as_bytes()).unwrap();
        let [main, starting] = &readings.containers[..] else { panic!("{readings:?}") };
        let at = "2026-03-02T10:00:00Z".parse::<Timestamp>().unwrap().as_nanosecond();
        assert_eq!((&*main.pod_uid, main.nanocores, main.counter), ("u1", Some(250_000_000), Some((7, at))));
        assert_eq!((main.ram_bytes, starting.ram_bytes, starting.nanocores), (Some(1_024), None, None));
        assert_eq!(readings.traffic[0].counters.transmitted, 20);
        assert_eq!(readings.volumes.len(), 1);
        assert_eq!((&*readings.volumes[0].claim, readings.volumes[0].used_bytes), ("data", 5));
    }

    #[test]
    fn the_metrics_api_is_read_too() {
        let list = r#"{"kind": "PodMetricsList", "items": [{"metadata": {"name": "web", "namespace": "shop"},
            "timestamp": "2026-03-02T10:00:00Z", "window": "15s",
            "containers": [{"name": "main", "usage": {"cpu": "12345678n", "memory": "64Mi"}}]}]}"#;
        let readings = read_pod_metrics(list.as_bytes()).unwrap();
        let reading = &readings.containers[0];
        assert_eq!((reading.nanocores, reading.ram_bytes), (Some(12_345_678), Some(64 << 20)));
    }

    #[rstest]
    #[case("250m", Some(250_000_000))]
    #[case("7u", Some(7_000))]
    #[case("2", Some(2_000_000_000))]
    #[case("-1", None)]
    #[case("x", None)]
    fn cores_have_many_spellings(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(nanocores(text), expected);
    }

    #[test]
    fn what_is_no_summary_is_refused_with_a_reason() {
        let error = read_summary(b"<html>").unwrap_err().to_string();
        assert!(error.starts_with("the answer is no summary of a kubelet: expected value"), "{error}");
        assert!(read_pod_metrics(b"[]").is_ok_and(|readings| readings == Readings::default()));
    }

    proptest! {
        #[test]
        fn whatever_answers_nothing_breaks(noise in ".{0,60}", at in 0usize..600, cut in 0usize..60) {
            let _ = read_summary(noise.as_bytes());
            let _ = read_pod_metrics(noise.as_bytes());
            let mut damaged = SUMMARY.as_bytes().to_vec();
            let at = at.min(damaged.len());
            let end = (at + cut).min(damaged.len());
            damaged.splice(at..end, noise.bytes());
            let _ = read_summary(&damaged);
            let _ = read_pod_metrics(&damaged);
        }
    }
}
