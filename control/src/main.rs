//! Arguments, configuration, [`App`](warren_control::app::App), run.

fn main() {}
