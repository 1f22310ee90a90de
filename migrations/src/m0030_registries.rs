//! Credentials of private image registries.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("registries")
            .col(text("id").primary_key())
            .col(text("host").unique_key())
            .col(text("username"))
            .col(binary("secret"))
            .col(text_null("created_by"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        m.create_table(table).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("registries").to_owned())
            .await
    }
}
