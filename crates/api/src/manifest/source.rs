//! A file of the input: its name and its text.

use crate::validate::Severity;

use super::diagnostic::Diagnostic;

/// A file that was read, or what came from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// What it is called in diagnostics.
    pub name: String,
    /// Its text, YAML or JSON.
    pub text: String,
}

impl SourceFile {
    /// A file whose text is known already.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// A file from its bytes: UTF-8, or UTF-16 with a byte order mark as some shells write it. Anything else is not
    /// text, and the diagnostic says where it stops being so.
    #[allow(clippy::result_large_err, reason = "made once for a file at most, and kept as it is")]
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        let name = name.into();
        let text = match bytes.as_slice() {
            [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
            _ => String::from_utf8(bytes).map_err(|error| {
                let valid = error.utf8_error().valid_up_to();
                String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned()
            }),
        };
        match text {
            Ok(text) => Ok(Self { name, text }),
            Err(readable) => Err(Diagnostic {
                file: name,
                line: readable.matches('\n').count() + 1,
                column: readable.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
                object: None,
                path: String::new(),
                problem: "the file is not text".to_owned(),
                rule: None,
                right: Some("manifests are YAML or JSON in UTF-8".to_owned()),
                severity: Severity::Error,
            }),
        }
    }

    /// The text without a byte order mark.
    pub(super) fn content(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

/// The text, or what could be read of it before the first mistake.
fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len() / 2);
    for letter in char::decode_utf16(units) {
        match letter {
            Ok(letter) => text.push(letter),
            Err(_) => return Err(text),
        }
    }
    if bytes.len() % 2 == 1 { Err(text) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_with_a_byte_order_mark_is_text() {
        let bytes: Vec<u8> = "\u{feff}kind: Pod".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(SourceFile::from_bytes("pod.yaml", bytes).unwrap().text, "kind: Pod");
    }

    #[test]
    fn binary_is_refused_where_it_stops_being_text() {
        let error = SourceFile::from_bytes("x.bin", b"a: 1\nb\xff\x00".to_vec()).unwrap_err();
        assert_eq!((error.line, error.column), (2, 2));
    }

    #[test]
    fn half_a_utf16_letter_is_refused() {
        assert!(SourceFile::from_bytes("x", vec![0xff, 0xfe, b'a', 0, b'b']).is_err());
    }
}
