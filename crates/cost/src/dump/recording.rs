//! Recordings: what a collector saw, a JSON value on every line.
//!
//! ```json
//! {"recording": {"cluster": "east", "provisioner": "EKS"}}
//! {"set": {"kind": "Node", "metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "16Gi"}}}}
//! {"observe": "2026-03-30T12:00:00Z"}
//! {"used": {"namespace": "shop", "pod": "web-1", "container": "main", "microcores": 200000, "ramBytes": 1048576}}
//! {"observe": "2026-03-30T12:01:00Z"}
//! {"gone": {"kind": "Pod", "namespace": "shop", "name": "web-1"}}
//! ```
//! The first line names the cluster. `set` puts an object of Kubernetes in place of the one of its name, `gone` takes it
//! away, at a time if it has `at`. `used`, `traffic`, `volume` and `silent` say what was measured since the last observation; `observe` makes one, of
//! the objects as they are by then. The facts are those that the live collector would have written.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use supercargo_api::{NodeClaim, Pod};
use thiserror::Error;

use crate::collector::{
    Collector, CollectorSettings, ContainerUsage, Measurements, Observation, Owned, PodTraffic, Seen, View,
    VolumeUsage,
};
use crate::facts::NetworkBytes;

/// The longest line, in bytes.
const LONGEST_LINE: u64 = 16 << 20;

/// A line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// The first line.
    #[serde(rename_all = "camelCase")]
    Recording(RecordingHead),
    /// An object of Kubernetes with its `kind`.
    Set(Value),
    /// An object that is gone.
    Gone(GoneObject),
    /// What a container used on average since the last observation.
    Used(UsedRecord),
    /// A pod's counters of traffic.
    Traffic(TrafficRecord),
    /// What of a volume is in use.
    Volume(VolumeRecord),
    /// A node that did not answer.
    Silent(String),
    /// An observation.
    Observe(Timestamp),
}

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingHead {
    /// Id of the cluster.
    pub cluster: String,
    /// Who runs the control plane and is paid for it; without it, nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioner: Option<String>,
    /// The longest stretch, in seconds, that a measurement may stand for [default: 300].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_stretch: Option<u64>,
}

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneObject {
    /// Kind.
    pub kind: String,
    /// Namespace; empty if the kind has none.
    #[serde(default)]
    pub namespace: String,
    /// Name.
    pub name: String,
    /// When it went; without it, it counts until the last observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What a container used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsedRecord {
    /// Namespace.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Uid of the pod, by which pods that reuse a name are told apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pod_uid: String,
    /// Name of the container.
    pub container: String,
    /// Millionths of a core.
    pub microcores: u64,
    /// Bytes of the working set.
    pub ram_bytes: u64,
    /// Thousandths of a GPU, if it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milli_gpus: Option<u64>,
}

/// A pod's counters, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficRecord {
    /// Namespace.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Uid of the pod, by which pods that reuse a name are told apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pod_uid: String,
    /// All that was sent.
    pub transmitted: u64,
    /// All that was received.
    pub received: u64,
    /// Sent into another zone.
    #[serde(default)]
    pub zone: u64,
    /// Sent into another region.
    #[serde(default)]
    pub region: u64,
    /// Sent to the internet.
    #[serde(default)]
    pub internet: u64,
}

/// What of a claimed volume is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeRecord {
    /// Namespace of the claim.
    pub namespace: String,
    /// Name of the claim.
    pub claim: String,
    /// Bytes.
    pub used_bytes: u64,
}

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}; expected {expected}")]
pub struct RecordingError {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

/// Objects of a kind by namespace and name, and those that went since the last observation.
struct Kept<T> {
    items: BTreeMap<(String, String), T>,
    went: Vec<(T, i64)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { items: BTreeMap::new(), went: Vec::new() }
    }
}

impl<T> Kept<T> {
    fn set(&mut self, name: (String, String), item: T) {
        self.items.insert(name, item);
    }

    /// Takes it away; says whether it was there.
    fn remove(&mut self, name: &(String, String), at: Option<Timestamp>) -> bool {
        let Some(item) = self.items.remove(name) else { return false };
        self.went.extend(at.map(|at| (item, at.as_second())));
        true
    }

