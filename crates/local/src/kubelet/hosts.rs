//! What a kubelet runs on, wherever it comes from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Taint;
use supercargo_api::Resources;

/// A machine with a kubelet.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// The node's name.
    pub name: String,
    /// `aws:///us-east-1a/i-0123456789abcdef0`.
    pub provider_id: Option<String>,
    /// Labels the kubelet registers with.
    pub labels: BTreeMap<String, String>,
    /// Taints it registers with, startup taints among them.
    pub taints: Vec<Taint>,
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may have of it.
    pub allocatable: Resources,
    /// Its address.
    pub address: String,
    /// `v1.37.0-eks`.
    pub kubelet_version: String,
    /// Volumes that EBS attaches to it.
    pub volume_limit: Option<i32>,
    /// When its kubelet starts.
    pub boots_at: Timestamp,
}

/// What became of a machine.
#[derive(Debug, Clone, PartialEq)]
pub enum HostState {
    /// It runs, or will.
    Up(Box<Host>),
    /// The machine of this node's name stopped without a word.
    Down(String),
}

/// Where machines come from.
pub trait HostSource: Send {
    /// What happened since it was asked before.
    fn poll(&mut self, now: Timestamp) -> Vec<HostState>;

    /// When to ask next, at the latest.
    fn next(&self, now: Timestamp) -> Option<Timestamp>;
}
