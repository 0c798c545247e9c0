//! The parameters of the API (reference sections 2.3, 2.8 and 2.10), as lists that routes share.

use serde_json::{Value, json};

use crate::query::MOST_STEPS;

/// What a parameter may be.
#[derive(Clone, Copy)]
pub enum Kind {
    /// true or false, as Go reads them.
    Flag,
    /// A whole number from 0 on.
    Count(u64),
    /// A number of a range.
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text of this form.
    Form(&'static str),
    /// A text of which these are examples.
    Like(&'static [&'static str]),
}

/// A parameter.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is.
    pub about: &'static str,
}

impl Parameter {
    /// The schema of its value.
    pub fn schema(&self) -> Value {
        match self.kind {
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Count(most) => json!({"type": "integer", "minimum": 0, "maximum": most}),
            Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            Kind::Word(words) => json!({"type": "string", "enum": words}),
            Kind::Form(pattern) => json!({"type": "string", "pattern": pattern}),
            Kind::Like(examples) => {
                json!({"anyOf": [{"type": "string", "enum": examples}, {"type": "string"}]})
            }
        }
    }

    /// A value that it may have, for examples.
    pub fn example(&self) -> Option<&'static str> {
        match (self.name, self.kind) {
            ("window", _) => Some("7d"),
            ("field", _) => Some("cluster"),
            (_, Kind::Like(examples)) => examples.first().copied(),
            _ => None,
        }
    }
}

const fn parameter(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, about }
}

const WINDOW_FORM: &str = "^(today|yesterday|week|lastweek|month|lastmonth|[1-9][0-9]{0,3}[mhdw]( offset [0-9]{1,3}[mhdw])?|\
[0-9]{1,10}[,-][0-9]{1,10}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z,[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z|\
[0-9]{4}-[0-9]{2}-[0-9]{2},[0-9]{4}-[0-9]{2}-[0-9]{2})$";
const STEP_FORM: &str = "^(hour|day|week|month|quarter|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d|w))+)$";
const UNITS: &[&str] = &["true", "false", "all", "none", "hour", "day", "week", "month", "quarter"];
const FILTERS_LIKE: &[&str] = &[
    "namespace:\"shop\"",
    "namespace!:\"kube-system\"+(label[team]:\"payments\"|label[team]~:\"med\")",
    "controllerKind:\"deployment\" pod<~:\"pod-\"",
    "cluster:\"east\",\"west\"",
    "label:\"team\"",
];

/// The window, and whose behaviour is followed.
pub const WINDOW: [Parameter; 2] = [
    parameter(
        "window",
        Kind::Form(WINDOW_FORM),
        "today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d or 24h until the end of the running unit, \
         `7d offset 3h` until so long ago, or START,END as RFC 3339, dates or Unix seconds",
    ),
    parameter(
        "compat",
        Kind::Word(&["opencost", "none"]),
        "opencost follows OpenCost where it is wrong; none does not",
    ),
];

/// How the window is cut.
pub const STEPS: [Parameter; 4] = [
    parameter(
        "step",
        Kind::Form(STEP_FORM),
        "length of a step: a duration, or a unit of the calendar; there are at most 10000 steps",
    ),
    parameter("accumulate", Kind::Word(UNITS), "add steps up"),
    parameter("accumulateBy", Kind::Word(UNITS), "the same"),
    parameter(
        "resolution",
        Kind::Form("^[1-9][0-9]{0,3}(s|m|h|d)$"),
        "changes nothing: times are exact to the second",
    ),
];
const _: () = assert!(MOST_STEPS == 10_000);

/// What rows are added up by.
pub const AGGREGATE: [Parameter; 2] = [
    parameter(
        "aggregate",
        Kind::Like(&[
            "namespace",
            "cluster,namespace,controllerKind",
            "label:team",
            "controller",
            "all",
            "pod,container",
        ]),
        "what rows are added up by, separated by commas: cluster, node, namespace, controllerKind, controller, root, service, \
         pod, container, deployment, statefulset, daemonset, job, cronjob, providerID, department, environment, owner, \
         product, team, label:NAME, annotation:NAME, or all",
    ),
    parameter("includeAggregatedMetadata", Kind::Flag, "keep labels that all rows of an aggregate have"),
];

