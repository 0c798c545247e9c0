//! Figures as people read them: money, percents, counts.

use supercargo_catalog::Usd;

/// Dollars per hour for a column: four decimals, no dollar sign, thousands apart.
pub fn hourly(price: Usd) -> String {
    grouped(format!("{price:.4}").replacen('$', "", 1))
}

/// Dollars per hour for a sentence: `$0.4106`, from ten dollars on `$12.35`.
pub fn hourly_in_words(price: Usd) -> String {
    let text = if price.as_f64().abs() >= 10.0 { format!("{price:.2}") } else { format!("{price:.4}") };
    grouped(text)
}

/// Dollars per month: `$1,450.95`.
pub fn monthly(dollars: f64) -> String {
    grouped(format!("{:.2}", Usd::from_f64(dollars)))
}

/// A percentage for a sentence: `4.1 %`, whole numbers without decimals.
pub fn percent(value: f64) -> String {
    let text = format!("{value:.1}");
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// `1 pod`, `2 pods`, `1,200 pods`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", whole(number), if number == 1 { "" } else { "s" })
}

/// `1,200`.
pub fn whole(number: usize) -> String {
    grouped(number.to_string())
}

/// Commas between the thousands of a decimal number, whatever stands before its first digit.
fn grouped(text: String) -> String {
    let start = text.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    let end = text.find('.').unwrap_or(text.len());
    let mut shown = String::with_capacity(text.len() + 4);
    shown.push_str(&text[..start]);
    for (index, digit) in text[start..end].chars().enumerate() {
        if index > 0 && (end - start - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown.push_str(&text[end..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn money_is_rounded_and_grouped() {
        assert_eq!(hourly(usd("0.20528")), "0.2053");
        assert_eq!(hourly(usd("1234567.5")), "1,234,567.5000");
        assert_eq!(hourly_in_words(usd("0.384")), "$0.3840");
        assert_eq!(hourly_in_words(usd("-1234.567")), "-$1,234.57");
        assert_eq!(monthly(1450.951), "$1,450.95");
        assert_eq!(monthly(0.0), "$0.00");
    }

    #[test]
    fn percents_have_a_decimal_only_when_it_says_something() {
        assert_eq!(percent(4.12), "4.1 %");
        assert_eq!(percent(91.0), "91 %");
        assert_eq!(percent(0.04), "0 %");
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(count(1, "pod"), "1 pod");
        assert_eq!(count(0, "node"), "0 nodes");
        assert_eq!(count(20_000, "pod"), "20,000 pods");
    }
}
