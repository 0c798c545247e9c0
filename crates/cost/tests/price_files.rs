//! Prices in files, and bills. (Reference sections 4.2 to 4.7.)

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rstest::rstest;
use supercargo_catalog::Catalog;
use supercargo_cost::facts::{BalancerFact, GIB, HourFacts, NodeFact, NodeHardware, VolumeFact};
use supercargo_cost::interval::Interval;
use supercargo_cost::prices::files::{Bill, PriceEntry, PriceFileKind, read_bill, read_price_file};
use supercargo_cost::prices::{Observed, PriceFolder, PriceSource, SplitMethod, reconcile};
use supercargo_cost::{Ledger, Money, PriceBook};

/// 2026-03-30T12:00:00Z.
const NOON: i64 = 1_774_872_000;

fn node(id: &str, hour: i64, seconds: i64) -> NodeFact {
    NodeFact {
        name: format!("node-{id}").into(),
        provider_id: format!("aws:///us-east-1a/{id}").into(),
        instance_type: "m5.large".into(),
        region: "us-east-1".into(),
        zone: "us-east-1a".into(),
        arch: "amd64".into(),
        interval: Interval::new(hour, hour + seconds),
        capacity: NodeHardware { millicores: 2_000, ram_bytes: 8 * GIB, milli_gpus: 0 },
        ..NodeFact::default()
    }
}

fn book(text: &str) -> PriceBook {
    let mut book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
    book.apply(&read_price_file("prices", text.as_bytes()).unwrap().entries);
    book
}

/// The price of a node, in dollars, with its source.
fn priced(book: &PriceBook, node: &NodeFact) -> String {
    let priced = book.node(node);
    format!("{} {}", priced.price.to_decimal(), priced.source)
}

fn spot(node: NodeFact) -> NodeFact {
    NodeFact { spot: true, ..node }
}

#[rstest]
#[case::of_a_type("instanceType,price\nm5.large,0.07\n", "0.07 custom")]
#[case::of_another_type("instanceType,price\nm5.xlarge,0.07\n", "0.096 list")]
#[case::of_a_plan(
    "instanceType,region,price,source\nm5.large,us-east-1,0.06,savings-plan\n",
    "0.06 savings-plan"
)]
#[case::of_another_region("instanceType,region,price\nm5.large,eu-west-1,0.06\n", "0.096 list")]
#[case::of_a_time(
    "instanceType,price,source,from,until\nm5.large,0.05,reserved-instance,2026-03-30 12:00,2026-03-30 13:00\n",
    "0.05 reserved-instance"
)]
#[case::of_a_time_before(
    "instanceType,price,source,until\nm5.large,0.05,reserved-instance,2026-03-30\n",
    "0.096 list"
)]
#[case::a_plan_before_a_reservation(
    "instanceType,price,source\nm5.large,0.05,reserved-instance\nm5.large,0.06,savings-plan\n",
    "0.06 savings-plan"
)]
#[case::of_spot_only("instanceType,capacityType,price\nm5.large,spot,0.03\n", "0.096 list")]
#[case::of_the_machine(
    "instanceType,instanceId,node,price\nm5.large,,,0.07\n,i-1,,0.02\n,,node-i-2,0.01\n",
    "0.02 custom"
)]
#[case::of_the_name("node,price\nnode-i-1,0.01\n", "0.01 custom")]
#[case::opencost_by_id(
    "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n2019-04-17 23:34:22 UTC,aws:///us-east-1a/i-1,,node,spec.providerID,m5.large,0.1337,\n",
    "0.1337 custom"
)]
#[case::opencost_by_name(
    "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n,node-i-1,,node,metadata.name,,0.1337,\n",
    "0.1337 custom"
)]
#[case::opencost_by_type(
    "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n,m5.large,us-east-1,Node,metadata.labels.node.kubernetes.io/instance-type,,0.1337,\n",
    "0.1337 custom"
)]
#[case::units_by_the_hour(r#"{"CPU": "0.01", "RAM": "0.005", "customPricesEnabled": "true"}"#, "0.06 custom")]
#[case::units_by_the_month(
    r#"{"customPricing": {"enabled": true, "costModel": {"CPU": "7.3", "RAM": 3.65}}}"#,
    "0.06 custom"
)]
#[case::units_in_our_names(
    r#"{"coreHour": "0.01", "customPricesEnabled": true, "ramGiBHour": 0.005}"#,
    "0.06 custom"
)]
#[case::units_for_what_has_no_price(r#"{"CPU": "0.01", "RAM": "0.005"}"#, "0.096 list")]
fn a_file_changes_the_price_of_a_node(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(priced(&book(text), &node("i-1", NOON, 3_600)), expected);
}

