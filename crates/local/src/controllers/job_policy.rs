//! What a Job's failure policy says about a failed pod.

use k8s_openapi::api::batch::v1::{JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule};
use supercargo_api::Pod;

/// What follows from the failure of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts towards the backoff limit.
    Counts,
    /// It does not count.
    Ignored,
    /// The whole Job fails, for this reason.
    FailsJob(String),
}

/// The verdict of the first rule that matches; without one the failure counts.
pub(super) fn verdict(spec: &JobSpec, pod: &Pod) -> Verdict {
    let rules = spec.pod_failure_policy.iter().flat_map(|policy| &policy.rules);
    for (position, rule) in rules.enumerate() {
        let Some(reason) = matches(rule, pod) else { continue };
        return match rule.action.as_str() {
            "FailJob" => Verdict::FailsJob(format!("{reason} matching FailJob rule at index {position}")),
            "Ignore" => Verdict::Ignored,
            _ => Verdict::Counts,
        };
    }
    Verdict::Counts
}

fn matches(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    if let Some(codes) = &rule.on_exit_codes {
        let status = pod.status.as_ref()?;
        let statuses =
            status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
        for status in statuses {
            if codes.container_name.as_ref().is_some_and(|wanted| *wanted != status.name) {
                continue;
            }
            let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
            if let Some(ended) = ended
                && matches_code(codes, ended.exit_code)
            {
                let container = &status.name;
                let code = ended.exit_code;
                return Some(format!(
                    "Container {container} for pod {namespace}/{name} failed with exit code {code}"
                ));
            }
        }
        return None;
    }
    let conditions = pod.status.as_ref()?.conditions.as_deref().unwrap_or_default();
    let wanted = rule.on_pod_conditions.iter().flatten().find(|pattern| {
        let status = pattern.status.as_deref().filter(|status| !status.is_empty()).unwrap_or("True");
        conditions.iter().any(|known| known.type_ == pattern.type_ && known.status == status)
    })?;
    Some(format!("Pod {namespace}/{name} has condition {}", wanted.type_))
}

fn matches_code(rule: &PodFailurePolicyOnExitCodesRequirement, code: i32) -> bool {
    code != 0
        && match rule.operator.as_str() {
            "In" => rule.values.contains(&code),
            "NotIn" => !rule.values.contains(&code),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::a_code_that_fails_the_job(
        json!([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]),
        Verdict::FailsJob("Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0".into()))]
    #[case::a_disruption_is_ignored(
        json!([{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]), Verdict::Ignored)]
    #[case::the_first_rule_counts(
        json!([{"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [1]}},
               {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]), Verdict::Counts)]
    #[case::another_container(
        json!([{"action": "FailJob", "onExitCodes": {"containerName": "d", "operator": "In", "values": [42]}}]), Verdict::Counts)]
    #[case::no_rules(json!([]), Verdict::Counts)]
    fn policies(#[case] rules: Value, #[case] expected: Verdict) {
        let spec: JobSpec =
            serde_json::from_value(json!({"template": {}, "podFailurePolicy": {"rules": rules}})).unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"namespace": "n", "name": "p"},
            "status": {
                "conditions": [{"type": "DisruptionTarget", "status": "True"}],
                "containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": 42}}}]},
        }))
        .unwrap();
        assert_eq!(verdict(&spec, &pod), expected);
    }
}
