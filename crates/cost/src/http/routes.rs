//! What the API answers: one table, from which the router and the OpenAPI document are made (reference section 2.2).

use axum::response::Response;

use crate::http::envelope::Refusal;
use crate::http::openapi::{Parameter, Shape, parameters as lists};
use crate::http::service::CostService;
use crate::http::{answers, information};
use crate::query::Parameters;

/// What computes an answer.
pub type Answer = fn(&CostService, &Parameters) -> Result<Response, Refusal>;

/// A path and what it answers.
pub struct Route {
    /// The path, without `/model`.
    pub path: &'static str,
    /// Whether it changes something, so that it is for POST alone.
    pub changes: bool,
    /// What computes the answer.
    pub answer: Answer,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Its parameters.
    pub parameters: &'static [&'static [Parameter]],
    /// What the answer looks like.
    pub shape: Shape,
}

const fn get(
    path: &'static str,
    answer: Answer,
    about: &'static str,
    parameters: &'static [&'static [Parameter]],
    shape: Shape,
) -> Route {
    Route { path, changes: false, answer, about, parameters, shape }
}

const ALLOCATIONS: &[&[Parameter]] = &[
    &lists::WINDOW,
    &lists::STEPS,
    &lists::AGGREGATE,
    &lists::SHARING,
    &lists::FILTERS,
    &lists::PAGES,
    &lists::WRITING,
    &lists::DETAILS,
];
const EFFICIENCY: &[&[Parameter]] = &[
    &lists::WINDOW,
    &lists::STEPS,
    &lists::AGGREGATE,
    &lists::FILTERS,
    &lists::PAGES,
    &lists::WRITING,
    &lists::HEADROOM,
];
const CLUSTERS: &[&[Parameter]] = &[&lists::WINDOW, &lists::STEPS, &lists::FILTERS];
const TOPLINE: &[&[Parameter]] =
    &[&lists::WINDOW, &lists::STEPS, &lists::AGGREGATE, &lists::SHARING, &lists::FILTERS];
const ASSETS: &[&[Parameter]] = &[&lists::WINDOW, &lists::STEPS, &lists::ASSETS];
const VALUES: &[&[Parameter]] = &[&lists::WINDOW, &lists::VALUES];
const ASSET_VALUES: &[&[Parameter]] = &[&lists::WINDOW, &lists::ASSET_VALUES];

const SETS: &str = "what was allocated in a window: a map by key for every step";
const SUMMARY: &str = "the same with fewer fields";

/// All routes.
pub const ROUTES: [Route; 27] = [
    get("/allocation", answers::allocation, SETS, ALLOCATIONS, Shape::Table("AllocationSets")),
    get("/allocation/compute", answers::allocation, SETS, ALLOCATIONS, Shape::Table("AllocationSets")),
    get("/allocation/summary", answers::summary, SUMMARY, ALLOCATIONS, Shape::Table("Summary")),
    get("/allocation/compute/summary", answers::summary, SUMMARY, ALLOCATIONS, Shape::Table("Summary")),
    get(
        "/allocation/summary/topline",
        answers::topline,
        "everything in one row",
        TOPLINE,
        Shape::Data("Topline"),
    ),
    get(
        "/allocation/autocomplete",
        answers::allocation_values,
        "the values that a field has in a window",
        VALUES,
        Shape::Data("Values"),
    ),
    get(
        "/efficiency",
        answers::efficiency,
        "what was used of what was asked for, and what requests would do",
        EFFICIENCY,
        Shape::Table("Efficiencies"),
    ),
    get(
        "/efficiency/clusters",
        answers::cluster_efficiency,
        "what was used of what clusters cost",
        CLUSTERS,
        Shape::Data("ClusterEfficiencies"),
    ),
    get(
        "/efficiency/clusters/summary",
        answers::cluster_efficiency,
        "the same",
        CLUSTERS,
        Shape::Data("ClusterEfficiencies"),
    ),
    get(
        "/assets",
        answers::assets,
        "what was paid for in a window: a map by key, or a list of them if there is a step",
        ASSETS,
        Shape::Table("Assets"),
    ),
    get(
        "/assets/autocomplete",
        answers::asset_values,
        "the values that a field of assets has in a window",
        ASSET_VALUES,
        Shape::Data("Values"),
    ),
    get("/gaps", answers::gaps, "what is not known of a window", &[&lists::WINDOW], Shape::Data("Gaps")),
    get("/metrics", answers::metrics, "the series that OpenCost exports", &[&lists::METRICS], Shape::Text),
    get("/healthz", information::healthz, "nothing, if all is well", &[], Shape::Text),
    get("/openapi.json", information::openapi, "this document", &[], Shape::Document),
    get("/clusterInfo", information::cluster_info, "the cluster", &[], Shape::Data("Cluster")),
    get(
        "/clusterInfoMap",
        information::cluster_info_map,
        "all clusters by id",
        &[],
        Shape::Data("ClusterMap"),
    ),
    get("/clusters", information::clusters, "all clusters", &[], Shape::Data("Clusters")),
    get(
        "/managementPlatform",
        information::management_platform,
        "who runs the control plane",
        &[],
        Shape::Data("Platform"),
    ),
    get(
        "/allNodePricing",
        information::node_pricing,
        "the offerings that nodes are of, with their prices",
        &[],
        Shape::Data("NodePrices"),
    ),
    get(
        "/pricingSourceStatus",
        information::pricing_status,
        "where prices of nodes come from",
        &[],
        Shape::Data("PriceSources"),
    ),
    get(
        "/pricingSourceSummary",
        information::pricing_summary,
        "the price book",
        &[],
        Shape::Data("PriceBook"),
    ),
    get(
        "/pricingSourceCounts",
        information::pricing_counts,
        "how many nodes are priced by which source",
        &[],
        Shape::Data("PriceCounts"),
    ),
    get(
        "/serviceAccountStatus",
        information::service_account_status,
        "whether all nodes have prices",
        &[],
        Shape::Data("Checks"),
    ),
    get("/customPricing", information::unit_prices, "prices of units", &[], Shape::Data("UnitPrices")),
    get("/currency", information::currency, "the currency", &[], Shape::Data("Currency")),
    Route {
        path: "/refreshPricing",
        changes: true,
        answer: information::refresh_pricing,
        about: "fetches prices anew",
        parameters: &[],
        shape: Shape::Data("Nothing"),
    },
];
