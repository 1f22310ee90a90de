//! Starts the real neighbours that Warren's tests need: `nats-server`, containerd, PostgreSQL, MariaDB, an
//! image registry, an SMTP server, games that misbehave, and machines behind NAT.
//!
//! Everything started here carries a random [`Tag`], listens on loopback or inside its own network
//! namespace, dies with the test process (`PR_SET_PDEATHSIG`) and cleans up when dropped. What a
//! killed test leaves behind is removed by the next one ([`sweep_stale`]). A missing tool is an
//! error that names the Debian package; nothing is ever skipped.
//!
//! The functions block; each takes well below a second, so calling them from async tests is fine.

mod clean;
mod cluster;
mod containerd;
mod game;
mod image;
mod mariadb;
mod nats;
mod net;
mod postgres;
mod process;
mod registry;
mod smtp;
mod tool;
mod wait;

pub use clean::{remove_host_objects, sweep_stale};
pub use containerd::{Containerd, mount_disk};
pub use game::FakeGame;
pub use image::{Blob, Compression, Image, ImageBuilder, ImageIndex, Media};
pub use mariadb::MariaDb;
pub use nats::{Nats, NatsBuilder};
pub use net::{NetLab, free_port};
pub use postgres::Postgres;
pub use process::{Process, Tag};
pub use registry::{Registry, RegistryClient};
pub use smtp::{Mail, Smtp};
pub use tool::tool;
pub use wait::{eventually, eventually_async};
