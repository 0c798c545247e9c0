//! What happens to a market at what time, as told beforehand: `at: 10:00, zone: us-east-1a, capacityType: spot,
//! types: "m*", depth: 0, for: 30m`.

mod event;

pub use event::{Effect, Scope, Script, ScriptEvent, When};
