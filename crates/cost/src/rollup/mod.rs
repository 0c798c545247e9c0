//! Roll-ups: priced hours, added up once and for all.
//!
//! ```text
//! priced hour ──idle divided──> lines of containers ──┬─ added up over the day ──> containers   (one line for a container and day)
//!                                                     ├─ replicas added up ──────> hours        (one line for a workload and hour)
//!                                                     └─ both ───────────────────> groups       (one line for a workload and day)
//! ```
//!
//! Everything is a sum of exact hours, so an answer from roll-ups is the answer from hours. What each line gets of idle is
//! kept for every sort of pool, because it does not depend on who is asked about. Costs that are handed from some to others
//! are divided hour by hour, and because replicas come one after the other, a workload's part is the sum of its replicas'.

mod columns;
mod line;
mod packed;
mod rolls;

pub(crate) use columns::Column;
pub(crate) use packed::{Attached, RollRow, RollUp, basis_of_cell, cell_names};
pub(crate) use rolls::{HourRoll, RollBuilder, Rolls};
