//! Log-ins by SFTP: which server, and by which key.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn sftp_logins() -> TableCreateStatement {
    Table::create()
        .table("sftp_logins")
        .col(text("session_id").primary_key())
        .col(text("server_id"))
        .col(text_null("ssh_key_id"))
        .col(text_null("api_key_id"))
        .col(big_integer("created_at_ms"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(sftp_logins()).await?;
        for column in ["server_id", "ssh_key_id", "api_key_id"] {
            let index = Index::create()
                .name(format!("sftp_logins_{column}"))
                .table("sftp_logins")
                .col(column)
                .to_owned();
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_table(Table::drop().table("sftp_logins").to_owned())
            .await
    }
}
