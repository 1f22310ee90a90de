//! Which API key an event consumer was made with.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("event_consumers")
            .add_column(text_null("api_key_id"))
            .to_owned();
        m.alter_table(table).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("event_consumers")
            .drop_column("api_key_id")
            .to_owned();
        m.alter_table(table).await
    }
}
