//! Rows and documents of eggs, as the API shows them.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use warren_egg::rules;
use warren_entity::{egg_variables, eggs, servers};

use super::dto::{
    ConfigFileInfo, Egg, EggSummary, EggVariable, ImageChoice, InputKind, InstallInfo,
    StartupCommand, VariableInput,
};
use crate::{
    error::{Error, Result},
    http::Stamp,
    nest,
    operation::dto::Named,
};

/// Stored JSON of ours; what can't be read is as if empty, and a list goes on.
pub fn lenient<T: DeserializeOwned + Default>(value: &serde_json::Value) -> T {
    T::deserialize(value).unwrap_or_default()
}

/// The egg as the egg room understands it.
/// # Errors
/// A damaged row.
pub fn document(row: &eggs::Model) -> Result<warren_egg::Egg> {
    serde_json::from_value(row.document.clone())
        .map_err(|e| Error::Internal(anyhow::anyhow!("egg {}: stored document: {e}", row.id)))
}

/// An egg in a list. `nests`: what the ones of the list are called.
#[must_use]
pub fn summary(row: &eggs::Model, servers: u64, nests: &HashMap<String, String>) -> EggSummary {
    let nest = row.nest_id.as_ref();
    EggSummary {
        id: row.id.clone(),
        name: row.name.clone(),
        nest: nest.map(|id| Named {
            id: id.clone(),
            name: nests.get(id).cloned().unwrap_or_default(),
        }),
        author: row.author.clone(),
        description: row.description.clone(),
        icon: row.icon.clone(),
        tags: lenient(&row.tags),
        images: lenient::<Vec<ImageChoice>>(&row.images),
        servers,
        created_at: Stamp(row.created_at_ms),
        source: row.source.clone(),
    }
}

/// How many servers use each of these eggs.
/// # Errors
/// Database.
pub async fn uses(
    db: &impl ConnectionTrait,
    ids: &[String],
) -> Result<HashMap<String, u64>, DbErr> {
    let rows: Vec<(String, i64)> = servers::Entity::find()
        .filter(servers::Column::EggId.is_in(ids.iter().cloned()))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .column(servers::Column::EggId)
        .column_as(servers::Column::Id.count(), "uses")
        .group_by(servers::Column::EggId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, n)| (id, u64::try_from(n).unwrap_or_default()))
        .collect())
}

/// A form field for a variable's rules.
#[must_use]
pub fn input(rules: &[String]) -> VariableInput {
    let input = rules::input(rules);
    VariableInput {
        kind: match input.kind {
            rules::InputKind::Text => InputKind::Text,
            rules::InputKind::Number => InputKind::Number,
            rules::InputKind::Bool => InputKind::Bool,
            rules::InputKind::Select => InputKind::Select,
        },
        required: input.required,
        min: input.min,
        max: input.max,
        max_length: input.max_length.map(u64::from),
        options: match input.kind {
            // The order that a switch needs: off, on.
            rules::InputKind::Bool if input.options.is_empty() => vec!["0".into(), "1".into()],
            _ => input.options,
        },
    }
}

/// A variable.
#[must_use]
pub fn variable(row: &egg_variables::Model) -> EggVariable {
    let rules: Vec<String> = lenient(&row.rules);
    EggVariable {
        name: row.name.clone(),
        description: row.description.clone(),
        env: row.env.clone(),
        default: row.default_value.clone(),
        user_viewable: row.user_viewable,
        user_editable: row.user_editable,
        input: input(&rules),
        rules,
    }
}

/// An egg's variables in its order.
/// # Errors
/// Database.
pub async fn variables(
    db: &impl ConnectionTrait,
    egg: &str,
) -> Result<Vec<egg_variables::Model>, DbErr> {
    egg_variables::Entity::find()
        .filter(egg_variables::Column::EggId.eq(egg))
        .order_by_asc(egg_variables::Column::Position)
        .all(db)
        .await
}

/// A whole egg.
/// # Errors
/// Database; a damaged row.
pub async fn whole(db: &impl ConnectionTrait, row: &eggs::Model) -> Result<Egg> {
    let document = document(row)?;
    let servers = servers::Entity::find()
        .filter(servers::Column::EggId.eq(&*row.id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .count(db)
        .await?;
    let variables = variables(db, &row.id).await?;
    let nests = nest::service::names(db, row.nest_id.clone()).await?;
    let install = document.install;
    Ok(Egg {
        summary: summary(row, servers, &nests),
        startup_commands: document
            .startup_commands
            .into_iter()
            .map(|c| StartupCommand {
                name: c.name,
                command: c.command,
            })
            .collect(),
        variables: variables.iter().map(variable).collect(),
        done: document
            .done
            .iter()
            .map(warren_egg::DoneMarker::text)
            .collect(),
        stop: document.stop.value(),
        features: document.features,
        install: (!install.script.trim().is_empty()).then_some(InstallInfo {
            container: install.container,
            entrypoint: install.entrypoint,
            script: install.script,
        }),
        file_denylist: document.file_denylist,
        config_files: document
            .config_files
            .into_iter()
            .map(|f| ConfigFileInfo {
                parser: f.parser.name().to_owned(),
                path: f.path,
            })
            .collect(),
    })
}
