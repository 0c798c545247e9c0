//! The arithmetic of horizontal autoscaling: from usage to replicas, held back by behaviour.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::HPAScalingRules;

/// Usage this close to the target, as a share, is on target.
const TOLERANCE: f64 = 0.1;

/// The usage of one pod against what it requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PodUsage {
    /// Usage in base units; nothing while it is not known.
    pub(super) usage: Option<i64>,
    /// Request in base units.
    pub(super) request: i64,
    /// Whether it counts as ready for scaling on this metric.
    pub(super) ready: bool,
}

/// What a metric aims at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// Percent of the request, on average over the pods' requests together.
    Utilization(i64),
    /// Base units a pod, on average.
    Average(i64),
}

/// What a metric wants: replicas, and the current value in the target's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) replicas: i64,
    /// Percent for utilization, base units for an average.
    pub(super) current: i64,
    /// Base units a pod.
    pub(super) average: i64,
}

/// The replicas a metric wants; nothing if there is no usage at all, or a request is missing.
///
/// Pods that are not ready or have no usage are assumed to be what makes the change smallest: idle when growing, on target
/// when shrinking.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as the formula is defined")]
pub(super) fn propose(pods: &[PodUsage], target: Target, current: i64) -> Option<Proposal> {
    let measured: Vec<(i64, i64)> =
        pods.iter().filter(|pod| pod.ready).filter_map(|pod| Some((pod.usage?, pod.request))).collect();
    if measured.is_empty() {
        return None;
    }
    if matches!(target, Target::Utilization(_)) && pods.iter().any(|pod| pod.request <= 0) {
        return None;
    }
    let ratio_of = |pods: &[(i64, i64)]| -> (f64, i64) {
        let usage: i64 = pods.iter().map(|(usage, _)| usage).sum();
        match target {
            Target::Utilization(percent) => {
                let requests: i64 = pods.iter().map(|(_, request)| request).sum();
                let current = usage.saturating_mul(100) / requests.max(1);
                (current as f64 / percent.max(1) as f64, current)
            }
            Target::Average(value) => {
                let average = usage / i64::try_from(pods.len()).unwrap_or(1).max(1);
                (average as f64 / value.max(1) as f64, average)
            }
        }
    };
    let (ratio, value) = ratio_of(&measured);
    let measured_count = i64::try_from(measured.len()).unwrap_or(1);
    let average = measured.iter().map(|(usage, _)| usage).sum::<i64>() / measured_count;
    let unready = pods.iter().filter(|pod| !pod.ready).count();
    let missing = pods.iter().filter(|pod| pod.ready && pod.usage.is_none()).count();
    let unchanged = Proposal { replicas: current, current: value, average };
    if missing == 0 && (unready == 0 || ratio <= 1.0) {
        if (ratio - 1.0).abs() <= TOLERANCE {
            return Some(unchanged);
        }
        let replicas = (ratio * measured_count as f64).ceil() as i64;
        return Some(Proposal { replicas, ..unchanged });
    }
    let mut all = measured;
    for pod in pods {
        if !pod.ready {
            if ratio > 1.0 {
                all.push((0, pod.request));
            }
        } else if pod.usage.is_none() {
            let assumed = match target {
                _ if ratio > 1.0 => 0,
                Target::Utilization(percent) => pod.request * percent.max(100) / 100,
                Target::Average(value) => value,
            };
            all.push((assumed, pod.request));
        }
    }
    let (adjusted, _) = ratio_of(&all);
    let turned = (ratio < 1.0 && adjusted > 1.0) || (ratio > 1.0 && adjusted < 1.0);
    if (adjusted - 1.0).abs() <= TOLERANCE || turned {
        return Some(unchanged);
    }
    let replicas = (adjusted * all.len() as f64).ceil() as i64;
    if (adjusted < 1.0 && replicas > current) || (adjusted > 1.0 && replicas < current) {
        return Some(unchanged);
    }
    Some(Proposal { replicas, ..unchanged })
}

/// A change of size that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: Timestamp,
    /// Replicas that came, or went if negative.
    pub(super) change: i64,
}

/// The most replicas that policies for growing allow now.
pub(super) fn ceiling(rules: Option<&HPAScalingRules>, current: i64, steps: &[Step], now: Timestamp) -> i64 {
    if rules.is_some_and(|rules| rules.select_policy.as_deref() == Some("Disabled")) {
        return current;
    }
    let policies = rules.and_then(|rules| rules.policies.as_ref()).filter(|policies| !policies.is_empty());
    let limits: Vec<i64> = match policies {
        // doubling, or four pods, every 15 seconds
        None => [("Percent", 100), ("Pods", 4)]
            .into_iter()
            .map(|(kind, value)| grown(kind, value, current, came(steps, 15, now)))
            .collect(),
        Some(policies) => policies
            .iter()
            .map(|policy| {
                let came = came(steps, policy.period_seconds, now);
                grown(&policy.type_, i64::from(policy.value), current, came)
            })
            .collect(),
    };
    let least = rules.is_some_and(|rules| rules.select_policy.as_deref() == Some("Min"));
    let chosen = if least { limits.iter().min() } else { limits.iter().max() };
    chosen.copied().unwrap_or(current).max(current)
}

