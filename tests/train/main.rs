//! Training as its users meet it: whole runs of a tiny recipe, stopped and continued, exported and asked.

mod arms;
mod bundle;
mod features;
mod refusals;
mod resume;
mod start;
mod support;
mod text_start;
mod tiny_recipe;
