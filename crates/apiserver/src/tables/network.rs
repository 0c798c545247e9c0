//! Services, ingresses, endpoints.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{NONE, UNSET, age, at, count, items, labels, name, number, or_none, selector, text};
use super::column::{Column, col, wide};

pub(super) const SERVICES: &[Column] = &[
    col("Name", "name", name),
    col("Type", "string", |it, _| json!(text(it, &["spec", "type"]))),
    col("Cluster-IP", "string", |it, _| or_none(text(it, &["spec", "clusterIP"]))),
    col("External-IP", "string", external_ip),
    col("Port(s)", "string", ports),
    col("Age", "string", age),
    wide("Selector", "string", |it, _| labels(at(it, &["spec", "selector"]))),
];

fn ingress_addresses(object: &Value) -> String {
    let found: Vec<&str> = items(object, &["status", "loadBalancer", "ingress"])
        .iter()
        .map(|ingress| match text(ingress, &["ip"]) {
            "" => text(ingress, &["hostname"]),
            ip => ip,
        })
        .collect();
    found.join(",")
}

fn external_ip(service: &Value, _: Timestamp) -> Value {
    let external: Vec<&str> =
        items(service, &["spec", "externalIPs"]).iter().filter_map(Value::as_str).collect();
    match text(service, &["spec", "type"]) {
        "ExternalName" => json!(text(service, &["spec", "externalName"])),
        "LoadBalancer" => {
            let mut addresses = ingress_addresses(service);
            if !external.is_empty() {
                if !addresses.is_empty() {
                    addresses.push(',');
                }
                addresses.push_str(&external.join(","));
            }
            json!(if addresses.is_empty() { "<pending>" } else { &addresses })
        }
        _ => or_none(&external.join(",")),
    }
}

fn ports(service: &Value, _: Timestamp) -> Value {
    let list: Vec<String> = items(service, &["spec", "ports"])
        .iter()
        .map(|port| {
            let (number_of, node) = (number(port, &["port"]), number(port, &["nodePort"]));
            let protocol = text(port, &["protocol"]);
            if node > 0 {
                format!("{number_of}:{node}/{protocol}")
            } else {
                format!("{number_of}/{protocol}")
            }
        })
        .collect();
    or_none(&list.join(","))
}

pub(super) const INGRESSES: &[Column] = &[
    col("Name", "name", name),
    col("Class", "string", |it, _| or_none(text(it, &["spec", "ingressClassName"]))),
    col("Hosts", "string", |it, _| {
        let hosts: Vec<&str> = items(it, &["spec", "rules"])
            .iter()
            .map(|rule| text(rule, &["host"]))
            .filter(|host| !host.is_empty())
            .collect();
        json!(match hosts.len() {
            0 => "*".to_owned(),
            1..=3 => hosts.join(","),
            more => format!("{} + {} more...", hosts[..3].join(","), more - 3),
        })
    }),
    col("Address", "string", |it, _| json!(ingress_addresses(it))),
    col("Ports", "string", |it, _| json!(if count(it, &["spec", "tls"]) > 0 { "80, 443" } else { "80" })),
    col("Age", "string", age),
];

pub(super) const INGRESS_CLASSES: &[Column] = &[
    col("Name", "name", name),
    col("Controller", "string", |it, _| json!(text(it, &["spec", "controller"]))),
    col("Parameters", "string", |it, _| {
        let parameters = at(it, &["spec", "parameters"]);
        if parameters.is_null() {
            return json!(NONE);
        }
        let group = match text(parameters, &["apiGroup"]) {
            "" => String::new(),
            group => format!(".{group}"),
        };
        json!(format!("{}{group}/{}", text(parameters, &["kind"]), text(parameters, &["name"])))
    }),
    col("Age", "string", age),
];

pub(super) const NETWORK_POLICIES: &[Column] = &[
    col("Name", "name", name),
    col("Pod-Selector", "string", |it, _| selector(at(it, &["spec", "podSelector"]))),
    col("Age", "string", age),
];

pub(super) const ENDPOINTS: &[Column] =
    &[col("Name", "name", name), col("Endpoints", "string", endpoints), col("Age", "string", age)];

/// More addresses than this are only counted.
const MOST_SHOWN: usize = 3;

fn shortened(all: &[String]) -> Value {
    match all.len() {
        0 => json!(NONE),
        1..=MOST_SHOWN => json!(all.join(",")),
        more => json!(format!("{} + {} more...", all[..MOST_SHOWN].join(","), more - MOST_SHOWN)),
    }
}

fn endpoints(object: &Value, _: Timestamp) -> Value {
    let mut all = Vec::new();
    for subset in items(object, &["subsets"]) {
        for address in items(subset, &["addresses"]) {
            let ip = text(address, &["ip"]);
            let ports = items(subset, &["ports"]);
            if ports.is_empty() {
                all.push(ip.to_owned());
            }
            all.extend(ports.iter().map(|port| format!("{ip}:{}", number(port, &["port"]))));
        }
    }
    shortened(&all)
}

pub(super) const ENDPOINT_SLICES: &[Column] = &[
    col("Name", "name", name),
    col("AddressType", "string", |it, _| json!(text(it, &["addressType"]))),
    col("Ports", "string", |it, _| {
        let ports = items(it, &["ports"]);
        if ports.is_empty() {
            return json!(UNSET);
        }
        let texts: Vec<String> = ports
            .iter()
            .map(|port| match (port["port"].as_i64(), text(port, &["name"])) {
                (Some(number), _) => number.to_string(),
                (None, "") => "*".to_owned(),
                (None, name) => name.to_owned(),
            })
            .collect();
        shortened(&texts)
    }),
    col("Endpoints", "string", |it, _| {
        let all: Vec<String> = items(it, &["endpoints"])
            .iter()
            .flat_map(|endpoint| items(endpoint, &["addresses"]))
            .filter_map(|address| address.as_str().map(str::to_owned))
            .collect();
        if all.is_empty() { json!(UNSET) } else { shortened(&all) }
    }),
    col("Age", "string", age),
];

pub(super) const ADDRESSES: &[Column] = &[
    col("Name", "name", name),
    col("ParentRef", "string", |it, _| {
        let parent = at(it, &["spec", "parentRef"]);
        let parts = ["group", "resource", "namespace", "name"].map(|field| text(parent, &[field]));
        let [group, resource, namespace, name] = parts;
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        json!(format!("{resource}{group}/{namespace}/{name}"))
    }),
    col("Age", "string", age),
];

pub(super) const SERVICE_CIDRS: &[Column] = &[
    col("Name", "name", name),
    col("CIDRs", "string", |it, _| {
        json!(items(it, &["spec", "cidrs"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
    }),
    col("Age", "string", age),
];
