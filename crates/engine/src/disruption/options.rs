//! What is asked for other than what the manifests say.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
pub use supercargo_api::ConsolidationPolicy as Policy;

/// How to judge a cluster.
#[derive(Clone, Debug)]
pub struct DisruptionOptions {
    /// The moment that counts as now.
    pub now: Timestamp,
    /// One budget for every NodePool, instead of their own.
    pub budget_override: Option<BudgetOverride>,
    /// One policy for every NodePool, instead of their own.
    pub policy_override: Option<Policy>,
    /// Whether spot nodes may be replaced by cheaper spot nodes (reference section 4.12).
    pub spot_to_spot: bool,
}

impl DisruptionOptions {
    /// The manifests as they are, at this moment; no spot for spot, as in Karpenter.
    pub const fn at(now: Timestamp) -> DisruptionOptions {
        DisruptionOptions { now, budget_override: None, policy_override: None, spot_to_spot: false }
    }
}

/// How many nodes of every NodePool may be disrupted at once, for all reasons, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetOverride {
    /// So many nodes.
    Nodes(u32),
    /// So many percent of the NodePool's nodes, rounded up; at most 100.
    Percent(u32),
}

/// A text that is no budget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no budget: write a number of nodes such as 5, or a percentage up to 100 such as 20%")]
pub struct BudgetOverrideError {
    /// The offending text, cut to 40 characters.
    pub text: String,
}

impl BudgetOverride {
    /// How many of so many nodes that is. Percentages round up (reference row 9.2-11).
    pub fn of(self, nodes: u32) -> u32 {
        match self {
            BudgetOverride::Nodes(count) => count,
            BudgetOverride::Percent(percent) => {
                let scaled = (u64::from(percent) * u64::from(nodes)).div_ceil(100);
                u32::try_from(scaled).unwrap_or(u32::MAX)
            }
        }
    }
}

impl FromStr for BudgetOverride {
    type Err = BudgetOverrideError;

    fn from_str(text: &str) -> Result<BudgetOverride, BudgetOverrideError> {
        let wrong = || BudgetOverrideError { text: text.chars().take(40).collect() };
        let digits = text.strip_suffix('%').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        if digits.len() == text.len() {
            // More nodes than can be counted are as good as no limit, short of the mark for no limit.
            return Ok(BudgetOverride::Nodes(digits.parse().unwrap_or(u32::MAX - 1).min(u32::MAX - 1)));
        }
        let percent = digits.parse().ok().filter(|percent| *percent <= 100).ok_or_else(wrong)?;
        Ok(BudgetOverride::Percent(percent))
    }
}

impl fmt::Display for BudgetOverride {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetOverride::Nodes(count) => write!(out, "{count}"),
            BudgetOverride::Percent(percent) => write!(out, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("5", 10, 5)]
    #[case("0", 10, 0)]
    #[case::percentages_round_up("10%", 1, 1)]
    #[case("10%", 11, 2)]
    #[case("0%", 1_000, 0)]
    #[case("100%", 7, 7)]
    #[case::absurd_numbers_saturate("99999999999999999999", 1, u32::MAX - 1)]
    fn a_budget_of_so_many_nodes(#[case] text: &str, #[case] nodes: u32, #[case] expected: u32) {
        let budget: BudgetOverride = text.parse().unwrap();
        assert_eq!(budget.of(nodes), expected);
    }

    #[rstest]
    #[case("")]
    #[case("%")]
    #[case("101%")]
    #[case("-1")]
    #[case("5.5")]
    #[case("five")]
    fn what_is_no_budget_is_refused(#[case] text: &str) {
        let error = text.parse::<BudgetOverride>().unwrap_err();
        assert!(error.to_string().contains("such as 20%"), "{error}");
    }

    #[test]
    fn a_budget_is_written_as_it_is_read() {
        for text in ["5", "20%", "0"] {
            assert_eq!(text.parse::<BudgetOverride>().unwrap().to_string(), text);
        }
    }
}
