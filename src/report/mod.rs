//! What a run looks like to people: charts, the operator's story, tables. Nothing here prints; functions return text and bytes.

mod font;
pub mod picture;

pub use picture::Picture;
