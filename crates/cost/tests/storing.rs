//! The ledger on disk: nothing is lost, nothing counts twice, damage is told.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;
mod observed;
mod scratch;

use std::fs;
use std::path::Path;

use observed::{absorbed, observations, sorted};
use proptest::prelude::*;
use scratch::Scratch;
use supercargo_cost::facts::HourFacts;
use supercargo_cost::{AllocationQuery, Interval, Ledger, Store};

const ALL: Interval = Interval::new(0, 400_000);

fn loaded(path: &Path) -> Vec<HourFacts> {
    let loaded = Store::open(path).unwrap().load(ALL).unwrap();
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    loaded.hours
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn what_is_written_is_read_again(seed in any::<u64>()) {
        let scratch = Scratch::new();
        let mut expected = Vec::new();
        for hour in made_up::hours() {
            for cluster in made_up::CLUSTERS {
                let mut facts = sorted(made_up::facts(seed, cluster, hour));
                facts.gaps.push(supercargo_cost::facts::Gap { interval: Interval::new(hour, hour + 60), subject: "x".into() });
                scratch.store().commit(&facts).unwrap();
                expected.push(facts);
            }
        }
        prop_assert_eq!(loaded(&scratch.0), expected);
    }

    /// A log that is cut anywhere has all its whole records, and goes on.
    #[test]
    fn a_log_may_be_cut_anywhere(seed in any::<u64>(), cut in 0.0f64..1.0) {
        let scratch = Scratch::new();
        let observations = observations(seed, 0);
        let mut ends = vec![0];
        for observation in &observations[..4] {
            scratch.store().append(observation).unwrap();
            ends.push(fs::metadata(scratch.only("log")).unwrap().len());
        }
        let log = scratch.only("log");
        let length = (ends[4] as f64 * cut) as u64;
        fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length).unwrap();
        let whole = ends.iter().filter(|end| **end > 0 && **end <= length).count();
        let recovered = scratch.store().recover().unwrap();
        let torn = !ends.contains(&length);
        prop_assert_eq!(recovered.problems.len(), usize::from(torn));
        prop_assert_eq!(recovered.until.get("east").copied(), (whole > 0).then_some(whole as i64 * 600));
        // the lost stretches are observed again
        for observation in &observations[whole..] {
            scratch.store().append(observation).unwrap();
        }
        prop_assert_eq!(loaded(&scratch.0), vec![absorbed(&observations)]);
    }

    /// Whatever one byte of a file becomes, the answer is the same facts or a problem that names the file.
    #[test]
    fn damage_is_told(seed in any::<u64>(), file in 0usize..7, place in 0.0f64..1.0, change in 1u8..=255) {
        let scratch = Scratch::new();
        let facts = sorted(made_up::facts(seed, "east", 0));
        scratch.store().commit(&facts).unwrap();
        let path = scratch.files()[file].clone();
        let mut bytes = fs::read(&path).unwrap();
        let at = ((bytes.len() - 1) as f64 * place) as usize;
        bytes[at] ^= change;
        fs::write(&path, bytes).unwrap();
        if let Ok(loaded) = scratch.store().load(ALL)
            && path.extension().unwrap() == "parquet"
        {
            prop_assert_eq!(loaded.problems.len(), 1);
            prop_assert_eq!(&*loaded.hours[0].gaps[0].subject, "stored hour, damaged");
        }
    }
}

#[test]
fn an_hour_that_is_over_becomes_tables_and_counts_once() {
    let scratch = Scratch::new();
    let (first, second) = (observations(5, 0), observations(5, 3_600));
    for observation in first.iter().chain(&second[..2]) {
        scratch.store().append(observation).unwrap();
    }
    assert_eq!(scratch.files().iter().filter(|path| path.extension().unwrap() == "parquet").count(), 6);
    assert!(scratch.0.join("containers/cluster=east/day=1970-01-01/00.parquet").exists());
    let expected = vec![absorbed(&first), absorbed(&second[..2])];
    assert_eq!(loaded(&scratch.0), expected);
    assert_eq!(scratch.store().recover().unwrap().until["east"], 3_600 + 1_200);
    assert_eq!(loaded(&scratch.0), expected);
}

/// Killed after the commit and before the log was removed.
#[test]
fn a_log_of_a_committed_hour_is_dropped() {
    let scratch = Scratch::new();
    let observations = observations(5, 0);
    for observation in &observations[..5] {
        scratch.store().append(observation).unwrap();
    }
    let facts = absorbed(&observations[..5]);
    scratch.store().commit(&facts).unwrap();
    assert_eq!(loaded(&scratch.0), vec![facts.clone()]);
    scratch.store().recover().unwrap();
    assert!(scratch.files().iter().all(|path| path.extension().unwrap() != "log"));
    assert_eq!(loaded(&scratch.0), vec![facts]);
}

/// Files without a commit are of a process that was killed.
#[test]
fn tables_without_a_commit_do_not_count() {
    let scratch = Scratch::new();
    scratch.store().commit(&made_up::facts(5, "east", 0)).unwrap();
    fs::remove_file(scratch.only("json")).unwrap();
    assert_eq!(loaded(&scratch.0), Vec::new());
}

