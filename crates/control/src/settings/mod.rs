//! The settings, by the names that Karpenter gives them (reference section 5.10).
//!
//! ```text
//! flags, environment ──clap──> SettingsArguments ──read──> Settings (the loops), ProcessSettings (ports, logs, lease)
//!                                                    └──> all problems at once, warnings
//! ```

mod arguments;
mod gates;
mod process;
mod reading;
mod settings;

pub use arguments::SettingsArguments;
pub use gates::{FeatureGates, GatesError};
pub use process::{LogFormat, LogLevel, LogPath, ProcessSettings};
pub use reading::{Read, SettingProblem, SettingsError};
pub use settings::Settings;
