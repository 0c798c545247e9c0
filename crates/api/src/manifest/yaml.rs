//! YAML to trees: documents, anchors, aliases and merge keys, with a mistake in one document not hiding the others.
//!
//! The scanner bounds nesting and look-ahead. On top of that: values may be nested as deep as in JSON, also by way of
//! aliases; an alias shares its target; merging copies names only, within a budget.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::Value;

use super::lines::Place;
use super::yaml_scalar::{resolve_plain, resolve_tagged};
use super::yaml_tree::{Budget, Content, DEEPEST, Field, Node};

/// After this many broken documents the rest of a file is not looked at.
const MOST_BROKEN_DOCUMENTS: usize = 100;

/// What a field that is merged into another object takes from the budget: about the bytes of its name.
const MERGED_FIELD_COST: usize = 32;

/// Something in the text that is not good YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) place: Place,
    pub(super) problem: String,
    pub(super) right: Option<String>,
}

/// The documents of a text that could be read, and what is wrong with the others. Empty documents are left out.
pub(super) fn documents(text: &str, budget: &Budget) -> (Vec<Rc<Node>>, Vec<YamlError>) {
    let options = granit_parser::options! { emit_unresolved_aliases: true };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut errors = Vec::new();
    let mut broken = 0;
    loop {
        let mut builder =
            Builder { budget, frames: Vec::new(), anchors: BTreeMap::new(), root: None, errors: Vec::new() };
        match read_document(&mut parser, &mut builder) {
            Ok(more) => {
                errors.append(&mut builder.errors);
                documents.extend(
                    builder.root.filter(|root| !matches!(root.content, Content::Scalar(Value::Null))),
                );
                if !more {
                    return (documents, errors);
                }
            }
            Err(error) => {
                broken += 1;
                errors.append(&mut builder.errors);
                errors.push(describe(&error, text));
                let more = parser.proceed_next_document().unwrap_or(false);
                if !more {
                    return (documents, errors);
                }
                if broken == MOST_BROKEN_DOCUMENTS {
                    let problem = format!("{broken} documents are broken; the rest of the file is not read");
                    errors.push(YamlError { place: place_of(error.marker()), problem, right: None });
                    return (documents, errors);
                }
            }
        }
    }
}

/// Reads to the end of a document; false at the end of the text.
fn read_document<'a>(
    parser: &mut Parser<'a, StrInput<'a>>,
    builder: &mut Builder<'_>,
) -> Result<bool, ScanError> {
    while let Some(next) = parser.next_event() {
        let (event, span) = next?;
        match event {
            Event::StreamEnd => return Ok(false),
            Event::DocumentEnd => return Ok(true),
            other => builder.event(other, &span),
        }
    }
    Ok(false)
}

/// A list or object that is not complete yet.
struct Frame {
    place: Place,
    anchor: usize,
    height: usize,
    open: Open,
}

enum Open {
    List(Vec<Rc<Node>>),
    Object {
        fields: Vec<Field>,
        names: BTreeSet<String>,
        name: Option<(String, Place)>,
        merges: Vec<Rc<Node>>,
    },
}

