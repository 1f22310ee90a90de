//! What people say about themselves, their pictures, and their SSH keys.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

fn ssh_keys() -> TableCreateStatement {
    Table::create()
        .table("ssh_keys")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("name"))
        .col(text("algorithm"))
        .col(text("fingerprint"))
        .col(text("public_key"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("last_used_at_ms"))
        .to_owned()
}

fn profiles() -> TableCreateStatement {
    Table::create()
        .table("profiles")
        .col(text("user_id").primary_key())
        .col(text("display_name"))
        .col(text("bio"))
        .col(json("links"))
        .col(text_null("language"))
        .col(text_null("time_zone"))
        .col(text_null("theme"))
        .col(boolean("mail_log_in"))
        .col(boolean("mail_shared"))
        .col(boolean("shown"))
        .col(big_integer_null("avatar_at_ms"))
        .col(big_integer("updated_at_ms"))
        .to_owned()
}

fn avatars() -> TableCreateStatement {
    Table::create()
        .table("avatars")
        .col(text("user_id").primary_key())
        .col(blob("image"))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in [ssh_keys(), profiles(), avatars()] {
            m.create_table(table).await?;
        }
        // Of one person a key counts once; two people may have the same, for the name is typed as well.
        let key = Index::create()
            .name("ssh_keys_user_id_fingerprint")
            .table("ssh_keys")
            .col("user_id")
            .col("fingerprint")
            .unique()
            .to_owned();
        m.create_index(key).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["avatars", "profiles", "ssh_keys"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
