//! Durations are read as Go reads them and written as they were (reference rows N7, N8, N10).

use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::duration::{DurationError, GoDuration, NillableDuration};

const SECOND: i64 = 1_000_000_000;

#[rstest]
#[case("0", 0)]
#[case("-0", 0)]
#[case("0s", 0)]
#[case("5s", 5 * SECOND)]
#[case("+5s", 5 * SECOND)]
#[case("-5s", -5 * SECOND)]
#[case("720h", 720 * 3600 * SECOND)]
#[case("1h30m", 5400 * SECOND)]
#[case("60m", 3600 * SECOND)]
#[case("1.5h", 5400 * SECOND)]
#[case(".5s", SECOND / 2)]
#[case("1.s", SECOND)]
#[case("100ms", SECOND / 10)]
#[case("10us", 10_000)]
#[case("10µs", 10_000)]
#[case("10μs", 10_000)]
#[case("7ns", 7)]
#[case("0.9ns", 0)]
#[case("1m1m", 120 * SECOND)]
#[case("1s1h", 3601 * SECOND)]
#[case("0.100000000000000000000h", 360 * SECOND)]
#[case("0.3333333333333333333h", 1_199_999_999_999)]
#[case("9223372036854775807ns", i64::MAX)]
#[case("-9223372036854775808ns", i64::MIN)]
#[case("2562047h47m16.854775807s", i64::MAX)]
fn durations_are_read_as_go_reads_them(#[case] text: &str, #[case] nanos: i64) {
    let duration: GoDuration = text.parse().expect(text);
    assert_eq!(duration.as_nanos(), nanos);
    assert_eq!(duration.to_string(), text, "the text is kept");
}

