//! From texts to settings.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use supercargo_api::duration::{DurationError, GoDuration};
use supercargo_cloud::launch::MinValuesPolicy;
use supercargo_engine::solve::PreferencePolicy;

use super::{LogFormat, LogLevel, LogPath, ProcessSettings, Settings, SettingsArguments};

/// Settings as they were understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// Those of the loops.
    pub settings: Settings,
    /// Those of the process.
    pub process: ProcessSettings,
    /// What was ignored, a sentence each.
    pub warnings: Vec<String>,
}

/// A setting that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The name of its environment variable.
    pub name: &'static str,
    /// What it was set to, cut to a readable length.
    pub value: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = self.name.to_ascii_lowercase().replace('_', "-");
        write!(out, "{} (--{flag}) is {:?}: {}", self.name, self.value, self.problem)
    }
}

/// Settings that cannot be understood, all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// The problems, in the order of the settings.
    pub problems: Vec<SettingProblem>,
}

impl SettingsArguments {
    /// Understands them.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with everything that cannot be understood.
    pub fn read(&self) -> Result<Read, SettingsError> {
        let mut settings = Settings::default();
        let mut process = ProcessSettings::default();
        let mut reader = Reader::default();
        self.read_planning(&mut settings, &mut reader);
        self.read_cloud(&mut settings, &mut reader);
        self.read_process(&mut process, &mut reader);
        self.check_unused(&mut reader);
        if reader.problems.is_empty() {
            Ok(Read { settings, process, warnings: reader.warnings })
        } else {
            Err(SettingsError { problems: reader.problems })
        }
    }

    fn read_planning(&self, settings: &mut Settings, reader: &mut Reader) {
        reader.take(
            "BATCH_MAX_DURATION",
            &self.batch_max_duration,
            &mut settings.batch_max_duration,
            duration,
        );
        let idle = &mut settings.batch_idle_duration;
        reader.take("BATCH_IDLE_DURATION", &self.batch_idle_duration, idle, duration);
        let policy = &mut settings.preference_policy;
        reader.take("PREFERENCE_POLICY", &self.preference_policy, policy, |text| match text {
            "Respect" => Ok(PreferencePolicy::Respect),
            "Ignore" => Ok(PreferencePolicy::Ignore),
            _ => Err("write Respect or Ignore".to_owned()),
        });
        let policy = &mut settings.min_values_policy;
        reader.take("MIN_VALUES_POLICY", &self.min_values_policy, policy, |text| match text {
            "Strict" => Ok(MinValuesPolicy::Strict),
            "BestEffort" => Ok(MinValuesPolicy::BestEffort),
            _ => Err("write Strict or BestEffort".to_owned()),
        });
        let ignore = &mut settings.ignore_dra_requests;
        reader.take("IGNORE_DRA_REQUESTS", &self.ignore_dra_requests, ignore, boolean);
        match settings.gates.switch(&self.feature_gates) {
            Ok(unknown) => {
                let known: Vec<&str> = settings.gates.list().iter().map(|(name, _)| *name).collect();
                reader.warnings.extend(unknown.into_iter().map(|name| {
                    format!(
                        "FEATURE_GATES: there is no gate {name:?}, so it is ignored; there are {}",
                        known.join(", ")
                    )
                }));
            }
            Err(error) => reader.wrong("FEATURE_GATES", &self.feature_gates, error.to_string()),
        }
    }

