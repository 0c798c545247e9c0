//! What annotations of a pod tell the simulated kubelet to do.
//!
//! | annotation `local.supercargo.dev/` | meaning | without it |
//! |---|---|---|
//! | `run-seconds` | a run of a container takes this long, `30` or `30-90` | its command's sleeps; Jobs 5 to 15 s; else for ever |
//! | `exit-code` | how a run ends | 0 |
//! | `fail-runs` | so many runs of each container fail first | 0 |
//! | `fail-after-seconds` | how long a failing run takes | 1 |
//! | `fail-pods` | the share of pods whose runs all fail, `0.1` | 0 |
//! | `pull-seconds` | pulling an image that the node does not have | 1 to 4 s |
//! | `start-seconds` | from the image to the start of a container | 0 |
//! | `ready-seconds` | from the start to readiness | the readiness probe's initial delay |
//! | `stop-seconds` | from SIGTERM to the end | 0.1 to 1 s |
//! | `cpu-usage`, `memory-usage` | usage as a share of the request, at the day's peak | 0.2 to 0.7 |

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler};
use supercargo_api::Pod;
use supercargo_clock::Randomness;
use supercargo_reconcile::controller_of;

use super::sleeps::command_duration;

/// The prefix of all annotations that the simulated parts read.
pub const ORDERS_PREFIX: &str = "local.supercargo.dev/";

/// How one run of a container goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunPlan {
    /// How long it takes; nothing if it goes on until it is stopped.
    pub(crate) duration: Option<Duration>,
    /// How it ends.
    pub(crate) exit_code: i32,
}

/// The orders of one pod.
pub(crate) struct Orders<'a> {
    pod: &'a Pod,
    randomness: Randomness,
}

impl<'a> Orders<'a> {
    /// The orders of a pod; draws depend on the seed and the pod's uid only.
    pub(crate) fn of(pod: &'a Pod, seed: u64) -> Self {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        Self { pod, randomness: Randomness::from_seed(seed).fork("pods").fork(uid) }
    }

    /// How a run of a container goes; `run` counts from zero.
    pub(crate) fn run(&self, container: &Container, run: i32, is_init: bool) -> RunPlan {
        let mut draws = self.randomness.fork(&container.name).fork("run").fork(&run.to_string());
        let fails = i64::from(run) < self.number("fail-runs").map_or(0, |number| number as i64);
        let failing_pod =
            self.number("fail-pods").is_some_and(|share| self.randomness.fork("fails").chance(share));
        let code = self.number("exit-code").map(|code| code as i32);
        if !is_init && (fails || failing_pod) {
            let duration = self.seconds("fail-after-seconds", &mut draws).unwrap_or(Duration::from_secs(1));
            return RunPlan {
                duration: Some(duration),
                exit_code: code.filter(|code| *code != 0).unwrap_or(1),
            };
        }
        let words = container.command.iter().flatten().chain(container.args.iter().flatten());
        let read = command_duration(words.map(String::as_str), &mut draws.fork("command"));
        let duration = if is_init {
            read.or(Some(Duration::from_secs(1)))
        } else {
            self.seconds("run-seconds", &mut draws).or(read).or_else(|| self.job_default(&mut draws))
        };
        RunPlan { duration, exit_code: if is_init { 0 } else { code.unwrap_or(0) } }
    }

    /// How long an image takes to come.
    pub(crate) fn pull(&self, container: &Container) -> Duration {
        let mut draws = self.randomness.fork(&container.name).fork("pull");
        self.seconds("pull-seconds", &mut draws).unwrap_or_else(|| between(1.0, 4.0, &mut draws))
    }

    /// From the image to the start.
    pub(crate) fn start(&self, container: &Container) -> Duration {
        let mut draws = self.randomness.fork(&container.name).fork("start");
        let own = between(0.05, 0.25, &mut draws);
        own + self.seconds("start-seconds", &mut draws).unwrap_or_default()
    }

    /// Network and sandbox of the pod.
    pub(crate) fn sandbox(&self) -> Duration {
        between(0.3, 1.2, &mut self.randomness.fork("sandbox"))
    }

