//! Decisions in sentences.

use std::fmt::Write;

use supercargo_control::journal::Entry;

use crate::console::{Paint, printable};
use crate::figures::hourly_in_words;

/// Objects that are named before they are only counted.
const NAMED: usize = 5;

/// A paragraph for each decision.
pub fn text<'a>(entries: impl IntoIterator<Item = &'a Entry>, paint: Paint) -> String {
    let mut text = String::new();
    for entry in entries {
        paragraph(entry, paint, &mut text);
    }
    text
}

fn paragraph(entry: &Entry, paint: Paint, text: &mut String) {
    let time = entry.time.strftime("%Y-%m-%d %H:%M:%S");
    let mut line = |said: String| {
        // a String takes everything
        let _ = writeln!(text, "{said}");
    };
    line(format!(
        "{}  {}  {}",
        paint.faint(format_args!("{time}  {:<12}", entry.kind)),
        paint.strong(printable(&entry.subject.to_string())),
        printable(&entry.decision)
    ));
    match (entry.price_before, entry.price_after) {
        (Some(before), Some(after)) => {
            line(format!("    price: {}/h, before {}/h", hourly_in_words(after), hourly_in_words(before)));
        }
        (None, Some(after)) => line(format!("    price: {}/h", hourly_in_words(after))),
        (Some(before), None) => line(format!("    price before: {}/h", hourly_in_words(before))),
        (None, None) => {}
    }
    for reason in &entry.reasons {
        line(format!("    because {}", printable(reason)));
    }
    if !entry.inputs.is_empty() {
        let inputs: Vec<String> =
            entry.inputs.iter().map(|(name, value)| format!("{name} {value}")).collect();
        line(format!("    from {}", printable(&inputs.join(", "))));
    }
    for other in &entry.alternatives {
        let price = other.price.map(|price| format!(" at {}/h", hourly_in_words(price))).unwrap_or_default();
        let against = other.against.as_ref().map(|against| format!(": {against}")).unwrap_or_default();
        line(format!("    or {}", printable(&format!("{}{price}{against}", other.what))));
    }
    if !entry.also.is_empty() {
        let mut named: Vec<String> = entry.also.iter().take(NAMED).map(ToString::to_string).collect();
        if entry.also.len() > NAMED {
            named.push(format!("and {} more", entry.also.len() - NAMED));
        }
        line(format!("    about {}", printable(&named.join(", "))));
    }
}

#[cfg(test)]
mod tests {
    use supercargo_catalog::Usd;
    use supercargo_control::journal::{Alternative, EntryKind, Subject};

    use super::*;

    #[test]
    fn a_decision_is_told_with_what_it_was_decided_from() {
        let subject = |kind: &str, name: &str| Subject {
            kind: kind.to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
        };
        let time = "2026-03-02T09:00:00Z".parse().unwrap();
        let price = Usd::from_f64;
        let entry = Entry::new(
            time,
            EntryKind::Disruption,
            subject("NodeClaim", "general-a"),
            "replaced by one m7i.large",
        )
        .given("pods", 7)
        .touching((0..7).map(|number| subject("Node", &format!("n-{number}"))))
        .among([
            Alternative::new("m7i.large spot in us-east-1a").at(price(0.0403)),
            Alternative::new("m7i.xlarge").at(price(0.2016)).but("dearer"),
        ])
        .because("its pods fit into less")
        .priced(price(0.4032), price(0.0403));
        let quiet = Entry::new(time, EntryKind::Expiry, subject("NodeClaim", "b"), "expired\u{1b}[31m");
        insta::assert_snapshot!(text([&entry, &quiet], Paint::new(false)));
    }
}
