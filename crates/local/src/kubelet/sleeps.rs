//! How long a command runs, read from its own sleeps.

use std::time::Duration;

use supercargo_clock::Randomness;

/// Longer sleeps count as endless.
const ENDLESS_SECONDS: u64 = 10 * 365 * 86_400;

/// How long a command runs: the sum of its `sleep`s, with `$((30 + RANDOM % 60))` and the like drawn. Nothing if it has
/// none, or one that never ends.
pub(crate) fn command_duration<'a>(
    words: impl IntoIterator<Item = &'a str>,
    randomness: &mut Randomness,
) -> Option<Duration> {
    let script = words.into_iter().collect::<Vec<_>>().join(" ");
    if loops_for_ever(&script) {
        return None;
    }
    let mut total = None;
    let mut rest = script.as_str();
    while let Some(position) = rest.find("sleep") {
        let before = rest[..position].chars().next_back();
        rest = &rest[position + "sleep".len()..];
        let starts_a_word = before.is_none_or(|letter| {
            letter.is_whitespace() || matches!(letter, ';' | '&' | '|' | '(' | '/' | '"' | '\'')
        });
        if !starts_a_word || !rest.starts_with([' ', '\t', '\n']) {
            continue;
        }
        let argument = rest.trim_start();
        let seconds = if let Some(expression) = argument.strip_prefix("$((") {
            arithmetic(expression.split("))").next().unwrap_or_default(), randomness)?
        } else {
            let word: String = argument
                .chars()
                .take_while(|letter| {
                    !letter.is_whitespace() && !matches!(letter, ';' | '&' | '|' | ')' | '"' | '\'')
                })
                .collect();
            plain(&word)?
        };
        if seconds > ENDLESS_SECONDS as f64 {
            return None;
        }
        total = Some(total.unwrap_or(0.0) + seconds);
    }
    total.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Whether it has a loop that nothing ends: `while true; do sleep 1; done`.
fn loops_for_ever(script: &str) -> bool {
    let mut words =
        script.split(|letter: char| letter.is_whitespace() || letter == ';').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let condition = match word {
            "while" => ["true", ":"],
            "until" => ["false", "false"],
            _ => continue,
        };
        if words.next().is_some_and(|word| condition.contains(&word)) {
            return true;
        }
    }
    false
}

/// `30`, `0.5`, `2m`; nothing for `infinity` and what is no number.
fn plain(word: &str) -> Option<f64> {
    let (digits, unit) = match word.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(position) => word.split_at(position),
        None => (word, "s"),
    };
    let number: f64 = digits.parse().ok()?;
    let factor = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    (number >= 0.0).then_some(number * factor)
}

/// Sums, products and remainders of numbers and `RANDOM` (0 to 32767), with the shell's precedence and no parentheses.
fn arithmetic(expression: &str, randomness: &mut Randomness) -> Option<f64> {
    let mut tokens = tokens(expression)?.into_iter().peekable();
    let mut sum: i64 = 0;
    let mut sign = 1_i64;
    loop {
        let mut product = value(&tokens.next()?, randomness)?;
        while let Some(operator) = tokens.peek().cloned() {
            if !matches!(operator.as_str(), "*" | "/" | "%") {
                break;
            }
            tokens.next();
            let operand = value(&tokens.next()?, randomness)?;
            product = match operator.as_str() {
                "*" => product.checked_mul(operand)?,
                "/" => product.checked_div(operand)?,
                _ => product.checked_rem(operand)?,
            };
        }
        sum = sum.checked_add(sign.checked_mul(product)?)?;
        match tokens.next().as_deref() {
            None => return (sum >= 0).then_some(sum as f64),
            Some("+") => sign = 1,
            Some("-") => sign = -1,
            Some(_) => return None,
        }
    }
}

fn tokens(expression: &str) -> Option<Vec<String>> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    for letter in expression.chars() {
        match letter {
            _ if letter.is_whitespace() => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
            }
            '+' | '-' | '*' | '/' | '%' => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                tokens.push(letter.to_string());
            }
            _ if letter.is_ascii_alphanumeric() || letter == '$' || letter == '_' => word.push(letter),
            _ => return None,
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    Some(tokens)
}

fn value(token: &str, randomness: &mut Randomness) -> Option<i64> {
    match token.trim_start_matches('$') {
        "RANDOM" => i64::try_from(randomness.below(32_768)).ok(),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn seconds(command: &[&str]) -> Option<f64> {
        let mut randomness = Randomness::from_seed(1);
        command_duration(command.iter().copied(), &mut randomness).map(|duration| duration.as_secs_f64())
    }

    #[rstest]
    #[case::a_plain_command(&["sleep", "30"], Some(30.0))]
    #[case::through_a_shell(&["sh", "-c", "echo hi; sleep 5 && echo done"], Some(5.0))]
    #[case::several_add_up(&["sh", "-c", "sleep 2; sleep 0.5"], Some(2.5))]
    #[case::units(&["sleep", "2m"], Some(120.0))]
    #[case::by_path(&["/bin/sleep", "7"], Some(7.0))]
    #[case::sums(&["sh", "-c", "sleep $((30 + 2 * 5 - 1))"], Some(39.0))]
    #[case::endless(&["sleep", "infinity"], None)]
    #[case::a_loop_without_end(&["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"], None)]
    #[case::a_loop_with_an_end(&["sh", "-c", "while pending; do sleep 1; done"], Some(1.0))]
    #[case::none_at_all(&["nginx", "-g", "daemon off;"], None)]
    #[case::another_word(&["sh", "-c", "usleep 5; oversleep 6"], None)]
    #[case::no_division_by_zero(&["sh", "-c", "sleep $((1 / 0))"], None)]
    fn a_command_runs_as_long_as_it_sleeps(#[case] command: &[&str], #[case] expected: Option<f64>) {
        assert_eq!(seconds(command), expected);
    }

    #[test]
    fn the_exercise_of_the_batch_job_runs_30_to_89_seconds() {
        let script = "echo Encoding; sleep $((30 + RANDOM % 60)); echo done";
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let mut randomness = Randomness::from_seed(seed);
            let duration = command_duration(["/bin/sh", "-c", script], &mut randomness).unwrap();
            assert!((30..=89).contains(&duration.as_secs()), "{duration:?}");
            seen.insert(duration.as_secs());
        }
        assert!(seen.len() > 50);
    }

    proptest! {
        #[test]
        fn any_command_gets_an_answer(text in "[sleep $(0-9+*/%RANDOM)-]{0,60}") {
            let _ = seconds(&["sh", "-c", &text]);
        }
    }
}
