//! A job on a server's files: its operation, its row in the log and its event, in one transaction.

use serde_json::{Value, json};

use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::ServerAccess,
    db::Lane,
    error::Result,
    job::{
        Kind,
        begin::{NewOperation, begin},
    },
    operation::{
        dto::{Named, Operation},
        view,
    },
    outbox::{self, Event},
};

/// What is asked for.
pub struct Asked<'a> {
    /// What.
    pub kind: Kind,
    /// All of them are needed.
    pub keys: &'a [Key],
    /// What the job needs to know; no secrets but sealed ones.
    pub body: Value,
    /// What the log calls it.
    pub word: &'a str,
    /// What it says of it; no secrets.
    pub diff: Value,
}

/// Begins it.
/// # Errors
/// 403; 409 while another of its lane is active, or the server is suspended or moved.
pub async fn begin_job(app: &App, access: &ServerAccess, asked: Asked<'_>) -> Result<Operation> {
    let Asked {
        kind,
        keys,
        body,
        word,
        mut diff,
    } = asked;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let (access, server) = access.locked_for(&*tx, keys, now_ms).await?;
    let new = NewOperation {
        kind,
        server: &server.id,
        node: &server.node_id,
        generation: server.generation,
        wipe: false,
        body: Some(body),
        actor: Some(access.caller.actor.user.to_string()),
    };
    let row = begin(&*tx, new, now_ms).await?;
    let data = json!({"operation": row.id, "kind": kind.as_str(), "state": "pending"});
    let event = Event::of_server(access.id, Some(access.node), "operation", now_ms, data);
    outbox::write(&*tx, event).await?;
    diff["operation"] = json!(row.id);
    Entry::word(word, "server", &server.id)
        .on(access.id)
        .with(diff)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.node);
    app.nudges.outbox();
    let named = Named {
        id: server.id,
        name: server.name,
    };
    Ok(view::operation(&row, Some(named), None))
}
