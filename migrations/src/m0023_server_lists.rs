use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name and first column; each is in the order of ids behind it, and without what is deleted.
const LISTS: [(&str, &str); 4] = [
    ("servers_list_owner_id", "owner_id"),
    ("servers_list_node_id", "node_id"),
    ("servers_list_egg_id", "egg_id"),
    ("servers_list_state", "state"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in LISTS {
            m.create_index(
                Index::create()
                    .name(name)
                    .table("servers")
                    .col(column)
                    .col("id")
                    .and_where(Expr::col("deleted_at_ms").is_null())
                    .to_owned(),
            )
            .await?;
        }
        // To count in, without a look at the rows: SQLite wants the column of the condition in it for that, and
        // PostgreSQL stores each of the few values once.
        m.create_index(
            Index::create()
                .name("servers_tally")
                .table("servers")
                .col("state")
                .col("deleted_at_ms")
                .and_where(Expr::col("deleted_at_ms").is_null())
                .to_owned(),
        )
        .await?;
        names(m).await?;
        grams(m).await?;
        fill(m).await
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in ["server_grams", "server_names"] {
            m.drop_table(Table::drop().table(table).if_exists().to_owned())
                .await?;
        }
        m.drop_index(
            Index::drop()
                .name("servers_tally")
                .table("servers")
                .to_owned(),
        )
        .await?;
        for (name, _) in LISTS {
            m.drop_index(Index::drop().name(name).table("servers").to_owned())
                .await?;
        }
        Ok(())
    }
}

async fn names(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("server_names")
        .col(text("server_id").primary_key())
        .col(text("folded"))
        .to_owned();
    m.create_table(table).await
}

async fn grams(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("server_grams")
        .col(text("gram"))
        .col(text("server_id"))
        .primary_key(Index::create().col("gram").col("server_id"))
        .to_owned();
    m.create_table(table).await
}

/// Servers from before are found too. Few letters are folded by SQLite; a name is noted anew when it changes.
async fn fill(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = m.get_connection();
    db.execute_unprepared(
        "INSERT INTO server_names (server_id, folded) \
         SELECT id, lower(name) FROM servers WHERE deleted_at_ms IS NULL",
    )
    .await?;
    // A name has at most 64 characters.
    db.execute_unprepared(
        "WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 62) \
         INSERT INTO server_grams (gram, server_id) \
         SELECT DISTINCT substr(folded, n, 3), server_id FROM server_names \
         JOIN place ON n <= length(folded) - 2",
    )
    .await?;
    Ok(())
}
