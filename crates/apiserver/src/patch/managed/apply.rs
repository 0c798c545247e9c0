//! Server-side apply.

use serde_json::{Map, Value};

use super::conflict::{ApplyError, Conflict, Conflicts};
use super::entries::{ManagerId, Managers, Owned, metadata, shared, shared_text, time_text};
use super::last_applied;
use super::prune::prune;
use super::stripped::strip;
use super::update::note;
use super::writer::Writer;
use crate::patch::fields::{FieldSet, KeptFields};
use crate::patch::typed::{Comparison, compare, field_set, merge, validate, without_nulls};
use crate::schema::Schema;

/// The manager of what was there before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The live object with what the writer wants applied to it, and its managers brought up to date.
///
/// `live` is none where the object is to be created. Without `force`, a field that another manager owns and that would change is a conflict; with it,
/// the other loses the field. The result equals `live` if there was nothing to do.
///
/// # Errors
/// Conflicts; an object in another version or with managers of its own; an object that does not fit its type.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
    schema: &Schema,
) -> Result<Value, ApplyError> {
    check(applied, writer, schema)?;
    let first = attempt(live, applied, writer, force, schema);
    let result = match (first, live) {
        // Going over from client-side apply is no conflict with oneself.
        (Err(ApplyError::Conflict(conflicts)), Some(live))
            if writer.manager == last_applied::KUBECTL && last_applied::allows(&conflicts, live, schema) =>
        {
            attempt(Some(live), applied, writer, true, schema)
        }
        (first, _) => first,
    };
    let mut object = result?;
    if writer.manager == last_applied::KUBECTL {
        last_applied::refresh(&mut object, applied);
    }
    Ok(object)
}

fn check(applied: &Value, writer: &Writer<'_>, schema: &Schema) -> Result<(), ApplyError> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text(applied.get("apiVersion"));
    if version != writer.api_version {
        return Err(ApplyError::BadRequest(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            writer.api_version
        )));
    }
    let meta = applied.get("metadata");
    if meta.and_then(|meta| meta.get("managedFields")).is_some_and(|managers| !managers.is_null()) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let errors = validate(schema.view(), applied);
    let what = match errors.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let (name, namespace) =
        (text(meta.and_then(|meta| meta.get("name"))), text(meta.and_then(|meta| meta.get("namespace"))));
    // The core group has an empty name before the slash here.
    let version = if version.contains('/') { version } else { format!("/{version}") };
    let kind = text(applied.get("kind"));
    Err(ApplyError::Untyped(format!(
        "failed to create typed patch object ({namespace}/{name}; {version}, Kind={kind}): {what}"
    )))
}

fn attempt(
    live: Option<&Value>,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
    schema: &Schema,
) -> Result<Value, ApplyError> {
    let view = schema.view();
    let mut managers = Managers::of(live);
    if managers.owned.is_empty() && live.is_some_and(|live| live.get("metadata").is_some()) {
        let before: &Value = live.unwrap_or(&Value::Null);
        note(None, before, &mut managers, writer, BEFORE_FIRST_APPLY, schema);
    }
    let nothing = Value::Object(Map::new());
    let live = live.unwrap_or(&nothing);
    let id = ManagerId::apply(writer.manager, writer.subresource);
    let before = managers.owned.get(&id).cloned();
    // With the name and all that nobody owns: it must not be pruned with the rest of the metadata.
    let wanted = field_set(view, applied).without_branches(writer.reset);
    managers.owned.insert(
        shared(id.clone()),
        Owned {
            fields: KeptFields::new(wanted.clone()),
            api_version: shared_text(writer.api_version),
            time: before.as_ref().and_then(|owned| owned.time.clone()),
        },
    );
    let merged = merge(view, live, applied);
    let mut object = prune(merged, before.as_ref().map(|owned| owned.fields.set()), &managers, schema);
    settle(live, &object, &mut managers, &id, writer, force, schema)?;
    without_nulls(view, &mut object);
    let is_new = before.is_none();
    let mut wanted = wanted;
    strip(&mut wanted);
    if wanted.is_empty() {
        managers.owned.remove(&id);
    } else if let Some(owned) = managers.owned.get_mut(&id) {
        owned.fields = KeptFields::new(wanted);
        if is_new || !same_object(live, &object) {
            owned.time = Some(shared_text(time_text(writer.now)));
        }
    }
    managers.store(&mut object);
    Ok(object)
}

/// Takes what changed from the others, or says whom it would be taken from.
fn settle(
    live: &Value,
    object: &Value,
    managers: &mut Managers,
    id: &ManagerId,
    writer: &Writer<'_>,
    force: bool,
    schema: &Schema,
) -> Result<(), ApplyError> {
    let Comparison { mut changed, mut removed } = compare(schema.view(), live, object);
    changed.cut_branches(writer.reset);
    removed.cut_branches(writer.reset);
    let mut conflicts = Vec::new();
    let mut all = FieldSet::new();
    for (theirs, owned) in managers.owned.iter().filter(|(theirs, _)| &***theirs != id) {
        let fields = owned.fields.set().intersection(&changed);
        all.extend(&fields);
        conflicts
            .extend(fields.paths().into_iter().map(|field| Conflict { manager: (**theirs).clone(), field }));
    }
    if !force && !conflicts.is_empty() {
        return Err(ApplyError::Conflict(Conflicts { conflicts, fields: all }));
    }
    removed.extend(&changed);
    managers.take(&removed, |theirs| theirs != id);
    Ok(())
}

/// Equality but for the managers.
fn same_object(live: &Value, object: &Value) -> bool {
    let without = |object: &Value| {
        let mut copy = object.clone();
        if let Some(meta) = metadata(&mut copy) {
            meta.shift_remove("managedFields");
        }
        copy
    };
    without(live) == without(object)
}
