//! Strategic merge patch: a merge patch that knows which lists merge by key, and takes directives.
//!
//! ```text
//! $patch: delete | replace | merge        in an object, or in an element of a merging list
//! $deleteFromPrimitiveList/NAME: [..]     takes scalars out of the list NAME
//! $setElementOrder/NAME: [..]             the order in which the elements of NAME shall stand
//! $retainKeys: [..]                       drops all other keys of the object
//! ```

mod lists;
mod maps;
mod order;
mod refusals;

use serde_json::{Map, Value};

use super::PatchError;
use crate::schema::Schema;

/// The object with the patch merged into it. Fields that the schema does not know merge as maps; lists without a rule are replaced.
pub fn apply(object: &Value, patch: &Value, schema: &Schema) -> Result<Value, PatchError> {
    let Value::Object(changes) = patch else { return Err(refusals::no_document()) };
    let fields = match object {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    maps::merge(fields, changes.clone(), schema.view()).map(Value::Object)
}
