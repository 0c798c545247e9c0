//! Workloads as objects, and how many replicas they want.

use std::time::Duration;

use serde_json::{Value, json};

use super::Workload;

/// The image of workloads before they get another.
const FIRST_IMAGE: &str = "registry.example/app:1";

impl Workload {
    /// The objects that are there from the beginning: the Deployment, and its budget if it has one.
    pub fn objects(&self) -> Vec<Value> {
        let mut labels = json!({"app": self.name});
        for (key, value) in &self.labels {
            labels[key] = json!(value);
        }
        let mut spec = json!({"containers": [{
            "name": "app",
            "image": FIRST_IMAGE,
            "resources": {"requests": {"cpu": self.cpu, "memory": self.memory}},
        }]});
        merge(&mut spec, &self.pod);
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": self.name}},
                "template": {"metadata": {"labels": labels, "annotations": self.annotations}, "spec": spec},
            },
        });
        let budget = self.min_available.as_ref().map(|least| {
            let least = least.parse::<u32>().map_or_else(|_| json!(least), |number| json!(number));
            json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": self.name, "namespace": self.namespace},
                "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": self.name}}},
            })
        });
        [Some(deployment), budget].into_iter().flatten().collect()
    }

    /// When its size changes, and to what, in order of time. Ramps are cut into moments of `tick`; the wave of the day goes
    /// on where no step has been.
    pub fn sizes(&self, start_hour: f64, end: Duration, tick: Duration) -> Vec<(Duration, u32)> {
        let mut sizes = Vec::new();
        let mut size = self.replicas;
        for step in &self.steps {
            let Some(goal) = step.replicas else { continue };
            let over = step.over.map_or(Duration::ZERO, |over| over.0);
            let ticks = (over.as_nanos() / tick.as_nanos().max(1)).max(1) as u32;
            for number in 1..=ticks {
                let at = step.at.0 + over.mul_f64(f64::from(number) / f64::from(ticks));
                let share = f64::from(number) / f64::from(ticks);
                let between = f64::from(size) + (f64::from(goal) - f64::from(size)) * share;
                sizes.push((at, between.round() as u32));
            }
            size = goal;
        }
        if let Some(daily) = &self.daily {
            let first_step = sizes.first().map_or(end, |(at, _)| *at);
            let mut at = Duration::ZERO;
            let mut last = self.replicas;
            while at < first_step.min(end) {
                let hour = start_hour + at.as_secs_f64() / 3_600.0 - f64::from(daily.peak);
                let height = (1.0 + (hour / 24.0 * std::f64::consts::TAU).cos()) / 2.0;
                let wanted = f64::from(daily.low) + f64::from(daily.high - daily.low) * height;
                let wanted = wanted.round() as u32;
                if wanted != last {
                    sizes.push((at, wanted));
                    last = wanted;
                }
                at += Duration::from_secs(300);
            }
        }
        sizes.sort_by_key(|(at, _)| *at);
        sizes
    }
}

/// Merges fields into an object; lists are replaced.
fn merge(target: &mut Value, more: &Value) {
    let (Some(fields), Some(more)) = (target.as_object_mut(), more.as_object()) else { return };
    for (name, value) in more {
        match fields.get_mut(name) {
            Some(known) if known.is_object() && value.is_object() => merge(known, value),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(text: &str) -> Workload {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_ramp_is_cut_into_even_ticks() {
        let workload = workload(
            "{name: api, replicas: 200, cpu: 1, memory: 1Gi, steps: [{at: 10m, replicas: 1800, over: 1m}]}",
        );
        let sizes = workload.sizes(9.0, Duration::from_secs(3_600), Duration::from_secs(15));
        let seconds: Vec<(u64, u32)> = sizes.iter().map(|(at, size)| (at.as_secs(), *size)).collect();
        assert_eq!(seconds, [(615, 600), (630, 1_000), (645, 1_400), (660, 1_800)]);
    }

    #[test]
    fn the_wave_of_the_day_is_highest_at_its_peak() {
        let workload =
            workload("{name: api, replicas: 10, cpu: 1, memory: 1Gi, daily: {low: 10, high: 30, peak: 20}}");
        let sizes = workload.sizes(0.0, Duration::from_secs(86_400), Duration::from_secs(15));
        let (at, size) = sizes.iter().max_by_key(|(_, size)| *size).unwrap();
        assert_eq!(*size, 30);
        assert!((18..=21).contains(&(at.as_secs() / 3_600)), "{at:?}");
        assert_eq!(sizes.iter().map(|(_, size)| *size).min(), Some(10));
    }
}
