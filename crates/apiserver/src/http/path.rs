//! Paths of resources.
//!
//! ```text
//! /api/v1 | /apis/GROUP/VERSION
//!   /RESOURCE[/NAME[/SUBRESOURCE[/...]]]
//!   /namespaces/NAMESPACE/RESOURCE[/NAME[/SUBRESOURCE[/...]]]
//! ```

/// What a path names. The parts are decoded; those that are not there are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The namespace.
    pub namespace: String,
    /// The plural.
    pub resource: String,
    /// The name.
    pub name: String,
    /// The subresource.
    pub subresource: String,
    /// What follows the subresource.
    pub rest: String,
    /// Whether the path has the old `watch` segment.
    pub is_watch: bool,
}

impl ResourcePath {
    /// Reads a path; nothing if it does not name a resource.
    pub fn parse(path: &str) -> Option<Self> {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode_segment)
            .collect::<Option<_>>()?;
        let mut parsed = Self::default();
        let mut rest = match segments.first().map(String::as_str) {
            Some("api") => {
                parsed.version = segments.get(1)?.clone();
                segments.get(2..)?
            }
            Some("apis") => {
                parsed.group = segments.get(1)?.clone();
                parsed.version = segments.get(2)?.clone();
                segments.get(3..)?
            }
            _ => return None,
        };
        if rest.first().is_some_and(|segment| segment == "watch") && rest.len() > 1 {
            parsed.is_watch = true;
            rest = &rest[1..];
        }
        // `namespaces/NAME/status` and `namespaces/NAME/finalize` are about the namespace itself.
        let is_within = rest.len() > 2
            && rest[0] == "namespaces"
            && !(rest.len() == 3 && matches!(rest[2].as_str(), "status" | "finalize"));
        if is_within {
            parsed.namespace = rest[1].clone();
            rest = &rest[2..];
        }
        parsed.resource = rest.first()?.clone();
        parsed.name = rest.get(1).cloned().unwrap_or_default();
        parsed.subresource = rest.get(2).cloned().unwrap_or_default();
        parsed.rest = rest.get(3..).unwrap_or_default().join("/");
        Some(parsed)
    }
}

/// Decodes percent signs; nothing if what they stand for is not UTF-8.
pub(super) fn decode_segment(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    String::from_utf8(decode(segment.as_bytes(), false)).ok()
}

/// Decodes percent signs, and plus signs if they stand for spaces. A percent sign without two digits is itself.
pub(super) fn decode(bytes: &[u8], plus_is_space: bool) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/api/v1/pods", "", "v1", "", "pods", "", "")]
    #[case("/api/v1/namespaces/a/pods/b/status", "", "v1", "a", "pods", "b", "status")]
    #[case("/api/v1/namespaces/a", "", "v1", "", "namespaces", "a", "")]
    #[case("/api/v1/namespaces/a/status", "", "v1", "", "namespaces", "a", "status")]
    #[case("/api/v1/namespaces/a/finalize", "", "v1", "", "namespaces", "a", "finalize")]
    #[case("/apis/apps/v1/namespaces/a/deployments/b/scale", "apps", "v1", "a", "deployments", "b", "scale")]
    #[case("/apis/g/v1/clusterroles/system%3Anode", "g", "v1", "", "clusterroles", "system:node", "")]
    fn paths_name_resources(
        #[case] path: &str,
        #[case] group: &str,
        #[case] version: &str,
        #[case] namespace: &str,
        #[case] resource: &str,
        #[case] name: &str,
        #[case] subresource: &str,
    ) {
        let parsed = ResourcePath::parse(path).unwrap();
        let found = (
            parsed.group,
            parsed.version,
            parsed.namespace,
            parsed.resource,
            parsed.name,
            parsed.subresource,
        );
        let expected = [group, version, namespace, resource, name, subresource].map(str::to_owned);
        assert_eq!(<[String; 6]>::from(found), expected);
    }

    #[rstest]
    #[case("/api")]
    #[case("/apis/apps/v1")]
    #[case("/metrics")]
    #[case("/api/v1/pods/%ff")]
    fn other_paths_do_not(#[case] path: &str) {
        assert_eq!(ResourcePath::parse(path), None);
    }
}
