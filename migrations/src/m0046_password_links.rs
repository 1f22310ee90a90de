//! Links by mail with which somebody sets a password: the first one of an invitation, or another one.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("password_links")
            .col(text("token_hash").primary_key())
            .col(text("user_id"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("expires_at_ms"))
            .to_owned();
        m.create_table(table).await?;
        for column in ["user_id", "expires_at_ms"] {
            let index = Index::create()
                .name(format!("password_links_{column}"))
                .table("password_links")
                .col(column)
                .to_owned();
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("password_links").to_owned())
            .await
    }
}
