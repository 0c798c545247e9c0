//! The command itself.

use std::collections::BTreeMap;

use supercargo_cost::Money;
use supercargo_cost::export::{SheetError, SheetWriter, csv_header, csv_lines};

use super::arguments::{Arguments, CostCommand, Format, Share, What};
use super::import::import;
use super::outlet::{Outlet, deliver};
use super::reprice::reprice;
use super::rows::{AssetRow, CostRow, asset_rows, cost_rows};
use super::source::{Subject, ask, focus, hourly_rows};
use super::{bucket, csv, parquet, scale_out, sql, tables};
use crate::console::{Console, printable};
use crate::exit::{Exit, Failure};

/// Asks and shows.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(CostCommand::Import(arguments)) => return import(arguments, console),
        Some(CostCommand::Reprice(arguments)) => return reprice(arguments, console),
        Some(CostCommand::Scheduler(arguments)) => return scale_out::scheduler(arguments, console),
        Some(CostCommand::Executor(arguments)) => return scale_out::executor(arguments, console),
        None => {}
    }
    match (&arguments.query, arguments.what) {
        (Some(query), What::Sql) => return sql::run(arguments, query, console),
        (None, What::Sql) => {
            let example = "such as: supercargo cost sql --store DIR \"show tables\"";
            return Err(Failure::new("no query").with_help(example));
        }
        (Some(query), _) => {
            let problem = format!("{} is one word too many", printable(query));
            return Err(Failure::new(problem).with_help("only `cost sql` takes a query"));
        }
        (None, _) => {}
    }
    if arguments.what == What::Upload {
        return bucket::upload(arguments, console);
    }
    if arguments.output == Format::Focus {
        let (text, warnings) = focus(arguments)?;
        warn(&warnings, console);
        deliver(arguments, &text)?;
        return Ok(found(text.lines().count() < 2, arguments, console));
    }
    if arguments.what == What::Rows {
        return rows(arguments, console);
    }
    if arguments.what == What::Assets {
        return assets(arguments, console);
    }
    let answer = ask(arguments, Subject::Allocation, &query(arguments))?;
    warn(&answer.warnings, console);
    if arguments.output == Format::Json {
        deliver(arguments, &format!("{:#}\n", answer.data))?;
        return Ok(Exit::Success);
    }
    let mut rows = cost_rows(&answer.data);
    if arguments.what == What::Idle {
        rows.retain(CostRow::is_special);
    }
    // keys come by name; the dearest are what people look for
    rows.sort_by(|one, other| other.total.cmp(&one.total).then_with(|| one.name.cmp(&other.name)));
    if arguments.output == Format::Parquet {
        parquet::costs(arguments, &rows, &by(arguments), &answer.data)?;
        return Ok(found(rows.is_empty(), arguments, console));
    }
    let text = match (arguments.output, arguments.what) {
        (Format::Csv, _) => csv::costs(&rows),
        (_, What::Report) => tables::report(&rows, &by(arguments)),
        (_, What::Efficiency) => tables::efficiency(&rows),
        (format, _) => tables::costs(&rows, format == Format::Wide),
    };
    deliver(arguments, &text)?;
    if arguments.what == What::Report && arguments.output != Format::Csv {
        remark(arguments, &rows, console)?;
    }
    Ok(found(rows.is_empty(), arguments, console))
}

fn assets(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let answer = ask(arguments, Subject::Assets, &query(arguments))?;
    warn(&answer.warnings, console);
    if arguments.output == Format::Json {
        deliver(arguments, &format!("{:#}\n", answer.data))?;
        return Ok(Exit::Success);
    }
    let rows = asset_rows(&answer.data);
    match arguments.output {
        Format::Parquet => parquet::assets(arguments, &rows, &answer.data)?,
        Format::Csv => deliver(arguments, &csv::assets(&rows))?,
        _ => deliver(arguments, &tables::assets(&rows))?,
    }
    Ok(found(rows.is_empty(), arguments, console))
}

/// The rows of every hour, as they come.
fn rows(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let failed = |error: SheetError| Failure::new(error.to_string());
    let mut count = 0;
    let warnings = match arguments.output {
        Format::Csv => {
            let mut outlet = None;
            let warnings = hourly_rows(arguments, &mut |sheet| {
                count += sheet.rows();
                match &mut outlet {
                    Some(outlet) => Outlet::text(outlet, &csv_lines(sheet)),
                    none => none.insert(Outlet::open(arguments)?).text(&csv_header(sheet)),
                }
            })?;
            outlet.map_or(Ok(()), Outlet::close)?;
            warnings
        }
        Format::Parquet => {
            let mut writer: Option<SheetWriter<Outlet>> = None;
            let warnings = hourly_rows(arguments, &mut |sheet| {
                count += sheet.rows();
                match &mut writer {
                    Some(writer) => writer.write(sheet).map_err(failed),
                    none => {
                        *none = Some(SheetWriter::new(Outlet::open(arguments)?, sheet).map_err(failed)?);
                        Ok(())
                    }
                }
            })?;
            if let Some(writer) = writer {
                writer.close().map_err(failed)?.close()?;
            }
            warnings
        }
        _ => {
            let problem = "hourly rows are for programs, not for people";
            return Err(Failure::new(problem).with_help("give -o csv, or -o parquet with --out FILE"));
        }
    };
    warn(&warnings, console);
    Ok(found(count == 0, arguments, console))
}

