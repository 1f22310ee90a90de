//! Every migration on both databases.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sea_orm_migration::{
    prelude::*,
    sea_orm::{Database, DatabaseConnection, EntityTrait, SqlErr},
};
use warren_harness::Postgres;
use warren_migrations::{Bulk, Main};

struct Both {
    main: DatabaseConnection,
    bulk: DatabaseConnection,
    _dir: Option<tempfile::TempDir>,
    _postgres: Option<Postgres>,
}

async fn sqlite() -> Both {
    let dir = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}/{name}?mode=rwc", dir.path().display());
    Both {
        main: Database::connect(url("warren.db")).await.unwrap(),
        bulk: Database::connect(url("bulk.db")).await.unwrap(),
        _dir: Some(dir),
        _postgres: None,
    }
}

async fn postgres() -> Both {
    let server = Postgres::start().unwrap();
    let main = Database::connect(server.url()).await.unwrap();
    Both {
        bulk: main.clone(),
        main,
        _dir: None,
        _postgres: Some(server),
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::sqlite().await).await; })* }
        mod on_postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::postgres().await).await; })* }
    };
}

on_both! {
    entities_fit_what_the_migrations_made
    a_second_run_changes_nothing
    down_and_up_again_works
    two_ports_of_one_address_are_refused
    a_deleted_name_is_free_again
}

async fn up(db: &Both) {
    Main::up(&db.main, None).await.unwrap();
    Bulk::up(&db.bulk, None).await.unwrap();
}

async fn entities_fit_what_the_migrations_made(db: Both) {
    up(&db).await;
    macro_rules! read {
        ($db:expr; $($table:ident)*) => {$(
            warren_entity::$table::Entity::find().all($db).await.unwrap();
        )*};
    }
    read!(&db.main; allocations api_keys audit_log console_runs counters database_hosts databases egg_variables eggs event_consumers facts join_tokens leases mount_offers mount_servers mounts nests node_boots node_cursors nodes operations orphans outbox pending_keys plans quotas registries revocations revoked_keys server_grams server_names server_variables servers session_nodes sessions settings sftp_logins tombstones users);
    read!(&db.bulk; console_streams console_chunks console_sizes metric_chunks server_samples);
}

async fn a_second_run_changes_nothing(db: Both) {
    up(&db).await;
    up(&db).await;
}

async fn down_and_up_again_works(db: Both) {
    up(&db).await;
    Bulk::down(&db.bulk, None).await.unwrap();
    Main::down(&db.main, None).await.unwrap();
    up(&db).await;
}

const NODE: &str = "INSERT INTO nodes (id, name, public_key, jwt_expires_at_ms, machine_hint, rev, applied_rev, \
    next_ordinal, online, online_since_ms, host, conditions, journal_bytes, drops, labels, port_first, port_last, \
    created_at_ms, updated_at_ms) VALUES ";

fn node(id: &str, name: &str) -> String {
    format!(
        "{NODE} ('{id}', '{name}', 'U{id}', 0, '', 0, 0, 0, false, 0, '{{}}', '[]', 0, '{{}}', '{{}}', 1, 2, 0, 0)"
    )
}

async fn two_ports_of_one_address_are_refused(db: Both) {
    up(&db).await;
    let run = |sql: String| {
        let db = db.main.clone();
        async move { db.execute_unprepared(&sql).await }
    };
    run(node("a", "a")).await.unwrap();
    let port = |id: &str, port: u32| {
        format!(
            "INSERT INTO allocations (id, node_id, ip, port, is_primary, created_at_ms) VALUES ('{id}', 'a', '0.0.0.0', {port}, false, 0)"
        )
    };
    run(port("1", 25565)).await.unwrap();
    let twice = run(port("2", 25565)).await.unwrap_err();
    assert!(matches!(
        twice.sql_err(),
        Some(SqlErr::UniqueConstraintViolation(_))
    ));
    run(port("3", 70000)).await.unwrap_err();
    run(port("4", 25566)).await.unwrap();
}

async fn a_deleted_name_is_free_again(db: Both) {
    up(&db).await;
    let run = |sql: String| {
        let db = db.main.clone();
        async move { db.execute_unprepared(&sql).await }
    };
    run(node("a", "one")).await.unwrap();
    run(node("b", "one")).await.unwrap_err();
    run("UPDATE nodes SET deleted_at_ms = 1".into())
        .await
        .unwrap();
    run(node("b", "one")).await.unwrap();
}
