//! The second step of a log-in: authenticator apps, recovery codes, and roles that want one.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Columns added to tables that exist, to be taken away again.
const ADDED: [&str; 2] = ["users", "roles"];

fn second_factors() -> TableCreateStatement {
    Table::create()
        .table("second_factors")
        .col(text("user_id").primary_key())
        .col(binary("secret"))
        .col(big_integer_null("confirmed_at_ms"))
        .col(big_integer("last_step").default(0))
        .col(big_integer("created_at_ms"))
        .to_owned()
}

fn recovery_codes() -> TableCreateStatement {
    Table::create()
        .table("recovery_codes")
        .col(text("user_id"))
        .col(text("code_hash"))
        .primary_key(Index::create().col("user_id").col("code_hash"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(second_factors()).await?;
        m.create_table(recovery_codes()).await?;
        for table in ADDED {
            let mut column = boolean("second_factor").default(false).to_owned();
            let table = Table::alter()
                .table(table)
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ADDED {
            let table = Table::alter()
                .table(table)
                .drop_column("second_factor")
                .to_owned();
            m.alter_table(table).await?;
        }
        for table in ["recovery_codes", "second_factors"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
