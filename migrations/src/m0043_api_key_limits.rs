//! What an API key is for, where it may come from and how often.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [
            json_null("keys"),
            json_null("addresses"),
            integer_null("per_minute"),
        ] {
            let table = Table::alter()
                .table("api_keys")
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for column in ["keys", "addresses", "per_minute"] {
            let table = Table::alter()
                .table("api_keys")
                .drop_column(column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }
}