#[rstest]
#[case("", "duration is empty; write a number with a unit such as 30s, 15m or 1h30m")]
#[case("-", "duration is empty; write a number with a unit such as 30s, 15m or 1h30m")]
#[case("30", r#"duration "30" has no unit after "30"; use ns, us, ms, s, m or h"#)]
#[case("1h30", r#"duration "1h30" has no unit after "30"; use ns, us, ms, s, m or h"#)]
#[case("1d", r#"duration "1d" has the unknown unit "d"; use ns, us, ms, s, m or h (a day is 24h)"#)]
#[case("1 h", r#"duration "1 h" has the unknown unit " h"; use ns, us, ms, s, m or h"#)]
#[case("5S", r#"duration "5S" has the unknown unit "S"; use ns, us, ms, s, m or h"#)]
#[case("h", r#"duration "h" has no number before "h"; write a number with a unit such as 30s, 15m or 1h30m"#)]
#[case(
    ".s",
    r#"duration ".s" has no number before ".s"; write a number with a unit such as 30s, 15m or 1h30m"#
)]
#[case(
    "never",
    r#"duration "never" has no number before "never"; write a number with a unit such as 30s, 15m or 1h30m"#
)]
#[case("1h-5m", r#"duration "1h-5m" has the unknown unit "h-"; use ns, us, ms, s, m or h"#)]
#[case(
    "9223372036854775808ns",
    r#"duration "9223372036854775808ns" is too long; the longest is 2562047h47m16.854775807s"#
)]
#[case(
    "99999999999999999999h",
    r#"duration "99999999999999999999h" is too long; the longest is 2562047h47m16.854775807s"#
)]
#[case("2562047h48m", r#"duration "2562047h48m" is too long; the longest is 2562047h47m16.854775807s"#)]
fn a_bad_duration_says_what_would_be_right(#[case] text: &str, #[case] message: &str) {
    assert_eq!(text.parse::<GoDuration>().map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[rstest]
#[case(0, "0s")]
#[case(1, "1ns")]
#[case(1100, "1.1µs")]
#[case(2_200_000, "2.2ms")]
#[case(3_300_000_000, "3.3s")]
#[case(4 * 60 * SECOND + 5 * SECOND, "4m5s")]
#[case(5 * 3600 * SECOND + 6 * 60 * SECOND + 7 * SECOND + 1, "5h6m7.000000001s")]
#[case(3600 * SECOND, "1h0m0s")]
#[case(60 * SECOND, "1m0s")]
#[case(-SECOND, "-1s")]
#[case(i64::MAX, "2562047h47m16.854775807s")]
#[case(i64::MIN, "-2562047h47m16.854775808s")]
fn durations_made_from_numbers_are_written_as_go_writes_them(#[case] nanos: i64, #[case] text: &str) {
    assert_eq!(GoDuration::from_nanos(nanos).as_str(), text);
}

#[test]
fn seconds_are_at_hand() {
    let duration: GoDuration = "1m30.5s".parse().expect("a duration");
    assert!((duration.as_secs_f64() - 90.5).abs() < 1e-12);
    assert_eq!(GoDuration::from_secs(90).as_str(), "1m30s");
    assert_eq!(GoDuration::from_secs(i64::MAX).as_nanos(), i64::MAX);
}

#[test]
fn never_is_a_text_of_its_own_n7() {
    let never: NillableDuration = "Never".parse().expect("never");
    assert!(never.is_never() && never.duration().is_none() && never.as_nanos().is_none());
    let after: NillableDuration = "720h".parse().expect("a duration");
    assert_eq!(after.as_nanos(), Some(720 * 3600 * SECOND));
    assert!(matches!("NEVER".parse::<NillableDuration>(), Err(DurationError::NoNumber { .. })));
}

#[rstest]
#[case(r#""Never""#)]
#[case(r#""60m""#)]
#[case(r#""1h0m0s""#)]
#[case(r#""0s""#)]
fn json_keeps_the_text_n7(#[case] json: &str) {
    let duration: NillableDuration = serde_json::from_str(json).expect(json);
    assert_eq!(serde_json::to_string(&duration).expect("a string"), json);
    if !duration.is_never() {
        let duration: GoDuration = serde_json::from_str(json).expect(json);
        assert_eq!(serde_json::to_string(&duration).expect("a string"), json);
    }
}

#[rstest]
#[case("30")]
#[case("null")]
#[case(r#""30""#)]
fn other_json_is_an_error(#[case] json: &str) {
    assert!(serde_json::from_str::<NillableDuration>(json).is_err());
    assert!(serde_json::from_str::<GoDuration>(json).is_err());
}

#[test]
fn megabytes_of_digits_are_read_in_one_pass() {
    let digits = "9".repeat(5_000_000);
    assert!(matches!(format!("{digits}h").parse::<GoDuration>(), Err(DurationError::TooLong { .. })));
    assert_eq!(format!("0.{digits}s").parse::<GoDuration>().map(|it| it.as_nanos()), Ok(SECOND - 1));
    assert_eq!("1s".repeat(5_000_000).parse::<GoDuration>().map(|it| it.as_nanos()), Ok(5_000_000 * SECOND));
}

proptest! {
    #[test]
    fn a_duration_written_by_go_reads_back(nanos: i64) {
        let duration = GoDuration::from_nanos(nanos);
        prop_assert_eq!(duration.as_str().parse::<GoDuration>(), Ok(duration));
    }

    #[test]
    fn parts_add_up(parts in proptest::collection::vec((0u32..10_000, 0usize..6), 1..6)) {
        let units = [("ns", 1i64), ("us", 1000), ("ms", 1_000_000), ("s", SECOND), ("m", 60 * SECOND), ("h", 3600 * SECOND)];
        let text: String = parts.iter().map(|(number, unit)| format!("{number}{}", units[*unit].0)).collect();
        let nanos: i64 = parts.iter().map(|(number, unit)| i64::from(*number) * units[*unit].1).sum();
        prop_assert_eq!(text.parse::<GoDuration>().map(|duration| duration.as_nanos()), Ok(nanos));
        prop_assert_eq!(format!("-{text}").parse::<GoDuration>().map(|duration| duration.as_nanos()), Ok(-nanos));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", durationish in "[-+0-9.hmsnuµ ]{0,16}") {
        for text in [text, durationish] {
            if let Ok(duration) = text.parse::<GoDuration>() {
                prop_assert_eq!(duration.as_str(), text);
            }
        }
    }
}
