//! What a run looks like to people: charts, the operator's story, tables. Nothing here prints; functions return text and bytes.

pub mod chart;
mod font;
pub mod lanes;
pub mod picture;

pub use lanes::Lanes;
pub use picture::Picture;
