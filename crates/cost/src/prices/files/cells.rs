//! Comma-separated values with a header: names of columns in any order and case.

use crate::prices::files::problem::FileProblems;

/// A sheet of cells; empty lines and comments (`#`) are left out.
pub(super) struct Sheet {
    /// As they were written.
    columns: Vec<String>,
    /// In one spelling: small letters and underscores.
    names: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

/// A row of a sheet.
pub(super) struct Row<'a> {
    sheet: &'a Sheet,
    cells: &'a [String],
    /// Its line in the file.
    pub line: usize,
}

/// A column's name in one spelling: `lineItem/UsageStartDate`, `line_item_usage_start_date` and `LineItemUsageStartDate`
/// are one.
fn spelled(name: &str) -> String {
    let mut text = String::new();
    let mut small = false;
    for letter in name.trim().chars() {
        if letter.is_ascii_alphanumeric() {
            if letter.is_ascii_uppercase() && small {
                text.push('_');
            }
            small = !letter.is_ascii_uppercase();
            text.push(letter.to_ascii_lowercase());
        } else {
            if !text.ends_with('_') && !text.is_empty() {
                text.push('_');
            }
            small = false;
        }
    }
    text
}

impl Sheet {
    /// Reads a sheet; none if it has no header.
    pub fn read(text: &str, problems: &mut FileProblems) -> Option<Sheet> {
        let mut lines = Lines { rest: text, line: 1 };
        let mut sheet: Option<Sheet> = None;
        while let Some((line, cells)) = lines.next_row() {
            if problems.is_full() {
                break;
            }
            let Some(cells) = cells else {
                problems.note(line, "", "a quote is not closed", "a quote at the end of the cell");
                break;
            };
            if cells.iter().all(|cell| cell.is_empty()) || cells[0].starts_with('#') {
                continue;
            }
            match &mut sheet {
                None => {
                    let names = cells.iter().map(|cell| spelled(cell)).collect();
                    sheet = Some(Sheet { columns: cells, names, rows: Vec::new() });
                }
                Some(sheet) if cells.len() > sheet.names.len() => {
                    let problem = format!("{} cells for {} columns", cells.len(), sheet.names.len());
                    problems.note(line, "", problem, "a cell for every column");
                }
                Some(sheet) => sheet.rows.push((line, cells)),
            }
        }
        if sheet.is_none() && problems.is_empty() {
            problems.note(1, "", "the file is empty", "a line that names the columns");
        }
        sheet
    }

    /// Whether it has a column.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&spelled(name))
    }

    /// Names of columns, as they were written.
    pub fn columns(&self) -> String {
        self.columns.join(",")
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { sheet: self, cells, line: *line })
    }
}

impl Row<'_> {
    /// A cell; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        let name = spelled(name);
        let place = self.sheet.names.iter().position(|known| *known == name);
        place.and_then(|place| self.cells.get(place)).map_or("", |cell| cell.trim())
    }

    /// The first cell that is not empty.
    pub fn first(&self, names: &[&str]) -> &str {
        names.iter().map(|name| self.get(name)).find(|cell| !cell.is_empty()).unwrap_or_default()
    }
}

struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl Lines<'_> {
    /// The next row with its line; no cells if a quote is left open. A line may end within quotes.
    fn next_row(&mut self) -> Option<(usize, Option<Vec<String>>)> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, mut cells, mut cell, mut quoted) = (self.line, Vec::new(), String::new(), false);
        let mut letters = self.rest.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                    letters.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                '\n' => {
                    self.line += 1;
                    if quoted {
                        cell.push('\n');
                        continue;
                    }
                    self.rest = &self.rest[at + 1..];
                    cells.push(cell);
                    return Some((line, Some(trimmed(cells))));
                }
                other => cell.push(other),
            }
        }
        self.rest = "";
        cells.push(cell);
        Some((line, (!quoted).then(|| trimmed(cells))))
    }
}

fn trimmed(cells: Vec<String>) -> Vec<String> {
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_found_in_all_spellings_and_lines_are_counted() {
        let mut problems = FileProblems::of("a");
        let text =
            "# bill\nlineItem/UsageStartDate,\"Cost, all\"\n\n2026-01-01,\"1\n2\"\r\n,\"say \"\"x\"\"\"\n";
        let sheet = Sheet::read(text, &mut problems).unwrap();
        let rows: Vec<_> = sheet.rows().collect();
        assert_eq!((rows[0].get("line_item_usage_start_date"), rows[0].line), ("2026-01-01", 4));
        assert_eq!((rows[1].get("cost_all"), rows[1].line), ("say \"x\"", 6));
        assert!(problems.is_empty() && sheet.has("costAll") && !sheet.has("other"));
        assert_eq!(
            spelled("savingsPlan/SavingsPlanEffectiveCost"),
            "savings_plan_savings_plan_effective_cost"
        );
        assert_eq!(spelled("InstanceIDField"), "instance_idfield");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in "[a,\"\n# é]{0,60}") {
            let mut problems = FileProblems::of("a");
            let _ = Sheet::read(&text, &mut problems).map(|sheet| sheet.rows().count());
        }
    }
}
