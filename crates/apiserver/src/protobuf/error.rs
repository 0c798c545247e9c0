//! Why a body could not be read.

/// Why a body could not be read. All of it is the sender's fault: status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The body does not begin with `k8s\0`.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoPrefix,
    /// The body does not say what it is.
    #[error("the protobuf message has to name its apiVersion and kind")]
    NoType,
    /// A kind that is not known here.
    #[error(
        "no kind \"{kind}\" is registered for version \"{api_version}\" in protobuf; send it as JSON, for example by kubectl create -f"
    )]
    UnknownKind {
        /// The version that the body names.
        api_version: String,
        /// The kind that the body names.
        kind: String,
    },
    /// The raw bytes are encoded in a way that is not read.
    #[error("the content of the protobuf message has to be plain protobuf, but is {0:?}")]
    Encoded(String),
    /// The message ends in the middle of a field.
    #[error("unexpected EOF in {0}")]
    Truncated(String),
    /// A field that is written in another way than its type is.
    #[error("proto: wrong wireType = {wire} for field {field} of {message}")]
    WrongWireType {
        /// The message's type.
        message: String,
        /// The field's JSON name.
        field: String,
        /// The number of the wire type.
        wire: u8,
    },
    /// A wire type that does not exist, or a group.
    #[error("proto: illegal wireType {wire} in {message}")]
    IllegalWireType {
        /// The message's type.
        message: String,
        /// The number of the wire type.
        wire: u8,
    },
    /// Text that is not UTF-8.
    #[error("proto: field {field} of {message} contains invalid UTF-8")]
    NoText {
        /// The message's type.
        message: String,
        /// The field's JSON name.
        field: String,
    },
    /// JSON within the message that cannot be read.
    #[error("field {field} of {message} has to hold JSON: {reason}")]
    NoJson {
        /// The message's type.
        message: String,
        /// The field's JSON name.
        field: String,
        /// What the reader says.
        reason: String,
    },
    /// Messages within messages, more than objects may have.
    #[error("proto: message nests deeper than {0} levels")]
    TooDeep(usize),
}
