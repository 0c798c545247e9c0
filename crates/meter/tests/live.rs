//! A meter on a whole simulated cluster, in virtual time: what the ledger says is what happened.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, Time};
use supercargo_cloud_sim::{ApiOptions, Region, RegionOptions};
use supercargo_cost::http::{CostService, ServiceSettings, allocation_data};
use supercargo_cost::query::Parameters;
use supercargo_cost::{Interval, Ledger, PriceBook};
use supercargo_local::{Cluster, NewNode, PartOptions, new_node};
use supercargo_meter::{Books, MeterOptions, MeterRun, Metering, start};

const START: &str = "2026-03-02T09:00:00Z";

struct World {
    _cluster: Cluster,
    client: Client,
    time: Time,
    region: Region,
    server: Server,
    ledger: Arc<RwLock<Ledger>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn new() -> World {
        let time = Time::paused(START.parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let server = Server::new(ServerOptions::new(Arc::clone(&clock), 1)).unwrap();
        let region =
            Region::new(RegionOptions { api: ApiOptions::instant(), ..RegionOptions::new(clock, 1) });
        let parts =
            PartOptions { seed: 1, pace: 1.0, region: Some(region.clone()), events: true, readings: None };
        let cluster = Cluster::start(server.clone(), time.clone(), parts).await.unwrap();
        let book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
        let client = server.client();
        let ledger = Arc::new(RwLock::new(Ledger::new(book)));
        World { _cluster: cluster, client, time, region, server, ledger, told: Arc::default() }
    }

    /// With a node `n1` that runs, and a pod `web` that was just created.
    async fn with_a_pod() -> World {
        let world = World::new().await;
        world.create(namespace()).await;
        world.node("n1", "on-demand").await;
        world.pass(30).await;
        world.create(pod("web", "1")).await;
        world
    }

    fn measure(&self, directory: Option<&Path>) -> Metering {
        let books = match directory {
            None => Books::in_memory(Arc::clone(&self.ledger)),
            Some(directory) => self.open(directory),
        };
        let told = Arc::clone(&self.told);
        start(MeterRun {
            client: self.client.clone(),
            time: self.time.clone(),
            market: Some(Arc::new(self.region.clone())),
            books: Arc::new(books),
            told: Arc::new(move |text| told.lock().unwrap().push(text.to_owned())),
            options: MeterOptions::new("east"),
        })
    }

    fn open(&self, directory: &Path) -> Books {
        let (books, problems) = Books::open(directory, Arc::clone(&self.ledger)).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        books
    }

    async fn node(&self, name: &str, capacity_type: &str) {
        let wanted = NewNode {
            name: name.into(),
            instance_type: "m5.xlarge".into(),
            zone: "us-east-1a".into(),
            capacity_type: capacity_type.into(),
            labels: Default::default(),
            taints: Vec::new(),
            boot: Duration::from_secs(1),
        };
        let api: Api<Node> = Api::all(self.client.clone());
        api.create(&PostParams::default(), &new_node(&wanted).unwrap()).await.unwrap();
    }

    async fn create(&self, object: Value) {
        let resource = resource(&object);
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), &namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn delete_pod(&self, name: &str) {
        let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(self.client.clone(), "shop");
        api.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.time.sleep(Duration::from_secs(seconds)).await;
    }

    fn now(&self) -> i64 {
        self.time.now().as_second()
    }

    /// An answer of the API, accumulated over the day.
    fn ask(&self, aggregate: &str, more: &str) -> Value {
        let clock: Arc<dyn Clock> = Arc::new(self.time.clone());
        let service = CostService::new(Arc::clone(&self.ledger), clock, ServiceSettings::default());
        let query = format!("window=today&aggregate={aggregate}&accumulate=true&{more}");
        allocation_data(&service, &Parameters::read(&query, &[])).unwrap().0[0].take()
    }

    fn gaps(&self) -> Vec<(String, u64)> {
        let ledger = self.ledger.read().unwrap();
        let gaps = ledger.gaps(Interval::new(0, i64::MAX));
        gaps.iter().map(|(_, gap)| (gap.subject.to_string(), gap.interval.seconds())).collect()
    }
}

fn resource(object: &Value) -> ApiResource {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = kube::core::GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
    ApiResource::from_gvk(&kind)
}

fn pod(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"team": "media"},
            "annotations": {"local.supercargo.dev/cpu-usage": "0.1"}},
        "spec": {"containers": [{"name": "main", "image": "app",
            "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}], "terminationGracePeriodSeconds": 0},
    })
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"cost-center": "cc-1"}}})
}

