//! The series that OpenCost exports (reference section 3.1), of the last hour that anything is known of. What was gone two
//! minutes before the last observation has no series.

use std::fmt::Write;

use supercargo_catalog::Usd;

use crate::facts::{ContainerFact, GIB, HourFacts, MICROCORES, MILLI_GPUS, NodeFact, VolumeFact};
use crate::http::service::CostService;
use crate::interval::Interval;
use crate::ledger::Ledger;
use crate::money::Money;
use crate::prices::PriceBook;

/// How long a thing may be gone and still have a series.
const STALE: i64 = 120;

struct Family {
    name: &'static str,
    help: &'static str,
    lines: Vec<String>,
}

/// All series as text.
pub fn exposition(service: &CostService) -> String {
    let ledger = service.ledger();
    let mut page = Page::default();
    let covered = ledger.covered();
    let last = Interval::new(covered.end - 1, covered.end);
    let alive = |interval: Interval| !covered.is_empty() && interval.end >= covered.end - STALE;
    for facts in ledger.facts(last).filter(|_| !covered.is_empty()) {
        for node in facts.nodes.iter().filter(|node| alive(node.interval)) {
            page.node(node, ledger.prices());
        }
        for container in facts.containers.iter().filter(|container| alive(container.interval)) {
            page.container(container);
        }
        for volume in facts.volumes.iter().filter(|volume| alive(volume.interval)) {
            page.volume(volume, ledger.prices());
        }
        page.balancers(&facts, ledger.prices(), alive);
    }
    page.prices(&ledger, service);
    page.text()
}

#[derive(Default)]
struct Page {
    families: Vec<Family>,
}

impl Page {
    fn put(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: f64) {
        let mut line = String::from(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            // writing to a text cannot fail
            let _ = write!(line, "{}{label}=\"{escaped}\"", if index == 0 { '{' } else { ',' });
        }
        if !labels.is_empty() {
            line.push('}');
        }
        let _ = write!(line, " {value}");
        match self.families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.lines.push(line),
            None => self.families.push(Family { name, help, lines: vec![line] }),
        }
    }

    fn node(&mut self, node: &NodeFact, book: &PriceBook) {
        let labels = [
            ("instance", &*node.name),
            ("node", &*node.name),
            ("instance_type", &*node.instance_type),
            ("region", &*node.region),
            ("provider_id", &*node.provider_id),
            ("arch", &*node.arch),
        ];
        let hour = Interval::hour(node.interval.start);
        let whole = NodeFact { interval: hour, ..node.clone() };
        let (cost, _) = book.node_cost(&whole, hour);
        let parts = book.split_method().split(cost, node, book.units());
        let per = |part: Money, amount: u64, unit: u64| {
            if amount == 0 { 0.0 } else { part.as_f64() / (amount as f64 / unit as f64) }
        };
        let cpu = per(parts.cpu, node.capacity.millicores, 1_000);
        let ram = per(parts.ram, node.capacity.ram_bytes, GIB);
        let gpu = per(parts.gpu, node.capacity.milli_gpus, MILLI_GPUS);
        self.put("node_cpu_hourly_cost", "dollars per core and hour", &labels, cpu);
        self.put("node_ram_hourly_cost", "dollars per GiB and hour", &labels, ram);
        self.put("node_gpu_hourly_cost", "dollars per GPU and hour", &labels, gpu);
        self.put("node_total_hourly_cost", "dollars per hour", &labels, cost.as_f64());
        let gpus = node.capacity.milli_gpus as f64 / MILLI_GPUS as f64;
        self.put("node_gpu_count", "GPUs of the node", &labels, gpus);
        let spot = f64::from(u8::from(node.spot));
        self.put("kubecost_node_is_spot", "1 if it is a spot instance", &labels, spot);
    }

    fn container(&mut self, fact: &ContainerFact) {
        let row = &fact.workload;
        let labels = [
            ("namespace", &*row.namespace),
            ("pod", &*row.pod),
            ("container", &*row.container),
            ("instance", &*row.node),
            ("node", &*row.node),
        ];
        let seconds = fact.interval.seconds().max(1) as f64;
        let average = |amount: u64, unit: u64| amount as f64 / seconds / unit as f64;
        let cpu = average(fact.cpu.charged, MICROCORES);
        self.put("container_cpu_allocation", "cores, the greater of request and use", &labels, cpu);
        let ram = average(fact.ram.charged, 1);
        self.put("container_memory_allocation_bytes", "bytes, the greater of request and use", &labels, ram);
        let gpu = average(fact.gpu.charged, MILLI_GPUS);
        self.put("container_gpu_allocation", "GPUs", &labels, gpu);
    }

    fn volume(&mut self, fact: &VolumeFact, book: &PriceBook) {
        let price = book.volume(fact).gib_month.as_f64() / 730.0;
        let labels = [
            ("volumename", &*fact.name),
            ("persistentvolume", &*fact.name),
            ("provider_id", &*fact.provider_id),
        ];
        self.put("pv_hourly_cost", "dollars per GiB and hour", &labels, price);
        let info = [
            ("storageclass", &*fact.storage_class),
            ("persistentvolume", &*fact.name),
            ("provider_id", &*fact.provider_id),
        ];
        self.put("kubecost_pv_info", "always 1", &info, 1.0);
        let mut pods: Vec<(&str, &str)> =
            fact.uses.iter().map(|each| (&*each.workload.namespace, &*each.workload.pod)).collect();
        pods.dedup();
        for (namespace, pod) in pods {
            let labels = [
                ("namespace", namespace),
                ("pod", pod),
                ("persistentvolumeclaim", &*fact.claim),
                ("persistentvolume", &*fact.name),
            ];
            self.put("pod_pvc_allocation", "bytes", &labels, fact.bytes as f64);
        }
    }

    fn balancers(&mut self, facts: &HourFacts, book: &PriceBook, alive: impl Fn(Interval) -> bool) {
        for fact in facts.balancers.iter().filter(|fact| alive(fact.interval)) {
            let labels = [
                ("ingress_ip", &*fact.address),
                ("namespace", &*fact.namespace),
                ("service_name", &*fact.service),
            ];
            let price = book.units().balancer.as_f64();
            self.put("kubecost_load_balancer_cost", "dollars per hour", &labels, price);
        }
        if let Some(management) = facts.management.as_ref().filter(|management| alive(management.interval)) {
            let labels = [("provisioner_name", &*management.provisioner)];
            let price = book.units().management.as_f64();
            self.put("kubecost_cluster_management_cost", "dollars per hour", &labels, price);
        }
    }

    fn prices(&mut self, ledger: &Ledger, service: &CostService) {
        let units = ledger.prices().units();
        let mut egress = |name, price: Usd| self.put(name, "dollars per GiB", &[], price.as_f64());
        egress("kubecost_network_zone_egress_cost", units.zone_gib);
        egress("kubecost_network_region_egress_cost", units.region_gib);
        egress("kubecost_network_internet_egress_cost", units.internet_gib);
        let settings = service.settings();
        let info = [
            ("id", &*settings.cluster_id),
            ("name", &*settings.cluster_name),
            ("provider", "AWS"),
            ("region", &*settings.region),
            ("account", &*settings.account),
        ];
        self.put("kubecost_cluster_info", "always 1", &info, 1.0);
        self.put("opencost_build_info", "always 1", &[("version", &settings.version)], 1.0);
    }

    fn text(self) -> String {
        let mut text = String::new();
        for family in self.families {
            let _ = writeln!(text, "# HELP {} {}\n# TYPE {} gauge", family.name, family.help, family.name);
            for line in family.lines {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }
}
