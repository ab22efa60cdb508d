//! Training as its users meet it: whole runs of a tiny recipe, exported and asked.

mod bundle;
mod refusals;
mod support;
mod tiny_recipe;
