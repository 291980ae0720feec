//! A model: its folder, and what renders and encodes with it.
//!
//! In: a model folder and how to use its template. Out: a frozen `Renderer`, shared by threads.

mod declared;
mod fingerprint;
mod folder;
mod renderer;
mod serving;
mod tokenizer_class;

pub use renderer::{Renderer, RendererOptions, lint_model, lint_template};