    fn seen(&self) -> Vec<Seen<'_, T>> {
        let went = self.went.iter().map(|(object, at)| Seen { object, gone: Some(*at) });
        self.items.values().map(Seen::from).chain(went).collect()
    }
}

/// A cluster as it is at a line.
#[derive(Default)]
struct Recorded {
    nodes: Kept<Node>,
    claims: Kept<NodeClaim>,
    pods: Kept<Pod>,
    namespaces: Kept<Namespace>,
    volumes: Kept<PersistentVolume>,
    storage_classes: Kept<StorageClass>,
    services: Kept<Service>,
    owners: BTreeMap<String, Kept<Owned>>,
    used: Vec<ContainerUsage>,
    traffic: Vec<PodTraffic>,
    volume_use: Vec<VolumeUsage>,
    silent: Vec<Arc<str>>,
}

/// Reads a recording and hands on its observations, in order.
pub fn read_recording<E: From<RecordingError>>(
    mut reader: impl BufRead,
    mut each: impl FnMut(&str, Observation) -> Result<(), E>,
) -> Result<(), E> {
    let mut bytes = Vec::new();
    let mut state = Recorded::default();
    let mut collector: Option<(Collector, String)> = None;
    for line in 1usize.. {
        bytes.clear();
        let wrong =
            |problem: String, expected: &str| RecordingError { line, problem, expected: expected.to_owned() };
        let read = std::io::Read::take(&mut reader, LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| wrong(error.to_string(), "a readable file"))?;
        if read == 0 {
            if collector.is_none() {
                Err(wrong("the recording is empty".to_owned(), HEAD))?;
            }
            return Ok(());
        }
        if read as u64 == LONGEST_LINE {
            Err(wrong(format!("the line is longer than {LONGEST_LINE} bytes"), "one record on a line"))?;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| {
            let text = error.to_string();
            let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
            wrong(format!("column {}: {problem}", error.column()), RECORDS)
        })?;
        let Some((collector, cluster)) = &mut collector else {
            let Record::Recording(head) = record else {
                return Err(
                    wrong("the first line does not say what the recording is of".to_owned(), HEAD).into()
                );
            };
            let settings = CollectorSettings {
                provisioner: head.provisioner.map(Arc::from),
                longest_stretch: head.longest_stretch.unwrap_or(300),
                ..CollectorSettings::new(&head.cluster)
            };
            collector = Some((Collector::new(settings), head.cluster));
            continue;
        };
        match record {
            Record::Recording(_) => {
                Err(wrong("a second first line".to_owned(), "one recording in a file"))?;
            }
            Record::Observe(time) => {
                let observed = state.observe(collector, time);
                let observation =
                    observed.map_err(|problem| wrong(problem, "observations in order of time"))?;
                each(cluster, observation)?;
            }
            other => state.note(other).map_err(|(problem, expected)| wrong(problem, &expected))?,
        }
    }
    Ok(())
}

const HEAD: &str = "{\"recording\": {\"cluster\": \"NAME\"}}";
const RECORDS: &str = "one of {\"recording\": …}, {\"set\": OBJECT}, {\"gone\": …}, {\"used\": …}, {\"traffic\": …}, \
                       {\"volume\": …}, {\"silent\": \"NODE\"}, {\"observe\": \"2026-03-30T12:00:00Z\"}";

impl Recorded {
    fn observe(&mut self, collector: &mut Collector, time: Timestamp) -> Result<Observation, String> {
        let view = View {
            nodes: self.nodes.seen(),
            claims: self.claims.seen(),
            pods: self.pods.seen(),
            volumes: self.volumes.seen(),
            services: self.services.seen(),
            namespaces: self.namespaces.items.values().collect(),
            storage_classes: self.storage_classes.items.values().collect(),
            owners: self.owners.values().flat_map(|kept| kept.items.values().cloned()).collect(),
        };
        let measured = Measurements {
            containers: &self.used,
            traffic: &self.traffic,
            volumes: &self.volume_use,
            silent_nodes: &self.silent,
        };
        let observed = collector.observe(time.as_second(), &view, &measured);
        self.nodes.went.clear();
        self.claims.went.clear();
        self.pods.went.clear();
        self.volumes.went.clear();
        self.services.went.clear();
        self.used.clear();
        self.traffic.clear();
        self.volume_use.clear();
        self.silent.clear();
        observed.map_err(|error| error.to_string())
    }

