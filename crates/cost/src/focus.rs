//! Export in the FinOps Open Cost and Usage Specification, version 1.2, as comma-separated values (reference section 6).
//!
//! One row for each hour, resource (a node, volume, load balancer, control plane) and allocation; for nodes one for each of
//! cores, memory and GPUs. What nobody has is a row without `x_AllocatedResourceId`, so that the rows of a resource and hour
//! add up to what the resource cost: exactly, in 10⁻⁹ dollars.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use crate::asset::{Asset, AssetKind};
use crate::facts::{GIB, MICROCORES, MILLI_GPUS};
use crate::filter::provider_of;
use crate::interval::{HOUR, Interval, rfc3339};
use crate::ledger::{Ledger, PricedHour};
use crate::measures::Measures;
use crate::money::Money;
use crate::prices::PriceSource;
use crate::query::Unit;
use crate::workload::{RowKind, Workload};

/// The account that is billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FocusSettings {
    /// Its id.
    pub billing_account: String,
    /// Id of the account the resources are in.
    pub sub_account: String,
}

/// The columns: those of the specification, then our own.
const COLUMNS: [&str; 45] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SubAccountId",
    "Tags",
    "x_AllocatedResourceId",
    "x_AllocatedMethodId",
    "x_ClusterId",
    "x_Namespace",
    "x_ControllerKind",
    "x_ControllerName",
    "x_Pod",
    "x_Container",
    "x_Node",
    "x_PriceSource",
];

/// Writes the whole hours that a window touches, and returns what they cost.
pub fn write_focus(
    ledger: &Ledger,
    window: Interval,
    settings: &FocusSettings,
    out: &mut dyn Write,
) -> io::Result<Money> {
    writeln!(out, "{}", COLUMNS.join(","))?;
    let mut total = Money::ZERO;
    for hour in ledger.hours(window) {
        for document in ledger.priced(hour, Interval::hour(hour), None) {
            let mut sheet = Sheet { hour, settings, out, total: Money::ZERO };
            sheet.hour(&document)?;
            total += sheet.total;
        }
    }
    Ok(total)
}

struct Sheet<'a> {
    hour: i64,
    settings: &'a FocusSettings,
    out: &'a mut dyn Write,
    total: Money,
}

/// A charge: for what, how much of it, and how much of it was used.
struct Charge<'a> {
    asset: Option<&'a Asset>,
    resource_type: &'static str,
    what: &'static str,
    cost: Money,
    quantity: String,
    unit: &'static str,
    consumed: Option<String>,
}

/// A whole number over another, with nine decimals.
fn decimal(amount: u128, unit: u128) -> String {
    let nanos = amount.saturating_mul(1_000_000_000) / unit.max(1);
    Money::from_nanos(i128::try_from(nanos).unwrap_or(i128::MAX)).to_decimal()
}

const SECONDS: u128 = HOUR as u128;

