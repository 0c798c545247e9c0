//! The command itself.

use jiff::tz::TimeZone;
use supercargo_catalog::Catalog;
use supercargo_catalog::query::InstanceTypeList;
use supercargo_clock::{Clock, RealClock};

use super::arguments::{Arguments, Format};
use super::question::question;
use super::{csv, table};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::figures::count;
use crate::market::read_prices;

/// Asks the catalogue and prints the answer.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let catalog = Catalog::embedded();
    let overrides = arguments.prices.as_deref().map(|path| read_prices(path, catalog)).transpose()?;
    let mut query = question(arguments, catalog, console)?;
    let today = RealClock::new().now().to_zoned(TimeZone::UTC).date();
    query.overrides = overrides.as_ref().map(|overrides| (overrides, today));
    let answer = query.answer();
    let shown = answer.shown(arguments.limit);
    let is_document = matches!(arguments.output, Format::Json | Format::Yaml);
    if !is_document && !answer.effects.is_empty() {
        console.note(table::effects(&answer, console.error_paint()));
    }
    let text = match arguments.output {
        // an empty table says nothing; the conditions do
        Format::Table | Format::Wide if shown.is_empty() => String::new(),
        Format::Table => table::types(shown, false, console.paint()),
        Format::Wide => table::types(shown, true, console.paint()),
        Format::Csv => csv::offerings(shown),
        Format::Json | Format::Yaml => {
            let list = InstanceTypeList::new(&query, &answer, arguments.limit);
            document(&list, arguments.output)?
        }
    };
    console.data(&text)?;
    let matching = count(answer.matches.len(), "type");
    let verb = if answer.matches.len() == 1 { "matches" } else { "match" };
    let limited =
        if shown.len() < answer.matches.len() { format!(", {} shown", shown.len()) } else { String::new() };
    if !is_document {
        console.note(format_args!("{matching} of {} in {} {verb}{limited}", answer.total, query.region));
    }
    Ok(if answer.matches.is_empty() { Exit::Incomplete } else { Exit::Success })
}

fn document(list: &InstanceTypeList, format: Format) -> Result<String, Failure> {
    let unwritable = |error: String| Failure::new(format!("the list cannot be written: {error}"));
    match format {
        Format::Yaml => serde_saphyr::to_string(list).map_err(|error| unwritable(error.to_string())),
        _ => serde_json::to_string_pretty(list)
            .map(|text| text + "\n")
            .map_err(|error| unwritable(error.to_string())),
    }
}
