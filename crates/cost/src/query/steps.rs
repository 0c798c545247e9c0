//! A window cut into steps, and steps put together again (reference section 2.3: step, accumulate, accumulateBy).

use crate::interval::Interval;
use crate::query::calendar::Unit;
use crate::query::duration::parse_duration;
use crate::query::parameters::{ParameterError, Parameters, parse_bool};

/// How many steps are answered at most: more than the hours of a year.
pub const MOST_STEPS: u64 = 10_000;

/// The steps of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// The steps, in order; together they are the window.
    pub steps: Vec<Interval>,
    /// Answers of these many steps are added up, in order of steps; empty if each stays apart.
    pub groups: Vec<usize>,
    /// Length of the longest step, in seconds.
    pub length: u64,
}

/// A step in words.
enum Step {
    Seconds(u64),
    Calendar(Unit),
}

/// What is added up.
enum Accumulate {
    Nothing,
    All,
    Units(Unit),
}

impl Steps {
    /// Reads `step`, `accumulate`, `accumulateBy` and `resolution`, which changes nothing: facts are exact to the second.
    /// `offset` is local time minus UTC in seconds.
    pub fn read(parameters: &Parameters, window: Interval, offset: i64) -> Result<Steps, ParameterError> {
        if let (Some(text), false) = (parameters.text("resolution"), parameters.is_forgiving()) {
            parse_duration(text).map_err(|error| ParameterError::Duration { name: "resolution", error })?;
        }
        let step = match parameters.text("step") {
            None => None,
            Some(text) => match (Unit::of_word(text), parse_duration(text)) {
                (Some(unit), _) => Some(Step::Calendar(unit)),
                (None, Ok(seconds)) => Some(Step::Seconds(seconds)),
                (None, Err(_)) if parameters.is_forgiving() => None,
                (None, Err(error)) => return Err(ParameterError::Duration { name: "step", error }),
            },
        };
        let accumulate = accumulate(parameters)?;
        let step = match (step, &accumulate) {
            (None, Accumulate::Units(unit)) => Step::Calendar(*unit),
            (None, _) => Step::Seconds(window.seconds()),
            (Some(step), _) => step,
        };
        let (steps, length) = cut(window, step, offset)?;
        let groups = match accumulate {
            Accumulate::Nothing => Vec::new(),
            Accumulate::All => vec![steps.len()],
            Accumulate::Units(unit) => groups(&steps, unit, offset),
        };
        Ok(Steps { steps, groups, length })
    }
}

fn cut(window: Interval, step: Step, offset: i64) -> Result<(Vec<Interval>, u64), ParameterError> {
    let too_many = |steps: u64| ParameterError::TooManySteps { steps, most: MOST_STEPS };
    match step {
        Step::Calendar(unit) => {
            let steps: Vec<Interval> = unit.steps(window, offset).take(MOST_STEPS as usize + 1).collect();
            if steps.len() as u64 > MOST_STEPS {
                return Err(too_many(unit.steps(window, offset).count() as u64));
            }
            let length = steps.iter().map(|step| step.seconds()).max().unwrap_or_default();
            Ok((steps, length))
        }
        Step::Seconds(seconds) => {
            let count = window.seconds().div_ceil(seconds.max(1));
            if count > MOST_STEPS {
                return Err(too_many(count));
            }
            let step = |index: u64| {
                let start = window.start.saturating_add((index * seconds) as i64);
                Interval::new(start, start.saturating_add(seconds as i64).min(window.end))
            };
            Ok(((0..count).map(step).collect(), seconds.min(window.seconds())))
        }
    }
}

/// How many of the steps begin in each unit of the calendar.
fn groups(steps: &[Interval], unit: Unit, offset: i64) -> Vec<usize> {
    let mut groups: Vec<(i64, usize)> = Vec::new();
    for step in steps {
        let start = unit.start(step.start, offset);
        match groups.last_mut() {
            Some((known, count)) if *known == start => *count += 1,
            _ => groups.push((start, 1)),
        }
    }
    groups.into_iter().map(|(_, count)| count).collect()
}

fn accumulate(parameters: &Parameters) -> Result<Accumulate, ParameterError> {
    let read = |text: &str| match text.to_ascii_lowercase().as_str() {
        "all" => Some(Accumulate::All),
        "none" => Some(Accumulate::Nothing),
        word => match (parse_bool(text), Unit::of_word(word)) {
            (Some(true), _) => Some(Accumulate::All),
            (Some(false), _) => Some(Accumulate::Nothing),
            (None, unit) => unit.map(Accumulate::Units),
        },
    };
    let expected = "true, false, all, none, hour, day, week, month or quarter";
    let by = parameters.word("accumulateBy", expected, read)?;
    Ok(parameters.word("accumulate", expected, read)?.or(by).unwrap_or(Accumulate::Nothing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn steps_are_the_window_and_groups_are_the_steps(
            start in 0i64..2_000_000_000, length in 1i64..20_000_000, step in "[0-9]{0,5}[a-z]{0,7}",
            accumulate in "(true|all|none|hour|day|week|month|quarter|[a-z]{0,5})",
        ) {
            let window = Interval::new(start, start + length);
            let parameters = Parameters::read(&format!("step={step}&accumulate={accumulate}"), b"");
            let Ok(cut) = Steps::read(&parameters, window, 3_600) else { return Ok(()) };
            prop_assert!(!cut.steps.is_empty() && cut.steps.len() as u64 <= MOST_STEPS);
            prop_assert_eq!((cut.steps[0].start, cut.steps[cut.steps.len() - 1].end), (window.start, window.end));
            prop_assert!(cut.steps.windows(2).all(|pair| pair[0].end == pair[1].start));
            prop_assert!(cut.groups.is_empty() || cut.groups.iter().sum::<usize>() == cut.steps.len());
            prop_assert_eq!(cut.length, cut.steps.iter().map(|step| step.seconds()).max().unwrap_or_default());
        }
    }
}
