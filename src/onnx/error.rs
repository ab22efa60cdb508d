//! What can go wrong between a forward pass and its ONNX model.

/// Why a forward pass could not be run or converted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A forward pass asked for a value that was not given, or did not give back one that the signature names.
    #[error("there is no value named `{name}` among [{present}]")]
    MissingValue { name: String, present: String },

    /// A value has another kind or rank than the one asked for.
    #[error("value `{name}` is {found}, not {wanted}")]
    WrongValue { name: String, found: String, wanted: String },

    /// The forward pass gave back a value that the signature does not name.
    #[error("graph `{graph}`: the forward pass returned `{name}`, which its signature does not name")]
    UnnamedOutput { graph: String, name: String },

    /// A signature that can't be captured.
    #[error("graph `{graph}`: {reason}")]
    Signature { graph: String, reason: String },

    /// burn panicked while the forward pass was recorded, for instance because it reads a computed value.
    #[error("graph `{graph}`: the forward pass could not be recorded: {message}")]
    Forward { graph: String, message: String },

    /// The two recordings differ in more than sizes, so the graph depends on a dynamic axis.
    #[error(
        "graph `{graph}` depends on the size of its inputs: the recordings part at operation {node} in module \
         `{module}`: {first} against {second}"
    )]
    Diverged { graph: String, node: usize, module: String, first: String, second: String },

    /// An operation without a translation.
    #[error("operation {op} in module `{module}` has no ONNX translation")]
    UnknownOperation { op: String, module: String },

    /// An operation that has a translation, but not for these arguments.
    #[error("operation {op} in module `{module}` can't be translated: {reason}")]
    Unsupported { op: String, module: String, reason: String },

    /// A size that depends on the dynamic axes in a way that was not recognised.
    #[error(
        "operation {op} in module `{module}` needs a size that was {first} in one recording and {second} in the \
         other: it is neither fixed nor a product or sum of known sizes"
    )]
    UnknownSize { op: String, module: String, first: i64, second: i64 },

    /// A tensor of values made inside the forward pass depends on a dynamic axis.
    #[error(
        "operation {op} in module `{module}` reads values made inside the forward pass whose content depends on a \
         dynamic axis (shapes {first:?} and {second:?}): compute them from an input, an index range or a constant"
    )]
    DynamicConstant { op: String, module: String, first: Vec<usize>, second: Vec<usize> },

    /// An output does not have the axes that the signature declares.
    #[error(
        "graph `{graph}`: output `{output}` has sizes {found}, which don't fit its declared axes {declared}"
    )]
    OutputAxes { graph: String, output: String, found: String, declared: String },
}
