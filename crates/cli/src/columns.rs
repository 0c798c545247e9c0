//! Tables without lines, as kubectl prints them.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// An empty table: each column with whether it is aligned to the right.
pub fn new_table(columns: &[(&str, bool)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(name, _)| *name));
    for (index, (_, right)) in columns.iter().enumerate() {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_padding((0, if index + 1 == columns.len() { 0 } else { 2 }));
        if *right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The table as lines without blanks at their ends.
pub fn written(table: &Table) -> String {
    indented(table, 0)
}

/// The same, so many blanks from the left.
pub fn indented(table: &Table, blanks: usize) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        if !line.is_empty() {
            text.extend(std::iter::repeat_n(' ', blanks));
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}
