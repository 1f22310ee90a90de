//! Nests get names that are unique whatever their case. No version before this one has made any.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn name(name: &str, column: &'static str) -> IndexCreateStatement {
    Index::create()
        .name(name)
        .table("nests")
        .col(column)
        .unique()
        .to_owned()
}

fn gone(name: &str) -> IndexDropStatement {
    Index::drop().name(name).table("nests").to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut folded = text("name_folded").default("").to_owned();
        let mut updated = big_integer("updated_at_ms").default(0).to_owned();
        for column in [&mut folded, &mut updated] {
            let nests = Table::alter().table("nests").add_column(column).to_owned();
            m.alter_table(nests).await?;
        }
        let fill = "UPDATE nests SET name_folded = lower(name), updated_at_ms = created_at_ms";
        m.get_connection().execute_unprepared(fill).await?;
        m.drop_index(gone("nests_name_unique")).await?;
        m.create_index(name("nests_name_folded", "name_folded"))
            .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(gone("nests_name_folded")).await?;
        m.create_index(name("nests_name_unique", "name")).await?;
        for column in ["updated_at_ms", "name_folded"] {
            let nests = Table::alter().table("nests").drop_column(column).to_owned();
            m.alter_table(nests).await?;
        }
        Ok(())
    }
}
