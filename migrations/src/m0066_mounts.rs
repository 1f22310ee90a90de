//! Mounts: directories of nodes that servers may see, to whom they are offered, and which servers see them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn mounts() -> TableCreateStatement {
    Table::create()
        .table("mounts")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("name_folded"))
        .col(text("description"))
        .col(text("source"))
        .col(text("target"))
        .col(boolean("read_only").default(true))
        .col(boolean("self_service").default(false))
        .col(boolean("all_nodes").default(false))
        .col(boolean("all_eggs").default(false))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .to_owned()
}

/// No key to what is offered to: of three kinds, and an id is never given twice.
fn mount_offers() -> TableCreateStatement {
    Table::create()
        .table("mount_offers")
        .col(text("mount_id"))
        .col(text("kind").check(Expr::col("kind").is_in(["node", "location", "egg"])))
        .col(text("target_id"))
        .primary_key(Index::create().col("mount_id").col("kind").col("target_id"))
        .foreign_key(
            ForeignKey::create()
                .from("mount_offers", "mount_id")
                .to("mounts", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn mount_servers() -> TableCreateStatement {
    Table::create()
        .table("mount_servers")
        .col(text("server_id"))
        .col(text("mount_id"))
        .col(big_integer("created_at_ms"))
        .primary_key(Index::create().col("server_id").col("mount_id"))
        .foreign_key(
            ForeignKey::create()
                .from("mount_servers", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("mount_servers", "mount_id")
                .to("mounts", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn index(name: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in [mounts(), mount_offers(), mount_servers()] {
            m.create_table(table).await?;
        }
        let name = index("mounts_name_folded", "mounts", &["name_folded"])
            .unique()
            .to_owned();
        m.create_index(name).await?;
        let to = index(
            "mount_offers_target",
            "mount_offers",
            &["kind", "target_id"],
        );
        m.create_index(to).await?;
        m.create_index(index(
            "mount_servers_mount_id",
            "mount_servers",
            &["mount_id"],
        ))
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["mount_servers", "mount_offers", "mounts"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
