//! Draws workloads: of which kind, how many, how large, with which rules, for which NodePool.

use serde_json::{Value, json};
use supercargo_clock::Randomness;

use crate::builder::Builder;
use crate::metadata::{before, owner, typed};
use crate::names::{Naming, TEAMS, suffix, uid, workload_name};
use crate::node_pools::{Plan, Purpose};
use crate::options::{ClusterOptions, GenerateError};
use crate::traces::{BATCH, REPLICAS, REPLICAS_DIVISOR, SERVICE, SERVICE_LIFE_MINUTES, STATEFUL};
use crate::workload::{Kind, Workload};

/// Of all workloads, so many are StatefulSets, so many Jobs.
const STATEFUL_SHARE: f64 = 0.14;
const JOB_SHARE: f64 = 0.16;
/// The largest workload has at most this part of the pods.
const LARGEST_SHARE: f64 = 0.08;
/// The class of volumes.
pub(crate) const STORAGE_CLASS: &str = "gp3";

impl Builder<'_> {
    /// Draws one workload for an arrival: which it is, and how many pods it shall have.
    pub(crate) fn draw_workload(&mut self, arrival: usize) -> Result<(Workload, u32), GenerateError> {
        let mut randomness = self.drawing.clone();
        let drawn = self.drawn(&mut randomness, arrival);
        self.drawing = randomness;
        drawn
    }

    fn drawn(
        &mut self,
        randomness: &mut Randomness,
        arrival: usize,
    ) -> Result<(Workload, u32), GenerateError> {
        let sort = randomness.f64();
        let kind = if sort < STATEFUL_SHARE {
            Kind::StatefulSet
        } else if sort < STATEFUL_SHARE + JOB_SHARE {
            Kind::Job
        } else {
            Kind::Deployment
        };
        let purpose = self.purpose(kind, randomness);
        let nodes = f64::from(self.options.nodes);
        let scale = (nodes / 1_000.0).sqrt().min(1.0);
        let fewer = if kind == Kind::StatefulSet { 0.5 } else { 1.0 };
        let most = (nodes * 25.0 * LARGEST_SHARE).max(2.0);
        let replicas =
            (REPLICAS.draw(randomness) / REPLICAS_DIVISOR * scale * fewer).round().clamp(1.0, most) as u32;

        let naming = match kind {
            Kind::Deployment => Naming::Service,
            Kind::StatefulSet => Naming::Store,
            Kind::Job => Naming::Task,
        };
        let team = match purpose {
            Purpose::Team(team) => team,
            _ => randomness.choose(&TEAMS).copied().unwrap_or(TEAMS[0]),
        };
        let name = self.unused(team, workload_name(naming, randomness));
        let shape = match kind {
            Kind::Deployment => SERVICE,
            Kind::StatefulSet => STATEFUL,
            Kind::Job => BATCH,
        };
        let (cpu, memory) = shape.draw(self.scale, randomness);
        let hash = suffix(9, randomness);
        let volume_gib = (kind == Kind::StatefulSet).then(|| 20 << randomness.below(4));
        let mut spec = pod_spec(&name, cpu, memory, purpose == Purpose::Gpu);
        self.aim(&mut spec, purpose, randomness);
        rules(&mut spec, &name, kind, replicas, self.options, randomness);
        if volume_gib.is_some() {
            spec["containers"][0]["volumeMounts"] = json!([{ "name": "data", "mountPath": "/var/lib/data" }]);
        }
        if kind == Kind::Job {
            spec["restartPolicy"] = json!("Never");
        }
        let annotations = self.annotations(kind, randomness);
        let (own, controller_uid) = (uid(randomness), uid(randomness));
        let controller = if kind == Kind::Deployment { format!("{name}-{hash}") } else { name.clone() };
        let controller_uid = if kind == Kind::Deployment { controller_uid } else { own.clone() };
        let mut labels = json!({
            "app.kubernetes.io/name": name,
            "team": team,
            "cost-center": format!("cc-{}", 1_000 + 17 * TEAMS.iter().position(|other| *other == team).unwrap_or(0)),
        });
        match kind {
            Kind::Deployment => labels["pod-template-hash"] = json!(hash),
            Kind::StatefulSet => labels["controller-revision-hash"] = json!(controller.clone() + "-" + &hash),
            Kind::Job => {
                labels["job-name"] = json!(name);
                labels["batch.kubernetes.io/job-name"] = json!(name);
            }
        }
        let mut metadata = json!({ "namespace": team, "labels": labels });
        if !annotations.is_null() {
            metadata["annotations"] = annotations;
        }
        let mut template: supercargo_api::Pod = typed("Pod", json!({ "metadata": metadata, "spec": spec }))?;
        template.metadata.generate_name = Some(format!("{controller}-"));
        let (version, owning) = (kind.api_version(), kind.controller());
        template.metadata.owner_references = Some(vec![owner(version, owning, &controller, &controller_uid)]);
        let life = SERVICE_LIFE_MINUTES.draw(randomness).min(60.0 * 24.0 * 150.0) as i64;
        let workload = Workload {
            kind,
            namespace: team.to_owned(),
            name,
            uid: own,
            controller,
            controller_uid,
            template,
            volume_gib,
            born: before(self.now, 60 * life),
            made: 0,
            full: 0,
            arrival,
            system: false,
        };
        Ok((workload, replicas))
    }

    /// Which NodePool the work is for, of those there are.
    fn purpose(&self, kind: Kind, randomness: &mut Randomness) -> Purpose {
        let has = |purpose: Purpose| self.plans.iter().any(|plan| plan.purpose == purpose);
        let teams: Vec<Purpose> = self.plans.iter().map(|plan| plan.purpose).filter(is_team).collect();
        let share = teams.len() as f64 / self.plans.len() as f64;
        if randomness.chance(share) && kind != Kind::Job {
            return randomness.choose(&teams).copied().unwrap_or(Purpose::General);
        }
        let draw = randomness.f64();
        match kind {
            Kind::StatefulSet if has(Purpose::Stateful) => Purpose::Stateful,
            Kind::Job if has(Purpose::Batch) => Purpose::Batch,
            Kind::Job if has(Purpose::Spot) => Purpose::Spot,
            Kind::Deployment if draw < 0.06 && has(Purpose::Gpu) => Purpose::Gpu,
            Kind::Deployment if draw < 0.40 && has(Purpose::Spot) => Purpose::Spot,
            Kind::Deployment if draw < 0.58 && has(Purpose::Arm) => Purpose::Arm,
            _ => Purpose::General,
        }
    }

    /// Tolerations and node selectors that lead the pods to the NodePool.
    fn aim(&self, spec: &mut Value, purpose: Purpose, randomness: &mut Randomness) {
        let aimed: Option<&Plan> = self.plans.iter().find(|plan| plan.purpose == purpose);
        if let Some((key, value)) = aimed.and_then(|plan| plan.taint.as_ref()) {
            let toleration =
                json!({ "key": key, "operator": "Equal", "value": value, "effect": "NoSchedule" });
            if let Some(tolerations) = spec["tolerations"].as_array_mut() {
                tolerations.push(toleration);
            }
        }
        match purpose {
            Purpose::General if randomness.chance(0.85) => {
                spec["nodeSelector"] = json!({ "kubernetes.io/arch": "amd64" });
            }
            Purpose::Arm => spec["nodeSelector"] = json!({ "kubernetes.io/arch": "arm64" }),
            Purpose::Spot if randomness.chance(0.5) => {
                spec["nodeSelector"] =
                    json!({ "karpenter.sh/capacity-type": "spot", "kubernetes.io/arch": "amd64" });
            }
            Purpose::Spot => spec["nodeSelector"] = json!({ "kubernetes.io/arch": "amd64" }),
            Purpose::Stateful => spec["nodeSelector"] = json!({ "workload-type": "stateful" }),
            Purpose::Batch => spec["nodeSelector"] = json!({ "workload-type": "batch" }),
            Purpose::Team(team) => spec["nodeSelector"] = json!({ "team": team }),
            Purpose::General | Purpose::Gpu => {}
        }
    }

    /// What is said of the pods' disruption.
    fn annotations(&self, kind: Kind, randomness: &mut Randomness) -> Value {
        let draw = randomness.f64();
        let (forever, a_while) = match kind {
            Kind::Job => (0.12, 0.2),
            Kind::StatefulSet => (0.04, 0.04),
            Kind::Deployment => (0.01, 0.01),
        };
        if self.options.obstacles && draw < forever {
            json!({ "karpenter.sh/do-not-disrupt": "true" })
        } else if self.options.obstacles && draw < a_while {
            json!({ "karpenter.sh/do-not-disrupt": "4h" })
        } else if draw > 0.97 {
            json!({ "controller.kubernetes.io/pod-deletion-cost": "1000" })
        } else {
            Value::Null
        }
    }

    /// The name, with a number behind it if it is taken.
    fn unused(&mut self, namespace: &str, name: String) -> String {
        let mut candidate = name.clone();
        let mut number = 2;
        while !self.taken.insert(format!("{namespace}/{candidate}")) {
            candidate = format!("{name}-{number}");
            number += 1;
        }
        candidate
    }
}

