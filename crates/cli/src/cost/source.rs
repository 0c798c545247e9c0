//! Who answers: the ledger of a directory, or a server.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::http::Request;
use jiff::Timestamp;
use serde_json::Value;
use supercargo_clock::{Clock, RealClock, VirtualClock};
use supercargo_cost::export::{Sheet, allocation_sheet};
use supercargo_cost::focus::{FocusSettings, write_focus};
use supercargo_cost::http::{CostService, ServiceSettings, allocation_data, asset_data};
use supercargo_cost::ledger::PricedHour;
use supercargo_cost::query::{Parameters, parse_window};
use supercargo_cost::{Interval, Ledger, PriceBook, Store};

use super::arguments::Arguments;
use super::book::{prices_beside, prices_of_region};
use super::{PORT, bucket, recording};
use crate::exit::Failure;

/// An answer: data, and what its maker warns of.
pub struct Answer {
    pub data: Value,
    pub warnings: Vec<String>,
}

/// Which of the API's answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Allocation,
    Assets,
}

/// Asks whomever the arguments name; `query` is a query string.
pub fn ask(arguments: &Arguments, path: Subject, query: &str) -> Result<Answer, Failure> {
    match (&arguments.from, &arguments.store) {
        (Some(url), _) => ask_server(url, path, query),
        (None, Some(directory)) => ask_store(arguments, directory, path, query),
        (None, None) => ask_server(&running(PORT)?, path, query),
    }
}

/// The address of the running cluster, if somebody listens there.
fn running(port: u16) -> Result<String, Failure> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let own = format!("http://{address}");
    match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
        Ok(_) => Ok(own),
        Err(error) => Err(Failure::new(format!("nobody answers for costs at {own}: {error}")).with_help(
            "start a cluster with supercargo up, or name a server with --from URL or a ledger with --store DIR",
        )),
    }
}

/// A ledger on disk, as far as the arguments' window needs it.
struct Opened {
    ledger: Ledger,
    window: Interval,
    now: Timestamp,
    problems: Vec<String>,
}

fn open(arguments: &Arguments, directory: &Path) -> Result<Opened, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let now: Timestamp = arguments.at.unwrap_or_else(|| RealClock::new().now());
    let window = parse_window(&arguments.window, now.as_second(), 0).map_err(|error| failed(&error))?;
    let fetched = bucket::directory(arguments, window)?;
    let directory = fetched.as_deref().unwrap_or(directory);
    if !directory.exists() {
        return Err(Failure::new(format!("{} is not there", directory.display()))
            .with_help("a ledger is a directory with commits/ and log/ in it, or a recording"));
    }
    if directory.is_file() {
        let prices = prices_of_region(&arguments.region, &arguments.prices)?;
        let ledger = recording::ledger_of(directory, prices)?;
        return Ok(Opened { ledger, window, now, problems: Vec::new() });
    }
    let store = Store::open(directory).map_err(|error| failed(&error))?;
    let (prices, unread) = prices_of(arguments, &store, directory)?;
    let ledger = Ledger::open(store, prices, false).map_err(|error| failed(&error))?;
    let damaged = ledger.take_problems();
    let problems = damaged.iter().map(|problem| problem.to_string()).chain(unread).collect();
    Ok(Opened { ledger, window, now, problems })
}

/// The prices of a ledger, and what of them could not be read.
pub fn prices_of(
    arguments: &Arguments,
    store: &Store,
    directory: &Path,
) -> Result<(PriceBook, Vec<String>), Failure> {
    prices_beside(store, directory, &arguments.region, &arguments.prices)
}

fn ask_store(arguments: &Arguments, directory: &Path, path: Subject, query: &str) -> Result<Answer, Failure> {
    let Opened { ledger, now, problems, .. } = open(arguments, directory)?;
    let clock = Arc::new(VirtualClock::new(now));
    let settings =
        ServiceSettings { label_aliases: arguments.labels.aliases(), ..ServiceSettings::default() };
    let service = CostService::new(Arc::new(RwLock::new(ledger)), clock, settings);
    let parameters = Parameters::read(query, &[]);
    let answer = match path {
        Subject::Allocation => allocation_data(&service, &parameters),
        Subject::Assets => asset_data(&service, &parameters),
    };
    let (data, warning) = answer.map_err(|error| Failure::new(error.to_string()))?;
    // some files are read only when they are asked about
    let later = service.ledger().take_problems();
    let problems = problems.into_iter().chain(later.iter().map(|problem| problem.to_string()));
    Ok(Answer { data, warnings: problems.chain(warning).collect() })
}

