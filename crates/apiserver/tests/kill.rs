//! A server that is killed in the middle of its writes has, when it comes again, everything that it had answered.
//!
//! The test runs itself as the server: with `DATA_DIR` in the environment it writes there, and says on stdout what was
//! answered, until it is killed.
//! Numbers only grow, also from round to round.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::RealClock;

/// Answers that are waited for before the server is killed.
const ANSWERS: usize = 300;
/// Bytes in an object: enough that a log gives way to a snapshot now and then.
const SIZE: usize = 60_000;

fn main() {
    if let Some(directory) = std::env::var_os("DATA_DIR") {
        let round: u64 = std::env::var("ROUND").unwrap().parse().unwrap();
        return run(write_until_killed(directory.into(), round * 1_000_000));
    }
    // Names of tests and the like mean nothing to the only test there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apiserver-kill");
    let _ = std::fs::remove_dir_all(&directory);
    let mut expected = BTreeMap::new();
    for round in 0..4 {
        kill_in_mid_write(&directory, round, &mut expected);
        run(check(&directory, &expected));
        println!("test round {round}: {} objects, as they were answered ... ok", expected.len());
    }
}

fn run(task: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(task);
}

fn open(directory: PathBuf) -> (Server, Api<ConfigMap>) {
    let mut options = ServerOptions::new(Arc::new(RealClock::new()), 1);
    options.data_dir = Some(directory);
    let server = Server::new(options).unwrap();
    let maps = Api::namespaced(server.client(), "default");
    (server, maps)
}

/// Four writers, each with names of its own; a line for each answer: `NAME NUMBER`, or `NAME gone`.
async fn write_until_killed(directory: PathBuf, first: u64) {
    let (_server, maps) = open(directory);
    let writers = (0..4).map(|writer| {
        let maps = maps.clone();
        tokio::spawn(async move {
            let say = |name: &str, what: &str| {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{name} {what}").unwrap();
                out.flush().unwrap();
            };
            for number in first.. {
                let name = format!("map-{writer}-{}", number % 7);
                let data = json!({ "number": number.to_string(), "text": "x".repeat(SIZE) });
                let (params, patch) = (PatchParams::default(), json!({ "data": data }));
                let exists = maps.get_opt(&name).await.unwrap().is_some();
                if exists && number % 5 == 4 {
                    say(&name, "going");
                    maps.delete(&name, &DeleteParams::default()).await.unwrap();
                    say(&name, "gone");
                } else if exists {
                    maps.patch(&name, &params, &Patch::Merge(&patch)).await.unwrap();
                    say(&name, &number.to_string());
                } else {
                    let map = json!({ "metadata": { "name": name }, "data": data });
                    let map = serde_json::from_value(map).unwrap();
                    maps.create(&PostParams::default(), &map).await.unwrap();
                    say(&name, &number.to_string());
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// What was last answered for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Last {
    /// Written, with this number.
    Written(u64),
    /// Its deletion was asked for after it had been written with this number.
    Going(u64),
    /// Deleted.
    Gone,
}

fn kill_in_mid_write(directory: &Path, round: u64, expected: &mut BTreeMap<String, Last>) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .env("DATA_DIR", directory)
        .env("ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answers = BufReader::new(server.stdout.take().unwrap());
    for (count, line) in answers.lines().enumerate() {
        if count == ANSWERS {
            // SIGKILL. What is in the pipe by then was answered too.
            server.kill().unwrap();
        }
        // The last line may be torn.
        let line = line.unwrap();
        let Some((name, what)) = line.split_once(' ') else { continue };
        let last = match (what, expected.get(name)) {
            ("gone", _) => Last::Gone,
            ("going", Some(Last::Written(number))) => Last::Going(*number),
            (number, _) => match number.parse() {
                Ok(number) => Last::Written(number),
                Err(_) => continue,
            },
        };
        expected.insert(name.to_owned(), last);
    }
    assert!(!server.wait().unwrap().success());
}

/// Everything that was answered is there; what is newer was written and not answered any more. The next round begins with
/// what there is.
async fn check(directory: &Path, expected: &BTreeMap<String, Last>) {
    let (_server, maps) = open(directory.to_owned());
    let found: BTreeMap<String, ConfigMap> = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .map(|map| (map.metadata.name.clone().unwrap(), map))
        .collect();
    for (name, last) in expected {
        let data = found.get(name).map(|map| map.data.clone().unwrap());
        if let Some(data) = &data {
            assert_eq!(data["text"].len(), SIZE, "{name} is whole");
        }
        let number = data.map(|data| data["number"].parse::<u64>().unwrap());
        match last {
            Last::Written(written) => assert!(number >= Some(*written), "{name}: {last:?}, {number:?}"),
            Last::Going(written) => assert!(number.is_none() || number >= Some(*written), "{name}: {last:?}"),
            Last::Gone => {}
        }
    }
}