    /// Notes a record; says what is wrong with it, and what would be right.
    fn note(&mut self, record: Record) -> Result<(), (String, String)> {
        match record {
            Record::Set(object) => self.set(object)?,
            Record::Gone(gone) => {
                let name = (gone.namespace, gone.name);
                let removed = match gone.kind.as_str() {
                    "Node" => self.nodes.remove(&name, gone.at),
                    "NodeClaim" => self.claims.remove(&name, gone.at),
                    "Pod" => self.pods.remove(&name, gone.at),
                    "Namespace" => self.namespaces.remove(&name, None),
                    "PersistentVolume" => self.volumes.remove(&name, gone.at),
                    "StorageClass" => self.storage_classes.remove(&name, None),
                    "Service" => self.services.remove(&name, gone.at),
                    // one that nobody owned was never kept
                    kind => {
                        if let Some(kept) = self.owners.get_mut(kind) {
                            kept.remove(&name, None);
                        }
                        true
                    }
                };
                if !removed {
                    let problem = format!("{} {}/{} is gone but was never there", gone.kind, name.0, name.1);
                    return Err((problem, "a set of it before".to_owned()));
                }
            }
            Record::Used(used) => self.used.push(ContainerUsage {
                namespace: used.namespace.into(),
                pod: used.pod.into(),
                pod_uid: used.pod_uid.into(),
                container: used.container.into(),
                microcores: used.microcores,
                ram_bytes: used.ram_bytes,
                milli_gpus: used.milli_gpus,
            }),
            Record::Traffic(traffic) => self.traffic.push(PodTraffic {
                namespace: traffic.namespace.into(),
                pod: traffic.pod.into(),
                pod_uid: traffic.pod_uid.into(),
                counters: NetworkBytes {
                    transmitted: traffic.transmitted,
                    received: traffic.received,
                    zone: traffic.zone,
                    region: traffic.region,
                    internet: traffic.internet,
                },
            }),
            Record::Volume(volume) => self.volume_use.push(VolumeUsage {
                namespace: volume.namespace.into(),
                claim: volume.claim.into(),
                used_bytes: volume.used_bytes,
            }),
            Record::Silent(node) => self.silent.push(node.into()),
            Record::Recording(_) | Record::Observe(_) => {}
        }
        Ok(())
    }

    fn set(&mut self, object: Value) -> Result<(), (String, String)> {
        let expected = || "an object such as {\"kind\": \"Pod\", \"metadata\": {\"name\": …}}".to_owned();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = text(&object["kind"]);
        let name = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
        if kind.is_empty() || name.1.is_empty() {
            let field = if kind.is_empty() { "kind" } else { "metadata.name" };
            return Err((format!("the object has no {field}"), expected()));
        }
        match kind.as_str() {
            "Node" => self.nodes.set(name, typed(object, &kind)?),
            "NodeClaim" => self.claims.set(name, typed(object, &kind)?),
            "Pod" => self.pods.set(name, typed(object, &kind)?),
            "Namespace" => self.namespaces.set(name, typed(object, &kind)?),
            "PersistentVolume" => self.volumes.set(name, typed(object, &kind)?),
            "StorageClass" => self.storage_classes.set(name, typed(object, &kind)?),
            "Service" => self.services.set(name, typed(object, &kind)?),
            _ => {
                let metadata: ObjectMeta = typed(object["metadata"].clone(), &kind)?;
                if let Some(owned) = Owned::of(&kind, &metadata) {
                    self.owners.entry(kind).or_default().set(name, owned);
                }
            }
        }
        Ok(())
    }
}

fn typed<T: DeserializeOwned>(object: Value, kind: &str) -> Result<T, (String, String)> {
    serde_json::from_value(object).map_err(|error| {
        (format!("the {kind} cannot be read: {error}"), format!("a {kind} as the API writes it"))
    })
}
