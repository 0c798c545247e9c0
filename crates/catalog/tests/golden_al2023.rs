//! Labels and allocatable resources agree with what Karpenter v1.14 publishes (reference section 5.2, row 1.7).

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels as keys;
use supercargo_api::resources;
use supercargo_catalog::{Catalog, InstanceType, NodeClassModel};

const PUBLISHED: &str = include_str!("figures/al2023.txt");
const COMPATIBILITY: &str = include_str!("../../../docs/compatibility.md");
const MOST_DEVIATIONS: usize = 10;

/// Column name to published value; empty for absent.
type Row = BTreeMap<&'static str, String>;

#[test]
fn every_column_of_every_published_type_agrees_or_is_listed_as_a_deviation() {
    let rows = published();
    assert_eq!(rows.len(), 713);
    let catalog = Catalog::embedded();
    let model = NodeClassModel::default();
    let mut deviating = BTreeMap::new();
    for (name, expected) in &rows {
        let found = match catalog.instance_type("us-east-1", name, &model) {
            Some(instance_type) => columns(&instance_type),
            None => Row::new(),
        };
        let differences: Vec<String> = expected
            .iter()
            .filter(|(column, value)| found.get(*column).map_or("", String::as_str) != value.as_str())
            .map(|(column, value)| format!("{column}: published {value:?}, ours {:?}", found.get(column)))
            .collect();
        if !differences.is_empty() {
            deviating.insert(name.clone(), differences);
        }
    }
    let listed = listed_deviations();
    let unlisted: Vec<_> = deviating.iter().filter(|(name, _)| !listed.contains(*name)).collect();
    assert!(unlisted.is_empty(), "{} rows differ: {unlisted:#?}", unlisted.len());
    assert!(listed.len() <= MOST_DEVIATIONS, "too many deviations are listed: {listed:?}");
    let stale: Vec<_> = listed.iter().filter(|name| !deviating.contains_key(*name)).collect();
    assert!(stale.is_empty(), "listed in docs/compatibility.md, but they agree: {stale:?}");
}

/// Rows of the table under "Instance types that deviate": the first cell is the type.
fn listed_deviations() -> BTreeSet<String> {
    let section = COMPATIBILITY.split("### Instance types that deviate").nth(1).unwrap_or_default();
    let section = section.split("\n#").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

fn columns(instance_type: &InstanceType) -> Row {
    let mut row = Row::new();
    for key in LABELS {
        row.insert(key, instance_type.labels.get(key).cloned().unwrap_or_default());
    }
    for name in RESOURCES {
        let amount = instance_type.allocatable.get(name);
        let text = match name {
            _ if amount == 0 => String::new(),
            resources::CPU => format!("{amount}m"),
            resources::MEMORY => format!("{}Mi", exactly(amount, 1 << 20)),
            resources::EPHEMERAL_STORAGE => format!("{}Gi", exactly(amount, 1 << 30)),
            _ => amount.to_string(),
        };
        row.insert(name, text);
    }
    row
}

fn exactly(amount: i64, unit: i64) -> i64 {
    assert_eq!(amount % unit, 0, "{amount} is not a multiple of {unit}");
    amount / unit
}

const LABELS: [&str; 24] = [
    keys::INSTANCE_TYPE,
    keys::ARCH,
    keys::OS,
    keys::INSTANCE_ACCELERATOR_COUNT,
    keys::INSTANCE_ACCELERATOR_MANUFACTURER,
    keys::INSTANCE_ACCELERATOR_NAME,
    keys::INSTANCE_CAPABILITY_FLEX,
    keys::INSTANCE_CATEGORY,
    keys::INSTANCE_CPU,
    keys::INSTANCE_CPU_MANUFACTURER,
    keys::INSTANCE_CPU_CLOCK_SPEED,
    keys::INSTANCE_EBS_BANDWIDTH,
    keys::INSTANCE_ENCRYPTION_IN_TRANSIT,
    keys::INSTANCE_FAMILY,
    keys::INSTANCE_GENERATION,
    keys::INSTANCE_GPU_COUNT,
    keys::INSTANCE_GPU_MANUFACTURER,
    keys::INSTANCE_GPU_MEMORY,
    keys::INSTANCE_GPU_NAME,
    keys::INSTANCE_HYPERVISOR,
    keys::INSTANCE_LOCAL_NVME,
    keys::INSTANCE_MEMORY,
    keys::INSTANCE_NETWORK_BANDWIDTH,
    keys::INSTANCE_SIZE,
];

const RESOURCES: [&str; 10] = [
    resources::AMD_GPU,
    resources::AWS_NEURON,
    resources::AWS_NEURON_CORE,
    resources::CPU,
    resources::EPHEMERAL_STORAGE,
    resources::MEMORY,
    resources::NVIDIA_GPU,
    resources::PODS,
    resources::AWS_EFA,
    resources::AWS_POD_ENI,
];

fn published() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let mut family: Vec<&str> = Vec::new();
    for line in PUBLISHED.lines().filter(|line| !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            family = head.split(' ').collect();
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let name = format!("{}.{}", family[0], words[0]);
        let row = published_row(&name, &family, &words);
        assert!(rows.insert(name.clone(), row).is_none(), "{name} stands twice");
    }
    rows
}

