//! Charts: the timeline of a run, and what a sweep found. Colours can be told apart by the colour-blind, and no chart speaks
//! by colour alone.

mod axis;
mod bins;
mod brush;
mod lane_panel;
mod legend;
mod marks;
mod palette;
mod panels;

pub mod markup;
pub mod requests;
pub mod sweep;
pub mod timeline;

pub use requests::{RequestsData, requests};
pub use timeline::{TimelineData, timeline};
