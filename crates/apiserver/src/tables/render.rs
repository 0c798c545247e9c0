//! Tables, put together.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;
use super::builtin;
use super::column::Columns;
use crate::http::Include;
use crate::resources::Resource;

/// The columns of a resource in a version.
pub(crate) fn columns(resource: &Resource, version: &str) -> Columns {
    match &resource.definition {
        Some(definition) => Columns::Custom(definition.clone(), version.to_owned()),
        None => Columns::Builtin(builtin::columns(&resource.group, &resource.plural)),
    }
}

/// The columns of scales.
pub(crate) fn scale_columns() -> Columns {
    Columns::Builtin(super::workloads::SCALES)
}

/// One row.
pub(crate) fn row(columns: &Columns, object: &Value, now: Timestamp, include: Include) -> Value {
    let cells: Vec<Value> = match columns {
        Columns::Builtin(columns) => columns.iter().map(|column| (column.cell)(object, now)).collect(),
        Columns::Custom(definition, version) => std::iter::once(object["metadata"]["name"].clone())
            .chain(definition.columns(version).iter().map(|column| {
                let cell = column.cell(object);
                // Times are shown as ages.
                if column.kind == "date" && !cell.is_null() { json!(since(&cell, now)) } else { cell }
            }))
            .collect(),
    };
    let mut row = json!({ "cells": cells });
    match include {
        Include::Nothing => {}
        Include::Metadata => row["object"] = crate::http::answer::metadata_only(object),
        Include::Object => row["object"] = object.clone(),
    }
    row
}

/// A table of these rows. Its metadata is empty.
pub(crate) fn table(columns: &Columns, rows: Vec<Value>) -> Value {
    let definitions: Vec<Value> = match columns {
        Columns::Builtin(columns) => columns
            .iter()
            .map(|column| {
                let (kind, format) =
                    if column.kind == "name" { ("string", "name") } else { (column.kind, "") };
                let description = format!("{} of the object", column.heading);
                definition(column.heading, kind, format, &description, i64::from(column.is_wide))
            })
            .collect(),
        Columns::Custom(custom, version) => {
            std::iter::once(definition("Name", "string", "name", "the name", 0))
                .chain(custom.columns(version).iter().map(|column| {
                    definition(
                        &column.name,
                        &column.kind,
                        &column.format,
                        &column.description,
                        column.priority,
                    )
                }))
                .collect()
        }
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn definition(heading: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({
        "name": heading, "type": kind, "format": format,
        "description": description, "priority": priority,
    })
}
