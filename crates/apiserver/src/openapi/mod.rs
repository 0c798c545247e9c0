//! OpenAPI v3 documents of what is served.
