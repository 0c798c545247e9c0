//! Paths of fields within an object.

use std::fmt;

/// One step from a value to a value within.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A field of an object.
    Key(String),
    /// An item of a list.
    Index(usize),
}

/// The way from an object to a field within, written as in `.spec.taints[0].key`; keys that are no plain words stand
/// in brackets, as in `.metadata.labels["example.com/team"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldPath(pub(crate) Vec<Step>);

impl FieldPath {
    /// The path of the form `spec.items[0].key`, keys being plain words.
    pub(crate) fn from_dotted(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            let indices = indices.split(['[', ']']).filter_map(|index| index.parse().ok());
            steps.extend(indices.map(Step::Index));
        }
        Self(steps)
    }

    /// Whether the other path leads to the same value or one within.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) if is_plain(key) => write!(formatter, ".{key}")?,
                Step::Key(key) => write!(formatter, "[{:?}]", crate::labels::excerpt(key))?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 80
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Where a check is: a path that costs nothing until a problem is found there.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    step: AtStep<'a>,
    parent: Option<&'a At<'a>>,
}

#[derive(Clone, Copy)]
enum AtStep<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl At<'_> {
    /// The object itself.
    pub(crate) const ROOT: At<'static> = At { step: AtStep::Root, parent: None };

    /// A field of the value here.
    pub(crate) fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At { step: AtStep::Key(key), parent: Some(self) }
    }

    /// An item of the list here.
    pub(crate) fn index(&self, index: usize) -> At<'_> {
        At { step: AtStep::Index(index), parent: Some(self) }
    }

    /// The path to here.
    pub(crate) fn path(&self) -> FieldPath {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(at) = here {
            match at.step {
                AtStep::Root => {}
                AtStep::Key(key) => steps.push(Step::Key(key.to_owned())),
                AtStep::Index(index) => steps.push(Step::Index(index)),
            }
            here = at.parent;
        }
        steps.reverse();
        FieldPath(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_so_that_jq_understands_them() {
        let spec = At::ROOT.key("spec");
        let list = spec.key("requirements");
        let item = list.index(2);
        assert_eq!(item.key("operator").path().to_string(), ".spec.requirements[2].operator");
        assert_eq!(spec.key("example.com/team").path().to_string(), r#".spec["example.com/team"]"#);
        assert_eq!(At::ROOT.path().to_string(), "");
    }

    #[test]
    fn a_dotted_path_is_read() {
        let path = FieldPath::from_dotted("spec.requirements[2].values[0]");
        assert_eq!(path.to_string(), ".spec.requirements[2].values[0]");
        assert!(FieldPath::from_dotted("spec.requirements").contains(&path));
        assert!(!path.contains(&FieldPath::from_dotted("spec.requirements")));
        assert_eq!(FieldPath::from_dotted(""), FieldPath::default());
    }
}
