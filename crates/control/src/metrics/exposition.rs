//! The text that Prometheus reads: format 0.0.4 of <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

/// How samples of a family are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts of observations below bounds.
    Histogram,
    /// Quantiles of observations.
    Summary,
}

impl MetricType {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// The content type of the text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a family. Its samples follow; a family is begun once.
    pub fn family(&mut self, name: &str, kind: MetricType, help: &str) {
        // a String takes everything
        let _ = write!(self.text, "# HELP {name} ");
        for letter in help.chars() {
            match letter {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
        let _ = writeln!(self.text, "\n# TYPE {name} {}", kind.word());
    }

    /// A sample: the family's name with its suffix, the labels in order, the value.
    pub fn sample<'a>(
        &mut self,
        name: &str,
        suffix: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (label, content) in labels {
            self.text.push(before);
            before = ',';
            self.text.push_str(label);
            self.text.push_str("=\"");
            for letter in content.chars() {
                match letter {
                    '\\' => self.text.push_str("\\\\"),
                    '\n' => self.text.push_str("\\n"),
                    '"' => self.text.push_str("\\\""),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        if before == ',' {
            self.text.push('}');
        }
        self.text.push(' ');
        self.text.push_str(&number(value));
        self.text.push('\n');
    }

    /// What follows: other families.
    pub fn append(&mut self, other: Exposition) {
        self.text.push_str(&other.text);
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// A number as the format has it.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}
