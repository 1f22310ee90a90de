use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// What a server's console takes, kept with every change: nobody has to add up all streams to know which is
    /// over its bound.
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("console_sizes")
            .col(text("node_id"))
            .col(text("server_id"))
            .col(big_integer("bytes"))
            .primary_key(Index::create().col("node_id").col("server_id"))
            .to_owned();
        m.create_table(table).await?;
        m.create_index(
            Index::create()
                .name("console_sizes_bytes")
                .table("console_sizes")
                .col("bytes")
                .to_owned(),
        )
        .await?;
        m.get_connection()
            .execute_unprepared(
                "INSERT INTO console_sizes (node_id, server_id, bytes) \
                 SELECT node_id, server_id, CAST(SUM(stored_bytes) AS BIGINT) FROM console_streams \
                 GROUP BY node_id, server_id",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("console_sizes").if_exists().to_owned())
            .await
    }
}
