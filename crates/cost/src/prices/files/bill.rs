//! Bills: what was paid for which resource in which stretch (reference section 4.5).
//!
//! Read are cost and usage reports in either spelling of their columns, FOCUS 1.x, and plain sheets with
//! `start,end,resource,cost`. What counts is the amortised cost of usage: a reservation's effective cost, a savings plan's
//! effective cost, else what was billed. Fees, taxes, credits and what was bought ahead are of no resource: they are left out
//! and told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::interval::Interval;
use crate::money::Money;
use crate::prices::billed_resource;
use crate::prices::files::cells::{Row, Sheet};
use crate::prices::files::decimal::amount;
use crate::prices::files::gzip;
use crate::prices::files::problem::FileProblems;
use crate::prices::files::times::{EXPECTED, second};

/// What was paid for a resource in a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// Its id, such as `i-0123456789abcdef0` or `vol-0123`; of an ARN the part after the last slash; of a load balancer
    /// `loadbalancer/` and its name.
    pub resource: Arc<str>,
    /// When.
    pub stretch: Interval,
    /// How much.
    pub cost: Money,
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// In order of resources and stretches, each once.
    pub lines: Vec<BillLine>,
    /// What is of no resource, by sort.
    pub left_out: BTreeMap<String, Money>,
}

impl Bill {
    /// From its first second to its last.
    pub fn window(&self) -> Interval {
        self.lines.iter().fold(Interval::default(), |all, line| all.hull(line.stretch))
    }
}

/// Columns of a kind of bill.
struct Columns {
    start: &'static str,
    end: &'static str,
    resource: &'static str,
    /// What sort of line it is; empty if there is only one.
    sort: &'static str,
    /// Sorts of lines with the columns of their cost, the first that is not empty; other sorts are left out.
    costs: &'static [(&'static str, &'static [&'static str])],
    currency: &'static str,
}

const UNBLENDED: &str = "line_item_unblended_cost";

const USAGE_REPORT: Columns = Columns {
    start: "line_item_usage_start_date",
    end: "line_item_usage_end_date",
    resource: "line_item_resource_id",
    sort: "line_item_line_item_type",
    costs: &[
        ("Usage", &[UNBLENDED]),
        ("DiscountedUsage", &["reservation_effective_cost"]),
        ("SavingsPlanCoveredUsage", &["savings_plan_savings_plan_effective_cost"]),
        ("EdpDiscount", &[UNBLENDED]),
        ("PrivateRateDiscount", &[UNBLENDED]),
        ("BundledDiscount", &[UNBLENDED]),
    ],
    currency: "line_item_currency_code",
};

const FOCUS: Columns = Columns {
    start: "charge_period_start",
    end: "charge_period_end",
    resource: "resource_id",
    sort: "charge_category",
    costs: &[("Usage", &["effective_cost", "billed_cost"])],
    currency: "billing_currency",
};

const PLAIN: Columns = Columns {
    start: "start",
    end: "end",
    resource: "resource",
    sort: "",
    costs: &[("", &["cost"])],
    currency: "currency",
};

/// Reads a bill; `name` is what problems are reported under. Packed files (gzip) are unpacked.
pub fn read_bill(name: &str, bytes: &[u8]) -> Result<Bill, FileProblems> {
    let text = gzip::text(name, bytes)?;
    let mut problems = FileProblems::of(name);
    let Some(sheet) = Sheet::read(text.trim_start_matches('\u{feff}'), &mut problems) else {
        return problems.or(Bill::default());
    };
    let Some(columns) = [&USAGE_REPORT, &FOCUS, &PLAIN].into_iter().find(|columns| sheet.has(columns.start))
    else {
        let shown = format!("columns {}", sheet.columns());
        let expected = "lineItem/UsageStartDate, … of a cost and usage report; ChargePeriodStart, … of FOCUS; or start,end,resource,cost";
        problems.note(1, "", shown, expected);
        return problems.or(Bill::default());
    };
    let first_costs = columns.costs.iter().take(1).flat_map(|(_, names)| names.iter().take(1));
    let needed = [columns.end, columns.resource].into_iter().chain(first_costs.copied());
    for column in needed.filter(|name| !sheet.has(name)) {
        problems.note(1, column, "the column is missing", "it beside the others");
    }
    let mut lines: BTreeMap<(Arc<str>, Interval), Money> = BTreeMap::new();
    let mut left_out: BTreeMap<String, Money> = BTreeMap::new();
    if problems.is_empty() {
        for row in sheet.rows() {
            match line(&row, columns, &mut problems) {
                Some(Read::Line(line)) => {
                    *lines.entry((line.resource, line.stretch)).or_default() += line.cost;
                }
                Some(Read::LeftOut(sort, cost)) => *left_out.entry(sort).or_default() += cost,
                None if problems.is_full() => break,
                None => {}
            }
        }
    }
    let lines = lines.into_iter().map(|((resource, stretch), cost)| BillLine { resource, stretch, cost });
    let bill = Bill { lines: lines.collect(), left_out };
    if problems.is_empty() && bill.lines.is_empty() {
        problems.note(
            1,
            "",
            "no line is of a resource",
            "lines with the ids of instances: the report has to include resource ids",
        );
    }
    problems.or(bill)
}

enum Read {
    Line(BillLine),
    LeftOut(String, Money),
}

fn line(row: &Row<'_>, columns: &Columns, problems: &mut FileProblems) -> Option<Read> {
    let currency = row.get(columns.currency);
    if !matches!(currency, "" | "USD") {
        problems.note(
            row.line,
            columns.currency,
            currency,
            "USD: amounts of other currencies would be added to dollars",
        );
        return None;
    }
    let sort = row.get(columns.sort);
    let names = columns.costs.iter().find(|(known, _)| *known == sort).map(|(_, names)| *names);
    let (field, text) = match names {
        Some(names) => {
            let found = names.iter().find(|name| !row.get(name).is_empty());
            let field = found.or_else(|| names.first()).copied().unwrap_or_default();
            (field, row.get(field))
        }
        None => (UNBLENDED, row.first(&[UNBLENDED, "billed_cost"])),
    };
    let Some(cost) = amount(if names.is_none() && text.is_empty() { "0" } else { text }) else {
        let problem = if text.is_empty() { "is missing".to_owned() } else { format!("{text:?}") };
        problems.note(row.line, field, problem, "an amount of dollars, such as 0.0960000000");
        return None;
    };
    let resource = billed_resource(row.get(columns.resource));
    if names.is_none() || resource.is_empty() {
        let sort = if sort.is_empty() { "without a resource" } else { sort };
        return Some(Read::LeftOut(sort.to_owned(), cost));
    }
    let mut time = |field: &str| {
        let found = second(row.get(field));
        if found.is_none() {
            problems.note(row.line, field, format!("{:?}", row.get(field)), EXPECTED);
        }
        found
    };
    let (start, end) = (time(columns.start)?, time(columns.end)?);
    if end <= start {
        problems.note(
            row.line,
            columns.end,
            format!("{:?}", row.get(columns.end)),
            "a time after the beginning",
        );
        return None;
    }
    Some(Read::Line(BillLine { resource, stretch: Interval::new(start, end), cost }))
}
