use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("pending_keys")
            .col(text("node_id").primary_key())
            .col(text("public_key"))
            .col(big_integer("since_ms"))
            .col(big_integer("expires_at_ms"))
            .to_owned();
        m.create_table(table).await?;
        // How many keys of a node are refused is asked with each rotation.
        m.create_index(
            Index::create()
                .name("revoked_keys_node_id")
                .table("revoked_keys")
                .col("node_id")
                .to_owned(),
        )
        .await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.drop_index(
            Index::drop()
                .name("revoked_keys_node_id")
                .table("revoked_keys")
                .if_exists()
                .to_owned(),
        )
        .await?;
        m.drop_table(Table::drop().table("pending_keys").if_exists().to_owned())
            .await
    }
}
