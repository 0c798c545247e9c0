//! A table of facts: the Parquet files that count, read where they lie, and the rows of hours that are not over.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, Date32Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use supercargo_cost::store::{Listing, empty_table};

use crate::hours::predicate;

/// A table of facts, with the columns of its files, and `cluster` and `day`.
#[derive(Debug)]
pub struct FactTable {
    columns: TableSchema,
    files: Vec<PartitionedFile>,
    running: Vec<RecordBatch>,
}

/// The columns that tell files apart.
fn partition_columns(texts: &DataType) -> Vec<FieldRef> {
    vec![
        Arc::new(Field::new("cluster", texts.clone(), false)),
        Arc::new(Field::new("day", DataType::Date32, false)),
    ]
}

fn day(second: i64) -> i32 {
    i32::try_from(second.div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// A file's columns as the table has them: all may be missing, since older files may have fewer.
fn columns_of(file: &[u8], texts: &DataType) -> Result<SchemaRef> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file))?;
    let column = |field: &FieldRef| {
        let kind = match field.data_type() {
            DataType::Utf8 => texts.clone(),
            other => other.clone(),
        };
        Field::new(field.name(), kind, true)
    };
    Ok(Arc::new(Schema::new(reader.schema().fields().iter().map(column).collect::<Vec<_>>())))
}

impl FactTable {
    /// The table of a name, with what a listing says of it, and texts of a type.
    pub fn new(name: &'static str, listing: &Listing, texts: &DataType) -> Result<FactTable> {
        let empty =
            empty_table(name).ok_or_else(|| DataFusionError::Internal(format!("no such table: {name}")))?;
        let columns = TableSchema::builder(columns_of(&empty, texts)?)
            .with_table_partition_cols(partition_columns(texts))
            .build();
        let mut files = Vec::new();
        for stretch in &listing.finished {
            for file in stretch.files.iter().filter(|file| file.table == name) {
                let path = std::path::absolute(&file.path).map_err(DataFusionError::IoError)?;
                let location = Path::from_absolute_path(path)
                    .map_err(|error| DataFusionError::External(Box::new(error)))?;
                let meta = ObjectMeta {
                    location,
                    last_modified: Default::default(),
                    size: file.bytes,
                    e_tag: None,
                    version: None,
                };
                let cluster = ScalarValue::Utf8(Some(stretch.cluster.to_string())).cast_to(texts)?;
                let values = vec![cluster, ScalarValue::Date32(Some(day(stretch.stretch.start)))];
                files.push(PartitionedFile::new_from_meta(meta).with_partition_values(values));
            }
        }
        let mut running = Vec::new();
        for hour in &listing.running {
            for (_, bytes) in hour.tables.iter().filter(|(table, _)| *table == name) {
                running.extend(batches(bytes, &columns, &hour.cluster, day(hour.hour))?);
            }
        }
        Ok(FactTable { columns, files, running })
    }
}

/// The rows of a file in memory, with the columns of the table.
fn batches(file: &[u8], columns: &TableSchema, cluster: &str, day: i32) -> Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file))?.build()?;
    let mut out = Vec::new();
    for batch in reader {
        let batch = batch?;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.table_schema().fields().len());
        for (array, field) in batch.columns().iter().zip(columns.file_schema().fields()) {
            arrays.push(cast(array, field.data_type())?);
        }
        let clusters = StringArray::from_iter_values(vec![cluster; batch.num_rows()]);
        arrays.push(cast(&clusters, columns.table_schema().field(arrays.len()).data_type())?);
        arrays.push(Arc::new(Date32Array::from(vec![day; batch.num_rows()])));
        out.push(RecordBatch::try_new(Arc::clone(columns.table_schema()), arrays)?);
    }
    Ok(out)
}

#[async_trait]
impl TableProvider for FactTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.columns.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters leave out files and row groups, not every row.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let mut parts: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if !self.files.is_empty() {
            let mut source = ParquetSource::new(self.columns.clone());
            if let Some(predicate) = predicate(state, &schema, filters)? {
                source = source.with_predicate(predicate);
            }
            let source: Arc<dyn FileSource> = Arc::new(source);
            let groups =
                FileGroup::new(self.files.clone()).split_files(state.config().target_partitions().max(1));
            let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
                .with_file_groups(groups)
                .with_projection_indices(projection.cloned())?
                .with_limit(limit.filter(|_| filters.is_empty()))
                .build();
            parts.push(DataSourceExec::from_data_source(scan));
        }
        if !self.running.is_empty() {
            let batches = [self.running.clone()];
            parts.push(MemorySourceConfig::try_new_exec(&batches, Arc::clone(&schema), projection.cloned())?);
        }
        match parts.len() {
            0 => {
                let schema = match projection {
                    Some(places) => Arc::new(schema.project(places)?),
                    None => schema,
                };
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(parts.remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }
}
