//! Values that fields have in a window, for whoever is typing a filter (reference section 2.2).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::allocation::AllocationQuery;
use crate::asset::Asset;
use crate::filter::{Filter, Vocabulary, provider_of};
use crate::http::asset_query::assets;
use crate::http::service::CostService;
use crate::query::{AssetRequest, Compatibility, ParameterError, Parameters};
use crate::workload::{RowKind, Workload};

/// How many values are answered if nobody says, and at most.
const USUALLY: usize = 100;
const AT_MOST: usize = 1_000;

/// What is asked for.
struct Wanted {
    field: String,
    /// In small letters.
    search: String,
    limit: usize,
}

impl Wanted {
    fn read(
        parameters: &Parameters,
        known: &[&str],
        keyed: &[&str],
        expected: &'static str,
    ) -> Result<Wanted, ParameterError> {
        let read = |text: &str| {
            let small = text.to_ascii_lowercase();
            match small.split_once(':') {
                None => (known.contains(&small.as_str()) || keyed.contains(&small.as_str())).then_some(small),
                Some((kind, _)) if keyed.contains(&kind) => {
                    // keys keep their letters
                    let key = text[kind.len() + 1..].trim();
                    (!key.is_empty()).then(|| format!("{kind}:{key}"))
                }
                Some(_) => None,
            }
        };
        let field = parameters.word("field", expected, read)?;
        let missing = || ParameterError::Word { name: "field", value: String::new(), expected };
        let limit = parameters.word("limit", "a whole number from 0 to 1000", |text| {
            text.parse().ok().filter(|limit| *limit <= AT_MOST)
        })?;
        Ok(Wanted {
            field: field.ok_or_else(missing)?,
            search: parameters.text("search").unwrap_or_default().to_lowercase(),
            limit: limit.filter(|limit| *limit > 0).unwrap_or(USUALLY),
        })
    }

    fn answer(&self, found: BTreeSet<String>) -> Value {
        let fitting = found.into_iter().filter(|value| {
            !value.is_empty() && (self.search.is_empty() || value.to_lowercase().contains(&self.search))
        });
        json!({"data": fitting.take(self.limit).collect::<Vec<_>>()})
    }
}

/// Values of allocations.
pub fn of_allocations(service: &CostService, parameters: &Parameters) -> Result<Value, ParameterError> {
    const FIELDS: [&str; 11] = [
        "account",
        "cluster",
        "namespace",
        "node",
        "controllerkind",
        "controllername",
        "pod",
        "container",
        "provider",
        "providerid",
        "services",
    ];
    const KEYED: [&str; 4] = ["label", "annotation", "namespacelabel", "namespaceannotation"];
    let expected = "cluster, namespace, node, controllerKind, controllerName, pod, container, provider, providerID, services, \
                    account, label, label:KEY, annotation, annotation:KEY, namespaceLabel, namespaceLabel:KEY, \
                    namespaceAnnotation or namespaceAnnotation:KEY";
    let standpoint = service.standpoint();
    let window = standpoint.window(parameters)?;
    let wanted = Wanted::read(parameters, &FIELDS, &KEYED, expected)?;
    let text = parameters.text("filter").unwrap_or_default();
    let filter = Filter::parse_with(text, Vocabulary::Allocations, &standpoint.aliases)?;
    let account = service.settings().account.as_str();
    let mut found = BTreeSet::new();
    let by_one = matches!(wanted.field.as_str(), "pod" | "node" | "providerid" | "provider");
    AllocationQuery::each_workload(&service.ledger(), window, &filter, by_one, |row| {
        if row.kind == RowKind::Container {
            add_values(row, &wanted.field, account, &mut found);
        }
    });
    Ok(wanted.answer(found))
}

fn add_values(row: &Workload, field: &str, account: &str, found: &mut BTreeSet<String>) {
    let mut add = |value: &str| {
        // most rows tell nothing new
        if !found.contains(value) {
            found.insert(value.to_owned());
        }
    };
    let (kind, key) = field.split_once(':').map_or((field, None), |(kind, key)| (kind, Some(key)));
    match (kind, key) {
        ("account", _) => add(account),
        ("cluster", _) => add(&row.cluster),
        ("namespace", _) => add(&row.namespace),
        ("node", _) => add(&row.node),
        ("controllerkind", _) => add(&row.controller_kind),
        ("controllername", _) => add(&row.controller),
        ("pod", _) => add(&row.pod),
        ("container", _) => add(&row.container),
        ("provider", _) => add(provider_of(&row.provider_id)),
        ("providerid", _) => add(&row.provider_id),
        ("services", _) => row.services.iter().for_each(|name| add(name)),
        ("label", Some(key)) => add(row.label(key).unwrap_or_default()),
        ("annotation", Some(key)) => add(row.annotation(key).unwrap_or_default()),
        ("label", None) => row.labels.keys().chain(row.namespace_labels.keys()).for_each(|key| add(key)),
        ("annotation", None) => {
            row.annotations.keys().chain(row.namespace_annotations.keys()).for_each(|key| add(key));
        }
        (kind, key) => {
            let of_namespace = match kind {
                "namespacelabel" => &row.namespace_labels,
                _ => &row.namespace_annotations,
            };
            let only = Workload { labels: Arc::clone(of_namespace), ..Workload::default() };
            match key {
                Some(key) => add(only.label(key).unwrap_or_default()),
                None => only.labels.keys().for_each(|key| add(key)),
            }
        }
    }
}

/// Values of assets.
pub fn of_assets(service: &CostService, parameters: &Parameters) -> Result<Value, ParameterError> {
    const FIELDS: [&str; 9] =
        ["account", "cluster", "name", "provider", "providerid", "type", "assettype", "category", "service"];
    let expected =
        "account, cluster, name, provider, providerID, type, category, service, label or label:KEY";
    let standpoint = service.standpoint();
    let window = standpoint.window(parameters)?;
    let wanted = Wanted::read(parameters, &FIELDS, &["label"], expected)?;
    let text = parameters.text("filter").unwrap_or_default();
    let request = AssetRequest {
        window,
        series: None,
        filter: Filter::parse_with(text, Vocabulary::Assets, &standpoint.aliases)?,
        by: Vec::new(),
        split: None,
        order: Default::default(),
        page: Default::default(),
        decimals: 0,
        format: Default::default(),
        compatibility: Compatibility::Correct,
    };
    let account = service.settings().account.as_str();
    let mut found = BTreeSet::new();
    for asset in assets(&service.ledger(), &request, account, window) {
        add_asset_values(&asset, &wanted.field, account, &mut found);
    }
    Ok(wanted.answer(found))
}

fn add_asset_values(asset: &Asset, field: &str, account: &str, found: &mut BTreeSet<String>) {
    if field == "label" {
        found.extend(asset.labels().into_iter().map(|(key, _)| key.to_owned()));
        return;
    }
    let value = match field {
        "account" => account,
        "cluster" => &asset.cluster,
        "name" => &asset.name,
        "provider" => provider_of(&asset.provider_id),
        "providerid" => &asset.provider_id,
        "type" | "assettype" => asset.type_name(),
        "category" => asset.category(),
        "service" => "Kubernetes",
        keyed => asset.label(keyed.strip_prefix("label:").unwrap_or(keyed)).unwrap_or_default(),
    };
    found.insert(value.to_owned());
}
