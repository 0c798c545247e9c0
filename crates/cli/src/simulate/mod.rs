//! `supercargo simulate`: a scenario in virtual time, and what came of it.

mod arguments;
mod run;

pub use arguments::{Arguments, Report};
pub use run::run;
pub(crate) use run::table;
