//! Tables as Parquet, column by column.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, Type};
use rayon::prelude::*;

/// Who writes the files.
const CREATOR: &str = "supercargo";
/// Tables of fewer rows are not worth dividing their columns.
const FEW_ROWS: usize = 4_096;

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

    /// The table as a Parquet file, as small as it gets.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?));
        self.encode_as(properties)
    }

    /// The table as a Parquet file that is written in little time: numbers as differences, and no dictionaries of them.
    pub fn encode_quickly(&self) -> Result<Vec<u8>> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_statistics_enabled(EnabledStatistics::None);
        for (name, _) in self.columns.iter().filter(|(_, values)| !matches!(values, Values::Text(_))) {
            let column = ColumnPath::from(*name);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        self.encode_as(properties)
    }

    /// Columns are made side by side, and written in their order.
    fn encode_as(&self, properties: WriterPropertiesBuilder) -> Result<Vec<u8>> {
        let properties = Arc::new(properties.set_created_by(CREATOR.to_owned()).build());
        let mut out = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut out, self.schema()?, Arc::clone(&properties))?;
        let schema = writer.schema_descr().clone();
        let encode = |(place, (_, values)): (usize, &(&'static str, Values))| {
            let mut pages = TrackedWrite::new(Vec::new());
            let sink = Box::new(SerializedPageWriter::new(&mut pages));
            let mut column = get_column_writer(schema.column(place), Arc::clone(&properties), sink);
            append(&mut column, values)?;
            let close = column.close()?;
            Ok((Bytes::from(pages.into_inner()?), close))
        };
        let columns: Vec<Result<(Bytes, ColumnCloseResult)>> = if self.rows() < FEW_ROWS {
            self.columns.iter().enumerate().map(encode).collect()
        } else {
            self.columns.par_iter().enumerate().map(encode).collect()
        };
        let mut group = writer.next_row_group()?;
        for column in columns {
            let (pages, close) = column?;
            group.append_column(&pages, close)?;
        }
        group.close()?;
        writer.close()?;
        Ok(out)
    }

    fn schema(&self) -> Result<Arc<Type>> {
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
        Ok(Arc::new(parse_message_type(&schema)?))
    }

    /// Several files with the columns of `like` as one, column by column, so that no more than a column of one of them is
    /// in memory at a time.
    pub fn concatenate(files: &[Bytes], like: &Table) -> Result<Vec<u8>> {
        let readers: Vec<_> = files.iter().map(|file| SerializedFileReader::new(file.clone())).collect();
        let readers = readers.into_iter().collect::<Result<Vec<_>>>()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(CREATOR.to_owned());
        let mut out = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut out, like.schema()?, Arc::new(properties.build()))?;
        let mut group = writer.next_row_group()?;
        for (name, empty) in &like.columns {
            let mut column = group.next_column()?.ok_or_else(|| unexpected("fewer columns than expected"))?;
            for reader in &readers {
                let mut values = empty.clone();
                read_column(reader, name, 0..usize::MAX, &mut values)?;
                if let Values::Moment(millis) = &mut values {
                    millis.iter_mut().for_each(|millis| *millis = millis.div_euclid(1_000));
                }
                append(column.untyped(), &values)?;
            }
            column.close()?;
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

fn append(column: &mut ColumnWriter<'_>, values: &Values) -> Result<()> {
    match (column, values) {
        (ColumnWriter::ByteArrayColumnWriter(column), Values::Text(values)) => {
            column.write_batch(values, None, None)?
        }
        (ColumnWriter::Int64ColumnWriter(column), Values::Number(values)) => {
            column.write_batch(values, None, None)?
        }
        (ColumnWriter::Int64ColumnWriter(column), Values::Moment(seconds)) => {
            let millis: Vec<i64> = seconds.iter().map(|second| second.saturating_mul(1_000)).collect();
            column.write_batch(&millis, None, None)?
        }
        (ColumnWriter::Int64ColumnWriter(column), Values::Maybe(values)) => {
            let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<i64> = values.iter().copied().flatten().collect();
            column.write_batch(&values, Some(&there), None)?
        }
        _ => return Err(unexpected("a column of another type")),
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
