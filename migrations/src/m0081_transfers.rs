//! Moves of servers from one node to another, and ports that are kept for one until it has come.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// `active` is the server's id while it is under way, and null afterwards: a server goes to one node at a time.
fn transfers() -> TableCreateStatement {
    Table::create()
        .table("transfers")
        .col(text("id").primary_key())
        .col(text("server_id"))
        .col(text("from_node"))
        .col(text("to_node"))
        .col(text("phase"))
        .col(text_null("active").unique_key())
        .col(boolean("tidied").default(false))
        .col(binary("secret"))
        .col(json("ports"))
        .col(json("warnings"))
        .col(boolean("was_running").default(false))
        .col(boolean("waits").default(false))
        .col(boolean("released").default(false))
        .col(integer("pass").default(1))
        .col(integer("tries").default(0))
        .col(text_null("operation_id"))
        .col(big_integer("generation").default(0))
        .col(text_null("step"))
        .col(big_integer("done_bytes").default(0))
        .col(big_integer("total_bytes").default(0))
        .col(big_integer("bytes_per_second").default(0))
        .col(big_integer("files").default(0))
        .col(big_integer("size_bytes").default(0))
        .col(big_integer("skipped").default(0))
        .col(big_integer_null("pass_ms"))
        .col(big_integer_null("expected_ms"))
        .col(big_integer_null("down_since_ms"))
        .col(big_integer_null("downtime_ms"))
        .col(text_null("code"))
        .col(text_null("message"))
        .col(big_integer_null("cancel_asked_at_ms"))
        .col(text_null("actor"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("transfers", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(transfers()).await?;
        for column in ["server_id", "tidied"] {
            let index = Index::create()
                .name(format!("transfers_{column}"))
                .table("transfers")
                .col(column)
                .to_owned();
            m.create_index(index).await?;
        }
        let kept = Table::alter()
            .table("allocations")
            .add_column(text_null("reserved_for"))
            .to_owned();
        m.alter_table(kept).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("allocations")
            .drop_column("reserved_for")
            .to_owned();
        m.alter_table(table).await?;
        m.drop_table(Table::drop().table("transfers").to_owned())
            .await
    }
}