    fn read_cloud(&self, settings: &mut Settings, reader: &mut Reader) {
        let expire = &mut settings.expire_under_budgets;
        reader.take("EXPIRE_UNDER_BUDGETS", &self.expire_under_budgets, expire, boolean);
        let drain = &mut settings.drain_on_rebalance;
        reader.take("DRAIN_ON_REBALANCE", &self.drain_on_rebalance, drain, boolean);
        let beside = &mut settings.beside_other_autoscalers;
        reader.take("BESIDE_OTHER_AUTOSCALERS", &self.beside_other_autoscalers, beside, boolean);
        reader.take("CLUSTER_NAME", &self.cluster_name, &mut settings.cluster_name, some);
        reader.take("CLUSTER_ENDPOINT", &self.cluster_endpoint, &mut settings.cluster_endpoint, |text| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            match host {
                Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(Some(text.to_owned())),
                _ => Err("it is no address; write https://HOST".to_owned()),
            }
        });
        reader.take("CLUSTER_CA_BUNDLE", &self.cluster_ca_bundle, &mut settings.cluster_ca_bundle, some);
        reader.take("INTERRUPTION_QUEUE", &self.interruption_queue, &mut settings.interruption_queue, some);
        let overhead = &mut settings.vm_memory_overhead_percent;
        reader.take("VM_MEMORY_OVERHEAD_PERCENT", &self.vm_memory_overhead_percent, overhead, |text| {
            let share = text.parse().ok().filter(|share: &f64| (0.0..1.0).contains(share));
            share.ok_or_else(|| "write a share from 0 up to 1, such as 0.075".to_owned())
        });
        reader.take("RESERVED_ENIS", &self.reserved_enis, &mut settings.reserved_enis, count);
        reader.take("ISOLATED_VPC", &self.isolated_vpc, &mut settings.isolated_vpc, boolean);
        let eks = &mut settings.eks_control_plane;
        reader.take("EKS_CONTROL_PLANE", &self.eks_control_plane, eks, boolean);
        reader.take("DISABLE_DRY_RUN", &self.disable_dry_run, &mut settings.disable_dry_run, boolean);
        let shift = &mut settings.enable_zonal_shift;
        reader.take("ENABLE_ZONAL_SHIFT", &self.enable_zonal_shift, shift, boolean);
        let images = &mut settings.ami_refresh_interval;
        reader.take("AMI_REFRESH_INTERVAL", &self.ami_refresh_interval, images, interval);
        let subnets = &mut settings.subnet_refresh_interval;
        reader.take("SUBNET_REFRESH_INTERVAL", &self.subnet_refresh_interval, subnets, interval);
    }

    fn read_process(&self, process: &mut ProcessSettings, reader: &mut Reader) {
        let disable = &mut process.disable_leader_election;
        reader.take("DISABLE_LEADER_ELECTION", &self.disable_leader_election, disable, boolean);
        let name = &mut process.leader_election_name;
        reader.take("LEADER_ELECTION_NAME", &self.leader_election_name, name, object_name);
        let namespace = &mut process.leader_election_namespace;
        reader.take("LEADER_ELECTION_NAMESPACE", &self.leader_election_namespace, namespace, |text| {
            object_name(text).map(Some)
        });
        reader.take("METRICS_PORT", &self.metrics_port, &mut process.metrics_port, port);
        reader.take("HEALTH_PROBE_PORT", &self.health_probe_port, &mut process.health_probe_port, port);
        let disable = &mut process.disable_cluster_state_observability;
        let text = &self.disable_cluster_state_observability;
        reader.take("DISABLE_CLUSTER_STATE_OBSERVABILITY", text, disable, boolean);
        reader.take("POD_METRICS", &self.pod_metrics, &mut process.pod_metrics, boolean);
        let journal = &mut process.journal_file;
        reader.take("JOURNAL_FILE", &self.journal_file, journal, |text| Ok(Some(PathBuf::from(text))));
        reader.take("LOG_LEVEL", &self.log_level, &mut process.log_level, |text| {
            let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
            let level = levels.into_iter().find(|level| level.word().eq_ignore_ascii_case(text));
            level.ok_or_else(|| "write error, warn, info, debug or trace".to_owned())
        });
        reader.take("LOG_FORMAT", &self.log_format, &mut process.log_format, |text| match text {
            "auto" => Ok(LogFormat::Auto),
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err("write human, json or auto".to_owned()),
        });
        let paths = &mut process.log_output_paths;
        reader.take("LOG_OUTPUT_PATHS", &self.log_output_paths, paths, |text| {
            let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
            Ok(paths
                .map(|path| match path {
                    "stdout" => LogPath::Stdout,
                    "stderr" => LogPath::Stderr,
                    file => LogPath::File(PathBuf::from(file)),
                })
                .collect())
        });
        let rate = &mut process.kube_client_qps;
        reader.take("KUBE_CLIENT_QPS", &self.kube_client_qps, rate, |text| at_least_one(text).map(Some));
        let burst = &mut process.kube_client_burst;
        reader.take("KUBE_CLIENT_BURST", &self.kube_client_burst, burst, at_least_one);
        reader.take("MEMORY_LIMIT", &self.memory_limit, &mut process.memory_limit, |text| {
            let bytes =
                text.parse::<i64>().map_err(|_| "write a number of bytes, or -1 for none".to_owned())?;
            Ok(u64::try_from(bytes).ok().filter(|bytes| *bytes > 0))
        });
        let cpu = &mut process.cpu_requests_millicores;
        reader.take("CPU_REQUESTS", &self.cpu_requests, cpu, count);
        if process.metrics_port != 0 && process.metrics_port == process.health_probe_port {
            let problem = "METRICS_PORT is the same; they must differ".to_owned();
            reader.wrong("HEALTH_PROBE_PORT", &self.health_probe_port, problem);
        }
    }

    /// What has no effect here shall still be what Karpenter takes, or it would fail on the way back.
    fn check_unused(&self, reader: &mut Reader) {
        let mut profiles = false;
        reader.take("ENABLE_PROFILING", &self.enable_profiling, &mut profiles, boolean);
        if profiles {
            let told = "ENABLE_PROFILING: this program has no Go profiles; perf reads it as it runs";
            reader.warnings.push(told.to_owned());
        }
        reader.take("DISABLE_CONTROLLER_WARMUP", &self.disable_controller_warmup, &mut false, boolean);
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Reader {
    problems: Vec<SettingProblem>,
    warnings: Vec<String>,
}

impl Reader {
    /// Understands one setting; an empty one stays at its default.
    fn take<T>(
        &mut self,
        name: &'static str,
        text: &str,
        into: &mut T,
        understand: impl FnOnce(&str) -> Result<T, String>,
    ) {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return;
        }
        match understand(trimmed) {
            Ok(value) => *into = value,
            Err(problem) => self.wrong(name, text, problem),
        }
    }

    fn wrong(&mut self, name: &'static str, value: &str, problem: String) {
        self.problems.push(SettingProblem { name, value: value.chars().take(80).collect(), problem });
    }
}

