//! What the fuzz targets do with bytes: one function each, named as its target and as its folder of the corpus.
//!
//! ```text
//! cargo install cargo-fuzz
//! cargo +nightly fuzz run otlp        # in the project's own folder
//! ```

pub mod parsers;