/// What is shared, and what is shown.
pub const SHARING: [Parameter; 17] = [
    parameter("includeIdle", Kind::Flag, "show idle"),
    parameter("idle", Kind::Flag, "the same"),
    parameter(
        "shareIdle",
        Kind::Word(&["true", "false", "weighted", "none"]),
        "divide idle among those who run",
    ),
    parameter("idleByNode", Kind::Flag, "idle of a node goes to that node's allocations only"),
    parameter("splitIdle", Kind::Flag, "name idle by cluster, or by cluster and node"),
    parameter(
        "includeOverhead",
        Kind::Flag,
        "show apart what nodes keep for themselves and what the control plane costs",
    ),
    parameter(
        "shareNamespaces",
        Kind::Like(&["kube-system", "kube-system,batch"]),
        "namespaces whose costs the others carry",
    ),
    parameter(
        "shareLabels",
        Kind::Form("^[A-Za-z0-9./_-]+:[A-Za-z0-9._-]*$"),
        "KEY:VALUE of those whose costs the others carry",
    ),
    parameter("shareCost", Kind::Number(0.0, 1e12), "dollars per month of 730 hours to be carried by all"),
    parameter(
        "shareSplit",
        Kind::Word(&["weighted", "even"]),
        "by what the others cost themselves, or the same for every key",
    ),
    parameter("sharelb", Kind::Flag, "share load balancers"),
    parameter("shareLB", Kind::Flag, "the same"),
    parameter("shareTenancyCosts", Kind::Flag, "share what the control plane costs"),
    parameter("includeSharedCostBreakdown", Kind::Flag, "say whose costs were shared"),
    parameter("split", Kind::Word(&["ratio", "shadow"]), "ratio divides nodes by OpenCost's default prices"),
    parameter("external", Kind::Flag, "changes nothing: no costs come from outside"),
    parameter("reconcile", Kind::Flag, "changes nothing: a bill changes the price"),
];

/// Details of rows.
pub const DETAILS: [Parameter; 1] = [parameter(
    "includeProportionalAssetResourceCosts",
    Kind::Flag,
    "part of the assets that each aggregate carries; needs includeIdle",
)];

/// Who is asked about.
pub const FILTERS: [Parameter; 17] = [
    parameter(
        "filter",
        Kind::Like(FILTERS_LIKE),
        "comparisons such as namespace:\"shop\"+label[team]!:\"media\", joined by + (and) or | (or)",
    ),
    parameter(
        "filterClusters",
        Kind::Like(&["east"]),
        "comma-separated, a trailing * compares the beginning",
    ),
    parameter("filterNodes", Kind::Like(&["node-*"]), "the same for nodes"),
    parameter("filterNamespaces", Kind::Like(&["shop,batch"]), "the same for namespaces"),
    parameter("filterControllerKinds", Kind::Like(&["deployment"]), "the same for kinds of controllers"),
    parameter("filterControllers", Kind::Like(&["deployment:app-*"]), "the same for KIND:NAME"),
    parameter("filterPods", Kind::Like(&["pod-*"]), "the same for pods"),
    parameter("filterContainers", Kind::Like(&["main,side"]), "the same for containers"),
    parameter("filterServices", Kind::Like(&["front"]), "the same for services"),
    parameter("filterProviderIDs", Kind::Like(&["aws:*"]), "the same for provider ids of nodes"),
    parameter("filterLabels", Kind::Like(&["team:payments"]), "the same for KEY:VALUE"),
    parameter("filterAnnotations", Kind::Like(&["owner:*"]), "the same for KEY:VALUE"),
    parameter("filterDepartments", Kind::Like(&["sales"]), "the same for the label of the department"),
    parameter("filterEnvironments", Kind::Like(&["prod"]), "the same for the label of the environment"),
    parameter("filterOwners", Kind::Like(&["ann"]), "the same for the label of the owner"),
    parameter("filterProducts", Kind::Like(&["web"]), "the same for the label of the product"),
    parameter("filterTeams", Kind::Like(&["payments"]), "the same for the label of the team"),
];

/// Which part of the answer, in which order.
pub const PAGES: [Parameter; 5] = [
    parameter("offset", Kind::Count(1 << 53), "how many aggregates are left out"),
    parameter("limit", Kind::Count(1 << 53), "how many are shown at most; 0 for all"),
    parameter("sortBy", Kind::Word(SORTED_BY), "what they are ordered by; pages are of the dearest"),
    parameter("sort", Kind::Word(SORTED_BY), "the same"),
    parameter("sortByOrder", Kind::Word(&["asc", "desc"]), "the least first, or the greatest"),
];
const SORTED_BY: &[&str] = &[
    "name",
    "totalCost",
    "cpuCost",
    "ramCost",
    "gpuCost",
    "pvCost",
    "networkCost",
    "loadBalancerCost",
    "sharedCost",
    "cpuEfficiency",
    "ramEfficiency",
    "totalEfficiency",
];

