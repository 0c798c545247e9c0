//! The OpenAPI document of the API.

use serde_json::{Map, Value, json};

use crate::http::router;

/// A parameter: name, type, what it is.
type Parameter = (&'static str, &'static str, &'static str);

const WINDOW: Parameter = (
    "window",
    "string",
    "today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d or 24h, or START,END as RFC 3339 or Unix seconds",
);
const COMPAT: Parameter = ("compat", "string", "opencost follows OpenCost where it is wrong; none does not");

const ALLOCATION: [Parameter; 40] = [
    WINDOW,
    ("aggregate", "string", "what rows are added up by: a comma-separated list, or all"),
    ("step", "string", "length of a step: a duration, or hour, day, week, month, quarter"),
    ("accumulate", "string", "add steps up: true, false, all, none, hour, day, week, month, quarter"),
    ("accumulateBy", "string", "the same"),
    ("includeIdle", "boolean", "show idle"),
    ("idle", "boolean", "the same"),
    ("shareIdle", "string", "divide idle among those who run: true or false"),
    ("idleByNode", "boolean", "idle of a node goes to that node's allocations only"),
    ("splitIdle", "boolean", "name idle by cluster, or by cluster and node"),
    (
        "includeOverhead",
        "boolean",
        "show apart what nodes keep for themselves and what the control plane costs",
    ),
    ("shareNamespaces", "string", "namespaces whose costs the others carry"),
    ("shareLabels", "string", "KEY:VALUE of those whose costs the others carry"),
    ("shareCost", "number", "dollars per month of 730 hours to be carried by all"),
    ("shareSplit", "string", "weighted or even"),
    ("sharelb", "boolean", "share load balancers"),
    ("shareTenancyCosts", "boolean", "share what the control plane costs"),
    (
        "includeProportionalAssetResourceCosts",
        "boolean",
        "part of the assets each aggregate carries; needs includeIdle",
    ),
    ("includeAggregatedMetadata", "boolean", "keep labels that all rows of an aggregate have"),
    ("filter", "string", "such as namespace:\"shop\"+label[team]!:\"media\""),
    ("filterClusters", "string", "comma-separated, a trailing * compares the beginning"),
    ("filterNodes", "string", "the same for nodes"),
    ("filterNamespaces", "string", "the same for namespaces"),
    ("filterControllerKinds", "string", "the same for kinds of controllers"),
    ("filterControllers", "string", "the same for KIND:NAME"),
    ("filterPods", "string", "the same for pods"),
    ("filterContainers", "string", "the same for containers"),
    ("filterServices", "string", "the same for services"),
    ("filterLabels", "string", "the same for KEY:VALUE"),
    ("filterAnnotations", "string", "the same for KEY:VALUE"),
    ("filterDepartments", "string", "the same for the label department"),
    ("filterEnvironments", "string", "the same for the label env"),
    ("filterOwners", "string", "the same for the label owner"),
    ("filterProducts", "string", "the same for the label app"),
    ("filterTeams", "string", "the same for the label team"),
    ("offset", "integer", "how many aggregates are left out"),
    ("limit", "integer", "how many are shown at most"),
    (
        "sortBy",
        "string",
        "name, totalCost, cpuCost, ramCost, gpuCost, pvCost, networkCost or totalEfficiency",
    ),
    ("decimals", "integer", "decimals of the numbers, 0 to 9"),
    COMPAT,
];

const MORE: [Parameter; 2] = [
    ("sortByOrder", "string", "asc or desc"),
    ("split", "string", "ratio divides nodes by OpenCost's default prices"),
];

const ASSETS: [Parameter; 4] = [
    WINDOW,
    ("aggregate", "string", "type, category, cluster, provider, service, name or providerID"),
    ("filter", "string", "such as assetType:\"Node\""),
    COMPAT,
];

/// The document.
pub fn document(version: &str) -> Value {
    let mut paths = Map::new();
    for path in router::paths() {
        for prefix in ["", "/model"] {
            paths.insert(format!("{prefix}{path}"), operations(path));
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "supercargo cost",
            "version": version,
            "description": "Allocations and assets, compatible with OpenCost.",
        },
        "paths": paths,
        "components": {"schemas": {"Success": success_schema(), "Error": error_schema()}},
    })
}

fn parameters(path: &str) -> Vec<Parameter> {
    match path {
        _ if path.starts_with("/allocation") => ALLOCATION.into_iter().chain(MORE).collect(),
        "/assets" => ASSETS.to_vec(),
        "/gaps" => vec![WINDOW],
        _ => Vec::new(),
    }
}

fn operations(path: &str) -> Value {
    let known = parameters(path);
    let in_query = |(name, kind, text): &Parameter| {
        json!({
            "name": name,
            "in": "query",
            "required": *name == "window",
            "description": text,
            "schema": {"type": kind},
        })
    };
    let (plain, json) = ("text/plain", "application/json");
    let (kind, schema) = match path {
        "/metrics" => (plain, json!({"type": "string"})),
        "/openapi.json" => (json, json!({"type": "object"})),
        "/healthz" => (plain, json!({"type": "string"})),
        _ => (json, json!({"$ref": "#/components/schemas/Success"})),
    };
    let error = json!({"$ref": "#/components/schemas/Error"});
    let mut responses = json!({"200": {"description": "the answer", "content": {kind: {"schema": schema}}}});
    if let (false, Value::Object(responses)) = (known.is_empty(), &mut responses) {
        let content = json!({json: {"schema": error}, plain: {"schema": {"type": "string"}}});
        responses
            .insert("400".to_owned(), json!({"description": "a parameter cannot be", "content": content}));
    }
    let get = json!({"parameters": known.iter().map(in_query).collect::<Vec<_>>(), "responses": responses});
    let properties: Map<String, Value> = known
        .iter()
        .map(|(name, kind, text)| ((*name).to_owned(), json!({"type": kind, "description": text})))
        .collect();
    let form = json!({"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": properties}}});
    let post = json!({"requestBody": {"required": false, "content": form}, "responses": responses});
    json!({"get": get, "post": post})
}

fn success_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "status", "data"],
        "properties": {
            "code": {"type": "integer"},
            "status": {"type": "string"},
            "data": {},
            "warning": {"type": "string", "description": "what of the window was not measured"},
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "status", "message"],
        "properties": {
            "code": {"type": "integer"},
            "status": {"type": "string", "enum": ["error"]},
            "data": {"nullable": true},
            "message": {"type": "string"},
        },
    })
}
