//! Asks a running controller.

use supercargo_control::endpoints::{Explanation, ExplanationDocument};
use supercargo_engine::explain::Place;

use super::arguments::{Arguments, Format, Subject};
use super::run::{Explained, render};
use crate::console::Console;
use crate::documents;
use crate::exit::{Exit, Failure};
use crate::journal::{escape, get, text};

/// The address of a controller, if that is what is asked instead of a dump.
pub(super) fn address(arguments: &Arguments) -> Option<&str> {
    let [only] = arguments.cluster.files.as_slice() else { return None };
    only.to_str().filter(|path| path.starts_with("http://") || path.starts_with("https://"))
}

/// Runs the command against a controller.
pub(super) fn run(arguments: &Arguments, address: &str, console: &Console) -> Result<Exit, Failure> {
    let kind = match arguments.subject {
        Subject::Pod => "pod",
        Subject::Node => "node",
        Subject::NodePool => "nodepool",
    };
    let answer = get(address, &format!("/explain?kind={kind}&name={}", escape(&arguments.name)))?;
    let document: ExplanationDocument = serde_json::from_slice(&answer)
        .map_err(|error| Failure::new(format!("the answer of {address} is no explanation: {error}")))?;
    if document.explanation.is_none() && document.journal.is_empty() {
        let problem = format!("no {} {} in the cluster", arguments.subject.kind(), arguments.name);
        return Err(Failure::new(problem).with_help("of a pod, write NAMESPACE/NAME"));
    }
    let homeless = matches!(&document.explanation,
        Some(Explanation::Pod(pod)) if pod.place == Some(Place::None));
    let shown = match arguments.output {
        Format::Json => documents::json(&document)?,
        Format::Yaml => documents::yaml(&document)?,
        Format::Text => {
            let paint = console.paint();
            let mut shown = match document.explanation {
                Some(explanation) => render(&explained(explanation), Format::Text, paint)?,
                None => format!("{} {} is gone\n", arguments.subject.kind(), arguments.name),
            };
            if !document.journal.is_empty() {
                shown.push_str(&format!("\n{}\n", paint.faint("Decisions")));
                shown.push_str(&text(&document.journal, paint));
            }
            shown
        }
    };
    console.data(&shown)?;
    Ok(if homeless { Exit::Incomplete } else { Exit::Success })
}

fn explained(explanation: Explanation) -> Explained {
    match explanation {
        Explanation::Pod(pod) => Explained::Pod(pod),
        Explanation::Node(node) => Explained::Node(node),
        Explanation::NodePool(pool) => Explained::NodePool(pool),
    }
}
