//! Which hours a filter leaves.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, StringViewArray, TimestampMillisecondArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;
use supercargo_cost::Interval;

/// An hour of a cluster.
pub type ClusterHour = (Arc<str>, i64);

/// A physical expression that is true where all filters are.
pub fn predicate(
    state: &dyn Session,
    schema: &SchemaRef,
    filters: &[Expr],
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let Some(all) = conjunction(filters.iter().cloned()) else { return Ok(None) };
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    state.create_physical_expr(all, &schema).map(Some)
}

/// The hours in which a row may be that passes the filters.
pub fn left(
    state: &dyn Session,
    schema: &SchemaRef,
    filters: &[Expr],
    hours: Vec<ClusterHour>,
) -> Result<Vec<ClusterHour>> {
    let Some(predicate) = predicate(state, schema, filters)? else { return Ok(hours) };
    // a filter that says nothing of hours leaves all of them
    let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
    let Ok(pruning) = builder.try_build(predicate) else { return Ok(hours) };
    let kept = pruning.prune(&Known(&hours))?;
    Ok(hours.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(hour, _)| hour).collect())
}

/// What is known of the rows of hours before they are made.
struct Known<'a>(&'a [ClusterHour]);

impl Known<'_> {
    fn moments(&self, of: fn(Interval) -> i64) -> ArrayRef {
        let millis = self.0.iter().map(|(_, hour)| of(Interval::hour(*hour)).saturating_mul(1_000));
        Arc::new(TimestampMillisecondArray::from_iter_values(millis).with_timezone("UTC"))
    }

    fn clusters(&self) -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(self.0.iter().map(|(cluster, _)| &**cluster)))
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "hour" | "start" | "end" => Some(self.moments(|hour| hour.start)),
            "cluster" => Some(self.clusters()),
            _ => None,
        }
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "hour" => Some(self.moments(|hour| hour.start)),
            "start" | "end" => Some(self.moments(|hour| hour.end)),
            "cluster" => Some(self.clusters()),
            _ => None,
        }
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
