//! People who may do nothing for a while, and why.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [
            big_integer_null("suspended_at_ms"),
            text_null("suspended_reason"),
        ] {
            let table = Table::alter()
                .table("users")
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for column in ["suspended_at_ms", "suspended_reason"] {
            let table = Table::alter().table("users").drop_column(column).to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }
}
