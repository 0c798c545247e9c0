//! Evaluation, within a budget.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kube_cel::KubeCelExt;
use kube_cel::cel::{Context, ExecutionError, Value};

use super::compile::Expression;
use super::cost::{Extent, LONGEST_RANGE, highest_cost};
use super::names::TYPES;
use super::room::with_room;

/// Levels of an expression that are evaluated on the stack of the caller. A level takes about 60 kB of it without
/// optimisation, a tenth of that with it.
const DEEPEST_IN_PLACE: usize = if cfg!(debug_assertions) { 9 } else { 40 };

/// What one expression may cost at most.
const HIGHEST_COST: u64 = 20_000_000;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It might cost more than what is left.
    TooExpensive,
    /// It failed; what is wrong.
    Failed(String),
}

thread_local! {
    /// All functions. Making it takes longer than most evaluations.
    static FUNCTIONS_OF_ALL: Context<'static> = {
        let mut context = Context::default().with_all();
        context.add_function("lists.range", range);
        context.add_function("dyn", |value: Value| -> Result<Value, ExecutionError> { Ok(value) });
        context.add_function("type", type_of);
        context.add_function("bool", truth_of);
        // A type is known by its name.
        for name in TYPES {
            context.add_variable_from_value(name, Value::String(Arc::new(name.to_owned())));
        }
        context
    };
}

/// The name of a value's type.
fn type_of(value: Value) -> Result<Value, ExecutionError> {
    let name = match value {
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Null => "null_type",
        _ => "dyn",
    };
    Ok(Value::String(Arc::new(name.to_owned())))
}

fn truth_of(value: Value) -> Result<Value, ExecutionError> {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(ExecutionError::function_error("bool", "type conversion error from 'string' to 'bool'")),
        },
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn range(length: i64) -> Result<Value, ExecutionError> {
    if !(0..=LONGEST_RANGE).contains(&length) {
        let message = format!("a range has 0 to {LONGEST_RANGE} numbers");
        return Err(ExecutionError::function_error("lists.range", message));
    }
    Ok(Value::List(Arc::new((0..length).map(Value::Int).collect())))
}

/// The value of an expression. The highest cost that it may have is taken from the budget.
pub(crate) fn evaluate(
    expression: &Expression,
    variables: &[(&str, &Value)],
    budget: &mut u64,
) -> Result<Value, Failure> {
    let sizes: BTreeMap<&str, Extent> = variables
        .iter()
        .filter(|(name, _)| expression.uses(name))
        .map(|(name, value)| (*name, extent(value)))
        .collect();
    let cost = highest_cost(&expression.tree, &sizes);
    if cost > HIGHEST_COST || cost > *budget {
        return Err(Failure::TooExpensive);
    }
    *budget -= cost;
    // Functions come from a library: a panic of one of them must not be one of the server.
    let result = if expression.depth <= DEEPEST_IN_PLACE {
        catch_unwind(AssertUnwindSafe(|| resolve(expression, variables))).ok()
    } else {
        with_room(|| resolve(expression, variables))
    };
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Failure::Failed(error)),
        None => Err(Failure::Failed("the expression cannot be evaluated".to_owned())),
    }
}

fn resolve(expression: &Expression, variables: &[(&str, &Value)]) -> Result<Value, String> {
    FUNCTIONS_OF_ALL.with(|functions| {
        let mut scope = functions.new_inner_scope();
        for (name, value) in variables.iter().filter(|(name, _)| expression.uses(name)) {
            scope.add_variable_from_value(*name, (*value).clone());
        }
        Value::resolve(&expression.tree, &scope).map_err(|error| worded(&error))
    })
}

/// Errors in the words of upstream's interpreter, where they are the same.
fn worded(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::NoSuchOverload
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnsupportedUnaryOperator(..)
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. } => "no such overload".to_owned(),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "index out of bounds".to_owned(),
        ExecutionError::Overflow(..) => "integer overflow".to_owned(),
        other => other.to_string(),
    }
}

/// How large a value is. Values are made here and not deep.
fn extent(value: &Value) -> Extent {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    match value {
        Value::String(text) => Extent { longest: 1, bytes: count(text.len()) + 1 },
        Value::Bytes(bytes) => Extent { longest: 1, bytes: count(bytes.len()) + 1 },
        Value::List(items) => {
            let mut whole = Extent { longest: count(items.len()), bytes: 1 };
            for inner in items.iter().map(extent) {
                whole.longest = whole.longest.max(inner.longest);
                whole.bytes = whole.bytes.saturating_add(inner.bytes);
            }
            whole
        }
        Value::Map(map) => {
            let mut whole = Extent { longest: count(map.map.len()), bytes: 1 };
            // Only sums and maxima are taken: the order does not matter.
            for (key, inner) in map.map.as_ref() {
                let inner = extent(inner);
                whole.longest = whole.longest.max(inner.longest);
                whole.bytes =
                    whole.bytes.saturating_add(inner.bytes).saturating_add(count(key.to_string().len()));
            }
            whole
        }
        _ => Extent { longest: 1, bytes: 8 },
    }
}

#[cfg(test)]
mod tests {
    use kube_cel::cel::parser::Parser;

    use super::super::names::FUNCTIONS;
    use super::*;

    #[test]
    fn every_function_that_compiles_is_known_to_the_interpreter() {
        let mut unknown = Vec::new();
        for name in FUNCTIONS {
            let is_undeclared = |source: &str| {
                let tree = Parser::new().parse(source).unwrap();
                let result =
                    FUNCTIONS_OF_ALL.with(|functions| Value::resolve(&tree, &functions.new_inner_scope()));
                matches!(result, Err(ExecutionError::UndeclaredReference(_)))
            };
            if is_undeclared(&format!("{name}()")) && is_undeclared(&format!("'x'.{name}()")) {
                unknown.push(name);
            }
        }
        assert_eq!(unknown, Vec::<&str>::new());
    }
}
