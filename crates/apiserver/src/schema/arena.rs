//! The schema itself: nodes in an arena, so that types may contain themselves and a clone costs nothing.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// What a type looks like. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    pub(crate) arena: Arc<Arena>,
    pub(crate) index: u32,
}

/// All nodes of a family of types.
#[derive(Default)]
pub(crate) struct Arena {
    pub(crate) nodes: Vec<Node>,
}

/// One type, or one use of a type by a field.
#[derive(Clone)]
pub(crate) struct Node {
    /// The name of the definition, if it is one: `io.k8s.api.core.v1.PodSpec`.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) shape: Shape,
    pub(crate) nullable: bool,
    /// Of a map or object: replaced as a whole, or not; none if nothing was said.
    pub(crate) atomic: Option<bool>,
    pub(crate) patch: PatchRule,
    pub(crate) default: Option<Value>,
    /// Keywords that mean nothing here (`pattern`, `maximum`, ...), kept for publishing.
    pub(crate) keywords: Map<String, Value>,
}

/// The form of a node.
#[derive(Clone)]
pub(crate) enum Shape {
    /// A definition of the same arena.
    Ref(u32),
    /// A type of another family.
    Link(Schema),
    Object(Object),
    List {
        items: u32,
        kind: ListType,
    },
    Scalar(Scalar),
    /// Anything; its form is what the value has.
    Any,
}

/// Named fields, and what else may be there.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) fields: IndexMap<Box<str>, u32>,
    pub(crate) required: Vec<Box<str>>,
    pub(crate) rest: Rest,
}

/// What may be in an object beside its named fields.
#[derive(Clone, Copy)]
pub(crate) enum Rest {
    /// Nothing.
    Closed,
    /// Any key, with values of this type.
    Map(u32),
    /// Anything, and it is kept.
    Unknown,
}

/// How the elements of a list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Not at all: the list is replaced as a whole.
    Atomic,
    /// By their value.
    Set,
    /// By these fields of each element.
    Map(Vec<String>),
}

/// What strategic merge patches do with a list or an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchRule {
    /// The list merges instead of being replaced.
    pub merge: bool,
    /// The field by which elements of a merging list are matched; without it they are scalars.
    pub merge_key: Option<String>,
    /// `$retainKeys` is honoured.
    pub retain_keys: bool,
    /// An object is replaced instead of being merged.
    pub replace: bool,
}

/// What a scalar may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    String,
    /// Base64 of bytes.
    Bytes,
    /// RFC 3339, seconds.
    Time,
    /// RFC 3339, microseconds.
    MicroTime,
    /// `250m`, `1Gi`; a number too.
    Quantity,
    /// `80` or `http`.
    IntOrString,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits.
    Int64,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Scalar {
    /// Whether protocol buffers write it as a number of variable length.
    pub(crate) fn is_varint(self) -> bool {
        matches!(self, Scalar::Int32 | Scalar::Int64 | Scalar::Boolean)
    }
}

impl Schema {
    /// The name of the type in the published OpenAPI, such as `io.k8s.api.core.v1.PodSpec`; none for inline types and custom resources.
    pub fn type_name(&self) -> Option<&str> {
        self.view().type_name()
    }

    /// The text that `kubectl explain` shows.
    pub fn description(&self) -> Option<&str> {
        self.view().description()
    }

    /// The type of a field, or of the values of a map; none where no such field may be.
    pub fn field(&self, name: &str) -> Option<Schema> {
        self.view().field(name).map(|view| view.schema())
    }

    /// The type at a path of field names; elements of lists are passed through.
    pub fn at(&self, path: &[&str]) -> Option<Schema> {
        let mut view = self.view();
        for name in path {
            while let Some((items, _)) = view.list() {
                view = items;
            }
            view = view.field(name)?;
        }
        Some(view.schema())
    }

    /// How the elements of this list are told apart; none if it is no list.
    pub fn list_type(&self) -> Option<&ListType> {
        self.view().list().map(|(_, kind)| kind)
    }

    /// What strategic merge patches do here.
    pub fn patch_rule(&self) -> &PatchRule {
        self.view().patch_rule()
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { schema: self, index: self.index }
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Schema({})", self.type_name().unwrap_or("inline"))
    }
}

