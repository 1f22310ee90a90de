//! Database hosts, the databases of servers on them, and how many of them somebody may have.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let hosts = Table::create()
            .table("database_hosts")
            .col(text("id").primary_key())
            .col(text("name"))
            .col(text("name_folded").unique_key())
            .col(text("engine"))
            .col(text("address"))
            .col(integer("port"))
            .col(text_null("public_address"))
            .col(integer_null("public_port"))
            .col(text("username"))
            .col(binary("secret"))
            .col(text("tls"))
            .col(text_null("ca_pem"))
            .col(big_integer_null("most_databases"))
            .col(big_integer_null("most_connections"))
            .col(json("nodes"))
            .col(json("locations"))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        m.create_table(hosts).await?;
        let databases = Table::create()
            .table("databases")
            .col(text("id").primary_key())
            .col(text("server_id"))
            .col(text("host_id"))
            .col(text("name"))
            .col(text("username"))
            .col(text("connections_from"))
            .col(big_integer_null("most_connections"))
            .col(binary("secret"))
            .col(binary_null("next_secret"))
            .col(text("state"))
            .col(integer("failures").default(0))
            .col(text_null("problem"))
            .col(text_null("problem_detail"))
            .col(big_integer("due_at_ms"))
            .col(text_null("leased_by"))
            .col(big_integer("leased_until_ms").default(0))
            .col(big_integer("created_at_ms"))
            .col(big_integer("updated_at_ms"))
            .to_owned();
        m.create_table(databases).await?;
        // No two on one host can meet, whoever makes them at once.
        for (index, column) in [
            ("databases_host_name", "name"),
            ("databases_host_username", "username"),
        ] {
            let index = Index::create()
                .name(index)
                .table("databases")
                .col("host_id")
                .col(column)
                .unique()
                .to_owned();
            m.create_index(index).await?;
        }
        let of_server = Index::create()
            .name("databases_server_id")
            .table("databases")
            .col("server_id")
            .to_owned();
        m.create_index(of_server).await?;
        // What is to be done is looked for every other second; most are ready.
        let open = "CREATE INDEX databases_open ON databases (due_at_ms) WHERE state <> 'ready'";
        m.get_connection().execute_unprepared(open).await?;
        for table in ["quotas", "plans"] {
            let mut column = big_integer_null("databases").to_owned();
            let table = Table::alter()
                .table(table)
                .add_column(&mut column)
                .to_owned();
            m.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["quotas", "plans"] {
            let table = Table::alter()
                .table(table)
                .drop_column("databases")
                .to_owned();
            m.alter_table(table).await?;
        }
        for table in ["databases", "database_hosts"] {
            m.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
