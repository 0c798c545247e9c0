//! One object in a file, however the file is written.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::validate::path::FieldPath;

use super::json::{JsonError, elements, locate, members, unquote};
use super::lines::{Lines, Place};
use super::source::SourceFile;
use super::yaml_tree::{Budget, Content, Node};

/// A file that is being read.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    lines: Lines<'a>,
    pub(super) budget: Budget,
}

impl<'a> File<'a> {
    pub(super) fn new(source: &'a SourceFile) -> Self {
        let text = source.content();
        Self { name: &source.name, text, lines: Lines::new(text), budget: Budget::for_text(text.len()) }
    }
}

/// A value in a file.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Bytes of the text, which are JSON.
    Json(Range<usize>),
    /// A node of a YAML tree.
    Yaml(Rc<Node>),
}

/// What an object says it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
}

impl Item {
    /// Whether it is an object.
    pub(super) fn is_object(&self, file: &File<'_>) -> bool {
        match self {
            Self::Json(at) => file.text.as_bytes().get(at.start) == Some(&b'{'),
            Self::Yaml(node) => matches!(node.content, Content::Object(_)),
        }
    }

    /// Whether it is null.
    pub(super) fn is_null(&self, file: &File<'_>) -> bool {
        match self {
            Self::Json(at) => file.text.as_bytes().get(at.start) == Some(&b'n'),
            Self::Yaml(node) => matches!(node.content, Content::Scalar(Value::Null)),
        }
    }

    /// Its items, if it is a list.
    pub(super) fn items(&self, file: &File<'_>) -> Option<Vec<Self>> {
        match self {
            Self::Json(at) => (file.text.as_bytes().get(at.start) == Some(&b'['))
                .then(|| elements(file.text, at.start).map(Self::Json).collect()),
            Self::Yaml(node) => match &node.content {
                Content::List(items) => Some(items.iter().cloned().map(Self::Yaml).collect()),
                _ => None,
            },
        }
    }

    /// A field of it.
    pub(super) fn field(&self, file: &File<'_>, name: &str) -> Option<Self> {
        match self {
            Self::Json(at) => members(file.text, at.start)
                .find(|member| member.name == name)
                .map(|member| Self::Json(member.value)),
            Self::Yaml(node) => node.field(name).map(|field| Self::Yaml(Rc::clone(&field.value))),
        }
    }

    /// The text it is, if it is one.
    pub(super) fn text<'f>(&'f self, file: &'f File<'_>) -> Option<Cow<'f, str>> {
        match self {
            Self::Json(at) => unquote(file.text.get(at.clone())?),
            Self::Yaml(node) => node.text().map(Cow::Borrowed),
        }
    }

    /// What it says it is.
    pub(super) fn head(&self, file: &File<'_>) -> Head {
        let mut head = Head::default();
        match self {
            Self::Json(at) => {
                for member in members(file.text, at.start) {
                    let text = || unquote(file.text.get(member.value.clone())?).map(Cow::into_owned);
                    match member.name.as_ref() {
                        "apiVersion" => head.api_version = text(),
                        "kind" => head.kind = text(),
                        _ => continue,
                    }
                    if head.api_version.is_some() && head.kind.is_some() {
                        break;
                    }
                }
            }
            Self::Yaml(node) => {
                let text = |name| node.field(name).and_then(|field| field.value.text()).map(str::to_owned);
                head = Head { api_version: text("apiVersion"), kind: text("kind") };
            }
        }
        head
    }

    /// Whether it comes from a cluster, where it has passed admission.
    pub(super) fn is_live(&self, file: &File<'_>) -> bool {
        let metadata = self.field(file, "metadata");
        metadata.and_then(|metadata| metadata.field(file, "uid")).is_some_and(|uid| uid.text(file).is_some())
    }

    /// It as a JSON value.
    pub(super) fn value(&self, file: &File<'_>) -> Result<Value, String> {
        match self {
            Self::Json(_) => self.decode(file),
            Self::Yaml(node) => node.to_value(&file.budget).map_err(|_| {
                "the aliases of the file stand for more than can be read; write the values out".to_owned()
            }),
        }
    }

    /// It as a typed object.
    pub(super) fn decode<T: DeserializeOwned>(&self, file: &File<'_>) -> Result<T, String> {
        match self {
            Self::Json(at) => {
                let text = file.text.get(at.clone()).unwrap_or_default();
                serde_json::from_str(text).map_err(|error| match error.classify() {
                    serde_json::error::Category::Data => error.to_string(),
                    // The text was checked, so only nesting is left to fail.
                    _ => JsonError::from(&error).problem,
                })
            }
            Self::Yaml(_) => T::deserialize(self.value(file)?).map_err(|error| error.to_string()),
        }
    }

    /// Where it is in the file.
    pub(super) fn place(&self, file: &File<'_>) -> Place {
        self.place_of(file, &FieldPath::default(), false)
    }

    /// Where the value at a path within is, or its name.
    pub(super) fn place_of(&self, file: &File<'_>, path: &FieldPath, on_key: bool) -> Place {
        match self {
            Self::Json(at) => file.lines.place(locate(file.text, at.start, path, on_key)),
            Self::Yaml(node) => node.locate(path, on_key),
        }
    }
}