    /// From the start of a container to its readiness.
    pub(crate) fn readiness(&self, container: &Container) -> Duration {
        let mut draws = self.randomness.fork(&container.name).fork("ready");
        let delay = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
            let probe = probe.as_ref()?;
            Some(Duration::from_secs(u64::try_from(probe.initial_delay_seconds.unwrap_or(0)).unwrap_or(0)))
        };
        let startup = delay(&container.startup_probe).unwrap_or_default();
        let probed = delay(&container.readiness_probe).map(|delay| delay + between(0.05, 0.5, &mut draws));
        startup + self.seconds("ready-seconds", &mut draws).or(probed).unwrap_or_default()
    }

    /// How long the preStop hook of a container takes.
    pub(crate) fn pre_stop(&self, container: &Container) -> Duration {
        let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        hook.map_or(Duration::ZERO, |hook| self.hook(container, hook))
    }

    /// From SIGTERM to the end.
    pub(crate) fn stop(&self, container: &Container) -> Duration {
        let mut draws = self.randomness.fork(&container.name).fork("stop");
        self.seconds("stop-seconds", &mut draws).unwrap_or_else(|| between(0.1, 1.0, &mut draws))
    }

    /// A usage as a share of the request: what the annotation says, or a draw.
    pub(crate) fn usage_share(&self, resource: &str) -> f64 {
        let mut draws = self.randomness.fork("usage").fork(resource);
        self.number(&format!("{resource}-usage")).unwrap_or_else(|| 0.2 + 0.5 * draws.f64())
    }

    fn hook(&self, container: &Container, hook: &LifecycleHandler) -> Duration {
        if let Some(sleep) = &hook.sleep {
            return Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0));
        }
        let words = hook.exec.iter().flat_map(|exec| exec.command.iter().flatten());
        let mut draws = self.randomness.fork(&container.name).fork("hook");
        command_duration(words.map(String::as_str), &mut draws).unwrap_or_default()
    }

    /// Pods of Jobs end some time, whatever they run.
    fn job_default(&self, draws: &mut Randomness) -> Option<Duration> {
        let ends = controller_of(&self.pod.metadata).is_some_and(|owner| owner.kind == "Job");
        ends.then(|| between(5.0, 15.0, draws))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let annotations = self.pod.metadata.annotations.as_ref()?;
        annotations.get(&format!("{ORDERS_PREFIX}{name}")).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    }

    fn seconds(&self, name: &str, draws: &mut Randomness) -> Option<Duration> {
        let text = self.text(name)?.trim();
        let seconds = match text.split_once('-') {
            Some((least, most)) => {
                let (least, most): (f64, f64) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
                least + (most - least).max(0.0) * draws.f64()
            }
            None => text.parse().ok()?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn between(least: f64, most: f64, draws: &mut Randomness) -> Duration {
    Duration::from_secs_f64(least + (most - least) * draws.f64())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn plan(annotations: Value, command: Value, run: i32) -> RunPlan {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "annotations": annotations},
            "spec": {"containers": [{"name": "c", "command": command}]},
        }))
        .unwrap();
        let container = pod.spec().unwrap().containers[0].clone();
        Orders::of(&pod, 7).run(&container, run, false)
    }

    #[rstest]
    #[case::a_server_runs_for_ever(json!({}), json!(["nginx"]), 0, None, 0)]
    #[case::a_sleep_is_read(json!({}), json!(["sleep", "9"]), 0, Some(9), 0)]
    #[case::the_annotation_counts_more(json!({"local.supercargo.dev/run-seconds": "4"}), json!(["sleep", "9"]), 0, Some(4), 0)]
    #[case::the_first_runs_fail(json!({"local.supercargo.dev/fail-runs": "2"}), json!(["nginx"]), 1, Some(1), 1)]
    #[case::and_then_it_works(json!({"local.supercargo.dev/fail-runs": "2"}), json!(["nginx"]), 2, None, 0)]
    #[case::with_their_own_code(
        json!({"local.supercargo.dev/fail-runs": "1", "local.supercargo.dev/exit-code": "42"}), json!(["nginx"]), 0, Some(1), 42)]
    #[case::nonsense_is_not_heard(json!({"local.supercargo.dev/run-seconds": "soon"}), json!(["nginx"]), 0, None, 0)]
    fn runs(
        #[case] annotations: Value,
        #[case] command: Value,
        #[case] run: i32,
        #[case] seconds: Option<u64>,
        #[case] exit_code: i32,
    ) {
        let plan = plan(annotations, command, run);
        assert_eq!((plan.duration.map(|duration| duration.as_secs()), plan.exit_code), (seconds, exit_code));
    }

    #[test]
    fn the_same_pod_always_draws_the_same() {
        let annotations = json!({"local.supercargo.dev/run-seconds": "10-20"});
        let first = plan(annotations.clone(), json!(["x"]), 0);
        assert_eq!(first, plan(annotations, json!(["x"]), 0));
        assert!((10..20).contains(&first.duration.unwrap().as_secs()));
    }
}