impl Sheet<'_> {
    fn hour(&mut self, document: &PricedHour) -> io::Result<()> {
        let key =
            |kind: &'static str, cluster: &Arc<str>, name: &str| (kind, Arc::clone(cluster), name.to_owned());
        let assets: BTreeMap<_, &Asset> = document
            .assets
            .iter()
            .map(|asset| (key(asset.type_name(), &asset.cluster, &asset.name), asset))
            .collect();
        let find = |kind, cluster: &Arc<str>, name: &str| assets.get(&key(kind, cluster, name)).copied();
        for (workload, row) in &document.rows {
            let node = find("Node", &workload.cluster, &workload.node);
            self.node_charges(workload, row, node)?;
            for ((cluster, name), part) in &row.volumes {
                let quantity = decimal(part.byte_seconds, SECONDS * u128::from(GIB));
                self.charge(
                    workload,
                    Charge {
                        asset: find("Disk", cluster, name),
                        resource_type: "PersistentVolume",
                        what: "Storage",
                        cost: part.cost,
                        quantity,
                        unit: "GiB-Hours",
                        consumed: None,
                    },
                )?;
            }
            for part in row.balancers.values() {
                self.charge(
                    workload,
                    Charge {
                        asset: find("LoadBalancer", &workload.cluster, &part.service),
                        resource_type: "LoadBalancer",
                        what: "Load balancer",
                        cost: part.cost,
                        quantity: decimal(part.seconds, SECONDS),
                        unit: "Hours",
                        consumed: None,
                    },
                )?;
            }
            let bytes = row.network.classes.iter().sum::<u128>();
            self.charge(
                workload,
                Charge {
                    asset: node,
                    resource_type: "Network",
                    what: "Data transfer",
                    cost: row.network.cost(),
                    quantity: decimal(bytes, GIB.into()),
                    unit: "GiB",
                    consumed: None,
                },
            )?;
            let management = document.assets.iter().find(|asset| {
                matches!(asset.kind, AssetKind::ClusterManagement) && asset.cluster == workload.cluster
            });
            self.charge(
                workload,
                Charge {
                    asset: management,
                    resource_type: "Cluster",
                    what: "Control plane",
                    cost: row.shared,
                    quantity: decimal(row.span.seconds().into(), SECONDS),
                    unit: "Hours",
                    consumed: None,
                },
            )?;
        }
        Ok(())
    }

    fn node_charges(&mut self, workload: &Workload, row: &Measures, asset: Option<&Asset>) -> io::Result<()> {
        let resources = [
            (&row.cpu, "Cores", u128::from(MICROCORES), "vCPU-Hours"),
            (&row.ram, "Memory", u128::from(GIB), "GiB-Hours"),
            (&row.gpu, "GPUs", u128::from(MILLI_GPUS), "GPU-Hours"),
        ];
        for (resource, what, unit, name) in resources {
            let consumed = row.seconds > 0 && row.measured > 0;
            self.charge(
                workload,
                Charge {
                    asset,
                    resource_type: "Node",
                    what,
                    cost: resource.cost,
                    quantity: decimal(resource.charged, unit * SECONDS),
                    unit: name,
                    consumed: consumed.then(|| decimal(resource.used, unit * SECONDS)),
                },
            )?;
        }
        Ok(())
    }

    fn charge(&mut self, workload: &Workload, charge: Charge<'_>) -> io::Result<()> {
        if charge.cost.is_zero() {
            return Ok(());
        }
        self.total += charge.cost;
        let node = match charge.asset.map(|asset| &asset.kind) {
            Some(AssetKind::Node(node)) => Some(node),
            _ => None,
        };
        let text = |get: fn(&crate::facts::NodeFact) -> &Arc<str>| node.map_or("", |node| get(&node.fact));
        let name = charge.asset.map_or("", |asset| &*asset.name);
        let provider_id = charge.asset.map(|asset| &*asset.provider_id).filter(|id| !id.is_empty());
        let provider = match provider_of(provider_id.unwrap_or_default()) {
            "GCP" => "Google Cloud",
            "Azure" => "Microsoft",
            _ => "AWS",
        };
        let source = charge.asset.map_or(PriceSource::Default, |asset| asset.source);
        let spot = node.is_some_and(|node| node.fact.spot);
        let category = match source {
            PriceSource::SavingsPlan | PriceSource::ReservedInstance => "Committed",
            _ if spot => "Dynamic",
            _ => "Standard",
        };
        let (service_category, service, subcategory) = match charge.resource_type {
            "PersistentVolume" => ("Storage", "Amazon Elastic Block Store", "Block Storage"),
            "LoadBalancer" => ("Networking", "Elastic Load Balancing", "Application Networking"),
            // a service has one category (rules ServiceName-C-004 and C-007)
            "Network" => ("Networking", "AWS Data Transfer", "Network Connectivity"),
            "Cluster" => ("Compute", "Amazon Elastic Kubernetes Service", "Containers"),
            _ => ("Compute", "Amazon Elastic Compute Cloud", "Virtual Machines"),
        };
        let allocated = match workload.kind {
            RowKind::Container => {
                format!("{}/{}/{}/{}", workload.cluster, workload.namespace, workload.pod, workload.container)
            }
            _ => String::new(),
        };
        let whose = match workload.kind {
            RowKind::Container => "allocated",
            RowKind::Overhead => "kept for the system",
            _ => "idle",
        };
        let cost = charge.cost.to_decimal();
        let month = |second: i64| rfc3339(second);
        let tags = serde_json::to_string(&workload.effective_labels()).unwrap_or_default();
        let values: [&str; COLUMNS.len()] = [
            text(|fact| &fact.zone),
            &cost,
            &self.settings.billing_account,
            "",
            "USD",
            &month(Unit::Month.next(self.hour, 0)),
            &month(Unit::Month.start(self.hour, 0)),
            "Usage",
            "",
            &format!("{} of {name}, {whose} by the greater of request and use", charge.what),
            "Usage-Based",
            &rfc3339(self.hour.saturating_add(HOUR)),
            &rfc3339(self.hour),
            charge.consumed.as_deref().unwrap_or_default(),
            if charge.consumed.is_some() { charge.unit } else { "" },
            &cost,
            &cost,
            // no invoice says which hour of which pod it is about
            "",
            provider,
            &cost,
            category,
            &charge.quantity,
            charge.unit,
            provider,
            provider,
            text(|fact| &fact.region),
            text(|fact| &fact.region),
            provider_id.unwrap_or(name),
            name,
            charge.resource_type,
            service_category,
            service,
            subcategory,
            &self.settings.sub_account,
            &tags,
            &allocated,
            "supercargo-max-request-use",
            &workload.cluster,
            &workload.namespace,
            &workload.controller_kind,
            &workload.controller,
            &workload.pod,
            &workload.container,
            &workload.node,
            source.as_str(),
        ];
        let quoted: Vec<String> = values.into_iter().map(quoted).collect();
        writeln!(self.out, "{}", quoted.join(","))
    }
}

/// A value in quotes if it needs them.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
