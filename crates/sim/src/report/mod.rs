//! What came of a run, for readers.
//!
//! - table: the figures, a line each
//! - html: one page with charts, for the screen and for paper
//! - chart: a curve over time as SVG

mod chart;
mod html;
mod table;

pub use html::html;
pub use table::{Row, rows};
