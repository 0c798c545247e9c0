//! What every namespace has: the service account `default`, and the authority's certificate for pods.

use std::sync::PoisonError;

use serde_json::{Value, json};

use crate::server::Server;

impl Server {
    /// Makes what is missing of it.
    pub(crate) fn fill_namespace(&self, name: &str) {
        let registry = self.registry();
        let Some(namespaces) = registry.get("", "namespaces") else { return };
        match self.shared.store.get(namespaces.table, name) {
            Some(namespace) if !namespace.is_deleting => {}
            _ => return,
        }
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": self.new_metadata(name, "default"),
        });
        let mut wanted = vec![("serviceaccounts", account)];
        // Without a listener there is no authority.
        let certificate = self.shared.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(certificate) = certificate {
            let mut metadata = self.new_metadata(name, "kube-root-ca.crt");
            metadata["annotations"] = json!({
                "kubernetes.io/description": "the certificate of the authority that signs the API server's; for clients in pods",
            });
            let data = json!({ "ca.crt": certificate });
            let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data });
            wanted.push(("configmaps", map));
        }
        for (plural, mut object) in wanted {
            let Some(resource) = registry.get("", plural) else { continue };
            let key = resource.key(name, object["metadata"]["name"].as_str().unwrap_or(""));
            if self.shared.store.get(resource.table, &key).is_none() {
                // If somebody else made it meanwhile, it is there.
                let _ = self.commit(resource, &key, None, &mut object);
            }
        }
    }

    /// The metadata of an object that the server makes by itself.
    pub(crate) fn new_metadata(&self, namespace: &str, name: &str) -> Value {
        let mut metadata = json!({ "name": name });
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        metadata["uid"] = json!(self.new_uid());
        metadata["creationTimestamp"] = json!(self.now_text());
        metadata
    }
}
