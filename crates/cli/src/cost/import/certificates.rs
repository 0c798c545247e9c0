//! Certificates in a file.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM file, at least one; else what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (body, after) =
            block.split_once(END).ok_or_else(|| format!("certificate {} has no {END}", found.len() + 1))?;
        let packed: String = body.split_whitespace().collect();
        let certificate =
            STANDARD.decode(packed).map_err(|error| format!("certificate {}: {error}", found.len() + 1))?;
        found.push(certificate);
        rest = after;
    }
    if found.is_empty() { Err(format!("no certificates; expected {BEGIN}")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn all_certificates_of_a_file_are_read() {
        let text = format!("# ours\n{BEGIN}\nQUJD\nREVG\n{END}\n\n{BEGIN}\r\nQQ==\r\n{END}");
        assert_eq!(parse(&text), Ok(vec![b"ABCDEF".to_vec(), b"A".to_vec()]));
    }

    #[rstest]
    #[case::nothing("", "no certificates; expected -----BEGIN CERTIFICATE-----")]
    #[case::a_key("-----BEGIN PRIVATE KEY-----", "no certificates; expected -----BEGIN CERTIFICATE-----")]
    #[case::torn("-----BEGIN CERTIFICATE-----\nQUJD", "certificate 1 has no -----END CERTIFICATE-----")]
    #[case::nonsense("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "certificate 1: ")]
    fn a_file_that_is_none_is_explained(#[case] text: &str, #[case] problem: &str) {
        assert!(parse(text).unwrap_err().starts_with(problem));
    }
}
