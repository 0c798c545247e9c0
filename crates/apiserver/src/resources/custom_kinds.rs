//! The resource that a CustomResourceDefinition describes.

use std::cmp::Reverse;
use std::sync::Arc;

use super::convert::Conversion;
use super::resource::{Resource, ScalePaths, Version};
use crate::custom::{self, Definition};
use crate::schema;
use crate::store::{FieldPath, Store};

/// The resource of a definition. Nothing if no version of it is stored, which validation excludes.
pub(crate) fn custom_resource(definition: Arc<Definition>, store: &Store) -> Option<Resource> {
    let storage = definition.storage_version()?;
    let served = definition.versions().iter().filter(|version| version.served);
    let conversion = match &definition.conversion {
        Some(_) => Conversion::Webhook,
        None => Conversion::ApiVersionOnly,
    };
    let mut versions: Vec<Version> = served.map(|version| served_version(version, conversion)).collect();
    versions.sort_by_key(|version| Reverse(priority(&version.name)));
    let mut fields: Vec<FieldPath> = Vec::new();
    let selectable = definition.versions().iter().flat_map(|version| &version.selectable_fields);
    for path in selectable.filter_map(custom::JsonPath::fields) {
        let label = path.join(".");
        if !fields.iter().any(|known| known.label == label) {
            fields.push(FieldPath::plain(&label, ""));
        }
    }
    Some(Resource {
        group: definition.group.clone(),
        plural: definition.plural.clone(),
        singular: definition.singular.clone(),
        kind: definition.kind.clone(),
        list_kind: definition.list_kind.clone(),
        is_namespaced: definition.namespaced,
        short_names: definition.short_names.clone(),
        categories: definition.categories.clone(),
        table: store.table(&format!("{}.{}", definition.plural, definition.group), &fields),
        fields: fields.into(),
        versions,
        storage_version: storage.name.clone(),
        storage_group: definition.group.clone(),
        storage_schema: Some(schema::from_crd(&storage.schema)),
        creates_on_update: false,
        allows_unconditional_update: false,
        returns_deleted: false,
        definition: Some(definition),
    })
}

fn served_version(version: &custom::Version, conversion: Conversion) -> Version {
    let scale = version.scale.as_ref().and_then(|scale| {
        Some(ScalePaths {
            spec_replicas: names(&scale.spec_replicas)?,
            status_replicas: names(&scale.status_replicas)?,
            selector: scale.label_selector.as_ref().and_then(names),
        })
    });
    Version {
        name: version.name.clone(),
        has_status: version.has_status,
        scale,
        subresources: &[],
        conversion,
        field_names: &[],
        schema: Some(schema::from_crd(&version.schema)),
        deprecation: version.deprecation_warning.clone(),
    }
}

fn names(path: &custom::JsonPath) -> Option<Vec<String>> {
    Some(path.fields()?.into_iter().map(str::to_owned).collect())
}

/// Versions in order: v2 before v1 before v1beta1 before v1alpha1; other names after them, in alphabetical order.
fn priority(version: &str) -> (u8, u64, u64, Reverse<String>) {
    let parsed = (|| {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u64 = rest[..digits].parse().ok()?;
        let rest = &rest[digits..];
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        let (stage, minor) = match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(minor), _) => (2, minor),
            (_, Some(minor)) => (1, minor),
            _ => return None,
        };
        Some((stage, major, minor.parse().ok()?))
    })();
    let (stage, major, minor) = parsed.unwrap_or((0, 0, 0));
    (stage, major, minor, Reverse(version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::priority;

    #[test]
    fn versions_are_in_the_order_that_clients_prefer() {
        let mut versions = ["v1alpha1", "foo", "v1", "v10", "v2beta2", "v2", "v11beta1", "bar", "v2beta10"];
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v11beta1", "v2beta10", "v2beta2", "v1alpha1", "bar", "foo"]
        );
    }
}
