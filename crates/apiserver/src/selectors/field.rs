//! The text form of field selectors: `a=b,c!=d,e==f`. A backslash takes the meaning from a comma, an equals sign or a
//! backslash in a value.

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub field: String,
    pub is_equal: bool,
    pub value: String,
}

/// Reads a field selector; on failure says what is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    for part in split_unescaped(text) {
        if part.is_empty() {
            continue;
        }
        let Some(at) = part.find('=') else {
            return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
        };
        let (field, is_equal, value) = if part[..at].ends_with('!') {
            (&part[..at - 1], false, &part[at + 1..])
        } else if part[at + 1..].starts_with('=') {
            (&part[..at], true, &part[at + 2..])
        } else {
            (&part[..at], true, &part[at + 1..])
        };
        let value = unescape(value).map_err(|what| format!("invalid field selector: {what} in '{text}'"))?;
        terms.push(Term { field: field.to_owned(), is_equal, value });
    }
    Ok(terms)
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ (',' | '=' | '\\')) => plain.push(escaped),
                other => {
                    return Err(format!(
                        "invalid escape sequence: {:?}",
                        format!("\\{}", other.map_or(String::new(), String::from))
                    ));
                }
            },
            '=' => return Err("unescaped character '='".to_owned()),
            _ => plain.push(character),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a=b,c!=d,e==f", &[("a", true, "b"), ("c", false, "d"), ("e", true, "f")])]
    #[case(r"a=b\,c\=d\\", &[("a", true, r"b,c=d\")])]
    #[case("metadata.name=", &[("metadata.name", true, "")])]
    #[case("", &[])]
    fn selectors_are_read(#[case] text: &str, #[case] expected: &[(&str, bool, &str)]) {
        let terms = parse(text).unwrap();
        let found: Vec<_> = terms.iter().map(|t| (t.field.as_str(), t.is_equal, t.value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("a")]
    #[case("a=b=c")]
    #[case(r"a=\x")]
    #[case("a=\\")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert!(parse(text).is_err());
    }
}