const FEED: &str = "#Version: 1.0\n#Fields: Timestamp UsageType Operation InstanceID MyBidID MyMaxPrice MarketPrice Charge Version\n\
    2026-03-30 12:10:00 UTC\tUSE1-SpotUsage:m5.large\tRunInstances:SV050\ti-1\tsir-1\t0.096 USD\t0.0345 USD\t0.0058 USD\t1\n";

/// Reference section 4.4: the charge of ten minutes is no hourly price.
#[test]
fn a_spot_feed_gives_the_market_price_of_its_hour() {
    let book = book(FEED);
    assert_eq!(priced(&book, &spot(node("i-1", NOON, 3_600))), "0.0345 spot-feed");
    assert!(priced(&book, &spot(node("i-1", NOON + 3_600, 3_600))).ends_with("estimate"));
    assert!(priced(&book, &spot(node("i-2", NOON, 3_600))).ends_with("estimate"));
}

#[test]
fn a_spot_history_holds_from_quote_to_quote() {
    let quote = |time: &str, price: &str, product: &str| {
        format!(
            r#"{{"AvailabilityZone":"us-east-1a","InstanceType":"m5.large","ProductDescription":"{product}","SpotPrice":"{price}","Timestamp":"{time}"}}"#
        )
    };
    let text = format!(
        r#"{{"SpotPriceHistory":[{},{},{}]}}"#,
        quote("2026-03-30T13:00:00.000Z", "0.040000", "Linux/UNIX"),
        quote("2026-03-30T09:00:00.000Z", "0.030000", "Linux/UNIX"),
        quote("2026-03-30T12:00:00.000Z", "0.090000", "Windows"),
    );
    let book = book(&text);
    assert_eq!(priced(&book, &spot(node("i-1", NOON, 3_600))), "0.03 spot-history");
    assert_eq!(priced(&book, &spot(node("i-1", NOON + 3_600, 3_600))), "0.04 spot-history");
    assert_eq!(priced(&book, &node("i-1", NOON, 3_600)), "0.096 list");
}

const OPENCOST: &str = "InstanceID,Region,AssetClass,InstanceIDField,MarketPriceHourly\n";

/// Reference section 4.7: a label, in a region before everywhere; upper and lower case are one.
#[rstest]
#[case::a_pool("Batch,,node,metadata.labels.karpenter.sh/nodepool,0.05\n", "0.05 custom")]
#[case::a_node_group("batch,,node,metadata.labels.eks.amazonaws.com/nodegroup,0.05\n", "0.05 custom")]
#[case::its_region_first(
    "batch,,node,metadata.labels.karpenter.sh/nodepool,0.05\nbatch,us-east-1,node,metadata.labels.karpenter.sh/nodepool,0.04\n",
    "0.04 custom"
)]
#[case::another_region("batch,eu-west-1,node,metadata.labels.karpenter.sh/nodepool,0.05\n", "0.096 list")]
#[case::another_pool("web,,node,metadata.labels.karpenter.sh/nodepool,0.05\n", "0.096 list")]
#[case::the_pool_before_the_zone(
    "us-east-1a,,node,metadata.labels.topology.kubernetes.io/zone,0.06\nbatch,,node,metadata.labels.karpenter.sh/nodepool,0.05\n",
    "0.05 custom"
)]
#[case::the_type_before_the_pool(
    "batch,,node,metadata.labels.karpenter.sh/nodepool,0.05\nM5.LARGE,,node,metadata.labels.node.kubernetes.io/instance-type,0.07\n",
    "0.07 custom"
)]
#[case::an_architecture("amd64,,node,metadata.labels.kubernetes.io/arch,0.01\n", "0.01 custom")]
fn opencosts_list_prices_nodes_by_their_labels(#[case] rows: &str, #[case] expected: &str) {
    let node = NodeFact { pool: "batch".into(), arch: "amd64".into(), ..node("i-1", NOON, 3_600) };
    assert_eq!(priced(&book(&format!("{OPENCOST}{rows}")), &node), expected);
}

