use super::*;
use crate::input::testing;

fn texts() -> Vec<String> {
    let lines = [
        "How many red circles are there?",
        "A large striped square is left of the triangle.",
        "the small blue cross, and a green box!",
        "Is there a café near the circle?",
    ];
    lines.map(str::to_owned).to_vec()
}

fn tokenizer(max_tokens: usize) -> Tokenizer {
    Tokenizer::train(texts().into_iter(), 300, max_tokens).unwrap()
}

#[test]
fn a_text_becomes_tokens_between_cls_and_sep_with_the_words_they_belong_to() {
    let tokenizer = tokenizer(20);
    let tokens = tokenizer.encode("  How many RED squares? ").unwrap();
    assert_eq!(tokens.word_texts, ["how", "many", "red", "squares", "?"]);
    assert_eq!((tokens.ids[0], *tokens.ids.last().unwrap()), (tokenizer.cls(), tokenizer.sep()));
    assert_eq!((tokens.words[0], *tokens.words.last().unwrap()), (None, None));
    let real: Vec<_> = tokens.words.iter().flatten().copied().collect();
    assert_eq!(real, [0, 1, 2, 3, 3, 4], "`squares` is `square` + `##s`");
    assert!(tokens.ids.iter().all(|&id| (0..tokenizer.vocabulary() as i64).contains(&id)));
}

#[test]
fn training_on_the_same_texts_in_another_order_gives_the_same_bytes() {
    let forward = tokenizer(20);
    let mut reversed = texts();
    reversed.reverse();
    let backward = Tokenizer::train(reversed.into_iter(), 300, 20).unwrap();
    assert_eq!(forward.to_json(), backward.to_json());
}

#[test]
fn a_saved_tokenizer_encodes_alike_after_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let trained = tokenizer(20);
    fs::write(&path, trained.to_json()).unwrap();
    let opened = Tokenizer::open(&path, 20).unwrap();
    let text = "a large unseen zebra's café";
    assert_eq!(opened.encode(text).unwrap(), trained.encode(text).unwrap());
    assert_eq!(opened.vocabulary(), trained.vocabulary());
}

#[test]
fn special_tokens_typed_by_a_person_stay_words() {
    let tokenizer = tokenizer(20);
    let tokens = tokenizer.encode("red [MASK] [PAD] circle").unwrap();
    assert!(!tokens.ids.contains(&tokenizer.mask()) && !tokens.ids.contains(&tokenizer.pad()));
    assert_eq!(tokens.word_texts, ["red", "[", "mask", "]", "[", "pad", "]", "circle"]);
}

#[test]
fn specials_have_distinct_ids_and_are_known_as_such() {
    let t = tokenizer(20);
    let ids = [t.pad(), t.unknown(), t.cls(), t.sep(), t.mask()];
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    assert!(ids.iter().all(|&id| t.special(id)) && !t.special(5));
}

#[test]
fn empty_long_and_huge_texts_are_refused() {
    let tokenizer = tokenizer(8);
    assert!(matches!(tokenizer.encode(""), Err(TextError::Empty)));
    assert!(matches!(tokenizer.encode(" \n\t "), Err(TextError::Empty)));
    assert!(matches!(tokenizer.encode("\u{0}\u{7}"), Err(TextError::Empty)));
    let seven_words = ["red"; 7].join(" ");
    assert!(matches!(tokenizer.encode(&seven_words), Err(TextError::TooLong { tokens: 9, limit: 8 })));
    assert!(tokenizer.encode(&["red"; 6].join(" ")).is_ok());
    let huge = "red ".repeat(1_000_000);
    assert!(matches!(tokenizer.encode(&huge), Err(TextError::TooLarge { limit: 512, .. })));
}

#[test]
fn words_of_letters_never_seen_are_unknown_and_keep_their_place() {
    let tokenizer = tokenizer(20);
    let tokens = tokenizer.encode("a 漢字 İstanbul").unwrap();
    assert_eq!(tokens.word_texts[..3], ["a", "漢", "字"]);
    assert_eq!(tokens.ids[2], tokenizer.unknown());
}

#[test]
fn of_a_text_that_is_too_long_the_whole_words_that_fit_are_its_start() {
    let tokenizer = tokenizer(8);
    let reds = |count: usize| ["red"; 500][..count].join(" ");
    assert_eq!(tokenizer.encode(&reds(6)).unwrap().ids.len(), 8);
    assert_eq!(tokenizer.start_of(&reds(6)), None);
    for longer in [format!("  {} ", reds(7)), reds(500), format!("{} squares", reds(6))] {
        assert_eq!(tokenizer.start_of(&longer), Some(reds(6).as_str()), "{longer}");
    }
    let halved = format!("{} squares", reds(5));
    assert_eq!(tokenizer.start_of(&halved), Some(reds(5).as_str()), "`squares` has two tokens");
    // 漢 is a word by itself; the last text is one word.
    assert_eq!(tokenizer.start_of(&"漢".repeat(9)), Some("漢漢漢漢漢漢"));
    let word = "red".repeat(30);
    let start = tokenizer.start_of(&word).unwrap();
    assert!(word.starts_with(start) && tokenizer.encode(start).unwrap().ids.len() == 8, "{start}");
}

#[test]
fn a_damaged_tokenizer_is_an_error() {
    assert!(matches!(Tokenizer::from_json("{}", 8), Err(TokenizerError::Parse(_))));
    let without_mask = tokenizer(8).to_json().replace("[MASK]", "[OTHER]");
    assert!(matches!(
        Tokenizer::from_json(without_mask, 8),
        Err(TokenizerError::NoSpecial { name: "[MASK]", .. })
    ));
    let mut bare: serde_json::Value = serde_json::from_str(tokenizer(8).to_json()).unwrap();
    bare["post_processor"] = serde_json::Value::Null;
    assert!(matches!(Tokenizer::from_json(bare.to_string(), 8), Err(TokenizerError::NoFrame)));
}

#[test]
fn the_ids_of_a_published_tokenizer_are_its_own() {
    let t = testing::of_bytes(40);
    assert_eq!([t.cls(), t.pad(), t.sep(), t.unknown(), t.mask()], [0, 1, 2, 3, 4]);
    let tokens = t.encode("the red circle, a <mask>?").unwrap();
    assert_eq!(tokens.word_texts, ["the", "red", "circle", ",", "a", "<", "mask", ">", "?"]);
    assert_eq!((tokens.ids[0], *tokens.ids.last().unwrap()), (0, 2));
    assert!(!tokens.ids.contains(&t.mask()));
    assert!(tokens.ids.iter().all(|&id| id < t.vocabulary() as i64));
}

#[test]
fn ids_are_below_the_vocabulary_also_where_some_are_left_out() {
    let with_gap = tokenizer(20).to_json().replace("\"circle\": ", "\"circle\": 1");
    let t = Tokenizer::from_json(with_gap, 20).unwrap();
    let circle = t.encode("circle").unwrap().ids[1];
    assert_eq!(circle as usize + 1, t.vocabulary());
}
