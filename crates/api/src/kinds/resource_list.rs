//! A resource list of a custom resource: names to quantities, each written back exactly as it was read.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::{Deref, DerefMut};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value};

use crate::resources::{ResourceError, Resources};

use super::schema_words::quantity_schema;

/// Resource names to quantities, as in `limits: {cpu: 200, memory: 800Gi}`.
///
/// It is a map of Kubernetes quantities to all who read it. Beside it stands which of them were plain JSON numbers,
/// so that `cpu: 200` is not written back as `cpu: "200"`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceList {
    quantities: BTreeMap<String, Quantity>,
    numbers: BTreeSet<String>,
}

impl Deref for ResourceList {
    type Target = BTreeMap<String, Quantity>;

    fn deref(&self) -> &Self::Target {
        &self.quantities
    }
}

impl DerefMut for ResourceList {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.quantities
    }
}

impl ResourceList {
    /// The amounts in base units (millicores, bytes, counts); an error names the first quantity that is none.
    pub fn resources(&self) -> Result<Resources, ResourceError> {
        Resources::from_named_quantities(self.iter())
    }
}

impl<'a> IntoIterator for &'a ResourceList {
    type Item = (&'a String, &'a Quantity);
    type IntoIter = btree_map::Iter<'a, String, Quantity>;

    fn into_iter(self) -> Self::IntoIter {
        self.quantities.iter()
    }
}

impl From<BTreeMap<String, Quantity>> for ResourceList {
    fn from(quantities: BTreeMap<String, Quantity>) -> Self {
        Self { quantities, numbers: BTreeSet::new() }
    }
}

impl FromIterator<(String, Quantity)> for ResourceList {
    fn from_iter<I: IntoIterator<Item = (String, Quantity)>>(items: I) -> Self {
        Self { quantities: items.into_iter().collect(), numbers: BTreeSet::new() }
    }
}

impl<'de> Deserialize<'de> for ResourceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Self::default();
        for (name, amount) in BTreeMap::<String, Amount>::deserialize(deserializer)? {
            let text = match amount {
                Amount::Text(text) => text,
                Amount::Number(number) => {
                    list.numbers.insert(name.clone());
                    number.to_string()
                }
            };
            list.quantities.insert(name, Quantity(text));
        }
        Ok(list)
    }
}

impl Serialize for ResourceList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.quantities.len()))?;
        for (name, quantity) in &self.quantities {
            let number = self.numbers.contains(name).then(|| quantity.0.parse::<Number>().ok()).flatten();
            match number {
                Some(number) => map.serialize_entry(name, &Value::Number(number))?,
                None => map.serialize_entry(name, &quantity.0)?,
            }
        }
        map.end()
    }
}

impl JsonSchema for ResourceList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResourceList".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": quantity_schema() })
    }
}

/// One value of the list as JSON has it.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Amount {
    Text(String),
    Number(Number),
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_number_stays_a_number(r#"{"cpu":200,"memory":"800Gi"}"#)]
    #[case::a_numeric_text_stays_text(r#"{"cpu":"200"}"#)]
    #[case::a_non_canonical_text_is_kept(r#"{"cpu":"1000m","memory":"1024Mi"}"#)]
    #[case::a_fraction_stays_a_number(r#"{"cpu":0.5}"#)]
    fn reading_and_writing_changes_nothing(#[case] text: &str) {
        let list: ResourceList = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
    }

    #[test]
    fn a_number_replaced_by_a_quantity_is_written_as_text() {
        let mut list: ResourceList = serde_json::from_str(r#"{"cpu":200}"#).unwrap();
        list.insert("cpu".into(), Quantity("1500m".into()));
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"{"cpu":"1500m"}"#);
    }

    #[test]
    fn booleans_are_refused() {
        assert!(serde_json::from_str::<ResourceList>(r#"{"cpu":true}"#).is_err());
    }
}
