//! What can be wrong with the text of a quantity, in words a manifest's author can act on.

use crate::labels::excerpt;

/// Why a text is not a Kubernetes quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// There was no text at all.
    #[error("quantity is empty; write a number such as 500m, 2 or 1.5Gi")]
    Empty,
    /// A sign, a point or a suffix without any digit, or something that is not a number at all.
    #[error("quantity {text:?} does not start with a number; write a number such as 500m, 2 or 1.5Gi")]
    NoDigits {
        /// The text, cut to a readable length.
        text: String,
    },
    /// Digits followed by something that is neither a suffix nor an exponent.
    #[error(
        "quantity {text:?} ends in {suffix:?}, which is not a suffix{}; \
         use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3",
        .hint.map(|hint| format!(" (did you mean {hint:?}?)")).unwrap_or_default()
    )]
    UnknownSuffix {
        /// The whole text, cut to a readable length.
        text: String,
        /// What follows the number, cut to a readable length.
        suffix: String,
        /// The suffix that was probably meant.
        hint: Option<&'static str>,
    },
    /// The magnitude is 1e29 or more.
    #[error("quantity {text:?} is too large; its magnitude must be below 1e29")]
    TooLarge {
        /// The text, cut to a readable length.
        text: String,
    },
}

impl QuantityError {
    pub(super) fn no_digits(text: &str) -> Self {
        Self::NoDigits { text: excerpt(text) }
    }

    pub(super) fn unknown_suffix(text: &str, suffix: &str) -> Self {
        Self::UnknownSuffix { text: excerpt(text), suffix: excerpt(suffix), hint: meant_suffix(suffix) }
    }

    pub(super) fn too_large(text: &str) -> Self {
        Self::TooLarge { text: excerpt(text) }
    }
}

/// The suffix somebody most likely meant by a wrong one.
fn meant_suffix(suffix: &str) -> Option<&'static str> {
    if suffix.len() > 8 {
        return None;
    }
    Some(match suffix.trim().to_ascii_lowercase().as_str() {
        "k" | "kb" => "k",
        "ki" | "kib" => "Ki",
        "mb" => "M",
        "mi" | "mib" => "Mi",
        "g" | "gb" => "G",
        "gi" | "gib" => "Gi",
        "t" | "tb" => "T",
        "ti" | "tib" => "Ti",
        "p" | "pb" => "P",
        "pi" | "pib" => "Pi",
        "eb" => "E",
        "ei" | "eib" => "Ei",
        "milli" | "millicores" => "m",
        _ => return None,
    })
}
