//! Log-ins that other providers vouch for, roles that come with them, and log-ins that took two steps by themselves.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Flags of tables that exist. Of an address from before nobody knows whose it is.
const ADDED: [(&str, &str); 2] = [("sessions", "two_steps"), ("users", "email_verified")];

fn linked_logins() -> TableCreateStatement {
    Table::create()
        .table("linked_logins")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("provider"))
        .col(text("issuer"))
        .col(text("subject"))
        .col(text("name"))
        .col(boolean("by_address").default(false))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("last_used_at_ms"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(linked_logins()).await?;
        let subject = Index::create()
            .name("linked_logins_subject")
            .table("linked_logins")
            .col("issuer")
            .col("subject")
            .unique()
            .to_owned();
        m.create_index(subject).await?;
        let user = Index::create()
            .name("linked_logins_user_id")
            .table("linked_logins")
            .col("user_id")
            .to_owned();
        m.create_index(user).await?;
        for (table, column) in ADDED {
            let mut column = boolean(column).default(false).to_owned();
            let table = Table::alter()
                .table(table)
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        let mut column = text_null("login_id").to_owned();
        let grants = Table::alter()
            .table("grants")
            .add_column(&mut column)
            .to_owned();
        m.alter_table(grants).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("grants", "login_id")].into_iter().chain(ADDED) {
            let table = Table::alter().table(table).drop_column(column).to_owned();
            m.alter_table(table).await?;
        }
        let table = Table::drop().table("linked_logins").to_owned();
        m.drop_table(table).await
    }
}
