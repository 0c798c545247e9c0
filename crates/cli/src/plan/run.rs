//! The command from its arguments to its exit code.

use supercargo_engine::plan::Plan;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::solve;

use super::{Arguments, Format, explain, leftovers, summary, table};
use crate::cluster::{self, Purpose};
use crate::console::{Console, Paint};
use crate::documents;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;

const PURPOSE: Purpose = Purpose {
    name: "a plan",
    needs: "NodePools with their EC2NodeClasses, and Pods or workloads such as Deployments and Jobs",
};

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let progress = Progress::new(console);
    let cluster = cluster::read(&arguments.cluster, &arguments.node_pools, PURPOSE, console, &progress)?;
    progress.stage("planning");
    let snapshot_options = SnapshotOptions { all_pods: arguments.all_pods };
    let snapshot = Snapshot::build(&cluster.objects, &cluster.market, &snapshot_options);
    let options = arguments.solve_options();
    let outcome = solve(&snapshot, options);
    let plan = Plan::new(&snapshot, &outcome, options);
    drop(progress);
    cluster::remark_upon(&cluster.remarks, console);
    console.data(&render(&plan, arguments.output, arguments.explain, console.paint())?)?;
    Ok(if plan.is_complete() { Exit::Success } else { Exit::Incomplete })
}

/// The plan in the format asked for.
pub fn render(plan: &Plan, format: Format, explain: bool, paint: Paint) -> Result<String, Failure> {
    let wide = format == Format::Wide;
    match format {
        Format::Json => documents::json(plan),
        Format::Yaml => documents::yaml(plan),
        Format::Table | Format::Wide => {
            let mut text = summary::head(plan, paint);
            if !plan.nodes.is_empty() {
                text.push('\n');
                text.push_str(&if wide { table::wide(plan) } else { table::folded(plan) });
            }
            if explain {
                text.push_str(&explain::nodes(plan, paint));
            }
            text.push_str(&leftovers::on_existing_nodes(&plan.placements, wide, paint));
            text.push_str(&leftovers::without_a_place(plan, explain, paint));
            text.push_str(&leftovers::left_out(plan, paint));
            text.push_str(&leftovers::pool_problems(plan, paint));
            text.push_str(&leftovers::object_problems(plan, paint));
            Ok(text)
        }
    }
}