/// What Go takes for a truth.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    truth(text).ok_or_else(|| "write true or false".to_owned())
}

fn some(text: &str) -> Result<Option<String>, String> {
    Ok(Some(text.to_owned()))
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a whole number from 0 on".to_owned())
}

fn at_least_one(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "write a port from 1 to 65535, or 0 for none".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|error: DurationError| error.to_string())?;
    let nanos = u64::try_from(duration.as_nanos()).map_err(|_| "it must not be negative".to_owned())?;
    Ok(Duration::from_nanos(nanos))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < Duration::from_secs(1) {
        return Err("it is too short; write 1s or more".to_owned());
    }
    Ok(interval)
}

fn object_name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    let ends = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    if text.len() <= 253 && text.chars().all(fits) && ends(text.chars().next()) && ends(text.chars().last()) {
        return Ok(text.to_owned());
    }
    Err("it is no name of an object; write lower-case letters, digits, - and .".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        settings: SettingsArguments,
    }

    fn arguments(flags: &[&str]) -> SettingsArguments {
        Program::try_parse_from(std::iter::once(&"program").chain(flags)).unwrap().settings
    }

    #[test]
    fn the_defaults_are_those_of_the_types() {
        let read = arguments(&[]).read().unwrap();
        assert_eq!(read.settings, Settings::default());
        assert_eq!(read.process, ProcessSettings::default());
        assert_eq!(read.warnings, Vec::<String>::new());
    }

    #[test]
    fn empty_settings_are_defaults_as_charts_set_them() {
        let read =
            arguments(&["--metrics-port=", "--batch-max-duration=", "--feature-gates=", "--isolated-vpc="])
                .read()
                .unwrap();
        assert_eq!(read.settings, Settings::default());
        assert_eq!(read.process, ProcessSettings::default());
    }

    #[test]
    fn settings_are_understood_as_karpenter_does() {
        let read = arguments(&[
            "--batch-max-duration=1m30s",
            "--batch-idle-duration=500ms",
            "--preference-policy=Ignore",
            "--min-values-policy=BestEffort",
            "--isolated-vpc",
            "--eks-control-plane=1",
            "--ignore-dra-requests=F",
            "--interruption-queue=fleet",
            "--feature-gates=NodeRepair=true,Drift=true",
            "--log-output-paths=stderr,/var/log/x.log",
            "--cpu-requests=4000",
            "--kube-client-qps=50",
            "--memory-limit=1000000",
            "--enable-profiling",
        ])
        .read()
        .unwrap();
        assert_eq!(read.settings.batch_max_duration, Duration::from_secs(90));
        assert_eq!(read.settings.batch_idle_duration, Duration::from_millis(500));
        assert_eq!(read.settings.preference_policy, PreferencePolicy::Ignore);
        assert_eq!(read.settings.min_values_policy, MinValuesPolicy::BestEffort);
        assert!(read.settings.isolated_vpc && read.settings.eks_control_plane);
        assert!(!read.settings.ignore_dra_requests && read.settings.gates.node_repair);
        assert_eq!(read.settings.interruption_queue.as_deref(), Some("fleet"));
        assert_eq!(read.process.log_output_paths, [LogPath::Stderr, LogPath::File("/var/log/x.log".into())]);
        assert_eq!(read.process.concurrency(), 128);
        assert_eq!((read.process.kube_client_qps, read.process.kube_client_burst), (Some(50), 300));
        assert_eq!(read.process.memory_limit, Some(1_000_000));
        assert_eq!(read.warnings.len(), 2);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let error = arguments(&[
            "--batch-max-duration=10x",
            "--preference-policy=respect",
            "--cluster-endpoint=here",
            "--vm-memory-overhead-percent=7.5",
            "--reserved-enis=-1",
            "--metrics-port=70000",
            "--log-level=loud",
            "--isolated-vpc=maybe",
            "--leader-election-name=No Name",
            "--memory-limit=much",
            "--ami-refresh-interval=0s",
            "--feature-gates=NodeRepair",
        ])
        .read()
        .unwrap_err();
        insta::assert_snapshot!(error);
    }

    #[rstest]
    #[case::the_same(&["--metrics-port=9000", "--health-probe-port=9000"], false)]
    #[case::none_at_all(&["--metrics-port=0", "--health-probe-port=0"], true)]
    fn two_ports_differ(#[case] flags: &[&str], #[case] fine: bool) {
        assert_eq!(arguments(flags).read().is_ok(), fine);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic(text in "\\PC{0,40}") {
            let mut arguments = arguments(&[]);
            arguments.batch_max_duration.clone_from(&text);
            arguments.vm_memory_overhead_percent.clone_from(&text);
            arguments.cluster_endpoint.clone_from(&text);
            arguments.log_output_paths.clone_from(&text);
            arguments.leader_election_name.clone_from(&text);
            arguments.feature_gates = text;
            let _ = arguments.read();
        }
    }
}
