//! Parsing, and what can be known of an expression before it meets a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr};
use kube_cel::cel::parser::Parser;

use super::names::{is_function, is_library, is_type};
use super::room::with_room;

/// Longest source, in bytes.
const LONGEST_SOURCE: usize = 16 * 1024;

/// Most brackets that are open at once.
const DEEPEST_BRACKETS: usize = 40;

/// Most question marks: each opens an expression within the one before.
const MOST_CHOICES: usize = 60;

/// Most operators, dots and commas: they are what trees of expressions get deep from.
const MOST_OPERATORS: usize = 600;

/// An expression that parses, and refers to nothing unknown.
#[derive(Debug)]
pub(crate) struct Expression {
    source: String,
    pub(super) tree: IdedExpr,
    /// Levels of the tree.
    pub(super) depth: usize,
    variables: BTreeSet<String>,
}

impl Expression {
    /// The text it was compiled from.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it refers to a variable.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        self.variables.contains(variable)
    }

    /// The fields that are selected directly from a variable.
    pub(crate) fn fields_of<'e>(&'e self, variable: &str) -> BTreeSet<&'e str> {
        self.paths_of(variable).into_iter().filter_map(|path| path.first().copied()).collect()
    }

    /// The chains of fields that are selected from a variable, such as `spec`, `replicas`.
    pub(crate) fn paths_of<'e>(&'e self, variable: &str) -> BTreeSet<Vec<&'e str>> {
        let mut found = BTreeSet::new();
        visit(&self.tree, &mut |expression| {
            let mut path = Vec::new();
            let mut here = expression;
            while let Expr::Select(select) = &here.expr {
                path.push(select.field.as_str());
                here = &select.operand;
            }
            if !path.is_empty() && matches!(&here.expr, Expr::Ident(name) if name == variable) {
                path.reverse();
                found.insert(path);
            }
        });
        found
    }
}

/// Why a source is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CompileError {
    #[error("the expression is {0} bytes long, at most {LONGEST_SOURCE} are possible")]
    TooLong(usize),
    #[error("the expression is nested or chained too deeply")]
    TooDeep,
    #[error("{0}")]
    Syntax(String),
    #[error("ERROR: <input>:1:1: undeclared reference to '{0}' (in container '')")]
    Undeclared(String),
    #[error("message literals are not supported: {0}")]
    Message(String),
    #[error("{0}")]
    Macro(&'static str),
}

/// Compiles a source that may refer to these variables.
pub(crate) fn compile(source: &str, variables: &[&str]) -> Result<Expression, CompileError> {
    check_size(source)?;
    // The parser is a library's: where it gives up on nonsense, so does the expression, not the server.
    with_room(|| parse(source, variables)).unwrap_or(Err(CompileError::TooDeep))
}

fn parse(source: &str, variables: &[&str]) -> Result<Expression, CompileError> {
    let mut tree = Parser::new().enable_optional_syntax(true).parse(source).map_err(|errors| {
        let text = errors.to_string();
        let text = text.strip_prefix("ERROR: ").unwrap_or(&text);
        CompileError::Syntax(format!("ERROR: {text}"))
    })?;
    expand_bindings(&mut tree)?;
    let mut check = Check { known: variables, bound: Vec::new(), used: BTreeSet::new() };
    check.expression(&tree)?;
    let used = check.used;
    Ok(Expression { source: source.to_owned(), depth: depth(&tree), tree, variables: used })
}

/// Levels of a tree.
fn depth(expression: &IdedExpr) -> usize {
    let mut deepest = 0;
    let mut waiting = vec![(expression, 1)];
    while let Some((expression, level)) = waiting.pop() {
        deepest = deepest.max(level);
        waiting.extend(children(expression).into_iter().map(|inner| (inner, level + 1)));
    }
    deepest
}

/// Expressions that were compiled before, by source and variables.
type Compiled = BTreeMap<(String, &'static [&'static str]), Arc<Expression>>;

/// Most expressions that are remembered.
const MOST_REMEMBERED: usize = 1000;