/// Reference section 4.7: the price of a GPU, as often as the node has it, comes on top of the node's; a price that is of the whole
/// machine has its GPUs in it.
#[rstest]
#[case::on_top_of_the_node("Tesla-T4,,gpu,nvidia.com/gpu_type,0.5\n", 4_000, "3 custom")]
#[case::in_any_spelling("t4,,GPU,gpu.nvidia.com/class,0.5\n", 4_000, "3 custom")]
#[case::its_region_first(
    "t4,,gpu,nvidia.com/gpu_type,9\nt4,us-east-1,gpu,nvidia.com/gpu_type,0.25\n",
    4_000,
    "2 custom"
)]
#[case::another_model("a100,,gpu,nvidia.com/gpu_type,0.5\n", 4_000, "1 custom")]
#[case::another_region("t4,eu-west-1,gpu,nvidia.com/gpu_type,0.5\n", 4_000, "1 custom")]
#[case::a_node_that_shows_none("t4,,gpu,nvidia.com/gpu_type,0.5\n", 0, "1 custom")]
fn opencosts_list_prices_gpus_apart(#[case] rows: &str, #[case] milli_gpus: u64, #[case] expected: &str) {
    let mut node = NodeFact { instance_type: "g4dn.12xlarge".into(), ..node("i-1", NOON, 3_600) };
    node.capacity.milli_gpus = milli_gpus;
    let of_node = "g4dn.12xlarge,,node,metadata.labels.node.kubernetes.io/instance-type,1\n";
    assert_eq!(priced(&book(&format!("{OPENCOST}{of_node}{rows}")), &node), expected);
    // AWS's list is of whole machines
    assert_eq!(priced(&book(&format!("{OPENCOST}{rows}")), &node), "3.912 list");
}

#[test]
fn volumes_have_prices_by_name_class_and_type() {
    let text = "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n\
                ,pv-1,,pv,metadata.name,,0.0002,\n,fast,,pv,spec.storageClassName,,0.0001,\n";
    let book = book(text);
    let volume =
        |name: &str| VolumeFact { name: name.into(), storage_class: "fast".into(), ..VolumeFact::default() };
    assert_eq!(book.volume(&volume("pv-1")).gib_month.to_decimal(), "0.146");
    assert_eq!(book.volume(&volume("pv-2")).gib_month.to_decimal(), "0.073");
    assert_eq!(book.volume(&volume("pv-2")).source, PriceSource::Custom);
}

#[test]
fn a_packed_feed_is_unpacked() {
    // the text "#Version: 1.0\n…" as `gzip -n` packs it, in a stored block
    let text = FEED.as_bytes();
    let mut packed = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, b'f', 0, 1];
    packed.extend((text.len() as u16).to_le_bytes());
    packed.extend((!(text.len() as u16)).to_le_bytes());
    packed.extend(text);
    packed.extend([0; 8]);
    let file = read_price_file("feed.gz", &packed).unwrap();
    assert_eq!((file.kind, file.entries.len()), (PriceFileKind::SpotFeed, 1));
    let torn = read_price_file("feed.gz", &packed[..30]).unwrap_err().to_string();
    assert!(torn.starts_with("feed.gz:1: cannot be unpacked"), "{torn}");
}

