//! What somebody's servers may have together.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("quotas")
            .col(text("user_id").primary_key())
            .col(big_integer_null("servers"))
            .col(big_integer_null("memory_bytes"))
            .col(big_integer_null("disk_bytes"))
            .col(big_integer_null("cpu_percent"))
            .col(big_integer_null("ports"))
            .col(big_integer_null("subusers"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        m.create_table(table).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("quotas").to_owned()).await
    }
}
