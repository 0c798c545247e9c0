//! Sheets as comma-separated values.

use std::fmt::Write;

use crate::export::sheet::{Cells, Sheet};
use crate::interval::rfc3339;

/// A value in quotes if it needs them.
fn put(line: &mut String, text: &str) {
    if text.contains(['"', ',', '\n', '\r']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}

/// The names of the columns, on a line.
pub fn csv_header(sheet: &Sheet) -> String {
    let mut line = String::new();
    for (place, (name, _)) in sheet.columns().iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        put(&mut line, name);
    }
    line.push('\n');
    line
}

/// A line for each row. What is unknown is empty, moments are as in RFC 3339.
pub fn csv_lines(sheet: &Sheet) -> String {
    let mut lines = String::new();
    for row in 0..sheet.rows() {
        for (place, (_, cells)) in sheet.columns().iter().enumerate() {
            if place > 0 {
                lines.push(',');
            }
            // writing into a string does not fail
            let _ = match cells {
                Cells::Text(values) => {
                    put(&mut lines, &values[row]);
                    Ok(())
                }
                Cells::Number(values) => write!(lines, "{}", values[row]),
                Cells::Real(values) => write!(lines, "{}", values[row]),
                Cells::Maybe(values) => values[row].map_or(Ok(()), |value| write!(lines, "{value}")),
                Cells::Moment(values) => write!(lines, "{}", rfc3339(values[row])),
            };
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_a_line_for_each_row() {
        let mut sheet = Sheet::default();
        sheet.text("who", ["a,\"b\"", ""].into_iter());
        sheet.moment("when", [0, 3_600].into_iter());
        sheet.maybe("bytes", [Some(7), None].into_iter());
        sheet.real("hours", [0.5, 2.0].into_iter());
        let text = csv_header(&sheet) + &csv_lines(&sheet);
        assert_eq!(
            text,
            "who,when,bytes,hours\n\"a,\"\"b\"\"\",1970-01-01T00:00:00Z,7,0.5\n,1970-01-01T01:00:00Z,,2\n"
        );
    }
}
