//! The pages for people with a browser. Each lies in the binary whole, with all it needs, and loads nothing from anywhere else.

pub mod docs;
mod document;
pub mod index;
