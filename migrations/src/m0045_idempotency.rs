//! Answers to requests that may be sent again under one key.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("idempotent_requests")
            .col(text("id").primary_key())
            .col(text("whose"))
            .col(text("request"))
            .col(integer_null("status"))
            .col(text_null("content_type"))
            .col(binary_null("body"))
            .col(big_integer("created_at_ms"))
            .to_owned();
        m.create_table(table).await?;
        for column in ["whose", "created_at_ms"] {
            let index = Index::create()
                .name(format!("idempotent_requests_{column}"))
                .table("idempotent_requests")
                .col(column)
                .to_owned();
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("idempotent_requests").to_owned())
            .await
    }
}
