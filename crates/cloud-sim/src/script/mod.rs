//! What happens to a market at what time, as told beforehand.
//!
//! One event a line, or a list in YAML:
//!
//! ```text
//! at: 10:00, zone: us-east-1a, capacityType: spot, types: "m*", depth: 0, for: 30m
//! at: +2h, every: 24h, interrupt: 10%
//! at: 2026-11-24T08:00:00Z, fault: RequestLimitExceeded, action: CreateFleet, rate: 0.5, for: 10m
//! ```
//!
//! | field | says |
//! |---|---|
//! | `at` | when it begins: a time of day (UTC), `+` and a duration after the beginning, or a moment |
//! | `every` | it comes again after this duration, and again |
//! | `for` | how long it lasts; without it for ever |
//! | `zone`, `capacityType`, `types` | what it is about, `*` standing for any text; without them everything |
//! | `depth`, `depthFactor` | how many instances pools hold, or how many times what they would |
//! | `priceFactor` | spot prices are so many times what they would be |
//! | `interrupt`, `rebalance` | so many percent of the spot instances get a notice or a recommendation |
//! | `killKubelets`, `impairHosts`, `retire` | what happens to so many percent of the machines |
//! | `reclaimReservations`, `releaseImages` | `true`: interruptible reservations are taken back, every family gets an image |
//! | `fault`, `action`, `rate` | calls fail with this code; all of them unless `action` names one, always unless `rate` says how often |

mod event;
mod fields;
mod read;

pub use event::{Effect, Scope, Script, ScriptEvent, When};
pub use read::{ScriptError, ScriptProblem};
