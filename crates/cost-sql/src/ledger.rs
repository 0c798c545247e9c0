//! A ledger as a database.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::StreamExt;
use supercargo_cost::store::TABLE_NAMES;
use supercargo_cost::{Interval, PriceBook, Store};
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Format, Rows, Writer};
use crate::error::{SqlError, failed, not_understood, said};
use crate::facts::FactTable;
use crate::hours::ClusterHour;
use crate::label::label_function;
use crate::priced::{PricedTable, Pricing, Problems, Subject};
use crate::runner::{Here, Runner};
use crate::views::VIEWS;

/// The longest query that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// How many words and signs of a query are read that can make its plan deeper. Plans are walked recursively.
const MOST_WORDS: usize = 2_000;

/// Bytes of stack for planning so deep a query.
const PLANNER_STACK: usize = 512 << 20;

/// Bytes of stack of each thread that runs a part of a query.
pub const WORKER_STACK: usize = 128 << 20;

/// A ledger as a database that can only be read.
pub struct SqlLedger {
    context: SessionContext,
    runtime: Runtime,
    runner: Box<dyn Runner>,
    pricing: Arc<Pricing>,
}

impl SqlLedger {
    /// A ledger as it is now, with queries that run in this process.
    pub fn open(store: Store, prices: PriceBook) -> Result<SqlLedger, SqlError> {
        SqlLedger::open_on(store, prices, Box::new(Here))
    }

    /// A ledger as it is now, with queries that run elsewhere.
    pub fn open_on(store: Store, prices: PriceBook, runner: Box<dyn Runner>) -> Result<SqlLedger, SqlError> {
        let listing = store.list(Interval::new(i64::MIN, i64::MAX))?;
        let finished = listing
            .finished
            .iter()
            .flat_map(|stretch| stretch.hours.iter().map(|hour| (Arc::clone(&stretch.cluster), *hour)));
        let running = listing.running.iter().map(|running| (Arc::clone(&running.cluster), running.hour));
        let hours: Arc<[ClusterHour]> = finished.chain(running).collect();
        let problems = listing.problems.iter().map(ToString::to_string).collect();
        let pricing = Arc::new(Pricing { store, prices, problems: Problems::Noted(Mutex::new(problems)) });

        let runtime = Builder::new_multi_thread()
            .thread_stack_size(WORKER_STACK)
            .max_blocking_threads(16)
            .enable_all()
            .build()
            .map_err(SqlError::Threads)?;
        let context = SessionContext::new_with_state(runner.session());
        context.register_udf(label_function());
        let views = context.copied_config().options().execution.parquet.schema_force_view_types;
        let texts = if views { DataType::Utf8View } else { DataType::Utf8 };
        let opening = |error: DataFusionError| failed(&error);
        for name in TABLE_NAMES {
            let table = FactTable::new(name, &listing, &texts).map_err(opening)?;
            context.register_table(name, Arc::new(table)).map_err(opening)?;
        }
        for subject in Subject::ALL {
            let table = PricedTable::new(Arc::clone(&pricing), Arc::clone(&hours), subject, &texts);
            context.register_table(subject.as_str(), Arc::new(table)).map_err(opening)?;
        }
        for (name, sql) in VIEWS {
            let view = runtime.block_on(context.sql(sql)).map_err(opening)?.into_view();
            context.register_table(name, view).map_err(opening)?;
        }
        Ok(SqlLedger { context, runtime, runner, pricing })
    }

    /// What could not be read, up to now.
    pub fn problems(&self) -> Vec<String> {
        let Problems::Noted(problems) = &self.pricing.problems else { return Vec::new() };
        problems.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The tables and views that can be asked.
    pub fn tables(&self) -> Vec<&'static str> {
        let facts = TABLE_NAMES.into_iter();
        Subject::ALL
            .map(Subject::as_str)
            .into_iter()
            .chain(VIEWS.map(|(name, _)| name))
            .chain(facts)
            .collect()
    }

