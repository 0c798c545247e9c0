//! Amounts of resources by name, in base units: cpu in millicores, everything else in whole units (bytes, counts).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;

use crate::quantity::{Quantity, QuantityError, parse_milli, parse_value};

/// The resource counted in millicores.
pub const CPU: &str = "cpu";
/// Memory, in bytes.
pub const MEMORY: &str = "memory";
/// Pods a node may hold.
pub const PODS: &str = "pods";
/// Local disk, in bytes.
pub const EPHEMERAL_STORAGE: &str = "ephemeral-storage";
/// The limit on a NodePool's number of nodes (reference row N12).
pub const NODES: &str = "nodes";
/// The prefix of resources counted in pages of one size, in bytes.
pub const HUGEPAGES_PREFIX: &str = "hugepages-";

/// NVIDIA GPUs.
pub const NVIDIA_GPU: &str = "nvidia.com/gpu";
/// AMD GPUs.
pub const AMD_GPU: &str = "amd.com/gpu";
/// AWS Neuron devices.
pub const AWS_NEURON: &str = "aws.amazon.com/neuron";
/// AWS Neuron cores.
pub const AWS_NEURON_CORE: &str = "aws.amazon.com/neuroncore";
/// Habana Gaudi accelerators.
pub const HABANA_GAUDI: &str = "habana.ai/gaudi";
/// Branch network interfaces for pods.
pub const AWS_POD_ENI: &str = "vpc.amazonaws.com/pod-eni";
/// Addresses for Windows pods.
pub const AWS_PRIVATE_IPV4: &str = "vpc.amazonaws.com/PrivateIPv4Address";
/// Elastic Fabric Adapter interfaces.
pub const AWS_EFA: &str = "vpc.amazonaws.com/efa";
/// Nitro Enclaves: a request switches them on in the launch template.
pub const AWS_NITRO_SANDBOX: &str = "eks.amazonaws.com/nitro-sandbox";

/// Amounts of resources by name. A resource that is not named counts as zero.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Resources(BTreeMap<String, i64>);

/// A resource whose quantity could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resource {name:?}: {error}")]
pub struct ResourceError {
    /// The resource's name.
    pub name: String,
    /// What is wrong with its quantity.
    #[source]
    pub error: QuantityError,
}

impl Resources {
    /// No resources.
    pub fn new() -> Self {
        Self::default()
    }

    /// The base-unit amounts of Kubernetes quantities, rounded up. Surrounding space is accepted, as by the API
    /// server. The first quantity that cannot be read is the error.
    pub fn from_quantities<'a>(
        quantities: impl IntoIterator<Item = (&'a String, &'a KubeQuantity)>,
    ) -> Result<Self, QuantityError> {
        let mut amounts = BTreeMap::new();
        for (name, quantity) in quantities {
            amounts.insert(name.clone(), base_units(name, quantity.0.trim())?);
        }
        Ok(Self(amounts))
    }

    /// As [`from_quantities`](Self::from_quantities), with the resource's name in the error.
    pub fn from_named_quantities<'a>(
        quantities: impl IntoIterator<Item = (&'a String, &'a KubeQuantity)>,
    ) -> Result<Self, ResourceError> {
        let mut amounts = BTreeMap::new();
        for (name, quantity) in quantities {
            let amount = base_units(name, quantity.0.trim())
                .map_err(|error| ResourceError { name: name.clone(), error })?;
            amounts.insert(name.clone(), amount);
        }
        Ok(Self(amounts))
    }

    /// The amount of a resource in base units; zero if it is not named.
    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Whether a resource is named at all, even at zero.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets the amount of a resource in base units.
    pub fn set(&mut self, name: &str, amount: i64) {
        match self.0.get_mut(name) {
            Some(present) => *present = amount,
            None => {
                self.0.insert(name.to_owned(), amount);
            }
        }
    }

    /// Takes a resource out and returns its amount.
    pub fn remove(&mut self, name: &str) -> Option<i64> {
        self.0.remove(name)
    }

    /// Names and amounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// How many resources are named.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no resource is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds every amount of `other`, held within `i64`.
    pub fn add_assign(&mut self, other: &Resources) {
        for (name, amount) in other.iter() {
            self.set(name, self.get(name).saturating_add(amount));
        }
    }

    /// Takes away every amount of `other`, held within `i64`; results may be negative.
    pub fn sub_assign(&mut self, other: &Resources) {
        for (name, amount) in other.iter() {
            self.set(name, self.get(name).saturating_sub(amount));
        }
    }

    /// The amounts less those of `other`; results may be negative.
    pub fn sub(&self, other: &Resources) -> Resources {
        let mut rest = self.clone();
        rest.sub_assign(other);
        rest
    }

    /// The greater amount of each resource.
    pub fn greatest(&self, other: &Resources) -> Resources {
        let mut greatest = self.clone();
        for (name, amount) in other.iter() {
            let amount = self.0.get(name).map_or(amount, |present| (*present).max(amount));
            greatest.set(name, amount);
        }
        greatest
    }

    /// Whether these requests fit in `total`. As in Karpenter nothing fits where a total is negative.
    pub fn fits_in(&self, total: &Resources) -> bool {
        total.iter().all(|(_, available)| available >= 0)
            && self.iter().all(|(name, requested)| requested <= total.get(name))
    }

    /// The resources that keep these requests from fitting in `total`, by name. Empty exactly if they
    /// [fit](Self::fits_in).
    pub fn exceeds<'a>(&'a self, total: &'a Resources) -> Vec<&'a str> {
        let overdrawn = total.iter().filter(|(_, available)| *available < 0).map(|(name, _)| name);
        let short =
            self.iter().filter(|(name, requested)| *requested > total.get(name)).map(|(name, _)| name);
        let mut names: Vec<&str> = overdrawn.chain(short).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The amounts as canonical Kubernetes quantities: cpu in cores or milli-cores, memory, storage and huge pages
    /// in powers of 1024, the rest as plain numbers.
    pub fn to_quantities(&self) -> BTreeMap<String, KubeQuantity> {
        self.iter()
            .map(|(name, amount)| (name.to_owned(), KubeQuantity(quantity(name, amount).to_string())))
            .collect()
    }
}

/// The amount of one resource as a quantity in the format customary for it.
pub fn quantity(name: &str, amount: i64) -> Quantity {
    match name {
        CPU => Quantity::from_milli(amount),
        MEMORY | EPHEMERAL_STORAGE => Quantity::from_bytes(amount),
        _ if name.starts_with(HUGEPAGES_PREFIX) => Quantity::from_bytes(amount),
        _ => Quantity::from_value(amount),
    }
}

/// The amount of a resource, in its base unit, that a quantity's text stands for.
pub fn base_units(name: &str, text: &str) -> Result<i64, QuantityError> {
    if name == CPU { parse_milli(text) } else { parse_value(text) }
}

impl FromIterator<(String, i64)> for Resources {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(amounts: I) -> Self {
        Self(amounts.into_iter().collect())
    }
}
