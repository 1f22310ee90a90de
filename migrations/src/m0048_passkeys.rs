//! Passkeys, and offers of log-ins that were taken up.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn passkeys() -> TableCreateStatement {
    Table::create()
        .table("passkeys")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("host"))
        .col(text("name"))
        .col(text("credential_id"))
        .col(text("credential"))
        .col(boolean("synced"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("last_used_at_ms"))
        .to_owned()
}

fn used_offers() -> TableCreateStatement {
    Table::create()
        .table("used_offers")
        .col(text("offer_hash").primary_key())
        .col(big_integer("expires_at_ms"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(passkeys()).await?;
        m.create_table(used_offers()).await?;
        let credential = Index::create()
            .name("passkeys_credential_id")
            .table("passkeys")
            .col("credential_id")
            .unique()
            .to_owned();
        m.create_index(credential).await?;
        let user = Index::create()
            .name("passkeys_user_id")
            .table("passkeys")
            .col("user_id")
            .to_owned();
        m.create_index(user).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["used_offers", "passkeys"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
