//! `supercargo catalog`: which instance types meet some conditions, what they cost, and what each condition removes.
//!
//! ```text
//! arguments ──question──> Query ──answer──> Answer ──┬─ table, wide, csv, json, yaml ──> stdout
//!                                                    └─ what each condition removes ───> stderr
//! ```

mod arguments;
mod csv;
mod question;
mod run;
mod table;

pub use arguments::{Arguments, Format};
pub use run::run;
