//! Comma-separated values: the first line names the columns, `#` begins a comment line, quotes are optional.

use super::entry::{RawEntries, RawEntry, RawField};

pub(super) fn read(text: &str) -> RawEntries {
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .zip(1u32..)
        .filter(|(line, _)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let (header, header_line) = lines
        .next()
        .ok_or_else(|| (1, "the file is empty: expected instanceType,zone,capacityType,price".to_owned()))?;
    let names = cells(header).ok_or_else(|| unclosed(header_line))?;
    if !names.iter().any(|name| name == "price") {
        let expected = "the first line must name the columns: instanceType,zone,capacityType,price";
        return Err((header_line, expected.to_owned()));
    }
    let mut entries = Vec::new();
    for (line, number) in lines {
        let values = cells(line).ok_or_else(|| unclosed(number))?;
        if values.len() != names.len() {
            let problem = format!("{} values for {} columns", values.len(), names.len());
            return Err((number, problem));
        }
        let fields = names.iter().zip(values);
        let fields = fields.map(|(name, value)| RawField { line: number, name: name.clone(), value });
        entries.push(RawEntry { line: number, fields: fields.collect() });
    }
    Ok(entries)
}

fn unclosed(line: u32) -> (u32, String) {
    (line, "a quote is not closed on its line".to_owned())
}

/// The cells of a line; none if a quote is left open. A doubled quote inside quotes is a quote.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            other => cell.push(other),
        }
    }
    cells.push(cell.trim().to_owned());
    (!quoted).then_some(cells)
}
