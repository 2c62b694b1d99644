//! What a run leaves for readers: files and texts made of its metrics. Nothing here touches the terminal.

pub mod csv;
pub mod json;
