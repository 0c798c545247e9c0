//! What Kubernetes accepts as a label key (a qualified name) and as a label value.

/// The longest prefix before the slash of a key.
pub const MAX_PREFIX_LENGTH: usize = 253;
/// The longest name after the slash of a key.
pub const MAX_NAME_LENGTH: usize = 63;
/// The longest key the CRDs accept (reference row N4).
pub const MAX_KEY_LENGTH: usize = 316;
/// The longest label value.
pub const MAX_VALUE_LENGTH: usize = 63;

/// A label key as a regular expression, for schemas (reference row N4).
pub const QUALIFIED_NAME_PATTERN: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(\/))?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$";
/// A label value as a regular expression, for schemas (reference row N2).
pub const LABEL_VALUE_PATTERN: &str = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";

/// Why a text is not a label key or a label value. Texts are cut to a readable length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelSyntaxError {
    /// The key is empty, or nothing follows its slash.
    #[error("label key {key:?} has no name; write a name such as team or example.com/team")]
    EmptyName {
        /// The key.
        key: String,
    },
    /// There is a slash with nothing before it.
    #[error(
        "label key {key:?} has nothing before its slash; write a domain such as example.com/team, or no slash"
    )]
    EmptyPrefix {
        /// The key.
        key: String,
    },
    /// More than one slash.
    #[error(
        "label key {key:?} has more than one slash; write one domain and one name, such as example.com/team"
    )]
    TooManySlashes {
        /// The key.
        key: String,
    },
    /// The name is too long.
    #[error("name of label key {key:?} is {length} characters long; at most {MAX_NAME_LENGTH} are allowed")]
    NameTooLong {
        /// The key.
        key: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The prefix is too long.
    #[error(
        "domain of label key {key:?} is {length} characters long; at most {MAX_PREFIX_LENGTH} are allowed"
    )]
    PrefixTooLong {
        /// The key.
        key: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The name has a character it may not have, or in a place where it may not be.
    #[error(
        "name of label key {key:?} may only have letters, digits, '-', '_' and '.', and must begin and end with a \
         letter or digit"
    )]
    BadName {
        /// The key.
        key: String,
    },
    /// The prefix is not a DNS subdomain.
    #[error(
        "domain of label key {key:?} must be a DNS name: lower-case letters, digits, '-' and '.', such as example.com"
    )]
    BadPrefix {
        /// The key.
        key: String,
    },
    /// The value is too long.
    #[error("label value {value:?} is {length} characters long; at most {MAX_VALUE_LENGTH} are allowed")]
    ValueTooLong {
        /// The value.
        value: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The value has a character it may not have, or in a place where it may not be.
    #[error(
        "label value {value:?} may only have letters, digits, '-', '_' and '.', and must begin and end with a letter \
         or digit"
    )]
    BadValue {
        /// The value.
        value: String,
    },
}

/// Checks a label key: an optional DNS subdomain and a slash, and a name.
pub fn check_label_key(key: &str) -> Result<(), LabelSyntaxError> {
    let shown = || excerpt(key);
    let name = match key.split_once('/') {
        None => key,
        Some((_, name)) if name.contains('/') => {
            return Err(LabelSyntaxError::TooManySlashes { key: shown() });
        }
        Some(("", _)) => return Err(LabelSyntaxError::EmptyPrefix { key: shown() }),
        Some((prefix, _)) if prefix.len() > MAX_PREFIX_LENGTH => {
            return Err(LabelSyntaxError::PrefixTooLong { key: shown(), length: prefix.len() });
        }
        Some((prefix, _)) if !is_dns_subdomain(prefix) => {
            return Err(LabelSyntaxError::BadPrefix { key: shown() });
        }
        Some((_, name)) => name,
    };
    if name.is_empty() {
        return Err(LabelSyntaxError::EmptyName { key: shown() });
    }
    if name.len() > MAX_NAME_LENGTH {
        return Err(LabelSyntaxError::NameTooLong { key: shown(), length: name.len() });
    }
    if !is_label_word(name.as_bytes()) {
        return Err(LabelSyntaxError::BadName { key: shown() });
    }
    Ok(())
}

/// Checks a label value: empty, or at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
pub fn check_label_value(value: &str) -> Result<(), LabelSyntaxError> {
    if value.len() > MAX_VALUE_LENGTH {
        return Err(LabelSyntaxError::ValueTooLong { value: excerpt(value), length: value.len() });
    }
    if !value.is_empty() && !is_label_word(value.as_bytes()) {
        return Err(LabelSyntaxError::BadValue { value: excerpt(value) });
    }
    Ok(())
}

fn is_label_word(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphanumeric)
        && word.last().is_some_and(u8::is_ascii_alphanumeric)
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_dns_subdomain(name: &str) -> bool {
    let is_lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.split('.').all(|part| {
        let part = part.as_bytes();
        part.first().is_some_and(is_lower)
            && part.last().is_some_and(is_lower)
            && part.iter().all(|byte| is_lower(byte) || *byte == b'-')
    })
}

/// The text, cut to a length that can be shown in an error.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
