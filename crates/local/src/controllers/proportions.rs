//! Numbers or percentages of replicas.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A number, or a share of a total. Text that is no percentage counts as nothing.
pub(super) fn resolve(value: &IntOrString, total: i64, round_up: bool) -> i64 {
    match value {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(text) => {
            let percent: i64 =
                text.strip_suffix('%').and_then(|percent| percent.trim().parse().ok()).unwrap_or(0);
            let product = percent.saturating_mul(total);
            if round_up {
                product.div_euclid(100) + i64::from(product.rem_euclid(100) > 0)
            } else {
                product / 100
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(IntOrString::Int(3), 10, true, 3)]
    #[case(IntOrString::String("25%".into()), 10, true, 3)]
    #[case(IntOrString::String("25%".into()), 10, false, 2)]
    #[case(IntOrString::String("50%".into()), 10, true, 5)]
    #[case(IntOrString::String("soon".into()), 10, true, 0)]
    fn shares(#[case] value: IntOrString, #[case] total: i64, #[case] up: bool, #[case] expected: i64) {
        assert_eq!(resolve(&value, total, up), expected);
    }
}
