//! The picture that the examples of the contract send, and who answers in them.

use serde_json::{Value, json};

/// A red disc on light grey: a PNG of 32×32 pixels.
const DISC: &str = "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgAQMAAABJtOi3AAAABlBMVEXw8PDSKCiYQgEiAAAAM0lEQVR42mNgwA/YHwAJ+R9Aov4fkPj/\
                    H0ow/v/fACGY//8/gJtAqEPohRgFNhRsPD4AAOiEKXG2rFaDAAAAAElFTkSuQmCC";

/// The model that answers.
pub const MODEL: &str = "shapes@11";

/// The id under which the picture was left here.
pub const ID: &str = "9f2c41d7a05be8836e1407bd52ac90f3";

/// The picture as a JSON body gives it.
pub fn picture() -> Value {
    json!({"base64": DISC})
}
