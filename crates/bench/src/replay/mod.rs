//! Replays a consolidation move by move, on plain Kubernetes objects, and says what it would break.
//!
//! ```text
//! Objects ──> World (nodes, pods, by name) ──move by move──> World ──> Violations
//! Consolidation ──────────────────────────────────┘
//! ```
//!
//! Deliberately simple and slow, and written from the rules of the scheduler, the eviction API and Karpenter alone: it
//! shares no code with what it checks beyond reading quantities, label selectors and tolerations. Before each move its
//! pods are evicted all at once; then each is placed where the move says, if the scheduler's filters let it in.

mod admission;
mod budgets;
mod candidates;
mod moves;
mod neighbours;
mod requests;
mod violation;
mod world;

pub use moves::{Rules, replay};
pub use violation::{Rule, Violation};
