//! Charts: the timeline of a run, what a sweep found, and policies side by side. Colours can be told apart by the colour-blind, and
//! no chart speaks by colour alone.

mod axis;
mod bins;
mod brush;
mod head;
mod lane_panel;
mod legend;
mod marks;
mod palette;
mod panels;

pub mod compare;
pub mod markup;
pub mod requests;
pub mod sweep;
pub mod timeline;

pub use compare::compare;
pub use requests::{RequestsData, requests};
pub use timeline::{TimelineData, timeline};
