//! What Kubernetes accepts as a label key or value (reference rows N2, N4).

use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::labels::{LabelSyntaxError, check_label_key, check_label_value};

#[rstest]
#[case("team")]
#[case("a")]
#[case("A-b_c.9")]
#[case("example.com/team")]
#[case("a-b.c0/T")]
#[case("karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz")]
#[case(&"x".repeat(63))]
#[case(&format!("{}/{}", "a".repeat(253), "x".repeat(63)))]
fn these_are_label_keys(#[case] key: &str) {
    assert_eq!(check_label_key(key), Ok(()));
}

#[rstest]
#[case("", "label key \"\" has no name; write a name such as team or example.com/team")]
#[case(
    "example.com/",
    "label key \"example.com/\" has no name; write a name such as team or example.com/team"
)]
#[case(
    "/team",
    "label key \"/team\" has nothing before its slash; write a domain such as example.com/team, or no slash"
)]
#[case(
    "a/b/c",
    "label key \"a/b/c\" has more than one slash; write one domain and one name, such as example.com/team"
)]
#[case(
    "te am",
    "name of label key \"te am\" may only have letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
)]
#[case(
    "-team",
    "name of label key \"-team\" may only have letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
)]
#[case(
    "Example.com/team",
    "domain of label key \"Example.com/team\" must be a DNS name: lower-case letters, digits, '-' and '.', such as example.com"
)]
#[case(
    "a..b/team",
    "domain of label key \"a..b/team\" must be a DNS name: lower-case letters, digits, '-' and '.', such as example.com"
)]
fn these_are_not_label_keys(#[case] key: &str, #[case] message: &str) {
    assert_eq!(check_label_key(key).map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[test]
fn lengths_are_limited() {
    assert!(matches!(
        check_label_key(&"x".repeat(64)),
        Err(LabelSyntaxError::NameTooLong { length: 64, .. })
    ));
    let key = format!("{}/x", "a".repeat(254));
    assert!(matches!(check_label_key(&key), Err(LabelSyntaxError::PrefixTooLong { length: 254, .. })));
    let error = check_label_value(&"v".repeat(10_000_000)).expect_err("ten megabytes");
    assert!(matches!(error, LabelSyntaxError::ValueTooLong { length: 10_000_000, .. }));
    assert!(error.to_string().len() < 300, "an error quotes no more than a line");
}

#[rstest]
#[case("")]
#[case("a")]
#[case("9")]
#[case("us-east-1a")]
#[case("v1.2_3")]
#[case(&"v".repeat(63))]
fn these_are_label_values(#[case] value: &str) {
    assert_eq!(check_label_value(value), Ok(()));
}

#[rstest]
#[case("-")]
#[case("a-")]
#[case(".a")]
#[case("a b")]
#[case("a/b")]
#[case("é")]
#[case("-5")]
fn these_are_not_label_values(#[case] value: &str) {
    assert!(matches!(check_label_value(value), Err(LabelSyntaxError::BadValue { .. })));
}

/// A label word by the definition: an alphanumeric at both ends, those and `-_.` between.
fn is_word(text: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !text.is_empty()
        && text.chars().all(inner)
        && !text.starts_with(['-', '_', '.'])
        && !text.ends_with(['-', '_', '.'])
}

proptest! {
    #[test]
    fn keys_without_a_domain_are_words_of_at_most_63(key in "[-a-zA-Z0-9_.é ]{0,70}") {
        prop_assert_eq!(check_label_key(&key).is_ok(), is_word(&key) && key.len() <= 63);
    }

    #[test]
    fn values_are_empty_or_words_of_at_most_63(value in "[-a-zA-Z0-9_./é]{0,70}") {
        prop_assert_eq!(check_label_value(&value).is_ok(), value.is_empty() || (is_word(&value) && value.len() <= 63));
    }

    #[test]
    fn domains_are_dns_names(domain in "[-a-zA0-9._]{1,20}") {
        let expected = domain.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        });
        prop_assert_eq!(check_label_key(&format!("{domain}/x")).is_ok(), expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = check_label_key(&text);
        let _ = check_label_value(&text);
        let _ = supercargo_api::labels::closest_well_known(&text);
        let _ = supercargo_api::labels::is_restricted_label(&text);
    }
}
