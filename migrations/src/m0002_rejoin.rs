//! Join tokens that take one machine back.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("join_tokens")
            .add_column(text_null("node_id"))
            .to_owned();
        m.alter_table(table).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("join_tokens")
            .drop_column("node_id")
            .to_owned();
        m.alter_table(table).await
    }
}
