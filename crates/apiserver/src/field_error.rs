//! What is wrong with a field, worded as kubectl's users know it.
//!
//! ```text
//! spec.replicas: Invalid value: -1: must be greater than or equal to 0
//! └─ path ─────┘ └─ kind ────┘  └┘ bad value  └─ detail ─────────────┘
//! ```

use std::fmt;

use serde_json::{Value, json};

use crate::gvk::Gvk;

/// Longest bad value that a message repeats, in bytes; the rest is cut off.
const LONGEST_SHOWN: usize = 4096;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldErrorKind {
    /// The field must be there.
    Required,
    /// The value is not possible.
    Invalid,
    /// The value is not one of those that are.
    NotSupported,
    /// The field must not be there, or not be changed.
    Forbidden,
    /// The value comes twice.
    Duplicate,
    /// The text is too long.
    TooLong,
    /// There are too many items.
    TooMany,
    /// What the field names does not exist.
    NotFound,
    /// The value has the wrong type.
    TypeInvalid,
    /// The check itself failed.
    Internal,
}

impl FieldErrorKind {
    /// How a message begins.
    pub fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::NotFound => "Not found",
            Self::Internal => "Internal error",
        }
    }

    /// The reason of the cause in a Status.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::NotFound => "FieldValueNotFound",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// Where, such as `spec.containers[0].name`; `<nil>` for the whole object.
    pub path: String,
    /// What.
    pub kind: FieldErrorKind,
    /// The value that is wrong; `None` where a message does not repeat it.
    pub bad_value: Option<Value>,
    /// What would be right; may be empty.
    pub detail: String,
}

