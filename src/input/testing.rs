//! For tests: a tokenizer of another make than those that are learned here.

use serde_json::{Map, Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::text::Tokenizer;

/// One that writes bytes, and a few words whole, as RoBERTa's tokenizer does.
pub fn of_bytes(max_tokens: usize) -> Tokenizer {
    let specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
    let mut bytes: Vec<String> = ByteLevel::alphabet().iter().map(char::to_string).collect();
    bytes.sort();
    let merges = [("t", "h"), ("th", "e"), ("r", "e"), ("re", "d"), ("Ġ", "red"), ("Ġ", "a")];
    let merged = merges.map(|(begin, end)| format!("{begin}{end}"));
    let pieces = specials.map(str::to_owned).into_iter().chain(bytes).chain(merged);
    let vocab: Map<String, Value> = pieces.enumerate().map(|(id, piece)| (piece, json!(id))).collect();
    let added = specials.iter().enumerate().map(|(id, special)| {
        json!({"id": id, "content": special, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    });
    let json = json!({
        "version": "1.0",
        "added_tokens": added.collect::<Vec<_>>(),
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0],
                           "trim_offsets": true, "add_prefix_space": false},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    });
    Tokenizer::from_json(json.to_string(), max_tokens).unwrap()
}
