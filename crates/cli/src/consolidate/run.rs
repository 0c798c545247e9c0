//! The command from its arguments to its exit code.

use supercargo_engine::consolidate::Consolidation;

use super::{Format, Sort, moves, rotations, staying, summary};
use crate::console::{Paint, printable};
use crate::documents;
use crate::exit::Failure;

/// The consolidation in the format asked for.
pub fn render(
    consolidation: &Consolidation,
    format: Format,
    sort: Sort,
    paint: Paint,
) -> Result<String, Failure> {
    let wide = format == Format::Wide;
    match format {
        Format::Json => documents::json(consolidation),
        Format::Yaml => documents::yaml(consolidation),
        Format::Table | Format::Wide => {
            let mut text = summary::head(consolidation, paint);
            text.push_str(&moves::table(&consolidation.moves, sort, wide, paint));
            text.push_str(&staying::table(&consolidation.staying, wide, paint));
            text.push_str(&rotations::table(&consolidation.rotations, paint));
            text.push_str(&object_problems(consolidation, paint));
            Ok(text)
        }
    }
}

/// Objects that do not count as they are written.
fn object_problems(consolidation: &Consolidation, paint: Paint) -> String {
    if consolidation.object_problems.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.warning("Objects that do not count as they are written"));
    for problem in &consolidation.object_problems {
        let said = format!("  {} {}: {}\n", problem.kind, problem.name, problem.problem);
        text.push_str(&printable(&said));
    }
    text
}
