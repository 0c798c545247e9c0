//! Services, Endpoints and EndpointSlices.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_label, dns1123_subdomain, label_value, port_number, qualified_name};

use super::pod::probes::check_port_or_name;
use super::pod::spec::{check_required_word, check_word};
use super::read::{
    Errors, ensure_object, entries, has, has_content, int, items, items_mut, set, set_default,
    set_default_text, text,
};

const SERVICE_TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// Defaults of a Service.
pub(crate) fn default_service(service: &mut Value) {
    let Some(spec) = ensure_object(service, "spec") else { return };
    set_default_text(spec, "sessionAffinity", "None");
    if text(spec, "sessionAffinity") == "ClientIP" {
        if let Some(client) =
            ensure_object(spec, "sessionAffinityConfig").and_then(|config| ensure_object(config, "clientIP"))
        {
            set_default(client, "timeoutSeconds", 10_800);
        }
    } else if let Some(fields) = spec.as_object_mut() {
        fields.shift_remove("sessionAffinityConfig");
    }
    set_default_text(spec, "type", "ClusterIP");
    for port in items_mut(spec, "ports") {
        set_default_text(port, "protocol", "TCP");
        let is_unset = match port.get("targetPort") {
            None | Some(Value::Null) => true,
            Some(Value::Number(number)) => number.as_i64() == Some(0),
            Some(Value::String(name)) => name.is_empty(),
            Some(_) => false,
        };
        if is_unset && has(port, "port") {
            let number = port["port"].clone();
            set(port, "targetPort", number);
        }
    }
    let kind = text(spec, "type").to_owned();
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set_default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" {
        set_default_text(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set_default(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// Checks a Service.
pub(crate) fn check_service(service: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &service["spec"];
    let kind = text(spec, "type");
    let is_headless = text(spec, "clusterIP") == "None";
    let at_ports = at.field("ports");
    let ports = items(spec, "ports");
    if ports.is_empty() && !is_headless && kind != "ExternalName" {
        errors.push(FieldError::required(at_ports, ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless => {
            let detail = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid(at.field("clusterIPs").index(0), "None", detail));
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if has_content(spec, field) {
                    errors.push(FieldError::forbidden(
                        at.field(field),
                        "may not be set for ExternalName services",
                    ));
                }
            }
            let name = text(spec, "externalName");
            if name.is_empty() {
                errors.push(FieldError::required(at.field("externalName"), ""));
            } else {
                let bare = name.strip_suffix('.').unwrap_or(name);
                errors.invalid_text(at.field("externalName"), name, dns1123_subdomain(&bare.to_lowercase()));
            }
        }
        _ => {}
    }
    let mut names = BTreeSet::new();
    let mut pairs = BTreeSet::new();
    let mut node_ports = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = at_ports.index(index);
        check_service_port(port, ports.len() > 1, &mut names, &at, errors);
        if !pairs.insert((text(port, "protocol"), int(port, "port"))) {
            let mut value = json!({ "protocol": port["protocol"], "port": port["port"] });
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            errors.push(FieldError::duplicate(at, value));
        }
        let node_port = int(port, "nodePort").unwrap_or_default();
        if node_port == 0 {
            continue;
        }
        if kind == "ClusterIP" {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(at.field("nodePort"), detail));
        } else if !node_ports.insert((text(port, "protocol"), node_port)) {
            errors.push(FieldError::duplicate(at.field("nodePort"), node_port));
        }
    }
    for (key, value) in entries(spec, "selector") {
        let at = at.field("selector");
        errors.invalid_text(at, key, qualified_name(key));
        let value = value.as_str().unwrap_or_default();
        errors.invalid_text(at, value, label_value(value));
    }
    check_required_word(spec, "sessionAffinity", &["ClientIP", "None"], &at, errors);
    check_required_word(spec, "type", &SERVICE_TYPES, &at, errors);
    check_word(spec, "externalTrafficPolicy", &["Cluster", "Local"], &at, errors);
    check_word(spec, "internalTrafficPolicy", &["Cluster", "Local"], &at, errors);
    check_word(spec, "ipFamilyPolicy", &["PreferDualStack", "RequireDualStack", "SingleStack"], &at, errors);
    let timeout = &spec["sessionAffinityConfig"]["clientIP"];
    if let Some(seconds) = int(timeout, "timeoutSeconds").filter(|seconds| !(1..=86_400).contains(seconds)) {
        let detail = "must be greater than 0 and less than 86400";
        let path = format!("{}.sessionAffinityConfig.clientIP.timeoutSeconds", at);
        errors.push(FieldError::invalid(path, seconds, detail));
    }
    check_cluster_ips(spec, &at, errors);
    for field in ["externalIPs", "loadBalancerSourceRanges"] {
        let at_list = at.field(field);
        for (index, value) in items(spec, field).iter().enumerate() {
            let value = value.as_str().unwrap_or_default();
            let (is_right, detail) = match field {
                "externalIPs" => (
                    value.parse::<IpAddr>().is_ok(),
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                ),
                _ => {
                    (is_cidr(value.trim()), "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
                }
            };
            if !is_right {
                errors.push(FieldError::invalid(at_list.index(index), value, detail));
            }
        }
    }
    if kind != "LoadBalancer" {
        for field in ["loadBalancerClass", "allocateLoadBalancerNodePorts"] {
            if has(spec, field) {
                let detail = "may only be used when `type` is 'LoadBalancer'";
                errors.push(FieldError::forbidden(at.field(field), detail));
            }
        }
    }
}

fn check_cluster_ips(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_ips = at.field("clusterIPs");
    let ips = items(spec, "clusterIPs");
    let first = text(spec, "clusterIP");
    if !ips.is_empty() && ips[0].as_str() != Some(first) {
        let detail = "first value must match `clusterIP`";
        errors.push(FieldError::invalid(at_ips, spec["clusterIPs"].clone(), detail));
    }
    if ips.len() > 2 {
        let detail = "may only hold up to 2 values";
        errors.push(FieldError::invalid(at_ips, spec["clusterIPs"].clone(), detail));
    }
    for (index, ip) in ips.iter().enumerate() {
        let ip = ip.as_str().unwrap_or_default();
        if ip == "None" {
            if ips.len() > 1 {
                let detail = "'None' must be the first and only value";
                errors.push(FieldError::invalid(at_ips.index(index), ip, detail));
            }
        } else if ip.parse::<IpAddr>().is_err() {
            let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(FieldError::invalid(at_ips.index(index), ip, detail));
        }
    }
    let is_bad = !matches!(first, "" | "None") && first.parse::<IpAddr>().is_err();
    if ips.is_empty() && is_bad {
        let detail = "must be empty, 'None', or a valid IP address";
        errors.push(FieldError::invalid(at.field("clusterIP"), first, detail));
    }
}

fn check_service_port<'v>(
    port: &'v Value,
    needs_name: bool,
    names: &mut BTreeSet<&'v str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let name = text(port, "name");
    if needs_name && name.is_empty() {
        errors.push(FieldError::required(at.field("name"), ""));
    } else if !name.is_empty() {
        errors.invalid_text(at.field("name"), name, dns1123_label(name));
        if !names.insert(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
    }
    let number = int(port, "port").unwrap_or_default();
    if let Some(detail) = port_number(number) {
        errors.push(FieldError::invalid(at.field("port"), number, detail));
    }
    check_required_word(port, "protocol", &PROTOCOLS, at, errors);
    if has(port, "targetPort") {
        check_port_or_name(&port["targetPort"], &at.field("targetPort"), errors);
    }
}

/// Checks an update of a Service: addresses once given stay, as long as the type keeps any.
pub(crate) fn check_service_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"], &old["spec"]);
    let keeps = |spec: &Value| text(spec, "type") != "ExternalName";
    if !keeps(new) || !keeps(old) {
        return;
    }
    let before = text(old, "clusterIP");
    if !before.is_empty() && text(new, "clusterIP") != before {
        let value = if has(new, "clusterIPs") { new["clusterIPs"].clone() } else { new["clusterIP"].clone() };
        errors.push(FieldError::invalid("spec.clusterIPs[0]", value, "may not change once set"));
    }
    if text(old, "type") == "LoadBalancer" && text(new, "type") == "LoadBalancer" {
        let (new_class, old_class) = (text(new, "loadBalancerClass"), text(old, "loadBalancerClass"));
        if new_class != old_class {
            errors.push(FieldError::invalid("spec.loadBalancerClass", new_class, "may not change once set"));
        }
    }
}

/// Defaults of Endpoints and EndpointSlices: protocols, and names of ports of slices.
pub(crate) fn default_endpoints(endpoints: &mut Value) {
    for subset in items_mut(endpoints, "subsets") {
        for port in items_mut(subset, "ports") {
            set_default_text(port, "protocol", "TCP");
        }
    }
}

/// Defaults of an EndpointSlice.
pub(crate) fn default_slice(slice: &mut Value) {
    for port in items_mut(slice, "ports") {
        set_default(port, "name", "");
        set_default_text(port, "protocol", "TCP");
    }
}

/// Checks Endpoints.
pub(crate) fn check_endpoints(endpoints: &Value, errors: &mut Errors) {
    let at_subsets = Path::ROOT.field("subsets");
    for (index, subset) in items(endpoints, "subsets").iter().enumerate() {
        let at = at_subsets.index(index);
        if items(subset, "addresses").is_empty() && items(subset, "notReadyAddresses").is_empty() {
            errors.push(FieldError::required(at, "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            let at_list = at.field(list);
            for (index, address) in items(subset, list).iter().enumerate() {
                let ip = text(address, "ip");
                if ip.parse::<IpAddr>().is_err() {
                    let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
                    errors.push(FieldError::invalid(at_list.index(index).field("ip"), ip, detail));
                }
            }
        }
        check_endpoint_ports(items(subset, "ports"), &at.field("ports"), errors);
    }
}

fn check_endpoint_ports(ports: &[Value], at: &Path<'_>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = at.index(index);
        let name = text(port, "name");
        if ports.len() > 1 && !names.insert(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
        if !name.is_empty() {
            errors.invalid_text(at.field("name"), name, dns1123_label(name));
        }
        if let Some(number) = int(port, "port")
            && let Some(detail) = port_number(number)
        {
            errors.push(FieldError::invalid(at.field("port"), number, detail));
        }
        check_word(port, "protocol", &PROTOCOLS, &at, errors);
    }
}

/// Checks an EndpointSlice.
pub(crate) fn check_slice(slice: &Value, errors: &mut Errors) {
    const MOST_ENDPOINTS: usize = 1000;
    const MOST_ADDRESSES: usize = 100;
    let kind = text(slice, "addressType");
    if kind.is_empty() {
        errors.push(FieldError::required("addressType", ""));
    } else if !matches!(kind, "FQDN" | "IPv4" | "IPv6") {
        errors.push(FieldError::not_supported("addressType", kind, &["FQDN", "IPv4", "IPv6"]));
    }
    let endpoints = items(slice, "endpoints");
    if endpoints.len() > MOST_ENDPOINTS {
        errors.push(FieldError::too_many("endpoints", endpoints.len(), MOST_ENDPOINTS));
    }
    for (index, endpoint) in endpoints.iter().enumerate().take(MOST_ENDPOINTS) {
        let addresses = items(endpoint, "addresses");
        let at = format!("endpoints[{index}].addresses");
        if addresses.is_empty() {
            errors.push(FieldError::required(&at, "must contain at least 1 address"));
        } else if addresses.len() > MOST_ADDRESSES {
            errors.push(FieldError::too_many(&at, addresses.len(), MOST_ADDRESSES));
        }
        for (index, address) in addresses.iter().enumerate().take(MOST_ADDRESSES) {
            let address = address.as_str().unwrap_or_default();
            let parsed = address.parse::<IpAddr>().ok();
            let at = format!("{at}[{index}]");
            match kind {
                "IPv4" if !parsed.is_some_and(|ip| ip.is_ipv4()) => {
                    errors.push(FieldError::invalid(at, address, "must be an IPv4 address"));
                }
                "IPv6" if !parsed.is_some_and(|ip| ip.is_ipv6()) => {
                    errors.push(FieldError::invalid(at, address, "must be an IPv6 address"));
                }
                "FQDN" => errors.invalid_text(at, address, dns1123_subdomain(address)),
                _ => {}
            }
        }
    }
    check_endpoint_ports(items(slice, "ports"), &Path::ROOT.field("ports"), errors);
}

/// Whether a text is an address with the length of a prefix.
pub(crate) fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let Ok(length) = length.parse::<u8>() else { return false };
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(_)) => length <= 128,
        Err(_) => false,
    }
}
