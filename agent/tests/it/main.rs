//! The agent's own program with its real neighbours: nats-server, containerd, a registry, the kernel.
//! Control is played by the tests, over the real protocol; where the two must agree on a secret, it is the real one.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod adversity;
mod archives;
mod backups;
mod bulk;
mod commands;
mod control;
mod disk;
mod downloads;
mod files_rights;
mod halt;
mod hostile;
mod jobs;
mod join_https;
mod killed;
mod lacking;
mod mounts;
mod one_jail;
mod outlive;
mod panel;
mod proxy;
mod rig;
mod rotation;
mod servers;
mod sftp;
mod sftp_hostile;
mod transfer_faults;
mod transfer_nat;
mod transfers;
