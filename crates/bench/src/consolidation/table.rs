//! Rows of figures as a table.

use comfy_table::Table;
use comfy_table::presets::ASCII_BORDERS_ONLY_CONDENSED;

use super::figures::{Figure, FigureRow};
use crate::table::{goal_text, met_text};

/// So much of a broken rule is shown; the record has all of it.
const LONGEST: usize = 60;

/// One line a figure, one block a row.
pub fn render(rows: &[FigureRow]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_BORDERS_ONLY_CONDENSED).set_header(["work", "figures", "goal", "met"]);
    for row in rows {
        let figures: Vec<String> = row.figures.iter().map(figure_text).collect();
        let mut goals: Vec<String> = row.goals.iter().map(goal_text).collect();
        let mut met: Vec<String> = row.goals.iter().map(met_text).collect();
        if let Some(violation) = row.violations.first() {
            let shown: String = violation.chars().take(LONGEST).collect();
            goals.push(format!("{} rules broken:\n{shown}", row.violations.len()));
            met.push("no".to_owned());
        }
        let work = if row.variant.is_empty() {
            row.work.to_owned()
        } else {
            format!("{}\n{}", row.work, row.variant)
        };
        table.add_row([work, figures.join("\n"), goals.join("\n"), met.join("\n")]);
    }
    table.to_string()
}

fn figure_text(figure: &Figure) -> String {
    let digits = if figure.value.fract() == 0.0 { 0 } else { 2 };
    format!("{} {:.digits$} {}", figure.name, figure.value, figure.unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goals::Goal;

    #[test]
    fn a_row_shows_its_figures_and_what_is_broken() {
        let row = FigureRow {
            work: "whole plan",
            variant: "1,000 nodes".to_owned(),
            figures: vec![Figure::new("moves", 12.0, ""), Figure::new("time", 1.5, "ms")],
            violations: vec!["move 1: too much".to_owned()],
            goals: vec![Goal::at_most("time", "ms", 5.0, 1.5)],
        };
        let text = render(&[row]);
        for expected in ["moves 12", "time 1.50 ms", "1 rules broken:", "move 1: too much", "yes"] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
