//! The series that OpenCost exports (reference section 3.1), of the last hour that anything is known of. What was gone two
//! minutes before the last observation has no series. If there are several clusters, `cluster_id` says which one it is of.

use supercargo_catalog::Usd;

use crate::facts::{ContainerFact, GIB, HourFacts, MICROCORES, MILLI_GPUS, NodeFact, VolumeFact};
use crate::http::exposition::Page;
use crate::http::kube_state;
use crate::http::last_hour::last_hour;
use crate::http::service::CostService;
use crate::interval::Interval;
use crate::ledger::Ledger;
use crate::money::Money;
use crate::prices::PriceBook;

/// How long a thing may be gone and still have a series.
const STALE: i64 = 120;

/// All series as text; with `kube_state` also those of kube-state-metrics.
pub fn exposition(service: &CostService, kube_state: bool) -> String {
    let ledger = service.ledger();
    let mut writer = Writer { page: Page::default() };
    let (known, end) = last_hour(&ledger);
    let alive = |interval: Interval| interval.end >= end - STALE;
    // series say nothing of their cluster unless they have to
    let several = known.len() > 1;
    for facts in &known {
        writer.page.label_all(several.then_some(("cluster_id", &*facts.cluster)));
        for node in facts.nodes.iter().filter(|node| alive(node.interval)) {
            writer.node(node, ledger.prices());
        }
        for container in facts.containers.iter().filter(|container| alive(container.interval)) {
            writer.container(container);
        }
        for volume in facts.volumes.iter().filter(|volume| alive(volume.interval)) {
            writer.volume(volume, ledger.prices());
        }
        writer.balancers(facts, ledger.prices(), alive);
        if kube_state {
            kube_state::write(facts, alive, &mut writer.page);
        }
    }
    writer.page.label_all(None);
    writer.prices(&ledger, service);
    service.telemetry().write(&mut writer.page);
    writer.page.text()
}

struct Writer {
    page: Page,
}

impl Writer {
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
        self.page.put("node_cpu_hourly_cost", "dollars per core and hour", &labels, cpu);
        self.page.put("node_ram_hourly_cost", "dollars per GiB and hour", &labels, ram);
        self.page.put("node_gpu_hourly_cost", "dollars per GPU and hour", &labels, gpu);
        self.page.put("node_total_hourly_cost", "dollars per hour", &labels, cost.as_f64());
        let gpus = node.capacity.milli_gpus as f64 / MILLI_GPUS as f64;
        self.page.put("node_gpu_count", "GPUs of the node", &labels, gpus);
        let spot = f64::from(u8::from(node.spot));
        self.page.put("kubecost_node_is_spot", "1 if it is a spot instance", &labels, spot);
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
        self.page.put("container_cpu_allocation", "cores, the greater of request and use", &labels, cpu);
        let ram = average(fact.ram.charged, 1);
        self.page.put(
            "container_memory_allocation_bytes",
            "bytes, the greater of request and use",
            &labels,
            ram,
        );
        let gpu = average(fact.gpu.charged, MILLI_GPUS);
        self.page.put("container_gpu_allocation", "GPUs", &labels, gpu);
    }

    fn volume(&mut self, fact: &VolumeFact, book: &PriceBook) {
        let price = book.volume(fact).gib_month.as_f64() / 730.0;
        let labels = [
            ("volumename", &*fact.name),
            ("persistentvolume", &*fact.name),
            ("provider_id", &*fact.provider_id),
        ];
        self.page.put("pv_hourly_cost", "dollars per GiB and hour", &labels, price);
        let info = [
            ("storageclass", &*fact.storage_class),
            ("persistentvolume", &*fact.name),
            ("provider_id", &*fact.provider_id),
        ];
        self.page.put("kubecost_pv_info", "always 1", &info, 1.0);
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
            self.page.put("pod_pvc_allocation", "bytes", &labels, fact.bytes as f64);
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
            self.page.put("kubecost_load_balancer_cost", "dollars per hour", &labels, price);
        }
        if let Some(management) = facts.management.as_ref().filter(|management| alive(management.interval)) {
            let labels = [("provisioner_name", &*management.provisioner)];
            let price = book.units().management.as_f64();
            self.page.put("kubecost_cluster_management_cost", "dollars per hour", &labels, price);
        }
    }

    fn prices(&mut self, ledger: &Ledger, service: &CostService) {
        let units = ledger.prices().units();
        let mut egress = |name, price: Usd| self.page.put(name, "dollars per GiB", &[], price.as_f64());
        egress("kubecost_network_zone_egress_cost", units.zone_gib);
        egress("kubecost_network_region_egress_cost", units.region_gib);
        egress("kubecost_network_internet_egress_cost", units.internet_gib);
        let settings = service.settings();
        let info = [
            ("id", &*settings.cluster_id),
            ("name", &*settings.cluster_name),
            ("provider", "AWS"),
            ("provisioner", "EKS"),
            ("region", &*settings.region),
            ("account", &*settings.account),
        ];
        self.page.put("kubecost_cluster_info", "always 1", &info, 1.0);
        self.page.put(
            "opencost_build_info",
            "always 1",
            &[("version", &settings.version), ("revision", "")],
            1.0,
        );
    }
}
