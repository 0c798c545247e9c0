//! Settings of a solve.

/// How preferences are treated (reference section 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreferencePolicy {
    /// As required, until they cannot be met.
    #[default]
    Respect,
    /// As if they were not there.
    Ignore,
}

/// How `minValues` is treated (reference section 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinValuesPolicy {
    /// A node that is not flexible enough is not bought.
    #[default]
    Strict,
    /// As flexible as can be.
    BestEffort,
}

/// Settings of a solve.
#[derive(Clone, Copy, Debug, Default)]
pub struct SolveOptions {
    /// How preferences are treated.
    pub preferences: PreferencePolicy,
    /// How `minValues` is treated.
    pub min_values: MinValuesPolicy,
}
