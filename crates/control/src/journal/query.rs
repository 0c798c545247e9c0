//! Which entries are wanted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryKind, Subject};

/// Which entries are wanted; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalQuery {
    /// Only those about this object: `nodeclaim/NAME`, `pod/NAMESPACE/NAME`, `NAMESPACE/NAME` or `NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only those of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntryKind>,
    /// Only those of this moment and later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only those with a greater sequence number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many: the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl JournalQuery {
    /// Those about an object, named as in [`JournalQuery::subject`].
    pub fn about(subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..Self::default() }
    }

    /// Whether an entry is wanted, apart from the limit. The subject has been read by the caller, once.
    pub(super) fn wants(&self, subject: Option<&SubjectQuery>, entry: &Entry) -> bool {
        subject.is_none_or(|wanted| entry.subjects().any(|subject| wanted.means(subject)))
            && self.kind.is_none_or(|kind| kind == entry.kind)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.after.is_none_or(|after| entry.sequence > after)
    }
}

/// An object as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectQuery {
    kind: Option<String>,
    namespace: Option<String>,
    name: String,
}

impl SubjectQuery {
    /// Reads `KIND/NAME`, `KIND/NAMESPACE/NAME`, `NAMESPACE/NAME` or `NAME`. Kinds are known in any case, in the plural and by
    /// kubectl's short names. What has one slash and no known kind before it is a namespace and a name.
    pub fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, namespace, name] => (Some(known(kind)), Some(namespace), name),
            [first, name] if is_known(first) => (Some(known(first)), None, name),
            [namespace, name] => (None, Some(namespace), name),
            _ => (None, None, text),
        };
        Self { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    /// Whether this object is meant.
    pub fn means(&self, subject: &Subject) -> bool {
        self.name == subject.name
            && self.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(&subject.kind))
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == subject.namespace)
    }
}

/// Kinds that entries are about, with what kubectl also calls them.
const KINDS: &[(&str, &[&str])] = &[
    ("Pod", &["po", "pods"]),
    ("Node", &["no", "nodes"]),
    ("NodeClaim", &["nodeclaims"]),
    ("NodePool", &["nodepools"]),
    ("NodeOverlay", &["nodeoverlays", "overlays", "overlay"]),
    ("EC2NodeClass", &["ec2nodeclasses", "ec2nc", "ec2ncs"]),
    ("CapacityBuffer", &["capacitybuffers", "cb"]),
    ("Deployment", &["deployments", "deploy"]),
    ("Lease", &["leases"]),
];

fn find(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let called = |(kind, others): &&(&'static str, &[&str])| {
        kind.eq_ignore_ascii_case(&word) || others.contains(&word.as_str())
    };
    KINDS.iter().find(called).map(|(kind, _)| *kind)
}

fn is_known(word: &str) -> bool {
    find(word).is_some()
}

fn known(word: &str) -> String {
    find(word).map_or_else(|| word.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_name("web-1", true)]
    #[case::a_namespace_and_a_name("shop/web-1", true)]
    #[case::a_kind_and_a_name("pod/web-1", true)]
    #[case::a_plural("pods/web-1", true)]
    #[case::a_short_name("po/shop/web-1", true)]
    #[case::everything("Pod/shop/web-1", true)]
    #[case::another_namespace("pod/other/web-1", false)]
    #[case::another_kind("node/web-1", false)]
    #[case::another_name("web-2", false)]
    #[case::nothing("", false)]
    fn an_object_is_found_under_the_names_people_give_it(#[case] text: &str, #[case] meant: bool) {
        let pod = Subject { kind: "Pod".into(), namespace: "shop".into(), name: "web-1".into() };
        assert_eq!(SubjectQuery::read(text).means(&pod), meant);
    }
}
