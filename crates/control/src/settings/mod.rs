//! The settings, by the names that Karpenter gives them (reference section 5.10).

mod gates;
mod settings;

pub use gates::FeatureGates;
pub use settings::Settings;
