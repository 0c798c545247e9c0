//! A ledger in a bucket, against moto, which stands in for S3: nothing is lost, nothing counts twice.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../cost/tests/made_up/mod.rs"]
mod made_up;
#[path = "../../cost/tests/scratch/mod.rs"]
mod scratch;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use supercargo_cost::facts::HourFacts;
use supercargo_cost::{Interval, Store};
use supercargo_cost_bucket::{Bucket, BucketError, Fetched};
use supercargo_kubectl_venv::OBJECT_STORE;

use scratch::Scratch;

const ALL: Interval = Interval::new(0, 10 * 86_400);
const DAY: i64 = 86_400;

/// What the store in a directory holds.
fn facts(directory: &Scratch) -> Vec<HourFacts> {
    let loaded = directory.store().load(ALL).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.hours
}

/// moto, ended with the test.
struct Moto {
    process: Child,
    port: u16,
}

impl Moto {
    fn start() -> Moto {
        let bin = OBJECT_STORE.bin(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(bin.join("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // it says where it listens when it does
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Running on") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "moto ended");
        }
        // what it says of requests goes nowhere
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Moto { process, port }
    }

    /// Runs a line of Python with a client of S3 called `s3`.
    fn python(&self, line: &str) {
        let bin = OBJECT_STORE.bin(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let client = format!(
            "import boto3; s3 = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', region_name='us-east-1', \
             aws_access_key_id='key', aws_secret_access_key='secret'); {line}",
            self.port
        );
        let output = Command::new(bin.join("python")).args(["-c", &client]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn bucket(&self, address: &str) -> Bucket {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        Bucket::with_options(
            address,
            [
                ("aws_endpoint", endpoint.as_str()),
                ("aws_allow_http", "true"),
                ("aws_region", "us-east-1"),
                ("aws_access_key_id", "key"),
                ("aws_secret_access_key", "secret"),
            ],
        )
        .unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn commit(store: &Store, day: i64) {
    for hour in made_up::hours() {
        for cluster in made_up::CLUSTERS {
            let mut facts = made_up::facts(7, cluster, hour + day * DAY);
            facts.hour = hour + day * DAY;
            store.commit(&facts).unwrap();
        }
    }
}

fn parquet_files(directory: &Path) -> usize {
    let mut open = vec![directory.to_owned()];
    let mut count = 0;
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            count += usize::from(path.extension().is_some_and(|extension| extension == "parquet"));
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    count
}

/// One process for all of it: starting the stand-in takes the most time.
#[test]
fn a_ledger_goes_up_and_comes_down_as_it_was() {
    let moto = Moto::start();
    moto.python("s3.create_bucket(Bucket='costs')");
    let local = Scratch::new();
    let store = Store::open(&local.0).unwrap();
    commit(&store, 0);
    commit(&store, 1);
    fs::create_dir_all(local.0.join("prices")).unwrap();
    fs::write(local.0.join("prices/spot-history.csv"), "prices\n").unwrap();
    let bucket = moto.bucket("s3://costs/team/ledger");

    let first = bucket.upload(&local.0).unwrap();
    assert_eq!((first.stretches, first.there, first.removed), (16, 0, 0), "{first:?}");
    assert!(first.bytes > 0 && first.problems.is_empty());
    let again = bucket.upload(&local.0).unwrap();
    assert_eq!((again.stretches, again.there), (0, 16), "done twice it changes nothing");

    let cold = Scratch::new();
    let fetched = bucket.fetch(ALL, &cold.0).unwrap();
    assert_eq!((fetched.stretches, fetched.bytes, fetched.there), (16, first.bytes, 0));
    assert_eq!(facts(&cold), facts(&local));
    assert_eq!(fs::read(cold.0.join("prices/spot-history.csv")).unwrap(), b"prices\n");
    assert_eq!(bucket.fetch(ALL, &cold.0).unwrap(), Fetched { stretches: 0, bytes: 0, there: 16 });

    let second_day = Scratch::new();
    let fetched = bucket.fetch(Interval::new(DAY, 2 * DAY), &second_day.0).unwrap();
    assert_eq!(fetched.stretches, 8, "only the days of the window");

    // a day that is over takes the place of its hours
    store.compact(DAY).unwrap();
    let third = bucket.upload(&local.0).unwrap();
    assert_eq!((third.stretches, third.there, third.removed), (2, 8, 8), "{third:?}");
    let colder = Scratch::new();
    assert_eq!(bucket.fetch(ALL, &colder.0).unwrap().stretches, 10);
    assert_eq!(facts(&colder), facts(&local));
    assert_eq!(parquet_files(&colder.0), 60);
    // and where the hours were, too: they count once
    bucket.fetch(ALL, &cold.0).unwrap();
    assert_eq!(facts(&cold), facts(&local));

    // an hour that was written again is put up again
    let mut changed = made_up::facts(8, "east", 0);
    changed.hour = DAY;
    store.commit(&changed).unwrap();
    assert_eq!(bucket.upload(&local.0).unwrap().stretches, 1);

    // what a directory forgets a bucket keeps
    let before = facts(&local);
    store.retain_from(DAY).unwrap();
    assert_eq!(bucket.upload(&local.0).unwrap().removed, 0);
    let kept = Scratch::new();
    bucket.fetch(ALL, &kept.0).unwrap();
    assert_eq!(facts(&kept), before);

    // an object that is not whole is told
    let object = "team/ledger/nodes/cluster=east/day=1970-01-01/day.parquet";
    moto.python(&format!("s3.put_object(Bucket='costs', Key='{object}', Body=b'x')"));
    let damaged = Scratch::new();
    let error = bucket.fetch(ALL, &damaged.0).unwrap_err();
    assert!(matches!(error, BucketError::Damaged { .. }), "{error}");
    assert!(moto.bucket("s3://nothing-there").fetch(ALL, &damaged.0).is_err());
}

#[test]
fn an_address_names_a_bucket() {
    for address in ["", "s3://", "s3:///x", "costs", "https://costs", "s3://costs/../x"] {
        assert!(matches!(Bucket::open(address), Err(BucketError::Address(_))), "{address}");
    }
}
