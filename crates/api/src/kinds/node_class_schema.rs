//! The CEL rules and patterns of EC2NodeClass (rows E1 to E21).
//!
//! Where upstream negates `all` to say that fields of a selector term exclude each other, a list is refused only if
//! every term mixes them (reference 9.2, quirk 10). Here any term that mixes is refused.

use serde_json::Value;

use super::schema_words::rules;

/// A volume size: whole Gi, G, Ti or T, at most 64 TB.
pub(crate) const VOLUME_SIZE_PATTERN: &str = concat!(
    "^(([1-9][0-9]{0,3}|[1-4][0-9]{4}|5[0-8][0-9]{3}|59000)Gi",
    "|([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-3][0-9]{3}|64000)G",
    "|([1-9]|[1-4][0-9]|5[0-8])Ti",
    "|([1-9]|[1-5][0-9]|6[0-4])T)$"
);

/// The families an alias may name, with the value of amiFamily they mean.
const ALIAS_FAMILIES: [(&str, &str); 6] = [
    ("al2", "AL2"),
    ("al2023", "AL2023"),
    ("bottlerocket", "Bottlerocket"),
    ("windows2019", "Windows2019"),
    ("windows2022", "Windows2022"),
    ("windows2025", "Windows2025"),
];

/// The rules across fields: identity and family.
pub(crate) fn family_rules() -> Value {
    let mut list = vec![
        (
            "has(self.role) != has(self.instanceProfile)".to_owned(),
            "exactly one of role and instanceProfile is needed".to_owned(),
        ),
        (
            "has(self.amiFamily) || self.amiSelectorTerms.exists(x, has(x.alias))".to_owned(),
            "amiFamily is needed when no alias says it".to_owned(),
        ),
    ];
    for (alias, family) in ALIAS_FAMILIES {
        list.push((
            format!(
                "has(self.amiFamily) && self.amiSelectorTerms.exists(x, has(x.alias) && x.alias.startsWith('{alias}@')) \
                 ? self.amiFamily in ['{family}', 'Custom'] : true"
            ),
            format!("with an alias of {alias}, amiFamily can only be {family} or Custom"),
        ));
    }
    rules(&list)
}

/// Row E1.
pub(crate) fn subnet_terms_rules() -> Value {
    rules(&[
        ("self.all(x, has(x.tags) || has(x.id))", "each term needs tags or id"),
        ("!self.exists(x, has(x.id) && has(x.tags))", "id cannot be combined with other fields of a term"),
    ])
}

/// Row E2.
pub(crate) fn security_group_terms_rules() -> Value {
    rules(&[
        ("self.all(x, has(x.tags) || has(x.id) || has(x.name))", "each term needs tags, id or name"),
        (
            "!self.exists(x, has(x.id) && (has(x.tags) || has(x.name)))",
            "id cannot be combined with other fields of a term",
        ),
        (
            "!self.exists(x, has(x.name) && (has(x.tags) || has(x.id)))",
            "name cannot be combined with other fields of a term",
        ),
    ])
}

/// Row E3.
pub(crate) fn capacity_reservation_terms_rules() -> Value {
    rules(&[
        (
            "self.all(x, has(x.tags) || has(x.id) || has(x.instanceMatchCriteria))",
            "each term needs tags, id or instanceMatchCriteria",
        ),
        (
            "!self.exists(x, has(x.id) && (has(x.tags) || has(x.ownerID) || has(x.instanceMatchCriteria)))",
            "id cannot be combined with other fields of a term",
        ),
    ])
}

/// Row E7, the list of terms.
pub(crate) fn ami_terms_schema_rules() -> Value {
    rules(&[
        (
            "self.all(x, has(x.tags) || has(x.id) || has(x.name) || has(x.alias) || has(x.ssmParameter))",
            "each term needs tags, id, name, alias or ssmParameter",
        ),
        (
            "!self.exists(x, has(x.id) \
             && (has(x.alias) || has(x.tags) || has(x.name) || has(x.owner) || has(x.ssmParameter)))",
            "id cannot be combined with other fields of a term",
        ),
        (
            "!self.exists(x, has(x.alias) \
             && (has(x.id) || has(x.tags) || has(x.name) || has(x.owner) || has(x.ssmParameter)))",
            "alias cannot be combined with other fields of a term",
        ),
        ("!self.exists(x, has(x.alias)) || self.size() == 1", "alias cannot be combined with other terms"),
    ])
}

/// Row E7, the alias itself.
pub(crate) fn alias_rules() -> Value {
    let families: Vec<String> = ALIAS_FAMILIES.iter().map(|(alias, _)| format!("'{alias}'")).collect();
    let names: Vec<&str> = ALIAS_FAMILIES.iter().map(|(alias, _)| *alias).collect();
    rules(&[
        ("self.matches('^[a-zA-Z0-9]+@.+$')".to_owned(), "an alias has the form family@version".to_owned()),
        (
            format!("self.split('@')[0] in [{}]", families.join(", ")),
            format!("the family of an alias is one of {}", names.join(", ")),
        ),
        (
            "self.startsWith('windows') ? self.endsWith('@latest') : true".to_owned(),
            "windows aliases know only the version latest".to_owned(),
        ),
    ])
}

/// Tags that select.
pub(crate) fn tag_selector_rules() -> Value {
    rules(&[(
        "self.all(k, k != '' && self[k] != '')",
        "keys and values of tags cannot be empty; * means any value",
    )])
}

/// Row E12.
pub(crate) fn tag_rules() -> Value {
    let mut list = vec![
        ("self.all(k, k != '')".to_owned(), "keys of tags cannot be empty".to_owned()),
        (
            "self.all(k, !k.startsWith('kubernetes.io/cluster'))".to_owned(),
            "the tag kubernetes.io/cluster is set by the controller".to_owned(),
        ),
    ];
    for tag in [
        "eks:eks-cluster-name",
        "karpenter.sh/nodepool",
        "karpenter.sh/nodeclaim",
        "karpenter.k8s.aws/ec2nodeclass",
    ] {
        list.push((format!("self.all(k, k != '{tag}')"), format!("the tag {tag} is set by the controller")));
    }
    rules(&list)
}

/// Row E14, the list.
pub(crate) fn block_device_rules() -> Value {
    rules(&[(
        "self.filter(x, has(x.rootVolume) && x.rootVolume).size() <= 1",
        "at most one volume can be the root volume",
    )])
}

/// Row E14, one volume.
pub(crate) fn block_device_ebs_rules() -> Value {
    rules(&[
        ("has(self.snapshotID) || has(self.volumeSize)", "snapshotID or volumeSize is needed"),
        (
            "!has(self.volumeInitializationRate) || has(self.snapshotID)",
            "volumeInitializationRate needs a snapshotID",
        ),
    ])
}

/// Row E16.
pub(crate) fn network_interface_rules() -> Value {
    rules(&[
        (
            "self.exists(x, x.networkCardIndex == 0 && x.deviceIndex == 0 && x.interfaceType == 'interface')",
            "there must be an interface of type interface with networkCardIndex 0 and deviceIndex 0",
        ),
        (
            "self.all(x, self.filter(y, y.networkCardIndex == x.networkCardIndex && y.deviceIndex == x.deviceIndex)\
             .size() == 1)",
            "networkCardIndex and deviceIndex together must be unique",
        ),
        (
            "self.all(x, self.filter(y, y.networkCardIndex == x.networkCardIndex && y.interfaceType == 'efa-only')\
             .size() <= 1)",
            "a network card can have at most one interface of type efa-only",
        ),
    ])
}
