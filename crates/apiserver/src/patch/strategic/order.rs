//! The order of merged lists.

use std::collections::BTreeMap;

use serde_json::Value;

use super::maps::PATCH;
use super::refusals;
use crate::patch::PatchError;

/// What an element is known by, as text: its merge key, or itself.
fn identity(element: &Value, key: Option<&str>) -> Result<String, PatchError> {
    match key {
        None => Ok(element.to_string()),
        Some(key) => {
            let Value::Object(fields) = element else {
                return Err(refusals::wrong_kind("map[string]interface {}", element));
            };
            fields.get(key).map(Value::to_string).ok_or_else(|| refusals::no_merge_key(fields, key))
        }
    }
}

/// The place of each element of a list; the first of several equal ones counts.
fn places(list: &[Value], key: Option<&str>) -> Result<BTreeMap<String, usize>, PatchError> {
    let mut places = BTreeMap::new();
    for (place, element) in list.iter().enumerate() {
        places.entry(identity(element, key)?).or_insert(place);
    }
    Ok(places)
}

/// Refuses a patch whose elements stand in another order than the order it gives.
pub(super) fn check(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let is_deletion =
        |element: &&Value| key.is_some() && element.get(PATCH).is_some_and(|word| word == "delete");
    let mut elements = patch.iter().filter(|element| !is_deletion(element)).peekable();
    let mut wanted = order.iter();
    // As upstream: directives are stepped over only while there is an order left to compare with.
    while wanted.len() > 0 {
        let Some(element) = elements.peek() else { return Ok(()) };
        if key.is_some() && element.get(PATCH).is_some() {
            elements.next();
            continue;
        }
        if let Some(next) = wanted.next()
            && identity(next, key)? == identity(element, key)?
        {
            elements.next();
        }
    }
    if elements.peek().is_some() { Err(refusals::wrong_order(patch, order)) } else { Ok(()) }
}

/// Brings a merged list into order: elements that `order` names stand as it says, the others as they stood in `old`, woven in before the first
/// ordered element that came after them there.
pub(super) fn arrange(
    merged: Vec<Value>,
    order: &[Value],
    old: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    let wanted = places(order, key)?;
    let before = places(old, key)?;
    let mut named = Vec::new();
    let mut others = Vec::new();
    for element in merged {
        let identity = identity(&element, key)?;
        let was = before.get(&identity).copied();
        match wanted.get(&identity) {
            Some(place) => named.push((*place, was, element)),
            None => others.push((was.unwrap_or(usize::MAX), was, element)),
        }
    }
    named.sort_by_key(|(place, ..)| *place);
    others.sort_by_key(|(place, ..)| *place);
    let mut result = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return Ok(result),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some((_, other, _)), Some((_, named, _))) => {
                matches!((other, named), (Some(other), Some(named)) if other < named)
            }
        };
        let next = if other_first { others.next() } else { named.next() };
        result.extend(next.map(|(.., element)| element));
    }
}
