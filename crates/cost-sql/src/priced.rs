//! Tables of what costs money: priced while a query runs.
//!
//! A scan is two nodes of a plan: the hours that a filter leaves, by days, and above them [`PricedExec`], which prices them. So a
//! part of a plan prices the hours that it is given and no others, wherever it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Formatter};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
};
use futures::TryStreamExt;
use supercargo_cost::export::{Sheet, allocation_columns, asset_columns};
use supercargo_cost::ledger::{PricedHour, price};
use supercargo_cost::store::StoreError;
use supercargo_cost::{Interval, PriceBook, Store};
use tokio::runtime::Handle;

use crate::hours::{ClusterHour, left};
use crate::sheets::{batch, needed, schema};

/// A table of priced hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What everybody cost.
    Allocations,
    /// What was paid for.
    Assets,
}

impl Subject {
    /// All there are.
    pub const ALL: [Subject; 2] = [Subject::Allocations, Subject::Assets];

    /// The name of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subject::Allocations => "allocations",
            Subject::Assets => "assets",
        }
    }

    /// A sheet of a priced hour that begins at a second, with the columns that an empty sheet wants.
    fn columns(self, hour: i64, priced: &PricedHour, wanted: Sheet) -> Sheet {
        match self {
            Subject::Allocations => allocation_columns(hour, priced, wanted),
            Subject::Assets => asset_columns(hour, priced, wanted),
        }
    }

    /// The columns of the table, with texts of a type.
    pub fn schema(self, texts: &DataType) -> SchemaRef {
        schema(&self.columns(0, &PricedHour::default(), Sheet::default()), texts)
    }
}

/// What becomes of what cannot be read.
#[derive(Debug)]
pub enum Problems {
    /// It is noted, and the rest is read.
    Noted(Mutex<BTreeSet<String>>),
    /// It is an error: nobody would see a note.
    Refused,
}

