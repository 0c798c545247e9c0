//! Costs as tables.

use supercargo_cost::Money;

use super::rows::{AssetRow, CostRow};
use crate::columns::{new_table, written};
use crate::console::printable;
use crate::figures::percent;

/// How many decimals are worth showing beside a total: cents, but for what is below a dollar.
pub fn decimals(total: Money) -> usize {
    if total < Money::from_dollars(1) { 4 } else { 2 }
}

/// Dollars, with thousands apart.
fn dollars(amount: Money, decimals: usize) -> String {
    let text = format!("{amount:.decimals$}");
    let (sign, digits) = match text.strip_prefix("-$") {
        Some(digits) => ("-", digits.to_owned()),
        None => ("", text.trim_start_matches('$').to_owned()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{fraction}")
}

/// A key as people read it.
fn shown(name: &str) -> String {
    let name = name.replace("__unallocated__", "(none)");
    let name = name.replace("__idle__", "(idle)").replace("__overhead__", "(overhead)");
    printable(&name.replace("__unmounted__", "(unmounted)").replace("__shared__", "(shared)"))
}

fn total(rows: &[CostRow]) -> CostRow {
    let mut sum = CostRow { name: "total".to_owned(), ..CostRow::default() };
    rows.iter().for_each(|row| sum.add(row));
    sum
}

/// The report: a column for each part of the key, costs of cores and memory, idle and total last.
pub fn report(rows: &[CostRow], by: &[String]) -> String {
    let titles: Vec<String> =
        by.iter().map(|part| part.trim_start_matches("label:").to_uppercase()).collect();
    let mut columns: Vec<(&str, bool)> = titles.iter().map(|title| (title.as_str(), false)).collect();
    columns.extend([("CPU", true), ("MEMORY", true), ("OTHER", true), ("TOTAL", true)]);
    let mut table = new_table(&columns);
    let sum = total(rows);
    let cents = |amount| dollars(amount, decimals(sum.total));
    let mut line = |name: &str, row: &CostRow, special: bool| {
        let mut cells: Vec<String> = match special {
            true => vec![shown(name)],
            false => name.splitn(titles.len().max(1), '/').map(shown).collect(),
        };
        cells.resize(titles.len().max(1), String::new());
        cells.extend([cents(row.cpu), cents(row.ram), cents(row.other()), cents(row.total)]);
        table.add_row(cells);
    };
    for row in rows.iter().filter(|row| !row.is_special()) {
        line(&row.name, row, false);
    }
    for row in rows.iter().filter(|row| row.is_special()) {
        line(&row.name, row, true);
    }
    line("total", &sum, true);
    written(&table)
}

/// Costs by key, with their parts.
pub fn costs(rows: &[CostRow], wide: bool) -> String {
    let mut columns =
        vec![("NAME", false), ("CPU", true), ("MEMORY", true), ("GPU", true), ("VOLUMES", true)];
    if wide {
        columns.extend([("NETWORK", true), ("LOAD BALANCERS", true), ("SHARED", true)]);
    }
    columns.extend([("EFFICIENCY", true), ("TOTAL", true)]);
    let mut table = new_table(&columns);
    let sum = total(rows);
    let cents = |amount| dollars(amount, decimals(sum.total));
    let mut line = |row: &CostRow, efficiency: String| {
        let mut cells =
            vec![shown(&row.name), cents(row.cpu), cents(row.ram), cents(row.gpu), cents(row.volumes)];
        if wide {
            cells.extend([cents(row.network), cents(row.balancers), cents(row.shared)]);
        }
        cells.extend([efficiency, cents(row.total)]);
        table.add_row(cells);
    };
    for row in rows {
        let efficiency = if row.is_special() { String::new() } else { share(row.efficiency) };
        line(row, efficiency);
    }
    line(&sum, String::new());
    written(&table)
}

/// How well what was asked for was used, the dearest waste first.
pub fn efficiency(rows: &[CostRow]) -> String {
    let mut rows: Vec<(&CostRow, Money)> =
        rows.iter().filter(|row| !row.is_special()).map(|row| (row, unused(row))).collect();
    rows.sort_by(|(one, waste), (other, more)| more.cmp(waste).then_with(|| one.name.cmp(&other.name)));
    let all: Money = rows.iter().map(|(row, _)| row.total).sum();
    let cents = |amount| dollars(amount, decimals(all));
    let columns =
        [("NAME", false), ("CPU", true), ("MEMORY", true), ("BOTH", true), ("UNUSED", true), ("TOTAL", true)];
    let mut table = new_table(&columns);
    for (row, unused) in rows {
        table.add_row([
            shown(&row.name),
            share(row.cpu_efficiency),
            share(row.ram_efficiency),
            share(row.efficiency),
            cents(unused),
            cents(row.total),
        ]);
    }
    written(&table)
}

/// An efficiency; a question mark if nobody measured.
fn share(efficiency: f64) -> String {
    if efficiency.is_nan() { "?".to_owned() } else { percent(efficiency * 100.0) }
}

/// What was paid for cores and memory that were asked for and not used.
fn unused(row: &CostRow) -> Money {
    let waste = |cost: Money, efficiency: f64| Money::from_f64(cost.as_f64() * (1.0 - efficiency).max(0.0));
    waste(row.cpu, row.cpu_efficiency) + waste(row.ram, row.ram_efficiency)
}

/// What was paid for.
pub fn assets(rows: &[AssetRow]) -> String {
    let columns = [
        ("TYPE", false),
        ("NAME", false),
        ("CLUSTER", false),
        ("MODEL", false),
        ("HOURS", true),
        ("PRICE", false),
        ("TOTAL", true),
    ];
    let mut table = new_table(&columns);
    let all: Money = rows.iter().map(|row| row.total).sum();
    let cents = |amount| dollars(amount, decimals(all));
    for row in rows {
        let hours = format!("{:.1}", row.hours);
        let texts = [&row.kind, &row.name, &row.cluster, &row.model].map(|text| printable(text));
        let [kind, name, cluster, model] = texts;
        table.add_row([kind, name, cluster, model, hours, printable(&row.source), cents(row.total)]);
    }
    let sum = cents(all);
    let nothing = String::new();
    table.add_row([
        "total".to_owned(),
        nothing.clone(),
        nothing.clone(),
        nothing.clone(),
        nothing.clone(),
        nothing,
        sum,
    ]);
    written(&table)
}
