//! The command from its arguments to its exit code.

use supercargo_api::{Objects, workloads};
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, RealClock};
use supercargo_engine::plan::Plan;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::solve;

use super::{Arguments, Format, explain, leftovers, summary, table};
use crate::console::{Console, Paint};
use crate::exit::{Exit, Failure};
use crate::figures::count;
use crate::input::{Gathered, gather};
use crate::{market, place};

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let catalog = Catalog::embedded();
    let Gathered { mut objects, unused } = gather(&arguments.files, console)?;
    if objects.is_empty() {
        return Err(nothing_to_plan(&unused));
    }
    keep_node_pools(&mut objects, &arguments.node_pools)?;
    workloads::expand(&mut objects);
    check_somewhere_to_go(&objects)?;
    let place = place::decide(arguments.region.as_deref(), &arguments.zones, &objects, catalog)?;
    let prices = arguments.prices.as_ref().map(|path| market::read_prices(path, catalog)).transpose()?;
    let today = || RealClock::new().now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let prices = prices.as_ref().map(|prices| (prices, today()));
    let (market, remarks) =
        market::compile(&objects, &place, &arguments.capacity_settings(), prices, catalog)?;
    let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions { all_pods: arguments.all_pods });
    let options = arguments.solve_options();
    let outcome = solve(&snapshot, options);
    let plan = Plan::new(&snapshot, &outcome, options);
    if let Some(remark) = unused_remark(&unused) {
        console.note(remark);
    }
    if place.assumed {
        console.note(format_args!("region {} is assumed; choose another with --region", place.region));
    }
    for remark in remarks {
        console.note(format_args!("{} {remark}", console.error_paint().warning("warning:")));
    }
    console.data(&render(&plan, arguments.output, arguments.explain, console.paint())?)?;
    Ok(if plan.is_complete() { Exit::Success } else { Exit::Incomplete })
}

/// The plan in the format asked for.
pub fn render(plan: &Plan, format: Format, explain: bool, paint: Paint) -> Result<String, Failure> {
    let wide = format == Format::Wide;
    match format {
        Format::Json => {
            let mut text = serde_json::to_string_pretty(plan)
                .map_err(|error| Failure::new(format!("the plan cannot be written as JSON: {error}")))?;
            text.push('\n');
            Ok(text)
        }
        Format::Yaml => serde_saphyr::to_string(plan)
            .map_err(|error| Failure::new(format!("the plan cannot be written as YAML: {error}"))),
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

fn nothing_to_plan(unused: &std::collections::BTreeMap<String, usize>) -> Failure {
    let problem = match unused.values().sum() {
        0 => "the input holds no objects".to_owned(),
        objects => format!("none of the {} of the input matters to a plan", count(objects, "object")),
    };
    Failure::new(problem).with_help(
        "a plan needs NodePools with their EC2NodeClasses, and Pods or workloads such as Deployments and Jobs",
    )
}

/// `not used: 2 ConfigMap, 1 Service`, the most frequent first.
fn unused_remark(unused: &std::collections::BTreeMap<String, usize>) -> Option<String> {
    let mut kinds: Vec<(&str, usize)> =
        unused.iter().map(|(name, number)| (name.rsplit('/').next().unwrap_or(name), *number)).collect();
    kinds.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    (!kinds.is_empty()).then(|| format!("not used: {}", kinds.join(", ")))
}

/// Leaves out the NodePools that were not asked for.
fn keep_node_pools(objects: &mut Objects, wanted: &[String]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let name = |pool: &supercargo_api::NodePool| pool.metadata.name.clone().unwrap_or_default();
    let known: Vec<String> = objects.node_pools.iter().map(name).collect();
    let unknown: Vec<&str> = wanted.iter().filter(|pool| !known.contains(pool)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let help = match known.as_slice() {
            [] => "there is no NodePool in the input".to_owned(),
            known => format!("NodePools of the input: {}", known.join(", ")),
        };
        return Err(Failure::new(format!("no NodePool {} in the input", unknown.join(", "))).with_help(help));
    }
    objects.node_pools.retain(|pool| wanted.contains(&name(pool)));
    Ok(())
}

/// Pods need somewhere to go: a NodePool, or nodes.
fn check_somewhere_to_go(objects: &Objects) -> Result<(), Failure> {
    let waiting =
        objects.pods.iter().any(|pod| pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()));
    if waiting && objects.node_pools.is_empty() && objects.nodes.is_empty() && objects.node_claims.is_empty()
    {
        return Err(Failure::new("there are pods to place, but no NodePool and no node to place them on").with_help(
            "add a NodePool and its EC2NodeClass to the input, for example -f examples/eks-production/node-pools.yaml",
        ));
    }
    Ok(())
}
