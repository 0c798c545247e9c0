//! Request bodies in protobuf, as JSON.
