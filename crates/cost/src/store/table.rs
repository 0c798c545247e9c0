//! Tables as Parquet, column by column.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
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
        self.encode_with(|column, group| {
            let (_, values) = self.columns.get(column).ok_or_else(|| unexpected("fewer columns"))?;
            let mut writer = group.next_column()?.ok_or_else(|| unexpected("fewer columns than expected"))?;
            append(&mut writer, values)?;
            writer.close()
        })
    }

    /// Several files with the columns of `like` as one, column by column, so that no more than a column of one of them is
    /// in memory at a time.
    pub fn concatenate(files: &[Bytes], like: &Table) -> Result<Vec<u8>> {
        let readers: Vec<_> = files.iter().map(|file| SerializedFileReader::new(file.clone())).collect();
        let readers = readers.into_iter().collect::<Result<Vec<_>>>()?;
        like.encode_with(|column, group| {
            let (name, empty) = like.columns.get(column).ok_or_else(|| unexpected("fewer columns"))?;
            let mut writer = group.next_column()?.ok_or_else(|| unexpected("fewer columns than expected"))?;
            for reader in &readers {
                let mut values = empty.clone();
                read_column(reader, name, 0..usize::MAX, &mut values)?;
                if let Values::Moment(millis) = &mut values {
                    millis.iter_mut().for_each(|millis| *millis = millis.div_euclid(1_000));
                }
                append(&mut writer, &values)?;
            }
            writer.close()
        })
    }

    /// A file with this table's columns, each of which `fill` writes.
    fn encode_with(
        &self,
        mut fill: impl FnMut(usize, &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>) -> Result<()>,
    ) -> Result<Vec<u8>> {
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
        for column in 0..self.columns.len() {
            fill(column, &mut group)?;
        }
        group.close()?;
        writer.close()?;
        Ok(out)
    }

    /// Reads some rows of a Parquet file that has the columns of `like`; its other columns are passed over.
    pub fn decode_rows(bytes: Bytes, like: &Table, rows: Range<usize>) -> Result<Table> {
        let reader = SerializedFileReader::new(bytes)?;
        let mut columns: Vec<(&'static str, Values)> = like.columns.clone();
        for (name, values) in &mut columns {
            if !read_column(&reader, name, rows.clone(), values)? {
                return Err(unexpected(&format!("no column {name}")));
            }
        }
        Ok(Table { name: like.name, columns })
    }

    /// Reads a Parquet file that may have the columns of `like`; columns that it lacks stay empty.
    pub fn decode_known(bytes: Bytes, like: &Table) -> Result<Table> {
        let reader = SerializedFileReader::new(bytes)?;
        let mut columns: Vec<(&'static str, Values)> = like.columns.clone();
        for (name, values) in &mut columns {
            read_column(&reader, name, 0..usize::MAX, values)?;
        }
        Ok(Table { name: like.name, columns })
    }
}

/// Reads some rows of a column; false if there is no such column.
fn read_column(
    reader: &SerializedFileReader<Bytes>,
    name: &str,
    rows: Range<usize>,
    values: &mut Values,
) -> Result<bool> {
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let Some(place) = (0..schema.num_columns()).find(|place| schema.column(*place).name() == name) else {
        return Ok(false);
    };
    let mut first = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let length =
            usize::try_from(group.metadata().num_rows()).map_err(|_| unexpected("a negative row count"))?;
        let (start, end) =
            (rows.start.max(first) - first, rows.end.min(first + length).saturating_sub(first));
        if start < end {
            read(group.get_column_reader(place)?, start, end - start, values)?;
        }
        first += length;
    }
    Ok(true)
}

fn unexpected(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

fn append(column: &mut SerializedColumnWriter<'_>, values: &Values) -> Result<()> {
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
    Ok(())
}

/// Reads `rows` rows after the first `skipped`.
fn read(column: ColumnReader, skipped: usize, rows: usize, values: &mut Values) -> Result<()> {
    match (column, values) {
        (ColumnReader::ByteArrayColumnReader(mut column), Values::Text(values)) => {
            column.skip_records(skipped)?;
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
            column.skip_records(skipped)?;
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
            column.skip_records(skipped)?;
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
