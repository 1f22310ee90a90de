//! Stores of backups, a repository per server and store, the backups in them, and how many somebody may have.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn stores() -> TableCreateStatement {
    Table::create()
        .table("backup_stores")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("name_folded").unique_key())
        .col(text("kind").check(Expr::col("kind").is_in(["directory", "s3"])))
        .col(text("path").default(""))
        .col(text("endpoint").default(""))
        .col(text("region").default(""))
        .col(text("bucket").default(""))
        .col(text("prefix").default(""))
        .col(text("access_key").default(""))
        .col(binary_null("secret"))
        .col(json("nodes"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .to_owned()
}

/// Outlives its server: the password opens what is left in the store.
fn repositories() -> TableCreateStatement {
    Table::create()
        .table("backup_repositories")
        .col(text("server_id"))
        .col(text("store_id"))
        .col(binary("secret"))
        .col(big_integer("bytes").default(0))
        .col(big_integer("created_at_ms"))
        .primary_key(Index::create().col("server_id").col("store_id"))
        .foreign_key(
            ForeignKey::create()
                .from("backup_repositories", "store_id")
                .to("backup_stores", "id"),
        )
        .to_owned()
}

fn backups() -> TableCreateStatement {
    Table::create()
        .table("backups")
        .col(text("id").primary_key())
        .col(text("server_id"))
        .col(text("store_id"))
        .col(text("name"))
        .col(text("state"))
        .col(text_null("operation_id"))
        .col(text_null("snapshot"))
        .col(big_integer("total_bytes").default(0))
        .col(big_integer("added_bytes").default(0))
        .col(big_integer("files").default(0))
        .col(big_integer("skipped").default(0))
        .col(json_null("warnings"))
        .col(boolean("locked").default(false))
        .col(text_null("code"))
        .col(text_null("message"))
        .col(text_null("actor"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("completed_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("backups", "store_id")
                .to("backup_stores", "id"),
        )
        .to_owned()
}

fn settings() -> TableCreateStatement {
    Table::create()
        .table("backup_settings")
        .col(text("server_id").primary_key())
        .col(json("settings"))
        .col(big_integer("updated_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("backup_settings", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in [stores(), repositories(), backups(), settings()] {
            m.create_table(table).await?;
        }
        for (name, column) in [
            ("backups_server_id", "server_id"),
            ("backups_store_id", "store_id"),
            ("backups_operation_id", "operation_id"),
        ] {
            let index = Index::create()
                .name(name)
                .table("backups")
                .col(column)
                .to_owned();
            m.create_index(index).await?;
        }
        let of_store = Index::create()
            .name("backup_repositories_store_id")
            .table("backup_repositories")
            .col("store_id")
            .to_owned();
        m.create_index(of_store).await?;
        for table in ["quotas", "plans"] {
            for column in ["backups", "backup_bytes"] {
                let mut column = big_integer_null(column).to_owned();
                let table = Table::alter()
                    .table(table)
                    .add_column(&mut column)
                    .to_owned();
                m.alter_table(table).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["quotas", "plans"] {
            for column in ["backups", "backup_bytes"] {
                let table = Table::alter().table(table).drop_column(column).to_owned();
                m.alter_table(table).await?;
            }
        }
        for table in [
            "backup_settings",
            "backups",
            "backup_repositories",
            "backup_stores",
        ] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
