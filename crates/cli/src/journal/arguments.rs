//! The arguments of `supercargo journal`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use supercargo_control::journal::EntryKind;

/// Where the controller answers unless told otherwise.
pub(super) const CONTROLLER: &str = "http://127.0.0.1:8080";

/// Which running controller is asked.
#[derive(Clone, Debug, Args)]
pub struct ControllerAddress {
    /// Where the metrics port of a running controller is, such as after kubectl port-forward
    #[arg(
        long,
        env = "SUPERCARGO_CONTROLLER",
        hide_env_values = true,
        value_name = "URL",
        default_value = CONTROLLER
    )]
    pub controller: String,
}

/// Show what controllers decided, and why.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Shows the decisions of a running controller: which nodes were bought for which pods, which went, and why; what else \
                  there was, and at what price. It asks the controller's metrics port, or reads the file that the controller \
                  keeps with --journal-file.",
    after_help = "Examples:\n  \
                  supercargo journal\n  \
                  supercargo journal pod/shop/web-1\n  \
                  supercargo journal --kind disruption --since 1h\n  \
                  supercargo journal nodeclaim/general-x7k2p -o json --file journal.jsonl\n\n\
                  Exit codes: 0 shown; 1 there is nothing to show; 2 the input is wrong, or no controller answers."
)]
pub struct Arguments {
    /// Only decisions about this object: KIND/NAME, pod/NAMESPACE/NAME, or a name
    #[arg(value_name = "OBJECT")]
    pub subject: Option<String>,
    /// Which controller.
    #[command(flatten)]
    pub address: ControllerAddress,
    /// Read a journal file instead
    #[arg(long, value_name = "FILE", conflicts_with = "controller")]
    pub file: Option<PathBuf>,
    /// Only decisions of this kind, such as provisioning, launching or disruption
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<EntryKind>,
    /// Only decisions since then: a time such as 2026-11-23T18:00:00Z, or a while ago, such as 30m
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// At most so many: the latest
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    /// How to print them; json is a line for each
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub output: Format,
}

/// How to print decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Sentences.
    #[default]
    Text,
    /// A line of JSON for each.
    Json,
}

fn kind(word: &str) -> Result<EntryKind, String> {
    EntryKind::of_word(word).ok_or_else(|| {
        let known: Vec<&str> = EntryKind::ALL.iter().map(|kind| kind.word()).collect();
        format!("kinds are {}", known.join(", "))
    })
}
