use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        users(m).await?;
        sessions(m).await?;
        api_keys(m).await?;
        join_tokens(m).await?;
        nodes(m).await?;
        node_boots(m).await?;
        node_cursors(m).await?;
        revoked_keys(m).await?;
        nests(m).await?;
        eggs(m).await?;
        egg_variables(m).await?;
        servers(m).await?;
        server_variables(m).await?;
        allocations(m).await?;
        tombstones(m).await?;
        orphans(m).await?;
        operations(m).await?;
        facts(m).await?;
        console_runs(m).await?;
        audit_log(m).await?;
        outbox(m).await?;
        leases(m).await?;
        counters(m).await?;
        revocations(m).await?;
        settings(m).await?;
        event_consumers(m).await?;
        Ok(())
    }

    async fn down(&self, m: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "event_consumers",
            "settings",
            "revocations",
            "counters",
            "leases",
            "outbox",
            "audit_log",
            "console_runs",
            "facts",
            "operations",
            "orphans",
            "tombstones",
            "allocations",
            "server_variables",
            "servers",
            "egg_variables",
            "eggs",
            "nests",
            "revoked_keys",
            "node_cursors",
            "node_boots",
            "nodes",
            "join_tokens",
            "api_keys",
            "sessions",
            "users",
        ] {
            m.drop_table(Table::drop().table(table).if_exists().to_owned())
                .await?;
        }
        Ok(())
    }
}