struct Builder<'b> {
    budget: &'b Budget,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    errors: Vec<YamlError>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span) {
        let place = place_of(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), place);
                self.complete(
                    anchor,
                    Node { place, content: Content::Scalar(value), height: 0 },
                    Some(text.as_ref()),
                );
            }
            Event::SequenceStart(_, anchor, _) => {
                self.frames.push(Frame { place, anchor, height: 0, open: Open::List(Vec::new()) });
            }
            Event::MappingStart(_, anchor, _) => {
                let open = Open::Object {
                    fields: Vec::new(),
                    names: BTreeSet::new(),
                    name: None,
                    merges: Vec::new(),
                };
                self.frames.push(Frame { place, anchor, height: 0, open });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(target) => match self.anchors.get(&target).cloned() {
                Some(node) => self.attach(node, None),
                None => {
                    self.error(place, "the alias stands for a value it is part of", "write the value out");
                    self.attach(null(place), None);
                }
            },
            Event::UnresolvedAlias(name) => {
                let problem = format!("nothing before has the anchor &{}", crate::labels::excerpt(&name));
                self.error(place, &problem, "define the anchor in the same document before its alias");
                self.attach(null(place), None);
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Value {
        match tag.and_then(Tag::core_suffix) {
            Some(tag) => resolve_tagged(tag, text).unwrap_or_else(|| {
                self.error(
                    place,
                    &format!("{:?} is no {tag}", crate::labels::excerpt(text)),
                    "leave the tag out",
                );
                Value::Null
            }),
            None if style == ScalarStyle::Plain => resolve_plain(text),
            None => Value::String(text.to_owned()),
        }
    }

    /// A list or object ends.
    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let content = match frame.open {
            Open::List(items) => Content::List(items),
            Open::Object { mut fields, mut names, merges, .. } => {
                self.merge(&mut fields, &mut names, &merges);
                Content::Object(fields)
            }
        };
        self.complete(frame.anchor, Node { place: frame.place, content, height: frame.height }, None);
    }

    /// Adds the fields of merged objects that are not there already.
    fn merge(&mut self, fields: &mut Vec<Field>, names: &mut BTreeSet<String>, merges: &[Rc<Node>]) {
        for merged in merges {
            let sources = match &merged.content {
                Content::List(items) => items.iter().collect(),
                _ => vec![merged],
            };
            for source in sources {
                let Content::Object(inherited) = &source.content else {
                    self.error(
                        merged.place,
                        "the merge key << needs an object or a list of objects",
                        "name an alias",
                    );
                    continue;
                };
                if self.budget.take(inherited.len() * MERGED_FIELD_COST).is_err() {
                    self.error(merged.place, "merge keys inherit too many fields", "write the fields out");
                    return;
                }
                for field in inherited {
                    if names.insert(field.name.clone()) {
                        fields.push(field.clone());
                    }
                }
            }
        }
    }

    /// A value is complete; `text` is what a scalar was written as.
    fn complete(&mut self, anchor: usize, node: Node, text: Option<&str>) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node, text);
    }

    /// Puts a value where it belongs: into the list or object that is open, as a name or a value.
    fn attach(&mut self, node: Rc<Node>, text: Option<&str>) {
        let node = if node.height + self.frames.len() > DEEPEST {
            let problem = format!("values are nested more than {DEEPEST} deep");
            self.error(node.place, &problem, "no Kubernetes object is nested that deep");
            null(node.place)
        } else {
            node
        };
        let place = node.place;
        let height = node.height + 1;
        let Some(frame) = self.frames.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        let mut problem = None;
        match &mut frame.open {
            Open::List(items) => {
                frame.height = frame.height.max(height);
                items.push(node);
            }
            Open::Object { fields, names, name, merges } => match name.take() {
                None => match text.map(str::to_owned).or_else(|| node.text().map(str::to_owned)) {
                    Some(found) => *name = Some((found, place)),
                    None => {
                        problem = Some("a list or object cannot be the name of a field".to_owned());
                        *name = Some((String::new(), place));
                    }
                },
                Some((merge, _)) if merge == "<<" => {
                    frame.height = frame.height.max(node.height);
                    merges.push(node);
                }
                Some((name, name_at)) => {
                    frame.height = frame.height.max(height);
                    if names.insert(name.clone()) {
                        fields.push(Field { name, name_at, value: node });
                    } else {
                        let problem = format!("field {:?} is given twice", crate::labels::excerpt(&name));
                        self.error(name_at, &problem, "keep one of the two");
                    }
                }
            },
        }
        if let Some(problem) = problem {
            self.error(place, &problem, "quote it if it is text; if this is a template, render it first");
        }
    }

    fn error(&mut self, place: Place, problem: &str, right: &str) {
        if self.errors.len() < MOST_BROKEN_DOCUMENTS {
            self.errors.push(YamlError { place, problem: problem.to_owned(), right: Some(right.to_owned()) });
        }
    }
}

fn null(place: Place) -> Rc<Node> {
    Rc::new(Node { place, content: Content::Scalar(Value::Null), height: 0 })
}

