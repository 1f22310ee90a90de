use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// The newest sample of each server. In `servers` it was written every 15 s into a row that holds the spec,
    /// and under locks that facts take in another order.
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("server_samples")
            .col(text("server_id").primary_key())
            .col(big_integer("at_ms"))
            .col(json("sample"))
            .to_owned();
        m.create_table(table).await?;
        m.create_index(
            Index::create()
                .name("server_samples_at_ms")
                .table("server_samples")
                .col("at_ms")
                .to_owned(),
        )
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("server_samples").if_exists().to_owned())
            .await
    }
}