#[rstest]
#[case::empty("", "prices:1: the file is empty; expected a line that names the columns")]
#[case::no_price(
    "instanceType,cost\nm5.large,1\n",
    "prices:1: columns instanceType,cost; expected instanceType,capacityType"
)]
#[case::bad_price(
    "instanceType,price\n\nm5.large,cheap\n",
    "prices:3: price: \"cheap\"; expected dollars per hour, such as 0.31"
)]
#[case::negative("instanceType,price\nm5.large,-1\n", "prices:2: price: \"-1\"; expected dollars")]
#[case::bad_source(
    "instanceType,price,source\nm5.large,1,bill\n",
    "prices:2: source: \"bill\"; expected custom, spot-feed"
)]
#[case::bad_time(
    "instanceType,price,from\nm5.large,1,soon\n",
    "prices:2: from: \"soon\"; expected a time such as"
)]
#[case::no_machine(
    "instanceType,price\n,1\n",
    "prices:2: instanceType: is missing; expected such as m7i.2xlarge"
)]
#[case::open_quote("instanceType,price\n\"m5,1\n", "prices:2: a quote is not closed")]
#[case::too_many_cells("instanceType,price\nm5.large,1,2\n", "prices:2: 3 cells for 2 columns")]
#[case::opencost_label(
    "InstanceID,AssetClass,InstanceIDField,MarketPriceHourly\nx,node,metadata.labels.foo,1\n",
    "prices:2: InstanceIDField: \"metadata.labels.foo\"; expected metadata.name, spec.providerID"
)]
#[case::opencost_annotation(
    "InstanceID,AssetClass,InstanceIDField,MarketPriceHourly\nx,node,metadata.annotations.karpenter.sh/nodepool,1\n",
    "prices:2: InstanceIDField: \"metadata.annotations.karpenter.sh/nodepool\"; expected metadata.name, spec.providerID"
)]
#[case::opencost_class(
    "InstanceID,AssetClass,InstanceIDField,MarketPriceHourly\nx,disk,metadata.name,1\n",
    "prices:2: AssetClass: \"disk\"; expected node, pv or gpu"
)]
#[case::feed_version("#Version: 2.0\n", "prices:1: #Version: 2.0; expected 1.0")]
#[case::feed_header(
    "#Version: 1.0\n2026-03-30 12:00:00 UTC\tx\n",
    "prices:2: a line before the names of the fields"
)]
#[case::feed_price(
    "#Version: 1.0\n#Fields: Timestamp InstanceID MarketPrice\n2026-03-30 12:00:00 UTC\ti-1\tfree\n",
    "prices:3: MarketPrice: \"free\""
)]
#[case::history(
    "{\"SpotPriceHistory\":[{\"InstanceType\":\"m5.large\",\"AvailabilityZone\":\"us-east-1a\",\"SpotPrice\":1,\"Timestamp\":\"2026-03-30\"}]}",
    "SpotPriceHistory[1].SpotPrice: 1; expected such as"
)]
#[case::unit("{\n\"CPU\": \"much\"}", "prices:2: CPU: much; expected dollars")]
#[case::unknown_unit("{\n\n\"cpuHour\": \"1\"}", "prices:3: cpuHour: is not known; expected coreHour")]
#[case::currency("{\"currencyCode\": \"EUR\"}", "prices:1: currencyCode: EUR; expected USD")]
#[case::discount("{\"discount\": \"30%\"}", "prices:1: discount: 30%; expected 0%")]
#[case::broken_json("{\"CPU\": ", "prices:1: EOF while parsing")]
#[case::nothing("{}", "prices:1: no prices")]
fn bad_files_are_answered_with_line_and_field(#[case] text: &str, #[case] problem: &str) {
    let error = read_price_file("prices", text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains(problem), "{error}");
}

/// Three machines at noon: one whole hour, one that joined late, one that is not on the bill.
fn hours() -> Vec<HourFacts> {
    let mut noon = HourFacts::new("east", NOON);
    noon.nodes = vec![node("i-1", NOON, 3_600), node("i-2", NOON + 900, 2_700), node("i-3", NOON, 3_600)];
    let mut later = HourFacts::new("east", NOON + 3_600);
    later.nodes = vec![node("i-1", NOON + 3_600, 3_600), node("i-2", NOON + 3_600, 600)];
    vec![noon, later]
}

fn observed(book: &PriceBook) -> Observed {
    let mut observed = Observed::default();
    hours().iter().for_each(|facts| observed.note(facts, book));
    observed
}

fn cost_of(book: PriceBook, id: &str) -> Money {
    let mut ledger = Ledger::new(book);
    hours().into_iter().for_each(|facts| ledger.insert(facts));
    let window = Interval::new(NOON, NOON + 7_200);
    let assets = window.hours().flat_map(|hour| ledger.priced(hour, window, None)).collect::<Vec<_>>();
    let of_id = |hour: &std::sync::Arc<supercargo_cost::ledger::PricedHour>| -> Money {
        hour.assets.iter().filter(|asset| asset.provider_id.ends_with(id)).map(|asset| asset.cost).sum()
    };
    assets.iter().map(of_id).sum()
}

