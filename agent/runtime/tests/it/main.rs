//! The crate against the real machine: kernel, containerd, registry, nftables.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod container;
mod disk;
mod host_dirs;
mod jail;
mod jail_archive;
mod jail_corpus;
mod jail_entries;
mod jail_full;
mod jail_kept_back;
mod jail_memory;
mod jail_naive;
mod jail_odd;
mod jail_pack;
mod jail_race;
mod jail_search;
mod jail_tar;
mod jail_trash;
mod machine;
mod net;
mod pull;
mod tls;
