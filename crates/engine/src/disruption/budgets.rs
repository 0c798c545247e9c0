//! How many nodes of a NodePool may be disrupted at once (reference section 4.4, row N11).

use std::fmt;

use jiff::Timestamp;
use supercargo_api::duration::NillableDuration;
use supercargo_api::{Budget, DisruptionReason, NodePool};
use supercargo_catalog::Usd;

use super::blocked::clock;
use super::options::{BudgetOverride, DisruptionOptions, Policy};
use super::windows::Window;

/// One NodePool: what may be disrupted of it at once, and what its nodes cost together.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolBudget {
    /// The NodePool.
    pub pool: String,
    /// Its nodes that percentages are of: managed, initialised, their instances not terminating.
    pub nodes: u32,
    /// How many of them are not ready or going away, for whatever cause.
    pub unavailable: u32,
    /// Its budgets, in the order of the manifest.
    pub budgets: Vec<BudgetStanding>,
    /// Which nodes may be consolidated.
    pub policy: Policy,
    /// How long a node must have been quiet.
    pub consolidate_after: NillableDuration,
    /// Whether it keeps a fixed number of nodes, so that nothing is consolidated.
    pub is_static: bool,
    /// What all its nodes cost, in dollars per hour: the whole that savings are a share of (reference section 4.13).
    pub hourly_cost: Usd,
    /// How many of its nodes have no known price.
    pub unpriced: u32,
    /// The rescheduling costs of all its nodes: the whole that disruption is a share of (reference section 4.13).
    pub reschedule_cost: f64,
}

/// One budget at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStanding {
    /// Its place in `spec.disruption.budgets`.
    pub index: u32,
    /// `nodes` as it is written.
    pub nodes: String,
    /// How many nodes that is.
    pub limit: u32,
    /// The reasons it is for; `None` for all.
    pub reasons: Option<Vec<DisruptionReason>>,
    /// Whether it counts now.
    pub active: bool,
    /// When it next starts or stops to count; `None` if it never does, or nobody knows.
    pub changes: Option<Timestamp>,
    /// Why it counts as 0, or otherwise not as it is written.
    pub problem: Option<String>,
}

/// How many nodes may be disrupted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// So many; [`u32::MAX`] for any number.
    pub nodes: u32,
    /// The budget that limits it, the first of equal ones.
    pub binding: Option<Binding>,
}

/// The budget that limits disruption now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its place in `spec.disruption.budgets`.
    pub budget: u32,
    /// `nodes` as it is written.
    pub nodes: String,
    /// How many nodes that is; those unavailable already are taken off in [`Allowed::nodes`].
    pub limit: u32,
    /// How many nodes are unavailable already.
    pub unavailable: u32,
    /// When it stops to count; `None` if it does not by itself.
    pub until: Option<Timestamp>,
    /// Why it counts as 0, if it is not as it is written.
    pub problem: Option<String>,
}

impl PoolBudget {
    /// A NodePool with so many nodes of which so many are unavailable; costs are added later.
    pub(super) fn of(
        pool: &NodePool,
        nodes: u32,
        unavailable: u32,
        options: &DisruptionOptions,
    ) -> PoolBudget {
        let disruption = pool.spec.disruption();
        let budgets = match options.budget_override {
            Some(budget) => vec![overriding(budget, nodes)],
            None => {
                let standing = |(index, budget)| standing(index, budget, nodes, options.now);
                disruption.budgets().iter().enumerate().map(standing).collect()
            }
        };
        PoolBudget {
            pool: pool.metadata.name.clone().unwrap_or_default(),
            nodes,
            unavailable,
            budgets,
            policy: options.policy_override.unwrap_or_else(|| disruption.consolidation_policy()),
            consolidate_after: disruption.consolidate_after.clone(),
            is_static: pool.spec.is_static(),
            hourly_cost: Usd::ZERO,
            unpriced: 0,
            reschedule_cost: 0.0,
        }
    }

    /// How many more nodes may be disrupted for this reason now: the tightest of the budgets that count, less the nodes
    /// that are unavailable already.
    pub fn allowed(&self, reason: DisruptionReason) -> Allowed {
        self.allowed_of(reason, self.nodes)
    }

    /// The same if the NodePool had so many nodes: percentages are of the nodes of the moment (reference section 4.4).
    pub fn allowed_of(&self, reason: DisruptionReason, nodes: u32) -> Allowed {
        let counts = |budget: &&BudgetStanding| {
            budget.active && budget.reasons.as_ref().is_none_or(|reasons| reasons.contains(&reason))
        };
        let limits = self.budgets.iter().filter(counts).map(|budget| (budget.limit_of(nodes), budget));
        let tightest = limits.min_by_key(|(limit, _)| *limit);
        let Some((limit, tightest)) = tightest else { return Allowed { nodes: u32::MAX, binding: None } };
        Allowed {
            nodes: limit.saturating_sub(self.unavailable),
            binding: Some(Binding {
                budget: tightest.index,
                nodes: tightest.nodes.clone(),
                limit,
                unavailable: self.unavailable,
                until: tightest.changes,
                problem: tightest.problem.clone(),
            }),
        }
    }
}

impl BudgetStanding {
    /// The limit if the NodePool had so many nodes. What allows nothing because it cannot be read still does.
    fn limit_of(&self, nodes: u32) -> u32 {
        if self.limit == 0 && self.problem.is_some() {
            return 0;
        }
        self.nodes.parse::<BudgetOverride>().map_or(self.limit, |budget| budget.of(nodes))
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "budget {} allows {}", self.budget, self.limit)?;
        if let Some(problem) = &self.problem {
            return write!(out, " ({problem})");
        }
        if self.nodes != self.limit.to_string() {
            write!(out, " ({})", self.nodes)?;
        }
        if self.unavailable > 0 {
            write!(out, ", {} unavailable already", self.unavailable)?;
        }
        if let Some(until) = self.until {
            write!(out, ", until {}", clock(until))?;
        }
        Ok(())
    }
}

fn overriding(budget: BudgetOverride, nodes: u32) -> BudgetStanding {
    BudgetStanding {
        index: 0,
        nodes: budget.to_string(),
        limit: budget.of(nodes),
        reasons: None,
        active: true,
        changes: None,
        problem: None,
    }
}

fn standing(index: usize, budget: &Budget, nodes: u32, now: Timestamp) -> BudgetStanding {
    let window = Window::of(budget);
    let state = window.at(now);
    // What cannot be read allows nothing (reference section 4.4).
    let (limit, problem) = match (window.problem(), budget.nodes().parse::<BudgetOverride>()) {
        (Some(problem), _) => (0, Some(problem.to_owned())),
        (None, Err(error)) => (0, Some(error.to_string())),
        (None, Ok(read)) => (read.of(nodes), state.note),
    };
    BudgetStanding {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        nodes: budget.nodes().to_owned(),
        limit,
        reasons: budget.reasons.clone(),
        active: state.active,
        changes: state.changes,
        problem,
    }
}
