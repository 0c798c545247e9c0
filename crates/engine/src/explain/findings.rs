//! What is wrong with a NodePool.

use supercargo_api::duration::NillableDuration;
use supercargo_api::{ConsolidationPolicy, NodePool};

use crate::fits::Ground;
use crate::flexible::check_min_values;
use crate::market::{OfferMask, TypeSet, TypeTable};
use crate::pools::Pool;
use crate::snapshot::Snapshot;

use super::node_pool_document::{BudgetNow, Finding, Flexibility, LimitUse, Severity};

/// As many types as one should have to choose from: spot nodes are replaced by cheaper ones only with that many
/// (reference section 4.12), and EC2's fleets find capacity among them when some are sold out.
const ENOUGH_TYPES: usize = 15;
/// A limit is nearly reached from here on, in percent.
const NEARLY: f64 = 90.0;

/// What the findings are about.
pub(super) struct Case<'e> {
    pub(super) snapshot: &'e Snapshot,
    pub(super) object: &'e NodePool,
    pub(super) pool: &'e Pool,
    pub(super) types: &'e TypeSet,
    pub(super) offers: OfferMask,
    pub(super) flexibility: Option<&'e Flexibility>,
    pub(super) limits: &'e [LimitUse],
    pub(super) budgets: &'e [BudgetNow],
}

/// All findings, the worst first.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(problem) = &case.pool.problem {
        let advice = "nothing can be launched until that is right";
        found.push(finding("not-ready", Severity::Error, problem.clone(), advice));
    }
    about_types(case, &mut found);
    about_min_values(case, &mut found);
    about_limits(case, &mut found);
    about_disruption(case, &mut found);
    found.sort_by_key(|finding| finding.severity);
    found
}

fn finding(code: &str, severity: Severity, text: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { code: code.to_owned(), severity, text: text.into(), advice: advice.into() }
}

fn about_types(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(choice) = case.flexibility else {
        if case.pool.table.is_some() {
            let text = "no instance type satisfies its requirements";
            found.push(finding(
                "no-types",
                Severity::Error,
                text,
                "widen the requirement that removes most types",
            ));
        }
        return;
    };
    let (types, families, zones) = (choice.types, choice.families.len(), choice.zones.len());
    let advice =
        "allow more sizes, generations or families: when one type is sold out, a launch needs another";
    if types == 1 {
        let text = format!("one instance type only, {}", choice.cheapest.instance_type);
        found.push(finding("one-type", Severity::Warning, text, advice));
    } else if types < ENOUGH_TYPES {
        let text =
            format!("{types} instance types; {ENOUGH_TYPES} or more keep launches possible and prices low");
        found.push(finding("few-types", Severity::Warning, text, advice));
    }
    if families == 1 && types > 1 {
        let text = format!("one instance family only, {}", choice.families[0]);
        let advice = "allow another family: shortages come by family";
        found.push(finding("one-family", Severity::Warning, text, advice));
    }
    if zones == 1 {
        let text = format!("one zone only, {}", choice.zones[0]);
        let advice = "allow more zones, unless its pods are meant to stay together";
        found.push(finding("one-zone", Severity::Warning, text, advice));
    }
    let of_spot = choice.types_by_capacity.get("spot").copied().unwrap_or(0);
    if of_spot > 0 && of_spot < ENOUGH_TYPES && types >= ENOUGH_TYPES {
        let text = format!(
            "{of_spot} types are sold as spot; {ENOUGH_TYPES} or more are needed to replace spot by spot"
        );
        found.push(finding("few-spot-types", Severity::Warning, text, advice));
    }
}

fn about_min_values(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(table) = &case.pool.table else { return };
    let ground = Ground { market: &case.snapshot.market, pools: &case.snapshot.pools, variants: &[] };
    for one in &case.pool.min_values {
        let alone = std::slice::from_ref(one);
        if let Err((key, values)) = check_min_values(table, ground, alone, case.types, case.offers) {
            let text = format!("minValues asks for {} values of {key}, and its types have {values}", one.1);
            let advice = "lower minValues or widen the requirements: until then nothing is launched";
            found.push(finding("min-values", Severity::Error, text, advice));
        }
    }
}

fn about_limits(case: &Case<'_>, found: &mut Vec<Finding>) {
    if case.limits.is_empty() && !case.object.spec.is_static() {
        let text = "no limits: it may grow without end";
        found.push(finding(
            "no-limits",
            Severity::Note,
            text,
            "set spec.limits to what you are ready to pay for",
        ));
    }
    for limit in case.limits {
        let said = format!("{} of {} {} in use", limit.used, limit.limit, limit.resource);
        let advice = format!("raise spec.limits.{}, or let another NodePool take over", limit.resource);
        let smallest = case.pool.table.as_deref().and_then(|table| smallest(case, table, &limit.resource));
        let left = case.pool.limits.get(&limit.resource).map_or(0, |limit| limit.left);
        if left <= 0 {
            found.push(finding("limit-reached", Severity::Error, said, advice));
        } else if smallest.is_some_and(|smallest| smallest > left) {
            let text = format!("{said}: what is left is less than its smallest type has");
            found.push(finding("limit-reached", Severity::Error, text, advice));
        } else if limit.percent >= NEARLY {
            found.push(finding("limit-nearly-reached", Severity::Warning, said, advice));
        }
    }
}

/// Whether a budget allows nothing however many nodes there are.
fn is_zero(nodes: &str) -> bool {
    nodes.trim_end_matches('%').bytes().all(|digit| digit == b'0')
}

/// The least any of its types has of a resource.
fn smallest(case: &Case<'_>, table: &TypeTable, resource: &str) -> Option<i64> {
    let has = |index: usize| if resource == "nodes" { 1 } else { table.types[index].capacity.get(resource) };
    case.types.ones().map(has).min()
}

fn about_disruption(case: &Case<'_>, found: &mut Vec<Finding>) {
    let spec = &case.object.spec;
    if spec.template.spec.expire_after() == NillableDuration::Never {
        let text = "expireAfter Never: its nodes keep their machine image and their kubelet for ever";
        let advice = "set expireAfter, or leave it out for 720h";
        found.push(finding("never-expires", Severity::Warning, text, advice));
    }
    for budget in case.budgets {
        if let Some(problem) = &budget.problem {
            let text = format!("budget {} counts as {}: {problem}", budget.nodes, budget.limit);
            found.push(finding("budget-problem", Severity::Warning, text, "correct spec.disruption.budgets"));
        } else if is_zero(&budget.nodes) && budget.active && budget.changes.is_none() {
            let reasons =
                if budget.reasons.is_empty() { "any reason".to_owned() } else { budget.reasons.join(", ") };
            let text = format!("a budget of {} at all times: no node goes for {reasons}", budget.nodes);
            let advice = "allow at least one node, or limit the budget to a schedule";
            found.push(finding("budget-zero", Severity::Warning, text, advice));
        }
    }
    if spec.is_static() {
        return;
    }
    let disruption = spec.disruption();
    if disruption.consolidate_after == NillableDuration::Never {
        let text = "consolidateAfter Never: not even empty nodes are removed";
        let advice = "set consolidateAfter to a duration such as 1m";
        found.push(finding("never-consolidates", Severity::Warning, text, advice));
    } else if disruption.consolidation_policy() == ConsolidationPolicy::WhenEmpty {
        let text = "consolidationPolicy WhenEmpty: nodes that are hardly used stay";
        let advice = "fine for batch work; otherwise use WhenEmptyOrUnderutilized or Balanced";
        found.push(finding("only-when-empty", Severity::Note, text, advice));
    }
}
