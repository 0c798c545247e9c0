//! Pricing as bytes, for the part of a plan that runs in another process.
//!
//! ```text
//! {"subject":"allocations","ledger":"/var/lib/ledger","columns":["namespace","total_cost"],"texts":"text","window":[0,3600]}\n
//! {"version":3,"nodes":[…],…}                                           the prices, as PriceBook::to_json writes them
//! ```

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use serde_json::{Value, json};
use supercargo_cost::{Interval, PriceBook, Store};

use crate::priced::{PricedExec, Pricing, Problems, Subject};

fn wrong(what: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Execution(format!("no pricing that was sent: {what}"))
}

impl PricedExec {
    /// All of it but its input.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let Pricing { store, prices, .. } = self.pricing();
        let root = std::path::absolute(store.root()).map_err(DataFusionError::IoError)?;
        let ledger = root.to_str().ok_or_else(|| wrong(format!("{} is no text", root.display())))?;
        let schema = self.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let views = schema.fields().iter().any(|field| *field.data_type() == DataType::Utf8View);
        let header = json!({
            "subject": self.subject().as_str(),
            "ledger": ledger,
            "columns": columns,
            "texts": if views { "view" } else { "text" },
            "window": [self.window().start, self.window().end],
        });
        let mut bytes = header.to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend(prices.to_json(self.window()).map_err(wrong)?);
        Ok(bytes)
    }

    /// What [`PricedExec::to_bytes`] has written, with its input. What cannot be read of the ledger then is an error.
    pub fn from_bytes(bytes: &[u8], hours: Arc<dyn ExecutionPlan>) -> Result<PricedExec> {
        let line = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| wrong("it has one line"))?;
        let (header, prices) = bytes.split_at(line);
        let header: Value = serde_json::from_slice(header).map_err(wrong)?;
        let text = |name: &str| header[name].as_str().ok_or_else(|| wrong(format!("{name} is missing")));
        let name = text("subject")?;
        let subject = Subject::ALL.into_iter().find(|subject| subject.as_str() == name);
        let subject = subject.ok_or_else(|| wrong(format!("there is no table {name}")))?;
        let texts = if text("texts")? == "view" { DataType::Utf8View } else { DataType::Utf8 };
        let number = |place: usize| {
            header["window"][place].as_i64().ok_or_else(|| wrong("the window has no beginning or no end"))
        };
        let window = Interval::new(number(0)?, number(1)?);
        let schema = columns(&subject.schema(&texts), &header["columns"])?;
        // who only cuts plans into tasks has no ledger
        let store = Store::at(text("ledger")?);
        let prices = PriceBook::from_json(&prices[1..]).map_err(wrong)?;
        let pricing = Pricing { store, prices, problems: Problems::Refused };
        Ok(PricedExec::new(hours, Arc::new(pricing), subject, window, schema))
    }
}

/// The columns of a schema with these names, in their order.
fn columns(schema: &SchemaRef, names: &Value) -> Result<SchemaRef> {
    let names = names.as_array().ok_or_else(|| wrong("columns are missing"))?;
    let place = |name: &Value| Ok(schema.index_of(name.as_str().unwrap_or_default())?);
    let places = names.iter().map(place).collect::<Result<Vec<usize>>>()?;
    Ok(Arc::new(schema.project(&places)?))
}