fn place_of(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// What the scanner found, with a hint for the mistakes that are made most.
fn describe(error: &ScanError, text: &str) -> YamlError {
    let place = place_of(error.marker());
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    let indentation = line.len() - line.trim_start().len();
    let right = if line.contains("{{") {
        Some("this looks like a template: render it first, for example with helm template")
    } else if line[..indentation].contains('\t') {
        Some("indent with spaces: YAML does not allow tabs there")
    } else {
        None
    };
    YamlError { place, problem: format!("broken YAML: {}", error.info()), right: right.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::path::FieldPath;
    use rstest::rstest;
    use serde_json::json;

    fn read(text: &str) -> (Vec<Value>, Vec<YamlError>) {
        let budget = Budget::for_text(text.len());
        let (documents, errors) = documents(text, &budget);
        (documents.iter().map(|node| node.to_value(&budget).unwrap()).collect(), errors)
    }

    #[rstest]
    #[case::several_documents("a: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}]))]
    #[case::empty_documents_are_left_out("---\n---\n# nothing\n---\na: 1\n...\n", json!([{"a": 1}]))]
    #[case::an_empty_file("", json!([]))]
    #[case::only_a_comment("# nothing\n", json!([]))]
    #[case::quoted_words_are_text("a: 'yes'\nb: \"5\"\n", json!([{"a": "yes", "b": "5"}]))]
    #[case::crlf("a: 1\r\nb:\r\n- x\r\n", json!([{"a": 1, "b": ["x"]}]))]
    #[case::an_alias("a: &x {b: 1}\nc: *x\n", json!([{"a": {"b": 1}, "c": {"b": 1}}]))]
    #[case::a_merge("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n", json!([{"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}]))]
    #[case::a_merge_of_several("- &x {a: 1}\n- &y {a: 2, b: 3}\n- <<: [*x, *y]\n", json!([[{"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}]]))]
    #[case::names_are_text(
        "true: 1\n5: 2\nnull: 3\n", json!([{"true": 1, "5": 2, "null": 3}]))]
    #[case::a_block_text("a: |\n  x\n  y\n", json!([{"a": "x\ny\n"}]))]
    #[case::a_tag("a: !!str 5\n", json!([{"a": "5"}]))]
    fn good_yaml(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(read(text), (expected.as_array().unwrap().clone(), vec![]));
    }

    #[rstest]
    #[case::a_tab("a:\n\tb: 1\n", 2, "tabs")]
    #[case::a_template("a: {{ .Values.x }}\n", 1, "template")]
    fn frequent_mistakes_get_a_hint(#[case] text: &str, #[case] line: usize, #[case] hint: &str) {
        let (_, errors) = read(text);
        assert_eq!(errors[0].place.line, line);
        let all = format!("{errors:?}");
        assert!(all.contains(hint), "{all}");
    }

    #[rstest]
    #[case::twice("a: 1\nb: 2\na: 3\n", 3, 1, "given twice")]
    #[case::no_anchor("a: *x\n", 1, 4, "nothing before has the anchor &x")]
    #[case::itself("a: &x [*x]\n", 1, 8, "part of")]
    #[case::a_list_as_a_name("? [a]\n: 1\n", 1, 3, "cannot be the name")]
    #[case::merging_a_number("<<: 5\n", 1, 5, "needs an object")]
    #[case::a_tag_that_lies("a: !!int x\n", 1, 4, "is no int")]
    fn mistakes_have_a_place(
        #[case] text: &str,
        #[case] line: usize,
        #[case] column: usize,
        #[case] part: &str,
    ) {
        let (_, errors) = read(text);
        let error = &errors[0];
        assert!(error.problem.contains(part), "{error:?}");
        assert_eq!(error.place.line, line, "{error:?}");
        if part != "is no int" {
            assert_eq!(error.place.column, column, "{error:?}");
        }
    }

    #[test]
    fn a_broken_document_does_not_hide_the_others() {
        let (documents, errors) = read("a: 1\n---\nb: [1\n---\nc: 3\n---\nd: {\n---\ne: 5\n");
        assert_eq!(documents, [json!({"a": 1}), json!({"c": 3}), json!({"e": 5})]);
        assert_eq!(errors.iter().map(|error| error.place.line).collect::<Vec<_>>(), [3, 7]);
    }

    #[test]
    fn a_path_has_a_place() {
        let text = "spec:\n  taints:\n  - key: a\n    effect: NoSchedule\n";
        let budget = Budget::for_text(text.len());
        let (documents, _) = documents(text, &budget);
        let place = |path: &str, on_key| documents[0].locate(&FieldPath::from_dotted(path), on_key);
        assert_eq!(place("spec.taints[0].effect", false), Place { line: 4, column: 13 });
        assert_eq!(place("spec.taints[0].effect", true), Place { line: 4, column: 5 });
        assert_eq!(place("spec.taints[0].missing", false), Place { line: 3, column: 5 });
        assert_eq!(place("spec.taints[7]", false), place("spec.taints", false));
    }

    #[test]
    fn aliases_of_aliases_are_shared_and_only_expand_within_the_budget() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let budget = Budget::for_text(text.len());
        let (documents, errors) = documents(&text, &budget);
        assert_eq!(errors, []);
        assert!(documents[0].to_value(&budget).is_err());
    }

    #[test]
    fn aliases_cannot_nest_deeper_than_brackets() {
        let mut text = "- &a0 [x]\n".to_owned();
        for level in 1..5000 {
            text.push_str(&format!("- &a{level} [*a{}]\n", level - 1));
        }
        let (documents, errors) = read(&text);
        assert!(errors[0].problem.contains("nested"));
        assert_eq!(documents.len(), 1);
    }

    #[test]
    fn merge_keys_cannot_multiply() {
        let mut text = "- &a0 {k0: 1}\n".to_owned();
        for level in 1..6000 {
            text.push_str(&format!("- &a{level} {{<<: *a{}, k{level}: 1}}\n", level - 1));
        }
        let (_, errors) = documents(&text, &Budget::for_text(text.len()));
        assert!(errors.iter().any(|error| error.problem.contains("too many fields")));
    }
}
