//! What pre-training masks and swaps: which anchor points, in which direction, with which negatives. Seeded and pure; tensors are made
//! of it later.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::recipe::Association;
use crate::types::AnchorPoint;

/// A picture's objects and a text's tokens before anything is masked.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// Objects of the picture.
    pub objects: usize,
    /// For each token whether it may be masked; special tokens may not.
    pub maskable: &'a [bool],
    pub anchors: &'a [AnchorPoint],
}

impl Pair<'_> {
    /// Objects whose tags do not include a word.
    fn strange_objects(&self, token: usize, used: &[bool]) -> Vec<usize> {
        (0..self.objects)
            .filter(|&object| !used[object] && !self.anchors.contains(&AnchorPoint { object, token }))
            .collect()
    }

    /// Words that name another object. One that names none would be told without a look at the object.
    fn strange_words(&self, object: usize, used: &[bool]) -> Vec<usize> {
        let names = |token| self.anchors.iter().any(|anchor| anchor.token == token);
        (0..used.len())
            .filter(|&token| !used[token] && names(token))
            .filter(|&token| !self.anchors.contains(&AnchorPoint { object, token }))
            .collect()
    }
}

/// A slot that is filled from the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub slot: usize,
    /// Slot of the other side whose state fills it; that one is masked.
    pub source: usize,
    /// Whether the two are an anchor point, or a negative.
    pub associated: bool,
    /// Whether the slot keeps what it said, so that only whether the filling belongs there is asked.
    pub shown: bool,
}

/// The choices for one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Object to text: tokens filled from objects. These tokens are hidden from the textual encoder, unless they are shown.
    pub text: Vec<Fill>,
    /// Text to object: objects filled from tokens. These objects are hidden from the visual encoder, unless they are shown.
    pub objects: Vec<Fill>,
    /// Tokens to be guessed from what is left, without filling.
    pub language: Vec<usize>,
    /// Objects to be guessed from what is left, without filling.
    pub regions: Vec<usize>,
}

impl Plan {
    /// Tokens that are hidden from the textual encoder.
    pub fn hidden_tokens(&self) -> impl Iterator<Item = usize> {
        hidden(&self.text).chain(self.language.iter().copied())
    }

    /// Objects that are hidden from the visual encoder.
    pub fn hidden_objects(&self) -> impl Iterator<Item = usize> {
        hidden(&self.objects).chain(self.regions.iter().copied())
    }

    /// Draws a plan: at most one swap per object and per token.
    pub fn draw(pair: &Pair, shares: &Association, rng: &mut ChaCha8Rng) -> Self {
        let mut plan = Self::default();
        let mut object_used = vec![false; pair.objects];
        let mut token_used: Vec<bool> = pair.maskable.iter().map(|&maskable| !maskable).collect();
        let mut anchors = pair.anchors.to_vec();
        anchors.shuffle(rng);
        for anchor in anchors {
            if object_used[anchor.object] || token_used[anchor.token] || !rng.random_bool(shares.anchors) {
                continue;
            }
            let to_text = rng.random_bool(0.5);
            let (slot, associated) =
                if to_text { (anchor.token, anchor.object) } else { (anchor.object, anchor.token) };
            // Without a swap nothing comes from elsewhere.
            let negative = shares.swap && rng.random_bool(shares.negatives);
            let stranger = match (negative, to_text) {
                (false, _) => None,
                (true, true) => pair.strange_objects(slot, &object_used).choose(rng).copied(),
                (true, false) => pair.strange_words(slot, &token_used).choose(rng).copied(),
            };
            let source = stranger.unwrap_or(associated);
            // Without a swap a shown slot would ask nothing. A share of none draws nothing, so that it changes no other choice.
            let shown = shares.swap && shares.shown > 0.0 && rng.random_bool(shares.shown);
            let fill = Fill { slot, source, associated: stranger.is_none(), shown };
            let (object, token) = if to_text { (source, slot) } else { (slot, source) };
            object_used[object] = true;
            token_used[token] = true;
            if to_text { plan.text.push(fill) } else { plan.objects.push(fill) }
        }
        plan.language = draw_free(&token_used, shares.tokens, rng);
        if (plan.text.is_empty() || !shares.amc) && plan.language.is_empty() {
            // A plan that asks nothing would teach nothing.
            let free: Vec<usize> = (0..token_used.len()).filter(|&token| !token_used[token]).collect();
            plan.language.extend(free.choose(rng));
        }
        plan.regions = draw_free(&object_used, shares.objects, rng);
        plan
    }
}

/// The filled slots that keep nothing of what they said.
fn hidden(fills: &[Fill]) -> impl Iterator<Item = usize> {
    fills.iter().filter(|fill| !fill.shown).map(|fill| fill.slot)
}