/// Like [`compile`], for expressions of policies and conditions, which come anew with every request.
pub(crate) fn compile_once(
    source: &str,
    variables: &'static [&'static str],
) -> Result<Arc<Expression>, CompileError> {
    static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);
    let key = (source.to_owned(), variables);
    // The map is whole after any panic: nothing is done with it but reading and inserting.
    if let Some(known) = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(known.clone());
    }
    let expression = Arc::new(compile(source, variables)?);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if compiled.len() >= MOST_REMEMBERED {
        compiled.clear();
    }
    compiled.insert(key, expression.clone());
    Ok(expression)
}

fn check_size(source: &str) -> Result<(), CompileError> {
    if source.len() > LONGEST_SOURCE {
        return Err(CompileError::TooLong(source.len()));
    }
    let mut open = 0_usize;
    let mut operators = 0_usize;
    let mut choices = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for c in source.chars() {
        if let Some(end) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == end => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => {
                open += 1;
                operators += 1;
            }
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '?' => {
                operators += 1;
                choices += 1;
            }
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | ':' | '.' | ',' => {
                operators += 1
            }
            _ => {}
        }
        if open > DEEPEST_BRACKETS || operators > MOST_OPERATORS || choices > MOST_CHOICES {
            return Err(CompileError::TooDeep);
        }
    }
    // The keyword `in` chains too.
    if source.split_whitespace().filter(|word| *word == "in").count() > MOST_OPERATORS {
        return Err(CompileError::TooDeep);
    }
    Ok(())
}

/// `cel.bind(name, init, body)` becomes a loop over nothing whose accumulator is the name.
fn expand_bindings(tree: &mut IdedExpr) -> Result<(), CompileError> {
    for inner in children_mut(tree) {
        expand_bindings(inner)?;
    }
    let Expr::Call(call) = &mut tree.expr else { return Ok(()) };
    let is_bind = call.func_name == "bind"
        && matches!(call.target.as_deref(), Some(IdedExpr { expr: Expr::Ident(name), .. }) if name == "cel");
    if !is_bind {
        return Ok(());
    }
    let mut args = std::mem::take(&mut call.args).into_iter();
    let (Some(name), Some(init), Some(body), None) = (args.next(), args.next(), args.next(), args.next())
    else {
        return Err(CompileError::Macro("cel.bind() needs a name, a value and an expression"));
    };
    let Expr::Ident(name) = name.expr else {
        return Err(CompileError::Macro("cel.bind() variable names must be simple identifiers"));
    };
    let ident = |name: &str| IdedExpr { id: tree.id, expr: Expr::Ident(name.to_owned()) };
    let step = ident(&name);
    let never = IdedExpr {
        id: tree.id,
        expr: Expr::Call(CallExpr { func_name: "size".to_owned(), target: None, args: Vec::new() }),
    };
    let nothing = IdedExpr { id: tree.id, expr: Expr::List(ListExpr::new(Vec::new())) };
    let comprehension = ComprehensionExpr {
        iter_range: nothing,
        iter_var: "@unused".to_owned(),
        iter_var2: None,
        accu_var: name,
        accu_init: init,
        loop_cond: never,
        loop_step: step,
        result: body,
    };
    tree.expr = Expr::Comprehension(Box::new(comprehension));
    Ok(())
}

struct Check<'k> {
    known: &'k [&'k str],
    bound: Vec<String>,
    used: BTreeSet<String>,
}

impl Check<'_> {
    fn expression(&mut self, expression: &IdedExpr) -> Result<(), CompileError> {
        match &expression.expr {
            Expr::Unspecified => {
                Err(CompileError::Syntax("ERROR: <input>:1:1: Syntax error: empty expression".to_owned()))
            }
            Expr::Struct(literal) => Err(CompileError::Message(literal.type_name.clone())),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key)?;
                    self.expression(&entry.value)
                }
                EntryExpr::StructField(field) => Err(CompileError::Message(field.field.clone())),
            }),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => {
                self.expression(&comprehension.iter_range)?;
                self.expression(&comprehension.accu_init)?;
                let before = self.bound.len();
                self.bound.push(comprehension.accu_var.clone());
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                if comprehension.iter_var != "@unused" {
                    self.expression(&comprehension.loop_cond)?;
                    self.expression(&comprehension.loop_step)?;
                }
                self.expression(&comprehension.result)?;
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), CompileError> {
        let library = match call.target.as_deref() {
            Some(IdedExpr { expr: Expr::Ident(name), .. }) if is_library(name) && !self.is_variable(name) => {
                Some(name.as_str())
            }
            Some(target) => {
                self.expression(target)?;
                None
            }
            None => None,
        };
        if !is_function(library, &call.func_name) {
            let name = library
                .map_or_else(|| call.func_name.clone(), |library| format!("{library}.{}", call.func_name));
            return Err(CompileError::Undeclared(name));
        }
        call.args.iter().try_for_each(|argument| self.expression(argument))
    }

    fn is_variable(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound == name) || self.known.contains(&name)
    }

    fn name(&mut self, name: &str) -> Result<(), CompileError> {
        if self.bound.iter().any(|bound| bound == name) || name.starts_with('@') {
            return Ok(());
        }
        if self.known.contains(&name) {
            self.used.insert(name.to_owned());
            return Ok(());
        }
        if is_type(name) { Ok(()) } else { Err(CompileError::Undeclared(name.to_owned())) }
    }
}