fn published_row(name: &str, family: &[&str], words: &[&str]) -> Row {
    let mut row: Row = LABELS.into_iter().chain(RESOURCES).map(|column| (column, String::new())).collect();
    let mut set = |column: &'static str, value: &str| {
        assert!(row.insert(column, value.replace('-', dash(column))).is_some(), "{column}");
    };
    set(keys::INSTANCE_TYPE, name);
    set(keys::OS, "linux");
    let of_family = [
        keys::INSTANCE_FAMILY,
        keys::INSTANCE_CATEGORY,
        keys::INSTANCE_GENERATION,
        keys::INSTANCE_CPU_MANUFACTURER,
        keys::ARCH,
        keys::INSTANCE_ENCRYPTION_IN_TRANSIT,
        keys::INSTANCE_CAPABILITY_FLEX,
    ];
    of_family.into_iter().zip(family).for_each(|(column, value)| set(column, value));
    let of_size = [
        keys::INSTANCE_SIZE,
        keys::INSTANCE_CPU,
        keys::INSTANCE_MEMORY,
        keys::INSTANCE_CPU_CLOCK_SPEED,
        keys::INSTANCE_HYPERVISOR,
        keys::INSTANCE_EBS_BANDWIDTH,
        keys::INSTANCE_NETWORK_BANDWIDTH,
        keys::INSTANCE_LOCAL_NVME,
        resources::CPU,
        resources::MEMORY,
        resources::EPHEMERAL_STORAGE,
        resources::PODS,
        resources::AWS_POD_ENI,
        resources::AWS_EFA,
    ];
    of_size.into_iter().zip(words).for_each(|(column, value)| set(column, value));
    for word in &words[of_size.len()..] {
        let (kind, values) = word.split_once('=').unwrap();
        let of_device: &[&'static str] = match kind {
            "gpu" => &[
                keys::INSTANCE_GPU_COUNT,
                keys::INSTANCE_GPU_MANUFACTURER,
                keys::INSTANCE_GPU_NAME,
                keys::INSTANCE_GPU_MEMORY,
                resources::NVIDIA_GPU,
                resources::AMD_GPU,
            ],
            "accelerator" => &[
                keys::INSTANCE_ACCELERATOR_COUNT,
                keys::INSTANCE_ACCELERATOR_MANUFACTURER,
                keys::INSTANCE_ACCELERATOR_NAME,
                resources::AWS_NEURON,
                resources::AWS_NEURON_CORE,
            ],
            other => panic!("{other}"),
        };
        of_device.iter().zip(values.split('/')).for_each(|(column, value)| set(column, value));
    }
    row
}

/// Names keep their dashes; anywhere else a dash stands for nothing.
fn dash(column: &str) -> &'static str {
    let is_name = [keys::INSTANCE_TYPE, keys::INSTANCE_FAMILY, keys::INSTANCE_SIZE, keys::INSTANCE_GPU_NAME];
    if is_name.contains(&column) { "-" } else { "" }
}
