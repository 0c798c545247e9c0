//! What types look like: fields, lists and their keys, scalars; of builtin kinds and of custom ones.
