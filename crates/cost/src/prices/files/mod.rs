//! Prices in files, as accounts, providers and users write them.
//!
//! | file | begins with | prices |
//! |---|---|---|
//! | own list | a header with `price` | types and instances, of any source, for any time |
//! | OpenCost's list | a header with `MarketPriceHourly` (reference section 4.7) | nodes, volumes |
//! | spot data feed | `#Version: 1.0` (section 4.4) | instances, hour by hour |
//! | spot history | `{"SpotPriceHistory": [` | spot types by zone, from quote to quote |
//! | unit prices | `{` (section 4.6) | a core, a GiB, a GPU, a load balancer, … |
//!
//! What a file is its content tells. All problems are reported, each with its line, its field, and what would be right.

mod bill;
mod cells;
mod decimal;
mod gzip;
mod list;
mod opencost;
mod problem;
mod spot_feed;
mod spot_history;
mod times;
mod units_file;

pub use bill::{Bill, BillLine, read_bill};
pub use list::PriceEntry;
pub use problem::{FileProblem, FileProblems};

/// What a price file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceFileKind {
    /// Our own list.
    List,
    /// OpenCost's list.
    OpenCost,
    /// EC2's spot data feed.
    SpotFeed,
    /// EC2's spot price history.
    SpotHistory,
    /// Prices of units.
    Units,
}

/// What a price file says.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceFile {
    /// What it is.
    pub kind: PriceFileKind,
    /// Its prices, in order.
    pub entries: Vec<PriceEntry>,
}

/// Reads a price file of any kind; `name` is what problems are reported under. Packed files (gzip) are unpacked.
pub fn read_price_file(name: &str, bytes: &[u8]) -> Result<PriceFile, FileProblems> {
    let text = gzip::text(name, bytes)?;
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    let mut problems = FileProblems::of(name);
    let (kind, entries) = if start.starts_with('{') || start.starts_with('[') {
        match spot_history::quotes(text) {
            Some(quotes) => (PriceFileKind::SpotHistory, spot_history::read(quotes, &mut problems)),
            None => (PriceFileKind::Units, units_file::read(text, &mut problems)),
        }
    } else if start.starts_with("#Version") {
        (PriceFileKind::SpotFeed, spot_feed::read(text, &mut problems))
    } else {
        match cells::Sheet::read(text, &mut problems) {
            Some(sheet) if sheet.has("MarketPriceHourly") => {
                (PriceFileKind::OpenCost, opencost::read(&sheet, &mut problems))
            }
            Some(sheet) => (PriceFileKind::List, list::read(&sheet, &mut problems)),
            None => (PriceFileKind::List, Vec::new()),
        }
    };
    if problems.is_empty() && entries.is_empty() {
        problems.note(1, "", "no prices", "at least one");
    }
    problems.or(PriceFile { kind, entries })
}
