//! `Idempotency-Key`: a POST that is sent again, because nobody knows what became of the first, is carried out once.
//!
//! What succeeded is answered as it was for a day. What was refused changed nothing, and is carried out when it is sent
//! again. Of what was broken off nobody knows, and that is said.

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use sha2::{Digest, Sha256};
use warren_entity::idempotent_requests::{ActiveModel, Column, Entity, Model};

use crate::{
    app::{App, Ground},
    auth::{AnyCaller, Counted},
    db::Lane,
    error::{Error, Result},
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST: usize = 255;
/// The largest body of a POST here: an egg in a form.
const BODY: usize = 4 * 1024 * 1024;
/// A larger answer is not kept; the request counts as broken off when it is sent again.
const ANSWER: usize = 1024 * 1024;
/// A handler has ended or was given up by then.
const WORKING_MS: i64 = 60_000;
/// Answers kept for one credential.
const MOST: u64 = 5000;
/// How long answers are kept.
const KEEP_MS: i64 = 24 * 3600 * 1000;

/// Whether a request asks for it.
pub fn is_asked(request: &Request) -> bool {
    request.method() == Method::POST
        && request.headers().contains_key(KEY)
        && request.uri().path().starts_with("/api/v1/")
        // Whoever logs in has no credential yet that a key could belong to.
        && request.uri().path() != "/api/v1/session"
        && !request.uri().path().starts_with("/api/v1/session/")
        // What is kept of an answer has no cookie, and without it this one is of no use.
        && request.uri().path() != "/api/v1/account/logins"
        // Another ticket harms nobody, and they are asked for all the time.
        && !request.uri().path().ends_with("/ticket")
        && !request.uri().path().starts_with("/api/v1/tickets/")
}

/// Carries a request out, or answers as the first under its key was answered.
pub async fn run(app: &App, request: Request, next: Next) -> Response {
    match once(app, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn once(app: &App, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let key = parts
        .headers
        .get(KEY)
        .and_then(|value| value.to_str().ok())
        .filter(|key| (1..=LONGEST).contains(&key.len()))
        .ok_or_else(|| {
            let text = format!("has 1 to {LONGEST} visible ASCII characters");
            Error::field("idempotency-key", "invalid", text)
        })?
        .to_owned();
    // Nobody takes up room or hears an answer who has not proved who they are.
    let AnyCaller(caller) = AnyCaller::from_request_parts(&mut parts, app).await?;
    parts.extensions.insert(Counted);
    let whose = caller.session_text();
    let bytes = to_bytes(body, BODY).await.map_err(|_| {
        let text = "the body broke off, or is larger than any call takes";
        Error::refused(413, "too_large", text)
    })?;
    let id = digest(&[whose.as_bytes(), key.as_bytes()]);
    let asked = digest(&[parts.uri.to_string().as_bytes(), &bytes]);
    let now_ms = app.clock.now_ms();
    if !claim(app, &id, &whose, &asked, now_ms).await? {
        return earlier(app, &id, &asked, now_ms).await;
    }
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    let status = response.status();
    if status.is_client_error() {
        // Nothing was changed; what was wrong may be right the next time.
        forget(app, &id).await?;
        return Ok(response);
    }
    if !status.is_success() {
        // It may have been done all the same: nobody knows.
        return Ok(response);
    }
    keep(app, &id, response).await
}

fn digest(parts: &[&[u8]]) -> String {
    let mut all = Sha256::new();
    for part in parts {
        all.update((part.len() as u64).to_be_bytes());
        all.update(part);
    }
    hex::encode(all.finalize())
}

/// Whether this request is the first under its key.
async fn claim(app: &App, id: &str, whose: &str, asked: &str, now_ms: i64) -> Result<bool> {
    let have = Entity::find()
        .filter(Column::Whose.eq(whose))
        .count(app.db.read())
        .await?;
    if have >= MOST {
        return Err(Error::TooMany {
            code: "too_many_keys",
            detail: format!(
                "this log-in or API key has {MOST} answers kept for a day; send what is safe to send again without a key"
            ),
            retry_after_s: 3600,
        });
    }
    let row = ActiveModel {
        id: Set(id.to_owned()),
        whose: Set(whose.to_owned()),
        request: Set(asked.to_owned()),
        status: Set(None),
        content_type: Set(None),
        body: Set(None),
        created_at_ms: Set(now_ms),
    };
    let tx = app.db.begin(Lane::People).await?;
    let first = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(&*tx)
        .await;
    let first = match first {
        Ok(rows) => rows == 1,
        Err(DbErr::RecordNotInserted) => false,
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    Ok(first)
}

async fn earlier(app: &App, id: &str, asked: &str, now_ms: i64) -> Result<Response> {
    let row = Entity::find_by_id(id).one(app.db.read()).await?;
    let working = || {
        let text = "the first request under this key is being worked on; send it again in a moment";
        Error::Unavailable {
            code: "idempotency_in_progress",
            detail: text.into(),
        }
    };
    // It was refused meanwhile.
    let row = row.ok_or_else(working)?;
    if row.request != asked {
        let text = "was used for another request; each request has a key of its own";
        return Err(Error::field("idempotency-key", "reused", text));
    }
    match row.status {
        Some(status) => replay(app, status, row),
        None if row.created_at_ms + WORKING_MS > now_ms => Err(working()),
        None => Err(Error::conflict(
            "outcome_unknown",
            "the first request under this key was broken off: look whether it was carried out, and send it under \
             another key if it was not",
        )),
    }
}

fn replay(app: &App, status: i32, row: Model) -> Result<Response> {
    let sealed = row.body.unwrap_or_default();
    let body = app.keys.sealer.open(&place(&row.id), &sealed);
    let body = Body::from(body.map_err(Error::internal)?);
    let status = u16::try_from(status).map_err(Error::internal)?;
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(Error::internal)?;
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(kind) = row.content_type {
        let kind = HeaderValue::from_str(&kind).map_err(Error::internal)?;
        headers.insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

fn place(id: &str) -> String {
    format!("idempotent_request/{id}")
}

/// Keeps an answer before it goes out: whoever has it can rely on hearing it again.
async fn keep(app: &App, id: &str, response: Response) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let length = body.size_hint().upper();
    if length.is_none_or(|bytes| bytes > ANSWER as u64) {
        return Ok(Response::from_parts(parts, body));
    }
    let bytes: Bytes = to_bytes(body, ANSWER).await.map_err(Error::internal)?;
    let sealed = app.keys.sealer.seal(&place(id), &bytes);
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    let tx = app.db.begin(Lane::People).await?;
    Entity::update_many()
        .col_expr(
            Column::Status,
            Expr::value(i32::from(parts.status.as_u16())),
        )
        .col_expr(Column::ContentType, Expr::value(kind))
        .col_expr(Column::Body, Expr::value(sealed.map_err(Error::internal)?))
        .filter(Column::Id.eq(id))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

async fn forget(app: &App, id: &str) -> Result<(), DbErr> {
    let tx = app.db.begin(Lane::People).await?;
    Entity::delete_by_id(id).exec(&*tx).await?;
    tx.commit().await
}

/// Drops answers that nobody asks for any more.
/// # Errors
/// Database.
pub async fn prune(ground: &Ground) -> Result<u64, DbErr> {
    let tx = ground.db.begin(Lane::Machines).await?;
    let gone = Entity::delete_many()
        .filter(Column::CreatedAtMs.lt(ground.clock.now_ms() - KEEP_MS))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
