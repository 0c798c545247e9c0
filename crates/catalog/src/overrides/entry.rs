//! An override and what can be wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use supercargo_api::labels::closest;
use thiserror::Error;

use super::{csv, yaml};
use crate::{CapacityType, Catalog, Usd};

/// The names of an entry's fields; the second of a pair is accepted, too.
pub(super) const FIELDS: [(&str, &str); 5] = [
    ("instanceType", "type"),
    ("zone", "zone"),
    ("capacityType", "capacity-type"),
    ("price", "price"),
    ("date", "date"),
];

/// A file with more problems than this is not read further.
const MOST_PROBLEMS: usize = 100;

/// One price the user gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceOverride {
    /// The instance type it is for.
    pub instance_type: String,
    /// The zone it is for; none for every zone.
    pub zone: Option<String>,
    /// The capacity type it is for.
    pub capacity_type: CapacityType,
    /// Dollars per hour.
    pub price: Usd,
    /// The day it was valid on, if the user says so.
    pub date: Option<Date>,
    /// Its line in the file, from one.
    pub line: u32,
}

/// All prices of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceOverrides {
    pub(super) entries: Vec<PriceOverride>,
}

/// Something wrong in a price file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceOverrideProblem {
    /// The file.
    pub file: String,
    /// The line, from one.
    pub line: u32,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for PriceOverrideProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

/// What is wrong in a price file, in order of lines; at most the first hundred problems.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PriceOverridesError {
    /// At least one problem.
    pub problems: Vec<PriceOverrideProblem>,
}

impl fmt::Display for PriceOverridesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(PriceOverrideProblem::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// The fields of an entry as they were written, with their lines.
#[derive(Clone, Debug, Default)]
pub(super) struct RawEntry {
    pub line: u32,
    pub fields: Vec<RawField>,
}

/// A field as it was written.
#[derive(Clone, Debug)]
pub(super) struct RawField {
    pub line: u32,
    pub name: String,
    pub value: String,
}

/// What a reader of a format gives: the entries, or where it had to stop.
pub(super) type RawEntries = Result<Vec<RawEntry>, (u32, String)>;

impl PriceOverrides {
    /// Reads a file in YAML, JSON or CSV. The name decides (`.csv`, anything else is YAML, of which JSON is a part);
    /// it also begins every problem. Types and zones are checked against the catalogue.
    pub fn parse(file: &str, text: &str, catalog: &Catalog) -> Result<PriceOverrides, PriceOverridesError> {
        let is_csv = file.to_ascii_lowercase().ends_with(".csv");
        let raw = if is_csv { csv::read(text) } else { yaml::read(text) };
        let mut reader = EntryReader { file, catalog, problems: Vec::new() };
        let raw = raw.unwrap_or_else(|(line, problem)| {
            reader.report(line, problem);
            Vec::new()
        });
        let mut entries = Vec::new();
        for entry in &raw {
            if reader.problems.len() >= MOST_PROBLEMS {
                break;
            }
            entries.extend(reader.entry(entry));
        }
        reader.refuse_duplicates(&entries);
        let mut problems = reader.problems;
        if problems.is_empty() {
            return Ok(PriceOverrides { entries });
        }
        problems.sort_by_key(|problem| problem.line);
        problems.truncate(MOST_PROBLEMS);
        Err(PriceOverridesError { problems })
    }

    /// The prices, in the order of the file.
    pub fn entries(&self) -> &[PriceOverride] {
        &self.entries
    }
}

struct EntryReader<'a> {
    file: &'a str,
    catalog: &'a Catalog,
    problems: Vec<PriceOverrideProblem>,
}

