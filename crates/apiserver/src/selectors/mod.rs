//! Which objects a list, a watch or a deletion of many is about.

mod field;
mod selection;

pub(crate) use selection::Selection;
