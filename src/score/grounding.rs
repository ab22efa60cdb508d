//! How well referring expressions are placed, and how well those that refer to nothing are told from the others.

use serde::Serialize;

use super::figure::Figure;
use crate::types::PixelBox;

/// Overlap from which a box counts as found.
pub(super) const FOUND_IOU: f32 = 0.5;

/// An expression, what it refers to, and what was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundedExpression {
    /// The best box; none if the picture has no objects.
    pub predicted: Option<PixelBox>,
    /// None if the expression refers to nothing in the picture.
    pub truth: Option<PixelBox>,
    /// Probability given to its referring to anything.
    pub present: f32,
}

/// Figures of grounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GroundingScore {
    /// Share of the expressions that refer to something whose box has an IoU of at least 0.5 with the true one.
    pub accuracy: Figure,
    /// Probability that an expression which refers to something is given a higher `present` than one which does not, over all
    /// expressions; none unless there are some of both.
    pub present_auc: Option<Figure>,
}

/// Figures over expressions that refer to something and such that do not.
pub fn grounding(expressions: &[GroundedExpression]) -> GroundingScore {
    let found = expressions.iter().filter_map(|expression| {
        let truth = expression.truth?;
        Some(expression.predicted.is_some_and(|predicted| predicted.iou(&truth) >= FOUND_IOU))
    });
    let present: Vec<_> = expressions.iter().map(|e| (e.present, e.truth.is_some())).collect();
    GroundingScore { accuracy: Figure::share(found), present_auc: area_under_curve(present) }
}

/// Area under the ROC curve of scores with their class, by ranks; ties count half.
fn area_under_curve(mut scored: Vec<(f32, bool)>) -> Option<Figure> {
    let count = scored.len();
    let positives = scored.iter().filter(|(_, positive)| *positive).count();
    let negatives = count - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won) = (0, 0.0);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let tied_positives = tied.iter().filter(|(_, positive)| *positive).count();
        let tied_negatives = tied.len() - tied_positives;
        won += tied_positives as f64 * (below as f64 + tied_negatives as f64 / 2.0);
        below += tied_negatives;
    }
    Some(Figure { value: won / (positives as f64 * negatives as f64), count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: PixelBox = PixelBox { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };

    fn expression(predicted: Option<f32>, refers: bool, present: f32) -> GroundedExpression {
        GroundedExpression {
            predicted: predicted.map(|width| PixelBox { width, ..BOX }),
            truth: refers.then_some(BOX),
            present,
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
    fn the_area_counts_pairs_in_order_and_ties_half() {
        // Present 0.8, 0.5, 0.3 against absent 0.5, 0.4: of six pairs 3 + 0.5 are won.
        let auc = area_under_curve(vec![(0.5, true), (0.4, false), (0.8, true), (0.3, true), (0.5, false)]);
        assert_eq!(auc, Some(Figure { value: 3.5 / 6.0, count: 5 }));
        assert_eq!(area_under_curve(vec![(0.5, true)]), None);
    }
}
