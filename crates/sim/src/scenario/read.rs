//! From text to a scenario.

use serde_json::Value;
use supercargo_cloud_sim::Script;
use thiserror::Error;

use super::{Change, FaultKind, Scenario, Span, Workload};

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScenarioError {
    /// The text is no YAML, or a field is not one of a scenario.
    #[error("{0}")]
    Text(String),
    /// A field does not make sense.
    #[error("{field}: {problem}")]
    Field {
        /// Where: `workloads[0].cpu`.
        field: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A file of objects.
    #[error("manifests: {file}: {problem}")]
    Manifest {
        /// Which.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

/// Reads a scenario. `open` reads a file that it names, relative to it; the objects of those files come into
/// [`Scenario::objects`], before its own.
pub fn read(
    text: &str,
    mut open: impl FnMut(&str) -> Result<String, String>,
) -> Result<Scenario, ScenarioError> {
    let mut scenario: Scenario =
        serde_saphyr::from_str(text).map_err(|error| ScenarioError::Text(first_line(&error.to_string())))?;
    let mut objects = Vec::new();
    for file in std::mem::take(&mut scenario.manifests) {
        let wrong = |problem| ScenarioError::Manifest { file: file.clone(), problem };
        let text = open(&file).map_err(wrong)?;
        let found: Vec<Value> =
            serde_saphyr::from_multiple(&text).map_err(|error| wrong(first_line(&error.to_string())))?;
        objects.extend(found.into_iter().filter(|object| !object.is_null()));
    }
    objects.append(&mut scenario.objects);
    scenario.objects = objects;
    check(&scenario)?;
    Ok(scenario)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// What is wrong with how a workload is scaled.
fn autoscaling_problem(workload: &Workload) -> Option<&'static str> {
    let steps = || workload.steps.iter();
    let loads = || workload.load.into_iter().chain(steps().filter_map(|step| step.load));
    let Some(autoscale) = &workload.autoscale else {
        return loads().next().map(|_| "load is for workloads with autoscale; expected replicas");
    };
    if autoscale.min == 0 || autoscale.min > autoscale.max || !(1..=1_000).contains(&autoscale.cpu_percent) {
        return Some("autoscale: expected 1 <= min <= max and a cpuPercent of 1 to 1000");
    }
    if steps().any(|step| step.replicas.is_some()) {
        return Some("its autoscaler decides on replicas; expected load in its steps");
    }
    loads().any(|load| !(0.0..=1e6).contains(&load)).then_some("load: expected cores, at most 1000000")
}

/// The longest scenario: a month and a bit.
const LONGEST: Span = Span::seconds(40 * 86_400);

fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let wrong =
        |field: String, problem: &str| Err(ScenarioError::Field { field, problem: problem.to_owned() });
    if scenario.duration.0.is_zero() || scenario.duration > LONGEST || scenario.settle > LONGEST {
        return wrong("duration".to_owned(), "expected more than nothing and at most 40 days");
    }
    for (index, object) in scenario.objects.iter().enumerate() {
        if !is_object(object) {
            return wrong(format!("objects[{index}]"), "expected apiVersion, kind and metadata.name");
        }
    }
    for (field, factor) in [("spotHazard", scenario.spot_hazard), ("bootFactor", scenario.boot_factor)] {
        if !(0.0..=1000.0).contains(&factor) {
            return wrong(field.to_owned(), "expected a number of at least 0 and at most 1000");
        }
    }
    for (index, workload) in scenario.workloads.iter().enumerate() {
        for (name, quantity) in [("cpu", &workload.cpu), ("memory", &workload.memory)] {
            if quantity.parse::<supercargo_api::quantity::Quantity>().is_err() {
                return wrong(
                    format!("workloads[{index}].{name}"),
                    "expected a quantity such as 500m or 1Gi",
                );
            }
        }
        if let Some(problem) = autoscaling_problem(workload) {
            return wrong(format!("workloads[{index}]"), problem);
        }
        if !(workload.pod.is_null() || workload.pod.is_object()) {
            return wrong(format!("workloads[{index}].pod"), "expected fields of a pod's spec");
        }
        if workload.daily.as_ref().is_some_and(|daily| daily.peak > 23 || daily.low > daily.high) {
            return wrong(
                format!("workloads[{index}].daily"),
                "expected low to be at most high, and the peak as an hour from 0 to 23",
            );
        }
        for (number, step) in workload.steps.iter().enumerate() {
            if step.replicas.is_none() && step.load.is_none() && step.image.is_none() {
                return wrong(
                    format!("workloads[{index}].steps[{number}]"),
                    "nothing happens: expected replicas, load or image",
                );
            }
        }
    }
    for (index, change) in scenario.changes.iter().enumerate() {
        let is_right = match change {
            Change { apply: Some(object), patch: None, delete: None, .. }
            | Change { apply: None, patch: Some(object), delete: None, .. } => is_object(object),
            Change { apply: None, patch: None, delete: Some(_), .. } => true,
            _ => false,
        };
        if !is_right {
            let expected = "expected one of apply with a whole object, patch with some of its fields, and delete, each with \
                            apiVersion, kind and name";
            return wrong(format!("changes[{index}]"), expected);
        }
    }
    for (index, fault) in scenario.faults.iter().enumerate() {
        if let FaultKind::ApiErrors(percent) = fault.kind
            && !(percent > 0.0 && percent <= 100.0)
        {
            return wrong(format!("faults[{index}].apiErrors"), "expected percent, above 0 and at most 100");
        }
    }
    if let Err(error) = scenario.market.parse::<Script>() {
        return wrong("market".to_owned(), &error.to_string());
    }
    Ok(())
}

fn is_object(object: &Value) -> bool {
    [&object["apiVersion"], &object["kind"], &object["metadata"]["name"]]
        .iter()
        .all(|field| field.is_string())
}
