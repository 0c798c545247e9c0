//! From where a request is read: the time of day, midnight, whose behaviour is followed, which labels words stand for.

use crate::allocation::LabelAliases;
use crate::interval::Interval;
use crate::query::parameters::{ParameterError, Parameters};
use crate::query::window::{parse_window, parse_window_of_opencost};

/// Whose behaviour is followed where upstream's is a defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// What is right.
    #[default]
    Correct,
    /// OpenCost's, for clients that depend on it.
    OpenCost,
}

impl Compatibility {
    /// What the parameter `compat` asks for; `default` without it.
    pub fn of(parameters: &Parameters, default: Compatibility) -> Result<Compatibility, ParameterError> {
        let known = parameters.word("compat", "opencost or none", |word| match word {
            "opencost" => Some(Compatibility::OpenCost),
            "none" => Some(Compatibility::Correct),
            _ => None,
        })?;
        Ok(known.unwrap_or(default))
    }
}

/// From where a request is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standpoint {
    /// Seconds since 1970.
    pub now: i64,
    /// Local time minus UTC, in seconds.
    pub utc_offset: i64,
    /// Whose behaviour is followed if the request does not say.
    pub compatibility: Compatibility,
    /// Which labels some words stand for.
    pub aliases: LabelAliases,
}

impl Standpoint {
    /// At a second, with everything else as it is by default.
    pub fn at(now: i64) -> Standpoint {
        Standpoint { now, ..Standpoint::default() }
    }

    /// The parameter `window`.
    pub fn window(&self, parameters: &Parameters) -> Result<Interval, ParameterError> {
        let parse = match Compatibility::of(parameters, self.compatibility)? {
            Compatibility::Correct => parse_window,
            Compatibility::OpenCost => parse_window_of_opencost,
        };
        Ok(parse(parameters.text("window").unwrap_or_default(), self.now, self.utc_offset)?)
    }
}
