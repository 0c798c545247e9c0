//! What a machine is told when it starts: which cluster to join, and as what.
//!
//! These are the facts behind the user data; how they are written down depends on the operating system.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use serde_json::{Map, Value};
use supercargo_api::AmiFamily;

/// The cluster that machines join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Its name, which is also in tags.
    pub name: String,
    /// `https://…` of its API server.
    pub endpoint: String,
    /// Its certificate authority, base64.
    pub ca_bundle: Option<String>,
    /// The range of service addresses: `172.20.0.0/16`.
    pub service_cidr: Option<String>,
    /// Address of the cluster's name server.
    pub dns_ip: Option<String>,
    /// `1.36`.
    pub kubernetes_version: String,
}

/// What a machine is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// The operating system, which decides the form of the user data.
    pub family: AmiFamily,
    /// The cluster to join.
    pub cluster: Cluster,
    /// Labels the kubelet registers its node with.
    pub labels: BTreeMap<String, String>,
    /// Taints the kubelet registers its node with.
    pub taints: Vec<Taint>,
    /// Pods at most.
    pub max_pods: Option<i64>,
    /// The kubelet's configuration, in the words of its own configuration file.
    pub kubelet: Map<String, Value>,
    /// Local disks become one striped disk for the kubelet.
    pub instance_store_raid0: bool,
    /// What the user wants done besides; for custom images all there is.
    pub user_data: Option<String>,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap {
            family: AmiFamily::AL2023,
            cluster: Cluster::default(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            max_pods: None,
            kubelet: Map::new(),
            instance_store_raid0: false,
            user_data: None,
        }
    }
}
