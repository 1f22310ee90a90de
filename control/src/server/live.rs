//! What reaches the game now: typed lines, and tickets for the WebSocket.

use warren_proto::{
    bus::ticket::{self, Mine, Scope, Ticket as Claims},
    ids::{CommandId, SessionId},
    subjects::down,
    wire,
};

use super::{
    dto::{InputAnswer, InputRequest, InputResult, Ticket},
    upload,
};
use crate::{
    access::{Key, KeySet, Set, held, load, sees_everything},
    app::App,
    auth::{Caller, ServerAccess},
    error::{Error, Result},
    gate::{self, holders},
    node::{self, ask_by_id},
};

/// With the line end that the node adds, 4095: more than that a terminal cuts.
const LINE_BYTES: usize = 4094;
/// The node waits 2 s for a full pipe before it says so.
const WITHIN: std::time::Duration = std::time::Duration::from_millis(2500);
/// Tickets live as long as they may; whoever needs one longer renews it.
const TICKET_S: i64 = 300;

/// Types a line.
/// # Errors
/// 422 for a line that is none; 503 when the node is away, `node_no_answer` when it may have typed the line all the
/// same.
pub async fn input(app: &App, access: &ServerAccess, req: InputRequest) -> Result<InputAnswer> {
    if req.line.len() > LINE_BYTES {
        return Err(Error::field(
            "line",
            "too_long",
            format!(
                "has {} bytes; at most {LINE_BYTES} are possible",
                req.line.len()
            ),
        ));
    }
    if req.line.contains(['\n', '\r', '\0']) {
        return Err(Error::field(
            "line",
            "invalid",
            "is one line: no line ends and no zero bytes in it",
        ));
    }
    let body = wire::ConsoleAsk {
        session: String::new(),
        server: access.id.to_string(),
        ask: Some(wire::console_ask::Ask::Input(wire::Input {
            line: req.line.into_bytes(),
            id: req.id.unwrap_or_else(CommandId::new).to_string(),
            actor: format!("user:{}", access.caller.actor.user),
        })),
    };
    let answer: wire::InputAnswer =
        ask_by_id(app, access.node, down::CONSOLE, &body, WITHIN).await?;
    let result = match answer.result() {
        wire::InputResult::Written => InputResult::Written,
        wire::InputResult::Busy => InputResult::Busy,
        wire::InputResult::Off => InputResult::Off,
        wire::InputResult::Unspecified => {
            // The node's fault and no one's here: what it did with the line is not known.
            return Err(Error::Agent {
                code: "node_bad_answer".into(),
                message: "the node's answer does not say what became of the line".into(),
                retryable: false,
            });
        }
    };
    Ok(InputAnswer { result })
}

fn session(caller: &Caller) -> Result<SessionId> {
    // An API key's own id stands for its session: revoking the key ends its tickets.
    caller.session_text().parse().map_err(Error::internal)
}

async fn sign(
    app: &App,
    caller: &Caller,
    scope: Scope,
    rights: Vec<String>,
    upload_bytes: Option<u64>,
) -> Result<Ticket> {
    let iat = app.clock.now_s();
    let ends_ms = load::ends_ms(app.db.read(), &caller.actor, app.clock.now_ms()).await?;
    let exp = gate::ends_before(iat + TICKET_S, ends_ms);
    let claims = Claims {
        user: caller.actor.user,
        session: session(caller)?,
        scope,
        rights,
        upload_bytes,
        iat,
        exp,
    };
    holders::note(app, &claims).await.map_err(|e| match e {
        gate::Error::Database(error) => error.into(),
        _ => Error::unauthenticated("session_ended", "this session has just ended"),
    })?;
    let text = ticket::sign(&app.keys.ticket, &claims)
        .map_err(|e| Error::Internal(anyhow::anyhow!("ticket: {e}")))?;
    Ok(Ticket {
        ticket: text,
        expires_at: crate::http::Stamp(exp * 1000),
        ws: "/ws".into(),
        left_out: 0,
    })
}

/// A ticket for one server, with the rights that its holder has at this moment.
/// # Errors
/// Signing.
pub async fn server_ticket(app: &App, access: &ServerAccess) -> Result<Ticket> {
    let actor = &access.caller.actor;
    let rights = (held(actor, access.resource) & KeySet::of(Set::Server)).names();
    let scope = Scope::Server {
        server: access.id,
        node: access.node,
    };
    let upload_bytes = upload::of_server(app, &access.server.id).await?;
    sign(app, &access.caller, scope, rights, upload_bytes).await
}

/// A ticket for events of all servers that its holder may see.
/// # Errors
/// Database; signing.
pub async fn mine_ticket(app: &App, caller: &Caller) -> Result<Ticket> {
    let all = sees_everything(&caller.actor);
    let (servers, nodes, left_out) = if all {
        (Vec::new(), Vec::new(), 0)
    } else {
        let (servers, left_out) = super::service::own_ids(app, caller).await?;
        (
            servers,
            node::service::own_ids(app, caller).await?,
            left_out,
        )
    };
    let scope = Scope::Mine(Mine {
        all,
        servers,
        nodes,
    });
    let rights = vec![Key::WebsocketConnect.as_str().to_owned()];
    let mut ticket = sign(app, caller, scope, rights, None).await?;
    ticket.left_out = left_out;
    Ok(ticket)
}
