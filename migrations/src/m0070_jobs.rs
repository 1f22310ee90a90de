//! Jobs beside those that own a server's files: lanes in place of one active operation per server, what a job needs to
//! know, and progress in bytes.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const COUNTS: [&str; 3] = ["done_bytes", "total_bytes", "bytes_per_second"];

fn add(mut column: ColumnDef) -> TableAlterStatement {
    Table::alter()
        .table("operations")
        .add_column(&mut column)
        .to_owned()
}

fn one_active(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create()
        .name("operations_one_active")
        .table("operations")
        .unique()
        .and_where(Expr::col("state").is_in(["pending", "running"]))
        .to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.alter_table(add(text_null("lane"))).await?;
        m.alter_table(add(json_null("body"))).await?;
        for count in COUNTS {
            m.alter_table(add(big_integer_null(count))).await?;
        }
        let all = "UPDATE operations SET lane = 'files'";
        m.get_connection().execute_unprepared(all).await?;
        m.drop_index(
            Index::drop()
                .name("operations_one_active")
                .table("operations")
                .to_owned(),
        )
        .await?;
        m.create_index(one_active(&["server_id", "lane"])).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(
            Index::drop()
                .name("operations_one_active")
                .table("operations")
                .to_owned(),
        )
        .await?;
        let others = "DELETE FROM operations WHERE lane IS NULL OR lane <> 'files'";
        m.get_connection().execute_unprepared(others).await?;
        for column in COUNTS.into_iter().chain(["body", "lane"]) {
            let table = Table::alter()
                .table("operations")
                .drop_column(column)
                .to_owned();
            m.alter_table(table).await?;
        }
        m.create_index(one_active(&["server_id"])).await
    }
}