/// Calls `visitor` for an expression and all within it.
pub(super) fn visit<'e>(expression: &'e IdedExpr, visitor: &mut impl FnMut(&'e IdedExpr)) {
    let mut waiting = vec![expression];
    while let Some(expression) = waiting.pop() {
        visitor(expression);
        waiting.extend(children(expression));
    }
}

fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_children(&entry.expr)).collect(),
        Expr::Struct(literal) => {
            literal.entries.iter().flat_map(|entry| entry_children(&entry.expr)).collect()
        }
        Expr::Comprehension(comprehension) => vec![
            &comprehension.iter_range,
            &comprehension.accu_init,
            &comprehension.loop_cond,
            &comprehension.loop_step,
            &comprehension.result,
        ],
    }
}

fn entry_children(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

fn children_mut(expression: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Select(select) => vec![&mut *select.operand],
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Call(call) => call.target.as_deref_mut().into_iter().chain(call.args.iter_mut()).collect(),
        Expr::Map(map) => {
            map.entries.iter_mut().flat_map(|entry| entry_children_mut(&mut entry.expr)).collect()
        }
        Expr::Struct(literal) => {
            literal.entries.iter_mut().flat_map(|entry| entry_children_mut(&mut entry.expr)).collect()
        }
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } =
                &mut **comprehension;
            vec![iter_range, accu_init, loop_cond, loop_step, result]
        }
    }
}

fn entry_children_mut(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
        EntryExpr::StructField(field) => vec![&mut field.value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_refers_to_must_be_known() {
        assert!(compile("self.a > 0 && oldSelf.a < self.a", &["self", "oldSelf"]).unwrap().uses("oldSelf"));
        let error = compile("object.a", &["self"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERROR: <input>:1:1: undeclared reference to 'object' (in container '')"
        );
        let error = compile("self.all(x, x.frobnicate())", &["self"]).unwrap_err();
        assert_eq!(error, CompileError::Undeclared("frobnicate".to_owned()));
        assert!(compile("type(self) == string && math.greatest(1, 2) == 2", &["self"]).is_ok());
    }

    #[test]
    fn what_cannot_be_evaluated_does_not_compile() {
        assert!(matches!(compile("Foo{a: 1}", &["self"]), Err(CompileError::Message(_))));
        assert!(matches!(compile("", &["self"]), Err(CompileError::Syntax(_))));
        assert!(matches!(compile("self.", &["self"]), Err(CompileError::Syntax(_))));
    }

    #[test]
    fn nonsense_of_any_depth_is_refused_or_compiled_but_does_no_harm() {
        let nonsense = [
            "(".repeat(10_000),
            "!".repeat(10_000) + "true",
            "-".repeat(10_000) + "1",
            format!("1{}", "+1".repeat(5_000)),
            format!("self{}", ".a".repeat(5_000)),
            format!("self{}", "[0]".repeat(5_000)),
            "true ? ".repeat(2_000),
            format!("1{}", " in [1]".repeat(2_000)),
            "'".repeat(10_001),
            format!("1{}", "+1".repeat(590)),
            format!("self{}", ".a".repeat(590)),
            format!("{}true", "!".repeat(590)),
            format!("true{}", " ? true : true".repeat(290)),
            format!("{}1{}", "[".repeat(38), "]".repeat(38)),
        ];
        for source in nonsense {
            let _ = compile(&source, &["self"]);
        }
    }
}
