use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Which chunks have samples that are not averaged yet. A mark per chunk and not one time for all: a node
    /// that was away brings its samples later.
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(
            Table::alter()
                .table("metric_chunks")
                .add_column(boolean("averaged").default(false))
                .to_owned(),
        )
        .await?;
        m.create_index(
            Index::create()
                .name("metric_chunks_to_average")
                .table("metric_chunks")
                .col("step_s")
                .col("start_s")
                .and_where(Expr::cust("NOT averaged"))
                .to_owned(),
        )
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(
            Index::drop()
                .name("metric_chunks_to_average")
                .table("metric_chunks")
                .to_owned(),
        )
        .await?;
        m.alter_table(
            Table::alter()
                .table("metric_chunks")
                .drop_column("averaged")
                .to_owned(),
        )
        .await
    }
}