/// The fewest replicas that policies for shrinking allow now.
pub(super) fn floor(rules: Option<&HPAScalingRules>, current: i64, steps: &[Step], now: Timestamp) -> i64 {
    if rules.is_some_and(|rules| rules.select_policy.as_deref() == Some("Disabled")) {
        return current;
    }
    let policies = rules.and_then(|rules| rules.policies.as_ref()).filter(|policies| !policies.is_empty());
    let limits: Vec<i64> = match policies {
        None => vec![shrunk("Percent", 100, current, went(steps, 15, now))],
        Some(policies) => policies
            .iter()
            .map(|policy| {
                let went = went(steps, policy.period_seconds, now);
                shrunk(&policy.type_, i64::from(policy.value), current, went)
            })
            .collect(),
    };
    let least = rules.is_some_and(|rules| rules.select_policy.as_deref() == Some("Min"));
    let chosen = if least { limits.iter().max() } else { limits.iter().min() };
    chosen.copied().unwrap_or(current).min(current)
}

fn grown(kind: &str, value: i64, current: i64, came: i64) -> i64 {
    let start = current - came;
    match kind {
        "Percent" => (start * (100 + value) + 99) / 100,
        _ => start + value,
    }
}

fn shrunk(kind: &str, value: i64, current: i64, went: i64) -> i64 {
    let start = current + went;
    match kind {
        "Percent" => start * (100 - value).max(0) / 100,
        _ => (start - value).max(0),
    }
}

fn within(steps: &[Step], seconds: i32, now: Timestamp) -> impl Iterator<Item = &Step> {
    let period = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    steps.iter().filter(move |step| step.at + period > now)
}

fn came(steps: &[Step], seconds: i32, now: Timestamp) -> i64 {
    within(steps, seconds, now).map(|step| step.change.max(0)).sum()
}

fn went(steps: &[Step], seconds: i32, now: Timestamp) -> i64 {
    within(steps, seconds, now).map(|step| (-step.change).max(0)).sum()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn pods(usages: &[i64]) -> Vec<PodUsage> {
        usages.iter().map(|usage| PodUsage { usage: Some(*usage), request: 100, ready: true }).collect()
    }

    fn silent(ready: bool) -> PodUsage {
        PodUsage { usage: None, request: 100, ready }
    }

    #[rstest]
    #[case::twice_the_target_is_twice_the_pods(&[100, 100], &[], 50, 4)]
    #[case::half_the_target_is_half_the_pods(&[25, 25, 25, 25], &[], 50, 2)]
    #[case::near_the_target_nothing_moves(&[54, 54], &[], 50, 2)]
    #[case::what_is_not_ready_counts_as_idle_when_growing(&[100, 100], &[silent(false), silent(false)], 50, 4)]
    #[case::what_is_not_known_counts_as_full_when_shrinking(&[10, 10, 10], &[silent(true)], 50, 3)]
    fn utilization(
        #[case] usages: &[i64],
        #[case] others: &[PodUsage],
        #[case] target: i64,
        #[case] expected: i64,
    ) {
        let mut pods = pods(usages);
        pods.extend_from_slice(others);
        let current = i64::try_from(pods.len()).unwrap();
        let proposal = propose(&pods, Target::Utilization(target), current).unwrap();
        assert_eq!(proposal.replicas, expected);
    }

    #[test]
    fn without_usage_or_without_requests_there_is_no_proposal() {
        assert_eq!(propose(&[silent(true)], Target::Utilization(50), 1), None);
        let unsaid = PodUsage { usage: Some(5), request: 0, ready: true };
        assert_eq!(propose(&[unsaid], Target::Utilization(50), 1), None);
        assert_eq!(propose(&[unsaid], Target::Average(5), 1).unwrap().replicas, 1);
    }

    #[test]
    fn growth_is_at_most_double_or_four_pods_in_fifteen_seconds() {
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(ceiling(None, 1, &[], now), 5);
        assert_eq!(ceiling(None, 10, &[], now), 20);
        let steps = [Step { at: now - Duration::from_secs(5), change: 10 }];
        assert_eq!(ceiling(None, 20, &steps, now), 20);
        let steps = [Step { at: now - Duration::from_secs(15), change: 10 }];
        assert_eq!(ceiling(None, 20, &steps, now), 40);
    }

    #[test]
    fn policies_of_the_user_count_instead() {
        let now = Timestamp::from_second(1_000).unwrap();
        let rules: HPAScalingRules = serde_json::from_value(json!({
            "selectPolicy": "Min",
            "policies": [
                {"type": "Percent", "value": 50, "periodSeconds": 60},
                {"type": "Pods", "value": 2, "periodSeconds": 60}],
        }))
        .unwrap();
        assert_eq!(ceiling(Some(&rules), 10, &[], now), 12);
        assert_eq!(floor(Some(&rules), 10, &[], now), 8);
        let steps = [Step { at: now - Duration::from_secs(30), change: -2 }];
        assert_eq!(floor(Some(&rules), 8, &steps, now), 8);
        let off: HPAScalingRules = serde_json::from_value(json!({"selectPolicy": "Disabled"})).unwrap();
        assert_eq!(floor(Some(&off), 8, &[], now), 8);
    }
}
