//! Where figures are to each other and in the picture, decided only where nobody could disagree.

use rand::RngExt;

use super::dice::Dice;
use super::scene::{Figure, Scene};

/// Distances below this share of the longer side are too close to call.
pub const MARGIN: f32 = 0.1;
/// Centres further apart than this share of the longer side are not next to each other.
const NEAR: f32 = 0.45;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Left,
    Right,
    Above,
    Below,
}

impl Direction {
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Above, Self::Below];

    pub fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }

    /// The canonical word, also as an answer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Above => "above",
            Self::Below => "below",
        }
    }

    /// How far a point lies toward this direction.
    pub fn along(self, (x, y): (f32, f32)) -> f32 {
        match self {
            Self::Left => -x,
            Self::Right => x,
            Self::Above => -y,
            Self::Below => y,
        }
    }
}

/// An outer third of the picture, or where two of them meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone {
    pub across: Option<Direction>,
    pub upright: Option<Direction>,
}

impl Zone {
    /// A corner or a side.
    pub fn random(dice: &mut Dice) -> Self {
        let across = if dice.random_bool(0.5) { Direction::Left } else { Direction::Right };
        let upright = if dice.random_bool(0.5) { Direction::Above } else { Direction::Below };
        match dice.random_range(0..3) {
            0 => Self { across: Some(across), upright: None },
            1 => Self { across: None, upright: Some(upright) },
            _ => Self { across: Some(across), upright: Some(upright) },
        }
    }

    fn sides(self) -> impl Iterator<Item = Direction> {
        [self.across, self.upright].into_iter().flatten()
    }
}

impl Figure {
    /// Centre of the box in pixels.
    pub fn centre(&self) -> (f32, f32) {
        let bbox = self.bbox();
        (bbox.x + bbox.width / 2.0, bbox.y + bbox.height / 2.0)
    }

    /// Longer side of the box in pixels.
    pub fn span(&self) -> f32 {
        let bbox = self.bbox();
        bbox.width.max(bbox.height)
    }

    /// How far the figure's edge reaches toward a direction.
    fn edge(&self, direction: Direction) -> f32 {
        let bbox = self.bbox();
        let half = match direction {
            Direction::Left | Direction::Right => bbox.width / 2.0,
            Direction::Above | Direction::Below => bbox.height / 2.0,
        };
        direction.along(self.centre()) + half
    }
}

impl Scene {
    /// Whether a figure's centre lies in the outer third of the picture on a side.
    pub fn outer(&self, figure: usize, side: Direction) -> bool {
        self.depth(figure, side) < 1.0 / 3.0
    }

    /// Whether a figure lies in a zone; `None` where it is too close to call.
    pub fn within(&self, figure: usize, zone: Zone) -> Option<bool> {
        const CLEARLY_OUT: f32 = 0.55;
        if zone.sides().all(|side| self.outer(figure, side)) {
            return Some(true);
        }
        zone.sides().any(|side| self.depth(figure, side) > CLEARLY_OUT).then_some(false)
    }

    /// Distance of a figure's centre from a side of the picture, as a share of the way across.
    fn depth(&self, figure: usize, side: Direction) -> f32 {
        let (x, y) = self.figures[figure].centre();
        let (x, y) = (x / self.canvas.width as f32, y / self.canvas.height as f32);
        match side {
            Direction::Left => x,
            Direction::Right => 1.0 - x,
            Direction::Above => y,
            Direction::Below => 1.0 - y,
        }
    }

    /// How much further figure `a` lies toward a direction than `b`, centre to centre, in shares of the longer side.
    pub fn lead(&self, a: usize, direction: Direction, b: usize) -> f32 {
        let along = |figure: usize| direction.along(self.figures[figure].centre());
        (along(a) - along(b)) / self.longer()
    }

    /// Whether `a` lies toward a direction from `b`; `None` where it is too close to call.
    pub fn beside(&self, a: usize, direction: Direction, b: usize) -> Option<bool> {
        let lead = self.lead(a, direction, b);
        (lead.abs() >= MARGIN).then_some(lead > 0.0)
    }

    /// Distance of two figures' centres in shares of the longer side.
    pub fn distance(&self, a: usize, b: usize) -> f32 {
        let ((ax, ay), (bx, by)) = (self.figures[a].centre(), self.figures[b].centre());
        (ax - bx).hypot(ay - by) / self.longer()
    }

    /// The figure that lies furthest toward a direction, by its centre and by its edge.
    pub fn furthest(&self, figures: &[usize], direction: Direction) -> Option<usize> {
        let first = *figures.iter().max_by(|&&a, &&b| self.lead(a, direction, b).total_cmp(&0.0))?;
        let edge = |figure: usize| self.figures[figure].edge(direction);
        figures
            .iter()
            .filter(|&&other| other != first)
            .all(|&other| self.lead(first, direction, other) >= MARGIN && edge(first) >= edge(other))
            .then_some(first)
    }

    /// The figure at a rank (0 is first) when counting from a direction's side; its neighbours are clearly apart.
    pub fn ranked(&self, figures: &[usize], from: Direction, rank: usize) -> Option<usize> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(|&a, &b| self.lead(b, from, a).total_cmp(&0.0));
        let chosen = *sorted.get(rank)?;
        let ahead = rank.checked_sub(1).and_then(|before| sorted.get(before));
        let apart = |a: usize, b: usize| self.lead(a, from, b) >= MARGIN;
        let clear = ahead.is_none_or(|&before| apart(before, chosen))
            && sorted.get(rank + 1).is_none_or(|&after| apart(chosen, after));
        clear.then_some(chosen)
    }

    /// The figure nearest to an anchor, clearly nearer than the next, and near enough to be called next to it.
    pub fn nearest(&self, figures: &[usize], anchor: usize) -> Option<usize> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(|&a, &b| self.distance(a, anchor).total_cmp(&self.distance(b, anchor)));
        match sorted[..] {
            [first, second, ..] => {
                let (near, next) = (self.distance(first, anchor), self.distance(second, anchor));
                (near <= NEAR && next - near >= MARGIN).then_some(first)
            }
            _ => None,
        }
    }

    /// The largest or smallest figure, clearly so.
    pub fn by_span(&self, figures: &[usize], largest: bool) -> Option<usize> {
        const RATIO: f32 = 1.25;
        let span = |figure: usize| self.figures[figure].span();
        let mut sorted = figures.to_vec();
        sorted.sort_by(|&a, &b| span(b).total_cmp(&span(a)));
        if !largest {
            sorted.reverse();
        }
        match sorted[..] {
            [first, second, ..] => {
                let (more, less) =
                    if largest { (span(first), span(second)) } else { (span(second), span(first)) };
                (more >= less * RATIO).then_some(first)
            }
            _ => None,
        }
    }
}
