//! The harness for scripts: keeps something running until stdin ends, and takes commands by line.
//!
//! ```text
//! warren-harness netlab                   prints JSON; then: cut, heal, renumber, listening
//! warren-harness containerd               prints JSON; then: kill9, restart
//! warren-harness postgres                 prints JSON: the URL of an empty database
//! warren-harness push-game PORT REPO TAG  pushes the image of the misbehaving games
//! ```

use std::io::BufRead;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use warren_harness::{Containerd, ImageBuilder, NetLab, Postgres, RegistryClient};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["netlab"] => netlab(),
        ["containerd"] => containerd(),
        ["postgres"] => postgres(),
        ["push-game", port, repo, tag] => push_game(port, repo, tag),
        _ => Err(anyhow::anyhow!(
            "usage: warren-harness netlab | containerd | postgres | push-game PORT REPO TAG"
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("warren-harness: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn netlab() -> Result<()> {
    let lab = NetLab::start()?;
    println!(
        "{}",
        json!({
            "hub": lab.hub(), "public": lab.public(), "client": lab.client(),
            "router": lab.router(), "client_address": lab.client_address(),
        })
    );
    each_line(|word| {
        Ok(match word {
            "cut" => json!({"cut": lab.cut().is_ok()}),
            "heal" => json!({"healed": lab.heal().is_ok()}),
            "renumber" => json!({"public": lab.renumber()?}),
            "listening" => json!({"listening": lab.listening()?}),
            other => bail!("unknown command {other}"),
        })
    })
}

fn containerd() -> Result<()> {
    let mut containerd = Containerd::start()?;
    println!(
        "{}",
        json!({
            "socket": containerd.socket(), "tag": containerd.tag(),
            "runc_root": containerd.runc_root(), "cgroup_parent": containerd.cgroup_parent(),
            "subnet": containerd.subnet(), "uid_base": containerd.uid_base(),
            "dir": containerd.dir(), "pid": containerd.pid(),
        })
    );
    each_line(|word| {
        match word {
            "kill9" => containerd.kill9(),
            "restart" => containerd.restart()?,
            other => bail!("unknown command {other}"),
        }
        Ok(json!({"pid": containerd.pid()}))
    })
}

fn postgres() -> Result<()> {
    let postgres = Postgres::start()?;
    println!("{}", json!({"url": postgres.url()}));
    each_line(|word| bail!("unknown command {word}"))
}

fn push_game(port: &str, repo: &str, tag: &str) -> Result<()> {
    let port = port.parse().context("PORT is no port")?;
    let image = ImageBuilder::game()?.build()?;
    let name = RegistryClient::new(port, None).push(repo, tag, &image)?;
    println!("{}", json!({"image": name}));
    Ok(())
}

/// Answers every line of stdin with a line of JSON, errors included, until it ends.
fn each_line(mut answer: impl FnMut(&str) -> Result<Value>) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line.context("read stdin")?;
        let value = answer(line.trim()).unwrap_or_else(|e| json!({"error": format!("{e:#}")}));
        println!("{value}");
    }
    Ok(())
}