const PLAIN: &str = "start,end,resource,cost\n\
    2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,i-1,0.07\n\
    2026-03-30T13:00:00Z,2026-03-30T14:00:00Z,i-1,0.06\n\
    2026-03-30,2026-03-31,arn:aws:ec2:us-east-1:1:instance/i-2,0.0913\n\
    2026-03-30,2026-03-31,vol-1,0.5\n";

const USAGE_REPORT: &str = "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ResourceId,lineItem/UnblendedCost,reservation/EffectiveCost,savingsPlan/SavingsPlanEffectiveCost,lineItem/CurrencyCode\n\
    Usage,2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,i-1,0.0500000000,,,USD\n\
    Usage,2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,i-1,0.0200000000,,,USD\n\
    DiscountedUsage,2026-03-30T13:00:00Z,2026-03-30T14:00:00Z,i-1,0,0.0600000000,,USD\n\
    SavingsPlanCoveredUsage,2026-03-30T00:00:00Z,2026-03-31T00:00:00Z,i-2,0.2,,0.0913,USD\n\
    Usage,2026-03-30T00:00:00Z,2026-03-31T00:00:00Z,vol-1,0.5,,,USD\n\
    Tax,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,,12.5,,,USD\n\
    SavingsPlanNegation,2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,i-2,-0.2,,,USD\n";

const FOCUS: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,ResourceId\n\
    0.07,USD,Usage,2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,0.07,i-1\n\
    0,USD,Usage,2026-03-30T13:00:00Z,2026-03-30T14:00:00Z,0.06,i-1\n\
    0.2,USD,Usage,2026-03-30T00:00:00Z,2026-03-31T00:00:00Z,0.0913,i-2\n\
    0.5,USD,Usage,2026-03-30T00:00:00Z,2026-03-31T00:00:00Z,0.5,vol-1\n\
    12.5,USD,Tax,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z,12.5,\n";

/// The ledger's total of every machine is the bill's, whatever the bill is written in, and however long the ledger knew
/// the machine.
#[rstest]
#[case::plain(PLAIN)]
#[case::usage_report(USAGE_REPORT)]
#[case::focus(FOCUS)]
fn a_late_bill_prices_the_past_anew_and_the_totals_are_the_bills(#[case] text: &str) {
    let mut book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
    let before = cost_of(book.clone(), "i-1");
    assert_eq!(before, Money::from_nanos(192_000_000));
    let bill = read_bill("bill", text.as_bytes()).unwrap();
    let found = reconcile(&bill, &observed(&book));
    assert_eq!(found.rates.len(), 3);
    let version = book.version();
    book.add_bill_rates(&found.rates);
    assert!(book.version() > version);
    assert_eq!(cost_of(book.clone(), "i-1"), Money::from_nanos(130_000_000));
    // 3,300 seconds in two facts: each is rounded down to a billionth
    let late = cost_of(book.clone(), "i-2");
    assert!((late.nanos() - 91_300_000).abs() <= 2, "{late}");
    assert_eq!(cost_of(book.clone(), "i-3"), Money::from_nanos(96_000_000));
    assert_eq!(found.unbilled, ["i-3".into()]);
    assert_eq!(found.unknown, [("vol".to_owned(), Money::from_nanos(500_000_000))].into());
    let day = found.days.values().next().unwrap();
    assert_eq!((day.billed, day.before), (Money::from_nanos(221_300_000), Money::from_nanos(280_000_000)));
    assert_eq!(book.node(&node("i-1", NOON, 3_600)).source, PriceSource::Bill);
}

