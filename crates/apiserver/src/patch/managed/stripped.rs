//! Fields that nobody owns, because the server writes them or they name the object.

use std::sync::LazyLock;

use crate::patch::fields::FieldSet;

static STRIPPED: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

/// Takes the fields that nobody owns out of a set.
pub(super) fn strip(fields: &mut FieldSet) {
    fields.cut(&STRIPPED);
}