fn dollars(row: &Value) -> f64 {
    row["totalCost"].as_f64().unwrap()
}

fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("supercargo-meter-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

#[tokio::test(start_paused = true)]
async fn a_day_of_a_cluster_costs_what_its_nodes_cost_and_goes_to_who_ran() {
    let world = World::new().await;
    let _meter = world.measure(None);
    world.create(namespace()).await;
    world.node("n1", "on-demand").await;
    world.pass(30).await;
    world.create(pod("web", "2")).await;
    world.create(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop"},
        "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "app", "command": ["sleep", "30"],
                "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}}]}}}}},
    })).await;
    world.pass(2 * 3_600).await;
    let by_controller = world.ask("controller", "includeIdle=true");
    let rows = by_controller.as_object().unwrap();
    let names: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(names, ["__idle__", "__unallocated__", "cronjob:nightly"], "{by_controller:#}");
    let total: f64 = rows.values().map(dollars).sum();
    // m5.xlarge for two hours and half a minute, its first seconds without the node and the last ones not looked at yet
    assert!((0.192 * 1.95..0.192 * 7_230.0 / 3_600.0).contains(&total), "{total}");
    let usage = rows["__unallocated__"]["cpuCoreUsageAverage"].as_f64().unwrap();
    assert!((0.05..0.5).contains(&usage), "{by_controller:#}");
    // a run every ten minutes, each a little longer than its thirty seconds
    let hours = rows["cronjob:nightly"]["cpuCoreHours"].as_f64().unwrap();
    let seconds = hours * 3_600.0 / 0.5;
    assert!((11.0 * 30.0..14.0 * 50.0).contains(&seconds), "{seconds}");
    let by_label = world.ask("label:team,label:cost-center", "");
    assert!(by_label["media/cc-1"].is_object(), "{by_label:#}");
    assert!(world.gaps().is_empty(), "{:?}", world.gaps());
    assert!(world.told.lock().unwrap().is_empty());
}

/// However seldom it is looked at: a pod that came and went between two looks is paid for to the second, and so is one that
/// took its name.
#[tokio::test(start_paused = true)]
async fn a_pod_between_two_looks_is_paid_for() {
    let world = World::new().await;
    world.create(namespace()).await;
    world.node("n1", "on-demand").await;
    world.pass(30).await;
    let _meter = world.measure(None);
    world.pass(35).await;
    world.create(pod("brief", "1")).await;
    world.pass(20).await;
    world.delete_pod("brief").await;
    world.pass(5).await;
    world.create(pod("brief", "1")).await;
    world.pass(10).await;
    world.delete_pod("brief").await;
    world.pass(60).await;
    let ledger = world.ledger.read().unwrap();
    let lives: Vec<u64> = ledger
        .facts(Interval::new(0, i64::MAX))
        .flat_map(|facts| facts.containers.iter().map(|fact| fact.interval.seconds()).collect::<Vec<_>>())
        .collect();
    assert_eq!(lives.len(), 2, "{lives:?}");
    let mut lives = lives;
    lives.sort_unstable();
    assert!((9..=11).contains(&lives[0]) && (19..=21).contains(&lives[1]), "{lives:?}");
}

#[tokio::test(start_paused = true)]
async fn a_spot_node_costs_what_the_market_says() {
    let world = World::new().await;
    let _meter = world.measure(None);
    world.node("n1", "spot").await;
    world.pass(3_700).await;
    let market = world.region.describe_spot_prices().outcome.unwrap();
    let quoted = |price: &&supercargo_cloud::SpotPrice| {
        price.instance_type == "m5.xlarge" && price.zone == "us-east-1a"
    };
    let quoted = market.iter().find(quoted).unwrap().price;
    let ledger = world.ledger.read().unwrap();
    let last = Interval::new(world.now() - 60, world.now());
    let node = ledger.facts(last).flat_map(|facts| facts.nodes.clone()).last().unwrap();
    let priced = ledger.prices().node(&node);
    assert_eq!((priced.source.as_str(), priced.price), ("spot-history", quoted));
}

