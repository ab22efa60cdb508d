//! How well referring expressions are placed, and how well those that refer to nothing are told from the others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figure::Figure;
use crate::types::PixelBox;

/// Overlap from which a box counts as found.
pub(super) const FOUND_IOU: f32 = 0.5;

/// An expression, what it refers to, and what was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundedExpression<'a> {
    /// The best box; none if the picture has no objects.
    pub predicted: Option<PixelBox>,
    /// None if the expression refers to nothing in the picture.
    pub truth: Option<PixelBox>,
    /// Probability given to its referring to anything.
    pub present: f32,
    /// Such as the part of a test set: `testA` and `testB` in RefCOCO and RefCOCO+.
    pub kind: Option<&'a str>,
}

/// Figures of grounding.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GroundingScore {
    /// Share of the expressions that refer to something whose box has an IoU of at least 0.5 with the true one.
    pub accuracy: Figure,
    /// The same over the expressions of each kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_kind: BTreeMap<String, Figure>,
    /// Probability that an expression which refers to something is given a higher `present` than one which does not, over all
    /// expressions; none unless there are some of both.
    pub present_auc: Option<Figure>,
}

/// Figures over expressions that refer to something and such that do not.
pub fn grounding(expressions: &[GroundedExpression<'_>]) -> GroundingScore {
    let found: Vec<_> = expressions.iter().filter_map(|e| Some((e.kind, e.found()?))).collect();
    let present: Vec<_> = expressions.iter().map(|e| (e.present, e.truth.is_some())).collect();
    GroundingScore {
        accuracy: Figure::share(found.iter().map(|(_, found)| *found)),
        by_kind: Figure::by_group(found.into_iter().map(|(kind, found)| (kind, f64::from(u8::from(found))))),
        present_auc: Figure::area_under_curve(present),
    }
}

impl GroundedExpression<'_> {
    /// Whether the box is the right one; none if there is no right one.
    fn found(&self) -> Option<bool> {
        let truth = self.truth?;
        Some(self.predicted.is_some_and(|predicted| predicted.iou(&truth) >= FOUND_IOU))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: PixelBox = PixelBox { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };

    fn expression(predicted: Option<f32>, refers: bool, present: f32) -> GroundedExpression<'static> {
        GroundedExpression {
            predicted: predicted.map(|width| PixelBox { width, ..BOX }),
            truth: refers.then_some(BOX),
            present,
            kind: None,
        }
    }

    #[test]
    fn an_overlap_of_half_is_found_and_absent_ones_do_not_count() {
        let score = grounding(&[
            expression(Some(5.0), true, 0.9),
            expression(Some(4.9), true, 0.8),
            expression(None, true, 0.2),
            expression(Some(10.0), false, 0.1),
        ]);
        assert_eq!(score.accuracy, Figure { value: 1.0 / 3.0, count: 3 });
        assert_eq!(score.present_auc, Some(Figure { value: 1.0, count: 4 }));
    }

    #[test]
    fn each_part_of_a_test_set_has_an_accuracy_of_its_own() {
        let score = grounding(&[
            GroundedExpression { kind: Some("testA"), ..expression(Some(10.0), true, 0.9) },
            GroundedExpression { kind: Some("testA"), ..expression(Some(1.0), true, 0.9) },
            GroundedExpression { kind: Some("testB"), ..expression(Some(9.0), true, 0.9) },
            GroundedExpression { kind: Some("testB"), ..expression(Some(9.0), false, 0.9) },
            expression(Some(1.0), true, 0.9),
        ]);
        assert_eq!(score.accuracy, Figure { value: 0.5, count: 4 });
        assert_eq!(score.by_kind["testA"], Figure { value: 0.5, count: 2 });
        assert_eq!(score.by_kind["testB"], Figure { value: 1.0, count: 1 });
        assert_eq!(score.by_kind.len(), 2);
    }
}