#[test]
fn an_observation_that_is_told_twice_counts_once() {
    let scratch = Scratch::new();
    let observations = observations(5, 0);
    for observation in [&observations[0], &observations[1], &observations[1], &observations[0]] {
        scratch.store().append(observation).unwrap();
    }
    assert_eq!(loaded(&scratch.0), vec![absorbed(&observations[..2])]);
}

#[test]
fn compaction_changes_files_and_no_answer() {
    let scratch = Scratch::new();
    for (day, hours) in [(0, 4), (1, 2)] {
        for hour in 0..hours {
            let hour = day * 86_400 + hour * 3_600;
            scratch.store().commit(&made_up::facts(9, "east", hour)).unwrap();
        }
    }
    let before = loaded(&scratch.0);
    assert_eq!(before.len(), 6);
    scratch.store().compact(86_400 + 7_200).unwrap();
    assert_eq!(loaded(&scratch.0), before);
    let tables = |day: &str| {
        let directory = scratch.0.join(format!("containers/cluster=east/day={day}"));
        fs::read_dir(directory).unwrap().count()
    };
    assert_eq!((tables("1970-01-01"), tables("1970-01-02")), (1, 2));
    // killed before the hours were removed: the day's commit covers them
    scratch.store().commit(&made_up::facts(9, "east", 0)).unwrap();
    assert_eq!(loaded(&scratch.0), before);
    scratch.store().retain_from(86_400 + 7_200).unwrap();
    assert_eq!(loaded(&scratch.0), before[4..]);
}

#[test]
fn a_later_format_is_refused() {
    let scratch = Scratch::new();
    scratch.store().commit(&made_up::facts(5, "east", 0)).unwrap();
    let commit = scratch.only("json");
    let text = fs::read_to_string(&commit).unwrap().replace("\"format\":1", "\"format\":2");
    fs::write(&commit, text).unwrap();
    let error = scratch.store().load(ALL).unwrap_err().to_string();
    assert!(error.contains("format 2, this program reads format 1"), "{error}");
}

#[test]
fn answers_from_disk_are_those_from_memory() {
    let scratch = Scratch::new();
    let memory = made_up::ledger(11);
    for facts in memory.facts(ALL) {
        scratch.store().commit(&facts).unwrap();
    }
    let mut disk = Ledger::new(made_up::prices());
    loaded(&scratch.0).into_iter().for_each(|facts| disk.insert(facts));
    let query = AllocationQuery { steps: vec![Interval::new(600, 14_000)], ..AllocationQuery::default() };
    assert_eq!(query.answer(&memory), query.answer(&disk));
}

/// An hour of containers as they are in a cluster: Deployments with replicas, hexadecimal uids, use that varies.
fn many(containers: u64, hour: i64) -> HourFacts {
    use std::sync::Arc;
    use supercargo_clock::Randomness;
    use supercargo_cost::Workload;
    use supercargo_cost::facts::{Amount, ContainerFact};
    let mut facts = HourFacts::new("east", hour);
    for index in 0..containers {
        let mut who = Randomness::from_seed(index);
        let mut random = Randomness::from_seed(index.wrapping_mul(1_000_003) ^ hour as u64);
        let app = index / 20;
        let uid = format!("{:016x}{:016x}", who.u64(), who.u64());
        let labels = [("app", format!("app-{app}")), ("team", format!("team-{}", app % 30))];
        let workload = Workload {
            cluster: "east".into(),
            node: format!("ip-10-0-{}-{}.ec2.internal", who.below(16), who.below(64)).into(),
            namespace: format!("team-{}", app % 30).into(),
            pod: format!("app-{app}-7d9f8b6c5-{:05x}", who.below(1 << 20)).into(),
            pod_uid: format!(
                "{}-{}-{}-{}-{}",
                &uid[..8],
                &uid[8..12],
                &uid[12..16],
                &uid[16..20],
                &uid[20..]
            )
            .into(),
            container: "main".into(),
            controller_kind: "deployment".into(),
            controller: format!("app-{app}").into(),
            labels: Arc::new(labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
            ..Workload::default()
        };
        let mut amount = |requested: u64| {
            let used = requested / 4 + random.below(requested / 2);
            Amount { requested, used, charged: requested }
        };
        facts.containers.push(ContainerFact {
            workload: Arc::new(workload),
            interval: Interval::hour(hour),
            cpu: amount(1_800_000_000),
            ram: amount(3_600 << 30),
            cpu_peak: 400_000 + random.below(100_000),
            ram_peak: (1 << 29) + random.below(1 << 20) * 4_096,
            measured: 3_600,
            ..ContainerFact::default()
        });
    }
    sorted(facts)
}

/// A year of a cluster has to fit on a disk: at most 60 bytes for a container and an hour, once the day is over.
#[test]
fn a_container_hour_takes_few_bytes() {
    let scratch = Scratch::new();
    let size =
        |scratch: &Scratch| scratch.files().iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();
    for hour in 0..24 {
        scratch.store().commit(&many(300, hour * 3_600)).unwrap();
    }
    let by_hours = size(&scratch) / (24 * 300);
    scratch.store().compact(86_400).unwrap();
    let by_day = size(&scratch) / (24 * 300);
    println!("{by_hours} bytes in files of an hour, {by_day} in the file of a day");
    assert!(by_day <= 60, "{by_day} bytes");
}
