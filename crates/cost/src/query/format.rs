//! How an answer is written: as what, and whether costs are sums or rates (reference section 2.3).

use crate::interval::Interval;
use crate::query::parameters::{ParameterError, Parameters};

/// As what an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON in an envelope.
    #[default]
    Json,
    /// A table of comma-separated values.
    Csv,
}

impl Format {
    /// The parameter `format`.
    pub fn read(parameters: &Parameters) -> Result<Format, ParameterError> {
        let read = |word: &str| match word.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            _ => None,
        };
        Ok(parameters.word("format", "json or csv", read)?.unwrap_or_default())
    }
}

/// Whether costs are sums, or sums divided by the time they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostMetric {
    /// What the window cost.
    #[default]
    Cumulative,
    /// What an hour of it cost.
    Hourly,
    /// What a day of it cost.
    Daily,
    /// What a month of 730 hours would cost at that rate.
    Monthly,
}

impl CostMetric {
    /// The parameter `costMetric`, or `costUnit` as some clients call it.
    pub fn read(parameters: &Parameters) -> Result<CostMetric, ParameterError> {
        let read = |word: &str| {
            Some(match word.to_ascii_lowercase().as_str() {
                "cumulative" => CostMetric::Cumulative,
                "hourly" => CostMetric::Hourly,
                "daily" => CostMetric::Daily,
                "monthly" => CostMetric::Monthly,
                _ => return None,
            })
        };
        let expected = "cumulative, hourly, daily or monthly";
        let unit = parameters.word("costUnit", expected, read)?;
        Ok(parameters.word("costMetric", expected, read)?.or(unit).unwrap_or_default())
    }

    /// What a sum of a window is multiplied by. Of a window that goes on, only the time until `now` counts.
    pub fn factor(self, window: Interval, now: i64) -> f64 {
        let unit = match self {
            CostMetric::Cumulative => return 1.0,
            CostMetric::Hourly => 3_600.0,
            CostMetric::Daily => 86_400.0,
            CostMetric::Monthly => 730.0 * 3_600.0,
        };
        let past = window.overlap(Interval::new(window.start, now)).seconds();
        // what is all in the future costs nothing yet, at any rate
        if past == 0 { 1.0 } else { unit / past as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_time_that_has_passed() {
        let day = Interval::new(0, 86_400);
        assert_eq!(CostMetric::Cumulative.factor(day, 43_200), 1.0);
        assert_eq!(CostMetric::Hourly.factor(day, 86_400), 1.0 / 24.0);
        assert_eq!(CostMetric::Daily.factor(day, 43_200), 2.0);
        assert_eq!(CostMetric::Monthly.factor(day, 1_000_000), 730.0 / 24.0);
        assert_eq!(CostMetric::Daily.factor(day, -5), 1.0);
    }
}
