//! What consolidation promises, measured: one question, a sweep, whole plans, savings, validity.
//!
//! ```text
//! made-up cluster ──> Case ──┬─ removal: one node at a time ──────────> times
//!                            ├─ plans: everything, 1,000 and 5,000 ───> times, memory
//!                            ├─ savings: churned, many seeds ─────────> share of what could be saved, beside prefix search
//!                            └─ validity: every move replayed ────────> violations
//! ```

mod case;
mod dump;
mod figures;
mod plans;
mod prefix_search;
mod removal;
mod savings;
mod table;
mod validity;

pub use case::{Case, CaseError};
pub use dump::DumpError;
pub use figures::{Figure, FigureRow};
pub use plans::{PlanError, PlanFigures, large_plan, plan_of_dump, whole_plan};
pub use prefix_search::{PrefixOutcome, prefix_search};
pub use removal::removal;
pub use savings::{Savings, savings, savings_rows};
pub use table::render;
pub use validity::validity;
