//! A pod's machine as the status that kubelets write.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, PodCondition, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::container::{ContainerMachine, Doing, End};
use super::pod::PodMachine;
use crate::conditions::set_pod_condition;
use supercargo_api::Pod;

/// The status of a pod, from the one it has.
pub(super) fn status(pod: &Pod, machine: &PodMachine, host_address: &str, now: Timestamp) -> PodStatus {
    let mut status = pod.status.as_deref().cloned().unwrap_or_default();
    let no_spec = PodSpec::default();
    let spec = pod.spec().unwrap_or(&no_spec);
    let networked = machine.sandbox.is_some_and(|ready| ready <= now);
    let initialized = machine.is_initialized(spec);
    let init_containers = spec.init_containers.as_deref().unwrap_or_default();

    status.observed_generation = pod.metadata.generation;
    status.start_time = Some(Time(machine.started));
    status.host_ip = Some(host_address.to_owned());
    status.host_ips = Some(vec![HostIP { ip: host_address.to_owned() }]);
    if networked {
        let address = if spec.host_network == Some(true) { host_address } else { &machine.address };
        status.pod_ip = Some(address.to_owned());
        status.pod_ips = Some(vec![PodIP { ip: address.to_owned() }]);
    }
    let waiting = |position: usize, init: bool| {
        let before_it = init && machine.init[..position].iter().any(|machine| machine.end().is_none());
        let starts_later = before_it || (!init && !initialized);
        if starts_later { "PodInitializing" } else { "ContainerCreating" }
    };
    let render = |machines: &[ContainerMachine], containers: &[Container], init: bool| {
        let one = |(position, (machine, container)): (usize, (&ContainerMachine, &Container))| {
            container_status(machine, container, waiting(position, init), init, pod, now)
        };
        machines.iter().zip(containers).enumerate().map(one).collect::<Vec<_>>()
    };
    let statuses = render(&machine.main, &spec.containers, false);
    if !init_containers.is_empty() {
        status.init_container_statuses = Some(render(&machine.init, init_containers, true));
    }
    status.container_statuses = Some(statuses);
    status.phase = Some(phase(machine, networked && initialized).to_owned());
    (status.reason, status.message) = match machine.failure {
        Some((reason, message)) => (Some(reason.to_owned()), Some(message.to_owned())),
        None => (None, None),
    };
    conditions(&mut status, pod, spec, machine, networked, initialized, now);
    status
}

fn phase(machine: &PodMachine, started: bool) -> &'static str {
    if machine.is_over() || machine.gone {
        let ended = machine.init.iter().chain(&machine.main).all(|machine| machine.end().is_some());
        if !ended {
            return "Running";
        }
        let well = machine.failure.is_none()
            && machine.main.iter().all(|machine| machine.end().is_some_and(|end| end.code == 0));
        return if well { "Succeeded" } else { "Failed" };
    }
    let any = machine.main.iter().any(|machine| {
        machine.is_running()
            || machine.end().is_some()
            || matches!(machine.doing, Doing::BackOff { .. })
            || machine.restarts > 0
    });
    if started && any { "Running" } else { "Pending" }
}

