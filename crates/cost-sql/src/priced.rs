//! Tables of what costs money: priced while a query runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use supercargo_cost::export::Sheet;
use supercargo_cost::ledger::{PricedHour, price};
use supercargo_cost::{Interval, PriceBook, Store};

use crate::hours::{ClusterHour, left};
use crate::sheets::{batch, needed, schema};

/// Makes a sheet of a priced hour that begins at a second, with the columns that an empty sheet wants.
pub type Columns = fn(i64, &PricedHour, Sheet) -> Sheet;

/// Where priced hours come from.
#[derive(Debug)]
pub struct Pricing {
    /// The ledger.
    pub store: Store,
    /// The prices.
    pub prices: PriceBook,
    /// The hours that anything is known of.
    pub hours: Vec<ClusterHour>,
    /// What could not be read while queries ran.
    pub problems: Mutex<BTreeSet<String>>,
}

/// A table of priced hours.
#[derive(Debug)]
pub struct PricedTable {
    pricing: Arc<Pricing>,
    columns: Columns,
    schema: SchemaRef,
}

impl PricedTable {
    /// A table with these columns.
    pub fn new(pricing: Arc<Pricing>, columns: Columns) -> PricedTable {
        let schema = schema(&columns(0, &PricedHour::default(), Sheet::default()));
        PricedTable { pricing, columns, schema }
    }
}

#[async_trait]
impl TableProvider for PricedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let hours = left(state, &self.schema, filters, self.pricing.hours.clone())?;
        let schema = match projection {
            Some(places) => Arc::new(self.schema.project(places)?),
            None => Arc::clone(&self.schema),
        };
        let mut days: BTreeMap<i64, Vec<ClusterHour>> = BTreeMap::new();
        for (cluster, hour) in hours {
            days.entry(hour.div_euclid(86_400)).or_default().push((cluster, hour));
        }
        if days.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let each = days.len().div_ceil(state.config().target_partitions().max(1));
        let days: Vec<Vec<ClusterHour>> = days.into_values().collect();
        let parts = days.chunks(each).map(|days| {
            let part = Part {
                pricing: Arc::clone(&self.pricing),
                columns: self.columns,
                schema: Arc::clone(&schema),
                days: days.to_vec(),
            };
            Arc::new(part) as Arc<dyn PartitionStream>
        });
        let parts = parts.collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, parts, None, [], false, None)?))
    }
}

/// Some days of a table.
#[derive(Debug)]
struct Part {
    pricing: Arc<Pricing>,
    columns: Columns,
    schema: SchemaRef,
    days: Vec<Vec<ClusterHour>>,
}

impl Part {
    /// Prices a day hour by hour, until nobody wants more.
    fn day(
        &self,
        hours: &[ClusterHour],
        put: &mut dyn FnMut(datafusion::arrow::record_batch::RecordBatch) -> bool,
    ) -> Result<bool> {
        let window = hours.iter().fold(Interval::default(), |all, (_, hour)| all.hull(Interval::hour(*hour)));
        let failed = |error| DataFusionError::External(Box::new(error));
        let loaded = self.pricing.store.load(window).map_err(failed)?;
        // what was noted before stays true, whatever became of the thread that noted it
        let mut problems = self.pricing.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.extend(loaded.problems.iter().map(ToString::to_string));
        drop(problems);
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        // without any column there is still a count
        let needed = if names.is_empty() { vec!["hour".to_owned()] } else { needed(&names) };
        for mut facts in loaded.hours {
            if !hours.iter().any(|(cluster, hour)| *cluster == facts.cluster && *hour == facts.hour) {
                continue;
            }
            facts.sort();
            let book = &self.pricing.prices;
            let priced = price(&facts, facts.interval(), book, book.split_method());
            let wanted = Sheet::only(needed.iter().map(String::as_str));
            let sheet = (self.columns)(facts.hour, &priced, wanted);
            if !put(batch(&sheet, &self.schema)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 2);
        let out = stream.tx();
        let part = Part {
            pricing: Arc::clone(&self.pricing),
            columns: self.columns,
            schema: Arc::clone(&self.schema),
            days: self.days.clone(),
        };
        stream.spawn_blocking(move || {
            for hours in &part.days {
                if !part.day(hours, &mut |batch| out.blocking_send(Ok(batch)).is_ok())? {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}
