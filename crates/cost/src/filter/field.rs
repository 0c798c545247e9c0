//! What filters can ask about.

use crate::allocation::LabelAliases;

/// A property of a row or an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Id of the cluster.
    Cluster,
    /// Name of the node.
    Node,
    /// Namespace.
    Namespace,
    /// Name of the controller.
    ControllerName,
    /// Kind of the controller.
    ControllerKind,
    /// Name of the container.
    Container,
    /// Name of the pod.
    Pod,
    /// Provider.
    Provider,
    /// Names of services: a list.
    Services,
    /// A label by key, or the set of keys.
    Label(Option<String>),
    /// An annotation by key, or the set of keys.
    Annotation(Option<String>),
    /// Name of an asset.
    Name,
    /// Type of an asset.
    AssetType,
    /// Category of an asset.
    Category,
    /// Project of an asset.
    Project,
    /// Provider id.
    ProviderId,
    /// Account of an asset.
    Account,
    /// Service of an asset.
    Service,
}

/// Which fields there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// Those of allocations.
    Allocations,
    /// Those of assets.
    Assets,
}

type Known = (&'static str, Field);

const ALLOCATION_FIELDS: [Known; 10] = [
    ("cluster", Field::Cluster),
    ("node", Field::Node),
    ("namespace", Field::Namespace),
    ("controllerName", Field::ControllerName),
    ("controllerKind", Field::ControllerKind),
    ("container", Field::Container),
    ("pod", Field::Pod),
    ("provider", Field::Provider),
    ("providerID", Field::ProviderId),
    ("services", Field::Services),
];

const ASSET_FIELDS: [Known; 9] = [
    ("name", Field::Name),
    ("assetType", Field::AssetType),
    ("category", Field::Category),
    ("cluster", Field::Cluster),
    ("project", Field::Project),
    ("provider", Field::Provider),
    ("providerID", Field::ProviderId),
    ("account", Field::Account),
    ("service", Field::Service),
];

impl Vocabulary {
    fn fields(self) -> &'static [Known] {
        match self {
            Vocabulary::Allocations => &ALLOCATION_FIELDS,
            Vocabulary::Assets => &ASSET_FIELDS,
        }
    }

    /// The field of a name, in whatever case; `key` is what stood in brackets.
    pub(super) fn field(self, name: &str, key: Option<&str>, aliases: &LabelAliases) -> Option<Field> {
        let small = name.to_ascii_lowercase();
        let key = key.map(str::to_owned);
        match (small.as_str(), self) {
            ("label", _) => return Some(Field::Label(key)),
            ("annotation", Vocabulary::Allocations) => return Some(Field::Annotation(key)),
            _ if key.is_some() => return None,
            _ => {}
        }
        if let Some(label) = aliases.label(&small) {
            return Some(Field::Label(Some(label.to_owned())));
        }
        self.fields()
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, field)| field.clone())
    }

    /// All names, for messages.
    pub(super) fn names(self) -> String {
        let mut names: Vec<&str> = self.fields().iter().map(|(name, _)| *name).collect();
        names.push("label[KEY]");
        if self == Vocabulary::Allocations {
            names.push("annotation[KEY]");
        }
        names.extend(LabelAliases::WORDS);
        names.join(", ")
    }
}

impl Field {
    /// The name that is written.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Field::Label(_) => "label",
            Field::Annotation(_) => "annotation",
            field => {
                let all = ALLOCATION_FIELDS.iter().chain(&ASSET_FIELDS);
                all.clone().find(|(_, known)| known == field).map_or("", |(name, _)| name)
            }
        }
    }
}
