//! The table of merge rules of the builtin types, `rules.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::arena::{ListType, PatchRule};

/// What the table says about one field, or about a type (under the field name `*`).
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) list: Option<ListType>,
    pub(super) atomic: Option<bool>,
    pub(super) patch: PatchRule,
    pub(super) default: Option<String>,
}

type Table = BTreeMap<&'static str, BTreeMap<&'static str, Rule>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("rules.txt")));

/// The rule for a field of a type; `*` asks for the type itself.
pub(super) fn rule(type_name: &str, field: &str) -> Option<&'static Rule> {
    TABLE.get(type_name)?.get(field)
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(type_name) = words.next() else { continue };
        let fields = table.entry(type_name).or_default();
        for word in words {
            if let Some((field, says)) = word.split_once('=') {
                fields.insert(field, rule_of(says));
            }
        }
    }
    table
}

fn rule_of(says: &str) -> Rule {
    let mut rule = Rule::default();
    for word in says.split(',') {
        let (name, argument) = match word.split_once('(') {
            Some((name, argument)) => (name, Some(argument.trim_end_matches(')'))),
            None => (word, None),
        };
        match (name, argument) {
            ("map", Some(keys)) => {
                rule.list = Some(ListType::Map(keys.split('+').map(str::to_owned).collect()))
            }
            ("set", None) => rule.list = Some(ListType::Set),
            ("atomic", None) => rule.atomic = Some(true),
            ("granular", None) => rule.atomic = Some(false),
            ("merge", key) => {
                rule.patch.merge = true;
                rule.patch.merge_key = key.map(str::to_owned);
            }
            ("retainKeys", None) => rule.patch.retain_keys = true,
            ("replace", None) => rule.patch.replace = true,
            ("default", Some(value)) => rule.default = Some(value.to_owned()),
            _ => debug_assert!(false, "rules.txt: {word} is no rule"),
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_is_understood() {
        // An unknown word fails the debug assertion in `rule_of`.
        assert!(TABLE.len() > 80);
        let ports = rule("io.k8s.api.core.v1.ServiceSpec", "ports").unwrap();
        assert_eq!(ports.list, Some(ListType::Map(vec!["port".into(), "protocol".into()])));
        assert_eq!(ports.patch.merge_key.as_deref(), Some("port"));
    }
}
