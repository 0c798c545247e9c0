//! The command from its arguments to its exit code.

use jiff::Timestamp;
use supercargo_api::Objects;
use supercargo_catalog::Usd;
use supercargo_clock::{Clock, RealClock};
use supercargo_engine::consolidate::{self as engine, ConsolidateOptions, Consolidation, Floor, Phase};
use supercargo_engine::disruption::{self, Disruption, DisruptionOptions};
use supercargo_engine::market::Market;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

use super::{Arguments, Format, Sort, moves, rotations, staying, summary, to_spot};
use crate::cluster::{self, Cluster, Purpose};
use crate::console::{Console, Paint, printable};
use crate::documents;
use crate::exit::{Exit, Failure};
use crate::figures::{count, hourly_in_words};
use crate::progress::Progress;

const PURPOSE: Purpose = Purpose {
    name: "a consolidation",
    needs: "the Nodes and Pods of a cluster with its NodePools, EC2NodeClasses and NodeClaims; --help says how to take a dump",
};

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let progress = Progress::new(console);
    let Cluster { mut objects, market, remarks } =
        cluster::read(&arguments.cluster, &[], PURPOSE, console, &progress)?;
    if objects.nodes.is_empty() {
        return Err(Failure::new("there is no node in the input")
            .with_help(format!("{} needs {}", PURPOSE.name, PURPOSE.needs)));
    }
    if arguments.to_spot {
        to_spot::allow_spot(&mut objects);
    }
    let at = moment(arguments.at, &objects);
    let consolidation = consolidated(arguments, objects, &market, at, &progress);
    progress.stage("writing");
    let text = render(&consolidation, arguments.output, arguments.sort, console.paint())?;
    drop(progress);
    cluster::remark_upon(&remarks, console);
    console.data(&text)?;
    Ok(Exit::Success)
}

/// The moment asked for, else that of the dump, else now.
pub fn moment(asked: Option<Timestamp>, objects: &Objects) -> Timestamp {
    asked.or_else(|| disruption::moment(objects)).unwrap_or_else(|| RealClock::new().now())
}

fn consolidated(
    arguments: &Arguments,
    objects: Objects,
    market: &Market,
    at: Timestamp,
    progress: &Progress,
) -> Consolidation {
    progress.stage("looking at the cluster");
    let snapshot = Snapshot::build(&objects, market, &SnapshotOptions::default());
    let disruption = Disruption::build(&objects, &snapshot, &arguments.disruption_options(at));
    let claims = objects.node_claims.iter().map(|claim| claim.metadata.name.clone().unwrap_or_default());
    let claims: Vec<String> = claims.collect();
    // the objects of a large cluster take more memory than all that follows
    drop(objects);
    let options = arguments.consolidate_options();
    let outcome =
        engine::consolidate(&snapshot, &disruption, &options, &mut |now| progress.stage(stage(&now)));
    Consolidation::new(&snapshot, &disruption, &outcome, &options, &claims, at)
}

fn stage(now: &engine::Progress) -> String {
    let doing = match now.phase {
        Phase::Preparing => return "preparing".to_owned(),
        Phase::Nodes => "asking of every node whether it could go",
        Phase::Sets => "asking of sets of nodes",
        Phase::Reasons => "asking why the others stay",
    };
    let share = (now.done.min(now.of) * 100).checked_div(now.of).unwrap_or(100);
    let found = count(now.moves, "move");
    format!("{doing}: {share} %; {found} so far, {} an hour saved", hourly_in_words(now.saved))
}

impl Arguments {
    /// What the judgement of disruption is told.
    pub fn disruption_options(&self, now: Timestamp) -> DisruptionOptions {
        DisruptionOptions {
            budget_override: self.budget,
            policy_override: self.policy.map(Into::into),
            spot_to_spot: self.spot_to_spot,
            ..DisruptionOptions::at(now)
        }
    }

    /// What the search is told.
    pub fn consolidate_options(&self) -> ConsolidateOptions {
        ConsolidateOptions {
            floor: match self.min_savings {
                Some(dollars) => Floor::PerMonth(Usd::from_f64(dollars)),
                None => Floor::default(),
            },
            max_moves: self.max_moves,
            max_new_nodes: self.max_new_nodes,
            spot_to_spot: self.spot_to_spot,
            solve: self.preference_policy.solve_options(),
            ..ConsolidateOptions::default()
        }
    }
}

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
