//! What a pod demands, in words.

use k8s_openapi::api::core::v1::Toleration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use supercargo_api::requirements::Requirements;

use crate::class::{PodTerm, Spread};
use crate::reasons::port_text;
use crate::snapshot::Snapshot;

use super::pod_document::Constraint;

/// Everything pods of the class demand: of nodes, then of other pods, then what they would rather have.
pub(super) fn constraints(snapshot: &Snapshot, class: u32) -> Vec<Constraint> {
    let class = &snapshot.classes[class as usize];
    let rules = &snapshot.rules[class.rules as usize];
    let mut all: Vec<Constraint> = Vec::new();
    let mut say = |kind: &str, text: String| all.push(Constraint { kind: kind.to_owned(), text });
    match rules.alternatives.as_slice() {
        [only] => {
            for requirement in only.iter() {
                say("node", requirement.to_string());
            }
        }
        several => {
            let texts: Vec<String> = several.iter().map(joined).collect();
            say("node", texts.join(" or "));
        }
    }
    for toleration in &rules.tolerations {
        say("toleration", toleration_text(toleration));
    }
    for port in &class.host_ports {
        say("host-port", port_text(port));
    }
    for term in &class.affinity {
        say("affinity", format!("in the same {}", term_text(term)));
    }
    for term in &class.anti_affinity {
        say("anti-affinity", format!("in another {}", term_text(term)));
    }
    for spread in class.spreads.iter().filter(|spread| spread.hard) {
        say("spread", spread_text(spread));
    }
    for (weight, requirements) in &rules.preferred {
        say("preference", format!("{} (weight {weight})", joined(requirements)));
    }
    for (weight, term) in &class.preferred_affinity {
        say("preference", format!("in the same {} (weight {weight})", term_text(term)));
    }
    for (weight, term) in &class.preferred_anti_affinity {
        say("preference", format!("in another {} (weight {weight})", term_text(term)));
    }
    for spread in class.spreads.iter().filter(|spread| !spread.hard) {
        say("preference", spread_text(spread));
    }
    all
}

fn joined(requirements: &Requirements) -> String {
    let texts: Vec<String> = requirements.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "any node".to_owned() } else { texts.join(" and ") }
}

/// `topology.kubernetes.io/zone as pods with app=web`.
fn term_text(term: &PodTerm) -> String {
    let beside = term.namespace_selector.is_some();
    let namespaces = match (term.namespaces.as_slice(), beside) {
        ([], _) => " of the selected namespaces".to_owned(),
        (named, true) => format!(" of {} and the selected namespaces", named.join(", ")),
        (named, false) => format!(" of {}", named.join(", ")),
    };
    format!("{} as pods with {}{namespaces}", term.key, selector_text(term.selector.as_ref()))
}

fn spread_text(spread: &Spread) -> String {
    let domains = spread.min_domains.map(|least| format!(", {least} domains at least")).unwrap_or_default();
    format!(
        "pods with {} over {}, at most {} more than where there are fewest{domains}",
        selector_text(spread.selector.as_ref()),
        spread.key,
        spread.max_skew
    )
}

/// `app=web,tier in (a,b)`, as kubectl writes selectors.
pub(super) fn selector_text(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "no labels (none are selected)".to_owned() };
    let mut parts: Vec<String> =
        selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    for expression in selector.match_expressions.iter().flatten() {
        let values = expression.values.as_deref().unwrap_or_default().join(",");
        parts.push(match expression.operator.as_str() {
            "In" => format!("{} in ({values})", expression.key),
            "NotIn" => format!("{} notin ({values})", expression.key),
            "Exists" => expression.key.clone(),
            _ => format!("!{}", expression.key),
        });
    }
    if parts.is_empty() { "any labels".to_owned() } else { parts.join(",") }
}

/// `spot=true:NoSchedule`, `node.kubernetes.io/not-ready:NoExecute for 300s`, `everything`.
fn toleration_text(toleration: &Toleration) -> String {
    let key = toleration.key.as_deref().unwrap_or_default();
    let value = toleration.value.as_deref().filter(|value| !value.is_empty());
    let effect = toleration.effect.as_deref().filter(|effect| !effect.is_empty());
    let mut text = if key.is_empty() { "everything".to_owned() } else { key.to_owned() };
    if let Some(value) = value {
        text.push_str(&format!("={value}"));
    }
    if let Some(effect) = effect {
        text.push_str(&format!(":{effect}"));
    }
    if let Some(seconds) = toleration.toleration_seconds {
        text.push_str(&format!(" for {seconds}s"));
    }
    text
}
