//! From NodeClaims to instances (reference sections 3.1 and 5.4).
//!
//! ```text
//! NodeClaim ──decide──> Launch ──Plans──> LaunchPlan ──Budget──> CloudRequest::Launch ──> answer
//!                                            ^                                              │
//!       Unavailable <──Dryness── refused offerings <────────────────────────────────────────┤
//!       labels, providerID, Launched=True; or Launched=Unknown; or the claim goes <─────────┘
//! ```
//!
//! - decide: what is to be done about one claim, a pure function (rows L1 to L4)
//! - part: the loop; all claims of a batch are launched at once
//! - plans: requests for claims that ask for the same are made once
//! - budget: how many launches may rely on an offering that nobody has seen working
//! - dryness: what refused offerings say about their neighbours
//! - outcome: what an answer makes of a claim
//! - together: launches in one call, written down before it is made
//! - prices: what the account says about spot prices and offerings

mod budget;
mod decide;
mod dryness;
mod outcome;
mod part;
mod plans;
mod prices;
#[cfg(test)]
mod tests;
mod together;

pub use budget::{Budget, FIRST_LAUNCHES};
pub use decide::{LAUNCH_TIMEOUT, Standing, Step, decide};
pub use dryness::{Dryness, FAMILY_FOR, FAMILY_SIZES, ZONE_FAMILIES, ZONE_FOR};
pub use part::Launching;
pub use plans::Plans;
pub use prices::Prices;
pub use together::{Company, Together};
