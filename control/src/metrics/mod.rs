//! Samples of servers and nodes: packed by the hour, averaged to minutes and hours, dropped by age.

pub mod codec;
pub mod roll;
pub mod series;
