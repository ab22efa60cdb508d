//! What a client reads of a problem.

use serde::Serialize;
use utoipa::ToSchema;

/// A problem as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Names the kind of problem; the same kind has the same URI.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub(super) kind: String,
    /// The kind of problem in words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What is wrong with this request, and what to do.
    pub(in crate::http) detail: String,
    /// The request's id, also in the header `X-Request-Id`.
    pub(super) request_id: String,
    /// The field of the request that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) field: Option<String>,
    /// The limit that was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) limit: Option<u64>,
}

impl ProblemDocument {
    pub const MEDIA_TYPE: &str = "application/problem+json";
}

/// Characters of a message, and how many of them are its end if it has to be cut: that is where it says what to do.
const LONGEST: usize = 400;
const LONGEST_END: usize = 150;
/// Characters of what a message quotes.
const LONGEST_QUOTE: usize = 60;

/// A message about a request with its long quotes cut: what a client sent may be as long as its body, and what it should have sent often
/// stands behind it.
pub fn with_short_quotes(message: &str) -> String {
    let (mut brief, mut rest) = (String::new(), message);
    while let Some((opening, mark)) =
        rest.char_indices().find(|(_, character)| ['"', '`'].contains(character))
    {
        let (before, quoted) = rest.split_at(opening + 1);
        let Some(closing) = end_of_quote(quoted, mark) else { break };
        brief.push_str(before);
        brief.push_str(&quote(&quoted[..closing]));
        brief.push(mark);
        rest = &quoted[closing + 1..];
    }
    brief.push_str(rest);
    shortened(&brief)
}

/// What a client sent, as far as a message quotes it.
pub fn quote(sent: &str) -> String {
    clip(sent, LONGEST_QUOTE)
}

/// A message without its middle if it is too long.
pub fn shortened(message: &str) -> String {
    let Some((end, _)) = message.char_indices().rev().nth(LONGEST_END - 1) else { return message.to_owned() };
    match message.char_indices().nth(LONGEST - LONGEST_END) {
        Some((begin, _)) if begin < end => format!("{}…{}", &message[..begin], &message[end..]),
        _ => message.to_owned(),
    }
}

fn clip(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where the closing mark stands; between double quotes, a backslash escapes what follows it.
fn end_of_quote(quoted: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    quoted.char_indices().find_map(|(at, character)| {
        let ends = character == mark && !escaped;
        escaped = mark == '"' && character == '\\' && !escaped;
        ends.then_some(at)
    })
}
