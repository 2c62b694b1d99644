//! What a run leaves for readers: files, charts and texts. Nothing here touches the terminal.

pub mod chart;
pub mod csv;
mod font;
pub mod json;
pub mod lanes;
pub mod picture;

pub use lanes::Lanes;
pub use picture::Picture;
