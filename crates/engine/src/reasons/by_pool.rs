//! One NodePool's types, narrowed constraint by constraint.

use std::collections::BTreeMap;

use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use crate::amounts::{Amounts, WIDTH};
use crate::class::PodClass;
use crate::fits::Ground;
use crate::flexible::check_min_values;
use crate::market::{OfferMask, TypeSet, TypeTable, is_offering_label};
use crate::pack::{reserved_mask, within_limits};
use crate::pools::{Pool, Variant};
use crate::snapshot::Snapshot;
use crate::solve::{MinValuesPolicy, Outcome, SolveOptions, Unplaced};

use super::wording::{limit_miss, missing_label, port_text, requested, size_miss};
use super::{Explanation, Step};

/// How far a pod got with a NodePool; the further, the more telling is what stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The NodePool makes no nodes for pods.
    Closed,
    /// A taint.
    Taints,
    /// What the NodePool itself requires.
    PoolRules,
    /// What the pod requires.
    PodRules,
    /// What the pod takes.
    Size,
    /// A port that a DaemonSet holds.
    Ports,
    /// What the NodePool may have.
    Limits,
    /// The choice of types that the NodePool wants.
    MinValues,
    /// Types are left: it is not them.
    Left,
}

/// What one NodePool had to say, and how far the pod got.
pub(super) struct Attempt {
    pub stage: Stage,
    pub explanation: Explanation,
    /// Only reservations would do.
    pub reserved_only: bool,
}

/// The question.
pub(super) struct Case<'c> {
    pub snapshot: &'c Snapshot,
    pub outcome: &'c Outcome,
    pub unplaced: &'c Unplaced,
    pub options: SolveOptions,
}

