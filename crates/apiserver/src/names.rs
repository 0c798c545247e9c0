//! What may be a name, a label, a key: each rule answers with what is wrong, in the words kubectl's users know.

/// Longest DNS label, in bytes.
pub const LONGEST_LABEL: usize = 63;

/// Longest DNS subdomain, in bytes.
pub const LONGEST_SUBDOMAIN: usize = 253;

/// Room that a generated suffix takes, in bytes.
const GENERATED_SUFFIX: usize = 5;

/// A rule for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// DNS-1123 subdomain, at most 253 bytes.
    Subdomain,
    /// DNS-1123 subdomain that leaves room for a suffix: at most this many bytes.
    SubdomainUpTo(usize),
    /// DNS-1123 label, at most 63 bytes.
    Label,
    /// DNS-1035 label, at most 63 bytes.
    Label1035,
    /// Anything that can be one segment of a path.
    PathSegment,
}

impl NameRule {
    /// What is wrong with the name; nothing if it is right.
    pub fn check(self, name: &str) -> Vec<String> {
        match self {
            Self::Subdomain => dns1123_subdomain(name),
            Self::SubdomainUpTo(longest) => {
                let mut wrong = dns1123_subdomain(name);
                if wrong.is_empty() && name.len() > longest {
                    wrong.push(format!("must be no more than {longest} characters"));
                }
                wrong
            }
            Self::Label => dns1123_label(name),
            Self::Label1035 => dns1035_label(name),
            Self::PathSegment => path_segment(name),
        }
    }

    /// What is wrong with the beginning of a name to be generated; a dash at its end is fine.
    pub fn check_prefix(self, prefix: &str) -> Vec<String> {
        if self == Self::PathSegment {
            return path_segment_prefix(prefix);
        }
        match prefix.strip_suffix('-') {
            // The suffix follows: what stands before the dash must be a name that a letter can end.
            Some("") | None => self.check(prefix),
            Some(_) => self.check(&format!("{}a", &prefix[..prefix.len() - 1])),
        }
    }
}

/// Cuts the beginning of a name so that a generated suffix of five characters fits behind it.
pub fn base_for_generated(prefix: &str) -> &str {
    let longest = LONGEST_LABEL - GENERATED_SUFFIX;
    if prefix.len() <= longest { prefix } else { &prefix[..prefix.floor_char_boundary(longest)] }
}

/// What is wrong with a DNS-1123 label.
pub fn dns1123_label(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LONGEST_LABEL);
    if !is_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
             and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned()
        });
    }
    wrong
}

/// What is wrong with a DNS-1123 subdomain.
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LONGEST_SUBDOMAIN);
    if !is_subdomain(text) {
        wrong.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    wrong
}

/// What is wrong with a DNS-1035 label.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LONGEST_LABEL);
    if !(is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())) {
        wrong.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    wrong
}

/// What is wrong with the key of a label or annotation, a resource, a finalizer: a name with an optional DNS prefix.
pub fn qualified_name(text: &str) -> Vec<String> {
    const PARTS: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                         validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let mut wrong = Vec::new();
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let name = match (second, third) {
        (None, _) => first,
        (Some(name), None) => {
            if first.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(dns1123_subdomain(first).into_iter().map(|text| format!("prefix part {text}")));
            }
            name
        }
        _ => {
            wrong.push(format!(
                "a qualified name {PARTS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ));
            return wrong;
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LONGEST_LABEL {
        wrong.push(format!("name part must be no more than {LONGEST_LABEL} bytes"));
    }
    if !is_word(name) {
        wrong.push(format!("name part {PARTS}"));
    }
    wrong
}

/// What is wrong with the value of a label.
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LONGEST_LABEL);
    if !text.is_empty() && !is_word(text) {
        wrong.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
             for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    wrong
}

/// What is wrong with a name that is one segment of a path.
pub fn path_segment(text: &str) -> Vec<String> {
    match text {
        "." | ".." => vec![format!("may not be '{text}'")],
        _ => path_segment_prefix(text),
    }
}

fn path_segment_prefix(text: &str) -> Vec<String> {
    ['/', '%'].into_iter().filter(|c| text.contains(*c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// What is wrong with a key of a ConfigMap or Secret.
pub fn config_key(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LONGEST_SUBDOMAIN);
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        wrong.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    match text {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

/// What is wrong with the name of an environment variable.
pub fn env_var_name(text: &str) -> Vec<String> {
    if !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
            .to_owned(),
    ]
}

/// What is wrong with the name of a port.
pub fn port_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// What is wrong with the number of a port.
pub fn port_number(port: i64) -> Option<&'static str> {
    (!(1..=65535).contains(&port)).then_some("must be between 1 and 65535, inclusive")
}

/// Whether a text is a DNS-1123 label, its length aside.
pub fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !bytes.is_empty()
        && bytes.iter().all(|b| is_inner(*b))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

fn is_subdomain(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(is_label)
}

/// Alphanumeric at both ends, and `-`, `_` and `.` between them.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn too_long(text: &str, longest: usize) -> Vec<String> {
    if text.len() > longest { vec![format!("must be no more than {longest} bytes")] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_dns_takes_them() {
        for good in ["a", "0", "my-name", "a.b-c.d", &"a".repeat(253)] {
            assert_eq!(dns1123_subdomain(good), Vec::<String>::new(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a..b", ".a", "a.", "a_b", "ä", &"a".repeat(254)] {
            assert_ne!(dns1123_subdomain(bad), Vec::<String>::new(), "{bad}");
        }
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert!(dns1035_label("1a")[0].starts_with("a DNS-1035 label must consist"));
        assert!(dns1035_label("a1").is_empty());
    }

    #[test]
    fn keys_have_one_prefix_at_most() {
        for good in ["a", "A_b.c-d", "example.com/a", &format!("example.com/{}", "a".repeat(63))] {
            assert_eq!(qualified_name(good), Vec::<String>::new(), "{good}");
        }
        assert_eq!(qualified_name("/a"), ["prefix part must be non-empty"]);
        assert_eq!(qualified_name("a/")[0], "name part must be non-empty");
        assert!(qualified_name("a/b/c")[0].starts_with("a qualified name must consist"));
        assert!(qualified_name("A.b/c")[0].starts_with("prefix part a lowercase RFC 1123 subdomain"));
    }

    #[test]
    fn the_beginning_of_a_generated_name_may_end_in_a_dash() {
        assert!(NameRule::Subdomain.check_prefix("job-").is_empty());
        assert!(!NameRule::Subdomain.check_prefix("-").is_empty());
        assert!(!NameRule::Subdomain.check_prefix("Job-").is_empty());
        assert_eq!(base_for_generated(&"a".repeat(80)).len(), 58);
    }
}
