//! Plans: quotas with a name, that people are on.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let plans = Table::create()
            .table("plans")
            .col(text("id").primary_key())
            .col(text("name"))
            .col(text("name_folded"))
            .col(text("description"))
            .col(boolean("standard").default(false))
            .col(big_integer_null("servers"))
            .col(big_integer_null("memory_bytes"))
            .col(big_integer_null("disk_bytes"))
            .col(big_integer_null("cpu_percent"))
            .col(big_integer_null("ports"))
            .col(big_integer_null("subusers"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        m.create_table(plans).await?;
        let name = Index::create()
            .name("plans_name_folded")
            .table("plans")
            .col("name_folded")
            .unique()
            .to_owned();
        m.create_index(name).await?;
        // One standard plan, whoever makes two at once.
        let one = "CREATE UNIQUE INDEX plans_standard ON plans (standard) WHERE standard";
        m.get_connection().execute_unprepared(one).await?;
        // A quota that was set stays somebody's own.
        let mut own = boolean("own").default(true).to_owned();
        let mut plan = text_null("plan_id").to_owned();
        for column in [&mut own, &mut plan] {
            let quotas = Table::alter().table("quotas").add_column(column).to_owned();
            m.alter_table(quotas).await?;
        }
        let plan = Index::create()
            .name("quotas_plan_id")
            .table("quotas")
            .col("plan_id")
            .to_owned();
        m.create_index(plan).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop()
            .name("quotas_plan_id")
            .table("quotas")
            .to_owned();
        m.drop_index(index).await?;
        for column in ["plan_id", "own"] {
            let quotas = Table::alter()
                .table("quotas")
                .drop_column(column)
                .to_owned();
            m.alter_table(quotas).await?;
        }
        m.drop_table(Table::drop().table("plans").to_owned()).await
    }
}
