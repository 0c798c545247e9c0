//! By what rows are added up, and the keys that come of it (reference sections 2.3 and 2.5).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::allocation::label_aliases::LabelAliases;
use crate::workload::{RowKind, UNALLOCATED, Workload};

/// One property to aggregate by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AggregateBy {
    /// Id of the cluster.
    Cluster,
    /// Name of the node.
    Node,
    /// Namespace.
    Namespace,
    /// Kind of the controller.
    ControllerKind,
    /// Kind and name of the controller: `deployment:web`.
    Controller,
    /// Kind and name of the first owner of the chain.
    Root,
    /// The first of the services.
    Service,
    /// Name of the pod.
    Pod,
    /// Name of the container.
    Container,
    /// Name of the controller if it is a Deployment.
    Deployment,
    /// Name of the controller if it is a StatefulSet.
    StatefulSet,
    /// Name of the controller if it is a DaemonSet.
    DaemonSet,
    /// Name of the controller if it is a Job or a CronJob.
    Job,
    /// Name of the controller if it is a CronJob.
    CronJob,
    /// The node's provider id.
    ProviderId,
    /// A label's value.
    Label(String),
    /// An annotation's value.
    Annotation(String),
}

/// By what rows are added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Not at all: one row for each container.
    #[default]
    None,
    /// All rows into one.
    All,
    /// By these properties, in this order.
    By(Vec<AggregateBy>),
}

/// A word that is nothing to aggregate by.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AggregationError {
    /// The word is not known.
    #[error(
        "unknown aggregate {word:?}: expected all, cluster, node, namespace, controllerKind, controller, root, service, pod, \
         container, deployment, statefulset, daemonset, job, cronjob, providerID, department, environment, owner, product, \
         team, label:NAME or annotation:NAME"
    )]
    Unknown {
        /// The word, cut to 40 characters.
        word: String,
    },
    /// `label:` or `annotation:` without a name.
    #[error("the aggregate {word:?} names nothing: expected {word}NAME")]
    Nameless {
        /// The word.
        word: String,
    },
}

impl FromStr for AggregateBy {
    type Err = AggregationError;

    fn from_str(text: &str) -> Result<AggregateBy, AggregationError> {
        AggregateBy::parse(text, &LabelAliases::default())
    }
}

impl AggregateBy {
    /// Reads a word, in whatever case; the aliases say which labels some words stand for.
    pub fn parse(text: &str, aliases: &LabelAliases) -> Result<AggregateBy, AggregationError> {
        let word = text.trim();
        if let Some((kind, name)) = word.split_once(':') {
            let (kind, name) = (kind.trim().to_ascii_lowercase(), name.trim());
            if matches!(kind.as_str(), "label" | "annotation") && name.is_empty() {
                return Err(AggregationError::Nameless { word: format!("{kind}:") });
            }
            match kind.as_str() {
                "label" => return Ok(AggregateBy::Label(name.to_owned())),
                "annotation" => return Ok(AggregateBy::Annotation(name.to_owned())),
                _ => {}
            }
        }
        let small = word.to_ascii_lowercase();
        if let Some(label) = aliases.label(&small) {
            return Ok(AggregateBy::Label(label.to_owned()));
        }
        Ok(match small.as_str() {
            "cluster" => AggregateBy::Cluster,
            "node" => AggregateBy::Node,
            "namespace" => AggregateBy::Namespace,
            "controllerkind" => AggregateBy::ControllerKind,
            "controller" | "controllername" => AggregateBy::Controller,
            "root" => AggregateBy::Root,
            "service" | "services" => AggregateBy::Service,
            "pod" => AggregateBy::Pod,
            "container" => AggregateBy::Container,
            "deployment" => AggregateBy::Deployment,
            "statefulset" => AggregateBy::StatefulSet,
            "daemonset" => AggregateBy::DaemonSet,
            "job" => AggregateBy::Job,
            "cronjob" => AggregateBy::CronJob,
            "providerid" => AggregateBy::ProviderId,
            _ => return Err(AggregationError::Unknown { word: word.chars().take(40).collect() }),
        })
    }

    /// The value of a row; empty if it has none.
    pub fn value(&self, row: &Workload) -> String {
        let controller_of = |kinds: &[&str]| {
            if kinds.contains(&&*row.controller_kind) { row.controller.to_string() } else { String::new() }
        };
        let pair = |kind: &str, name: &str| match (kind, name) {
            (_, "") => String::new(),
            ("", name) => name.to_owned(),
            (kind, name) => format!("{kind}:{name}"),
        };
        match self {
            AggregateBy::Cluster => row.cluster.to_string(),
            AggregateBy::Node => row.node.to_string(),
            AggregateBy::Namespace => row.namespace.to_string(),
            AggregateBy::ControllerKind => row.controller_kind.to_string(),
            AggregateBy::Controller => pair(&row.controller_kind, &row.controller),
            AggregateBy::Root => pair(&row.root_kind, &row.root),
            AggregateBy::Service => row.services.first().map(|name| name.to_string()).unwrap_or_default(),
            AggregateBy::Pod => row.pod.to_string(),
            AggregateBy::Container => row.container.to_string(),
            AggregateBy::Deployment => controller_of(&["deployment"]),
            AggregateBy::StatefulSet => controller_of(&["statefulset"]),
            AggregateBy::DaemonSet => controller_of(&["daemonset"]),
            AggregateBy::Job => controller_of(&["job", "cronjob"]),
            AggregateBy::CronJob => controller_of(&["cronjob"]),
            AggregateBy::ProviderId => row.provider_id.to_string(),
            AggregateBy::Label(key) => row.label(key).unwrap_or_default().to_owned(),
            AggregateBy::Annotation(key) => row.annotation(key).unwrap_or_default().to_owned(),
        }
    }
}