/// A kubelet that does not answer is a gap, not a zero; the metrics API stands in where it can.
#[tokio::test(start_paused = true)]
async fn silence_is_a_gap() {
    let world = World::with_a_pod().await;
    world.pass(30).await;
    let refuse = || get(|| async { StatusCode::FORBIDDEN });
    world.server.mount_node_proxy(Router::new().route("/api/v1/nodes/{name}/proxy/stats/summary", refuse()));
    let meter = world.measure(None);
    world.pass(180).await;
    assert!(world.gaps().is_empty(), "the metrics API answers: {:?}", world.gaps());
    let used = world.ask("pod", "")["web"]["cpuCoreUsageAverage"].as_f64().unwrap();
    assert!(used > 0.01, "{used}");
    world.server.mount("metrics.k8s.io/v1beta1", Vec::new(), Router::new().fallback(refuse()));
    world.pass(180).await;
    let gaps = world.gaps();
    assert!(gaps.iter().all(|(subject, _)| subject == "use of node n1"), "{gaps:?}");
    let seconds: u64 = gaps.iter().map(|(_, seconds)| seconds).sum();
    assert!((120..=240).contains(&seconds), "{gaps:?}");
    let row = world.ask("pod", "")["web"].take();
    assert!(row["cpuCoreHours"].as_f64().unwrap() > 4.0 / 60.0, "requests are paid for: {row:#}");
    drop(meter);
}

