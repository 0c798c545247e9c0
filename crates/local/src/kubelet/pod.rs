//! One pod on its node: a machine of containers.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec};

use super::container::{ContainerMachine, Happening, Restart};
use super::orders::Orders;
use crate::scheduler::is_sidecar;
use supercargo_api::Pod;

/// A pod without a grace period is given this many seconds.
const DEFAULT_GRACE: i64 = 30;

/// A pod on its node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PodMachine {
    /// The pod's uid.
    pub(super) uid: String,
    /// When the kubelet took it on.
    pub(super) started: Timestamp,
    /// When its network is there; nothing until its volumes are.
    pub(super) sandbox: Option<Timestamp>,
    /// Its address.
    pub(super) address: String,
    pub(super) init: Vec<ContainerMachine>,
    pub(super) main: Vec<ContainerMachine>,
    /// When each container will have stopped, once the pod has been told to go.
    stopping: Option<Vec<(Timestamp, i32)>>,
    /// Why it failed as a whole.
    pub(super) failure: Option<(&'static str, &'static str)>,
    /// Whether nothing of it runs any more, after it was told to go.
    pub(super) gone: bool,
}

/// What a pod's machine must know of its surroundings.
pub(super) struct Surroundings<'a> {
    /// The seed of all draws.
    pub(super) seed: u64,
    /// Whether the pod's volumes are attached.
    pub(super) volumes_ready: bool,
    /// Images the node has.
    pub(super) images: &'a BTreeSet<String>,
}

/// What happened in a tick.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// By container.
    pub(super) happenings: Vec<(String, Happening)>,
    /// Containers that were told to stop.
    pub(super) killed: Vec<String>,
}

impl PodMachine {
    /// Takes a pod on, or goes on with it where its status says it was.
    pub(super) fn new(pod: &Pod, seed: u64, address: String, now: Timestamp) -> Self {
        let orders = Orders::of(pod, seed);
        let status = pod.status.clone().unwrap_or_default();
        let no_spec = PodSpec::default();
        let spec = pod.spec().unwrap_or(&no_spec);
        let machines = |containers: &[Container], statuses: &Option<Vec<ContainerStatus>>, init: bool| {
            let machine = |container: &Container| {
                let known = statuses.iter().flatten().find(|status| status.name == container.name);
                ContainerMachine::new(container, known, &orders, init && !is_sidecar(container))
            };
            containers.iter().map(machine).collect::<Vec<_>>()
        };
        let init_containers = spec.init_containers.as_deref().unwrap_or_default();
        let init = machines(init_containers, &status.init_container_statuses, true);
        let main = machines(&spec.containers, &status.container_statuses, false);
        let started = status.start_time.as_ref().map_or(now, |time| time.0);
        let known_address = status.pod_ip.clone().filter(|address| !address.is_empty());
        Self {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            started,
            sandbox: known_address.as_ref().map(|_| started),
            address: known_address.unwrap_or(address),
            init,
            main,
            stopping: None,
            failure: None,
            gone: false,
        }
    }

