//! The id under which Kubernetes knows an instance: `aws:///us-east-1a/i-0123456789abcdef0`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Zone and instance of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId {
    /// `us-east-1a`.
    pub zone: String,
    /// `i-0123456789abcdef0`.
    pub instance_id: String,
}

/// A text that is no provider id of AWS.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{text:?} is no provider id: expected aws:///ZONE/INSTANCE, such as aws:///us-east-1a/i-0123456789abcdef0"
)]
pub struct ProviderIdError {
    /// The offending text, cut to 60 characters.
    pub text: String,
}

impl fmt::Display for ProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "aws:///{}/{}", self.zone, self.instance_id)
    }
}

impl FromStr for ProviderId {
    type Err = ProviderIdError;

    fn from_str(text: &str) -> Result<ProviderId, ProviderIdError> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let parts = text.strip_prefix("aws:///").and_then(|rest| rest.split_once('/'));
        match parts {
            Some((zone, id)) if is_word(zone) && is_word(id) && id.starts_with("i-") => {
                Ok(ProviderId { zone: zone.to_owned(), instance_id: id.to_owned() })
            }
            _ => Err(ProviderIdError { text: text.chars().take(60).collect() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        let text = "aws:///us-east-1a/i-0123456789abcdef0";
        let id: ProviderId = text.parse().unwrap();
        assert_eq!((id.zone.as_str(), id.instance_id.as_str()), ("us-east-1a", "i-0123456789abcdef0"));
        assert_eq!(id.to_string(), text);
    }

    #[rstest]
    #[case("")]
    #[case("kwok://x")]
    #[case("aws:///us-east-1a")]
    #[case("aws:///us-east-1a/")]
    #[case("aws:////i-1")]
    #[case("aws:///us-east-1a/x-1")]
    #[case("aws:///us-east-1a/i-1/2")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<ProviderId>().is_err());
    }
}
