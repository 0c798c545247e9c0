//! The commands and their dispatch.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::console::{ColorChoice, Console};
use crate::exit::Exit;
use crate::{
    catalog, consolidate, controller, cost, explain, generate, install, journal, local, plan, sim_check,
    simulate, up,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "supercargo",
    version,
    about = "Buys, packs and prices the nodes of an EKS cluster",
    long_about = "supercargo looks after the nodes of an EKS cluster and what they cost: it reads the manifests that \
                  Karpenter reads, packs the pods onto the cheapest set of EC2 instances that holds them, and says why.",
    after_help = "Exit codes: 0 all is well; 1 the answer is that something cannot be done; 2 the input is wrong.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub color: ColorChoice,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Say on stderr what is being done when it takes long, even where that is no terminal
    #[arg(long, global = true, help_heading = "Global options")]
    pub progress: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan the cheapest nodes for the pods of manifests or of a cluster
    Plan(plan::Arguments),
    /// Find instance types by what they have and what they cost
    Catalog(catalog::Arguments),
    /// Find what a cluster could save, by which moves, and why not more
    Consolidate(consolidate::Arguments),
    /// Find what a cluster cost, by whom
    Cost(Box<cost::Arguments>),
    /// Explain one pod, node or NodePool
    Explain(explain::Arguments),
    /// Make up a cluster, for demonstrations and tests
    Generate(generate::Arguments),
    /// Start a cluster on this machine: API server, control plane, simulated EC2 region
    Up(up::Arguments),
    /// Run the controllers against a Kubernetes API server
    Controller(Box<controller::Arguments>),
    /// Install the controllers into a cluster, or print what that takes
    Install(install::Arguments),
    /// Show what a controller decided, and why
    Journal(journal::Arguments),
    /// Add simulated machines, or run parts of the control plane
    Local(local::Arguments),
    /// Run a scenario in virtual time
    Simulate(simulate::Arguments),
    /// Run random scenarios with random faults
    SimCheck(sim_check::Arguments),
}

/// Runs one command, from the arguments (the program's name first) to the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(message) => {
            // nobody is there to be told if the terminal is gone
            let _ = message.print();
            return match message.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success.into(),
                _ => Exit::BadInput.into(),
            };
        }
    };
    let console = Console::new(command_line.color, command_line.quiet, command_line.progress);
    let result = match &command_line.command {
        Command::Plan(arguments) => plan::run(arguments, &console),
        Command::Catalog(arguments) => catalog::run(arguments, &console),
        Command::Consolidate(arguments) => consolidate::run(arguments, &console),
        Command::Cost(arguments) => cost::run(arguments, &console),
        Command::Explain(arguments) => explain::run(arguments, &console),
        Command::Generate(arguments) => generate::run(arguments, &console),
        Command::Up(arguments) => up::run(arguments, &console),
        Command::Controller(arguments) => controller::run(arguments, &console),
        Command::Install(arguments) => install::run(arguments, &console),
        Command::Journal(arguments) => journal::run(arguments, &console),
        Command::Local(arguments) => local::run(arguments, &console),
        Command::Simulate(arguments) => simulate::run(arguments, &console),
        Command::SimCheck(arguments) => sim_check::run(arguments, &console),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console.failure(&failure);
            Exit::BadInput.into()
        }
    }
}