/// Volumes are on bills by their handles, load balancers by their names; both become what was billed, and it is said so.
#[test]
fn a_bill_prices_volumes_and_load_balancers_too() {
    let mut facts = HourFacts::new("east", NOON);
    facts.volumes = vec![VolumeFact {
        name: "pv-1".into(),
        provider_id: "vol-1".into(),
        bytes: 100 * GIB,
        volume_type: "gp3".into(),
        interval: Interval::hour(NOON),
        ..VolumeFact::default()
    }];
    let balancer = |service: &str, address: &str| BalancerFact {
        namespace: "shop".into(),
        service: service.into(),
        address: address.into(),
        interval: Interval::hour(NOON),
        ..BalancerFact::default()
    };
    facts.balancers = vec![
        balancer("front", "internal-front-123.us-east-1.elb.amazonaws.com"),
        balancer("other", "other-50dc.elb.us-east-1.amazonaws.com"),
    ];
    let text = "start,end,resource,cost\n\
        2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,arn:aws:ec2:us-east-1:1:volume/vol-1,0.02\n\
        2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,vol-2,0.03\n\
        2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front/50dc,0.04\n\
        2026-03-30T12:00:00Z,2026-03-30T13:00:00Z,arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/nobodys/1,0.05\n";
    let bill = read_bill("bill", text.as_bytes()).unwrap();
    let mut book = PriceBook::of_region(Catalog::embedded(), "us-east-1");
    let mut observed = Observed::default();
    observed.note(&facts, &book);
    let found = reconcile(&bill, &observed);
    let unknown: Vec<_> =
        found.unknown.iter().map(|(sort, cost)| (sort.as_str(), cost.to_decimal())).collect();
    assert_eq!(unknown, [("loadbalancer", "0.05".to_owned()), ("vol", "0.03".to_owned())]);
    assert!(found.unbilled.is_empty(), "machines only: {:?}", found.unbilled);
    book.add_bill_rates(&found.rates);
    let mut ledger = Ledger::new(book);
    ledger.insert(facts);
    let priced = ledger.priced(NOON, Interval::hour(NOON), None);
    let of = |name: &str| {
        let asset = priced[0].assets.iter().find(|asset| &*asset.name == name).unwrap();
        format!("{} {}", asset.cost.to_decimal(), asset.source)
    };
    assert_eq!(
        [of("pv-1"), of("shop/front"), of("shop/other")],
        ["0.02 bill".to_owned(), "0.04 bill".to_owned(), "0.025 list".to_owned()]
    );
    let paid: Money = priced[0].assets.iter().map(|asset| asset.cost).sum();
    let carried: Money = priced[0].rows.iter().map(|(_, row)| row.total()).sum();
    assert_eq!(paid, carried);
    let sources = priced[0].rows.iter().flat_map(|(_, row)| row.sources.iter());
    assert!(sources.into_iter().any(|source| source == PriceSource::Bill));
}

#[test]
fn what_is_of_no_resource_is_left_out_and_told() {
    let bill = read_bill("bill", USAGE_REPORT.as_bytes()).unwrap();
    let told: Vec<_> = bill.left_out.iter().map(|(sort, cost)| (sort.as_str(), cost.to_decimal())).collect();
    assert_eq!(told, [("SavingsPlanNegation", "-0.2".to_owned()), ("Tax", "12.5".to_owned())]);
    assert_eq!(bill.lines.len(), 4);
}

#[rstest]
#[case::no_bill("a,b\n1,2\n", "bill:1: columns a,b; expected lineItem/UsageStartDate")]
#[case::no_cost("start,end,resource\n", "bill:1: cost: the column is missing")]
#[case::bad_cost(
    "start,end,resource,cost\n2026-01-01,2026-01-02,i-1,free\n",
    "bill:2: cost: \"free\"; expected an amount"
)]
#[case::bad_time(
    "start,end,resource,cost\nnow,2026-01-02,i-1,1\n",
    "bill:2: start: \"now\"; expected a time"
)]
#[case::backwards(
    "start,end,resource,cost\n2026-01-02,2026-01-01,i-1,1\n",
    "bill:2: end: \"2026-01-01\"; expected a time after"
)]
#[case::currency(
    "start,end,resource,cost,currency\n2026-01-01,2026-01-02,i-1,1,EUR\n",
    "bill:2: currency: EUR; expected USD"
)]
#[case::nothing("start,end,resource,cost\n2026-01-01,2026-01-02,,1\n", "bill:1: no line is of a resource")]
fn bad_bills_are_answered_with_line_and_field(#[case] text: &str, #[case] problem: &str) {
    let error = read_bill("bill", text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains(problem), "{error}");
}

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn prices_beside_a_ledger_are_versions_and_later_ones_correct_earlier_ones() {
    let directory = scratch("price-folder");
    let folder = PriceFolder::of(&directory);
    let mut book = PriceBook::default();
    assert_eq!((folder.version().unwrap(), folder.enter(&mut book).unwrap().len()), (0, 0));
    assert_eq!(folder.keep_prices(PriceFileKind::List, b"instanceType,price\nm5.large,0.07\n").unwrap(), 1);
    assert_eq!(folder.keep_prices(PriceFileKind::List, b"instanceType,price\nm5.large,0.05\n").unwrap(), 2);
    let bill = read_bill("bill", PLAIN.as_bytes()).unwrap();
    let found = reconcile(&bill, &observed(&book));
    assert_eq!(folder.keep_bill(PLAIN.as_bytes(), &found.rates).unwrap(), 3);
    assert!(folder.enter(&mut book).unwrap().is_empty());
    assert_eq!(priced(&book, &node("i-9", NOON, 3_600)), "0.05 custom");
    assert_eq!(priced(&book, &node("i-1", NOON, 3_600)), "0.07 bill");
    assert_eq!(folder.bills().unwrap(), [(3, bill)]);
    // a damaged file is told and passed over
    std::fs::write(directory.join("prices/0003-bill.rates"), "{\"instance\":1}\n").unwrap();
    let problems = folder.enter(&mut PriceBook::default()).unwrap();
    assert!(problems[0].to_string().contains("0003-bill.rates:1: invalid type"), "{}", problems[0]);
}