impl<'c> Case<'c> {
    fn class(&self) -> &'c PodClass {
        &self.snapshot.classes[self.unplaced.class as usize]
    }

    /// Asks one NodePool. Of several alternatives, the one that gets furthest tells most.
    pub(super) fn explain(&self, index: usize) -> Attempt {
        let pool = &self.snapshot.pools[index];
        let closed = |stage, types, steps, miss| Attempt {
            stage,
            explanation: Explanation {
                node_pool: pool.name.clone(),
                types,
                steps,
                left: 0,
                nearest_miss: miss,
            },
            reserved_only: false,
        };
        let Some(table) = &pool.table else {
            return closed(Stage::Closed, 0, Vec::new(), pool.problem.clone());
        };
        let all = table.len();
        if let Some(problem) = &pool.problem {
            return closed(Stage::Closed, all, Vec::new(), Some(problem.clone()));
        }
        if pool.replicas.is_some() {
            let miss = "the pool is static: its nodes do not depend on pods".to_owned();
            return closed(Stage::Closed, all, Vec::new(), Some(miss));
        }
        let rules = &self.snapshot.rules[self.class().rules as usize];
        if let Some(taint) = taint::first_untolerated(&pool.taints, &rules.tolerations, false) {
            let constraint = format!("taint {} is not tolerated", taint::describe(taint));
            return closed(Stage::Taints, all, vec![Step { constraint, removed: all, left: 0 }], None);
        }
        let variants: Vec<&Variant> =
            self.outcome.variants.iter().filter(|variant| variant.pool as usize == index).collect();
        let known = BTreeMap::new();
        let known = variants.first().map_or(&known, |variant| &variant.labels);
        let mut furthest: Option<Attempt> = None;
        for alternative in &rules.alternatives {
            let suits =
                |variant: &&&Variant| alternative.iter().all(|rule| suits_labels(variant, table, rule));
            let suitable: Vec<&Variant> = variants.iter().filter(suits).copied().collect();
            // A variant that suits the pod, or any one where none does: they differ in labels alone.
            let asked = if suitable.is_empty() { &variants[..variants.len().min(1)] } else { &suitable[..] };
            for variant in asked {
                let attempt = self.narrow_down(pool, table, variant, alternative, known);
                let better = |known: &Attempt| {
                    (attempt.stage, attempt.explanation.left) > (known.stage, known.explanation.left)
                };
                if furthest.as_ref().is_none_or(better) {
                    furthest = Some(attempt);
                }
            }
        }
        furthest.unwrap_or_else(|| closed(Stage::PoolRules, all, Vec::new(), None))
    }

    fn narrow_down(
        &self,
        pool: &Pool,
        table: &TypeTable,
        variant: &Variant,
        alternative: &Requirements,
        known: &BTreeMap<String, String>,
    ) -> Attempt {
        let mut funnel = Funnel { types: table.all(), steps: Vec::new(), stage: Stage::PoolRules };
        for requirement in pool.requirements.iter().filter(|requirement| table.has_label(&requirement.key)) {
            funnel.narrow(&table.matching(requirement), format!("NodePool: {requirement}"));
        }
        funnel.narrow(&variant.types, "NodePool: zones and capacity types it allows".to_owned());
        let mut offers = variant.offers;
        funnel.enter(Stage::PodRules);
        for requirement in alternative.iter() {
            if !funnel.types.is_clear() {
                self.apply_rule(table, variant, requirement, known, &mut offers, &mut funnel);
            }
        }
        let mut nearest = None;
        let requests = &self.class().requests;
        if funnel.enter(Stage::Size) {
            let candidates = funnel.types.clone();
            self.apply_size(variant, requests, &mut funnel);
            if funnel.types.is_clear() {
                nearest = size_miss(self.snapshot, table, variant, requests, &candidates);
            }
        }
        if funnel.enter(Stage::Ports) {
            let taken = self
                .class()
                .host_ports
                .iter()
                .find(|port| variant.daemon_ports.iter().any(|daemon| port.conflicts(daemon)));
            if let Some(port) = taken {
                let constraint = format!("pod: host port {}, which a DaemonSet holds", port_text(port));
                funnel.narrow(&TypeSet::with_capacity(table.len()), constraint);
            }
        }
        if !pool.limits.is_empty() && funnel.enter(Stage::Limits) {
            let left = self.limits_left(pool, variant.pool);
            let within = funnel.where_type(|index| within_limits(&left, &table.types[index].capacity));
            if within.is_clear() {
                nearest = limit_miss(pool, table, &left, &funnel.types);
            }
            funnel.narrow(&within, "limits of the NodePool".to_owned());
        }
        if self.options.min_values == MinValuesPolicy::Strict && funnel.enter(Stage::MinValues) {
            let variants = &self.outcome.variants;
            let ground = Ground { market: &self.snapshot.market, pools: &self.snapshot.pools, variants };
            if let Err((key, found)) =
                check_min_values(table, ground, &pool.min_values, &funnel.types, offers)
            {
                let least =
                    pool.min_values.iter().find(|(known, _)| known == key).map_or(0, |(_, least)| *least);
                funnel.narrow(
                    &TypeSet::with_capacity(table.len()),
                    format!("NodePool: minValues {least} of {key}"),
                );
                nearest = Some(format!(
                    "minValues asks for {least} values of {key}; the types that would do have {found}"
                ));
            }
        }
        funnel.enter(Stage::Left);
        let reserved = {
            let variants = &self.outcome.variants;
            reserved_mask(Ground { market: &self.snapshot.market, pools: &self.snapshot.pools, variants })
        };
        let reachable = funnel.types.ones().fold(0, |mask, index| mask | table.offer_masks[index] & offers);
        Attempt {
            stage: funnel.stage,
            reserved_only: reachable != 0 && reachable & !reserved == 0,
            explanation: Explanation {
                node_pool: pool.name.clone(),
                types: table.len(),
                left: funnel.types.count_ones(..),
                steps: funnel.steps,
                nearest_miss: nearest,
            },
        }
    }

    fn apply_rule(
        &self,
        table: &TypeTable,
        variant: &Variant,
        requirement: &Requirement,
        known: &BTreeMap<String, String>,
        offers: &mut OfferMask,
        funnel: &mut Funnel,
    ) {
        let key = requirement.key.as_str();
        let constraint = format!("pod: {requirement}");
        if is_offering_label(key) {
            *offers &= self.snapshot.market.offers_matching(requirement);
            let sold = funnel.where_type(|index| table.offer_masks[index] & *offers != 0);
            funnel.narrow(&sold, constraint);
        } else if is_of_type(variant, table, key) {
            funnel.narrow(&table.matching(requirement), constraint);
        } else if !suits_labels(variant, table, requirement) {
            let hint = missing_label(key, known);
            funnel.narrow(&TypeSet::with_capacity(table.len()), format!("{constraint}{hint}"));
        }
    }

    /// One step per resource that is too scarce.
    fn apply_size(&self, variant: &Variant, requests: &Amounts, funnel: &mut Funnel) {
        for place in 0..self.snapshot.names.len().min(WIDTH) {
            if requests[place] > 0 && !funnel.types.is_clear() {
                let enough = funnel.where_type(|index| variant.net[index][place] >= requests[place]);
                funnel.narrow(&enough, format!("pod: {}", requested(self.snapshot, place, requests[place])));
            }
        }
    }

    /// What the plan leaves of a NodePool's limits.
    fn limits_left(&self, pool: &Pool, index: u32) -> Vec<(String, i64)> {
        let mut left: Vec<(String, i64)> =
            pool.limits.iter().map(|(resource, limit)| (resource.clone(), limit.left)).collect();
        let Some(table) = &pool.table else { return left };
        for node in &self.outcome.nodes {
            if self.outcome.variants[node.variant as usize].pool != index {
                continue;
            }
            let capacity = &table.types[node.chosen as usize].capacity;
            for (resource, left) in &mut left {
                *left -= if resource == "nodes" { 1 } else { capacity.get(resource) };
            }
        }
        left
    }
}

/// Whether a label is the instance type's to decide.
fn is_of_type(variant: &Variant, table: &TypeTable, key: &str) -> bool {
    table.has_label(key) || (labels::is_well_known(key) && !variant.labels.contains_key(key))
}

/// Whether the labels that are settled for the variant, or that nobody sets, satisfy the requirement.
fn suits_labels(variant: &Variant, table: &TypeTable, requirement: &Requirement) -> bool {
    let key = requirement.key.as_str();
    if is_offering_label(key) || is_of_type(variant, table, key) {
        return true;
    }
    match variant.labels.get(key) {
        Some(value) => requirement.has(value),
        None => requirement.allows_absent(),
    }
}

/// Types on their way through the constraints.
struct Funnel {
    types: TypeSet,
    steps: Vec<Step>,
    stage: Stage,
}

impl Funnel {
    /// Goes on to the next stage. Whether any type gets there.
    fn enter(&mut self, stage: Stage) -> bool {
        let any = !self.types.is_clear();
        if any {
            self.stage = stage;
        }
        any
    }

    fn narrow(&mut self, to: &TypeSet, constraint: String) {
        let before = self.types.count_ones(..);
        self.types.intersect_with(to);
        let left = self.types.count_ones(..);
        if before != left {
            self.steps.push(Step { constraint, removed: before - left, left });
        }
    }

    fn where_type(&self, holds: impl Fn(usize) -> bool) -> TypeSet {
        let mut set = TypeSet::with_capacity(self.types.len());
        set.extend(self.types.ones().filter(|index| holds(*index)));
        set
    }
}