/// The FOCUS export of the ledger, and what could not be read.
pub fn focus(arguments: &Arguments) -> Result<(String, Vec<String>), Failure> {
    let Some(directory) = &arguments.store else {
        let problem = "-o focus needs the ledger itself: a server does not tell single charges";
        return Err(Failure::new(problem).with_help("give --store DIR"));
    };
    let Opened { ledger, window, problems, .. } = open(arguments, directory)?;
    let mut text = Vec::new();
    let account = arguments.account.clone();
    let settings = FocusSettings { billing_account: account.clone(), sub_account: account };
    write_focus(&ledger, window, &settings, &mut text).map_err(|error| Failure::new(error.to_string()))?;
    let later = ledger.take_problems();
    let problems = problems.into_iter().chain(later.iter().map(|problem| problem.to_string()));
    Ok((String::from_utf8_lossy(&text).into_owned(), problems.collect()))
}

/// The rows of every hour, one sheet after the other, and what could not be read. `put` gets an empty sheet first.
pub fn hourly_rows(
    arguments: &Arguments,
    put: &mut dyn FnMut(&Sheet) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let Some(directory) = &arguments.store else {
        let problem = "hourly rows need the ledger itself: a server does not tell single hours";
        return Err(Failure::new(problem).with_help("give --store DIR"));
    };
    let Opened { ledger, window, problems, .. } = open(arguments, directory)?;
    put(&allocation_sheet(0, &PricedHour::default()))?;
    for hour in ledger.hours(window) {
        for document in ledger.priced(hour, window, None) {
            put(&allocation_sheet(hour, &document))?;
        }
    }
    let later = ledger.take_problems();
    Ok(problems.into_iter().chain(later.iter().map(|problem| problem.to_string())).collect())
}

fn ask_server(url: &str, path: Subject, query: &str) -> Result<Answer, Failure> {
    let base = url.trim_end_matches('/');
    let path = match path {
        Subject::Allocation => "allocation",
        Subject::Assets => "assets",
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{base}/{path}: {error}"))
            .with_help("expected a server such as http://localhost:9003")
    };
    let (root, prefix) = split(base).ok_or_else(|| wrong(&"not a URL"))?;
    let uri = root.parse().map_err(|error: axum::http::uri::InvalidUri| wrong(&error))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| wrong(&error))?;
    let body = runtime.block_on(async {
        let client = kube::Client::try_from(kube::Config::new(uri)).map_err(|error| wrong(&error))?;
        let request = Request::get(format!("{prefix}/{path}?{query}"))
            .body(Vec::new())
            .map_err(|error| wrong(&error))?;
        client.request_text(request).await.map_err(|error| wrong(&error))
    })?;
    let mut answer: Value = serde_json::from_str(&body).map_err(|error| wrong(&error))?;
    // some servers say with status 200 that they failed
    if answer["code"].as_u64().is_some_and(|code| code != 200) {
        let message = answer["message"].as_str().unwrap_or("it failed without a reason").to_owned();
        return Err(wrong(&message));
    }
    let warning = answer["warning"].as_str().map(str::to_owned);
    Ok(Answer { data: answer["data"].take(), warnings: warning.into_iter().collect() })
}

/// `http://host:1/model` as `http://host:1` and `/model`.
pub(super) fn split(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    Some((&url[..end], &url[end..]))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn without_a_running_cluster_it_is_said_what_to_do() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(running(port).unwrap(), format!("http://127.0.0.1:{port}"));
        drop(listener);
        let failure = running(port).unwrap_err();
        let beginning = format!("nobody answers for costs at http://127.0.0.1:{port}: ");
        assert!(failure.problem.starts_with(&beginning), "{failure}");
        assert!(failure.help.unwrap().starts_with("start a cluster with supercargo up"));
    }

    #[test]
    fn a_server_may_have_a_path() {
        assert_eq!(split("http://localhost:9090/model"), Some(("http://localhost:9090", "/model")));
        assert_eq!(split("http://localhost:9003"), Some(("http://localhost:9003", "")));
        assert_eq!(split("localhost"), None);
    }
}
