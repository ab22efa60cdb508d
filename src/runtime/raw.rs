//! One graph of the bundle on tensors of a caller's own: what it takes, held against the manifest before anything runs.
//!
//! A [`RawRun`] is only made by these checks, so ONNX Runtime is given nothing that it would fail on. A run may be as large as a batch
//! of the engine's own: it then takes no more memory, and holds an executor no longer, than what is served anyway.

use crate::bundle::names::{axis, graph};
use crate::bundle::{self, Axis, DType, GoldenTensor, Manifest, TensorEntry, Values};

use super::batching::{Budget, Extent};

/// A graph, and the most that one run of it may be given.
#[derive(Clone, Copy, Debug)]
pub struct RawGraph<'a> {
    name: &'static str,
    entry: &'a bundle::Graph,
    batch: Budget,
    /// Slots of a row at most.
    slots: Extent,
    /// Token ids are below it.
    vocabulary: usize,
}

/// A tensor that a run is to be given, without its values.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
}

/// A run whose tensors were checked.
#[derive(Clone, Debug)]
pub struct RawRun {
    graph: &'static str,
    inputs: Vec<(String, GoldenTensor)>,
    outputs: Vec<TensorEntry>,
}

/// Why a graph can't be run on the tensors given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    #[error("there is no input `{name}`, the inputs are {known}")]
    UnknownInput { name: String, known: String },
    #[error("there is no output `{name}`, the outputs are {known}")]
    UnknownOutput { name: String, known: String },
    #[error("`{name}` is given twice")]
    Twice { name: String },
    #[error("input `{name}` is missing")]
    Missing { name: String },
    #[error("input `{name}` is {found}, it must be {expected}")]
    Type { name: String, found: DType, expected: DType },
    #[error("input `{name}` has the shape [{found}], it must be [{expected}]")]
    Shape { name: String, found: String, expected: String },
    #[error("input `{name}` has {size} as its axis `{axis}`, which must be 1 to {most}")]
    Axis { name: String, axis: String, size: usize, most: usize },
    #[error(
        "the axis `{axis}` is {size} in `{name}` and {other} in `{earlier}`: it must be the same in all inputs"
    )]
    Disagree { axis: String, name: String, size: usize, earlier: String, other: usize },
    #[error("{rows} rows of this length are too many for one run, at most {most} are taken")]
    TooLarge { rows: usize, most: usize },
    #[error("input `{name}` has the token id {id}, ids are 0 to {last}")]
    Token { name: String, id: i64, last: usize },
}

/// Sizes of the dynamic axes that were met, each with the input where it was.
#[derive(Default)]
struct Sizes<'a>(Vec<(&'a str, usize, &'a str)>);

impl<'a> RawGraph<'a> {
    /// The graph called `name` among those of `manifest`. A run has the bounds of a batch; token ids are below `vocabulary`.
    pub(super) fn of(manifest: &'a Manifest, name: &str, batch: Budget, vocabulary: usize) -> Option<Self> {
        let name = graph::ALL.into_iter().find(|known| *known == name)?;
        let entry = manifest.graphs.get(name)?;
        let slots = Extent { objects: manifest.dimensions.objects, tokens: manifest.tokenizer.max_tokens };
        Some(Self { name, entry, batch, slots, vocabulary })
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn inputs(&self) -> &'a [TensorEntry] {
        &self.entry.inputs
    }

