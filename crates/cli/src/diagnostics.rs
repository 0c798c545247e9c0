//! Problems of the input as a person reads them: what is wrong, the lines around it, what would be right.
//!
//! The first ones are drawn with their lines; of a long list the rest is said on one line each. All are said.

use std::collections::BTreeMap;
use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};
use supercargo_api::manifest::{Diagnostic, Severity, SourceFile};

use crate::console::{Paint, printable};

/// How many problems are drawn with their lines.
const DRAWN: usize = 20;
/// How much of a line is shown on either side of the place in question.
const REACH: usize = 70;
/// How much of a rule is shown.
const LONGEST_RULE: usize = 160;

/// All problems, in the order of the input, as text for stderr.
pub fn render(diagnostics: &[Diagnostic], files: &[SourceFile], paint: Paint) -> String {
    let by_name: BTreeMap<&str, &SourceFile> = files.iter().map(|file| (file.name.as_str(), file)).collect();
    let theme =
        if paint.has_colors() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_wrap_lines(false)
        .with_context_lines(1);
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        let file = by_name.get(diagnostic.file.as_str());
        let drawn = match file {
            Some(file) if index < DRAWN => {
                let drawing = Drawing { diagnostic, excerpt: Excerpt::around(diagnostic, &file.text) };
                let mut drawn = String::new();
                handler.render_report(&mut drawn, &drawing).is_ok().then_some(drawn)
            }
            _ => None,
        };
        match drawn {
            Some(drawn) => {
                for line in drawn.trim_start_matches('\n').lines() {
                    text.push_str(line.trim_end());
                    text.push('\n');
                }
                if let Some(rule) = &diagnostic.rule {
                    text.push_str(&format!("  {} {}\n", paint.faint("rule:"), shortened(&printable(rule))));
                }
                text.push('\n');
            }
            None => {
                text.push_str(&printable(&diagnostic.to_string()));
                text.push('\n');
            }
        }
    }
    text
}

/// The text, cut where a long one gets tiresome.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_RULE) {
        Some((index, _)) => format!("{}...", &text[..index]),
        None => text.to_owned(),
    }
}

/// A diagnostic in miette's words.
#[derive(Debug)]
struct Drawing<'d> {
    diagnostic: &'d Diagnostic,
    excerpt: Excerpt,
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if let Some(object) = &self.diagnostic.object {
            text.push_str(object);
            text.push_str(": ");
        }
        if !self.diagnostic.path.is_empty() {
            text.push_str(&self.diagnostic.path);
            text.push_str(": ");
        }
        text.push_str(&self.diagnostic.problem);
        formatter.write_str(&printable(&text))
    }
}

impl std::error::Error for Drawing<'_> {}

impl miette::Diagnostic for Drawing<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let right = self.diagnostic.right.as_ref()?;
        Some(Box::new(printable(right)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::new(self.excerpt.start.into(), self.excerpt.length);
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, span))))
    }
}

/// The line in question and its neighbours, long ones cut: a dump may be one line of ten megabytes.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    /// Index of the excerpt's first line in the file.
    first_line: usize,
    /// Index of the line in question in the file.
    line: usize,
    /// Column of the place in question in the file.
    column: usize,
    /// Where the place in question starts in the excerpt, in bytes.
    start: usize,
    /// How long it is.
    length: usize,
}

impl Excerpt {
    fn around(diagnostic: &Diagnostic, text: &str) -> Excerpt {
        let line = diagnostic.line.saturating_sub(1);
        let column = diagnostic.column.saturating_sub(1);
        let first_line = line.saturating_sub(1);
        let left = column.saturating_sub(REACH);
        let mut shown = String::new();
        let mut start = 0;
        let mut length = 0;
        for (offset, content) in text.lines().skip(first_line).take(line - first_line + 2).enumerate() {
            let content: String = content.chars().skip(left).take(2 * REACH).collect();
            let content = printable(&content.replace('\t', " "));
            if first_line + offset == line {
                let place =
                    content.char_indices().nth(column - left).map_or(content.len(), |(index, _)| index);
                start = shown.len() + place;
                length = word_length(&content[place..]);
            }
            shown.push_str(&content);
            shown.push('\n');
        }
        Excerpt { name: printable(&diagnostic.file), text: shown, first_line, line, column, start, length }
    }
}

/// How many bytes the word at the start of a text has: a quoted text, a bracket, or up to what ends a plain one.
fn word_length(text: &str) -> usize {
    let first = text.chars().next().unwrap_or_default();
    let end = match first {
        '"' | '\'' => text[1..].find(first).map(|index| index + 2),
        '[' => text.rfind(']').map(|index| index + 1),
        '{' => text.rfind('}').map(|index| index + 1),
        _ => {
            let ends = [" #", ": ", ", ", "]", "}", ","];
            let end = ends.iter().filter_map(|end| text.find(end)).min();
            end.or_else(|| text.ends_with(':').then(|| text.len() - 1))
        }
    };
    let end = end.unwrap_or(text.len());
    let word = text[..end].trim_end();
    word.len().max(usize::from(!text.is_empty()))
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, lines_before, lines_after)?;
        let line = self.first_line + inner.line();
        // asked for the place itself, not for the lines around it
        let exact = lines_before == 0 && line == self.line;
        let column = if exact { self.column } else { inner.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            line,
            column,
            inner.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(line: usize, column: usize, severity: Severity) -> Diagnostic {
        Diagnostic {
            file: "pool.yaml".to_owned(),
            line,
            column,
            object: Some("NodePool general".to_owned()),
            path: ".spec.weight".to_owned(),
            problem: "101 is too high".to_owned(),
            rule: Some("reference row N13".to_owned()),
            right: Some("at most 100".to_owned()),
            severity,
        }
    }

    fn drawn(text: &str, diagnostics: &[Diagnostic]) -> String {
        render(diagnostics, &[SourceFile::new("pool.yaml", text)], Paint::new(false))
    }

    #[test]
    fn a_problem_is_drawn_with_its_line_and_what_would_be_right() {
        let text = "kind: NodePool\nspec:\n  weight: 101 # heavy\n  limits: {}\n";
        insta::assert_snapshot!(drawn(text, &[diagnostic(3, 11, Severity::Error)]));
    }

    #[test]
    fn a_warning_looks_like_one() {
        insta::assert_snapshot!(drawn("weight: 101", &[diagnostic(1, 9, Severity::Warning)]));
    }

    #[test]
    fn a_line_without_end_is_cut_around_the_place() {
        let text = format!("{{\"items\": [{}\"weight\": 101{}]}}", "1, ".repeat(1000), ", 2".repeat(1000));
        let column = text.find("101").unwrap() + 1;
        insta::assert_snapshot!(drawn(&text, &[diagnostic(1, column, Severity::Error)]));
    }

    #[test]
    fn a_place_outside_of_the_text_is_no_reason_to_panic() {
        for (line, column) in [(1, 1), (0, 0), (7, 900), (2, 1), (1, usize::MAX)] {
            assert!(drawn("", &[diagnostic(line, column, Severity::Error)]).contains("101 is too high"));
            assert!(drawn("é\n", &[diagnostic(line, column, Severity::Error)]).contains("101 is too high"));
        }
    }

    #[test]
    fn of_a_long_list_the_rest_is_said_on_one_line_each() {
        let many: Vec<Diagnostic> = (0..50).map(|_| diagnostic(1, 1, Severity::Error)).collect();
        let text = drawn("weight: 101", &many);
        assert_eq!(text.matches("101 is too high").count(), 50);
        assert_eq!(text.matches("\npool.yaml:1:1: error: ").count(), 30);
    }
}
