//! Plans in few words, for comparing.

use supercargo_engine::plan::Plan;

fn short(pods: &[String]) -> String {
    let mut names: Vec<&str> = pods.iter().map(|pod| pod.strip_prefix("default/").unwrap_or(pod)).collect();
    names.sort_unstable();
    names.join(" ")
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// `m.small: a b` for every new node.
pub fn bought(plan: &Plan) -> Vec<String> {
    sorted(plan.nodes.iter().map(|node| format!("{}: {}", node.instance_type, short(&node.pods))).collect())
}

/// `general m.small a spot: a b` for every new node.
pub fn bought_where(plan: &Plan) -> Vec<String> {
    let line = |node: &supercargo_engine::plan::Node| {
        let pods = short(&node.pods);
        format!("{} {} {} {}: {pods}", node.node_pool, node.instance_type, node.zone, node.capacity_type)
    };
    sorted(plan.nodes.iter().map(line).collect())
}

/// `node-1: a b` for every existing node that takes pods.
pub fn placed(plan: &Plan) -> Vec<String> {
    sorted(plan.placements.iter().map(|one| format!("{}: {}", one.node, short(&one.pods))).collect())
}

/// `a b: why not` for every class of pods without a place.
pub fn unplaced(plan: &Plan) -> Vec<String> {
    sorted(plan.unschedulable.iter().map(|one| format!("{}: {}", short(&one.pods), one.message)).collect())
}

/// `a: why` for every pod left out.
pub fn ignored(plan: &Plan) -> Vec<String> {
    sorted(
        plan.ignored
            .iter()
            .map(|one| format!("{}: {}", short(std::slice::from_ref(&one.pod)), one.reason))
            .collect(),
    )
}

/// `general: why` for every NodePool that cannot make nodes.
pub fn problems(plan: &Plan) -> Vec<String> {
    sorted(plan.node_pool_problems.iter().map(|one| format!("{}: {}", one.node_pool, one.problem)).collect())
}

/// `constraint: removed n, left m` for the first class without a place and a NodePool.
///
/// # Panics
/// When there is no such class or NodePool: the test is wrong.
pub fn step_texts(plan: &Plan, node_pool: &str) -> Vec<String> {
    let explained = plan.unschedulable[0].node_pools.iter().find(|one| one.node_pool == node_pool);
    let explained = explained.expect("the NodePool was asked");
    let line = |step: &supercargo_engine::reasons::Step| {
        format!("{}: removed {}, left {}", step.constraint, step.removed, step.left)
    };
    explained.steps.iter().map(line).collect()
}