    /// Lets time pass and returns what happened.
    pub(super) fn tick(&mut self, pod: &Pod, around: &Surroundings<'_>, now: Timestamp) -> Told {
        let mut told = Told::default();
        let Some(spec) = pod.spec() else { return told };
        let orders = Orders::of(pod, around.seed);
        if self.sandbox.is_none() && around.volumes_ready && pod.metadata.deletion_timestamp.is_none() {
            self.sandbox = Some(now.max(self.started) + orders.sandbox());
        }
        if let Some(deadline) = spec.active_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok())
            && self.started + Duration::from_secs(deadline) <= now
            && !self.is_over()
        {
            self.failure =
                Some(("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"));
            self.end_all(now, 137);
        }
        if pod.metadata.deletion_timestamp.is_some() {
            self.stop(pod, spec, &orders, now, &mut told);
            return told;
        }
        if self.sandbox.is_none_or(|ready| ready > now) {
            return told;
        }
        // each round moves something on; a pod that restarts for ever waits in between
        for _ in 0..1_000 {
            if !self.round(spec, &orders, around, now, &mut told) {
                break;
            }
        }
        told
    }

    /// When something changes next by itself.
    pub(super) fn next(&self, pod: &Pod, now: Timestamp) -> Option<Timestamp> {
        if self.gone {
            return None;
        }
        if let Some(stopping) = &self.stopping {
            return stopping.iter().map(|(at, _)| *at).filter(|at| *at > now).min().or(Some(now));
        }
        if let Some(ready) = self.sandbox.filter(|ready| *ready > now) {
            return Some(ready);
        }
        let containers = self.init.iter().chain(&self.main).filter_map(|container| container.next(now)).min();
        let deadline = pod
            .spec()
            .and_then(|spec| spec.active_deadline_seconds)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|_| !self.is_over())
            .map(|seconds| self.started + Duration::from_secs(seconds));
        containers.into_iter().chain(deadline).min()
    }

    /// Whether all init containers have done their work: ended well, or started if they stay.
    pub(super) fn is_initialized(&self, spec: &PodSpec) -> bool {
        let containers = spec.init_containers.as_deref().unwrap_or_default();
        self.init.iter().zip(containers).all(|(machine, container)| {
            if is_sidecar(container) {
                machine.is_running() || machine.end().is_some()
            } else {
                machine.end().is_some_and(|end| end.code == 0)
            }
        })
    }

    /// Whether the pod has ended, well or not.
    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some()
            || self.init.iter().any(|machine| machine.end().is_some_and(|end| end.code != 0))
            || (!self.main.is_empty() && self.main.iter().all(|machine| machine.end().is_some()))
    }

    /// Moves everything on by one step; returns whether anything moved.
    fn round(
        &mut self,
        spec: &PodSpec,
        orders: &Orders<'_>,
        around: &Surroundings<'_>,
        now: Timestamp,
        told: &mut Told,
    ) -> bool {
        use super::container::Doing;

        let restart = match spec.restart_policy.as_deref() {
            Some("Never") => Restart::Never,
            Some("OnFailure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        let over = self.is_over();
        let mut moved = false;
        let init_containers = spec.init_containers.as_deref().unwrap_or_default();
        let mut turn = true;
        for (machine, container) in self.init.iter_mut().zip(init_containers) {
            let stays = is_sidecar(container);
            if !turn {
                break;
            }
            if over {
                if stays && machine.end().is_none() {
                    machine.stop(now, 0);
                    moved = true;
                }
                continue;
            }
            if machine.doing == Doing::Waiting {
                machine.begin(
                    container,
                    now,
                    orders,
                    around.images.contains(&machine.image),
                    &mut told.happenings,
                );
                moved = true;
            }
            let policy = match (stays, restart) {
                (true, _) => Restart::Always,
                (false, Restart::Never) => Restart::Never,
                (false, _) => Restart::OnFailure,
            };
            moved |= machine.tick(container, now, orders, policy, !stays, &mut told.happenings);
            turn = if stays { machine.is_running() } else { machine.end().is_some_and(|end| end.code == 0) };
        }
        if over || !turn {
            return moved;
        }
        for (machine, container) in self.main.iter_mut().zip(&spec.containers) {
            if machine.doing == Doing::Waiting {
                machine.begin(
                    container,
                    now,
                    orders,
                    around.images.contains(&machine.image),
                    &mut told.happenings,
                );
                moved = true;
            }
            moved |= machine.tick(container, now, orders, restart, false, &mut told.happenings);
        }
        moved
    }

    /// The pod was told to go: hooks, SIGTERM, and SIGKILL when its time is over; sidecars after the others.
    fn stop(&mut self, pod: &Pod, spec: &PodSpec, orders: &Orders<'_>, now: Timestamp, told: &mut Told) {
        let init_containers = spec.init_containers.as_deref().unwrap_or_default();
        if self.stopping.is_none() {
            let grace = pod
                .metadata
                .deletion_grace_period_seconds
                .or(spec.termination_grace_period_seconds)
                .unwrap_or(DEFAULT_GRACE);
            let deadline = pod
                .metadata
                .deletion_timestamp
                .as_ref()
                .map_or(now, |time| time.0)
                .max(now)
                .min(now + Duration::from_secs(u64::try_from(grace).unwrap_or(0)));
            let ends = |container: &Container, from: Timestamp| {
                let willing = from + orders.pre_stop(container) + orders.stop(container);
                if willing <= deadline { (willing, 0) } else { (deadline, 137) }
            };
            let mut main = Vec::new();
            for (machine, container) in self.main.iter().zip(&spec.containers) {
                if machine.is_running() {
                    told.killed.push(machine.name.clone());
                }
                main.push(if machine.is_running() { ends(container, now) } else { (now, 137) });
            }
            let last = main.iter().map(|(at, _)| *at).max().unwrap_or(now);
            let init = self.init.iter().zip(init_containers).map(|(machine, container)| {
                if machine.is_running() { ends(container, last) } else { (now, 137) }
            });
            self.stopping = Some(init.chain(main).collect());
        }
        let stopping = self.stopping.clone().unwrap_or_default();
        for (machine, (at, code)) in self.init.iter_mut().chain(&mut self.main).zip(&stopping) {
            if *at <= now && machine.end().is_none() {
                machine.stop(*at, *code);
            }
        }
        self.gone = stopping.iter().all(|(at, _)| *at <= now);
    }

    fn end_all(&mut self, now: Timestamp, code: i32) {
        for machine in self.init.iter_mut().chain(&mut self.main) {
            machine.stop(now, code);
        }
    }
}
