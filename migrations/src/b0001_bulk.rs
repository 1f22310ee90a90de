use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        console_streams(m).await?;
        console_chunks(m).await?;
        metric_chunks(m).await?;
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["metric_chunks", "console_chunks", "console_streams"] {
            m.drop_table(Table::drop().table(table).if_exists().to_owned())
                .await?;
        }
        Ok(())
    }
}

async fn console_streams(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("console_streams")
        .col(text("node_id"))
        .col(text("server_id"))
        .col(text("run_id"))
        .col(integer("stream"))
        .col(big_integer("committed"))
        .col(big_integer("first_kept"))
        .col(big_integer("stored_bytes"))
        .col(big_integer("last_at_ms"))
        .primary_key(
            Index::create()
                .col("node_id")
                .col("server_id")
                .col("run_id")
                .col("stream"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("console_streams_server_id")
            .table("console_streams")
            .col("server_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("console_streams_last_at_ms")
            .table("console_streams")
            .col("last_at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn console_chunks(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("console_chunks")
        .col(text("node_id"))
        .col(text("server_id"))
        .col(text("run_id"))
        .col(integer("stream"))
        .col(big_integer("start"))
        .col(big_integer("end"))
        .col(boolean("gap"))
        .col(integer("encoding"))
        .col(blob("data"))
        .col(blob("times"))
        .col(big_integer("at_ms"))
        .primary_key(
            Index::create()
                .col("node_id")
                .col("server_id")
                .col("run_id")
                .col("stream")
                .col("start"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("console_chunks_at_ms")
            .table("console_chunks")
            .col("at_ms")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("console_chunks_server_id_at_ms")
            .table("console_chunks")
            .col("server_id")
            .col("at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn metric_chunks(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("metric_chunks")
        .col(text("subject_id"))
        .col(integer("step_s"))
        .col(big_integer("start_s"))
        .col(big_integer("last_at_ms"))
        .col(integer("samples"))
        .col(blob("data"))
        .primary_key(
            Index::create()
                .col("subject_id")
                .col("step_s")
                .col("start_s"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("metric_chunks_step_s_start_s")
            .table("metric_chunks")
            .col("step_s")
            .col("start_s")
            .to_owned(),
    )
    .await?;
    Ok(())
}
