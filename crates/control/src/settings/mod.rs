//! The settings, by the names that Karpenter gives them (reference section 5.10).
//!
//! ```text
//! flags, environment ──clap──> SettingsArguments ──read──> Settings (the loops), ProcessSettings (ports, logs, lease)
//!                                                    └──> all problems at once, warnings
//! ```

mod arguments;
mod gates;
mod loops;
mod process;
mod reading;

pub use arguments::SettingsArguments;
pub use gates::{FeatureGates, GatesError};
pub use loops::Settings;
pub use process::{LogFormat, LogLevel, LogPath, ProcessSettings};
pub use reading::{Read, SettingProblem, SettingsError};
