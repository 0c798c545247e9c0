//! Ingresses and NetworkPolicies.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::field_error::{FieldError, Path};
use crate::names::{dns1035_label, dns1123_subdomain, port_number};

use super::pod::spec::check_word;
use super::read::{
    Errors, ensure_object, has, has_content, int, items, items_mut, set, set_default_text, text,
};
use super::selectors::check_selector;
use super::services::{PROTOCOLS, is_cidr};

/// Checks an Ingress.
pub(crate) fn check_ingress(ingress: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &ingress["spec"];
    if items(spec, "rules").is_empty() && !has(spec, "defaultBackend") {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(at, json!([]), detail));
    }
    if has(spec, "defaultBackend") {
        check_backend(&spec["defaultBackend"], &at.field("defaultBackend"), errors);
    }
    let class = text(spec, "ingressClassName");
    if !class.is_empty() {
        errors.invalid_text(at.field("ingressClassName"), class, dns1123_subdomain(class));
    }
    let at_rules = at.field("rules");
    for (index, rule) in items(spec, "rules").iter().enumerate() {
        let at = at_rules.index(index);
        let host = text(rule, "host");
        if !host.is_empty() {
            if host.parse::<IpAddr>().is_ok() {
                errors.push(FieldError::invalid(
                    at.field("host"),
                    host,
                    "must be a DNS name, not an IP address",
                ));
            } else {
                let bare = host.strip_prefix("*.").unwrap_or(host);
                errors.invalid_text(at.field("host"), host, dns1123_subdomain(bare));
            }
        }
        let at_http = at.field("http");
        let at_paths = at_http.field("paths");
        if !has(rule, "http") {
            continue;
        }
        let paths = items(&rule["http"], "paths");
        if paths.is_empty() {
            errors.push(FieldError::required(at_paths, ""));
        }
        for (index, path) in paths.iter().enumerate() {
            let at = at_paths.index(index);
            let value = text(path, "path");
            let kind = text(path, "pathType");
            match kind {
                "" => errors.push(FieldError::required(at.field("pathType"), "pathType must be specified")),
                "Exact" | "Prefix" => {
                    if !value.starts_with('/') {
                        errors.push(FieldError::invalid(at.field("path"), value, "must be an absolute path"));
                    }
                    for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                        if value.contains(bad) {
                            let detail = format!("must not contain '{bad}'");
                            errors.push(FieldError::invalid(at.field("path"), value, detail));
                        }
                    }
                }
                "ImplementationSpecific" => {
                    if !value.is_empty() && !value.starts_with('/') {
                        errors.push(FieldError::invalid(at.field("path"), value, "must be an absolute path"));
                    }
                }
                _ => errors.push(FieldError::not_supported(
                    at.field("pathType"),
                    kind,
                    &["Exact", "ImplementationSpecific", "Prefix"],
                )),
            }
            check_backend(&path["backend"], &at.field("backend"), errors);
        }
    }
}

fn check_backend(backend: &Value, at: &Path<'_>, errors: &mut Errors) {
    match (has(backend, "service"), has(backend, "resource")) {
        (true, true) => {
            errors.push(FieldError::invalid(at, "", "cannot set both resource and service backends"));
        }
        (false, false) => {
            errors.push(FieldError::required(at, "must specify either a resource or service backend"))
        }
        (false, true) => {}
        (true, false) => {
            let at = at.field("service");
            let service = &backend["service"];
            let name = text(service, "name");
            if name.is_empty() {
                errors.push(FieldError::required(at.field("name"), ""));
            } else {
                errors.invalid_text(at.field("name"), name, dns1035_label(name));
            }
            let port = &service["port"];
            let at = at.field("port");
            match (has_content(port, "name"), int(port, "number").unwrap_or_default()) {
                (true, 0) => {}
                (true, _) => {
                    errors.push(FieldError::invalid(
                        at,
                        port.clone(),
                        "cannot set both port name & port number",
                    ));
                }
                (false, 0) => errors.push(FieldError::required(at, "port name or number is required")),
                (false, number) => {
                    if let Some(detail) = port_number(number) {
                        errors.push(FieldError::invalid(at.field("number"), number, detail));
                    }
                }
            }
        }
    }
}

/// Defaults of a NetworkPolicy.
pub(crate) fn default_network_policy(policy: &mut Value) {
    let Some(spec) = ensure_object(policy, "spec") else { return };
    for direction in ["ingress", "egress"] {
        for rule in items_mut(spec, direction) {
            for port in items_mut(rule, "ports") {
                set_default_text(port, "protocol", "TCP");
            }
        }
    }
    if !has_content(spec, "policyTypes") {
        let mut types = vec!["Ingress"];
        if has_content(spec, "egress") {
            types.push("Egress");
        }
        set(spec, "policyTypes", types);
    }
}

/// Checks a NetworkPolicy.
pub(crate) fn check_network_policy(policy: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &policy["spec"];
    check_selector(&spec["podSelector"], &at.field("podSelector"), errors);
    let at_types = at.field("policyTypes");
    for (index, kind) in items(spec, "policyTypes").iter().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !matches!(kind, "Ingress" | "Egress") {
            errors.push(FieldError::not_supported(at_types.index(index), kind, &["Egress", "Ingress"]));
        }
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        let at_rules = at.field(direction);
        for (index, rule) in items(spec, direction).iter().enumerate() {
            let at = at_rules.index(index);
            let at_ports = at.field("ports");
            for (index, port) in items(rule, "ports").iter().enumerate() {
                check_word(port, "protocol", &PROTOCOLS, &at_ports.index(index), errors);
            }
            let at_peers = at.field(peers);
            for (index, peer) in items(rule, peers).iter().enumerate() {
                let at = at_peers.index(index);
                for selector in ["podSelector", "namespaceSelector"] {
                    check_selector(&peer[selector], &at.field(selector), errors);
                }
                if !["podSelector", "namespaceSelector", "ipBlock"].iter().any(|field| has(peer, field)) {
                    errors.push(FieldError::required(at, "must specify a peer"));
                }
                let block = text(&peer["ipBlock"], "cidr");
                if has(peer, "ipBlock") && !is_cidr(block) {
                    let at = at.field("ipBlock");
                    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                    errors.push(FieldError::invalid(at.field("cidr"), block, detail));
                }
            }
        }
    }
}