    pub fn outputs(&self) -> &'a [TensorEntry] {
        &self.entry.outputs
    }

    /// The input called `name`.
    pub fn input(&self, name: &str) -> Result<&'a TensorEntry, RawError> {
        let inputs = self.inputs();
        inputs
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| RawError::UnknownInput { name: name.to_owned(), known: names(inputs) })
    }

    /// Holds names and shapes against the manifest, so that a caller need not have the values yet: every input once, equal axes equal, all
    /// within the bounds.
    pub fn check(&self, given: &[Outline<'_>]) -> Result<(), RawError> {
        for (index, outline) in given.iter().enumerate() {
            self.input(outline.name)?;
            if given[..index].iter().any(|earlier| earlier.name == outline.name) {
                return Err(RawError::Twice { name: outline.name.to_owned() });
            }
        }
        let mut sizes = Sizes::default();
        for entry in self.inputs() {
            let outline = given.iter().find(|outline| outline.name == entry.name);
            let outline = outline.ok_or_else(|| RawError::Missing { name: entry.name.clone() })?;
            self.hold(entry, outline.shape, &mut sizes)?;
        }
        let slots = Extent { objects: sizes.of(axis::OBJECTS), tokens: sizes.of(axis::TOKENS) }.slots();
        let (rows, most) = (sizes.of(axis::BATCH), self.rows(slots));
        if rows > most { Err(RawError::TooLarge { rows, most }) } else { Ok(()) }
    }

    /// A run on `inputs` for those outputs that `wanted` names, in its order.
    pub fn run(
        &self,
        inputs: Vec<(String, GoldenTensor)>,
        wanted: &[impl AsRef<str>],
    ) -> Result<RawRun, RawError> {
        let given = inputs.iter().map(|(name, tensor)| Outline { name, shape: tensor.shape() });
        self.check(&given.collect::<Vec<_>>())?;
        for (name, tensor) in &inputs {
            self.hold_values(self.input(name)?, tensor.values())?;
        }
        let mut outputs: Vec<TensorEntry> = Vec::with_capacity(wanted.len());
        for name in wanted.iter().map(AsRef::as_ref) {
            let known = self.outputs();
            let entry = known
                .iter()
                .find(|entry| entry.name == name)
                .ok_or_else(|| RawError::UnknownOutput { name: name.to_owned(), known: names(known) })?;
            if outputs.contains(entry) {
                return Err(RawError::Twice { name: name.to_owned() });
            }
            outputs.push(entry.clone());
        }
        Ok(RawRun { graph: self.name, inputs, outputs })
    }

    /// Rows of so many slots that one run may have: those of a full batch.
    fn rows(&self, slots: usize) -> usize {
        (self.batch.slots.get() / slots).clamp(1, self.batch.rows.get())
    }

    /// The most that a dynamic axis may be.
    fn most(&self, axis: &str) -> usize {
        match axis {
            axis::BATCH => self.batch.rows.get(),
            axis::OBJECTS => self.slots.objects,
            axis::TOKENS => self.slots.tokens,
            // The exporter writes no other.
            _ => 1,
        }
    }

    fn hold<'s>(
        &self,
        entry: &'s TensorEntry,
        shape: &[usize],
        sizes: &mut Sizes<'s>,
    ) -> Result<(), RawError> {
        let fits = shape.len() == entry.axes.len()
            && shape.iter().zip(&entry.axes).all(|(size, axis)| match axis {
                Axis::Fixed(fixed) => size == fixed,
                Axis::Dynamic(_) => true,
            });
        if !fits {
            let (name, found, expected) = (entry.name.clone(), listed(shape), listed(&entry.axes));
            return Err(RawError::Shape { name, found, expected });
        }
        for (&size, axis) in shape.iter().zip(&entry.axes) {
            let Axis::Dynamic(axis) = axis else { continue };
            let (name, most) = (entry.name.clone(), self.most(axis));
            // The graphs know no axis of length zero.
            if !(1..=most).contains(&size) {
                return Err(RawError::Axis { name, axis: axis.clone(), size, most });
            }
            if let Some((other, earlier)) = sizes.meet(axis, size, &entry.name) {
                let (axis, earlier) = (axis.clone(), earlier.to_owned());
                return Err(RawError::Disagree { axis, name, size, earlier, other });
            }
        }
        Ok(())
    }

    fn hold_values(&self, entry: &TensorEntry, values: &Values) -> Result<(), RawError> {
        let name = || entry.name.clone();
        if values.dtype() != entry.dtype {
            return Err(RawError::Type { name: name(), found: values.dtype(), expected: entry.dtype });
        }
        // The only whole numbers that a graph takes are token ids: it looks rows of a table up by them.
        let Values::I64(ids) = values else { return Ok(()) };
        let known = |id: i64| usize::try_from(id).is_ok_and(|id| id < self.vocabulary);
        match ids.iter().copied().find(|&id| !known(id)) {
            Some(id) => Err(RawError::Token { name: name(), id, last: self.vocabulary.saturating_sub(1) }),
            None => Ok(()),
        }
    }
}

impl RawRun {
    pub(super) fn graph(&self) -> &'static str {
        self.graph
    }

    pub(super) fn inputs(&self) -> &[(String, GoldenTensor)] {
        &self.inputs
    }

    /// The outputs wanted, in their order.
    pub fn outputs(&self) -> &[TensorEntry] {
        &self.outputs
    }
}

impl<'a> Sizes<'a> {
    /// Notes the size that an axis has in `input`; else gives another size that it had in an earlier one.
    fn meet(&mut self, axis: &'a str, size: usize, input: &'a str) -> Option<(usize, &'a str)> {
        match self.0.iter().find(|(met, ..)| *met == axis) {
            None => self.0.push((axis, size, input)),
            Some((_, other, earlier)) if *other != size => return Some((*other, earlier)),
            Some(_) => {}
        }
        None
    }

    /// The size of an axis; 0 if no input has it.
    fn of(&self, axis: &str) -> usize {
        self.0.iter().find(|(met, ..)| *met == axis).map_or(0, |(_, size, _)| *size)
    }
}

fn names(entries: &[TensorEntry]) -> String {
    entries.iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(", ")
}

