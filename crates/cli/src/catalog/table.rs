//! Instance types as a table, and what each condition removed as another.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{Cell, CellAlignment, Table, presets};
use jiff::civil::Date;
use supercargo_api::resources;
use supercargo_catalog::query::{Answer, FilterEffect, Match, MinValues};
use supercargo_catalog::{CapacityType, Offering, PriceKind};

use crate::console::{Paint, printable};
use crate::figures::hourly;

/// A column: its head, whether it holds numbers, and what it says of a type.
struct Column {
    head: &'static str,
    is_number: bool,
    cell: fn(&Match<'_>) -> String,
}

const fn text(head: &'static str, cell: fn(&Match<'_>) -> String) -> Column {
    Column { head, is_number: false, cell }
}

const fn number(head: &'static str, cell: fn(&Match<'_>) -> String) -> Column {
    Column { head, is_number: true, cell }
}

const NAME: Column = text("TYPE", |found| found.instance_type.name.clone());
const VCPUS: Column = number("VCPUS", |found| found.facts.vcpus.to_string());
const MEMORY: Column = number("MEMORY", |found| mebibytes(found.facts.memory_mib));
const ARCH: Column = text("ARCH", |found| found.facts.arch.as_str().to_owned());
const GPUS: Column = text("GPUS", devices);
const ON_DEMAND: Column = number("ON-DEMAND", |found| price(found, CapacityType::OnDemand));
const SPOT: Column = number("SPOT", |found| price(found, CapacityType::Spot));
const RESERVED: Column = number("RESERVED", |found| price(found, CapacityType::Reserved));
const INTERRUPTED: Column =
    text("INTERRUPTED", |found| found.interruption.map_or("-", |bucket| bucket.as_str()).to_owned());
const ZONES: Column = text("ZONES", zones);

const MAKER: Column = text("CPU", |found| found.facts.cpu_manufacturer.to_ascii_lowercase());
const NETWORK: Column = number("NET-MBPS", |found| known(found.facts.network_bandwidth_mbps));
const EBS: Column = number("EBS-MBPS", |found| known(found.facts.ebs_bandwidth_mbps));
const DISKS: Column = number("DISK-GB", |found| known(found.facts.instance_store_gb));
const POD_CPU: Column = number("POD-CPU", |found| allocatable(found, resources::CPU));
const POD_MEMORY: Column = number("POD-MEMORY", |found| allocatable(found, resources::MEMORY));
const PODS: Column = number("PODS", |found| allocatable(found, resources::PODS));
const VOLUMES: Column = number("VOLUMES", |found| found.instance_type.volume_attachments.to_string());

/// The types, a line each, and what the prices are.
pub fn types(shown: &[Match<'_>], wide: bool, paint: Paint) -> String {
    let mut columns = vec![NAME, VCPUS, MEMORY, ARCH, GPUS];
    if wide {
        columns.extend([MAKER, NETWORK, EBS, DISKS, POD_CPU, POD_MEMORY, PODS, VOLUMES]);
    }
    let offerings = || shown.iter().flat_map(|found| &found.instance_type.offerings);
    if offerings().any(|offering| offering.capacity_type == CapacityType::Reserved) {
        columns.push(RESERVED);
    }
    columns.extend([ON_DEMAND, SPOT, INTERRUPTED, ZONES]);
    let mut table = plain_table(&columns.iter().map(|column| column.head).collect::<Vec<_>>(), paint);
    for found in shown {
        let cells = columns.iter().map(|column| {
            let cell = Cell::new((column.cell)(found));
            if column.is_number { cell.set_alignment(CellAlignment::Right) } else { cell }
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    format!("{}\n{}", drawn(&table), paint.faint(legend(offerings())) + "\n")
}

/// What each condition removed, and where variety is missing.
pub fn effects(answer: &Answer<'_>, paint: Paint) -> String {
    let mut table = plain_table(&["CONDITION", "REMOVES", "LEFT"], paint);
    for FilterEffect { filter, removes, left } in &answer.effects {
        let number = |count: &usize| Cell::new(count).set_alignment(CellAlignment::Right);
        table.add_row(vec![Cell::new(printable(filter)), number(removes), number(left)]);
    }
    let mut text = drawn(&table);
    for MinValues { key, wanted, found } in &answer.min_values {
        if *found < *wanted as usize {
            text.push_str(&format!("minValues of {key}: {wanted} wanted, {found} left\n"));
        }
    }
    text
}

fn plain_table(heads: &[&str], paint: Paint) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(heads.iter().map(|head| paint.strong(head)).collect::<Vec<_>>());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn drawn(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// What stands before a price that is not from AWS's list.
const fn mark(kind: PriceKind) -> &'static str {
    match kind {
        PriceKind::List => "",
        PriceKind::Estimate => "~",
        PriceKind::Live => "=",
    }
}

/// The kinds and days of the prices shown: `$ per hour in the cheapest zone; ~ estimate of 2026-07-20`.
fn legend<'o>(offerings: impl Iterator<Item = &'o Offering>) -> String {
    let mut days: BTreeMap<PriceKind, BTreeSet<Date>> = BTreeMap::new();
    for offering in offerings {
        days.entry(offering.price_stamp.kind).or_default().insert(offering.price_stamp.date);
    }
    let kinds = days.into_iter().map(|(kind, days)| {
        let days: Vec<String> = days.into_iter().map(|day| day.to_string()).collect();
        let mark = if kind == PriceKind::List { "no mark" } else { mark(kind) };
        format!("; {mark}: {kind} of {}", days.join(" and "))
    });
    format!("$ per hour in the cheapest zone{}", kinds.collect::<String>())
}

fn price(found: &Match<'_>, capacity_type: CapacityType) -> String {
    found.cheapest_offering(Some(capacity_type)).map_or_else(
        || "-".to_owned(),
        |offering| format!("{}{}", mark(offering.price_stamp.kind), hourly(offering.price)),
    )
}

fn mebibytes(mib: u64) -> String {
    let bytes = i64::try_from(mib << 20).unwrap_or(i64::MAX);
    resources::quantity(resources::MEMORY, bytes).to_string()
}

fn known(figure: Option<u64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
}

fn devices(found: &Match<'_>) -> String {
    let gpus = found.facts.gpus.iter().map(|gpu| format!("{}x{}", gpu.count, gpu.name.replace(' ', "-")));
    let accelerators = found
        .facts
        .accelerator
        .iter()
        .map(|device| format!("{}x{}", device.count, device.name.replace(' ', "-")));
    let all: Vec<String> = gpus.chain(accelerators).collect();
    if all.is_empty() { "-".to_owned() } else { all.join("+") }
}

fn allocatable(found: &Match<'_>, resource: &str) -> String {
    resources::quantity(resource, found.instance_type.allocatable.get(resource)).to_string()
}

/// The letters of the zones, after what they have in common: `a,b,c`.
fn zones(found: &Match<'_>) -> String {
    let region = found.instance_type.labels.get("topology.kubernetes.io/region").map_or("", String::as_str);
    let zones: BTreeSet<&str> =
        found.instance_type.offerings.iter().map(|offering| offering.zone.as_str()).collect();
    let short = zones.into_iter().map(|zone| zone.strip_prefix(region).unwrap_or(zone));
    short.collect::<Vec<_>>().join(",")
}