impl FieldError {
    /// A field that must be there.
    pub fn required(path: impl ToString, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Required, None, detail)
    }

    /// A value that is not possible.
    pub fn invalid(path: impl ToString, bad_value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Invalid, Some(bad_value.into()), detail)
    }

    /// A value of the wrong type.
    pub fn type_invalid(path: impl ToString, bad_value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::TypeInvalid, Some(bad_value.into()), detail)
    }

    /// A value that is none of the supported ones; they are listed in the order given.
    pub fn not_supported(path: impl ToString, bad_value: impl Into<Value>, supported: &[&str]) -> Self {
        let listed: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let detail = if listed.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", listed.join(", "))
        };
        Self::new(path, FieldErrorKind::NotSupported, Some(bad_value.into()), detail)
    }

    /// A field that must not be there, or not be changed.
    pub fn forbidden(path: impl ToString, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Forbidden, None, detail)
    }

    /// A value that comes twice.
    pub fn duplicate(path: impl ToString, bad_value: impl Into<Value>) -> Self {
        Self::new(path, FieldErrorKind::Duplicate, Some(bad_value.into()), "")
    }

    /// A text longer than `longest` bytes.
    pub fn too_long(path: impl ToString, longest: usize) -> Self {
        let unit = if longest == 1 { "byte" } else { "bytes" };
        Self::new(path, FieldErrorKind::TooLong, None, format!("may not be more than {longest} {unit}"))
    }

    /// A list of more than `most` items.
    pub fn too_many(path: impl ToString, found: usize, most: usize) -> Self {
        let unit = if most == 1 { "item" } else { "items" };
        let detail = format!("must have at most {most} {unit}");
        Self::new(path, FieldErrorKind::TooMany, Some(json!(found)), detail)
    }

    /// Something named that does not exist.
    pub fn not_found(path: impl ToString, bad_value: impl Into<Value>) -> Self {
        Self::new(path, FieldErrorKind::NotFound, Some(bad_value.into()), "")
    }

    /// A check that failed by itself.
    pub fn internal(path: impl ToString, detail: impl Into<String>) -> Self {
        Self::new(path, FieldErrorKind::Internal, None, detail)
    }

    fn new(
        path: impl ToString,
        kind: FieldErrorKind,
        bad_value: Option<Value>,
        detail: impl Into<String>,
    ) -> Self {
        let mut path = path.to_string();
        if path.is_empty() {
            path = "<nil>".to_owned();
        }
        Self { path, kind, bad_value, detail: detail.into() }
    }

    /// The message without the path, as the causes of a Status give it.
    pub fn body(&self) -> String {
        let mut text = self.kind.words().to_owned();
        if let Some(value) = &self.bad_value {
            text.push_str(": ");
            text.push_str(&shown(value));
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    /// The cause that a Status lists for this error.
    pub fn cause(&self) -> Value {
        json!({ "reason": self.kind.reason(), "message": self.body(), "field": self.path })
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

/// The value as JSON, the keys of objects in order, as upstream prints maps.
fn shown(value: &Value) -> String {
    let mut text = match value {
        Value::Object(_) | Value::Array(_) => {
            let mut sorted = value.clone();
            sorted.sort_all_objects();
            sorted.to_string()
        }
        _ => value.to_string(),
    };
    if text.len() > LONGEST_SHOWN {
        let end = text.floor_char_boundary(LONGEST_SHOWN);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// The errors as one text: one alone, several in brackets; what comes twice is said once.
pub fn aggregate(errors: &[FieldError]) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let texts: Vec<String> =
        errors.iter().map(FieldError::to_string).filter(|text| seen.insert(text.clone())).collect();
    match texts.as_slice() {
        [only] => only.clone(),
        _ => format!("[{}]", texts.join(", ")),
    }
}

/// The Status (422, `Invalid`) that refuses an object for these errors.
pub fn invalid_status(gvk: &Gvk, name: &str, errors: &[FieldError]) -> Value {
    let mut message = format!("{} {name:?} is invalid", gvk.qualified_kind());
    if !errors.is_empty() {
        message.push_str(": ");
        message.push_str(&aggregate(errors));
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "Invalid",
        "details": {
            "name": name,
            "group": gvk.group,
            "kind": gvk.kind,
            "causes": errors.iter().map(FieldError::cause).collect::<Vec<_>>(),
        },
        "code": 422,
    })
}

/// Where a value is, as a chain of steps from the root; it becomes text only when something is wrong.
#[derive(Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Key(&'p str),
    Index(usize),
}

impl Path<'static> {
    /// The object itself.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };
}

impl<'p> Path<'p> {
    /// Whether this is the object itself.
    pub fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// The field of this name, or fields if the name has dots: `.name`.
    pub fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// The entry of a map: `[key]`.
    pub fn key(&'p self, key: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    /// The item of a list: `[index]`.
    pub fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(path) = here {
            steps.push(path.step);
            here = path.parent;
        }
        let mut is_first = true;
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => continue,
                Step::Field(name) if is_first => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
            is_first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_kubectl_shows_them() {
        let spec = Path::ROOT.field("spec");
        let containers = spec.field("containers");
        let first = containers.index(0);
        let cases = [
            (
                FieldError::invalid(spec.field("replicas"), -1, "must be greater than or equal to 0"),
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (FieldError::required(first.field("name"), ""), "spec.containers[0].name: Required value"),
            (
                FieldError::not_supported(spec.field("type"), "x", &["ClusterIP", "NodePort"]),
                r#"spec.type: Unsupported value: "x": supported values: "ClusterIP", "NodePort""#,
            ),
            (
                FieldError::duplicate(first.field("name"), "a"),
                r#"spec.containers[0].name: Duplicate value: "a""#,
            ),
            (
                FieldError::too_long("metadata.name", 63),
                "metadata.name: Too long: may not be more than 63 bytes",
            ),
            (FieldError::too_many("spec.x", 9, 8), "spec.x: Too many: 9: must have at most 8 items"),
            (FieldError::forbidden("spec.x", "no"), "spec.x: Forbidden: no"),
            (FieldError::invalid("", "a", "b"), r#"<nil>: Invalid value: "a": b"#),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn one_error_stands_alone_and_several_in_brackets_without_repeats() {
        let error = FieldError::required("a", "");
        assert_eq!(aggregate(&[error.clone(), error.clone()]), "a: Required value");
        let other = FieldError::required("b", "");
        assert_eq!(aggregate(&[error, other]), "[a: Required value, b: Required value]");
    }
}
