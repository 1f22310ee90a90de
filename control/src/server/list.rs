//! Lists of servers: each filter has an index that is read in the order of ids, so that a page costs the same
//! wherever it is and however many servers there are.

use sea_orm::{
    ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use warren_entity::{server_grams, servers};

use super::{
    dto::{ServerQuery, ServerSummary, ServerTally},
    row::{self, Row},
    search::Search,
    store,
    view::Around,
};
use crate::{
    access::Actor,
    app::App,
    auth::Caller,
    error::{Error, Result},
    http::{Page, PageQuery},
};

/// The [`Row`]s of a page and of one row more, as a query.
/// # Errors
/// 422 for a bad limit or cursor.
pub fn select(
    actor: &Actor,
    now_ms: i64,
    query: &ServerQuery,
    search: Option<&Search>,
) -> Result<Select<servers::Entity>> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let after = page.after()?;
    let mut select = store::visible_to(actor, now_ms).limit(page.limit()? + 1);
    if let Some(state) = query.state {
        let word = serde_json::to_value(state).map_err(Error::internal)?;
        select = select.filter(servers::Column::State.eq(word.as_str().unwrap_or_default()));
    }
    if let Some(node) = query.node {
        select = select.filter(servers::Column::NodeId.eq(node.to_string()));
    }
    if let Some(egg) = query.egg {
        select = select.filter(servers::Column::EggId.eq(egg.to_string()));
    }
    if let Some(search) = search {
        select = search.narrow(select);
    }
    // Where a search drives, its index has the order.
    if search.is_some_and(Search::by_gram) {
        if let Some(after) = after {
            select = select.filter(server_grams::Column::ServerId.lt(after));
        }
        let select = select.order_by_desc(server_grams::Column::ServerId);
        return Ok(row::columns(select));
    }
    if let Some(after) = after {
        select = select.filter(servers::Column::Id.lt(after));
    }
    Ok(row::columns(select.order_by_desc(servers::Column::Id)))
}

/// Servers that the caller may see, the newest first.
/// # Errors
/// Database; a bad cursor.
pub async fn list(app: &App, caller: &Caller, query: &ServerQuery) -> Result<Page<ServerSummary>> {
    let limit = PageQuery {
        limit: query.limit,
        cursor: None,
    };
    let limit = limit.limit()?;
    let search = match &query.search {
        Some(text) => Search::of(app.db.read(), text).await?,
        None => None,
    };
    let rows = select(&caller.actor, app.clock.now_ms(), query, search.as_ref())?
        .into_model::<Row>()
        .all(app.db.read())
        .await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    let around = Around::load(app, &page.items).await?;
    Ok(page.map(|row| around.summary(row)))
}

#[derive(FromQueryResult)]
struct Count {
    state: String,
    count: i64,
}

/// Counts by state, as a query.
#[must_use]
pub fn select_tally(actor: &Actor, now_ms: i64) -> Select<servers::Entity> {
    store::visible_to(actor, now_ms)
        .select_only()
        .column(servers::Column::State)
        .column_as(Expr::col(servers::Column::State).count(), "count")
        .group_by(servers::Column::State)
}

/// How many servers the caller may see, by state.
/// # Errors
/// Database.
pub async fn tally(app: &App, caller: &Caller) -> Result<ServerTally> {
    let counts = select_tally(&caller.actor, app.clock.now_ms())
        .into_model::<Count>()
        .all(app.db.read())
        .await?;
    let mut tally = ServerTally::default();
    for Count { state, count } in counts {
        let count = u64::try_from(count).unwrap_or_default();
        tally.total += count;
        if let Some(place) = tally.of(&state) {
            *place += count;
        }
    }
    Ok(tally)
}
