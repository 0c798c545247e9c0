//! Rows on their way to an answer.

use std::sync::Arc;

use crate::allocation::idle::IdlePart;
use crate::ledger::Row;
use crate::measures::Measures;
use crate::workload::{RowKind, Workload};

/// What a row is in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A container, or something unused: who carries costs.
    #[default]
    Allocation,
    /// What a node had left over.
    Idle,
    /// What a node keeps for itself.
    Overhead,
    /// The fee for the control plane.
    Management,
    /// Costs with nobody to carry them.
    Shared,
    /// Idle of a pool that no allocation of it can take.
    Pool,
}

impl Role {
    /// Of a row of the ledger.
    pub fn of(workload: &Workload) -> Role {
        match workload.kind {
            RowKind::Container | RowKind::Unmounted => Role::Allocation,
            RowKind::Idle => Role::Idle,
            RowKind::Overhead if workload.node.is_empty() => Role::Management,
            RowKind::Overhead => Role::Overhead,
            RowKind::Shared => Role::Shared,
        }
    }
}

/// A row, or the sum of several.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Who; what they have in common if there are several.
    pub workload: Arc<Workload>,
    /// Whether several containers are added up here.
    pub several: bool,
    /// How many rows are added up here, hour by hour.
    pub rows: u64,
    /// What it is.
    pub role: Role,
    /// The sum.
    pub measures: Measures,
    /// What it gets of the idle of its pool; of a pool, what stays.
    pub idle: IdlePart,
}

impl Line {
    /// Of a row of the ledger.
    pub fn of((workload, measures): &Row) -> Line {
        Line {
            workload: Arc::clone(workload),
            several: false,
            rows: 1,
            role: Role::of(workload),
            measures: measures.clone(),
            idle: IdlePart::default(),
        }
    }

    /// What stays of a pool's idle.
    pub fn pool(workload: Workload, idle: IdlePart) -> Line {
        Line {
            workload: Arc::new(workload),
            several: false,
            rows: 0,
            role: Role::Pool,
            measures: Measures::default(),
            idle,
        }
    }
}
