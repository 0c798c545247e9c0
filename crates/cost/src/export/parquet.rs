//! Sheets as a Parquet file: one row group each, zstd, dictionaries.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use thiserror::Error;

use crate::export::sheet::{Cells, Sheet};

/// Why a sheet is not written.
#[derive(Debug, Error)]
pub enum SheetError {
    /// The file cannot be written.
    #[error("the parquet file cannot be written: {0}")]
    Unwritable(#[from] ParquetError),
    /// All sheets of a file have the same columns.
    #[error("a sheet has {found} columns, the file {expected}")]
    Columns {
        /// Of the sheet.
        found: usize,
        /// Of the file.
        expected: usize,
    },
}

/// Writes sheets with the same columns, one after the other.
pub struct SheetWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: usize,
}

impl<W: Write + Send> SheetWriter<W> {
    /// A file with the columns of `like`; its rows are not written.
    pub fn new(out: W, like: &Sheet) -> Result<SheetWriter<W>, SheetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by("supercargo".to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, schema(like)?, Arc::new(properties))?;
        Ok(SheetWriter { writer, columns: like.columns().len() })
    }

    /// Writes a sheet; one without rows leaves no trace.
    pub fn write(&mut self, sheet: &Sheet) -> Result<(), SheetError> {
        if sheet.columns().len() != self.columns {
            return Err(SheetError::Columns { found: sheet.columns().len(), expected: self.columns });
        }
        if sheet.rows() == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (_, cells) in sheet.columns() {
            column(&mut group, cells)?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes the end of the file, and gives back what it was written to.
    pub fn close(self) -> Result<W, SheetError> {
        Ok(self.writer.into_inner()?)
    }
}

fn schema(sheet: &Sheet) -> Result<TypePtr, ParquetError> {
    let mut fields = Vec::with_capacity(sheet.columns().len());
    for (name, cells) in sheet.columns() {
        let (physical, logical, repetition) = match cells {
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
            Cells::Number(_) => (Physical::INT64, None, Repetition::REQUIRED),
            Cells::Maybe(_) => (Physical::INT64, None, Repetition::OPTIONAL),
            Cells::Real(_) => (Physical::DOUBLE, None, Repetition::REQUIRED),
            Cells::Moment(_) => {
                (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)), Repetition::REQUIRED)
            }
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()?;
        fields.push(Arc::new(field));
    }
    Ok(Arc::new(Type::group_type_builder("costs").with_fields(fields).build()?))
}

fn column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: &Cells,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("fewer columns than expected".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    match cells {
        Cells::Text(values) => {
            let texts: Vec<ByteArray> = values.iter().map(|value| ByteArray::from(&**value)).collect();
            column.typed::<ByteArrayType>().write_batch(&texts, None, None)?
        }
        Cells::Number(values) => column.typed::<Int64Type>().write_batch(values, None, None)?,
        Cells::Real(values) => column.typed::<DoubleType>().write_batch(values, None, None)?,
        Cells::Moment(seconds) => {
            let millis: Vec<i64> = seconds.iter().map(|second| second.saturating_mul(1_000)).collect();
            column.typed::<Int64Type>().write_batch(&millis, None, None)?
        }
        Cells::Maybe(values) => {
            let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let known: Vec<i64> = values.iter().copied().flatten().collect();
            column.typed::<Int64Type>().write_batch(&known, Some(&there), None)?
        }
    };
    column.close()
}
