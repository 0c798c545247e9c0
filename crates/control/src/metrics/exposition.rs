//! The text that Prometheus reads: format 0.0.4 of <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// At this many bytes text is packed.
const PIECE: usize = 64 * 1_024;

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
    /// What comes before the text, if it is packed as it is written: of a big cluster it is forty megabytes.
    packed: Option<GzEncoder<Vec<u8>>>,
}

impl Exposition {
    /// The content type of the text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// A text that is packed as it is written.
    pub fn packed() -> Self {
        // the text is so repetitive that more effort gains little
        Self { text: String::new(), packed: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }

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
        if self.text.len() >= PIECE {
            self.pack();
        }
    }

    fn pack(&mut self) {
        if let Some(packed) = &mut self.packed {
            // a Vec takes everything
            let _ = packed.write_all(self.text.as_bytes());
            self.text.clear();
        }
    }

    /// The whole text, if it is not packed.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The whole, as it is sent: text, or gzip if it is packed.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.pack();
        match self.packed {
            // a Vec takes everything
            Some(packed) => packed.finish().unwrap_or_default(),
            None => self.text.into_bytes(),
        }
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_packed_is_the_same_text() {
        let write = |mut out: Exposition| {
            out.family("x", MetricType::Gauge, "what is");
            for number in 0..5_000 {
                out.sample("x", "", [("number", number.to_string().as_str())], f64::from(number));
            }
            out.into_bytes()
        };
        let (plain, packed) = (write(Exposition::default()), write(Exposition::packed()));
        assert!(plain.len() > PIECE && packed.len() < plain.len() / 2, "{} {}", plain.len(), packed.len());
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain);
    }
}
