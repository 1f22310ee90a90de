#![allow(clippy::unwrap_used, clippy::expect_used)]
//! `warren-ops` with real nats-server and containerd; Warren's own programs are stand-ins here, so
//! that supervision is tested apart from them. The story in `ops/e2e` runs the real ones.

mod install;
mod instance;
mod scripts;
mod supervision;
