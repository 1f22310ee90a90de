//! The description of the API, made from the handlers themselves.

use std::sync::LazyLock;

use axum::{Router, response::IntoResponse};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Ref, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ArrayItems, ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::routes;
use crate::{app::App, error::FieldError, problem::Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Warren",
        description = "Hosts game servers on machines anywhere, behind any NAT.\n\n\
            Ids are lower-case ULIDs, times RFC 3339 in UTC, sizes bytes, `cpu_percent` 100 = one core. \
            Every answer carries `x-request-id`. What is no success is `application/problem+json` with a \
            stable `code`. Lists are cut into pages: pass `next` as `cursor`. A POST with an `Idempotency-Key` \
            that is sent again is carried out once. What two people can change at once has a `version`, which `if-match` takes: \
            a change that is meant for another state is refused with 412.\n\n\
            Authenticate with the session cookie of a log-in or with a personal API key as bearer token.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, FieldError)),
    modifiers(&Credentials),
    security(("session" = []), ("session_plain" = []), ("api_key" = [])),
    tags(
        (name = "session", description = "Log-in and log-out"),
        (name = "account", description = "One's own account, log-ins and API keys"),
        (name = "servers", description = "Game servers"),
        (name = "console", description = "Console and live tickets"),
        (name = "files", description = "Files of a server"),
        (name = "databases", description = "Databases of servers, and the hosts that they are on"),
        (name = "backups", description = "Backups of servers, and where they are kept"),
        (name = "operations", description = "Work with an end and progress"),
        (name = "nodes", description = "Machines, join tokens, ports"),
        (name = "eggs", description = "Kinds of game servers"),
        (name = "settings", description = "The panel as a whole"),
        (name = "mounts", description = "Directories of nodes that servers may see"),
        (name = "events", description = "Public events and who reads them")
    )
)]
struct Description;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let cookie = |name: &str, text: &str| {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, text)))
        };
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("wrn_usr_…")
            .description(Some("Personal API key"))
            .build();
        components.add_security_scheme("session", cookie("__Host-warren", "Log-in over https"));
        components.add_security_scheme("session_plain", cookie("warren", "Log-in over plain http"));
        components.add_security_scheme("api_key", SecurityScheme::Http(bearer));
    }
}

/// The router and its description, below `/api/v1`.
pub(super) fn described(api: OpenApiRouter<App>) -> (Router<App>, utoipa::openapi::OpenApi) {
    let mut description = Description::openapi();
    description.info.version = "1".to_owned();
    let (router, mut description) = OpenApiRouter::with_openapi(description)
        .nest("/api/v1", api)
        .split_for_parts();
    if let Some(components) = &mut description.components {
        let names: Vec<String> = components.schemas.keys().cloned().collect();
        for (name, schema) in &mut components.schemas {
            if let RefOr::T(schema) = schema {
                name_rows(name, schema, &names);
                // Its `errors` are left out where there are none.
                if name != "Problem" {
                    answers_are_whole(schema);
                }
            }
        }
    }
    let posts = description.paths.paths.iter_mut();
    let posts = posts.filter(|(path, _)| *path != "/api/v1/session");
    for operation in posts.filter_map(|(_, item)| item.post.as_mut()) {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(RefOr::T(idempotency_key()));
    }
    (router, description)
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Sent again with the same key within a day, it is carried out once.",
        ))
        .schema(Some(text))
        .build()
}

/// `Page_Node` holds rows of `Node`, by name instead of spelled out again.
fn name_rows(name: &str, schema: &mut Schema, names: &[String]) {
    let row = name.strip_prefix("Page_").map(str::to_owned);
    if let (Some(row), Schema::Object(object)) = (row, schema)
        && names.contains(&row)
        && let Some(RefOr::T(Schema::Array(items))) = object.properties.get_mut("items")
    {
        items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(row).into()));
    }
}

/// What we answer carries every member, null where there is nothing. What we are asked refuses unknown
/// members, which tells the two apart.
fn answers_are_whole(schema: &mut Schema) {
    match schema {
        Schema::Object(object) if object.additional_properties.is_none() => {
            object.required = object.properties.keys().cloned().collect();
        }
        Schema::AllOf(all) => {
            for part in &mut all.items {
                if let RefOr::T(part) = part {
                    answers_are_whole(part);
                }
            }
        }
        _ => {}
    }
}

/// `control/openapi.json`, as committed.
/// # Errors
/// Never: the description is plain data.
pub fn json() -> Result<String, serde_json::Error> {
    let (_, description) = described(routes::api());
    let mut text = serde_json::to_string_pretty(&description)?;
    text.push('\n');
    Ok(text)
}

/// `GET /api/openapi.json`.
pub(super) async fn serve() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| json().unwrap_or_default());
    (routes::text("application/json"), TEXT.as_str())
}
