//! Why a pod is not scheduled, in kube-scheduler's words.

use std::collections::BTreeMap;

/// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` From reasons with the number of
/// nodes they hold for.
pub(super) fn unavailable(nodes: usize, reasons: &BTreeMap<String, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut parts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.sort_unstable();
    if parts.is_empty() {
        return format!("0/{nodes} nodes are available.");
    }
    format!("0/{nodes} nodes are available: {}.", parts.join(", "))
}

/// The message where the pod itself is the reason: no node was asked.
pub(super) fn refused(nodes: usize, reason: &str) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    format!("0/{nodes} nodes are available: {reason}.")
}

/// The message with what preemption would have done.
pub(super) fn with_preemption(message: &str, preemption: &str) -> String {
    format!("{message} no new claims to deallocate, preemption: {preemption}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_reasons_are_in_the_order_of_their_text() {
        let reasons = BTreeMap::from([
            ("node(s) had untolerated taint(s)".to_owned(), 2),
            ("Insufficient cpu".to_owned(), 1),
            ("Insufficient memory".to_owned(), 1),
        ]);
        assert_eq!(
            unavailable(3, &reasons),
            "0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 2 node(s) had untolerated taint(s)."
        );
        assert_eq!(unavailable(0, &BTreeMap::new()), "no nodes available to schedule pods");
    }
}
