//! A table in memory: named columns of one length.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::money::Money;

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Texts; what is not there is empty.
    Text(Vec<Arc<str>>),
    /// Whole numbers.
    Number(Vec<i64>),
    /// Whole numbers that may be unknown.
    Maybe(Vec<Option<i64>>),
    /// Other numbers.
    Real(Vec<f64>),
    /// Moments, in seconds since 1970.
    Moment(Vec<i64>),
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Cells::Text(values) => values.len(),
            Cells::Number(values) | Cells::Moment(values) => values.len(),
            Cells::Maybe(values) => values.len(),
            Cells::Real(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Columns by name, in order; all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    columns: Vec<(String, Cells)>,
    /// The columns that are kept, if not all are.
    wanted: Option<BTreeSet<String>>,
}

impl Sheet {
    /// A sheet that keeps only columns of these names; the others are not even made.
    pub fn only<'a>(names: impl IntoIterator<Item = &'a str>) -> Sheet {
        Sheet { columns: Vec::new(), wanted: Some(names.into_iter().map(str::to_owned).collect()) }
    }

    /// The columns.
    pub fn columns(&self) -> &[(String, Cells)] {
        &self.columns
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, cells)| cells.len())
    }

    /// Adds a column of texts.
    pub fn text<T: Into<Arc<str>>>(&mut self, name: &str, values: impl Iterator<Item = T>) {
        self.add(name, || Cells::Text(values.map(Into::into).collect()));
    }

    /// Adds a column of moments, in seconds since 1970.
    pub fn moment(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        self.add(name, || Cells::Moment(values.collect()));
    }

    /// Adds a column of whole numbers. Those beyond 64 bits become the greatest that fits.
    pub fn number(&mut self, name: &str, values: impl Iterator<Item = u128>) {
        self.add(name, || Cells::Number(values.map(fitted).collect()));
    }

    /// Adds a column of whole numbers that may be unknown.
    pub fn maybe(&mut self, name: &str, values: impl Iterator<Item = Option<u128>>) {
        self.add(name, || Cells::Maybe(values.map(|value| value.map(fitted)).collect()));
    }

    /// Adds a column of other numbers.
    pub fn real(&mut self, name: &str, values: impl Iterator<Item = f64>) {
        self.add(name, || Cells::Real(values.collect()));
    }

    /// Adds a column `<name>_nanos` of amounts in 10⁻⁹ dollars.
    pub fn nanos(&mut self, name: &str, values: impl Iterator<Item = Money>) {
        let fitted = |value: Money| {
            let nanos = value.nanos();
            i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
        };
        self.add(&format!("{name}_nanos"), || Cells::Number(values.map(fitted).collect()));
    }

    /// Adds a column `<name>_cost` of amounts in dollars.
    pub fn dollars(&mut self, name: &str, values: impl Iterator<Item = Money>) {
        self.real(&format!("{name}_cost"), values.map(Money::as_f64));
    }

    fn add(&mut self, name: &str, cells: impl FnOnce() -> Cells) {
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(name)) {
            return;
        }
        let cells = cells();
        debug_assert!(
            self.columns.is_empty() || cells.len() == self.rows(),
            "column {name} is of another length"
        );
        self.columns.push((name.to_owned(), cells));
    }
}

fn fitted(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
