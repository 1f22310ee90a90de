//! Control with its real neighbours: nats-server, SQLite in a temporary folder, PostgreSQL with a database per
//! test. A test named in `on_both!` runs on each and shows up twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit_chain;
mod console;
mod consumer;
mod database_rig;
mod doors;
mod enrolment;
mod fake_node;
mod file_rig;
mod first_run;
mod gate;
mod hostile;
mod http_acme;
mod http_api_keys;
mod http_archives;
mod http_audit;
mod http_backups;
mod http_database_hosts;
mod http_databases;
mod http_door;
mod http_downloads;
mod http_eggs;
mod http_files;
mod http_idempotency;
mod http_linger;
mod http_mail;
mod http_meanwhile;
mod http_mounts;
mod http_nests;
mod http_panel;
mod http_passkeys;
mod http_people;
mod http_ports;
mod http_profile;
mod http_quota;
mod http_registries;
mod http_rights;
mod http_second_factor;
mod http_servers;
mod http_settings;
mod http_sso;
mod http_suspension;
mod http_tls;
mod http_transfers;
mod http_versions;
mod http_view_as;
mod http_walk;
mod ingest;
mod nats_check;
mod orphans;
mod outbox;
mod presence;
mod reconcile;
mod retention;
mod server_lists;
mod sftp;
mod storm;
mod world;

/// Makes `on_sqlite::<test>` and `on_postgres::<test>` of each.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::world::World::on_sqlite().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::world::World::on_postgres(1).await).await;
            })*
        }
    };
}

/// Makes `two_controls_on_postgres::<test>` of each.
macro_rules! with_two_controls {
    ($($name:ident)*) => {
        mod two_controls_on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::world::World::on_postgres(2).await).await;
            })*
        }
    };
}

pub(crate) use {on_both, with_two_controls};
