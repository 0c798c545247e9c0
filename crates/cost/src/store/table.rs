//! Tables as Parquet, column by column.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Texts.
    Text(Vec<ByteArray>),
    /// Whole numbers.
    Number(Vec<i64>),
    /// Moments, in seconds since 1970; in the file milliseconds.
    Moment(Vec<i64>),
    /// Whole numbers that may be missing.
    Maybe(Vec<Option<i64>>),
}

/// A table: columns of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name, which is its directory.
    pub name: &'static str,
    /// Names and values.
    pub columns: Vec<(&'static str, Values)>,
}

impl Table {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| match values {
            Values::Text(values) => values.len(),
            Values::Number(values) | Values::Moment(values) => values.len(),
            Values::Maybe(values) => values.len(),
        })
    }

    /// The table as a Parquet file.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut schema = format!("message {} {{", self.name);
        for (name, values) in &self.columns {
            schema.push_str(&match values {
                Values::Text(_) => format!(" REQUIRED BYTE_ARRAY {name} (STRING);"),
                Values::Number(_) => format!(" REQUIRED INT64 {name};"),
                Values::Moment(_) => format!(" REQUIRED INT64 {name} (TIMESTAMP(MILLIS,true));"),
                Values::Maybe(_) => format!(" OPTIONAL INT64 {name};"),
            });
        }
        schema.push_str(" }");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by("supercargo".to_owned());
        let mut out = Vec::new();
        let mut writer = SerializedFileWriter::new(
            &mut out,
            Arc::new(parse_message_type(&schema)?),
            Arc::new(properties.build()),
        )?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            write(&mut group, values)?;
        }
        group.close()?;
        writer.close()?;
        Ok(out)
    }

    /// Reads a Parquet file that has the columns of `like`; its other columns are passed over.
    pub fn decode(bytes: Bytes, like: &Table) -> Result<Table> {
        let reader = SerializedFileReader::new(bytes)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let mut columns: Vec<(&'static str, Values)> = like.columns.clone();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            let rows = usize::try_from(group.metadata().num_rows())
                .map_err(|_| unexpected("a negative row count"))?;
            for (name, values) in &mut columns {
                let place = (0..schema.num_columns()).find(|place| schema.column(*place).name() == *name);
                let place = place.ok_or_else(|| unexpected(&format!("no column {name}")))?;
                read(group.get_column_reader(place)?, rows, values)?;
            }
        }
        Ok(Table { name: like.name, columns })
    }
}

fn unexpected(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

fn write<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &Values,
) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(|| unexpected("fewer columns than expected"))?;
    match values {
        Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, None, None)?,
        Values::Number(values) => column.typed::<Int64Type>().write_batch(values, None, None)?,
        Values::Moment(seconds) => {
            let millis: Vec<i64> = seconds.iter().map(|second| second.saturating_mul(1_000)).collect();
            column.typed::<Int64Type>().write_batch(&millis, None, None)?
        }
        Values::Maybe(values) => {
            let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<i64> = values.iter().copied().flatten().collect();
            column.typed::<Int64Type>().write_batch(&values, Some(&there), None)?
        }
    };
    column.close()
}

fn read(column: ColumnReader, rows: usize, values: &mut Values) -> Result<()> {
    match (column, values) {
        (ColumnReader::ByteArrayColumnReader(mut column), Values::Text(values)) => {
            let (mut found, end) = (0, values.len() + rows);
            while values.len() < end {
                let (records, ..) = column.read_records(end - values.len(), None, None, values)?;
                found += records;
                if records == 0 {
                    return Err(unexpected(&format!("{found} rows of {rows}")));
                }
            }
            Ok(())
        }
        (ColumnReader::Int64ColumnReader(mut column), Values::Number(values) | Values::Moment(values)) => {
            let end = values.len() + rows;
            while values.len() < end {
                let (records, ..) = column.read_records(end - values.len(), None, None, values)?;
                if records == 0 {
                    return Err(unexpected("fewer rows than expected"));
                }
            }
            Ok(())
        }
        (ColumnReader::Int64ColumnReader(mut column), Values::Maybe(values)) => {
            let mut there: Vec<i16> = Vec::with_capacity(rows);
            let mut known: Vec<i64> = Vec::new();
            while there.len() < rows {
                let (records, ..) =
                    column.read_records(rows - there.len(), Some(&mut there), None, &mut known)?;
                if records == 0 {
                    return Err(unexpected("fewer rows than expected"));
                }
            }
            let mut known = known.into_iter();
            values.extend(there.into_iter().map(|level| if level > 0 { known.next() } else { None }));
            Ok(())
        }
        _ => Err(unexpected("a column of another type")),
    }
}
