//! A priced hour as sheets: who carries what, and what was paid for. Both add up to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::asset::{Asset, AssetKind};
use crate::export::sheet::Sheet;
use crate::facts::{GIB, MICROCORES, MILLI_GPUS, NodeFact};
use crate::interval::HOUR;
use crate::ledger::PricedHour;
use crate::measures::{Measures, Resource};
use crate::money::Money;
use crate::workload::{RowKind, Workload};

/// What sort of row it is, in a word.
const fn kind_name(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Container => "container",
        RowKind::Unmounted => "unmounted",
        RowKind::Idle => "idle",
        RowKind::Overhead => "overhead",
        RowKind::Shared => "shared",
    }
}

fn hours(amount: u128, unit: u64) -> f64 {
    amount as f64 / (HOUR as f64 * unit as f64)
}

type Pairs = BTreeMap<Arc<str>, Arc<str>>;

/// Maps as JSON; equal ones are written once.
#[derive(Default)]
struct Written {
    known: BTreeMap<Pairs, Arc<str>>,
}

impl Written {
    fn json(&mut self, map: Pairs) -> Arc<str> {
        if let Some(text) = self.known.get(&map) {
            return Arc::clone(text);
        }
        // maps of texts have JSON
        let text: Arc<str> = serde_json::to_string(&map).unwrap_or_default().into();
        self.known.insert(map, Arc::clone(&text));
        text
    }
}

