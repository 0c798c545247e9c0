//! A definition, compiled: what can be done with its objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::builtin::read::{Errors, has, items, set, text, truth};
use crate::field_error::{FieldError, Path};
use crate::gvk::{Gvk, Gvr};
use crate::schema::{self, Schema};

use super::check::validate_definition;
use super::columns::Column;
use super::json_path::JsonPath;
use super::node::Node;
use super::{rules, shaping, validation};

/// A CustomResourceDefinition, compiled.
#[derive(Debug)]
pub struct Definition {
    /// The group of its objects.
    pub group: String,
    /// The kind of its objects.
    pub kind: String,
    /// The kind of lists of its objects.
    pub list_kind: String,
    /// The name in paths.
    pub plural: String,
    /// The name of one object, on the command line.
    pub singular: String,
    /// Other names, on the command line.
    pub short_names: Vec<String>,
    /// Groups of resources it belongs to, such as `all`.
    pub categories: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// The webhook that brings its objects from version to version (`spec.conversion.webhook`); none if only their
    /// `apiVersion` changes.
    pub conversion: Option<Value>,
    versions: Vec<Version>,
    by_name: BTreeMap<String, usize>,
}

/// One version of a definition.
#[derive(Debug)]
pub struct Version {
    /// The name, such as `v1`.
    pub name: String,
    /// Whether objects are served in it.
    pub served: bool,
    /// Whether objects are stored in it; true for one version.
    pub storage: bool,
    /// What clients of a deprecated version are warned with.
    pub deprecation_warning: Option<String>,
    /// Whether it has the subresource `status`.
    pub has_status: bool,
    /// The subresource `scale`, if it has it.
    pub scale: Option<Scale>,
    /// The schema as it was written (`openAPIV3Schema`).
    pub schema: Value,
    /// Columns of tables, beside the name. `Age` alone if the definition names none.
    pub columns: Vec<Column>,
    /// Paths of fields that field selectors can select by.
    pub selectable_fields: Vec<JsonPath>,
    node: Node,
    shape: Schema,
}

/// Where the subresource `scale` finds its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Where wanted replicas are.
    pub spec_replicas: JsonPath,
    /// Where present replicas are.
    pub status_replicas: JsonPath,
    /// Where the selector is, as text.
    pub label_selector: Option<JsonPath>,
}

impl Definition {
    /// Compiles a CustomResourceDefinition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(definition: &Value) -> Result<Definition, Vec<FieldError>> {
        let mut copy = definition.clone();
        super::default_definition(&mut copy);
        let errors = validate_definition(&copy);
        if !errors.is_empty() {
            return Err(errors);
        }
        let spec = &copy["spec"];
        let names = &spec["names"];
        let words =
            |field: &str| items(names, field).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let kind = text(names, "kind").to_owned();
        let group = text(spec, "group").to_owned();
        let versions: Vec<Version> =
            items(spec, "versions").iter().map(|version| Version::compile(version, &group, &kind)).collect();
        let by_name =
            versions.iter().enumerate().map(|(index, version)| (version.name.clone(), index)).collect();
        Ok(Definition {
            list_kind: text(names, "listKind").to_owned(),
            plural: text(names, "plural").to_owned(),
            singular: text(names, "singular").to_owned(),
            short_names: words("shortNames"),
            categories: words("categories"),
            namespaced: text(spec, "scope") == "Namespaced",
            conversion: (text(&spec["conversion"], "strategy") == "Webhook")
                .then(|| spec["conversion"]["webhook"].clone()),
            group,
            kind,
            versions,
            by_name,
        })
    }

    /// The versions, in the order of the definition.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version of this name.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.by_name.get(name).and_then(|index| self.versions.get(*index))
    }

    /// The version that objects are stored in.
    pub fn storage_version(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }

    /// The resource and kind of a version.
    pub fn names(&self, version: &str) -> (Gvr, Gvk) {
        (Gvr::new(&self.group, version, &self.plural), Gvk::new(&self.group, version, &self.kind))
    }

    /// Brings an object to a version (conversion strategy `None`): its `apiVersion` changes and nothing else.
    pub fn convert(&self, object: &mut Value, version: &str) {
        set(object, "apiVersion", Gvk::new(&self.group, version, &self.kind).api_version());
    }

    /// Takes unknown fields away; answers with the paths of those that were there.
    pub fn prune(&self, version: &str, object: &mut Value) -> Vec<String> {
        let Some(version) = self.version(version) else { return Vec::new() };
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            shaping::prune_metadata(metadata);
        }
        shaping::prune(&version.node, object, true)
    }

    /// Sets defaults.
    pub fn default(&self, version: &str, object: &mut Value) {
        let Some(version) = self.version(version) else { return };
        // Whatever the schema says of metadata is no default of it.
        let metadata = object.get("metadata").cloned();
        shaping::drop_nulls(&version.node, object);
        shaping::set_defaults(&version.node, object);
        if let Some(metadata) = metadata {
            set(object, "metadata", metadata);
        }
    }

    /// What the schema and its rules have against an object that is to be created. Metadata is checked elsewhere
    /// ([`crate::builtin::metadata`]).
    pub fn validate(&self, version: &str, object: &Value) -> Vec<FieldError> {
        self.check(version, object, None)
    }

    /// What they have against the new state of an object, also in view of the old one. What did not change is let through.
    pub fn validate_update(&self, version: &str, new: &Value, old: &Value) -> Vec<FieldError> {
        self.check(version, new, Some(old))
    }

    fn check(&self, name: &str, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let Some(version) = self.version(name) else {
            return vec![FieldError::not_found("apiVersion", name)];
        };
        version.check(object, old)
    }

    /// What objects of a version look like, for patches, published documents and strict decoding.
    pub fn schema(&self, version: &str) -> Option<&Schema> {
        self.version(version).map(|version| &version.shape)
    }

    /// Columns of tables of a version, beside the name.
    pub fn columns(&self, version: &str) -> &[Column] {
        self.version(version).map(|version| version.columns.as_slice()).unwrap_or_default()
    }
}

