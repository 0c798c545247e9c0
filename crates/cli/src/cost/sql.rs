//! `supercargo cost sql`: a query over the ledger's files.

use super::arguments::Arguments;
use crate::console::Console;
use crate::exit::{Exit, Failure};

#[cfg(not(feature = "sql"))]
pub use without::run;

#[cfg(feature = "sql")]
pub use with::run;

#[cfg(not(feature = "sql"))]
mod without {
    use super::{Arguments, Console, Exit, Failure};

    /// Says how to have it.
    pub fn run(_: &Arguments, _: &str, _: &Console) -> Result<Exit, Failure> {
        Err(Failure::new("this program was built without SQL").with_help(
            "build it with: cargo build --release --features sql\n\
             or write a file for any other engine: supercargo cost rows --store DIR -o parquet --out costs.parquet",
        ))
    }
}

#[cfg(feature = "sql")]
mod with {
    use std::path::{Path, PathBuf};

    use supercargo_cost::{Interval, PriceBook, Store};
    use supercargo_cost_sql::{Format as Written, Rows, SqlError, SqlLedger};

    use super::super::arguments::Format;
    use super::super::book::prices_of_region;
    use super::super::outlet::{Outlet, deliver};
    use super::super::source::prices_of;
    use super::super::{bucket, recording};
    use super::{Arguments, Console, Exit, Failure};
    use crate::columns::{new_table, written};
    use crate::console::printable;

    /// How many rows a table has at most.
    const SHOWN: usize = 10_000;

    /// Asks and shows.
    pub fn run(arguments: &Arguments, query: &str, console: &Console) -> Result<Exit, Failure> {
        // a query sees all hours, so all of them are got
        let all = Interval::new(0, i64::from(u32::MAX));
        let Some(directory) = bucket::directory(arguments, all)? else {
            let problem = "SQL needs the ledger itself, which a server does not give";
            return Err(Failure::new(problem).with_help("give --store DIR"));
        };
        if directory.is_file() {
            return of_a_recording(arguments, query, console, &directory);
        }
        if !directory.is_dir() {
            let problem = format!("{} is no directory", directory.display());
            return Err(Failure::new(problem)
                .with_help("a ledger is a directory with commits/ and log/ in it, or a recording"));
        }
        let store = Store::open(&directory).map_err(|error| failure(error.into(), None))?;
        let (prices, unread) = prices_of(arguments, &store, &directory)?;
        ask(arguments, query, console, store, prices, unread)
    }

    /// Asks a ledger that is made for this query and removed with it.
    fn of_a_recording(
        arguments: &Arguments,
        query: &str,
        console: &Console,
        recording: &Path,
    ) -> Result<Exit, Failure> {
        if arguments.scheduler.is_some() {
            let problem = format!("{} is a recording, which other machines do not see", recording.display());
            return Err(Failure::new(problem)
                .with_help("make a ledger of it: supercargo cost import --dump FILE --store DIR"));
        }
        let made = Made::of(recording)?;
        let store = Store::open(&made.0).map_err(|error| failure(error.into(), None))?;
        let prices = prices_of_region(&arguments.region, &arguments.prices)?;
        ask(arguments, query, console, store, prices, Vec::new())
    }

    /// The directory of a ledger that is there until this is dropped.
    struct Made(PathBuf);

    impl Made {
        fn of(recording: &Path) -> Result<Made, Failure> {
            let directory = std::env::temp_dir().join(format!("supercargo-cost-sql-{}", std::process::id()));
            let made = Made(directory);
            let store = Store::open(&made.0).map_err(|error| Failure::new(error.to_string()))?;
            recording::write(recording, &store)?;
            Ok(made)
        }
    }

    impl Drop for Made {
        fn drop(&mut self) {
            // nothing depends on what is left among temporary files
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn ask(
        arguments: &Arguments,
        query: &str,
        console: &Console,
        store: Store,
        prices: PriceBook,
        unread: Vec<String>,
    ) -> Result<Exit, Failure> {
        let opening = |error| failure(error, None);
        let ledger = match &arguments.scheduler {
            None => SqlLedger::open(store, prices).map_err(opening)?,
            Some(scheduler) => elsewhere(arguments, scheduler, store, prices)?,
        };
        let found = answer(arguments, query, console, &ledger);
        // also what came up while the query ran
        for problem in unread.into_iter().chain(ledger.problems()) {
            let warning = console.error_paint().warning("warning:");
            console.note(format_args!("{warning} {}", printable(&problem)));
        }
        found.map(|()| Exit::Success)
    }

    #[cfg(feature = "scale-out")]
    fn elsewhere(
        arguments: &Arguments,
        scheduler: &str,
        store: Store,
        prices: PriceBook,
    ) -> Result<SqlLedger, Failure> {
        let cluster = super::super::scale_out::cluster(scheduler, arguments.parts)?;
        SqlLedger::open_on(store, prices, Box::new(cluster)).map_err(|error| failure(error, None))
    }

    #[cfg(not(feature = "scale-out"))]
    fn elsewhere(_: &Arguments, _: &str, _: Store, _: PriceBook) -> Result<SqlLedger, Failure> {
        Err(Failure::new("this program was built without scale-out")
            .with_help("build it with: cargo build --release --features scale-out"))
    }

    fn answer(
        arguments: &Arguments,
        query: &str,
        console: &Console,
        ledger: &SqlLedger,
    ) -> Result<(), Failure> {
        let failed = |error: SqlError| failure(error, Some(ledger));
        let format = match arguments.output {
            Format::Csv => Written::Csv,
            Format::Json => Written::Json,
            Format::Parquet => Written::Parquet,
            Format::Table | Format::Wide => {
                let rows = ledger.rows(query, SHOWN).map_err(failed)?;
                deliver(arguments, &table(&rows))?;
                if rows.more {
                    console
                        .note(format_args!("only the first {SHOWN} rows are shown; -o csv has all of them"));
                }
                return Ok(());
            }
            Format::Focus => {
                let problem = "-o focus is no form for the answer of a query";
                return Err(Failure::new(problem).with_help("give table, csv, json or parquet"));
            }
        };
        let mut outlet = Outlet::open(arguments)?;
        ledger.write(query, format, &mut outlet).map_err(failed)?;
        outlet.close()
    }

    fn table(rows: &Rows) -> String {
        let titles: Vec<(String, bool)> =
            rows.columns.iter().map(|(name, number)| (printable(name), *number)).collect();
        let columns: Vec<(&str, bool)> =
            titles.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        let mut table = new_table(&columns);
        for row in &rows.rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        written(&table)
    }

    fn failure(error: SqlError, ledger: Option<&SqlLedger>) -> Failure {
        let failure = Failure::new(error.to_string());
        match (error, ledger) {
            (SqlError::Query(_), Some(ledger)) => failure.with_help(format!(
                "tables: {}\ntheir columns: supercargo cost sql --store DIR \"describe allocations\"",
                ledger.tables().join(", ")
            )),
            _ => failure,
        }
    }
}
