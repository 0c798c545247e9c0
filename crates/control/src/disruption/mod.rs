//! Nodes go because they are empty, because others are cheaper, or because they are no longer what is asked for (reference
//! chapter 4).
//!
//! ```text
//! State ──Question──> propose (apart) ──Command──> wait 15 s ──> validate (apart) ──> taint, mark, new NodeClaims
//!   ^                    │                  (drift goes on at once)                        │ all initialised
//!   │                    └─ why every other node stays                                     v
//!   └───────────────────────────────── termination <──────────────────── NodeClaims deleted
//! ```
//!
//! Many commands are on their way at the same time; nobody waits for anybody. What a command has taken of budgets and of
//! PodDisruptionBudgets is taken off before the next ones are looked for.
//!
//! - command: nodes that go together, and what comes for them, as data
//! - survey: the cluster as one question sees it
//! - propose, validate: what should be done, whether it still should
//! - execution: what is to be done next for a command on its way
//! - invariants: what must hold of commands that are carried out at the same time
//! - part: the loop
//! - announce: Events, journal, metrics
//! - changes: which changes are worth another look
//! - drifted: the condition Drifted

mod announce;
mod changes;
mod command;
mod drifted;
mod execution;
mod invariants;
mod part;
mod propose;
mod static_drift;
mod survey;
mod validate;

pub use command::{Candidate, Command, Replacement};
pub use drifted::Drifted;
pub use part::Disrupting;
pub use propose::{Favour, Proposal, Standing, Staying, propose};
pub use survey::Question;
pub use validate::{Rejected, Verdict, validate};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