/// What is on disk goes on: nothing twice, and what happened meanwhile in a cluster that goes on is a gap in what is known of
/// use, not of requests.
#[tokio::test(start_paused = true)]
async fn a_meter_that_ends_without_a_word_is_followed_by_another() {
    let directory = directory("again");
    let world = World::with_a_pod().await;
    let first = world.measure(Some(&directory));
    let began = world.now();
    world.pass(5_000).await;
    drop(first);
    world.pass(900).await;
    *world.ledger.write().unwrap() = Ledger::new(PriceBook::of_region(Catalog::embedded(), "us-east-1"));
    // whoever held the books lets go of them with its last write
    tokio::task::yield_now().await;
    let _second = world.measure(Some(&directory));
    world.pass(100).await;
    let ledger = world.ledger.read().unwrap();
    let nodes = ledger.facts(Interval::new(0, i64::MAX)).flat_map(|facts| facts.nodes.clone());
    let mut stretches: Vec<Interval> = nodes.map(|node| node.interval).collect();
    stretches.sort();
    let covered: u64 = stretches.iter().map(|stretch| stretch.seconds()).sum();
    let (start, end) = (stretches[0].start, stretches.last().unwrap().end);
    assert_eq!(covered, end.abs_diff(start), "every second once: {stretches:?}");
    assert!(start - began <= 1 && world.now() - end <= 61, "{start} {end}");
    drop(ledger);
    let away: u64 = world.gaps().iter().map(|(_, seconds)| seconds).sum();
    assert!((840..=1_020).contains(&away), "{:?}", world.gaps());
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Ended in order between two looks, nothing of the last minute is lost, and the next one goes on from that second.
#[rstest::rstest]
#[case::kubelets_that_answer(true)]
#[case::kubelets_that_hang(false)]
#[tokio::test(start_paused = true)]
async fn a_meter_that_is_ended_looks_once_more(#[case] answered: bool) {
    let directory = directory(if answered { "ended" } else { "ended-hanging" });
    let world = World::with_a_pod().await;
    world.pass(30).await;
    let meter = world.measure(Some(&directory));
    let began = world.now();
    world.pass(180 - began.rem_euclid(60).unsigned_abs() + 37).await;
    if !answered {
        let hang = || get(|| async { std::future::pending::<StatusCode>().await });
        world
            .server
            .mount_node_proxy(Router::new().route("/api/v1/nodes/{name}/proxy/stats/summary", hang()));
    }
    let asked = world.now();
    meter.end().await;
    assert!((0..=10).contains(&(world.now() - asked)), "{} s", world.now() - asked);
    let at_the_end = world.now();
    let open = || world.open(&directory);
    // the books are let go of
    let books = open();
    assert_eq!(books.until("east"), Some(at_the_end), "the last second is written down");
    let counted = || {
        let ledger = world.ledger.read().unwrap();
        let facts: Vec<_> = ledger.facts(Interval::new(0, i64::MAX)).collect();
        let nodes: u64 =
            facts.iter().flat_map(|facts| &facts.nodes).map(|node| node.interval.seconds()).sum();
        let web = facts.iter().flat_map(|facts| &facts.containers);
        let (there, measured) = web.fold((0, 0), |(there, measured), fact| {
            (there + fact.interval.seconds(), measured + fact.measured)
        });
        (nodes, there, measured)
    };
    let since = at_the_end.abs_diff(began);
    let (nodes, there, measured) = counted();
    assert!(nodes.abs_diff(since) <= 1 && there.abs_diff(since) <= 1, "{nodes} {there} of {since}");
    let gaps: u64 = world.gaps().iter().map(|(_, seconds)| seconds).sum();
    assert_eq!((measured + 3 > since, gaps == 0), (answered, answered), "{measured} of {since}, {gaps}");
    drop(books);
    world.pass(3).await;
    let meter = world.measure(Some(&directory));
    world.pass(70).await;
    meter.end().await;
    drop(open());
    let (nodes, there, _) = counted();
    let since = world.now().abs_diff(began);
    assert!(nodes.abs_diff(since) <= 1 && there.abs_diff(since) <= 1, "{nodes} {there} of {since}");
    std::fs::remove_dir_all(&directory).unwrap();
}

/// A disk that refuses to the last does not keep anybody from ending.
#[tokio::test(start_paused = true)]
async fn a_full_disk_does_not_hold_up_the_end() {
    let directory = directory("full-end");
    let world = World::new().await;
    world.node("n1", "on-demand").await;
    world.pass(30).await;
    let meter = world.measure(Some(&directory));
    world.pass(130).await;
    let log = directory.join("log");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    world.pass(100).await;
    let asked = world.now();
    meter.end().await;
    assert!(world.now() - asked <= 10);
    let told = world.told.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "ending: the last costs could not be written down");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_ledger_has_one_writer() {
    let directory = directory("one");
    let world = World::new().await;
    let books = world.open(&directory);
    let error = Books::open(&directory, Arc::clone(&world.ledger)).err().unwrap().to_string();
    assert!(error.ends_with(": another process writes to this ledger"), "{error}");
    drop(books);
    drop(world.open(&directory));
    std::fs::remove_dir_all(&directory).unwrap();
}

/// A disk that refuses loses nothing: what was observed is tried again, and what came meanwhile is observed then.
#[tokio::test(start_paused = true)]
async fn a_full_disk_loses_nothing() {
    let directory = directory("full");
    let world = World::new().await;
    world.create(namespace()).await;
    world.node("n1", "on-demand").await;
    world.pass(30).await;
    let began = world.now();
    let _meter = world.measure(Some(&directory));
    world.pass(130).await;
    // the log cannot be written where a file stands in the place of its directory
    let log = directory.join("log");
    let aside = directory.join("aside");
    std::fs::rename(&log, &aside).unwrap();
    std::fs::write(&log, "in the way").unwrap();
    world.pass(200).await;
    let told = world.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("costs are not written down, and tried again: "), "{told:?}");
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    world.pass(200).await;
    let ledger = world.ledger.read().unwrap();
    let nodes = ledger.facts(Interval::new(0, i64::MAX)).flat_map(|facts| facts.nodes.clone());
    let covered: u64 = nodes.map(|node| node.interval.seconds()).sum();
    let since = world.now().abs_diff(began);
    assert!(covered <= since && since - covered <= 61, "{covered} of {since}");
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Two runs from the same seed write the same bytes.
#[tokio::test(start_paused = true)]
async fn the_same_day_twice_is_the_same_ledger() {
    let mut answers = Vec::new();
    for _ in 0..2 {
        let world = World::new().await;
        let _meter = world.measure(None);
        world.create(namespace()).await;
        world.node("n1", "spot").await;
        world.pass(30).await;
        world.create(pod("web", "1")).await;
        world.pass(600).await;
        answers.push(world.ask("pod,node,controller", "includeIdle=true").to_string());
    }
    assert_eq!(answers[0], answers[1]);
}
