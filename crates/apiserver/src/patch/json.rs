//! JSON patch, RFC 6902, with the errors of the library that the Kubernetes API uses.

use serde_json::{Map, Value};

use super::PatchError;
use super::depth::{MAX_DEPTH, depth};
use super::pointer::names;

/// More operations are refused, as the Kubernetes API does.
pub const MAX_OPERATIONS: usize = 10_000;

/// How many bytes all `copy` operations of a patch may add together: the size that a request may have.
pub const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// The document after all operations of the patch, or the error of the first that does not apply.
pub fn apply(document: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = read(patch)?;
    let mut state = State { document: document.clone(), copied_bytes: 0 };
    for operation in &operations {
        state.perform(operation).map_err(PatchError::DoesNotApply)?;
    }
    Ok(state.document)
}

struct Operation<'a> {
    kind: &'a str,
    path: Option<&'a str>,
    from: Option<&'a str>,
    value: Option<&'a Value>,
}

fn read(patch: &Value) -> Result<Vec<Operation<'_>>, PatchError> {
    let Value::Array(operations) = patch else {
        let found = match patch {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "bool",
            _ => "null",
        };
        return Err(PatchError::Malformed(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type jsonpatch.Patch"
        )));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations { limit: MAX_OPERATIONS, found: operations.len() });
    }
    operations.iter().map(read_operation).collect()
}

fn read_operation(operation: &Value) -> Result<Operation<'_>, PatchError> {
    let Value::Object(fields) = operation else {
        return Err(PatchError::Malformed(
            "error decoding patch: each operation has to be an object with op, path and value or from"
                .to_owned(),
        ));
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let kind = text("op").unwrap_or("unknown");
    Ok(Operation { kind, path: text("path"), from: text("from"), value: fields.get("value") })
}

const MISSING: &str = "missing value";
const NO_PATH: &str = "operation missing path field: missing value";
const NO_FROM: &str = "operation, missing from field: missing value";

struct State {
    document: Value,
    copied_bytes: usize,
}

/// Why a container refused a key.
type Refusal = String;

impl State {
    fn perform(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        match operation.kind {
            "add" => self.add(operation),
            "remove" => self.remove(operation),
            "replace" => self.replace(operation),
            "move" => self.move_value(operation),
            "copy" => self.copy(operation),
            "test" => self.test(operation),
            other => Err(format!("Unexpected kind: {other}")),
        }
    }

    fn add(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let path = operation.path.ok_or_else(|| wrap("add operation failed to decode path", MISSING))?;
        let value = operation.value.cloned().unwrap_or_default();
        if path.is_empty() {
            self.document = container_only(value)?;
            return Ok(());
        }
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("add operation does not apply: doc is missing path: \"{path}\""), MISSING)
        })?;
        insert(container, &key, value, path)
            .map_err(|why| wrap(&format!("error in add for path: '{path}'"), &why))
    }

    fn remove(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let path = operation.path.ok_or_else(|| wrap("remove operation failed to decode path", MISSING))?;
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("remove operation does not apply: doc is missing path: \"{path}\""), MISSING)
        })?;
        take(container, &key).map_err(|why| wrap(&format!("error in remove for path: '{path}'"), &why))?;
        Ok(())
    }

    fn replace(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let path = operation.path.ok_or_else(|| wrap("replace operation failed to decode path", NO_PATH))?;
        let value = operation.value.cloned().unwrap_or_default();
        if path.is_empty() {
            self.document = container_only(value)?;
            return Ok(());
        }
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("replace operation does not apply: doc is missing path: {path}"), MISSING)
        })?;
        if get(container, &key).is_err() {
            return Err(wrap(
                &format!("replace operation does not apply: doc is missing key: {path}"),
                MISSING,
            ));
        }
        set(container, &key, value, path)
            .map_err(|why| wrap(&format!("error in remove for path: '{path}'"), &why))
    }

    fn move_value(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let from = operation.from.ok_or_else(|| wrap("move operation failed to decode from", NO_FROM))?;
        let (container, key) = self.find(from).ok_or_else(|| {
            wrap(&format!("move operation does not apply: doc is missing from path: {from}"), MISSING)
        })?;
        let value =
            take(container, &key).map_err(|why| wrap(&format!("error in move for path: '{key}'"), &why))?;
        let path = operation.path.ok_or_else(|| wrap("move operation failed to decode path", NO_PATH))?;
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("move operation does not apply: doc is missing destination path: {path}"), MISSING)
        })?;
        insert(container, &key, value, path)
            .map_err(|why| wrap(&format!("error in move for path: '{path}'"), &why))
    }

    fn copy(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let from = operation.from.ok_or_else(|| wrap("copy operation failed to decode from", NO_FROM))?;
        let value = if from.is_empty() {
            self.document.clone()
        } else {
            let (container, key) = self.find(from).ok_or_else(|| {
                wrap(&format!("copy operation does not apply: doc is missing from path: {from}"), MISSING)
            })?;
            get(container, &key)
                .map_err(|why| wrap(&format!("error in copy for from: '{from}'"), &why))?
                .clone()
        };
        let path = operation.path.ok_or_else(|| wrap("copy operation failed to decode path", MISSING))?;
        // The size is that of the copy as text.
        self.copied_bytes = self.copied_bytes.saturating_add(value.to_string().len());
        if self.copied_bytes > MAX_COPIED_BYTES {
            return Err(format!(
                "Unable to complete the copy, the accumulated size increase of copy is {}, exceeding the limit {MAX_COPIED_BYTES}",
                self.copied_bytes
            ));
        }
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("copy operation does not apply: doc is missing destination path: {path}"), MISSING)
        })?;
        insert(container, &key, value, path).map_err(|why| wrap("error while adding value during copy", &why))
    }

    fn test(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let path = operation.path.ok_or_else(|| wrap("test operation failed to decode path", NO_PATH))?;
        let wanted = operation.value.unwrap_or(&Value::Null);
        let failed = || wrap(&format!("testing value {path} failed"), "test failed");
        if path.is_empty() {
            return if same(&self.document, wanted) { Ok(()) } else { Err(failed()) };
        }
        let (container, key) = self.find(path).ok_or_else(|| {
            wrap(&format!("test operation does not apply: is missing path: {path}"), MISSING)
        })?;
        let found = match get(container, &key) {
            Ok(found) => found,
            // A missing field equals null; a wrong index is an error.
            Err(_) if container.is_object() => &Value::Null,
            Err(why) => return Err(wrap(&format!("error in test for path: '{path}'"), &why)),
        };
        if same(found, wanted) { Ok(()) } else { Err(failed()) }
    }

    /// The container that holds the last name of a path, and that name.
    fn find(&mut self, path: &str) -> Option<(&mut Value, String)> {
        let mut names = names(path);
        let key = names.pop()?;
        let mut place = &mut self.document;
        for name in &names {
            place = match place {
                Value::Object(fields) => fields.get_mut(name)?,
                Value::Array(elements) => {
                    let length = elements.len();
                    elements.get_mut(index(name, length).ok()?)?
                }
                _ => return None,
            };
        }
        (place.is_object() || place.is_array()).then_some((place, key))
    }
}

