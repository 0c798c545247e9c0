//! How many nodes of a NodePool may go at once, and how many pods of a PodDisruptionBudget.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use supercargo_api::NodePool;
use supercargo_api::selector::{Selector, WhenAbsent};

use super::world::World;

/// Windows that are longer than this are not looked into, minute by minute.
const LONGEST_MINUTES: i64 = 60 * 24 * 62;

/// How many of so many nodes may be disrupted at once for a reason (reference section 4.4).
pub(super) fn allowed_nodes(pool: &NodePool, nodes: usize, reason: &str, now: Timestamp) -> usize {
    let disruption = pool.spec.disruption();
    let mut allowed = usize::MAX;
    for budget in disruption.budgets().iter() {
        let for_it = budget.reasons.as_ref().is_none_or(|reasons| {
            reasons.iter().any(|other| serde_json::to_value(other).is_ok_and(|word| word == reason))
        });
        let active = match (&budget.schedule, &budget.duration) {
            (Some(schedule), Some(duration)) => {
                let minutes = duration.as_nanos() / 60_000_000_000;
                was_hit(schedule, minutes.min(LONGEST_MINUTES), now)
            }
            _ => true,
        };
        if for_it && active {
            allowed = allowed.min(count(budget.nodes(), nodes));
        }
    }
    allowed
}

fn count(text: &str, nodes: usize) -> usize {
    match text.strip_suffix('%') {
        Some(percent) => (percent.parse::<usize>().unwrap_or(0) * nodes).div_ceil(100),
        None => text.parse().unwrap_or(0),
    }
}

/// Whether the schedule was hit within so many minutes before now, found by trying every minute. Only what five plain
/// cron fields can say.
fn was_hit(schedule: &str, minutes: i64, now: Timestamp) -> bool {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else { return true };
    (0..minutes.max(1)).any(|back| {
        let moment = now.checked_sub(SignedDuration::from_mins(back)).unwrap_or(now);
        let at: DateTime = moment.to_zoned(TimeZone::UTC).datetime();
        let on_day = field(day, i64::from(at.day()), &[]);
        let on_weekday = field(weekday, i64::from(at.weekday().to_sunday_zero_offset()), &WEEKDAYS);
        // Where both are restricted, either will do.
        let day_fits = if day != "*" && weekday != "*" { on_day || on_weekday } else { on_day && on_weekday };
        field(minute, i64::from(at.minute()), &[])
            && field(hour, i64::from(at.hour()), &[])
            && field(month, i64::from(at.month()), &[])
            && day_fits
    })
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn field(text: &str, value: i64, names: &[&str]) -> bool {
    text.split(',').any(|part| {
        let (range, step) =
            part.split_once('/').map_or((part, 1), |(range, step)| (range, step.parse().unwrap_or(1)));
        let number = |text: &str| {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            named.map_or_else(|| text.parse::<i64>().unwrap_or(-1), |position| position as i64)
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (0, 99),
            Some((low, high)) => (number(low), number(high)),
            None => (number(range), number(range)),
        };
        value >= low && value <= high && (value - low) % step == 0
    })
}

impl World<'_> {
    /// The budgets that select a pod, by position.
    pub(super) fn budgets_of(&self, pod_name: &str) -> Vec<usize> {
        let pod = self.pods[pod_name].pod;
        let selecting = |budget: &PodDisruptionBudget| {
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let same = budget.metadata.namespace.as_deref().unwrap_or("default")
                == pod.metadata.namespace.as_deref().unwrap_or("default");
            same && Selector::compile_optional(selector, WhenAbsent::SelectNothing)
                .is_ok_and(|selector| selector.matches_optional(pod.metadata.labels.as_ref()))
        };
        let budgets = self.objects.pod_disruption_budgets.iter().enumerate();
        budgets.filter(|(_, budget)| selecting(budget)).map(|(index, _)| index).collect()
    }

    /// How many evictions a budget allows, as its controller wrote it down.
    pub(super) fn evictions_allowed(&self, budget: usize) -> usize {
        let status = self.objects.pod_disruption_budgets[budget].status.as_ref();
        status.map_or(0, |status| usize::try_from(status.disruptions_allowed.unwrap_or(0)).unwrap_or(0))
    }

    /// Whether an eviction of the pod is never refused by this budget: it is not ready, and the budget lets those go.
    pub(super) fn always_allowed(&self, pod_name: &str, budget: usize) -> bool {
        let spec = self.objects.pod_disruption_budgets[budget].spec.as_ref();
        let lets_go =
            spec.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref()) == Some("AlwaysAllow");
        let status = self.pods[pod_name].pod.status.as_ref();
        let mut conditions =
            status.and_then(|status| status.conditions.as_deref()).unwrap_or_default().iter();
        lets_go && !conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// How many nodes of the NodePool there are: managed and initialized ones.
    pub(super) fn nodes_of(&self, pool: &str) -> usize {
        let of_pool = |labels: &super::world::Labels| {
            labels.get("karpenter.sh/nodepool").is_some_and(|own| own == pool)
        };
        let initialized = |labels: &super::world::Labels| {
            labels.get("karpenter.sh/initialized").is_some_and(|value| value == "true")
        };
        self.sites.values().filter(|site| of_pool(&site.labels) && initialized(&site.labels)).count()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::on_the_hour("0 9 * * mon-fri", 480, "2026-10-26T09:00:00Z", true)]
    #[case::near_the_end("0 9 * * mon-fri", 480, "2026-10-26T16:59:00Z", true)]
    #[case::after("0 9 * * mon-fri", 480, "2026-10-26T17:00:00Z", false)]
    #[case::on_a_sunday("0 9 * * mon-fri", 480, "2026-10-25T10:00:00Z", false)]
    #[case::steps("*/15 * * * *", 1, "2026-10-25T10:45:00Z", true)]
    fn a_window_is_open(#[case] schedule: &str, #[case] minutes: i64, #[case] now: &str, #[case] open: bool) {
        assert_eq!(was_hit(schedule, minutes, now.parse().unwrap()), open);
    }

    #[rstest]
    #[case("10%", 11, 2)]
    #[case("0", 11, 0)]
    #[case("3", 1, 3)]
    fn so_many_nodes(#[case] text: &str, #[case] nodes: usize, #[case] expected: usize) {
        assert_eq!(count(text, nodes), expected);
    }
}
