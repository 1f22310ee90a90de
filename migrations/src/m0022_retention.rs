use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name, table, column, condition: each holds what is due or open, however many rows there are besides.
fn indexes() -> Vec<(&'static str, &'static str, &'static str, Option<Expr>)> {
    let some = |column: &'static str| Some(Expr::col(column).is_not_null());
    let open = Expr::col("state").is_in(["pending", "running"]);
    let behind = Expr::col("applied_rev").lt(Expr::col("rev"));
    vec![
        ("operations_open", "operations", "node_id", Some(open)),
        (
            "operations_ended_at_ms",
            "operations",
            "ended_at_ms",
            some("ended_at_ms"),
        ),
        (
            "console_runs_ended_at_ms",
            "console_runs",
            "ended_at_ms",
            some("ended_at_ms"),
        ),
        ("nodes_behind", "nodes", "id", Some(behind)),
        // What a foreign key asks when the row that it points to goes.
        ("nodes_join_token_id", "nodes", "join_token_id", None),
        (
            "servers_deleted_at_ms",
            "servers",
            "deleted_at_ms",
            some("deleted_at_ms"),
        ),
        (
            "join_tokens_expires_at_ms",
            "join_tokens",
            "expires_at_ms",
            None,
        ),
        (
            "api_keys_revoked_at_ms",
            "api_keys",
            "revoked_at_ms",
            some("revoked_at_ms"),
        ),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, column, condition) in indexes() {
            let mut index = Index::create();
            index.name(name).table(table).col(column);
            if let Some(condition) = condition {
                index.and_where(condition);
            }
            m.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, ..) in indexes() {
            m.drop_index(Index::drop().name(name).table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