fn draw_free(used: &[bool], share: f64, rng: &mut ChaCha8Rng) -> Vec<usize> {
    (0..used.len()).filter(|&slot| !used[slot] && rng.random_bool(share)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::train::dice::dice;

    const ANCHORS: [AnchorPoint; 4] = [
        AnchorPoint { object: 0, token: 1 },
        AnchorPoint { object: 0, token: 2 },
        AnchorPoint { object: 2, token: 2 },
        AnchorPoint { object: 3, token: 4 },
    ];
    const MASKABLE: [bool; 7] = [false, true, true, true, true, true, false];

    fn plans(shares: Association) -> impl Iterator<Item = Plan> {
        let pair = Pair { objects: 5, maskable: &MASKABLE, anchors: &ANCHORS };
        (0..500).map(move |n| Plan::draw(&pair, &shares, &mut dice(3, "plan", n)))
    }

    #[test]
    fn a_slot_takes_part_in_one_swap_at_most_and_special_tokens_in_none() {
        for plan in plans(Association { anchors: 0.8, negatives: 0.3, ..Association::default() }) {
            let mut tokens = HashSet::new();
            let mut objects = HashSet::new();
            let text = plan.text.iter().map(|fill| (fill.source, fill.slot));
            for (object, token) in text.chain(plan.objects.iter().map(|fill| (fill.slot, fill.source))) {
                assert!(objects.insert(object) && tokens.insert(token) && MASKABLE[token]);
            }
            assert!(plan.language.iter().all(|&token| tokens.insert(token) && MASKABLE[token]));
            assert!(plan.regions.iter().all(|&object| objects.insert(object)));
        }
    }

    #[test]
    fn associated_fillings_are_anchors_and_negatives_are_none() {
        let mut seen = [0, 0];
        for plan in plans(Association { anchors: 0.8, negatives: 0.3, ..Association::default() }) {
            let text = plan.text.iter().map(|f| (AnchorPoint { object: f.source, token: f.slot }, f));
            let objects = plan.objects.iter().map(|f| (AnchorPoint { object: f.slot, token: f.source }, f));
            for (pair, fill) in text.chain(objects) {
                assert_eq!(ANCHORS.contains(&pair), fill.associated);
                seen[usize::from(fill.associated)] += 1;
            }
        }
        assert!(seen[0] > 50 && seen[1] > 200, "{seen:?}");
    }

    #[test]
    fn a_word_that_does_not_belong_names_another_object() {
        let mut strange = 0;
        for plan in plans(Association { anchors: 0.8, negatives: 1.0, ..Association::default() }) {
            for fill in plan.objects.iter().filter(|fill| !fill.associated) {
                assert!(ANCHORS.iter().any(|anchor| anchor.token == fill.source), "{fill:?}");
                strange += 1;
            }
        }
        assert!(strange > 50, "{strange}");
    }

    #[test]
    fn slots_are_shown_as_often_as_is_said_and_never_without_a_swap() {
        let shown = |shown, swap| {
            let plans = plans(Association { anchors: 0.8, shown, swap, ..Association::default() });
            let fills: Vec<Fill> = plans.flat_map(|plan| plan.text.into_iter().chain(plan.objects)).collect();
            fills.iter().filter(|fill| fill.shown).count() as f64 / fills.len() as f64
        };
        assert_eq!((shown(0.0, true), shown(1.0, true), shown(1.0, false)), (0.0, 1.0, 0.0));
        assert!((0.4..0.6).contains(&shown(0.5, true)));
    }

    #[test]
    fn where_nothing_could_not_belong_the_filling_belongs() {
        let pair = Pair { objects: 1, maskable: &MASKABLE, anchors: &ANCHORS[..1] };
        let shares = Association { anchors: 1.0, negatives: 1.0, ..Association::default() };
        for n in 0..20 {
            let plan = Plan::draw(&pair, &shares, &mut dice(3, "plan", n));
            let fills: Vec<Fill> = plan.text.into_iter().chain(plan.objects).collect();
            assert!(matches!(fills[..], [Fill { associated: true, .. }]), "{fills:?}");
        }
    }

    #[test]
    fn without_negatives_or_without_a_swap_every_filling_belongs() {
        for shares in [
            Association { anchors: 0.8, negatives: 0.0, ..Association::default() },
            Association { anchors: 0.8, negatives: 0.5, swap: false, ..Association::default() },
        ] {
            let fills: Vec<Fill> =
                plans(shares).flat_map(|plan| plan.text.into_iter().chain(plan.objects)).collect();
            assert!(fills.len() > 200 && fills.iter().all(|fill| fill.associated));
        }
    }

    #[test]
    fn without_mapping_classification_every_plan_asks_for_a_word_elsewhere() {
        let shares = Association { tokens: 0.0, amc: false, ..Association::default() };
        assert!(plans(shares).all(|plan| plan.language.len() == 1));
    }

    #[test]
    fn both_directions_are_drawn_alike() {
        let (mut text, mut objects) = (0, 0);
        for plan in plans(Association { negatives: 0.0, ..Association::default() }) {
            text += plan.text.len();
            objects += plan.objects.len();
        }
        assert!((0.8..1.25).contains(&(text as f64 / objects as f64)), "{text} {objects}");
    }

    #[test]
    fn without_anchors_only_plain_masking_is_left() {
        let shares = Association { anchors: 0.0, tokens: 1.0, objects: 1.0, ..Association::default() };
        let plan = plans(shares).next().unwrap();
        assert_eq!((plan.language, plan.regions), (vec![1, 2, 3, 4, 5], vec![0, 1, 2, 3, 4]));
        assert!(plan.text.is_empty() && plan.objects.is_empty());
    }
}
