//! Which words of a text and which objects of a picture belong together.

use std::sync::Arc;

use crate::input::{Tokens, anchors};
use crate::types::{AnchorPoint, Tags};

use super::call::Call;
use super::engine::Engine;
use super::error::Error;
use super::features::Seen;
use super::stage::{Associations, Swap};

/// The words of a text against the objects of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    /// The words in lower case, punctuation marks among them.
    pub words: Vec<String>,
    /// Pairs that name the same thing: the word is among the object's tags. `token` is the index of the word.
    pub anchors: Vec<AnchorPoint>,
    /// One row per word, one column per object: the probability that the object belongs in the place of the word.
    pub probabilities: Vec<Vec<f32>>,
}

impl Engine {
    /// Puts every object in the place of every word and says how probable it is that it belongs there.
    ///
    /// This is done as in training, so that a probability means what was learned there: the object's state fills the word's slot beside
    /// the word's own state, and the object's own slot is masked. Of a word of several tokens the first one is filled, as there.
    pub async fn associate(
        &self,
        picture: &Arc<Seen>,
        text: &str,
        call: &Call,
    ) -> Result<Association, Error> {
        let tokens = self.split(text, call).await?;
        let read = self.read(text, call).await?;
        let tags: Vec<Tags> = picture.objects().iter().map(|object| object.tags.clone()).collect();
        let first = tokens.first_of_words();
        let swap =
            |token, object| Swap { picture: Arc::clone(picture), text: Arc::clone(&read), object, token };
        let objects = 0..tags.len();
        let swaps =
            first.iter().flat_map(|&token| objects.clone().map(move |object| swap(token, object))).collect();
        let probabilities =
            self.all(swaps, call, |engine, swap, call| async move {
                engine.submit::<Associations>(swap, &call).await
            })
            .await?;
        let row = |word: usize| probabilities[word * tags.len()..(word + 1) * tags.len()].to_vec();
        Ok(Association {
            probabilities: (0..first.len()).map(row).collect(),
            anchors: of_words(anchors(&tags, &tokens), &tokens),
            words: tokens.word_texts,
        })
    }
}

/// Anchor points by words instead of tokens.
fn of_words(anchors: Vec<AnchorPoint>, tokens: &Tokens) -> Vec<AnchorPoint> {
    let by_word = |anchor: AnchorPoint| Some(AnchorPoint { token: tokens.words[anchor.token]?, ..anchor });
    anchors.into_iter().filter_map(by_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_word_the_first_token_is_filled_and_its_anchors_go_by_words() {
        let tokens = Tokens {
            ids: vec![2, 10, 11, 12, 13, 3],
            words: vec![None, Some(0), Some(1), Some(1), Some(2), None],
            word_texts: ["red", "circles", "."].map(str::to_owned).to_vec(),
        };
        assert_eq!(tokens.first_of_words(), [1, 2, 4]);
        let tags = [Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] }];
        let pairs: Vec<_> = of_words(anchors(&tags, &tokens), &tokens)
            .iter()
            .map(|anchor| (anchor.object, anchor.token))
            .collect();
        assert_eq!(pairs, [(0, 0), (0, 1)]);
    }
}
