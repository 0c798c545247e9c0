//! `label(labels, 'team')`: a value out of a JSON map of texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, StringViewArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function: null where the map has no such key.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Label {
    signature: Signature,
}

impl Label {
    fn new() -> Label {
        Label { signature: Signature::string(2, Volatility::Immutable) }
    }
}

/// The function, for a registry.
pub fn label_function() -> ScalarUDF {
    ScalarUDF::from(Label::new())
}

type Map<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

impl ScalarUDFImpl for Label {
    fn name(&self) -> &str {
        "label"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut texts = Vec::with_capacity(2);
        for array in ColumnarValue::values_to_arrays(&args.args)? {
            texts.push(cast(&array, &DataType::Utf8View)?);
        }
        let columns: Vec<&StringViewArray> =
            texts.iter().filter_map(|array| array.as_any().downcast_ref()).collect();
        let [maps, keys] = columns[..] else {
            return Err(DataFusionError::Execution("label takes a map and a key".to_owned()));
        };
        let mut found = StringViewBuilder::with_capacity(maps.len());
        // neighbours often have the same labels
        let mut last: Option<(&str, Option<Map<'_>>)> = None;
        for row in 0..maps.len() {
            if maps.is_null(row) || keys.is_null(row) {
                found.append_null();
                continue;
            }
            let text = maps.value(row);
            if last.as_ref().is_none_or(|(known, _)| *known != text) {
                last = Some((text, serde_json::from_str(text).ok()));
            }
            let map = last.as_ref().and_then(|(_, map)| map.as_ref());
            found.append_option(map.and_then(|map| map.get(keys.value(row))));
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}
