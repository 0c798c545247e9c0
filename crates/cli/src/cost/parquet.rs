//! Costs as Parquet: the figures of `-o csv`, with the window, in dollars and in 10⁻⁹ dollars.

use serde_json::Value;
use supercargo_cost::Money;
use supercargo_cost::export::{Sheet, SheetWriter};

use super::arguments::Arguments;
use super::outlet::Outlet;
use super::rows::{AssetRow, CostRow};
use crate::exit::Failure;

/// The window of an answer, in seconds since 1970: as its first row tells.
fn window(data: &Value) -> (i64, i64) {
    let sets = data.as_array().into_iter().flatten().chain(Some(data));
    let rows = sets.filter_map(Value::as_object).flat_map(|set| set.values());
    let windows = rows.map(|row| &row["window"]).find(|window| window.is_object());
    let moment = |name: &str| {
        let text = windows.and_then(|window| window[name].as_str()).unwrap_or_default();
        text.parse::<jiff::Timestamp>().map_or(0, |moment| moment.as_second())
    };
    (moment("start"), moment("end"))
}

fn write(arguments: &Arguments, sheet: &Sheet) -> Result<(), Failure> {
    let outlet = Outlet::open(arguments)?;
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let mut writer = SheetWriter::new(outlet, sheet).map_err(|error| failed(&error))?;
    writer.write(sheet).map_err(|error| failed(&error))?;
    writer.close().map_err(|error| failed(&error))?.close()
}

/// A cost by its name and the part of a row.
type Cost = (&'static str, fn(&CostRow) -> Money);

const COSTS: [Cost; 8] = [
    ("cpu", |row| row.cpu),
    ("ram", |row| row.ram),
    ("gpu", |row| row.gpu),
    ("volume", |row| row.volumes),
    ("network", |row| row.network),
    ("load_balancer", |row| row.balancers),
    ("shared", |row| row.shared),
    ("total", |row| row.total),
];

/// Costs by key; each word of `by` has a column of its own.
pub fn costs_sheet(rows: &[CostRow], by: &[String], data: &Value) -> Sheet {
    let (start, end) = window(data);
    let mut sheet = Sheet::default();
    sheet.text("name", rows.iter().map(|row| row.name.as_str()));
    for (place, word) in by.iter().enumerate() {
        let part = |row: &CostRow| match row.is_special() {
            true => String::new(),
            false => row.name.splitn(by.len(), '/').nth(place).unwrap_or_default().to_owned(),
        };
        sheet.text(&format!("by_{}", word.trim_start_matches("label:")), rows.iter().map(part));
    }
    sheet.moment("start", rows.iter().map(|_| start));
    sheet.moment("end", rows.iter().map(|_| end));
    for (name, get) in COSTS {
        sheet.nanos(name, rows.iter().map(get));
    }
    for (name, get) in COSTS {
        sheet.dollars(name, rows.iter().map(get));
    }
    sheet.real("cpu_efficiency", rows.iter().map(|row| row.cpu_efficiency));
    sheet.real("ram_efficiency", rows.iter().map(|row| row.ram_efficiency));
    sheet.real("efficiency", rows.iter().map(|row| row.efficiency));
    sheet
}

/// What was paid for.
pub fn assets_sheet(rows: &[AssetRow], data: &Value) -> Sheet {
    let (start, end) = window(data);
    let mut sheet = Sheet::default();
    sheet.text("type", rows.iter().map(|row| row.kind.as_str()));
    sheet.text("name", rows.iter().map(|row| row.name.as_str()));
    sheet.text("cluster", rows.iter().map(|row| row.cluster.as_str()));
    sheet.text("model", rows.iter().map(|row| row.model.as_str()));
    sheet.text("price_source", rows.iter().map(|row| row.source.as_str()));
    sheet.moment("start", rows.iter().map(|_| start));
    sheet.moment("end", rows.iter().map(|_| end));
    sheet.real("hours", rows.iter().map(|row| row.hours));
    sheet.nanos("total", rows.iter().map(|row| row.total));
    sheet.dollars("total", rows.iter().map(|row| row.total));
    sheet
}

/// Writes costs by key.
pub fn costs(arguments: &Arguments, rows: &[CostRow], by: &[String], data: &Value) -> Result<(), Failure> {
    write(arguments, &costs_sheet(rows, by, data))
}

/// Writes what was paid for.
pub fn assets(arguments: &Arguments, rows: &[AssetRow], data: &Value) -> Result<(), Failure> {
    write(arguments, &assets_sheet(rows, data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_cost::export::{Cells, csv_header, csv_lines};

    use super::*;

    #[test]
    fn a_row_has_its_window_and_a_column_for_each_word() {
        let data =
            json!([{"a/b": {"window": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}}}]);
        let row =
            CostRow { name: "a/b".to_owned(), total: Money::from_nanos(1_500_000_001), ..CostRow::default() };
        let idle = CostRow { name: "__idle__".to_owned(), ..CostRow::default() };
        let sheet = costs_sheet(&[row, idle], &["team".to_owned(), "label:app".to_owned()], &data);
        let text = csv_header(&sheet) + &csv_lines(&sheet);
        insta::assert_snapshot!(text);
        assert!(sheet.columns().iter().any(|(name, cells)| name == "total_nanos"
            && *cells == Cells::Number(vec![1_500_000_001, 0])));
    }

    #[test]
    fn an_answer_without_a_window_is_no_problem() {
        for data in [json!(null), json!([]), json!({"a": 1}), json!([{"a": {"window": {"start": 7}}}])] {
            assert_eq!(window(&data), (0, 0));
        }
    }
}