impl EntryReader<'_> {
    fn report(&mut self, line: u32, problem: String) {
        self.problems.push(PriceOverrideProblem { file: self.file.to_owned(), line, problem });
    }

    /// The entry, if nothing is wrong with it; what is wrong is reported.
    fn entry(&mut self, raw: &RawEntry) -> Option<PriceOverride> {
        let mut known: BTreeMap<&str, &RawField> = BTreeMap::new();
        for field in &raw.fields {
            match FIELDS.iter().find(|(name, alias)| field.name == *name || field.name == *alias) {
                Some((name, _)) if known.contains_key(name) => {
                    self.report(field.line, format!("{name} stands twice in this entry"));
                }
                Some((name, _)) => {
                    known.insert(*name, field);
                }
                None => {
                    let names = FIELDS.map(|(name, _)| name);
                    let unknown = excerpt(&field.name);
                    self.report(
                        field.line,
                        format!("unknown field {unknown:?}: expected {}", names.join(", ")),
                    );
                }
            }
        }
        for needed in ["instanceType", "capacityType", "price"] {
            if !known.contains_key(needed) {
                self.report(raw.line, format!("{needed} is missing"));
            }
        }
        let field = |name: &str| known.get(name).copied();
        let instance_type = field("instanceType").and_then(|field| self.instance_type(field));
        let zone = field("zone").filter(|field| !field.value.is_empty()).map(|field| self.zone(field));
        let capacity_type = field("capacityType").and_then(|field| self.parsed::<CapacityType>(field));
        let price = field("price").and_then(|field| self.price(field));
        let date = field("date").filter(|field| !field.value.is_empty()).map(|field| self.date(field));
        Some(PriceOverride {
            instance_type: instance_type?,
            zone: match zone {
                None => None,
                Some(zone) => Some(zone?),
            },
            capacity_type: capacity_type?,
            price: price?,
            date: match date {
                None => None,
                Some(date) => Some(date?),
            },
            line: raw.line,
        })
    }

    fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&mut self, field: &RawField) -> Option<T> {
        field.value.parse().map_err(|error: T::Err| self.report(field.line, error.to_string())).ok()
    }

    fn instance_type(&mut self, field: &RawField) -> Option<String> {
        let name = field.value.as_str();
        if self.catalog.facts(name).is_some() {
            return Some(name.to_owned());
        }
        let hint = closest(name, self.catalog.type_names()).map_or_else(
            || "expected a name such as m7i.2xlarge".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        self.report(field.line, format!("unknown instance type {:?}: {hint}", excerpt(name)));
        None
    }

    fn zone(&mut self, field: &RawField) -> Option<String> {
        if self.catalog.region_of_zone(&field.value).is_some() {
            return Some(field.value.clone());
        }
        let problem = format!("unknown zone {:?}: expected a name such as us-east-1a", excerpt(&field.value));
        self.report(field.line, problem);
        None
    }

    fn price(&mut self, field: &RawField) -> Option<Usd> {
        let price: Usd = self.parsed(field)?;
        if price.is_negative() {
            self.report(
                field.line,
                format!("price {price} is negative: expected zero or more dollars per hour"),
            );
            return None;
        }
        Some(price)
    }

    fn date(&mut self, field: &RawField) -> Option<Date> {
        let date = field.value.parse().ok();
        if date.is_none() {
            let found = excerpt(&field.value);
            self.report(
                field.line,
                format!("{found:?} is not a date: expected year-month-day such as 2026-11-20"),
            );
        }
        date
    }

    fn refuse_duplicates(&mut self, entries: &[PriceOverride]) {
        let mut seen: BTreeMap<(&str, Option<&str>, CapacityType), u32> = BTreeMap::new();
        for entry in entries {
            let place = (entry.instance_type.as_str(), entry.zone.as_deref(), entry.capacity_type);
            if let Some(first) = seen.get(&place) {
                let zone = entry.zone.as_deref().map_or(String::new(), |zone| format!(" in {zone}"));
                let offer = format!("{} {}{zone}", entry.instance_type, entry.capacity_type);
                self.report(entry.line, format!("{offer} already has a price in line {first}"));
            } else {
                seen.insert(place, entry.line);
            }
        }
    }
}

pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
