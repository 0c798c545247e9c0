//! Whether a text is a cron schedule: five fields, or a name such as `@daily`.

/// The fields of a schedule with their least and greatest value.
const FIELDS: [(&str, u32, u32); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 6),
];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NAMES: [&str; 7] = ["@annually", "@yearly", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// What is wrong with a schedule, if anything.
pub(crate) fn check_schedule(schedule: &str) -> Result<(), String> {
    if schedule.len() > 1024 {
        return Err(format!("a schedule of {} characters is too long", schedule.len()));
    }
    let schedule = schedule.trim();
    if schedule.starts_with('@') {
        if NAMES.contains(&schedule) {
            return Ok(());
        }
        let interval = schedule.strip_prefix("@every ").map(str::parse::<crate::duration::GoDuration>);
        return match interval {
            Some(Ok(interval)) if interval.as_nanos() > 0 => Ok(()),
            _ => Err(format!("{schedule:?} is no schedule; the names are {}", NAMES.join(", "))),
        };
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("a schedule has 5 fields, found {}", fields.len()));
    }
    for (text, (name, least, greatest)) in fields.iter().zip(FIELDS) {
        for part in text.split(',') {
            check_part(part, least, greatest).map_err(|problem| format!("{name} {text:?}: {problem}"))?;
        }
    }
    Ok(())
}

/// One of the alternatives of a field: `*`, a value or a range, each with an optional step.
fn check_part(part: &str, least: u32, greatest: u32) -> Result<(), String> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if let Some(step) = step {
        match step.parse::<u32>() {
            Ok(0) | Err(_) => return Err(format!("{step:?} is no step")),
            Ok(_) => {}
        }
    }
    if matches!(range, "*" | "?") {
        return Ok(());
    }
    let value = |text: &str| {
        let number = number_of(text, greatest).ok_or_else(|| format!("{text:?} is no value"))?;
        if (least..=greatest).contains(&number) {
            Ok(number)
        } else {
            Err(format!("{number} is not between {least} and {greatest}"))
        }
    };
    match range.split_once('-') {
        Some((from, to)) if value(from)? > value(to)? => {
            Err(format!("the range {range} ends before it begins"))
        }
        Some(_) => Ok(()),
        None => value(range).map(|_| ()),
    }
}

/// A number, or the name of a month or day.
fn number_of(text: &str, greatest: u32) -> Option<u32> {
    let named = |names: &[&str], first: u32| {
        let position = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
        u32::try_from(position).ok().map(|position| position + first)
    };
    let name = match greatest {
        12 => named(&MONTHS, 1),
        6 => named(&DAYS, 0),
        _ => None,
    };
    name.or_else(|| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("0 9 * * mon-fri")]
    #[case("*/5 0-23/2 1,15 JAN,dec ?")]
    #[case("@daily")]
    #[case("@every 90m")]
    #[case("  0 0 * * 0  ")]
    fn a_schedule(#[case] text: &str) {
        assert_eq!(check_schedule(text), Ok(()));
    }

    #[rstest]
    #[case::too_few_fields("0 9 * *", "a schedule has 5 fields, found 4")]
    #[case::a_minute_that_does_not_exist("60 * * * *", "minute \"60\": 60 is not between 0 and 59")]
    #[case::a_day_zero("0 0 0 * *", "day of the month \"0\": 0 is not between 1 and 31")]
    #[case::sunday_is_zero_not_seven("0 0 * * 7", "day of the week \"7\": 7 is not between 0 and 6")]
    #[case::a_backward_range("0 5-3 * * *", "hour \"5-3\": the range 5-3 ends before it begins")]
    #[case::no_step("*/0 * * * *", "minute \"*/0\": \"0\" is no step")]
    #[case::a_word("0 noon * * *", "hour \"noon\": \"noon\" is no value")]
    #[case::an_unknown_name(
        "@fortnightly",
        "\"@fortnightly\" is no schedule; the names are @annually, @yearly, @monthly, @weekly, @daily, @midnight, @hourly"
    )]
    fn no_schedule(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(check_schedule(text), Err(expected.to_owned()));
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "[@*/,0-9a-z \\-]{0,30}") {
            let _ = check_schedule(&text);
        }
    }
}
