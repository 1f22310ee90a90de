//! Compiles the messages with a compiler written in Rust, so that building needs no protoc.
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("proto");
    println!("cargo:rerun-if-changed={}", dir.display());
    let mut files = fs::read_dir(&dir)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "proto"));
    files.sort();
    let descriptors = protox::compile(&files, [&dir])?;
    // Console bytes are handed on many times; shared buffers spare the copies.
    prost_build::Config::new()
        .bytes([
            ".warren.v1.Envelope.body",
            ".warren.v1.Answer.ok",
            ".warren.v1.ConsoleRange.data",
            ".warren.v1.ConsoleFrame.data",
            ".warren.v1.BulkData.data",
            ".warren.v1.BulkWrite.data",
            ".warren.v1.HostKey.secret",
            ".warren.v1.SshKey.blob",
            ".warren.v1.SshProof.session",
            ".warren.v1.SshProof.signature",
        ])
        // They hold passwords, or addresses that are as good as one.
        .skip_debug([
            ".warren.v1.Repository",
            ".warren.v1.S3Store",
            ".warren.v1.DownloadWork",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
