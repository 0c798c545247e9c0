//! What pods say about being disrupted: Events about the annotation `karpenter.sh/do-not-disrupt` (reference sections 1.6 and 6.2).

mod controller;

pub use controller::Protections;
