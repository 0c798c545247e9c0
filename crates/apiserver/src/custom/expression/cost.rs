//! What evaluating an expression may cost at most, reckoned from the sizes of its variables.
//!
//! The unit is about one step of the interpreter or one byte looked at. A loop costs its body as often as the longest
//! list or map that its range may be; what it collects is copied in every round.

use std::collections::BTreeMap;

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

/// How large a value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Entries of the longest list or map in it.
    pub(super) longest: u64,
    /// Bytes of its texts and one for each value.
    pub(super) bytes: u64,
}

impl Extent {
    const SMALL: Extent = Extent { longest: 1, bytes: 8 };

    fn with(self, other: Extent) -> Extent {
        Extent {
            longest: self.longest.saturating_add(other.longest),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// Cost of compiling a regular expression, beside its length.
const REGEX: u64 = 2_000;

/// Longest list that `lists.range` answers with.
pub(super) const LONGEST_RANGE: i64 = 10_000;

/// The highest cost of an expression, with variables of these sizes; the result's size beside it.
pub(super) fn highest_cost(tree: &IdedExpr, variables: &BTreeMap<&str, Extent>) -> u64 {
    let mut scope: Vec<(&str, Extent)> = variables.iter().map(|(name, extent)| (*name, *extent)).collect();
    reckon(tree, &mut scope).0
}

fn reckon<'e>(expression: &'e IdedExpr, scope: &mut Vec<(&'e str, Extent)>) -> (u64, Extent) {
    match &expression.expr {
        Expr::Unspecified | Expr::Struct(_) => (1, Extent::SMALL),
        Expr::Literal(literal) => {
            let bytes = match literal {
                LiteralValue::String(text) => text.inner().len(),
                LiteralValue::Bytes(bytes) => bytes.inner().len(),
                _ => 8,
            };
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            (1, Extent { longest: 1, bytes: bytes.max(1) })
        }
        Expr::Ident(name) => {
            let found = scope.iter().rev().find(|(known, _)| known == name);
            (1, found.map_or(Extent::SMALL, |(_, extent)| *extent))
        }
        Expr::Select(select) => {
            let (cost, extent) = reckon(&select.operand, scope);
            (cost.saturating_add(1), extent)
        }
        Expr::List(list) => {
            let count = u64::try_from(list.elements.len()).unwrap_or(u64::MAX);
            let (mut cost, mut extent) = (1_u64, Extent { longest: 0, bytes: 1 });
            for element in &list.elements {
                let (inner, size) = reckon(element, scope);
                cost = cost.saturating_add(inner);
                extent.longest = extent.longest.max(size.longest);
                extent.bytes = extent.bytes.saturating_add(size.bytes);
            }
            extent.longest = extent.longest.max(count);
            (cost, extent)
        }
        Expr::Map(map) => {
            let (mut cost, mut extent) = (1_u64, Extent::SMALL);
            for entry in &map.entries {
                let parts: [Option<&IdedExpr>; 2] = match &entry.expr {
                    EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)],
                    EntryExpr::StructField(field) => [Some(&field.value), None],
                };
                for part in parts.into_iter().flatten() {
                    let (inner, size) = reckon(part, scope);
                    cost = cost.saturating_add(inner);
                    extent = extent.with(size);
                }
            }
            (cost, extent)
        }
        Expr::Call(call) => reckon_call(call, scope),
        Expr::Comprehension(comprehension) => reckon_loop(comprehension, scope),
    }
}

fn reckon_call<'e>(call: &'e CallExpr, scope: &mut Vec<(&'e str, Extent)>) -> (u64, Extent) {
    let mut cost = 1_u64;
    let mut sum = Extent { longest: 0, bytes: 0 };
    let mut product = 1_u64;
    let mut widest = Extent::SMALL;
    for part in call.target.as_deref().into_iter().chain(&call.args) {
        let (inner, size) = reckon(part, scope);
        cost = cost.saturating_add(inner);
        sum = sum.with(size);
        product = product.saturating_mul(size.bytes.max(1));
        widest = Extent { longest: widest.longest.max(size.longest), bytes: widest.bytes.max(size.bytes) };
    }
    match call.func_name.as_str() {
        // Operators that answer with a truth or a number.
        "_&&_"
        | "_||_"
        | "!_"
        | "@not_strictly_false"
        | "-_"
        | "_-_"
        | "_*_"
        | "_/_"
        | "_%_"
        | "_<_"
        | "_<=_"
        | "_>_"
        | "_>=_" => (cost, Extent::SMALL),
        "_==_" | "_!=_" => (cost.saturating_add(sum.bytes), Extent::SMALL),
        "@in" | "_in_" | "in" => (cost.saturating_add(sum.bytes), Extent::SMALL),
        "_?_:_" | "_[_]" | "_[?_]" | "_?._" | "or" | "orValue" | "value" | "hasValue" => (cost, widest),
        "_+_" => (cost.saturating_add(sum.bytes), sum),
        "matches" | "find" => {
            (cost.saturating_add(sum.bytes).saturating_add(REGEX), Extent { longest: 1, ..sum })
        }
        // One list with as many items as the text has characters, at most.
        "findAll" | "split" => {
            (cost.saturating_add(sum.bytes).saturating_add(REGEX), Extent { longest: sum.bytes, ..sum })
        }
        // A text of every character of the one with all of the other between.
        "replace" | "join" | "format" => {
            let bytes = product.saturating_add(sum.bytes);
            (cost.saturating_add(bytes), Extent { longest: 1, bytes })
        }
        "range" => {
            let longest = LONGEST_RANGE.unsigned_abs();
            (cost.saturating_add(longest), Extent { longest, bytes: longest })
        }
        // Every item is compared with every other.
        "distinct" | "equivalent" | "intersects" | "contains"
            if call.target.is_some() && call.func_name != "contains" =>
        {
            (cost.saturating_add(sum.bytes.saturating_mul(sum.longest)), sum)
        }
        // Lists of lists become one.
        "flatten" => (cost.saturating_add(sum.bytes), Extent { longest: sum.bytes, ..sum }),
        _ => (cost.saturating_add(sum.bytes), sum),
    }
}

fn reckon_loop<'e>(
    comprehension: &'e ComprehensionExpr,
    scope: &mut Vec<(&'e str, Extent)>,
) -> (u64, Extent) {
    let (range_cost, range) = reckon(&comprehension.iter_range, scope);
    let (init_cost, init) = reckon(&comprehension.accu_init, scope);
    let rounds = range.longest;
    let before = scope.len();
    if comprehension.iter_var == "@unused" {
        // A name given to a value.
        scope.push((&comprehension.accu_var, init));
        let (cost, result) = reckon(&comprehension.result, scope);
        scope.truncate(before);
        return (range_cost.saturating_add(init_cost).saturating_add(cost), result);
    }
    // An item is no larger than the whole; what is collected is reckoned as nothing within one round, and as all that
    // the rounds can add afterwards.
    scope.push((&comprehension.iter_var, range));
    scope.push((&comprehension.accu_var, Extent { longest: 0, bytes: 1 }));
    let (condition_cost, _) = reckon(&comprehension.loop_cond, scope);
    let (step_cost, step) = reckon(&comprehension.loop_step, scope);
    let collects = !matches!(&comprehension.accu_init.expr, Expr::Literal(_));
    let collected = if collects {
        Extent {
            longest: step.longest.max(rounds).max(init.longest),
            bytes: init.bytes.saturating_add(step.bytes.saturating_mul(rounds)),
        }
    } else {
        Extent::SMALL
    };
    let copies = if collects {
        rounds.saturating_mul(collected.bytes.min(rounds.saturating_mul(step.bytes)))
    } else {
        0
    };
    scope.pop();
    scope.push((&comprehension.accu_var, collected));
    let (result_cost, result) = reckon(&comprehension.result, scope);
    scope.truncate(before);
    let cost = range_cost
        .saturating_add(init_cost)
        .saturating_add(range.bytes)
        .saturating_add(rounds.saturating_mul(condition_cost.saturating_add(step_cost)))
        .saturating_add(copies)
        .saturating_add(result_cost);
    (cost, result)
}