async fn users(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("users")
        .col(text("id").primary_key())
        .col(text("username"))
        .col(text("username_folded"))
        .col(text("email"))
        .col(text("email_folded"))
        .col(text("password_hash"))
        .col(boolean("admin"))
        .col(boolean("must_change_password"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer_null("deleted_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("users_username_folded_unique")
            .table("users")
            .col("username_folded")
            .unique()
            .and_where(Expr::col("deleted_at_ms").is_null())
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("users_email_folded_unique")
            .table("users")
            .col("email_folded")
            .unique()
            .and_where(Expr::col("deleted_at_ms").is_null())
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn sessions(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("sessions")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("token_hash"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("last_seen_at_ms"))
        .col(big_integer("expires_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .col(text("address"))
        .col(text("user_agent"))
        .foreign_key(
            ForeignKey::create()
                .from("sessions", "user_id")
                .to("users", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("sessions_token_hash_unique")
            .table("sessions")
            .col("token_hash")
            .unique()
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("sessions_user_id")
            .table("sessions")
            .col("user_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("sessions_expires_at_ms")
            .table("sessions")
            .col("expires_at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn api_keys(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("api_keys")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("name"))
        .col(text("prefix"))
        .col(text("secret_hash"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("last_used_at_ms"))
        .col(big_integer_null("expires_at_ms"))
        .col(big_integer_null("revoked_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("api_keys", "user_id")
                .to("users", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("api_keys_secret_hash_unique")
            .table("api_keys")
            .col("secret_hash")
            .unique()
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("api_keys_user_id")
            .table("api_keys")
            .col("user_id")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn join_tokens(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("join_tokens")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("secret_hash"))
        .col(text("credential_key"))
        .col(big_integer("uses_total"))
        .col(big_integer("uses_left").check(Expr::col("uses_left").gte(0)))
        .col(json("labels"))
        .col(integer("port_first"))
        .col(integer("port_last"))
        .col(text_null("created_by"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("expires_at_ms"))
        .col(big_integer_null("deleted_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn nodes(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("nodes")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("public_key"))
        .col(text_null("pending_key"))
        .col(big_integer("jwt_expires_at_ms"))
        .col(text("machine_hint"))
        .col(text_null("join_token_id"))
        .col(big_integer("rev"))
        .col(text_null("ledger_id"))
        .col(big_integer("applied_rev"))
        .col(text_null("current_boot"))
        .col(big_integer("next_ordinal"))
        .col(text_null("quarantined_boot"))
        .col(text_null("quarantined_because"))
        .col(boolean("online"))
        .col(big_integer("online_since_ms"))
        .col(big_integer_null("last_seen_at_ms"))
        .col(integer_null("rtt_ms"))
        .col(text_null("player_address"))
        .col(json("host"))
        .col(json("conditions"))
        .col(json_null("load"))
        .col(big_integer("journal_bytes"))
        .col(json("drops"))
        .col(json("labels"))
        .col(integer("port_first"))
        .col(integer("port_last"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer_null("revoked_at_ms"))
        .col(big_integer_null("deleted_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("nodes", "join_token_id")
                .to("join_tokens", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("nodes_name_unique")
            .table("nodes")
            .col("name")
            .unique()
            .and_where(Expr::col("deleted_at_ms").is_null())
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("nodes_public_key_unique")
            .table("nodes")
            .col("public_key")
            .unique()
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn node_boots(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("node_boots")
        .col(text("node_id"))
        .col(text("boot_id"))
        .col(big_integer("ordinal"))
        .col(text_null("previous_boot"))
        .col(big_integer("next_seq"))
        .col(boolean("host_rebooted"))
        .col(text("agent_version"))
        .col(big_integer("first_seen_at_ms"))
        .primary_key(Index::create().col("node_id").col("boot_id"))
        .foreign_key(
            ForeignKey::create()
                .from("node_boots", "node_id")
                .to("nodes", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("node_boots_node_id_ordinal_unique")
            .table("node_boots")
            .col("node_id")
            .col("ordinal")
            .unique()
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn node_cursors(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("node_cursors")
        .col(text("node_id").primary_key())
        .col(text_null("boot_id"))
        .col(big_integer("ordinal"))
        .col(big_integer("next_seq"))
        .foreign_key(
            ForeignKey::create()
                .from("node_cursors", "node_id")
                .to("nodes", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn revoked_keys(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("revoked_keys")
        .col(text("public_key").primary_key())
        .col(text("account"))
        .col(text_null("node_id"))
        .col(big_integer("revoked_at_s"))
        .col(big_integer("expires_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("revoked_keys_account")
            .table("revoked_keys")
            .col("account")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn nests(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("nests")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("description"))
        .col(big_integer("created_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("nests_name_unique")
            .table("nests")
            .col("name")
            .unique()
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn eggs(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("eggs")
        .col(text("id").primary_key())
        .col(text_null("nest_id"))
        .col(text("name"))
        .col(text("author"))
        .col(text("description"))
        .col(text_null("icon"))
        .col(json("tags"))
        .col(json("images"))
        .col(text("source"))
        .col(text_null("starter_key"))
        .col(json("document"))
        .col(json("report"))
        .col(text("raw"))
        .col(text("format"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer_null("deleted_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("eggs", "nest_id")
                .to("nests", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("eggs_nest_id")
            .table("eggs")
            .col("nest_id")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn egg_variables(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("egg_variables")
        .col(text("egg_id"))
        .col(text("env"))
        .col(integer("position"))
        .col(text("name"))
        .col(text("description"))
        .col(text("default_value"))
        .col(boolean("user_viewable"))
        .col(boolean("user_editable"))
        .col(json("rules"))
        .primary_key(Index::create().col("egg_id").col("env"))
        .foreign_key(
            ForeignKey::create()
                .from("egg_variables", "egg_id")
                .to("eggs", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn servers(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("servers")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("description"))
        .col(text("owner_id"))
        .col(text("node_id"))
        .col(text("egg_id"))
        .col(text("image"))
        .col(text("startup"))
        .col(json("limits"))
        .col(json("crash_policy"))
        .col(boolean("suspended"))
        .col(big_integer("generation"))
        .col(big_integer("rev"))
        .col(text("power"))
        .col(big_integer("power_generation"))
        .col(big_integer("restarts"))
        .col(text_null("intent"))
        .col(big_integer_null("intent_at_ms"))
        .col(blob("spec"))
        .col(text("state"))
        .col(big_integer("state_since_ms"))
        .col(text_null("state_reason"))
        .col(text_null("state_detail"))
        .col(big_integer("observed_generation"))
        .col(text_null("run_id"))
        .col(big_integer_null("run_started_at_ms"))
        .col(json_null("last_exit"))
        .col(json_null("install"))
        .col(json_null("sample"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("updated_at_ms"))
        .col(big_integer_null("deleted_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("servers", "owner_id")
                .to("users", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("servers", "node_id")
                .to("nodes", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("servers", "egg_id")
                .to("eggs", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("servers_node_id_rev")
            .table("servers")
            .col("node_id")
            .col("rev")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("servers_owner_id")
            .table("servers")
            .col("owner_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("servers_egg_id")
            .table("servers")
            .col("egg_id")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn server_variables(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("server_variables")
        .col(text("server_id"))
        .col(text("env"))
        .col(text("value"))
        .primary_key(Index::create().col("server_id").col("env"))
        .foreign_key(
            ForeignKey::create()
                .from("server_variables", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn allocations(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("allocations")
        .col(text("id").primary_key())
        .col(text("node_id"))
        .col(text("ip"))
        .col(integer("port").check(Expr::col("port").between(1, 65535)))
        .col(text_null("server_id"))
        .col(boolean("is_primary"))
        .col(text_null("alias"))
        .col(text_null("taken_by"))
        .col(big_integer("created_at_ms"))
        .foreign_key(
            ForeignKey::create()
                .from("allocations", "node_id")
                .to("nodes", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("allocations", "server_id")
                .to("servers", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("allocations_node_id_ip_port_unique")
            .table("allocations")
            .col("node_id")
            .col("ip")
            .col("port")
            .unique()
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("allocations_one_primary")
            .table("allocations")
            .col("server_id")
            .unique()
            .and_where(Expr::col("is_primary"))
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("allocations_server_id")
            .table("allocations")
            .col("server_id")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn tombstones(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("tombstones")
        .col(text("server_id"))
        .col(text("node_id"))
        .col(big_integer("generation"))
        .col(big_integer("rev"))
        .col(big_integer("keep_files_s"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("confirmed_at_ms"))
        .primary_key(Index::create().col("node_id").col("server_id"))
        .foreign_key(
            ForeignKey::create()
                .from("tombstones", "node_id")
                .to("nodes", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("tombstones_node_id_rev")
            .table("tombstones")
            .col("node_id")
            .col("rev")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn orphans(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("orphans")
        .col(text("node_id"))
        .col(text("server_id"))
        .col(big_integer("generation"))
        .col(text("state"))
        .col(big_integer("seen_at_ms"))
        .primary_key(Index::create().col("node_id").col("server_id"))
        .foreign_key(
            ForeignKey::create()
                .from("orphans", "node_id")
                .to("nodes", "id"),
        )
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn operations(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("operations")
        .col(text("id").primary_key())
        .col(text("kind"))
        .col(text_null("server_id"))
        .col(text_null("node_id"))
        .col(text("state"))
        .col(double_null("percent"))
        .col(text_null("step"))
        .col(text_null("code"))
        .col(text_null("message"))
        .col(big_integer("generation"))
        .col(boolean("wipe"))
        .col(text_null("run_id"))
        .col(integer_null("exit_code"))
        .col(text_null("actor"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("sent_at_ms"))
        .col(big_integer_null("started_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .col(big_integer_null("cancel_asked_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("operations_one_active")
            .table("operations")
            .col("server_id")
            .unique()
            .and_where(Expr::col("state").is_in(["pending", "running"]))
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("operations_node_id_state")
            .table("operations")
            .col("node_id")
            .col("state")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("operations_server_id")
            .table("operations")
            .col("server_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("operations_created_at_ms")
            .table("operations")
            .col("created_at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn facts(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("facts")
        .col(text("node_id"))
        .col(big_integer("ordinal"))
        .col(big_integer("seq"))
        .col(text("boot_id"))
        .col(text_null("server_id"))
        .col(text("kind"))
        .col(big_integer("generation"))
        .col(big_integer("at_ms"))
        .col(big_integer("received_at_ms"))
        .col(blob("body"))
        .col(text_null("error"))
        .primary_key(Index::create().col("node_id").col("ordinal").col("seq"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("facts_server_id")
            .table("facts")
            .col("server_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("facts_received_at_ms")
            .table("facts")
            .col("received_at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn console_runs(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("console_runs")
        .col(text("id"))
        .col(text("server_id"))
        .col(text("node_id"))
        .col(text("kind"))
        .col(big_integer("started_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .col(integer_null("exit_code"))
        .col(boolean("oom"))
        .col(text_null("image"))
        .col(big_integer_null("end_offset"))
        .primary_key(Index::create().col("id").col("node_id"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("console_runs_server_id_started_at_ms")
            .table("console_runs")
            .col("server_id")
            .col("started_at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn audit_log(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("audit_log")
        .col(text("id").primary_key())
        .col(big_integer("at_ms"))
        .col(text("actor_kind"))
        .col(text_null("actor_id"))
        .col(text("action"))
        .col(text("resource_kind"))
        .col(text_null("resource_id"))
        .col(text_null("server_id"))
        .col(text_null("address"))
        .col(json_null("diff"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("audit_log_server_id")
            .table("audit_log")
            .col("server_id")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("audit_log_at_ms")
            .table("audit_log")
            .col("at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn outbox(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("outbox")
        .col(big_integer("ord").auto_increment().primary_key())
        .col(text("id"))
        .col(big_integer_null("seq"))
        .col(text("subject"))
        .col(text("kind"))
        .col(text_null("server_id"))
        .col(text_null("node_id"))
        .col(big_integer("at_ms"))
        .col(json("data"))
        .col(big_integer_null("published_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("outbox_id_unique")
            .table("outbox")
            .col("id")
            .unique()
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("outbox_seq_unique")
            .table("outbox")
            .col("seq")
            .unique()
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("outbox_server_id_seq")
            .table("outbox")
            .col("server_id")
            .col("seq")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("outbox_at_ms")
            .table("outbox")
            .col("at_ms")
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("outbox_unsequenced")
            .table("outbox")
            .col("ord")
            .and_where(Expr::col("seq").is_null())
            .to_owned(),
    )
    .await?;
    m.create_index(
        Index::create()
            .name("outbox_unpublished")
            .table("outbox")
            .col("seq")
            .and_where(Expr::col("published_at_ms").is_null())
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn leases(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("leases")
        .col(text("name").primary_key())
        .col(text("holder"))
        .col(big_integer("fence"))
        .col(big_integer("expires_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn counters(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("counters")
        .col(text("name").primary_key())
        .col(big_integer("value"))
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn revocations(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("revocations")
        .col(big_integer("counter").primary_key())
        .col(text("kind"))
        .col(text("subject_id"))
        .col(big_integer("at_ms"))
        .to_owned();
    m.create_table(table).await?;
    m.create_index(
        Index::create()
            .name("revocations_at_ms")
            .table("revocations")
            .col("at_ms")
            .to_owned(),
    )
    .await?;
    Ok(())
}

async fn settings(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("settings")
        .col(text("key").primary_key())
        .col(blob("value"))
        .col(boolean("sealed"))
        .col(big_integer("updated_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}

async fn event_consumers(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("event_consumers")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(text("public_key"))
        .col(json_null("servers"))
        .col(json("durables"))
        .col(text_null("created_by"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("expires_at_ms"))
        .col(big_integer_null("revoked_at_ms"))
        .to_owned();
    m.create_table(table).await?;
    Ok(())
}
