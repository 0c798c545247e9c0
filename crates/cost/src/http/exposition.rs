//! Prometheus' text format: families of series, in the order in which they first came.

use std::fmt::Write;

use indexmap::IndexMap;

/// A page of families.
#[derive(Default)]
pub struct Page {
    families: IndexMap<&'static str, Family>,
    /// A label of all series that come.
    common: Option<(&'static str, String)>,
}

struct Family {
    kind: &'static str,
    help: &'static str,
    /// Series with their values. What changed within the hour is there as it was last.
    lines: IndexMap<String, f64>,
}

impl Page {
    /// Gives all series that come a label more, or none.
    pub fn label_all(&mut self, label: Option<(&'static str, &str)>) {
        self.common = label.map(|(name, value)| (name, value.to_owned()));
    }

    /// Adds a gauge.
    pub fn put(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: f64) {
        self.put_as(name, "gauge", help, "", labels, value);
    }

    /// Adds a series of a family of a kind; `suffix` is what the name of the series has after that of the family.
    pub fn put_as(
        &mut self,
        name: &'static str,
        kind: &'static str,
        help: &'static str,
        suffix: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let mut line = format!("{name}{suffix}");
        let common = self.common.iter().map(|(label, text)| (*label, text.as_str()));
        for (index, (label, text)) in common.chain(labels.iter().copied()).enumerate() {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            // writing to a text cannot fail
            let _ = write!(line, "{}{label}=\"{escaped}\"", if index == 0 { '{' } else { ',' });
        }
        if line.contains('{') {
            line.push('}');
        }
        let fresh = || Family { kind, help, lines: IndexMap::new() };
        self.families.entry(name).or_insert_with(fresh).lines.insert(line, value);
    }

    /// The page as text.
    pub fn text(self) -> String {
        let mut text = String::new();
        for (name, family) in self.families {
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind);
            for (series, value) in family.lines {
                let _ = writeln!(text, "{series} {value}");
            }
        }
        text
    }
}
