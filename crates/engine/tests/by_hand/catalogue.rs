//! Instance types by hand: what is allocatable is what they have, prices are round, zones are `a`, `b` and `c`.

use std::collections::BTreeMap;

use supercargo_api::Resources;
use supercargo_api::labels;
use supercargo_catalog::{
    CapacityType, InstanceType, Offering, PriceKind, PriceStamp, Reservation, ReservationKind, Usd,
};

const DATE: jiff::civil::Date = jiff::civil::date(2026, 7, 20);

/// An instance type in the making.
#[derive(Clone, Debug)]
pub struct InstanceTypeBuilder {
    name: String,
    labels: BTreeMap<String, String>,
    capacity: Resources,
    allocatable: Resources,
    on_demand: Option<f64>,
    spot: Option<f64>,
    zones: Vec<String>,
    extra: Vec<Offering>,
    volume_attachments: u32,
}

/// A type of an amd64 Linux machine, sold on demand in zone `a` alone. The name is `family.size`.
pub fn instance_type(name: &str, cpus: i64, gibibytes: i64, price: f64) -> InstanceTypeBuilder {
    let (family, size) = name.split_once('.').unwrap_or((name, "one"));
    let mut capacity = Resources::default();
    capacity.set("cpu", cpus * 1000);
    capacity.set("memory", gibibytes << 30);
    capacity.set("ephemeral-storage", 20 << 30);
    capacity.set("pods", 110);
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let labels = BTreeMap::from([
        label(labels::INSTANCE_TYPE, name),
        label(labels::ARCH, "amd64"),
        label(labels::OS, "linux"),
        label(labels::REGION, "mars-1"),
        label(labels::INSTANCE_FAMILY, family),
        label(labels::INSTANCE_SIZE, size),
        label(labels::INSTANCE_CPU, &cpus.to_string()),
        label(labels::INSTANCE_MEMORY, &(gibibytes * 1024).to_string()),
    ]);
    InstanceTypeBuilder {
        name: name.to_owned(),
        labels,
        allocatable: capacity.clone(),
        capacity,
        on_demand: Some(price),
        spot: None,
        zones: vec!["a".to_owned()],
        extra: Vec::new(),
        volume_attachments: 25,
    }
}

fn offering(zone: &str, capacity_type: CapacityType, price: f64) -> Offering {
    let stamp = PriceStamp::new(PriceKind::List, DATE);
    Offering::new(zone, format!("id-{zone}"), capacity_type, Usd::from_f64(price), stamp)
}

impl InstanceTypeBuilder {
    /// Sold in these zones instead, separated by spaces.
    pub fn zones(mut self, zones: &str) -> Self {
        self.zones = zones.split_whitespace().map(str::to_owned).collect();
        self
    }

    /// Also sold as spot.
    pub fn spot(mut self, price: f64) -> Self {
        self.spot = Some(price);
        self
    }

    /// Not sold on demand.
    pub fn not_on_demand(mut self) -> Self {
        self.on_demand = None;
        self
    }

    /// Sold on demand in one more zone, at its own price.
    pub fn also_in(mut self, zone: &str, price: f64) -> Self {
        self.extra.push(offering(zone, CapacityType::OnDemand, price));
        self
    }

    /// Out of stock on demand in one more zone, however cheap.
    pub fn sold_out_in(mut self, zone: &str, price: f64) -> Self {
        self.extra.push(Offering { available: false, ..offering(zone, CapacityType::OnDemand, price) });
        self
    }

    /// Reserved in zone `a`, at no cost.
    pub fn reserved(mut self, id: &str, count: u32) -> Self {
        let reservation =
            Reservation { id: id.to_owned(), kind: ReservationKind::Default, interruptible: false, count };
        self.extra
            .push(Offering { reservation: Some(reservation), ..offering("a", CapacityType::Reserved, 0.0) });
        self
    }

    /// Another label, or another value for one it has.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// An arm64 machine.
    pub fn arm(self) -> Self {
        self.label(labels::ARCH, "arm64")
    }

    /// Has so much of a resource, all of it for pods.
    pub fn has(mut self, resource: &str, amount: i64) -> Self {
        self.capacity.set(resource, amount);
        self.allocatable.set(resource, amount);
        self
    }

    /// Keeps so many millicores for the system.
    pub fn keeps_cpu(mut self, millicores: i64) -> Self {
        self.allocatable.set("cpu", self.capacity.get("cpu") - millicores);
        self
    }

    /// Takes so many volumes.
    pub fn volumes(mut self, count: u32) -> Self {
        self.volume_attachments = count;
        self
    }

    /// The type.
    pub fn build(&self) -> InstanceType {
        let mut offerings = Vec::new();
        for zone in &self.zones {
            if let Some(price) = self.on_demand {
                offerings.push(offering(zone, CapacityType::OnDemand, price));
            }
            if let Some(price) = self.spot {
                offerings.push(offering(zone, CapacityType::Spot, price));
            }
        }
        offerings.extend(self.extra.iter().cloned());
        InstanceType {
            name: self.name.clone(),
            labels: self.labels.clone(),
            capacity: self.capacity.clone(),
            allocatable: self.allocatable.clone(),
            offerings,
            volume_attachments: self.volume_attachments,
        }
    }
}