#[test]
fn both_ways_to_divide_a_node_sum_to_its_price_whatever_its_source_is() {
    for text in
        ["instanceType,price\nm5.large,0.077777777\n", r#"{"CPU": "0.0123", "customPricesEnabled": "true"}"#]
    {
        let book = book(text);
        let node = node("i-1", NOON, 3_599);
        let (cost, _) = book.node_cost(&node, Interval::hour(NOON));
        for method in [SplitMethod::DefaultRatio, book.split_method().clone()] {
            assert_eq!(method.split(cost, &node, book.units()).total(), cost);
        }
    }
}

proptest! {
    #[test]
    fn nonsense_never_panics(text in "[a-z,\"\n{}:#0-9\t. ]{0,120}", header in 0usize..4) {
        let headers = ["instanceType,price,source,from\n", "#Version: 1.0\n#Fields: Timestamp InstanceID MarketPrice\n",
            "InstanceID,AssetClass,InstanceIDField,MarketPriceHourly\n", "start,end,resource,cost\n"];
        let text = format!("{}{text}", headers[header]);
        let _ = read_price_file("prices", text.as_bytes());
        let _ = read_bill("bill", text.as_bytes());
    }

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_price_file("prices", &bytes);
        let packed = [&[0x1f, 0x8b][..], &bytes].concat();
        let _ = read_bill("bill", &packed);
    }

    /// Whatever was billed for whatever time, the ledger has it to a billionth for each fact.
    #[test]
    fn the_ledgers_total_is_the_bills(nanos in 0i128..50_000_000_000, seconds in proptest::collection::vec(1i64..3_600, 1..6)) {
        let text = format!(
            "start,end,resource,cost\n2026-03-30,2026-04-01,i-1,{}\n", Money::from_nanos(nanos).to_decimal());
        let bill: Bill = read_bill("bill", text.as_bytes()).unwrap();
        let mut book = PriceBook::default();
        let mut observed = Observed::default();
        let facts: Vec<HourFacts> = seconds.iter().zip(0i64..).map(|(seconds, hour)| {
            let hour = NOON + hour * 3_600;
            let mut facts = HourFacts::new("east", hour);
            facts.nodes = vec![node("i-1", hour, *seconds)];
            facts
        }).collect();
        facts.iter().for_each(|facts| observed.note(facts, &book));
        book.add_bill_rates(&reconcile(&bill, &observed).rates);
        let total: Money = facts.iter().map(|facts| book.node_cost(&facts.nodes[0], facts.interval()).0).sum();
        prop_assert!((total.nanos() - nanos).abs() <= 2 * seconds.len() as i128, "{} {}", total, nanos);
    }

    #[test]
    fn entries_of_a_list_are_what_was_written(price in 0u32..1_000_000, spot in any::<bool>()) {
        let capacity = if spot { "spot" } else { "on-demand" };
        let text = format!("instanceType,capacityType,price\nm5.large,{capacity},0.{price:06}\n");
        let file = read_price_file("prices", text.as_bytes()).unwrap();
        let PriceEntry::Node(_, found) = &file.entries[0] else { panic!("{file:?}") };
        prop_assert_eq!(found.price.nanos(), i64::from(price) * 1_000);
    }
}
