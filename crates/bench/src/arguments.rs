//! What can be asked of the benchmark.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Solves known workloads and reports how long that takes and what the plans cost.
#[derive(Clone, Debug, Parser)]
#[command(name = "supercargo-bench")]
pub struct Arguments {
    /// Which workloads; all of them writes a dated record as well.
    #[arg(value_enum, default_value = "all")]
    pub topics: Vec<Topic>,
    /// Writes the figures to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// How often each workload is solved, from fresh state each time.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Pods of the diverse workload, one row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000])]
    pub sizes: Vec<u32>,
    /// Leaves out what first-fit-decreasing would have paid.
    #[arg(long)]
    pub no_baseline: bool,
    /// Where the dated record of all workloads goes.
    #[arg(long, value_name = "DIR", default_value = "bench/results")]
    pub results: PathBuf,
    /// Seeds of each kind of cluster that is consolidated.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Days of the ledger's history.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..))]
    pub days: i64,
    /// Containers that are alive at any time in the ledger's history.
    #[arg(long, default_value_t = 25_000)]
    pub containers: usize,
    /// Where the ledger's history is made; it is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub ledger_directory: Option<PathBuf>,
    /// Prints only what opening this directory and one answer take, measured in this process.
    #[arg(long, hide = true, value_name = "DIR")]
    pub ledger_answer: Option<PathBuf>,
    /// Asks only this directory, which somebody made before, and leaves it as it is.
    #[arg(long, hide = true, value_name = "DIR")]
    pub ledger_questions: Option<PathBuf>,
    /// Prints only what memory this directory's answers take, measured in this process.
    #[arg(long, hide = true, value_name = "DIR")]
    pub ledger_footprint: Option<PathBuf>,
    /// Prints only what taking in samples takes, with the log in this directory, measured in this process.
    #[arg(long, hide = true, value_name = "DIR")]
    pub ledger_ingest: Option<PathBuf>,
    /// Prints only what the plan to consolidate the cluster in this file takes, measured in this process.
    #[arg(long, hide = true, value_name = "FILE")]
    pub plan_of: Option<PathBuf>,
    /// Prints only how many bytes the snapshot of the incremental workload takes, measured in this process.
    #[arg(long, hide = true)]
    pub snapshot_memory: bool,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Plans.
    Plan,
    /// Consolidation.
    Consolidate,
    /// Costs.
    Ledger,
}

impl Subject {
    /// The word in the record's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subject::Plan => "plan",
            Subject::Consolidate => "consolidate",
            Subject::Ledger => "ledger",
        }
    }
}

/// A workload or a family of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Topic {
    /// Every workload below.
    All,
    /// How long the catalogue takes to build.
    Catalogue,
    /// Five equal classes of pods on 400 synthetic types.
    Diverse,
    /// 4,000 pods with preferences, some of which cannot be met.
    Preference,
    /// 1,600 replicas of 12 Deployments at once.
    Burst,
    /// The pods of a production trace.
    Openb,
    /// The pods of a production trace with limits per node.
    Dlrm,
    /// Placeable pods behind many hopeless ones.
    Backlog,
    /// A few pending pods in a large running cluster.
    Incremental,
    /// What if a node went: one at a time, and all of 1,000.
    Removal,
    /// Whole plans to consolidate 1,000 and 5,000 nodes.
    Consolidate,
    /// How much of what could be saved is saved, beside prefix search.
    Savings,
    /// Plans replayed move by move.
    Validity,
    /// A month of costs: answers, memory, disk, taking in samples.
    Ledger,
}

impl Topic {
    /// All but [`Topic::All`], in the order they run.
    pub const EACH: [Topic; 13] = [
        Topic::Catalogue,
        Topic::Diverse,
        Topic::Preference,
        Topic::Burst,
        Topic::Openb,
        Topic::Dlrm,
        Topic::Backlog,
        Topic::Incremental,
        Topic::Removal,
        Topic::Consolidate,
        Topic::Savings,
        Topic::Validity,
        Topic::Ledger,
    ];

    /// The subject of the record that its figures are in.
    pub fn subject(self) -> Subject {
        match self {
            Topic::Removal | Topic::Consolidate | Topic::Savings | Topic::Validity => Subject::Consolidate,
            Topic::Ledger => Subject::Ledger,
            _ => Subject::Plan,
        }
    }
}

impl Arguments {
    /// The topics asked for, each once, in the order they run.
    pub fn chosen(&self) -> Vec<Topic> {
        let all = self.topics.contains(&Topic::All);
        Topic::EACH.into_iter().filter(|topic| all || self.topics.contains(topic)).collect()
    }

    /// Whether this run covers everything there is about a subject, and so is worth a record.
    pub fn covers(&self, subject: Subject) -> bool {
        let chosen = self.chosen();
        let mut asked = Topic::EACH.iter().filter(|topic| topic.subject() == subject);
        let whole = subject != Subject::Ledger || self.ledger_questions.is_none();
        whole && asked.all(|topic| chosen.contains(topic))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn topics_run_in_their_own_order_and_once() {
        let arguments = Arguments::parse_from(["supercargo-bench", "openb", "burst", "openb"]);
        assert_eq!(arguments.chosen(), [Topic::Burst, Topic::Openb]);
        assert!(!arguments.covers(Subject::Plan) && !arguments.covers(Subject::Consolidate));
        let all = Arguments::parse_from(["supercargo-bench"]);
        assert!([Subject::Plan, Subject::Consolidate, Subject::Ledger].iter().all(|one| all.covers(*one)));
        let half = ["supercargo-bench", "removal", "consolidate", "savings", "validity"];
        assert!(Arguments::parse_from(half).covers(Subject::Consolidate));
        assert!(!Arguments::parse_from(half).covers(Subject::Plan));
    }
}
