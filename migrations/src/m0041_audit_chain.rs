//! The audit log as a chain: each row is sealed together with the one before it.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // SQLite takes one column a statement.
        for column in [big_integer_null("seq"), text_null("seal")] {
            let table = Table::alter()
                .table("audit_log")
                .add_column(column)
                .to_owned();
            m.alter_table(table).await?;
        }
        m.create_index(
            Index::create()
                .name("audit_log_seq_unique")
                .table("audit_log")
                .col("seq")
                .unique()
                .to_owned(),
        )
        .await?;
        // Those that are not sealed yet are few: they are found without looking at all others.
        m.create_index(
            Index::create()
                .name("audit_log_unsealed")
                .table("audit_log")
                .col("id")
                .and_where(Expr::col("seq").is_null())
                .to_owned(),
        )
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for name in ["audit_log_seq_unique", "audit_log_unsealed"] {
            let index = Index::drop().name(name).table("audit_log").to_owned();
            m.drop_index(index).await?;
        }
        for column in ["seq", "seal"] {
            let table = Table::alter()
                .table("audit_log")
                .drop_column(column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }
}
