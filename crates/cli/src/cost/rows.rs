//! Answers of the API as rows.

use serde_json::Value;
use supercargo_cost::Money;

/// What one key cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostRow {
    /// The key.
    pub name: String,
    /// Cores.
    pub cpu: Money,
    /// Memory.
    pub ram: Money,
    /// GPUs.
    pub gpu: Money,
    /// Volumes.
    pub volumes: Money,
    /// Traffic.
    pub network: Money,
    /// Load balancers.
    pub balancers: Money,
    /// Costs of others, and from outside.
    pub shared: Money,
    /// All of it.
    pub total: Money,
    /// Cores used over cores asked for, while that was measured; not a number if it was not.
    pub cpu_efficiency: f64,
    /// Memory used over memory asked for.
    pub ram_efficiency: f64,
    /// Both, weighted by cost.
    pub efficiency: f64,
}

/// What one thing cost.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRow {
    /// Node, Disk, LoadBalancer, ClusterManagement, Network.
    pub kind: String,
    /// Its cluster.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Instance type or storage class.
    pub model: String,
    /// How long it was there.
    pub hours: f64,
    /// What it cost.
    pub total: Money,
    /// Where its price comes from; empty if the server does not say.
    pub source: String,
}

impl CostRow {
    /// Whether it is of nobody in particular: idle, overhead, unmounted, shared.
    pub fn is_special(&self) -> bool {
        ["__idle__", "__overhead__", "__shared__"].iter().any(|name| self.name.ends_with(name))
    }

    /// Adds the costs of another row.
    pub fn add(&mut self, other: &CostRow) {
        for (mine, theirs) in [
            (&mut self.cpu, other.cpu),
            (&mut self.ram, other.ram),
            (&mut self.gpu, other.gpu),
            (&mut self.volumes, other.volumes),
            (&mut self.network, other.network),
            (&mut self.balancers, other.balancers),
            (&mut self.shared, other.shared),
            (&mut self.total, other.total),
        ] {
            *mine += theirs;
        }
    }

    /// What is neither cores nor memory.
    pub fn other(&self) -> Money {
        self.total - self.cpu - self.ram
    }
}

fn amount(row: &Value, field: &str) -> Money {
    Money::from_f64(row[field].as_f64().unwrap_or(0.0))
}

fn efficiency(value: &Value) -> f64 {
    if value.is_null() { f64::NAN } else { value.as_f64().unwrap_or(0.0) }
}

/// Rows of an answer of `/allocation` that was accumulated, in its order.
pub fn cost_rows(data: &Value) -> Vec<CostRow> {
    let sets = data.as_array().into_iter().flatten();
    let rows = sets.filter_map(Value::as_object).flatten();
    rows.map(|(name, row)| {
        let with_adjustment = |part: &str| amount(row, part) + amount(row, &format!("{part}Adjustment"));
        CostRow {
            name: name.clone(),
            cpu: with_adjustment("cpuCost"),
            ram: with_adjustment("ramCost"),
            gpu: with_adjustment("gpuCost"),
            volumes: with_adjustment("pvCost"),
            network: with_adjustment("networkCost"),
            balancers: with_adjustment("loadBalancerCost"),
            shared: amount(row, "sharedCost") + amount(row, "externalCost"),
            total: amount(row, "totalCost"),
            cpu_efficiency: efficiency(&row["cpuEfficiency"]),
            ram_efficiency: efficiency(&row["ramEfficiency"]),
            efficiency: efficiency(&row["totalEfficiency"]),
        }
    })
    .collect()
}

/// Rows of an answer of `/assets`, the dearest first.
pub fn asset_rows(data: &Value) -> Vec<AssetRow> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let values = data.as_object().into_iter().flat_map(|map| map.values());
    let mut rows: Vec<AssetRow> = values
        .map(|asset| AssetRow {
            kind: text(&asset["type"]),
            cluster: text(&asset["properties"]["cluster"]),
            name: text(&asset["properties"]["name"]),
            model: asset["nodeType"]
                .as_str()
                .or_else(|| asset["storageClass"].as_str())
                .unwrap_or_default()
                .to_owned(),
            hours: asset["minutes"].as_f64().unwrap_or(0.0) / 60.0,
            total: amount(asset, "totalCost"),
            source: text(&asset["priceSource"]),
        })
        .collect();
    rows.sort_by(|one, other| {
        other.total.cmp(&one.total).then_with(|| (&one.kind, &one.name).cmp(&(&other.kind, &other.name)))
    });
    rows
}
