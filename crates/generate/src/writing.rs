//! Objects as text: a List in JSON, documents in YAML; what other tools read as well.

use std::io::{self, Write};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use supercargo_api::Objects;

/// Writes the objects as one JSON `List`, an object to a line.
///
/// # Errors
/// Those of the writer.
pub fn write_json(objects: &Objects, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[\n")?;
    let mut first = true;
    each(objects, &mut |object: &dyn Item| {
        if !first {
            out.write_all(b",\n")?;
        }
        first = false;
        object.json(out)
    })?;
    out.write_all(b"\n]}\n")
}

/// Writes the objects as YAML, a document each.
///
/// # Errors
/// Those of the writer.
pub fn write_yaml(objects: &Objects, out: &mut dyn Write) -> io::Result<()> {
    each(objects, &mut |object: &dyn Item| {
        out.write_all(b"---\n")?;
        object.yaml(out)
    })
}

/// An object that can be written.
trait Item {
    fn json(&self, out: &mut dyn Write) -> io::Result<()>;
    fn yaml(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl<T: Serialize> Item for T {
    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(out, self).map_err(io::Error::from)
    }

    fn yaml(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_saphyr::to_string(self).map_err(io::Error::other)?;
        out.write_all(text.as_bytes())
    }
}

/// Every object, those first that others refer to.
fn each(objects: &Objects, then: &mut dyn FnMut(&dyn Item) -> io::Result<()>) -> io::Result<()> {
    macro_rules! lists {
        ($($list:ident)*) => {$(
            for object in &objects.$list {
                let _: &ObjectMeta = &object.metadata;
                then(object)?;
            }
        )*};
    }
    lists!(
        namespaces priority_classes storage_classes node_classes node_pools node_overlays capacity_buffers
        pod_templates daemon_sets deployments replica_sets stateful_sets jobs cron_jobs pod_disruption_budgets
        persistent_volumes persistent_volume_claims csi_nodes nodes node_claims pods
    );
    Ok(())
}
