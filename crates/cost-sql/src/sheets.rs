//! Sheets as Arrow. Amounts in dollars are exact decimals here: `x_cost` is `x_nanos` with nine decimals.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray, StringViewArray,
    TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::{DataFusionError, Result};
use supercargo_cost::export::{Cells, Sheet};

/// Digits before and after the point of an amount in dollars: all 64-bit amounts of 10⁻⁹ dollars.
const DIGITS: (u8, i8) = (19, 9);

/// The type of moments.
pub fn moment_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The column of whole 10⁻⁹ dollars that an amount in dollars is made from.
fn nanos_of(name: &str) -> Option<String> {
    Some(format!("{}_nanos", name.strip_suffix("_cost")?))
}

/// The names of the columns needed to make columns of these names.
pub fn needed(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| nanos_of(name).unwrap_or_else(|| (*name).to_owned())).collect()
}

/// The columns of a sheet as a table with texts of a type has them.
pub fn schema(sheet: &Sheet, texts: &DataType) -> SchemaRef {
    let field = |(name, cells): &(String, Cells)| {
        let kind = match cells {
            Cells::Text(_) => texts.clone(),
            Cells::Number(_) | Cells::Maybe(_) => DataType::Int64,
            Cells::Real(_) if nanos_of(name).is_some() => DataType::Decimal128(DIGITS.0, DIGITS.1),
            Cells::Real(_) => DataType::Float64,
            Cells::Moment(_) => moment_type(),
        };
        Field::new(name, kind, matches!(cells, Cells::Maybe(_)))
    };
    Arc::new(Schema::new(sheet.columns().iter().map(field).collect::<Vec<_>>()))
}

/// A sheet as a batch with the columns of a schema, in its order. The sheet has what [`needed`] says.
pub fn batch(sheet: &Sheet, schema: &SchemaRef) -> Result<RecordBatch> {
    let find = |name: &str| {
        let found = sheet.columns().iter().find(|(known, _)| known == name).map(|(_, cells)| cells);
        found.ok_or_else(|| DataFusionError::Internal(format!("no column {name}")))
    };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name();
        columns.push(match nanos_of(name) {
            Some(nanos) => decimals(find(&nanos)?)?,
            None => array(find(name)?, field.data_type()),
        });
    }
    // without columns there is still a count
    let rows = RecordBatchOptions::new().with_row_count(Some(sheet.rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)?)
}

fn decimals(nanos: &Cells) -> Result<ArrayRef> {
    let Cells::Number(values) = nanos else {
        return Err(DataFusionError::Internal("amounts are no whole numbers".to_owned()));
    };
    let values = values.iter().map(|value| Some(i128::from(*value)));
    let array = values.collect::<Decimal128Array>().with_precision_and_scale(DIGITS.0, DIGITS.1)?;
    Ok(Arc::new(array))
}

fn array(cells: &Cells, kind: &DataType) -> ArrayRef {
    match cells {
        Cells::Text(values) if *kind == DataType::Utf8 => {
            Arc::new(StringArray::from_iter_values(values.iter().map(|text| &**text)))
        }
        Cells::Text(values) => Arc::new(StringViewArray::from_iter_values(values.iter().map(|text| &**text))),
        Cells::Number(values) => Arc::new(Int64Array::from(values.clone())),
        Cells::Maybe(values) => Arc::new(Int64Array::from(values.clone())),
        Cells::Real(values) => Arc::new(Float64Array::from(values.clone())),
        Cells::Moment(seconds) => {
            let millis = seconds.iter().map(|second| second.saturating_mul(1_000));
            Arc::new(TimestampMillisecondArray::from_iter_values(millis).with_timezone("UTC"))
        }
    }
}
