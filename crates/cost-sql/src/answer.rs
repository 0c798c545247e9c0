//! Answers as texts and as files.

use std::io::Write;

use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::ArrayWriter;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::SqlError;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// A JSON list of objects.
    Json,
    /// A Parquet file.
    Parquet,
}

fn unwritable(error: impl std::fmt::Display) -> SqlError {
    SqlError::Unwritable(error.to_string())
}

/// Writes batches as they come.
pub enum Writer<W: Write + Send> {
    /// As [`Format::Csv`].
    Csv(Box<datafusion::arrow::csv::Writer<W>>),
    /// As [`Format::Json`].
    Json(Box<ArrayWriter<W>>),
    /// As [`Format::Parquet`].
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// A writer of batches with a schema.
    pub fn new(format: Format, schema: &SchemaRef, out: W) -> Result<Writer<W>, SqlError> {
        Ok(match format {
            Format::Csv => Writer::Csv(Box::new(WriterBuilder::new().with_header(true).build(out))),
            Format::Json => Writer::Json(Box::new(ArrayWriter::new(out))),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(unwritable)?))
                    .set_created_by("supercargo".to_owned())
                    .build();
                let writer = ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(properties));
                Writer::Parquet(Box::new(writer.map_err(unwritable)?))
            }
        })
    }

    /// Writes a batch. The first, which may be empty, makes the header.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        match self {
            Writer::Csv(writer) => writer.write(batch).map_err(unwritable),
            Writer::Json(writer) => writer.write(batch).map_err(unwritable),
            Writer::Parquet(writer) => writer.write(batch).map_err(unwritable),
        }
    }

    /// Writes the end.
    pub fn close(self) -> Result<(), SqlError> {
        match self {
            Writer::Csv(writer) => writer.into_inner().flush().map_err(unwritable),
            Writer::Json(mut writer) => {
                writer.finish().map_err(unwritable)?;
                let mut out = writer.into_inner();
                out.write_all(b"\n").and_then(|()| out.flush()).map_err(unwritable)
            }
            Writer::Parquet(writer) => writer.into_inner().map_err(unwritable)?.flush().map_err(unwritable),
        }
    }
}

/// An answer as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns, and whether they are numbers.
    pub columns: Vec<(String, bool)>,
    /// The rows; what is null is empty.
    pub rows: Vec<Vec<String>>,
    /// Whether there are more rows than these.
    pub more: bool,
}

impl Rows {
    /// Adds a batch; says whether there is room for more.
    pub(crate) fn add(
        &mut self,
        schema: &SchemaRef,
        batch: &RecordBatch,
        most: usize,
    ) -> Result<bool, SqlError> {
        if self.columns.is_empty() {
            let column = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| {
                (field.name().clone(), field.data_type().is_numeric())
            };
            self.columns = schema.fields().iter().map(column).collect();
        }
        let room = most - self.rows.len();
        self.more = batch.num_rows() > room;
        let options =
            FormatOptions::default().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%SZ")).with_null("");
        let formatters = batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options));
        let formatters =
            formatters.collect::<Result<Vec<_>, _>>().map_err(|error| SqlError::Failed(error.to_string()))?;
        for row in 0..batch.num_rows().min(room) {
            self.rows.push(formatters.iter().map(|formatter| formatter.value(row).to_string()).collect());
        }
        Ok(!self.more)
    }
}
