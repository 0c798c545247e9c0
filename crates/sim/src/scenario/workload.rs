//! Workloads as objects, and how many replicas they want.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Daily, ObjectName, Step, Workload};

/// The image of workloads before they get another.
const FIRST_IMAGE: &str = "registry.example/app:1";

impl Workload {
    /// The objects that are there from the beginning: the Deployment, its budget and its autoscaler if it has them.
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
        let autoscaler = self.autoscale.as_ref().map(|autoscale| {
            let target = json!({"type": "Utilization", "averageUtilization": autoscale.cpu_percent});
            json!({
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {
                    "name": self.name, "namespace": self.namespace,
                    "annotations": {LOAD: cores(self.load.unwrap_or(0.0))},
                },
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                    "minReplicas": autoscale.min,
                    "maxReplicas": autoscale.max,
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
                },
            })
        });
        [Some(deployment), budget, autoscaler].into_iter().flatten().collect()
    }

    /// What changes over time, in order: the object, the moment, and the fields.
    pub fn changes(
        &self,
        start_hour: f64,
        end: Duration,
        tick: Duration,
    ) -> Vec<(ObjectName, Duration, Value)> {
        let object = |api_version: &str, kind: &str| ObjectName {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
        };
        if self.autoscale.is_none() {
            let deployment = object("apps/v1", "Deployment");
            let sizes = self.sizes(start_hour, end, tick).into_iter();
            return sizes
                .map(|(at, replicas)| (deployment.clone(), at, json!({"spec": {"replicas": replicas}})))
                .collect();
        }
        let autoscaler = object("autoscaling/v2", "HorizontalPodAutoscaler");
        let curve = Curve {
            first: self.load.unwrap_or(0.0),
            goals: self.steps.iter().filter_map(|step| Some((step, step.load?))).collect(),
            daily: self.daily.as_ref(),
            start_hour,
        };
        let loads = curve.values(end, tick).into_iter();
        loads
            .map(|(at, load)| {
                let body = json!({"metadata": {"annotations": {LOAD: cores(load)}}});
                (autoscaler.clone(), at, body)
            })
            .collect()
    }

    /// When its size changes, and to what, in order of time. Ramps are cut into moments of `tick`; the wave of the day goes
    /// on where no step has been.
    pub fn sizes(&self, start_hour: f64, end: Duration, tick: Duration) -> Vec<(Duration, u32)> {
        let goals = self.steps.iter().filter_map(|step| Some((step, f64::from(step.replicas?))));
        let curve = Curve {
            first: f64::from(self.replicas),
            goals: goals.collect(),
            daily: self.daily.as_ref(),
            start_hour,
        };
        let mut sizes: Vec<(Duration, u32)> =
            curve.values(end, tick).into_iter().map(|(at, value)| (at, value.round() as u32)).collect();
        // the wave says the same for a while, rounded
        sizes.dedup_by_key(|(_, size)| *size);
        sizes
    }
}

/// The annotation of an autoscaler that says how much there is to do.
const LOAD: &str = "local.supercargo.dev/load";

/// Cores, in millicores so that no digit is lost.
fn cores(cores: f64) -> String {
    format!("{:.0}m", cores * 1_000.0)
}

/// A value over time.
struct Curve<'a> {
    first: f64,
    /// What steps bring it to.
    goals: Vec<(&'a Step, f64)>,
    daily: Option<&'a Daily>,
    start_hour: f64,
}

impl Curve<'_> {
    /// When it changes, and to what, in order of time.
    fn values(&self, end: Duration, tick: Duration) -> Vec<(Duration, f64)> {
        let mut sizes = Vec::new();
        let mut size = self.first;
        for (step, goal) in &self.goals {
            let over = step.over.map_or(Duration::ZERO, |over| over.0);
            let ticks = (over.as_nanos() / tick.as_nanos().max(1)).max(1) as u32;
            for number in 1..=ticks {
                let at = step.at.0 + over.mul_f64(f64::from(number) / f64::from(ticks));
                let share = f64::from(number) / f64::from(ticks);
                sizes.push((at, size + (goal - size) * share));
            }
            size = *goal;
        }
        if let Some(daily) = self.daily {
            let first_step = sizes.first().map_or(end, |(at, _)| *at);
            let mut at = Duration::ZERO;
            while at < first_step.min(end) {
                let hour = self.start_hour + at.as_secs_f64() / 3_600.0 - f64::from(daily.peak);
                let height = (1.0 + (hour / 24.0 * std::f64::consts::TAU).cos()) / 2.0;
                let wanted = f64::from(daily.low) + f64::from(daily.high - daily.low) * height;
                sizes.push((at, wanted));
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
    fn an_autoscaled_workload_has_an_autoscaler_and_its_load_changes() {
        let workload = workload(
            "{name: api, replicas: 10, cpu: 1, memory: 1Gi, autoscale: {min: 5, max: 50}, load: 6, \
             steps: [{at: 10m, load: 12.5, over: 30s}]}",
        );
        let autoscaler = &workload.objects()[1];
        assert_eq!(autoscaler["kind"], "HorizontalPodAutoscaler");
        assert_eq!(autoscaler["metadata"]["annotations"][LOAD], "6000m");
        let changes = workload.changes(9.0, Duration::from_secs(3_600), Duration::from_secs(15));
        let loads: Vec<(u64, &Value)> = changes
            .iter()
            .map(|(_, at, body)| (at.as_secs(), &body["metadata"]["annotations"][LOAD]))
            .collect();
        assert_eq!(loads, [(615, &json!("9250m")), (630, &json!("12500m"))]);
        assert_eq!(changes[0].0.kind, "HorizontalPodAutoscaler");
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
