//! One container, from its image to its end.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus};

use super::orders::Orders;

/// The wait before the second restart; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
/// The longest wait before a restart.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// A container that ran this long starts with short waits again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

/// What a container is doing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doing {
    /// It is not its turn yet.
    Waiting,
    /// Its image comes, and then it is created.
    Pulling { until: Timestamp },
    /// It is being created.
    Creating { until: Timestamp },
    /// It runs.
    Running { since: Timestamp, ready_at: Timestamp, ends: Option<(Timestamp, i32)> },
    /// It waits to be started again.
    BackOff { until: Timestamp },
    /// It has ended for good.
    Ended(End),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct End {
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) code: i32,
}

/// When a container is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

/// One container of a pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContainerMachine {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) doing: Doing,
    /// The run before.
    pub(super) last: Option<End>,
    pub(super) restarts: i32,
    /// Failures since it last ran long.
    failures: u32,
}

/// What happened to a container, for Events.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Happening {
    Pulling,
    Pulled(Option<Duration>),
    Created,
    Started,
    BackOff,
}

impl ContainerMachine {
    /// A container that has not started, or as its status says if the kubelet itself has started again.
    pub(super) fn new(
        container: &Container,
        status: Option<&ContainerStatus>,
        orders: &Orders<'_>,
        init: bool,
    ) -> Self {
        let mut machine = Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            doing: Doing::Waiting,
            last: None,
            restarts: status.map_or(0, |status| status.restart_count),
            failures: 0,
        };
        let Some(state) = status.and_then(|status| status.state.as_ref()) else { return machine };
        if let Some(running) = &state.running
            && let Some(since) = &running.started_at
        {
            machine.run(container, since.0, orders, init);
        }
        if let Some(terminated) = &state.terminated {
            let finished = terminated.finished_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
            let started = terminated.started_at.as_ref().map_or(finished, |time| time.0);
            machine.doing = Doing::Ended(End { started, finished, code: terminated.exit_code });
        }
        machine
    }

    /// Whether it runs.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.doing, Doing::Running { .. })
    }

    /// Whether it runs and is ready.
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        matches!(self.doing, Doing::Running { ready_at, .. } if ready_at <= now)
    }

    /// How it ended, if it has for good.
    pub(super) fn end(&self) -> Option<&End> {
        match &self.doing {
            Doing::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// It is its turn: the image first, if the node does not have it.
    pub(super) fn begin(
        &mut self,
        container: &Container,
        now: Timestamp,
        orders: &Orders<'_>,
        has_image: bool,
        told: &mut Vec<(String, Happening)>,
    ) {
        if has_image {
            told.push((self.name.clone(), Happening::Pulled(None)));
            self.doing = Doing::Creating { until: now + orders.start(container) };
        } else {
            told.push((self.name.clone(), Happening::Pulling));
            self.doing = Doing::Pulling { until: now + orders.pull(container) };
        }
    }

    /// Lets time pass. Returns whether anything changed; more may have to.
    pub(super) fn tick(
        &mut self,
        container: &Container,
        now: Timestamp,
        orders: &Orders<'_>,
        restart: Restart,
        init: bool,
        told: &mut Vec<(String, Happening)>,
    ) -> bool {
        match self.doing.clone() {
            Doing::Pulling { until } if until <= now => {
                told.push((self.name.clone(), Happening::Pulled(Some(orders.pull(container)))));
                self.doing = Doing::Creating { until: until + orders.start(container) };
            }
            Doing::Creating { until } if until <= now => {
                told.push((self.name.clone(), Happening::Created));
                told.push((self.name.clone(), Happening::Started));
                self.run(container, until, orders, init);
            }
            Doing::Running { since, ends: Some((at, code)), .. } if at <= now => {
                self.ended(End { started: since, finished: at, code }, restart, told);
            }
            Doing::BackOff { until } if until <= now => {
                self.doing = Doing::Creating { until: until + orders.start(container) };
            }
            _ => return false,
        }
        true
    }

    /// It is stopped for good.
    pub(super) fn stop(&mut self, at: Timestamp, code: i32) {
        match &self.doing {
            Doing::Running { since, .. } => {
                self.doing = Doing::Ended(End { started: *since, finished: at, code });
            }
            Doing::Ended(_) => {}
            _ => {
                let end = self.last.take().unwrap_or(End { started: at, finished: at, code: 137 });
                self.doing = Doing::Ended(end);
            }
        }
    }

    /// When it changes next by itself.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.doing {
            Doing::Waiting | Doing::Ended(_) => None,
            Doing::Pulling { until } | Doing::Creating { until } | Doing::BackOff { until } => Some(*until),
            Doing::Running { ready_at, ends, .. } => {
                let ready = (*ready_at > now).then_some(*ready_at);
                ready.into_iter().chain(ends.map(|(at, _)| at)).min()
            }
        }
    }

    fn run(&mut self, container: &Container, since: Timestamp, orders: &Orders<'_>, init: bool) {
        let plan = orders.run(container, self.restarts, init);
        let ends =
            plan.duration.and_then(|duration| Some((since.checked_add(duration).ok()?, plan.exit_code)));
        let ready_at = since.checked_add(orders.readiness(container)).unwrap_or(Timestamp::MAX);
        self.doing = Doing::Running { since, ready_at, ends };
    }

    fn ended(&mut self, end: End, restart: Restart, told: &mut Vec<(String, Happening)>) {
        let again = match restart {
            Restart::Always => true,
            Restart::OnFailure => end.code != 0,
            Restart::Never => false,
        };
        if !again {
            self.doing = Doing::Ended(end);
            return;
        }
        if end.finished.duration_since(end.started).unsigned_abs() >= FORGIVEN_AFTER {
            self.failures = 0;
        }
        // the first restart comes at once
        let wait = match self.failures {
            0 => Duration::ZERO,
            failures => FIRST_BACKOFF.saturating_mul(1 << (failures - 1).min(8)).min(LONGEST_BACKOFF),
        };
        self.failures = self.failures.saturating_add(1);
        self.restarts = self.restarts.saturating_add(1);
        let until = end.finished + wait;
        if !wait.is_zero() {
            told.push((self.name.clone(), Happening::BackOff));
        }
        self.last = Some(end);
        self.doing = Doing::BackOff { until };
    }
}