fn conditions(
    status: &mut PodStatus,
    pod: &Pod,
    spec: &PodSpec,
    machine: &PodMachine,
    networked: bool,
    initialized: bool,
    now: Timestamp,
) {
    let over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let completed = (status.phase.as_deref() == Some("Succeeded")).then_some("PodCompleted");
    let unready: Vec<&str> = machine
        .main
        .iter()
        .filter(|machine| !machine.is_ready(now))
        .map(|machine| machine.name.as_str())
        .collect();
    let stopping = machine.gone;
    let containers_ready = networked && initialized && unready.is_empty() && !over && !stopping;
    let gates_hold = spec.readiness_gates.iter().flatten().all(|gate| {
        let conditions =
            pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        conditions.iter().any(|known| known.type_ == gate.condition_type && known.status == "True")
    });
    let mut set = |type_: &str, holds: bool, reason: Option<&str>, message: Option<String>| {
        let condition = PodCondition {
            type_: type_.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: reason.map(str::to_owned),
            message,
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        set_pod_condition(status, condition, now);
    };
    set("PodReadyToStartContainers", networked && !over && !stopping, None, None);
    let uninitialized = (!initialized).then(|| {
        let names =
            machine.init.iter().filter(|machine| machine.end().is_none()).map(|machine| &machine.name);
        format!("containers with incomplete status: [{}]", names.cloned().collect::<Vec<_>>().join(" "))
    });
    set(
        "Initialized",
        initialized,
        completed.or_else(|| uninitialized.as_ref().map(|_| "ContainersNotInitialized")),
        uninitialized,
    );
    let not_ready = || format!("containers with unready status: [{}]", unready.join(" "));
    let failed = (status_failed(over, completed)).then_some("PodFailed");
    let (reason, message) = match (containers_ready, completed.or(failed)) {
        (true, _) => (None, None),
        (false, Some(ended)) => (Some(ended), None),
        (false, None) => (Some("ContainersNotReady"), Some(not_ready())),
    };
    set("ContainersReady", containers_ready, reason, message.clone());
    if containers_ready && !gates_hold {
        let message = "the status of pod readiness gate is not \"True\"".to_owned();
        set("Ready", false, Some("ReadinessGatesNotReady"), Some(message));
    } else {
        set("Ready", containers_ready, reason, message);
    }
    set("PodScheduled", true, None, None);
}

fn status_failed(over: bool, completed: Option<&str>) -> bool {
    over && completed.is_none()
}

fn container_status(
    machine: &ContainerMachine,
    container: &Container,
    waiting: &str,
    init: bool,
    pod: &Pod,
    now: Timestamp,
) -> ContainerStatus {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let started = machine.is_running() || machine.end().is_some() || machine.last.is_some();
    let ready = if init && !crate::scheduler::is_sidecar(container) {
        machine.end().is_some_and(|end| end.code == 0)
    } else {
        machine.is_ready(now)
    };
    let id = |run: i32| container_id(uid, &machine.name, run);
    let last = machine.last.as_ref().map(|end| terminated(end, id(machine.restarts - 1)));
    let state = match &machine.doing {
        Doing::Waiting | Doing::Pulling { .. } | Doing::Creating { .. } if machine.restarts == 0 => {
            wait(waiting, None)
        }
        Doing::Waiting | Doing::Pulling { .. } | Doing::Creating { .. } | Doing::BackOff { .. } => {
            back_off(machine, pod)
        }
        Doing::Running { since, .. } => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(Time(*since)) }),
            ..ContainerState::default()
        },
        Doing::Ended(end) => terminated(end, id(machine.restarts)),
    };
    ContainerStatus {
        name: machine.name.clone(),
        image: machine.image.clone(),
        image_id: if started {
            format!("{}@sha256:{}", machine.image, digest(&machine.image))
        } else {
            String::new()
        },
        container_id: started.then(|| id(machine.restarts)),
        ready,
        started: Some(machine.is_running()),
        restart_count: machine.restarts,
        last_state: last,
        state: Some(state),
        resources: container.resources.clone(),
        allocated_resources: container.resources.as_ref().and_then(|resources| resources.requests.clone()),
        ..ContainerStatus::default()
    }
}

fn back_off(machine: &ContainerMachine, pod: &Pod) -> ContainerState {
    let Doing::BackOff { until } = &machine.doing else { return wait("ContainerCreating", None) };
    let since = machine.last.as_ref().map_or(*until, |last| last.finished);
    let wait_for = until.duration_since(since).unsigned_abs();
    if wait_for.is_zero() {
        return wait("ContainerCreating", None);
    }
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let message = format!(
        "back-off {} restarting failed container={} pod={name}_{namespace}({uid})",
        go_duration(wait_for.as_secs()),
        machine.name
    );
    wait("CrashLoopBackOff", Some(message))
}

/// Seconds as Go writes a duration: `10s`, `1m20s`, `5m0s`.
fn go_duration(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

fn wait(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn terminated(end: &End, container_id: String) -> ContainerState {
    let reason = if end.code == 0 { "Completed" } else { "Error" };
    let terminated = ContainerStateTerminated {
        container_id: Some(container_id),
        exit_code: end.code,
        reason: Some(reason.to_owned()),
        started_at: Some(Time(end.started)),
        finished_at: Some(Time(end.finished)),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

fn container_id(uid: &str, name: &str, run: i32) -> String {
    format!("containerd://{}", digest(&format!("{uid}/{name}/{run}")))
}

/// 64 hexadecimal digits that depend on a text only.
fn digest(text: &str) -> String {
    let mut draws = supercargo_clock::Randomness::from_seed(0).fork(text);
    (0..4).fold(String::with_capacity(64), |mut digits, _| {
        // writing to a string cannot fail
        let _ = write!(digits, "{:016x}", draws.u64());
        digits
    })
}
