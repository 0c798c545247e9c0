//! YAML, and with it JSON: a list of entries, or an object with that list under `prices`.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::entry::{RawEntries, RawEntry, RawField};

type Entries = Vec<Spanned<IndexMap<Spanned<String>, Spanned<Option<String>>>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    prices: Entries,
}

pub(super) fn read(text: &str) -> RawEntries {
    let first =
        text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', '-', '%']));
    let is_list = text.lines().map(str::trim_start).any(|line| line.starts_with("- ") || line == "-");
    // an object begins with a brace or with its field, a list with a dash or a bracket
    let is_document = first.is_some_and(|line| line.starts_with('{') || line.starts_with("prices"));
    let entries = if first.is_none() && !is_list {
        Err((1, format!("the file is empty; {EXPECTED}")))
    } else if is_document {
        serde_saphyr::from_str::<Document>(text)
            .map(|document| document.prices)
            .map_err(|error| describe(&error))
    } else {
        serde_saphyr::from_str::<Entries>(text).map_err(|error| describe(&error))
    }?;
    let raw = |entry: Spanned<IndexMap<Spanned<String>, Spanned<Option<String>>>>| {
        let line_of = |location: &serde_saphyr::Location| u32::try_from(location.line()).unwrap_or(u32::MAX);
        let fields = entry.value.into_iter().map(|(name, value)| RawField {
            line: line_of(&value.referenced),
            name: name.value,
            value: value.value.unwrap_or_default(),
        });
        let line = line_of(&entry.referenced);
        RawEntry { line, fields: fields.collect() }
    };
    Ok(entries.into_iter().map(raw).collect())
}

const EXPECTED: &str = "expected a list of entries with instanceType, capacityType and price";

fn describe(error: &serde_saphyr::Error) -> (u32, String) {
    let line = error.location().map_or(1, |location| u32::try_from(location.line()).unwrap_or(u32::MAX));
    let text = error.to_string();
    // the first line says what is wrong, after the place that is reported anyway; the rest draws it
    let first = text.lines().next().unwrap_or_default();
    let is_place = |part: &&str| *part == "error" || part.starts_with("line ");
    let parts: Vec<&str> = first.split(": ").skip_while(is_place).collect();
    (line, format!("{}; {EXPECTED}", parts.join(": ")))
}