impl Aggregation {
    /// Reads a comma-separated list. With `forgiving`, unknown words are left out, as OpenCost does.
    pub fn parse(text: &str, forgiving: bool) -> Result<Aggregation, AggregationError> {
        Aggregation::parse_with(text, forgiving, &LabelAliases::default())
    }

    /// The same with other labels for some words.
    pub fn parse_with(
        text: &str,
        forgiving: bool,
        aliases: &LabelAliases,
    ) -> Result<Aggregation, AggregationError> {
        let mut parts = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word.eq_ignore_ascii_case("all") {
                return Ok(Aggregation::All);
            }
            match AggregateBy::parse(word, aliases) {
                // a property twice would only make keys longer
                Ok(part) if parts.contains(&part) => {}
                Ok(part) => parts.push(part),
                Err(_) if forgiving => {}
                Err(error) => return Err(error),
            }
        }
        Ok(if parts.is_empty() { Aggregation::None } else { Aggregation::By(parts) })
    }

    /// The key of a row. Rows that are not of containers have their special name; see [`Sharing`](super::Sharing) for when
    /// idle is named by cluster and node.
    pub fn key(&self, row: &Workload) -> String {
        if !row.is_allocation() {
            return special_key(row, false);
        }
        let or_unallocated = |value: String| if value.is_empty() { UNALLOCATED.to_owned() } else { value };
        match self {
            Aggregation::None => [&row.cluster, &row.node, &row.namespace, &row.pod, &row.container]
                .map(|part| &**part)
                .into_iter()
                .map(|part| if part.is_empty() { UNALLOCATED } else { part })
                .collect::<Vec<_>>()
                .join("/"),
            Aggregation::All => "all".to_owned(),
            Aggregation::By(parts) => match parts.as_slice() {
                [one] => or_unallocated(one.value(row)),
                many => many.iter().map(|part| or_unallocated(part.value(row))).collect::<Vec<_>>().join("/"),
            },
        }
    }
}

/// `__idle__`, or `cluster/__idle__` and `cluster/node/__idle__` if it is split.
pub(crate) fn special_key(row: &Workload, split: bool) -> String {
    let name = row.kind.special_name();
    match (split && row.kind == RowKind::Idle, &*row.node) {
        (false, _) => name.to_owned(),
        (true, "") => format!("{}/{name}", row.cluster),
        (true, node) => format!("{}/{node}/{name}", row.cluster),
    }
}

impl fmt::Display for AggregateBy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            AggregateBy::Cluster => "cluster",
            AggregateBy::Node => "node",
            AggregateBy::Namespace => "namespace",
            AggregateBy::ControllerKind => "controllerKind",
            AggregateBy::Controller => "controller",
            AggregateBy::Root => "root",
            AggregateBy::Service => "service",
            AggregateBy::Pod => "pod",
            AggregateBy::Container => "container",
            AggregateBy::Deployment => "deployment",
            AggregateBy::StatefulSet => "statefulset",
            AggregateBy::DaemonSet => "daemonset",
            AggregateBy::Job => "job",
            AggregateBy::CronJob => "cronjob",
            AggregateBy::ProviderId => "providerID",
            AggregateBy::Label(name) => return write!(out, "label:{name}"),
            AggregateBy::Annotation(name) => return write!(out, "annotation:{name}"),
        };
        out.pad(word)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;

    fn row() -> Workload {
        let pairs = [("app", "web"), ("env", "prod")].map(|(key, value)| (key.into(), value.into()));
        Workload {
            cluster: "c1".into(),
            node: "n1".into(),
            namespace: "shop".into(),
            pod: "web-1".into(),
            container: "main".into(),
            controller_kind: "deployment".into(),
            controller: "web".into(),
            services: vec!["front".into(), "side".into()],
            labels: Arc::new(pairs.into_iter().collect()),
            ..Workload::default()
        }
    }

    /// Reference section 2.5.
    #[rstest]
    #[case("", "c1/n1/shop/web-1/main")]
    #[case("all", "all")]
    #[case("NameSpace", "shop")]
    #[case("namespace, label:app", "shop/web")]
    #[case("controller", "deployment:web")]
    #[case("controllerKind,deployment,statefulset", "deployment/web/__unallocated__")]
    #[case("service", "front")]
    #[case("team", "__unallocated__")]
    #[case("product,environment", "web/prod")]
    #[case("label:missing,annotation:missing", "__unallocated__/__unallocated__")]
    fn keys_are_those_of_the_api(#[case] aggregate: &str, #[case] key: &str) {
        assert_eq!(Aggregation::parse(aggregate, false).unwrap().key(&row()), key);
    }

    /// Reference section 2.3 (!): upstream drops unknown words silently.
    #[test]
    fn an_unknown_word_is_an_error_unless_upstream_is_to_be_followed() {
        let error = Aggregation::parse("namespace,nonsense", false).unwrap_err();
        assert!(error.to_string().contains("unknown aggregate \"nonsense\""));
        assert_eq!(
            Aggregation::parse("namespace,nonsense", true).unwrap(),
            Aggregation::By(vec![AggregateBy::Namespace])
        );
        assert!(Aggregation::parse("label:", false).is_err());
    }

    #[test]
    fn idle_has_its_own_name_whatever_the_aggregate_is() {
        let idle = Workload::special(RowKind::Idle, &"c1".into(), &"n1".into(), &"".into());
        assert_eq!(Aggregation::parse("namespace,pod", false).unwrap().key(&idle), "__idle__");
        assert_eq!(special_key(&idle, true), "c1/n1/__idle__");
    }
}
