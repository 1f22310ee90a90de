use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("session_nodes")
            .col(text("session_id"))
            .col(text("node_id"))
            .col(text("user_id"))
            .col(big_integer("until_ms"))
            .primary_key(Index::create().col("session_id").col("node_id"))
            .to_owned();
        m.create_table(table).await?;
        for column in ["user_id", "until_ms"] {
            m.create_index(
                Index::create()
                    .name(format!("session_nodes_{column}"))
                    .table("session_nodes")
                    .col(column)
                    .to_owned(),
            )
            .await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("session_nodes").if_exists().to_owned())
            .await
    }
}
