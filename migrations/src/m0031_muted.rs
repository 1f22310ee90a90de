//! Nodes that are not listened to for a while.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // SQLite takes one column a statement.
        for column in [
            big_integer_null("muted_until_ms"),
            text_null("muted_because"),
        ] {
            let table = Table::alter().table("nodes").add_column(column).to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for column in ["muted_until_ms", "muted_because"] {
            let table = Table::alter().table("nodes").drop_column(column).to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }
}
