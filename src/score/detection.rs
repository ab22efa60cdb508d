//! How well objects are found and named.

use serde::Serialize;

use super::figure::Figure;
use super::grounding::FOUND_IOU;
use crate::types::UnitBox;

/// An object, found or true. `W` is what names are told apart by: words, or their indices.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected<W> {
    pub bbox: UnitBox,
    pub class: W,
    /// Those it has, in any order.
    pub attributes: Vec<W>,
}

/// Counts over pictures, one after the other.
///
/// A found and a true object match when their IoU is at least 0.5. The best overlaps are matched first, each object once,
/// whatever they are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    truth: usize,
    found: usize,
    matched: usize,
    right_class: usize,
    /// Attributes that both sides give a matched object, and that either gives.
    agreed: usize,
    given: usize,
    all_agreed: usize,
}

/// Figures of detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DetectionScore {
    /// Share of the true objects that were found.
    pub recall: Figure,
    /// Share of the found objects that are true ones.
    pub precision: Figure,
    /// Share of the matched objects with the right class.
    pub class: Figure,
    /// Share of the attributes that either side gives a matched object on which both agree. Attributes that neither gives do not
    /// count, however many the vocabulary has.
    pub attribute: Figure,
    /// Share of the matched objects whose attributes are all right, none missing and none too many.
    pub all_attributes: Figure,
}

impl Detection {
    /// Counts one picture.
    pub fn add<W: PartialEq>(&mut self, found: &[Detected<W>], truth: &[Detected<W>]) {
        self.found += found.len();
        self.truth += truth.len();
        for (found, truth) in matches(found, truth) {
            let agreed = found.attributes.iter().filter(|name| truth.attributes.contains(name)).count();
            let given = found.attributes.len() + truth.attributes.len() - agreed;
            self.matched += 1;
            self.right_class += usize::from(found.class == truth.class);
            self.agreed += agreed;
            self.given += given;
            self.all_agreed += usize::from(agreed == given);
        }
    }

    /// The figures over all pictures counted.
    pub fn score(&self) -> DetectionScore {
        DetectionScore {
            recall: Figure::of(self.matched, self.truth),
            precision: Figure::of(self.matched, self.found),
            class: Figure::of(self.right_class, self.matched),
            attribute: Figure::of(self.agreed, self.given),
            all_attributes: Figure::of(self.all_agreed, self.matched),
        }
    }
}

/// Pairs of a found and a true object, by falling overlap.
fn matches<'a, W>(
    found: &'a [Detected<W>],
    truth: &'a [Detected<W>],
) -> Vec<(&'a Detected<W>, &'a Detected<W>)> {
    let mut overlaps = Vec::new();
    for (f, object) in found.iter().enumerate() {
        let over = truth.iter().enumerate().map(|(t, truth)| (object.bbox.iou(&truth.bbox), f, t));
        overlaps.extend(over.filter(|(iou, ..)| *iou >= FOUND_IOU));
    }
    overlaps.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut found_free, mut truth_free) = (vec![true; found.len()], vec![true; truth.len()]);
    let mut pairs = Vec::new();
    for (_, f, t) in overlaps {
        if found_free[f] && truth_free[t] {
            (found_free[f], truth_free[t]) = (false, false);
            pairs.push((&found[f], &truth[t]));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(x1: f32, class: &'static str, attributes: &[&'static str]) -> Detected<&'static str> {
        let bbox = UnitBox { x1, y1: 0.0, x2: x1 + 0.1, y2: 0.1 };
        Detected { bbox, class, attributes: attributes.to_vec() }
    }

    #[test]
    fn objects_are_found_once_and_named_on_what_was_found() {
        let truth = [
            object(0.0, "circle", &["red", "large"]),
            object(0.2, "square", &["blue"]),
            object(0.4, "cross", &["green"]),
        ];
        let found = [
            object(0.01, "circle", &["red", "small"]),
            object(0.0, "circle", &["large", "red"]),
            object(0.21, "circle", &["blue", "small"]),
            object(0.46, "cross", &["green"]),
        ];
        let mut detection = Detection::default();
        detection.add(&found, &truth);
        let score = detection.score();
        assert_eq!(score.recall, Figure { value: 2.0 / 3.0, count: 3 });
        assert_eq!(score.precision, Figure { value: 0.5, count: 4 });
        assert_eq!(score.class, Figure { value: 0.5, count: 2 });
        assert_eq!(
            score.attribute,
            Figure { value: 0.75, count: 4 },
            "red, large, blue agree; small does not"
        );
        assert_eq!(score.all_attributes, Figure { value: 0.5, count: 2 });
    }

    #[test]
    fn the_best_overlap_is_matched_first_and_pictures_add_up() {
        // Both found boxes overlap both true ones; only the best pairing matches two.
        let truth = [object(0.0, "a", &[]), object(0.03, "b", &[])];
        let found = [object(0.02, "b", &[]), object(0.005, "a", &[])];
        let mut detection = Detection::default();
        detection.add(&found, &truth);
        detection.add(&[], &[object(0.5, "c", &[])]);
        let score = detection.score();
        assert_eq!(score.recall, Figure { value: 2.0 / 3.0, count: 3 });
        assert_eq!(score.class, Figure { value: 1.0, count: 2 });
        assert_eq!(score.attribute.count, 0);
    }
}
