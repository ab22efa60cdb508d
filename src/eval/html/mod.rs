//! The figures of an evaluation as one page: tables, charts and examples, with nothing loaded from elsewhere and no scripts.

mod chart;
mod example;
mod examples;
mod markup;
mod page;
mod picture;

pub use page::Page;