fn wrap(message: &str, cause: &str) -> String {
    format!("{message}: {cause}")
}

/// An object of the API is an object; a patch may not make it something else.
fn container_only(value: Value) -> Result<Value, Refusal> {
    if value.is_object() || value.is_array() {
        Ok(value)
    } else {
        Err("the whole document can only be replaced by an object".to_owned())
    }
}

/// Refuses values that would nest too deep at this path.
fn check_depth(value: &Value, path: &str) -> Result<(), Refusal> {
    let above = path.split('/').count();
    if above + depth(value) > MAX_DEPTH {
        return Err(format!("the object would nest deeper than {MAX_DEPTH} levels"));
    }
    Ok(())
}

/// Reads an index of a list with `length` elements; negative ones count from the end.
fn index(key: &str, length: usize) -> Result<usize, Refusal> {
    let invalid = |reason: &str| format!("strconv.Atoi: parsing {key:?}: {reason}");
    let digits = key.strip_prefix(['-', '+']).unwrap_or(key);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("invalid syntax"));
    }
    let number: i64 = key.parse().map_err(|_| invalid("value out of range"))?;
    let outside = || wrap(&format!("Unable to access invalid index: {number}"), "invalid index referenced");
    // Lists have fewer than 2^63 elements.
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = if number < 0 { number + length } else { number };
    if (0..length).contains(&place) { usize::try_from(place).map_err(|_| outside()) } else { Err(outside()) }
}

fn get<'a>(container: &'a Value, key: &str) -> Result<&'a Value, Refusal> {
    match container {
        Value::Object(fields) => {
            fields.get(key).ok_or_else(|| wrap(&format!("unable to get nonexistent key: {key}"), MISSING))
        }
        Value::Array(elements) => Ok(&elements[index(key, elements.len())?]),
        _ => Err(MISSING.to_owned()),
    }
}

fn set(container: &mut Value, key: &str, value: Value, path: &str) -> Result<(), Refusal> {
    check_depth(&value, path)?;
    match container {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(elements) => {
            let place = index(key, elements.len())?;
            elements[place] = value;
        }
        _ => return Err(MISSING.to_owned()),
    }
    Ok(())
}

fn insert(container: &mut Value, key: &str, value: Value, path: &str) -> Result<(), Refusal> {
    check_depth(&value, path)?;
    match container {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(elements) if key == "-" => elements.push(value),
        Value::Array(elements) => {
            let place = index(key, elements.len() + 1).map_err(|why| match why.strip_prefix("strconv") {
                Some(_) => wrap(&format!("value was not a proper array index: '{key}'"), &why),
                None => why.clone(),
            })?;
            elements.insert(place, value);
        }
        _ => return Err(MISSING.to_owned()),
    }
    Ok(())
}

fn take(container: &mut Value, key: &str) -> Result<Value, Refusal> {
    match container {
        Value::Object(fields) => fields
            .shift_remove(key)
            .ok_or_else(|| wrap(&format!("Unable to remove nonexistent key: {key}"), MISSING)),
        Value::Array(elements) => {
            let place = index(key, elements.len())?;
            Ok(elements.remove(place))
        }
        _ => Err(MISSING.to_owned()),
    }
}

/// Equality of RFC 6902: numbers by value, objects without order.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => same_fields(one, other),
        _ => one == other,
    }
}

fn same_fields(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| other.get(name).is_some_and(|found| same(value, found)))
}