/// A place in a schema, while walking down.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    schema: &'a Schema,
    index: u32,
}

impl<'a> View<'a> {
    /// The node as the field has it, references not followed.
    pub(crate) fn own(self) -> &'a Node {
        &self.schema.arena.nodes[self.index as usize]
    }

    /// The node that a chain of references ends at.
    pub(crate) fn target(self) -> View<'a> {
        let mut view = self;
        // References to references are two or three deep; a ring of them would be a bug of the reader, and reads as `Any`.
        for _ in 0..16 {
            match &view.own().shape {
                Shape::Ref(index) => view = View { schema: view.schema, index: *index },
                Shape::Link(schema) => view = schema.view(),
                _ => break,
            }
        }
        view
    }

    pub(crate) fn shape(self) -> &'a Shape {
        &self.target().own().shape
    }

    pub(crate) fn schema(self) -> Schema {
        Schema { arena: self.schema.arena.clone(), index: self.index }
    }

    pub(crate) fn type_name(self) -> Option<&'a str> {
        self.own().name.as_deref().or_else(|| self.target().own().name.as_deref())
    }

    pub(crate) fn description(self) -> Option<&'a str> {
        self.own().description.as_deref().or_else(|| self.target().own().description.as_deref())
    }

    /// The type of a named field or of a map's values.
    pub(crate) fn field(self, name: &str) -> Option<View<'a>> {
        let target = self.target();
        match &target.own().shape {
            Shape::Object(object) => match (object.fields.get(name), object.rest) {
                (Some(index), _) => Some(target.at(*index)),
                (None, Rest::Map(index)) => Some(target.at(index)),
                (None, Rest::Unknown) => Some(any()),
                (None, Rest::Closed) => None,
            },
            Shape::Any => Some(any()),
            _ => None,
        }
    }

    /// Whether the name is one of the fields that the type declares.
    pub(crate) fn declares(self, name: &str) -> bool {
        matches!(self.shape(), Shape::Object(object) if object.fields.contains_key(name))
    }

    /// The object's fields, if it is an object.
    pub(crate) fn object(self) -> Option<&'a Object> {
        match self.shape() {
            Shape::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements' type and how they are told apart, if it is a list.
    pub(crate) fn list(self) -> Option<(View<'a>, &'a ListType)> {
        let target = self.target();
        match &target.own().shape {
            Shape::List { items, kind } => Some((target.at(*items), kind)),
            _ => None,
        }
    }

    /// What it holds, if it is a scalar.
    pub(crate) fn scalar(self) -> Option<Scalar> {
        match self.shape() {
            Shape::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// Whether a map or object is replaced as a whole.
    pub(crate) fn atomic(self) -> bool {
        self.own().atomic.or_else(|| self.target().own().atomic).unwrap_or(false)
    }

    pub(crate) fn patch_rule(self) -> &'a PatchRule {
        let own = &self.own().patch;
        if *own == PatchRule::default() { &self.target().own().patch } else { own }
    }

    /// What a missing value stands for.
    pub(crate) fn default(self) -> Option<&'a Value> {
        self.own().default.as_ref().or_else(|| self.target().own().default.as_ref())
    }

    pub(crate) fn nullable(self) -> bool {
        self.own().nullable || self.target().own().nullable
    }

    pub(crate) fn at(self, index: u32) -> View<'a> {
        View { schema: self.schema, index }
    }
}

/// The type that says nothing.
pub(crate) fn any<'a>() -> View<'a> {
    static ANY: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
        let mut arena = Arena::default();
        let index = arena.add(Node::new(Shape::Any));
        Schema { arena: Arc::new(arena), index }
    });
    ANY.view()
}

impl Node {
    pub(crate) fn new(shape: Shape) -> Node {
        Node {
            name: None,
            description: None,
            shape,
            nullable: false,
            atomic: None,
            patch: PatchRule::default(),
            default: None,
            keywords: Map::new(),
        }
    }
}

impl Arena {
    pub(crate) fn add(&mut self, node: Node) -> u32 {
        // Schemas have thousands of nodes; a definition of 2^32 nodes does not fit into a request.
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        index
    }
}