fn found(nothing: bool, arguments: &Arguments, console: &Console) -> Exit {
    if nothing {
        console.note(format_args!("nothing is known of the window {}", printable(&arguments.window)));
        return Exit::Incomplete;
    }
    Exit::Success
}

/// By what costs are added up.
fn by(arguments: &Arguments) -> Vec<String> {
    if !arguments.by.is_empty() {
        return arguments.by.clone();
    }
    let words: &[&str] = if arguments.what == What::Report { &["team", "namespace"] } else { &["namespace"] };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The question as a query string of the API.
fn query(arguments: &Arguments) -> String {
    let share = arguments.share.contains(&Share::Idle);
    let by = by(arguments).join(",");
    let mut pairs = vec![("window", arguments.window.as_str())];
    if arguments.what != What::Assets {
        pairs.extend([("aggregate", by.as_str()), ("accumulate", "true"), ("decimals", "9")]);
        pairs.push(("includeIdle", "true"));
        if share {
            pairs.push(("shareIdle", "true"));
        }
        if arguments.what == What::Idle {
            pairs.extend([("idleByNode", "true"), ("splitIdle", "true")]);
        }
    } else if !arguments.by.is_empty() {
        pairs.push(("aggregate", by.as_str()));
    }
    pairs.extend(arguments.filter.as_deref().map(|filter| ("filter", filter)));
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs);
    text.finish()
}

fn warn(warnings: &[String], console: &Console) {
    for warning in warnings {
        console.note(format_args!("{} {}", console.error_paint().warning("warning:"), printable(warning)));
    }
}

/// What to know about a report: where the prices come from, and what nobody has put a name on.
fn remark(arguments: &Arguments, rows: &[CostRow], console: &Console) -> Result<(), Failure> {
    let assets = ask(
        arguments,
        Subject::Assets,
        &query(&Arguments { what: What::Assets, by: Vec::new(), filter: None, ..arguments.clone() }),
    )?;
    for line in remarks(rows, &asset_rows(&assets.data), &by(arguments)) {
        console.note(printable(&line));
    }
    Ok(())
}

fn remarks(rows: &[CostRow], assets: &[AssetRow], by: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let decimals = tables::decimals(assets.iter().map(|asset| asset.total).sum());
    let mut sources: BTreeMap<&str, Money> = BTreeMap::new();
    for asset in assets.iter().filter(|asset| !asset.source.is_empty()) {
        *sources.entry(&asset.source).or_default() += asset.total;
    }
    if !sources.is_empty() {
        let parts: Vec<String> =
            sources.iter().map(|(source, cost)| format!("{source} {cost:.decimals$}")).collect();
        lines.push(format!("prices: {}", parts.join(", ")));
    }
    for (place, part) in by.iter().enumerate() {
        let unnamed = |row: &&CostRow| {
            !row.is_special() && row.name.splitn(by.len(), '/').nth(place) == Some("__unallocated__")
        };
        let cost: Money = rows.iter().filter(unnamed).map(|row| row.total).sum();
        if !cost.is_zero() {
            lines.push(format!("without {part}: {cost:.decimals$}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, dollars: i64) -> CostRow {
        CostRow { name: name.to_owned(), total: Money::from_dollars(dollars), ..CostRow::default() }
    }

    #[test]
    fn a_report_says_what_has_no_team_and_how_it_is_priced() {
        let asset = |source: &str, dollars| AssetRow {
            kind: "Node".to_owned(),
            cluster: String::new(),
            name: String::new(),
            model: String::new(),
            hours: 1.0,
            total: Money::from_dollars(dollars),
            source: source.to_owned(),
        };
        let rows = [row("__unallocated__/shop", 5), row("media/batch", 2), row("__idle__", 9)];
        let by = ["team".to_owned(), "namespace".to_owned()];
        let lines = remarks(&rows, &[asset("list", 10), asset("estimate", 5), asset("list", 1)], &by);
        assert_eq!(lines, ["prices: estimate $5.00, list $11.00", "without team: $5.00"]);
    }
}