fn is_team(purpose: &Purpose) -> bool {
    matches!(purpose, Purpose::Team(_))
}

/// One container and what every pod gets on admission. Millicores and MiB.
fn pod_spec(name: &str, cpu: i64, memory: i64, gpu: bool) -> Value {
    let mut requests = json!({ "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") });
    let mut limits = json!({ "memory": format!("{}Mi", memory + memory / 2) });
    if gpu {
        requests["nvidia.com/gpu"] = json!("1");
        limits["nvidia.com/gpu"] = json!("1");
    }
    let leaves_after = |state: &str| {
        json!({
            "key": format!("node.kubernetes.io/{state}"), "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": 300,
        })
    };
    json!({
        "containers": [{
            "name": "main",
            "image": format!("registry.example.com/{name}:1.4.2"),
            "ports": [{ "containerPort": 8080, "protocol": "TCP" }],
            "resources": { "requests": requests, "limits": limits },
        }],
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "priority": 0,
        "terminationGracePeriodSeconds": 30,
        "tolerations": [leaves_after("not-ready"), leaves_after("unreachable")],
    })
}

/// Rules between the pods of the workload, and its priority.
fn rules(
    spec: &mut Value,
    name: &str,
    kind: Kind,
    replicas: u32,
    options: &ClusterOptions,
    randomness: &mut Randomness,
) {
    let (draw, nodes) = (randomness.f64(), f64::from(options.nodes));
    let selector = json!({ "matchLabels": { "app.kubernetes.io/name": name } });
    let spread = |key: &str, skew: u32, hard: bool| {
        json!({
            "topologyKey": key, "maxSkew": skew, "labelSelector": selector,
            "whenUnsatisfiable": if hard { "DoNotSchedule" } else { "ScheduleAnyway" },
        })
    };
    let apart = |key: &str| {
        json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
            { "topologyKey": key, "labelSelector": selector },
        ] } })
    };
    const ZONE: &str = "topology.kubernetes.io/zone";
    const HOST: &str = "kubernetes.io/hostname";
    // Nodes of one NodePool that pods which shun each other may take up.
    let hosts = (nodes / f64::from(options.pools) / 8.0).max(3.0);
    let few = f64::from(replicas) <= hosts;
    match kind {
        Kind::StatefulSet if few && draw < 0.5 => spec["affinity"] = apart(HOST),
        Kind::StatefulSet if draw < 0.8 => {
            spec["topologySpreadConstraints"] = json!([spread(ZONE, 1, options.obstacles)]);
        }
        Kind::Deployment if draw < 0.30 => spec["topologySpreadConstraints"] = json!([spread(ZONE, 1, true)]),
        Kind::Deployment if draw < 0.40 => {
            spec["topologySpreadConstraints"] = json!([spread(ZONE, 1, false)])
        }
        Kind::Deployment if draw < 0.46 && few => {
            spec["topologySpreadConstraints"] = json!([spread(ZONE, 1, true), spread(HOST, 1, true)]);
        }
        Kind::Deployment if draw < 0.52 && few => spec["affinity"] = apart(HOST),
        Kind::Deployment if draw < 0.58 => {
            // DLRM: nearly half of the instances may share a node with only so many of their own.
            let most = (f64::from(replicas) / hosts).ceil().max(2.0) as u32;
            spec["topologySpreadConstraints"] = json!([spread(HOST, most, true)]);
        }
        Kind::Deployment if draw < 0.60 && replicas <= 6 => {
            spec["affinity"] = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
                { "topologyKey": ZONE, "labelSelector": selector },
            ] } });
        }
        _ => {}
    }
    if kind == Kind::Deployment && randomness.chance(0.12) {
        spec["priorityClassName"] = json!("business-critical");
        spec["priority"] = json!(1_000_000);
    } else if kind == Kind::Job && randomness.chance(0.3) {
        spec["priorityClassName"] = json!("whenever");
        spec["priority"] = json!(-1_000_000);
    }
}
