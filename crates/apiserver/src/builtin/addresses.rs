//! Addresses of Services: cluster IPs and ports of nodes, given out so that the same cluster gets the same ones.
//!
//! The first candidate comes from the Service's namespace and name; if it is taken, the next free one is used.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::field_error::FieldError;

use super::read::{has_content, int, items, items_mut, remove, set, set_default_text, text};

/// Where cluster IPs come from: 10.100.0.0/16, as EKS has it for VPCs outside of 10.0.0.0/8.
const CLUSTER_NETWORK: u32 = u32::from_be_bytes([10, 100, 0, 0]);

/// How many addresses there are.
const CLUSTER_ADDRESSES: u32 = 1 << 16;

/// Addresses at the beginning that are only given out when asked for: those of the API server and the DNS.
const RESERVED_ADDRESSES: u32 = 16;

/// First port of nodes.
const FIRST_NODE_PORT: i64 = 30_000;

/// How many ports of nodes there are.
const NODE_PORTS: i64 = 2768;

/// Gives a Service the addresses that its type needs and it has not. `others` are all stored Services (the same one,
/// if stored, is passed over).
///
/// # Errors
/// An address or port that is asked for is taken or outside of the range, or there is none left.
pub fn assign(service: &mut Value, others: &[Arc<Value>]) -> Result<(), Vec<FieldError>> {
    let identity = |service: &Value| {
        (text(&service["metadata"], "namespace").to_owned(), text(&service["metadata"], "name").to_owned())
    };
    let own = identity(service);
    let others: Vec<&Value> = others.iter().map(Arc::as_ref).filter(|other| identity(other) != own).collect();
    let start = spread(&own.0, &own.1);
    let Some(spec) = service.get_mut("spec").filter(|spec| spec.is_object()) else { return Ok(()) };
    let mut errors = Vec::new();
    match text(spec, "type").to_owned().as_str() {
        "ExternalName" => {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                remove(spec, field);
            }
        }
        _ => assign_address(spec, &others, start, &mut errors),
    }
    let publishes = text(spec, "type") == "LoadBalancer"
        && spec["allocateLoadBalancerNodePorts"].as_bool().unwrap_or(true);
    if publishes || text(spec, "type") == "NodePort" {
        assign_ports(spec, &others, start, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn assign_address(spec: &mut Value, others: &[&Value], start: u64, errors: &mut Vec<FieldError>) {
    if !has_content(spec, "clusterIP")
        && let Some(first) = items(spec, "clusterIPs").first().cloned()
    {
        set(spec, "clusterIP", first);
    }
    set_default_text(spec, "ipFamilyPolicy", "SingleStack");
    let asked = text(spec, "clusterIP").to_owned();
    if asked == "None" {
        set(spec, "clusterIPs", json!(["None"]));
        set_families(spec, "IPv4");
        return;
    }
    let taken: BTreeSet<&str> = others.iter().map(|other| text(&other["spec"], "clusterIP")).collect();
    if asked.is_empty() {
        let usable = u64::from(CLUSTER_ADDRESSES - RESERVED_ADDRESSES - 1);
        let free = (0..usable).find_map(|step| {
            let offset = u32::try_from((start + step) % usable).ok()?;
            let address = Ipv4Addr::from(CLUSTER_NETWORK + RESERVED_ADDRESSES + offset).to_string();
            (!taken.contains(address.as_str())).then_some(address)
        });
        match free {
            Some(address) => set(spec, "clusterIP", address),
            None => errors.push(FieldError::internal(
                "spec.clusterIPs",
                "failed to allocate a serviceIP: range is full",
            )),
        }
    } else if taken.contains(asked.as_str()) {
        let detail = "failed to allocate IP ".to_owned() + &asked + ": provided IP is already allocated";
        errors.push(FieldError::invalid("spec.clusterIPs", json!([asked]), detail));
    } else if let Ok(address) = asked.parse::<Ipv4Addr>() {
        let offset = u32::from(address).wrapping_sub(CLUSTER_NETWORK);
        if offset == 0 || offset >= CLUSTER_ADDRESSES - 1 {
            let detail = format!(
                "failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of valid \
                 IPs is 10.100.0.0/16"
            );
            errors.push(FieldError::invalid("spec.clusterIPs", json!([asked]), detail));
        }
    }
    let address = text(spec, "clusterIP").to_owned();
    if !has_content(spec, "clusterIPs") && !address.is_empty() {
        set(spec, "clusterIPs", json!([address]));
    }
    set_families(spec, if address.contains(':') { "IPv6" } else { "IPv4" });
}

fn set_families(spec: &mut Value, family: &str) {
    if !has_content(spec, "ipFamilies") {
        set(spec, "ipFamilies", json!([family]));
    }
}

fn assign_ports(spec: &mut Value, others: &[&Value], start: u64, errors: &mut Vec<FieldError>) {
    let mut taken: BTreeSet<i64> = others
        .iter()
        .flat_map(|other| items(&other["spec"], "ports"))
        .filter_map(|port| int(port, "nodePort"))
        .filter(|port| *port != 0)
        .collect();
    let mut own: BTreeSet<i64> = BTreeSet::new();
    for (index, port) in items(spec, "ports").iter().enumerate() {
        let Some(asked) = int(port, "nodePort").filter(|asked| *asked != 0) else { continue };
        let path = format!("spec.ports[{index}].nodePort");
        if !(FIRST_NODE_PORT..FIRST_NODE_PORT + NODE_PORTS).contains(&asked) {
            let detail = "provided port is not in the valid range. The range of valid ports is 30000-32767";
            errors.push(FieldError::invalid(path, asked, detail));
        } else if taken.contains(&asked) {
            errors.push(FieldError::invalid(path, asked, "provided port is already allocated"));
        }
        own.insert(asked);
    }
    taken.extend(own);
    let mut next = i64::try_from(start % NODE_PORTS.unsigned_abs()).unwrap_or_default();
    for (index, port) in items_mut(spec, "ports").enumerate() {
        if int(port, "nodePort").unwrap_or_default() != 0 {
            continue;
        }
        let free = (0..NODE_PORTS)
            .map(|step| FIRST_NODE_PORT + (next + step) % NODE_PORTS)
            .find(|candidate| !taken.contains(candidate));
        match free {
            Some(number) => {
                taken.insert(number);
                next = number - FIRST_NODE_PORT + 1;
                set(port, "nodePort", number);
            }
            None => errors.push(FieldError::internal(
                format!("spec.ports[{index}].nodePort"),
                "failed to allocate a nodePort: range is full",
            )),
        }
    }
}

/// A number that is the same for the same names (FNV-1a).
fn spread(namespace: &str, name: &str) -> u64 {
    let bytes = namespace.bytes().chain([0]).chain(name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The top bit is left free so that steps can be added.
    hash >> 1
}