/// A column by its name and the part of a row.
type Column<Row, Part> = (&'static str, fn(&Row) -> Part);
type TextColumn = (&'static str, fn(&Workload) -> &Arc<str>);
type ResourceColumn = (&'static str, u64, fn(&Measures) -> &Resource);

const COSTS: [Column<Measures, Money>; 8] = [
    ("cpu", |row| row.cpu.cost),
    ("ram", |row| row.ram.cost),
    ("gpu", |row| row.gpu.cost),
    ("volume", Measures::volume_cost),
    ("network", |row| row.network.cost()),
    ("load_balancer", Measures::balancer_cost),
    ("shared", |row| row.shared + row.external),
    ("total", Measures::total),
];

/// The rows of a priced hour that begins at `hour`: a row for each container, and for each node its idle and its overhead.
pub fn allocation_sheet(hour: i64, document: &PricedHour) -> Sheet {
    allocation_columns(hour, document, Sheet::default())
}

/// The columns that an empty sheet wants, of [`allocation_sheet`].
pub fn allocation_columns(hour: i64, document: &PricedHour, mut sheet: Sheet) -> Sheet {
    let rows = &document.rows;
    sheet.moment("hour", rows.iter().map(|_| hour));
    sheet.moment("start", rows.iter().map(|(_, row)| row.span.start));
    sheet.moment("end", rows.iter().map(|(_, row)| row.span.end));
    sheet.text("kind", rows.iter().map(|(who, _)| kind_name(who.kind)));
    let texts: [TextColumn; 11] = [
        ("cluster", |who| &who.cluster),
        ("node", |who| &who.node),
        ("namespace", |who| &who.namespace),
        ("pod", |who| &who.pod),
        ("pod_uid", |who| &who.pod_uid),
        ("container", |who| &who.container),
        ("controller_kind", |who| &who.controller_kind),
        ("controller", |who| &who.controller),
        ("root_kind", |who| &who.root_kind),
        ("root", |who| &who.root),
        ("provider_id", |who| &who.provider_id),
    ];
    for (name, get) in texts {
        sheet.text(name, rows.iter().map(|(who, _)| Arc::clone(get(who))));
    }
    let mut written = Written::default();
    // lists of texts have JSON
    let services = |who: &Workload| serde_json::to_string(&who.services).unwrap_or_default();
    sheet.text("services", rows.iter().map(|(who, _)| services(who)));
    sheet.text("labels", rows.iter().map(|(who, _)| written.json(who.effective_labels())));
    sheet.text("annotations", rows.iter().map(|(who, _)| written.json(who.effective_annotations())));
    sheet.number("seconds", rows.iter().map(|(_, row)| row.seconds));
    sheet.number("measured_seconds", rows.iter().map(|(_, row)| row.measured));
    let resources: [ResourceColumn; 3] = [
        ("core", MICROCORES, |row| &row.cpu),
        ("gib", GIB, |row| &row.ram),
        ("gpu", MILLI_GPUS, |row| &row.gpu),
    ];
    for (name, unit, get) in resources {
        let amount = |of: fn(&Resource) -> u128| rows.iter().map(move |(_, row)| hours(of(get(row)), unit));
        sheet.real(&format!("{name}_hours_requested"), amount(|resource| resource.requested));
        sheet.real(&format!("{name}_hours_used"), amount(|resource| resource.used));
        sheet.real(&format!("{name}_hours"), amount(|resource| resource.charged));
    }
    sheet.real("volume_gib_hours", rows.iter().map(|(_, row)| hours(row.volume_byte_seconds(), GIB)));
    let traffic: [Column<Measures, u128>; 5] = [
        ("bytes_sent", |row| row.network.transmitted),
        ("bytes_received", |row| row.network.received),
        ("bytes_to_zones", |row| row.network.classes[0]),
        ("bytes_to_regions", |row| row.network.classes[1]),
        ("bytes_to_internet", |row| row.network.classes[2]),
    ];
    for (name, get) in traffic {
        sheet.maybe(name, rows.iter().map(|(_, row)| row.network.measured.then(|| get(row))));
    }
    for (name, get) in COSTS {
        sheet.nanos(name, rows.iter().map(|(_, row)| get(row)));
    }
    for (name, get) in COSTS {
        sheet.dollars(name, rows.iter().map(|(_, row)| get(row)));
    }
    sheet
}

/// What was paid for in a priced hour that begins at `hour`: a row for each thing.
pub fn asset_sheet(hour: i64, document: &PricedHour) -> Sheet {
    asset_columns(hour, document, Sheet::default())
}

/// The columns that an empty sheet wants, of [`asset_sheet`].
pub fn asset_columns(hour: i64, document: &PricedHour, mut sheet: Sheet) -> Sheet {
    let assets = &document.assets;
    let node = |asset: &Asset, get: fn(&NodeFact) -> &Arc<str>| match &asset.kind {
        AssetKind::Node(node) => Arc::clone(get(&node.fact)),
        _ => "".into(),
    };
    sheet.moment("hour", assets.iter().map(|_| hour));
    sheet.moment("start", assets.iter().map(|asset| asset.span.start));
    sheet.moment("end", assets.iter().map(|asset| asset.span.end));
    sheet.text("type", assets.iter().map(Asset::type_name));
    sheet.text("cluster", assets.iter().map(|asset| Arc::clone(&asset.cluster)));
    sheet.text("name", assets.iter().map(|asset| Arc::clone(&asset.name)));
    sheet.text("provider_id", assets.iter().map(|asset| Arc::clone(&asset.provider_id)));
    let model = |asset: &Asset| match &asset.kind {
        AssetKind::Node(node) => Arc::clone(&node.fact.instance_type),
        AssetKind::Disk(disk) => Arc::clone(&disk.storage_class),
        _ => "".into(),
    };
    sheet.text("model", assets.iter().map(model));
    sheet.text("region", assets.iter().map(|asset| node(asset, |fact| &fact.region)));
    sheet.text("zone", assets.iter().map(|asset| node(asset, |fact| &fact.zone)));
    sheet.text("pool", assets.iter().map(|asset| node(asset, |fact| &fact.pool)));
    let spot = |asset: &Asset| match &asset.kind {
        AssetKind::Node(node) => u128::from(node.fact.spot),
        _ => 0,
    };
    sheet.number("spot", assets.iter().map(spot));
    sheet.number("seconds", assets.iter().map(|asset| asset.seconds));
    sheet.text("price_source", assets.iter().map(|asset| asset.source.as_str()));
    let idle = |asset: &Asset| match &asset.kind {
        AssetKind::Node(node) => node.idle().total(),
        _ => Money::ZERO,
    };
    let overhead = |asset: &Asset| match &asset.kind {
        AssetKind::Node(node) => node.overhead.total(),
        _ => Money::ZERO,
    };
    sheet.nanos("idle", assets.iter().map(idle));
    sheet.nanos("overhead", assets.iter().map(overhead));
    sheet.nanos("total", assets.iter().map(|asset| asset.cost));
    sheet.dollars("idle", assets.iter().map(idle));
    sheet.dollars("overhead", assets.iter().map(overhead));
    sheet.dollars("total", assets.iter().map(|asset| asset.cost));
    sheet
}
