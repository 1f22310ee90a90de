//! Lists of servers: each filter has an index that is read in the order of ids, and all have one of names, so that a page
//! costs the same wherever it is and however many servers there are. In the order of names, what a filter or a search finds
//! is sorted.

use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationDef,
    Select,
    sea_query::{Expr, ExprTrait},
};
use warren_entity::{server_grams, server_names, servers};

use super::{
    dto::{ServerListed, ServerQuery, ServerTally},
    include::Include,
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
    http::{Page, PageQuery, Sort},
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
    let page = page_of(query);
    let sort = query.sort.unwrap_or(Sort::CreatedBack);
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
    if sort.by_name() {
        select = select.join(JoinType::InnerJoin, name());
    }
    // Where a search drives, its index has the order of ids.
    let by_gram = !sort.by_name() && search.is_some_and(Search::by_gram);
    let folded = Expr::col((server_names::Entity, server_names::Column::Folded));
    let told = |name: &str| Expr::val(name);
    let select = match (sort.by_name(), by_gram) {
        (true, _) => {
            let id = server_names::Column::ServerId;
            sort.apply(select, &page, id, folded, told)?
        }
        (false, true) => {
            let id = server_grams::Column::ServerId;
            sort.apply(select, &page, id, folded, told)?
        }
        (false, false) => sort.apply(select, &page, servers::Column::Id, folded, told)?,
    };
    Ok(row::columns(select))
}

fn page_of(query: &ServerQuery) -> PageQuery {
    PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    }
}

fn name() -> RelationDef {
    servers::Entity::belongs_to(server_names::Entity)
        .from(servers::Column::Id)
        .to(server_names::Column::ServerId)
        .into()
}

/// As the index has it.
async fn folded(app: &App, id: &str) -> Result<String> {
    let row = server_names::Entity::find_by_id(id).one(app.db.read());
    Ok(row.await?.map(|row| row.folded).unwrap_or_default())
}

/// Servers that the caller may see, the newest first unless asked otherwise.
/// # Errors
/// Database; a bad cursor, order or word of what to include.
pub async fn list(app: &App, caller: &Caller, query: &ServerQuery) -> Result<Page<ServerListed>> {
    let include = Include::parse(query.include.as_deref())?;
    let limit = page_of(query).limit()?;
    let search = match &query.search {
        Some(text) => Search::of(app.db.read(), text).await?,
        None => None,
    };
    let mut rows = select(&caller.actor, app.clock.now_ms(), query, search.as_ref())?
        .into_model::<Row>()
        .all(app.db.read())
        .await?;
    let fits = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > fits;
    rows.truncate(fits);
    let sort = query.sort.unwrap_or(Sort::CreatedBack);
    let next = match rows.last() {
        Some(last) if more && sort.by_name() => {
            Some(sort.key(&last.id, &folded(app, &last.id).await?))
        }
        Some(last) if more => Some(sort.key(&last.id, "")),
        _ => None,
    };
    let around = Around::load(app, &rows).await?;
    let shown = rows.into_iter().map(|row| around.summary(row)).collect();
    Ok(Page {
        items: include.with(app, &around, shown).await?,
        next: next.map(|key| Page::<()>::cursor(&key)),
    })
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