impl Problems {
    fn take(&self, problems: &[StoreError]) -> Result<()> {
        match self {
            Problems::Noted(noted) => {
                // what was noted before stays true, whatever became of the thread that noted it
                let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                noted.extend(problems.iter().map(ToString::to_string));
                Ok(())
            }
            // a log that is being written may end in the middle of a record
            Problems::Refused => {
                match problems.iter().find(|problem| !matches!(problem, StoreError::TornLog { .. })) {
                    Some(problem) => Err(DataFusionError::Execution(problem.to_string())),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Where priced hours come from.
#[derive(Debug)]
pub struct Pricing {
    /// The ledger.
    pub store: Store,
    /// The prices.
    pub prices: PriceBook,
    /// What could not be read while queries ran.
    pub problems: Problems,
}

impl Pricing {
    /// Whether the ledger is here, where others said it was.
    fn check(&self) -> Result<()> {
        let root = self.store.root();
        if matches!(self.problems, Problems::Refused) && !root.is_dir() {
            return Err(DataFusionError::Execution(format!(
                "{} is no directory of an executor; expected the ledger at the same place on every machine",
                root.display()
            )));
        }
        Ok(())
    }
}

/// A table of priced hours.
#[derive(Debug)]
pub struct PricedTable {
    pricing: Arc<Pricing>,
    /// The hours that anything is known of.
    hours: Arc<[ClusterHour]>,
    subject: Subject,
    schema: SchemaRef,
}

impl PricedTable {
    /// The table of a subject, with texts of a type.
    pub fn new(
        pricing: Arc<Pricing>,
        hours: Arc<[ClusterHour]>,
        subject: Subject,
        texts: &DataType,
    ) -> PricedTable {
        PricedTable { pricing, hours, subject, schema: subject.schema(texts) }
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
        let hours = left(state, &self.schema, filters, self.hours.to_vec())?;
        let schema = match projection {
            Some(places) => Arc::new(self.schema.project(places)?),
            None => Arc::clone(&self.schema),
        };
        let window = hull(&hours);
        let days: Vec<Vec<ClusterHour>> = by_day(hours).into_values().collect();
        if days.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let each = days.len().div_ceil(state.config().target_partitions().max(1));
        let parts = days.chunks(each).map(|days| days.iter().map(|day| batch_of(day)).collect());
        let parts = parts.collect::<Result<Vec<Vec<RecordBatch>>>>()?;
        let hours = MemorySourceConfig::try_new_exec(&parts, hours_schema(), None)?;
        let pricing = Arc::clone(&self.pricing);
        Ok(Arc::new(PricedExec::new(hours, pricing, self.subject, window, schema)))
    }
}

/// The columns of hours to be priced.
fn hours_schema() -> SchemaRef {
    let cluster = Field::new("cluster", DataType::Utf8, false);
    Arc::new(Schema::new(vec![cluster, Field::new("hour", DataType::Int64, false)]))
}

fn batch_of(hours: &[ClusterHour]) -> Result<RecordBatch> {
    let clusters = StringArray::from_iter_values(hours.iter().map(|(cluster, _)| &**cluster));
    let seconds = Int64Array::from_iter_values(hours.iter().map(|(_, hour)| *hour));
    Ok(RecordBatch::try_new(hours_schema(), vec![Arc::new(clusters), Arc::new(seconds)])?)
}

/// The hours in batches, as [`batch_of`] makes them.
fn hours_of(batches: &[RecordBatch]) -> Result<Vec<ClusterHour>> {
    let mut found = Vec::new();
    for batch in batches {
        let clusters =
            batch.columns().first().and_then(|column| column.as_any().downcast_ref::<StringArray>());
        let hours = batch.columns().get(1).and_then(|column| column.as_any().downcast_ref::<Int64Array>());
        let (Some(clusters), Some(hours)) = (clusters, hours) else {
            return Err(DataFusionError::Internal("hours are a cluster and a second".to_owned()));
        };
        let pairs = clusters.iter().zip(hours.values());
        found.extend(pairs.map(|(cluster, hour)| (cluster.unwrap_or_default().into(), *hour)));
    }
    Ok(found)
}

fn by_day(hours: Vec<ClusterHour>) -> BTreeMap<i64, Vec<ClusterHour>> {
    let mut days: BTreeMap<i64, Vec<ClusterHour>> = BTreeMap::new();
    for (cluster, hour) in hours {
        days.entry(hour.div_euclid(86_400)).or_default().push((cluster, hour));
    }
    days
}

fn hull(hours: &[ClusterHour]) -> Interval {
    hours.iter().fold(Interval::default(), |all, (_, hour)| all.hull(Interval::hour(*hour)))
}

/// Prices the hours that its input names.
#[derive(Debug)]
pub struct PricedExec {
    hours: Arc<dyn ExecutionPlan>,
    pricing: Arc<Pricing>,
    subject: Subject,
    /// All of the hours lie in it.
    window: Interval,
    properties: Arc<PlanProperties>,
}

impl PricedExec {
    /// Rows of a subject, with some of its columns, for the hours that a plan names; all of them lie in the window.
    pub fn new(
        hours: Arc<dyn ExecutionPlan>,
        pricing: Arc<Pricing>,
        subject: Subject,
        window: Interval,
        schema: SchemaRef,
    ) -> PricedExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            hours.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        PricedExec { hours, pricing, subject, window, properties: Arc::new(properties) }
    }

    /// Where its rows come from.
    pub fn pricing(&self) -> &Pricing {
        &self.pricing
    }

    /// What it prices.
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// What its hours lie in.
    pub const fn window(&self) -> Interval {
        self.window
    }
}

impl DisplayAs for PricedExec {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "PricedExec: table={}", self.subject.as_str())
    }
}

impl ExecutionPlan for PricedExec {
    fn name(&self) -> &str {
        "PricedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.hours]
    }

    /// Days are whole: a day's files would be read once for each part of it.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [hours] = <[_; 1]>::try_from(children).map_err(|_| {
            DataFusionError::Internal("what is priced are hours, and nothing else".to_owned())
        })?;
        let (pricing, schema) = (Arc::clone(&self.pricing), self.schema());
        Ok(Arc::new(PricedExec::new(hours, pricing, self.subject, self.window, schema)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.pricing.check()?;
        let input = self.hours.execute(partition, context)?;
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), 2);
        let out = stream.tx();
        let part = Part { pricing: Arc::clone(&self.pricing), subject: self.subject, schema: self.schema() };
        stream.spawn_blocking(move || {
            let batches: Vec<RecordBatch> = Handle::current().block_on(input.try_collect())?;
            for hours in by_day(hours_of(&batches)?).values() {
                if !part.day(hours, &mut |batch| out.blocking_send(Ok(batch)).is_ok())? {
                    break;
                }
            }
            Ok(())
        });
        Ok(stream.build())
    }
}

/// What a part of a plan prices hours with.
struct Part {
    pricing: Arc<Pricing>,
    subject: Subject,
    schema: SchemaRef,
}

impl Part {
    /// Prices hours of a day one by one, until nobody wants more.
    fn day(&self, hours: &[ClusterHour], put: &mut dyn FnMut(RecordBatch) -> bool) -> Result<bool> {
        let failed = |error| DataFusionError::External(Box::new(error));
        let loaded = self.pricing.store.load(hull(hours)).map_err(failed)?;
        self.pricing.problems.take(&loaded.problems)?;
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
            let sheet = self.subject.columns(facts.hour, &priced, wanted);
            if !put(batch(&sheet, &self.schema)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
