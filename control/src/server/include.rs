//! What a list of servers tells beside each of them when it is asked to: a query per sort of it and page.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QuerySelect};
use warren_entity::{servers, users};

use super::{
    dto::{ServerAllocation, ServerListed, ServerSummary},
    view::Around,
};
use crate::{
    allocation::take,
    app::App,
    error::{Error, Result},
    operation::dto::Named,
};

/// What was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    owner: bool,
    ports: bool,
}

impl Include {
    /// Reads the words, which commas part.
    /// # Errors
    /// 422 for another word.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let mut include = Self::default();
        let words = text.unwrap_or_default().split(',').map(str::trim);
        for word in words.filter(|word| !word.is_empty()) {
            match word {
                "owner" => include.owner = true,
                "ports" => include.ports = true,
                _ => {
                    let text = "is none of what can be included: owner, ports";
                    return Err(Error::field("include", "unknown", text));
                }
            }
        }
        Ok(include)
    }

    /// Adds it to a page.
    /// # Errors
    /// Database.
    pub async fn with(
        self,
        app: &App,
        around: &Around,
        page: Vec<ServerSummary>,
    ) -> Result<Vec<ServerListed>> {
        let ids: Vec<String> = page.iter().map(|server| server.id.clone()).collect();
        let mut owners = match self.owner && !ids.is_empty() {
            true => owners(app, &ids).await?,
            false => HashMap::new(),
        };
        let mut ports = match self.ports && !ids.is_empty() {
            true => ports(app, around, &ids).await?,
            false => HashMap::new(),
        };
        let listed = page.into_iter().map(|summary| ServerListed {
            owner: owners.remove(&summary.id),
            ports: self
                .ports
                .then(|| ports.remove(&summary.id).unwrap_or_default()),
            summary,
        });
        Ok(listed.collect())
    }
}

async fn owners(app: &App, ids: &[String]) -> Result<HashMap<String, Named>> {
    let owner = servers::Entity::belongs_to(users::Entity)
        .from(servers::Column::OwnerId)
        .to(users::Column::Id)
        .into();
    let rows: Vec<(String, String, String)> = servers::Entity::find()
        .join(JoinType::InnerJoin, owner)
        .filter(servers::Column::Id.is_in(ids))
        .select_only()
        .column(servers::Column::Id)
        .column(users::Column::Id)
        .column(users::Column::Username)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let named = |(server, id, name)| (server, Named { id, name });
    Ok(rows.into_iter().map(named).collect())
}

async fn ports(
    app: &App,
    around: &Around,
    ids: &[String],
) -> Result<HashMap<String, Vec<ServerAllocation>>> {
    let rows = take::of_servers(app.db.read(), ids.iter().map(String::as_str)).await?;
    let mut of: HashMap<String, Vec<ServerAllocation>> = HashMap::new();
    for row in rows {
        if let Some(server) = row.server_id.clone() {
            of.entry(server).or_default().push(around.port(row));
        }
    }
    Ok(of)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_are_parted_by_commas_and_others_refused() {
        let both = Include::parse(Some("ports, owner")).unwrap();
        assert!(both.owner && both.ports);
        assert_eq!(Include::parse(None).unwrap(), Include::default());
        assert_eq!(Include::parse(Some("")).unwrap(), Include::default());
        assert!(Include::parse(Some("owner,password_hash")).is_err());
    }
}
