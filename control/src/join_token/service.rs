//! Tokens for people: `node::token` makes and withdraws them.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use warren_entity::{join_tokens, nodes};
use warren_proto::ids::JoinTokenId;

use super::dto::{JoinTokenCreate, JoinTokenCreated, JoinTokenInfo};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{Page, PageQuery, Pin, Stamp},
    node::token::{self, TokenAsk, TokenError},
};

fn checked(req: &JoinTokenCreate) -> Result<String> {
    let mut fields = Fields::new();
    let name = match &req.name {
        Some(name) if !name.trim().is_empty() => fields.line("name", name, 64),
        _ => String::new(),
    };
    for (key, value) in req.labels.iter().flatten() {
        let field = format!("labels.{key:.64}");
        fields.line(&field, key, 64);
        fields.text(&field, value, 256);
    }
    if req.node.is_some() {
        let kept = "a node that is taken back keeps its own; leave it out";
        fields.check(req.labels.is_none(), "labels", "not_with_node", kept);
        fields.check(
            req.port_range.is_none(),
            "port_range",
            "not_with_node",
            kept,
        );
    }
    fields.finish()?;
    Ok(name)
}

/// Makes a token.
/// # Errors
/// 422 out of range; 409 `no_public_address`.
pub async fn create(
    app: &App,
    caller: &Caller,
    req: JoinTokenCreate,
    local: bool,
) -> Result<JoinTokenCreated> {
    let name = checked(&req)?;
    let mut ask = TokenAsk {
        name,
        created_by: Some(caller.actor.user),
        local,
        control_key_sha256: app.door.pin.get().map(Pin::hex),
        node: req.node,
        labels: req.labels.unwrap_or_default(),
        ..TokenAsk::default()
    };
    if let Some(uses) = req.uses {
        ask.uses = uses.into();
    }
    if let Some(seconds) = req.expires_in_s {
        ask.expires_in_s = seconds.into();
    }
    if let Some(range) = req.port_range {
        ask.ports = (range.first, range.last);
    }
    let made = token::create(app, &ask).await.map_err(|e| match e {
        TokenError::NoPublicAddress => Error::conflict("no_public_address", e.to_string()),
        TokenError::NoNode(_) => Error::field("node", "unknown", e.to_string()),
        TokenError::Value { field, problem } => Error::field(field, "out_of_range", problem),
        other => Error::internal(other),
    })?;
    let id = made.id.to_string();
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(Key::NodeCreate, "join_token", &id)
        .with(json!({"name": ask.name, "uses": ask.uses, "expires_in_s": ask.expires_in_s, "node": ask.node}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(JoinTokenCreated {
        command: format!("warren-agent join {}", made.token),
        install_command: install_command(app, caller, &made.token),
        id,
        token: made.token,
        expires_at: Stamp(made.expires_at_ms),
    })
}

/// One line for a fresh machine. What it fetches is run as root, so over a certificate that no authority vouches
/// for (`-k`) curl is told whose key it must be; the script then holds the same pin and the agent's SHA-256.
fn install_command(app: &App, caller: &Caller, token: &str) -> Option<String> {
    let url = if app.config.public_url.is_empty() {
        format!("{}://{}", caller.peer.scheme.as_str(), caller.peer.host)
    } else {
        app.config.public_url.trim_end_matches('/').to_owned()
    };
    if token::is_loopback(&url) {
        return None;
    }
    let trust = app.door.pin.get().map_or_else(String::new, |pin| {
        format!("k --pinnedpubkey '{}'", pin.option())
    });
    Some(format!(
        "curl -fsSL{trust} {url}/install.sh | sh -s -- {token}"
    ))
}

/// Tokens that can still be used.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, page: &PageQuery) -> Result<Page<JoinTokenInfo>> {
    const RECENT_MS: i64 = 7 * 24 * 3600 * 1000;
    let limit = page.limit()?;
    let mut query = join_tokens::Entity::find()
        .filter(join_tokens::Column::DeletedAtMs.is_null())
        .filter(join_tokens::Column::ExpiresAtMs.gt(app.clock.now_ms() - RECENT_MS))
        .order_by_desc(join_tokens::Column::Id)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        query = query.filter(join_tokens::Column::Id.lt(after));
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    let ids = page.items.iter().map(|row| row.id.clone());
    let users: Vec<(Option<String>, String)> = nodes::Entity::find()
        .filter(nodes::Column::JoinTokenId.is_in(ids))
        .filter(nodes::Column::DeletedAtMs.is_null())
        .select_only()
        .columns([nodes::Column::JoinTokenId, nodes::Column::Id])
        .into_tuple()
        .all(app.db.read())
        .await?;
    Ok(page.map(|row| JoinTokenInfo {
        used_by: users
            .iter()
            .filter(|(token, _)| token.as_ref() == Some(&row.id))
            .map(|(_, node)| node.clone())
            .collect(),
        id: row.id,
        name: row.name,
        node: row.node_id,
        uses_left: row.uses_left,
        expires_at: Stamp(row.expires_at_ms),
        created_at: Stamp(row.created_at_ms),
    }))
}

/// Withdraws a token.
/// # Errors
/// 404.
pub async fn withdraw(app: &App, caller: &Caller, id: JoinTokenId) -> Result<()> {
    if !token::withdraw(app, id).await? {
        return Err(Error::not_found("join token"));
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(Key::NodeCreate, "join_token", &id.to_string())
        .with(json!({"withdrawn": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
