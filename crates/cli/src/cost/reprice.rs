//! `supercargo cost reprice`: new prices for what is in the ledger. Facts stay as they are.

use std::path::{Path, PathBuf};

use clap::Args;
use supercargo_cost::interval::{Interval, rfc3339};
use supercargo_cost::prices::files::{Bill, read_bill, read_price_file};
use supercargo_cost::prices::{Observed, PriceFolder, Reconciliation, reconcile};
use supercargo_cost::{Ledger, Money, PriceBook, Store};

use super::book::prices_beside;
use crate::columns::{new_table, written};
use crate::console::{Console, printable};
use crate::exit::{Exit, Failure};
use crate::place;

const DAY: i64 = 86_400;

/// Price a ledger anew, by price files and bills.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Keeps price files and bills beside a ledger, in DIR/prices, each as a new version: every answer about the past and the \
                  future follows them from then on, without a metric being read again. What a bill says a machine cost is divided by the time \
                  that the ledger knows the machine, so that the totals are the bill's. Without a file, the rates of all bills are made anew \
                  from the facts as they are now.",
    after_help = "Examples:\n  \
                  supercargo cost reprice --store ledger --prices negotiated.csv\n  \
                  supercargo cost reprice --store ledger --bill cur-2026-03.csv.gz\n\n\
                  Exit codes: 0 the prices are kept; 1 the ledger knows none of the bill's machines; 2 the input is wrong."
)]
pub struct RepriceArguments {
    /// The directory of the ledger
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Price files: a list, OpenCost's list, a spot data feed, a spot history, prices of units
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub prices: Vec<PathBuf>,
    /// Bills: a cost and usage report, FOCUS, or start,end,resource,cost
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub bill: Vec<PathBuf>,
    /// The region whose list prices hold where nothing else does
    #[arg(long, value_name = "REGION", default_value = place::DEFAULT_REGION)]
    pub region: String,
}

/// What there is to work with.
struct Work<'a> {
    store: &'a Store,
    arguments: &'a RepriceArguments,
    console: &'a Console,
}

/// The prices that hold now, and what of them could not be read.
fn book_beside(store: &Store, arguments: &RepriceArguments) -> Result<(PriceBook, Vec<String>), Failure> {
    prices_beside(store, &arguments.store, &arguments.region, &[])
}

