//! What a run leaves for readers: files, charts and texts. Nothing here touches the terminal.

pub mod chart;
pub mod columns;
pub mod comparison;
pub mod console;
pub mod csv;
mod decimal;
pub mod diagnostics;
pub mod disk;
pub mod docker;
pub mod estimate;
pub mod explain;
pub mod files;
mod font;
pub mod json;
pub mod lanes;
mod names;
pub mod ndjson;
pub mod page;
pub mod picture;
pub mod plot;
pub mod repeated;
pub mod seeds;
pub mod story;
pub mod sweeps;
pub mod table;
pub mod trace;

pub use lanes::Lanes;
pub use names::Names;
pub use picture::Picture;
pub use story::Story;