fn listed(sizes: &[impl ToString]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroUsize;

    use super::super::graphs::tests::shapes;
    use super::*;
    use crate::bundle::Bundle;

    const VOCABULARY: usize = 976;

    fn raw<'a>(bundle: &'a Bundle, name: &str) -> RawGraph<'a> {
        RawGraph::of(bundle.manifest(), name, Budget::default(), VOCABULARY).unwrap()
    }

    /// A run of a graph on its golden inputs, for all its outputs.
    pub fn golden_run(bundle: &Bundle, name: &str) -> RawRun {
        let graph = raw(bundle, name);
        let inputs = bundle.golden().unwrap().graphs[name].inputs.clone().into_iter().collect();
        let wanted: Vec<&str> = graph.outputs().iter().map(|entry| entry.name.as_str()).collect();
        graph.run(inputs, &wanted).unwrap()
    }

    fn check(bundle: &Bundle, name: &str, given: &[(&str, &[usize])]) -> Result<(), RawError> {
        let given: Vec<_> = given.iter().map(|&(name, shape)| Outline { name, shape }).collect();
        raw(bundle, name).check(&given)
    }

    #[test]
    fn shapes_are_held_against_the_axes_of_the_manifest() {
        let bundle = shapes();
        let text = |tokens: &[usize], mask: &[usize]| {
            check(&bundle, "text", &[("tokens", tokens), ("token_mask", mask)])
        };
        assert_eq!(text(&[2, 9], &[2, 9]), Ok(()));
        assert!(matches!(text(&[2, 9, 1], &[2, 9]), Err(RawError::Shape { .. })));
        assert!(matches!(text(&[2], &[2, 9]), Err(RawError::Shape { .. })));
        assert!(matches!(text(&[2, 9], &[3, 9]), Err(RawError::Disagree { size: 3, other: 2, .. })));
        assert!(matches!(text(&[2, 9], &[2, 8]), Err(RawError::Disagree { .. })));
        for size in [0, 49, usize::MAX] {
            assert!(matches!(text(&[2, size], &[2, size]), Err(RawError::Axis { most: 48, .. })), "{size}");
        }
        assert!(matches!(text(&[0, 9], &[0, 9]), Err(RawError::Axis { .. })));
        let pixels = |sizes: &[usize]| check(&bundle, "objects", &[("pixels", sizes)]);
        assert_eq!(pixels(&[16, 128, 128, 3]), Ok(()));
        assert!(matches!(pixels(&[1, 127, 128, 3]), Err(RawError::Shape { .. })));
        assert!(matches!(pixels(&[17, 128, 128, 3]), Err(RawError::Axis { size: 17, most: 16, .. })));
    }

    #[test]
    fn every_input_is_given_once_and_no_other() {
        let bundle = shapes();
        let given = |names: &[&'static str]| {
            let shape: &[usize] = &[1, 3];
            check(&bundle, "text", &names.iter().map(|&name| (name, shape)).collect::<Vec<_>>())
        };
        assert!(matches!(given(&["tokens"]), Err(RawError::Missing { name }) if name == "token_mask"));
        assert!(matches!(given(&["tokens", "token_mask", "tokens"]), Err(RawError::Twice { .. })));
        let unknown = given(&["tokens", "token_mask", "pixels"]).unwrap_err().to_string();
        assert_eq!(unknown, "there is no input `pixels`, the inputs are `tokens`, `token_mask`");
        assert!(RawGraph::of(bundle.manifest(), "other", Budget::default(), VOCABULARY).is_none());
    }

    #[test]
    fn a_run_is_no_larger_than_a_batch() {
        let bundle = shapes();
        let slots = NonZeroUsize::new(100).unwrap();
        let small = Budget { slots, ..Budget::default() };
        let graph = RawGraph::of(bundle.manifest(), "text", small, VOCABULARY).unwrap();
        let rows = |rows: usize, tokens: usize| {
            let shape = [rows, tokens];
            let tensor = |name| Outline { name, shape: &shape };
            graph.check(&[tensor("tokens"), tensor("token_mask")])
        };
        assert_eq!(rows(2, 48), Ok(()));
        assert_eq!(rows(3, 48), Err(RawError::TooLarge { rows: 3, most: 2 }));
        assert_eq!(rows(16, 6), Ok(()));
    }

    #[test]
    fn types_token_ids_and_outputs_are_checked() {
        let bundle = shapes();
        let graph = raw(&bundle, "text");
        let run = |ids: Values, wanted: &[&str]| {
            let tensor = |values| GoldenTensor::new(vec![1, 2], values).unwrap();
            let mask = tensor(Values::Bool(vec![true; 2]));
            graph.run(vec![("tokens".to_owned(), tensor(ids)), ("token_mask".to_owned(), mask)], wanted)
        };
        let ids = |ids: [i64; 2]| Values::I64(ids.to_vec());
        assert_eq!(run(ids([0, 975]), &["textual_coarse"]).unwrap().outputs().len(), 1);
        for id in [-1, 976, i64::MIN, i64::MAX] {
            assert!(matches!(run(ids([2, id]), &[]), Err(RawError::Token { last: 975, .. })), "{id}");
        }
        assert!(matches!(run(Values::F32(vec![0.0; 2]), &[]), Err(RawError::Type { .. })));
        assert!(matches!(run(ids([2, 3]), &["match"]), Err(RawError::UnknownOutput { .. })));
        assert!(matches!(run(ids([2, 3]), &["textual"; 2]), Err(RawError::Twice { .. })));
    }
}