impl Version {
    fn compile(version: &Value, group: &str, kind: &str) -> Version {
        let name = text(version, "name").to_owned();
        let schema = version["schema"]["openAPIV3Schema"].clone();
        let subresources = &version["subresources"];
        let path = |field: &str| JsonPath::parse(text(&subresources["scale"], field)).ok();
        let scale = has(subresources, "scale").then(|| {
            Some(Scale {
                spec_replicas: path("specReplicasPath")?,
                status_replicas: path("statusReplicasPath")?,
                label_selector: has(&subresources["scale"], "labelSelectorPath")
                    .then(|| path("labelSelectorPath"))
                    .flatten(),
            })
        });
        let mut columns: Vec<Column> =
            items(version, "additionalPrinterColumns").iter().filter_map(Column::read).collect();
        if !has(version, "additionalPrinterColumns") || items(version, "additionalPrinterColumns").is_empty()
        {
            let age = json!({
                "name": "Age",
                "type": "date",
                "description": "CreationTimestamp is a timestamp representing the server time when this object was \
                                created. It is not guaranteed to be set in happens-before order across separate \
                                operations. Clients may not set this value. It is represented in RFC3339 form and is in \
                                UTC.",
                "jsonPath": ".metadata.creationTimestamp",
            });
            columns.extend(Column::read(&age));
        }
        Version {
            served: truth(version, "served"),
            storage: truth(version, "storage"),
            deprecation_warning: truth(version, "deprecated").then(|| {
                let given = text(version, "deprecationWarning");
                if given.is_empty() {
                    format!("{group}/{name} {kind} is deprecated")
                } else {
                    given.to_owned()
                }
            }),
            has_status: has(subresources, "status"),
            scale: scale.flatten(),
            columns,
            selectable_fields: items(version, "selectableFields")
                .iter()
                .filter_map(|field| JsonPath::parse(text(field, "jsonPath")).ok())
                .collect(),
            node: Node::compile(&schema),
            shape: schema::from_crd(&schema),
            schema,
            name,
        }
    }

    /// What the schema and its rules have against an object.
    fn check(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Errors::default();
        validation::check(&self.node, object, old, &Path::ROOT, &mut errors);
        // Rules are about objects of the right shape.
        if errors.is_empty() {
            rules::check(&self.node, &self.schema, object, old, &mut errors);
        }
        errors.into_vec()
    }
}