    /// Writes the answer of a query, as it comes; says how many rows it has.
    pub fn write(&self, sql: &str, format: Format, out: impl Write + Send) -> Result<usize, SqlError> {
        let mut rows = 0;
        let mut out = Some(out);
        let mut writer = None;
        self.ask(sql, &mut |schema, batch| {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => {
                    let out = out.take().ok_or_else(|| SqlError::Unwritable("opened twice".to_owned()))?;
                    none.insert(Writer::new(format, schema, out)?)
                }
            };
            rows += batch.num_rows();
            writer.write(batch).map(|()| true)
        })?;
        if let Some(writer) = writer {
            writer.close()?;
        }
        Ok(rows)
    }

    /// The first rows of an answer, as texts.
    pub fn rows(&self, sql: &str, most: usize) -> Result<Rows, SqlError> {
        let mut rows = Rows::default();
        self.ask(sql, &mut |schema, batch| rows.add(schema, batch, most))?;
        Ok(rows)
    }

    /// Runs a query. Every batch is put, an empty one first, until one is refused. All of it happens on a thread with room
    /// for a plan as deep as the query is long.
    fn ask(&self, sql: &str, put: &mut Put<'_>) -> Result<(), SqlError> {
        let found = words(sql)?;
        if found > MOST_WORDS {
            return Err(SqlError::TooLong { found, most: MOST_WORDS });
        }
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(PLANNER_STACK);
            let answer = || self.runtime.block_on(self.answer(sql, put));
            let handle = thread.spawn_scoped(scope, answer).map_err(SqlError::Threads)?;
            handle.join().unwrap_or_else(|_| Err(SqlError::Failed("it ended without an answer".to_owned())))
        })
    }

    async fn answer(&self, sql: &str, put: &mut Put<'_>) -> Result<(), SqlError> {
        let plan = self.understand(sql).await?;
        let frame = DataFrame::new(self.context.state(), plan);
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(|error| not_understood(&error))?;
        let schema = plan.schema();
        let mut more = put(&schema, &RecordBatch::new_empty(Arc::clone(&schema)))?;
        let mut stream = self.runner.run(plan, task).await.map_err(|error| failed(&error))?;
        while more && let Some(batch) = stream.next().await {
            more = put(&schema, &batch.map_err(|error| failed(&error))?)?;
        }
        Ok(())
    }

    /// What a text asks for. Anything but a query is refused.
    async fn understand(&self, sql: &str) -> Result<LogicalPlan, SqlError> {
        let state = self.context.state();
        // for the one, `select namespace, cluster` ends with the comma, since `cluster` may begin a clause; the other has less
        let statement = state
            .sql_to_statement(sql, &Dialect::Generic)
            .or_else(|error| state.sql_to_statement(sql, &Dialect::PostgreSQL).map_err(|_| error));
        let statement = statement.map_err(|error| not_understood(&error))?;
        let plan = state.statement_to_plan(statement).await.map_err(|error| not_understood(&error))?;
        let queries =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        queries.verify_plan(&plan).map_err(|error| SqlError::NotAQuery(said(&error)))?;
        Ok(plan)
    }
}

/// Takes a batch of an answer, and says whether it wants more.
type Put<'a> = dyn FnMut(&SchemaRef, &RecordBatch) -> Result<bool, SqlError> + Send + 'a;

/// How many words and signs of a text can make a plan deeper: a list of a million numbers does not.
fn words(sql: &str) -> Result<usize, SqlError> {
    if sql.len() > LONGEST {
        return Err(SqlError::Query(format!("it has {} bytes, more than {LONGEST}", sql.len())));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| SqlError::Query(error.to_string()))?;
    let flat = |token: &&Token| {
        matches!(
            token,
            Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_)
        ) || matches!(token, Token::Word(word) if word.keyword == Keyword::NoKeyword)
    };
    Ok(tokens.iter().filter(|token| !flat(token)).count())
}