/// How it is written.
pub const WRITING: [Parameter; 4] = [
    parameter("format", Kind::Word(&["json", "csv"]), "JSON, or a table"),
    parameter(
        "costMetric",
        Kind::Word(&["cumulative", "hourly", "daily", "monthly"]),
        "costs of the window, or of an hour, a day or a month of 730 hours at that rate",
    ),
    parameter("costUnit", Kind::Word(&["cumulative", "hourly", "daily", "monthly"]), "the same"),
    parameter("decimals", Kind::Count(9), "decimals of the numbers"),
];

/// What recommendations leave free.
pub const HEADROOM: [Parameter; 2] = [
    parameter(
        "buffer",
        Kind::Number(1.0, 100.0),
        "what use is multiplied by to recommend a request; 1.2 if not given",
    ),
    parameter("bufferMultiplier", Kind::Number(1.0, 100.0), "the same"),
];

/// Assets.
pub const ASSETS: [Parameter; 9] = [
    parameter(
        "aggregate",
        Kind::Like(&["type", "cluster,category", "providerID", "label:topology.kubernetes.io/zone"]),
        "what assets are added up by: type, category, cluster, project, provider, account, service, name, providerID, \
         department, environment, owner, product, team or label:NAME",
    ),
    parameter(
        "filter",
        Kind::Like(&[
            "assetType:\"Node\"",
            "category:\"Storage\"|name<~:\"pv\"",
            "label[karpenter.sh/capacity-type]:\"spot\"",
        ]),
        "comparisons such as assetType:\"Node\"",
    ),
    parameter("offset", Kind::Count(1 << 53), "how many assets are left out"),
    parameter("limit", Kind::Count(1 << 53), "how many are shown at most; 0 for all"),
    parameter(
        "sortBy",
        Kind::Word(&["name", "totalCost"]),
        "what they are ordered by; pages are of the dearest",
    ),
    parameter("sortByOrder", Kind::Word(&["asc", "desc"]), "the least first, or the greatest"),
    parameter("format", Kind::Word(&["json", "csv"]), "JSON, or a table"),
    parameter("decimals", Kind::Count(9), "decimals of the numbers"),
    parameter("disableAdjustments", Kind::Flag, "changes nothing: a bill changes the price"),
];

const FIELD_FORM: &str = "^(account|cluster|namespace|node|controllerKind|controllerName|pod|container|provider|providerID|services|\
(label|annotation|namespaceLabel|namespaceAnnotation)(:[A-Za-z0-9./_-]+)?)$";
const ASSET_FIELD_FORM: &str =
    "^(account|cluster|name|provider|providerID|type|category|service|label(:[A-Za-z0-9./_-]+)?)$";

/// Values of fields.
pub const VALUES: [Parameter; 4] = [
    parameter(
        "field",
        Kind::Form(FIELD_FORM),
        "cluster, namespace, node, controllerKind, controllerName, pod, container, provider, providerID, services, account, \
         label, annotation, namespaceLabel, namespaceAnnotation, or one of these with :KEY",
    ),
    SEARCH,
    VALUE_LIMIT,
    parameter("filter", Kind::Like(FILTERS_LIKE), "of whom"),
];
const SEARCH: Parameter = parameter("search", Kind::Like(&["o"]), "a part of the values, in whatever case");
const VALUE_LIMIT: Parameter = parameter("limit", Kind::Count(1_000), "how many values; 0 for 100");

/// Values of fields of assets.
pub const ASSET_VALUES: [Parameter; 4] = [
    parameter(
        "field",
        Kind::Form(ASSET_FIELD_FORM),
        "account, cluster, name, provider, providerID, type, category, service, label or label:KEY",
    ),
    SEARCH,
    VALUE_LIMIT,
    parameter("filter", Kind::Like(&["assetType:\"Node\""]), "of which"),
];

/// Metrics.
pub const METRICS: [Parameter; 1] = [parameter(
    "kubeState",
    Kind::Flag,
    "also the series of kube-state-metrics, in the names of its version 1, where none is running",
)];
