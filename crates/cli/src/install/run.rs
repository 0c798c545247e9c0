//! From the arguments to objects, printed or applied.

use supercargo_api::crd::{self, Definition};
use supercargo_control::installation::{CostOptions, InstallError, InstallationOptions, apply, objects};

use super::arguments::Arguments;
use crate::console::Console;
use crate::controller::CloudChoice;
use crate::documents;
use crate::exit::{Exit, Failure};
use crate::local::cluster_client;

/// Runs the command.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let options = options(arguments)?;
    let options = (!arguments.only_definitions).then_some(&options);
    if arguments.dry_run {
        console.data(&print(options)?)?;
        return Ok(Exit::Success);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the event loop cannot be started: {error}")))?;
    runtime.block_on(async {
        let client = cluster_client(arguments.kubeconfig.as_deref()).await?;
        let mut said = Ok(());
        let result = apply(&client, options, arguments.force, |applied| {
            let line = format!("{}/{} applied\n", applied.kind.to_lowercase(), applied.name);
            if said.is_ok() {
                said = console.data(&line);
            }
        })
        .await;
        said?;
        result.map_err(|error| failure(&error))
    })?;
    Ok(Exit::Success)
}

fn options(arguments: &Arguments) -> Result<InstallationOptions, Failure> {
    let cloud = match arguments.cloud {
        CloudChoice::Aws => "aws",
        CloudChoice::Sim => "sim",
    };
    let mut options = InstallationOptions::new(cloud);
    options.namespace.clone_from(&arguments.namespace);
    options.replicas = arguments.replicas;
    if let Some(image) = &arguments.image {
        options.image.clone_from(image);
    }
    options.costs = costs(arguments)?;
    for setting in &arguments.settings {
        let (name, value) =
            setting.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                Failure::new(format!("{setting:?} is no setting; write NAME=VALUE"))
                    .with_help("supercargo controller --help lists the names")
            })?;
        options.settings.insert(name.to_owned(), value.to_owned());
    }
    Ok(options)
}

/// What costs need, if they are wanted.
fn costs(arguments: &Arguments) -> Result<Option<CostOptions>, Failure> {
    let Arguments { cost_port: port, cost_claim: claim, .. } = arguments;
    if *port == 0 && claim.is_none() {
        return Ok(None);
    }
    if matches!(port, 8080 | 8081) {
        return Err(
            Failure::new(format!("port {port} is that of metrics or health")).with_help("OpenCost's is 9003")
        );
    }
    Ok(Some(CostOptions { port: *port, claim: claim.clone() }))
}

/// All objects, as documents of YAML.
fn print(options: Option<&InstallationOptions>) -> Result<String, Failure> {
    let mut text = String::new();
    let mut definitions: Vec<&Definition> = crd::definitions().iter().collect();
    definitions.sort_by_key(|definition| definition.file_name());
    for definition in definitions {
        let yaml = definition.to_yaml().map_err(|error| {
            Failure::new(format!("{} cannot be written: {error}", definition.file_name()))
        })?;
        text.push_str(&yaml);
    }
    for object in options.map(objects).unwrap_or_default() {
        text.push_str("---\n");
        text.push_str(&documents::yaml(&object)?);
    }
    Ok(text)
}

fn failure(error: &InstallError) -> Failure {
    let said = Failure::new(error.to_string());
    match error {
        InstallError::Apply { source, .. } if matches!(&**source, kube::Error::Api(status) if status.code == 409) => {
            said.with_help("others own some of its fields; --force takes them over")
        }
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use supercargo_control::installation::cost_rules;

    #[test]
    fn whatever_is_measured_may_be_read_and_nothing_may_be_written() {
        let rules = cost_rules();
        let rules = rules.as_array().unwrap();
        let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|item| item == word);
        let may = |group: &str, resource: &str, verb: &str| {
            rules.iter().any(|rule| {
                has(&rule["apiGroups"], group)
                    && has(&rule["resources"], resource)
                    && has(&rule["verbs"], verb)
            })
        };
        assert!(supercargo_meter::KINDS.len() > 10);
        for kind in supercargo_meter::KINDS {
            let place = kind.place();
            for verb in ["list", "watch"] {
                assert!(
                    may(place.group, place.plural, verb),
                    "{verb} {}: no meter would ever start",
                    kind.name()
                );
            }
        }
        assert!(may("", "nodes/proxy", "get") && may("metrics.k8s.io", "pods", "list"));
        assert!(may("metrics.k8s.io", "nodes", "list"));
        let verbs = rules.iter().flat_map(|rule| rule["verbs"].as_array().unwrap());
        assert!(verbs.into_iter().all(|verb| ["get", "list", "watch"].contains(&verb.as_str().unwrap())));
    }
}
