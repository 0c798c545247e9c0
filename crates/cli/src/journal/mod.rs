//! `supercargo journal`: what controllers decided, and why.
//!
//! ```text
//! running controller ──/journal──┐
//! journal file ──────────────────┴──> entries ──> text, json
//! ```

mod arguments;
mod fetch;
mod run;
mod text;

pub use arguments::{Arguments, ControllerAddress};
pub use fetch::get;
pub(crate) use run::escape;
pub use run::run;
pub use text::text;
