use anyhow::Result;

use crate::args::UpArgs;
use crate::instance::Instance;
use crate::report::Steps;
use crate::stack::Stack;

pub async fn run(_: &mut Stack, _: &Instance, _: &UpArgs, _: &mut Steps) -> Result<()> {
    Ok(())
}

pub fn show(_: &Instance) {}
