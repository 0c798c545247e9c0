//! What the field selectors of builtin resources may name, besides name and namespace.

use crate::store::FieldPath;

/// The fields of a table, by its name.
pub(super) fn of_table(table: &str) -> Vec<FieldPath> {
    let plain = |labels: &[&str]| labels.iter().map(|label| FieldPath::plain(label, "")).collect::<Vec<_>>();
    match table {
        "pods" => {
            let mut fields = plain(&[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "status.phase",
                "status.podIP",
                "status.podIPs",
                "status.nominatedNodeName",
            ]);
            fields.push(FieldPath::plain("spec.hostNetwork", "false"));
            fields
        }
        "nodes" => vec![FieldPath::plain("spec.unschedulable", "false")],
        "namespaces" => plain(&["status.phase"]),
        "secrets" => plain(&["type"]),
        "replicationcontrollers" | "replicasets.apps" => vec![FieldPath::plain("status.replicas", "0")],
        "jobs.batch" => vec![FieldPath::of("status.successful", &["status.succeeded"], "0")],
        "certificatesigningrequests.certificates.k8s.io" => plain(&["spec.signerName"]),
        "resourceslices.resource.k8s.io" => plain(&["spec.nodeName", "spec.driver"]),
        "events" => {
            let mut fields = plain(&[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "involvedObject.apiVersion",
                "involvedObject.resourceVersion",
                "involvedObject.fieldPath",
                "reason",
                "type",
            ]);
            fields.push(FieldPath::of("reportingComponent", &["reportingComponent"], ""));
            fields.push(FieldPath::of("source", &["source.component", "reportingComponent"], ""));
            fields
        }
        _ => Vec::new(),
    }
}