/// Keeps prices, and holds bills against what ran.
pub fn reprice(arguments: &RepriceArguments, console: &Console) -> Result<Exit, Failure> {
    if !arguments.store.is_dir() {
        return Err(Failure::new(format!("{} is no directory", arguments.store.display()))
            .with_help("a ledger is a directory with commits/ and log/ in it"));
    }
    let folder = PriceFolder::of(&arguments.store);
    let store = Store::open(&arguments.store).map_err(failure)?;
    // all files are read before any is kept
    let mut prices = Vec::new();
    for path in &arguments.prices {
        let bytes = read(path)?;
        let file = read_price_file(&path.display().to_string(), &bytes).map_err(failure)?;
        prices.push((path, bytes, file));
    }
    let mut bills = Vec::new();
    for path in &arguments.bill {
        let bytes = read(path)?;
        let bill = read_bill(&path.display().to_string(), &bytes).map_err(failure)?;
        bills.push((path, bytes, bill));
    }
    for (path, bytes, file) in prices {
        let version = folder.keep_prices(file.kind, &bytes).map_err(failure)?;
        console.note(format_args!("{}: version {version}", printable(&path.display().to_string())));
    }
    let work = Work { store: &store, arguments, console };
    let mut exit = Exit::Success;
    for (path, bytes, bill) in &bills {
        let found = hold(&work, bill)?;
        if found.rates.is_empty() {
            let name = path.display().to_string();
            console.note(format_args!(
                "{}: the ledger knows none of its machines; it is not kept",
                printable(&name)
            ));
            exit = Exit::Incomplete;
        } else {
            let version = folder.keep_bill(bytes, &found.rates).map_err(failure)?;
            console.note(format_args!("{}: version {version}", printable(&path.display().to_string())));
        }
        tell(&work, bill, &found)?;
    }
    if arguments.prices.is_empty() && arguments.bill.is_empty() {
        let kept = folder.bills().map_err(failure)?;
        if kept.is_empty() {
            let problem = "no bill is kept beside this ledger";
            return Err(Failure::new(problem).with_help("give --bill FILE or --prices FILE"));
        }
        for (version, bill) in &kept {
            let found = hold(&work, bill)?;
            folder.keep_rates(*version, &found.rates).map_err(failure)?;
            console.note(format_args!("version {version}: rates made anew"));
            tell(&work, bill, &found)?;
        }
    }
    Ok(exit)
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// What the ledger knows of machines in a window, at the prices there are now. A day is in memory at a time.
fn observe(work: &Work<'_>, window: Interval) -> Result<Observed, Failure> {
    let (book, mut problems) = book_beside(work.store, work.arguments)?;
    let mut observed = Observed::default();
    let mut day = window.start.div_euclid(DAY) * DAY;
    while day < window.end {
        let part = Interval::new(day, day + DAY).overlap(window);
        let loaded = work.store.load(part).map_err(failure)?;
        loaded.hours.iter().for_each(|facts| observed.note(facts, &book));
        problems.extend(loaded.problems.iter().map(|problem| problem.to_string()));
        day += DAY;
    }
    for problem in problems {
        let warning = work.console.error_paint().warning("warning:");
        work.console.note(format_args!("{warning} {}", printable(&problem)));
    }
    Ok(observed)
}

fn hold(work: &Work<'_>, bill: &Bill) -> Result<Reconciliation, Failure> {
    // a bill may be of years in which nothing ran
    let ledger = Ledger::open(work.store.clone(), PriceBook::default(), false).map_err(failure)?;
    let covered = ledger.covered();
    Ok(reconcile(bill, &observe(work, bill.window().overlap(covered))?))
}

/// Shows a bill beside the ledger, day by day, and what of it is of nothing that the ledger knows.
fn tell(work: &Work<'_>, bill: &Bill, before: &Reconciliation) -> Result<(), Failure> {
    let console = work.console;
    if !before.days.is_empty() {
        let after = hold(work, bill)?;
        let cents = |money: Money| format!("{money:.2}").replace('$', "");
        let mut table =
            new_table(&[("DAY", false), ("BILLED", true), ("LEDGER BEFORE", true), ("LEDGER NOW", true)]);
        let mut total = [Money::ZERO; 3];
        for (day, billed) in &before.days {
            let now = after.days.get(day).map_or(Money::ZERO, |day| day.before);
            let figures = [billed.billed, billed.before, now];
            total.iter_mut().zip(figures).for_each(|(total, figure)| *total += figure);
            let [billed, before, now] = figures.map(cents);
            table.add_row([rfc3339(*day).chars().take(10).collect(), billed, before, now]);
        }
        let [billed, before, now] = total.map(cents);
        table.add_row(["total".to_owned(), billed, before, now]);
        console.data(&written(&table))?;
    }
    for (sort, cost) in &before.unknown {
        console.note(format_args!(
            "billed for {} that the ledger does not know: {cost:.2}",
            printable(&format!("{sort}-…"))
        ));
    }
    for (sort, cost) in &bill.left_out {
        console.note(format_args!("of no machine: {} {cost:.2}", printable(sort)));
    }
    if !before.unbilled.is_empty() {
        let names: Vec<&str> = before.unbilled.iter().take(5).map(|name| &**name).collect();
        let more = if before.unbilled.len() > names.len() { ", …" } else { "" };
        let count = before.unbilled.len();
        console
            .note(format_args!("not on the bill: {count} machines, {}{more}", printable(&names.join(", "))));
    }
    Ok(())
}
