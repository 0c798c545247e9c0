//! From readings to what was used on average since the last ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collector::readings::{ContainerReading, Readings};
use crate::collector::view::{ContainerUsage, Measurements, PodTraffic, VolumeUsage};

/// Measurements that own what they are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Containers.
    pub containers: Vec<ContainerUsage>,
    /// Traffic.
    pub traffic: Vec<PodTraffic>,
    /// Volumes.
    pub volumes: Vec<VolumeUsage>,
    /// Nodes that did not answer.
    pub silent_nodes: Vec<Arc<str>>,
}

impl Measured {
    /// As an observation takes them.
    pub fn as_measurements(&self) -> Measurements<'_> {
        Measurements {
            containers: &self.containers,
            traffic: &self.traffic,
            volumes: &self.volumes,
            silent_nodes: &self.silent_nodes,
        }
    }
}

/// Uid of the pod (its namespace and name if that is not known) and name of the container.
type Who = (Arc<str>, Arc<str>);

/// Remembers the counters of the last readings. A counter tells exactly what was used meanwhile; where there is none, or it
/// began anew, what was used in the seconds before the reading stands for it.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    counters: BTreeMap<Who, (u64, i128)>,
}

impl Rates {
    /// What was used since the last readings. Containers of which nothing is said any more are forgotten.
    pub fn take(&mut self, readings: Vec<Readings>, silent_nodes: Vec<Arc<str>>) -> Measured {
        let mut measured = Measured { silent_nodes, ..Measured::default() };
        let mut counters = BTreeMap::new();
        for answer in readings {
            for reading in answer.containers {
                let who = who(&reading);
                let rate = self.rate(&who, &reading);
                if let Some(counter) = reading.counter {
                    counters.insert(who, counter);
                }
                let (Some(nanocores), Some(ram_bytes)) = (rate, reading.ram_bytes) else { continue };
                measured.containers.push(ContainerUsage {
                    namespace: reading.namespace,
                    pod: reading.pod,
                    pod_uid: reading.pod_uid,
                    container: reading.container,
                    microcores: nanocores / 1_000,
                    ram_bytes,
                    milli_gpus: None,
                });
            }
            measured.traffic.extend(answer.traffic);
            measured.volumes.extend(answer.volumes);
        }
        self.counters = counters;
        measured
    }

    /// Billionths of a core.
    fn rate(&self, who: &Who, reading: &ContainerReading) -> Option<u64> {
        let counted = reading.counter.and_then(|(count, at)| {
            let (before, since) = *self.counters.get(who)?;
            let nanoseconds = u128::try_from(at.checked_sub(since)?).ok().filter(|time| *time > 0)?;
            let used = u128::from(count.checked_sub(before)?);
            u64::try_from(used.checked_mul(1_000_000_000)? / nanoseconds).ok()
        });
        counted.or(reading.nanocores)
    }
}

fn who(reading: &ContainerReading) -> Who {
    let pod = if reading.pod_uid.is_empty() {
        format!("{}/{}", reading.namespace, reading.pod).into()
    } else {
        Arc::clone(&reading.pod_uid)
    };
    (pod, Arc::clone(&reading.container))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i128 = 60_000_000_000;

    fn reading(uid: &str, counter: Option<(u64, i128)>, nanocores: Option<u64>) -> Vec<Readings> {
        let container = ContainerReading {
            pod: "web".into(),
            pod_uid: uid.into(),
            counter,
            nanocores,
            ram_bytes: Some(1),
            ..ContainerReading::default()
        };
        vec![Readings { containers: vec![container], ..Readings::default() }]
    }

    fn microcores(measured: &Measured) -> Option<u64> {
        measured.containers.first().map(|usage| usage.microcores)
    }

    #[test]
    fn a_counter_tells_the_average_and_a_moment_stands_in_where_there_is_none() {
        let mut rates = Rates::default();
        // nothing to compare with yet
        let first = rates.take(reading("u1", Some((0, 0)), Some(900_000_000)), Vec::new());
        assert_eq!(microcores(&first), Some(900_000));
        // half a core for a minute, whatever the last seconds were like
        let second = rates.take(reading("u1", Some((30_000_000_000, MINUTE)), Some(900_000_000)), Vec::new());
        assert_eq!(microcores(&second), Some(500_000));
        // a restart: the counter begins anew
        let third = rates.take(reading("u1", Some((5, 2 * MINUTE)), Some(100_000_000)), Vec::new());
        assert_eq!(microcores(&third), Some(100_000));
        // the same moment twice, or the past
        let again = rates.take(reading("u1", Some((5, 2 * MINUTE)), None), Vec::new());
        assert_eq!(microcores(&again), None);
        // another pod of that name
        let heir = rates.take(reading("u2", Some((60_000_000_000, 3 * MINUTE)), Some(1_000)), Vec::new());
        assert_eq!(microcores(&heir), Some(1));
    }

    #[test]
    fn absurd_counters_break_nothing() {
        let mut rates = Rates::default();
        rates.take(reading("", Some((0, i128::MIN)), None), Vec::new());
        let measured = rates.take(reading("", Some((u64::MAX, i128::MAX)), Some(7_000)), Vec::new());
        assert_eq!(microcores(&measured), Some(7));
    }
}
