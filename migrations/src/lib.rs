//! Database migrations, the same for SQLite and PostgreSQL. Only additive or table-rebuilding steps:
//! SQLite can't alter a column.

use sea_orm_migration::prelude::*;

mod b0001_bulk;
mod b0020_console_sizes;
mod b0021_averaged;
mod b0022_server_samples;
mod m0001_spine;
mod m0002_rejoin;
mod m0003_consumer_keys;
mod m0010_session_nodes;
mod m0011_pending_keys;
mod m0020_allocations;
mod m0021_servers;
mod m0022_retention;
mod m0023_server_lists;
mod m0030_registries;
mod m0031_muted;
mod m0040_rights;
mod m0041_audit_chain;
mod m0042_second_factor;
mod m0043_api_key_limits;
mod m0044_person_suspended;
mod m0045_idempotency;
mod m0046_password_links;
mod m0047_quotas;
mod m0048_passkeys;
mod m0049_sso;
mod m0050_plans;
mod m0051_profiles;
mod m0060_databases;
mod m0065_nests;
mod m0066_mounts;
mod m0070_jobs;
mod m0071_backups;
mod m0075_sftp;
mod m0080_server_name_order;
mod m0081_transfers;

/// Everything that must not be lost: `warren.db` on SQLite.
pub struct Main;

impl MigratorTrait for Main {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_spine::Migration),
            Box::new(m0002_rejoin::Migration),
            Box::new(m0003_consumer_keys::Migration),
            Box::new(m0010_session_nodes::Migration),
            Box::new(m0011_pending_keys::Migration),
            Box::new(m0020_allocations::Migration),
            Box::new(m0021_servers::Migration),
            Box::new(m0022_retention::Migration),
            Box::new(m0023_server_lists::Migration),
            Box::new(m0030_registries::Migration),
            Box::new(m0031_muted::Migration),
            Box::new(m0040_rights::Migration),
            Box::new(m0041_audit_chain::Migration),
            Box::new(m0042_second_factor::Migration),
            Box::new(m0043_api_key_limits::Migration),
            Box::new(m0044_person_suspended::Migration),
            Box::new(m0045_idempotency::Migration),
            Box::new(m0046_password_links::Migration),
            Box::new(m0047_quotas::Migration),
            Box::new(m0048_passkeys::Migration),
            Box::new(m0049_sso::Migration),
            Box::new(m0050_plans::Migration),
            Box::new(m0051_profiles::Migration),
            Box::new(m0060_databases::Migration),
            Box::new(m0065_nests::Migration),
            Box::new(m0066_mounts::Migration),
            Box::new(m0070_jobs::Migration),
            Box::new(m0071_backups::Migration),
            Box::new(m0075_sftp::Migration),
            Box::new(m0080_server_name_order::Migration),
            Box::new(m0081_transfers::Migration),
        ]
    }
}

/// Console and metric chunks: `bulk.db` on SQLite, the same database on PostgreSQL.
pub struct Bulk;

impl MigratorTrait for Bulk {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(b0001_bulk::Migration),
            Box::new(b0020_console_sizes::Migration),
            Box::new(b0021_averaged::Migration),
            Box::new(b0022_server_samples::Migration),
        ]
    }

    // Its own table, because on PostgreSQL both migrators work on one database.
    fn migration_table_name() -> DynIden {
        "bulk_migrations".into_iden()
    }
}
