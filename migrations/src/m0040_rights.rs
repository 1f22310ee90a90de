//! Roles and what they reach, shares of servers, places of nodes.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Columns added to tables that exist, to be taken away again.
const ADDED: [(&str, &str); 3] = [
    ("nodes", "location_id"),
    ("users", "granted"),
    ("users", "shared"),
];

fn locations() -> TableCreateStatement {
    Table::create()
        .table("locations")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("name_folded").unique_key())
        .col(text("description"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .to_owned()
}

fn roles() -> TableCreateStatement {
    Table::create()
        .table("roles")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("name_folded").unique_key())
        .col(text("description"))
        .col(json("keys"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .to_owned()
}

fn grants() -> TableCreateStatement {
    Table::create()
        .table("grants")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("role_id"))
        .col(text("reach"))
        .col(text("reach_id"))
        .col(big_integer_null("expires_at_ms"))
        .col(text_null("created_by"))
        .col(big_integer("created_at_ms"))
        .to_owned()
}

fn subusers() -> TableCreateStatement {
    Table::create()
        .table("subusers")
        .col(text("server_id"))
        .col(text("user_id"))
        .col(json("keys"))
        .col(big_integer_null("expires_at_ms"))
        .col(text_null("created_by"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .primary_key(Index::create().col("server_id").col("user_id"))
        .to_owned()
}

fn index(table: &str, columns: &[&str], unique: bool) -> IndexCreateStatement {
    let mut index = Index::create()
        .name(format!("{table}_{}", columns.join("_")))
        .table(table.to_owned())
        .to_owned();
    for column in columns {
        index.col((*column).to_owned());
    }
    if unique {
        index.unique();
    }
    index
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in [locations(), roles(), grants(), subusers()] {
            m.create_table(table).await?;
        }
        for (table, mut column) in [
            ("nodes", text_null("location_id")),
            ("users", boolean("granted").default(false).to_owned()),
            ("users", boolean("shared").default(false).to_owned()),
        ] {
            let table = Table::alter()
                .table(table)
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        for index in [
            index("grants", &["user_id", "role_id", "reach", "reach_id"], true),
            index("grants", &["role_id"], false),
            index("grants", &["reach", "reach_id"], false),
            index("subusers", &["user_id", "server_id"], false),
            index("nodes", &["location_id"], false),
            index("audit_log", &["actor_id", "id"], false),
            index("audit_log", &["server_id", "id"], false),
        ] {
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in ["audit_log_actor_id_id", "audit_log_server_id_id"] {
            let index = Index::drop().name(name).table("audit_log").to_owned();
            m.drop_index(index).await?;
        }
        // SQLite drops no column that an index stands on.
        let index = Index::drop()
            .name("nodes_location_id")
            .table("nodes")
            .to_owned();
        m.drop_index(index).await?;
        for (table, column) in ADDED {
            let table = Table::alter().table(table).drop_column(column).to_owned();
            m.alter_table(table).await?;
        }
        for table in ["subusers", "grants", "roles", "locations"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
