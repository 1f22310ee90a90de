//! All routes in one place.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    routing::{any, get},
};
use tower_http::{CompressionLevel, compression::CompressionLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    docs, door, health, install,
    linger::{self, Most},
    openapi, proxy, web,
};
use crate::{
    account, allocation, api_key, app::App, audit, backup, backup_store, database, database_host,
    egg, email_link, event, files, join_token, location, mount, nest, node, operation, panel,
    passkey, password_link, person, plan, profile, quota, registry, role, second_factor, server,
    session, sftp, ssh_key, sso, subuser, transfer, view_as,
};

/// JSON bodies are small.
const JSON: Most = Most(256 * 1024);
/// An egg with its icon; a form around it.
const EGG: Most = Most(4 * 1024 * 1024);
/// A picture of somebody.
const PICTURE: Most = Most(profile::api::MOST_BYTES);
/// The most that a file in the editor may hold, and a little for a precise answer above it.
const FILE: Most = Most(files::MAX_BYTES + 1);

/// The operations under `/api/v1`, with their description.
pub(super) fn api() -> OpenApiRouter<App> {
    let large = OpenApiRouter::new()
        .routes(routes!(egg::api::import_egg))
        .layer(EGG.while_reading())
        .layer(from_fn(|request: Request, next: Next| {
            EGG.by_length(request, next)
        }));
    let file = OpenApiRouter::new()
        .routes(routes!(files::api::read_file, files::api::write_file))
        .layer(FILE.while_reading())
        .layer(from_fn(|request: Request, next: Next| {
            FILE.by_length(request, next)
        }));
    let picture = OpenApiRouter::new()
        .routes(routes!(
            profile::api::set_avatar,
            profile::api::delete_avatar
        ))
        .layer(PICTURE.while_reading())
        .layer(from_fn(|request: Request, next: Next| {
            PICTURE.by_length(request, next)
        }));
    let people = OpenApiRouter::new()
        .routes(routes!(
            session::api::create_session,
            session::api::get_session,
            session::api::delete_session
        ))
        .routes(routes!(
            account::api::get_account,
            account::api::update_account
        ))
        .routes(routes!(account::api::update_password))
        .routes(routes!(
            email_link::api::request_email_link,
            email_link::api::use_email_link
        ))
        .routes(routes!(
            password_link::api::request_password_link,
            password_link::api::use_password_link
        ))
        .routes(routes!(
            second_factor::api::get_second_factor,
            second_factor::api::begin_second_factor,
            second_factor::api::confirm_second_factor
        ))
        .routes(routes!(second_factor::api::renew_recovery_codes))
        .routes(routes!(second_factor::api::end_second_factor))
        .routes(routes!(second_factor::api::delete_user_second_factor))
        .routes(routes!(
            passkey::api::list_passkeys,
            passkey::api::create_passkey
        ))
        .routes(routes!(
            ssh_key::api::list_ssh_keys,
            ssh_key::api::create_ssh_key
        ))
        .routes(routes!(
            ssh_key::api::update_ssh_key,
            ssh_key::api::delete_ssh_key
        ))
        .routes(routes!(
            profile::api::get_profile,
            profile::api::set_profile
        ))
        .routes(routes!(profile::api::get_user_profile))
        .routes(routes!(profile::api::get_user_avatar))
        .routes(routes!(panel::api::get_panel))
        .routes(routes!(panel::api::get_settings, panel::api::set_settings))
        .routes(routes!(panel::api::test_mail))
        .routes(routes!(passkey::api::offer_passkey))
        .routes(routes!(
            passkey::api::update_passkey,
            passkey::api::delete_passkey
        ))
        .routes(routes!(passkey::api::offer_passkey_session))
        .routes(routes!(passkey::api::create_passkey_session))
        .routes(routes!(sso::api::list_providers))
        .routes(routes!(sso::api::begin_sso_session))
        .routes(routes!(sso::api::finish_sso_session))
        .routes(routes!(
            sso::api::list_linked_logins,
            sso::api::begin_linked_login
        ))
        .routes(routes!(sso::api::delete_linked_login))
        .routes(routes!(account::api::list_sessions))
        .routes(routes!(account::api::delete_account_session))
        .routes(routes!(
            api_key::api::list_api_keys,
            api_key::api::create_api_key
        ))
        .routes(routes!(api_key::api::delete_api_key))
        .routes(routes!(person::api::list_users, person::api::create_user))
        .routes(routes!(
            person::api::get_user,
            person::api::update_user,
            person::api::delete_user
        ))
        .routes(routes!(role::api::list_user_grants))
        .routes(routes!(person::api::sign_up))
        .routes(routes!(view_as::api::begin_view))
        .routes(routes!(person::api::reset_user_password))
        .routes(routes!(person::api::explain_user))
        .routes(routes!(
            person::api::suspend_user,
            person::api::lift_suspension
        ))
        .routes(routes!(plan::api::list_plans, plan::api::create_plan))
        .routes(routes!(
            plan::api::get_plan,
            plan::api::update_plan,
            plan::api::delete_plan
        ))
        .routes(routes!(quota::api::get_account_quota))
        .routes(routes!(
            quota::api::get_user_quota,
            quota::api::set_user_quota
        ))
        .routes(routes!(audit::api::list_audit))
        .routes(routes!(audit::api::export_audit))
        .routes(routes!(role::api::list_permissions))
        .routes(routes!(role::api::list_roles, role::api::create_role))
        .routes(routes!(
            role::api::get_role,
            role::api::update_role,
            role::api::delete_role
        ))
        .routes(routes!(
            role::api::list_role_grants,
            role::api::create_role_grant
        ))
        .routes(routes!(role::api::delete_grant));
    let nodes = OpenApiRouter::new()
        .routes(routes!(node::api::list_nodes))
        .routes(routes!(
            location::api::list_locations,
            location::api::create_location
        ))
        .routes(routes!(
            location::api::update_location,
            location::api::delete_location
        ))
        .routes(routes!(
            join_token::api::list_join_tokens,
            join_token::api::create_join_token
        ))
        .routes(routes!(join_token::api::delete_join_token))
        .routes(routes!(install::enroll_node))
        .routes(routes!(
            node::api::get_node,
            node::api::update_node,
            node::api::delete_node
        ))
        .routes(routes!(node::api::get_node_metrics))
        .routes(routes!(node::api::revoke_node))
        .routes(routes!(node::api::decide_identity))
        .routes(routes!(node::api::list_orphans))
        .routes(routes!(node::api::decide_orphan))
        .routes(routes!(
            allocation::api::list_allocations,
            allocation::api::create_allocations
        ))
        .routes(routes!(
            allocation::api::update_allocation,
            allocation::api::delete_allocation
        ));
    let eggs = OpenApiRouter::new()
        .routes(routes!(egg::api::list_eggs))
        .routes(routes!(egg::api::list_starters))
        .routes(routes!(egg::api::import_starter))
        .routes(routes!(
            egg::api::get_egg,
            egg::api::update_egg,
            egg::api::delete_egg
        ))
        .routes(routes!(egg::api::export_egg))
        .routes(routes!(nest::api::list_nests, nest::api::create_nest))
        .routes(routes!(
            nest::api::get_nest,
            nest::api::update_nest,
            nest::api::delete_nest
        ));
    let registries = OpenApiRouter::new()
        .routes(routes!(
            registry::api::list_registries,
            registry::api::create_registry
        ))
        .routes(routes!(
            registry::api::update_registry,
            registry::api::delete_registry
        ));
    let database_hosts = OpenApiRouter::new()
        .routes(routes!(
            database_host::api::list_database_hosts,
            database_host::api::create_database_host
        ))
        .routes(routes!(
            database_host::api::get_database_host,
            database_host::api::update_database_host,
            database_host::api::delete_database_host
        ))
        .routes(routes!(database_host::api::test_database_host))
        .routes(routes!(database_host::api::list_hosted_databases))
        .routes(routes!(database_host::api::forget_hosted_database));
    let backups = OpenApiRouter::new()
        .routes(routes!(
            backup_store::api::list_backup_stores,
            backup_store::api::create_backup_store
        ))
        .routes(routes!(
            backup_store::api::get_backup_store,
            backup_store::api::update_backup_store,
            backup_store::api::delete_backup_store
        ))
        .routes(routes!(backup_store::api::test_backup_store))
        .routes(routes!(
            backup::api::list_backups,
            backup::api::create_backup
        ))
        .routes(routes!(
            backup::api::get_backup,
            backup::api::update_backup,
            backup::api::delete_backup
        ))
        .routes(routes!(backup::api::restore_backup))
        .routes(routes!(backup::api::list_backup_files))
        .routes(routes!(backup::api::get_backup_keys))
        .routes(routes!(
            backup::api::get_backup_settings,
            backup::api::set_backup_settings
        ));
    let mounts = OpenApiRouter::new()
        .routes(routes!(mount::api::list_mounts, mount::api::create_mount))
        .routes(routes!(
            mount::api::get_mount,
            mount::api::update_mount,
            mount::api::delete_mount
        ));
    let servers = OpenApiRouter::new()
        .routes(routes!(
            database::api::list_databases,
            database::api::create_database
        ))
        .routes(routes!(database::api::list_server_database_hosts))
        .routes(routes!(database::api::delete_database))
        .routes(routes!(database::api::rotate_database))
        .routes(routes!(database::api::get_database_connection))
        .routes(routes!(
            server::api::list_servers,
            server::api::create_server
        ))
        .routes(routes!(server::api::tally_servers))
        .routes(routes!(
            subuser::api::list_subusers,
            subuser::api::create_subuser
        ))
        .routes(routes!(
            subuser::api::update_subuser,
            subuser::api::delete_subuser
        ))
        .routes(routes!(
            server::api::get_server,
            server::api::update_server,
            server::api::delete_server
        ))
        .routes(routes!(audit::api::list_activity))
        .routes(routes!(server::api::list_server_mounts))
        .routes(routes!(
            server::api::add_server_mount,
            server::api::delete_server_mount
        ))
        .routes(routes!(server::api::power_server))
        .routes(routes!(server::api::input_server))
        .routes(routes!(server::api::reinstall_server))
        .routes(routes!(
            transfer::api::create_transfer,
            transfer::api::get_transfer,
            transfer::api::update_transfer,
            transfer::api::cancel_transfer
        ))
        .routes(routes!(server::api::create_server_ticket))
        .routes(routes!(server::api::create_mine_ticket))
        .routes(routes!(server::console_api::get_server_metrics))
        .routes(routes!(server::console_api::list_runs))
        .routes(routes!(server::console_api::get_console))
        .routes(routes!(server::console_api::search_console))
        .routes(routes!(server::console_api::download_console))
        .routes(routes!(server::console_api::get_install_log))
        .routes(routes!(files::api::list_files))
        .routes(routes!(sftp::api::get_sftp))
        .routes(routes!(files::api::create_directory))
        .routes(routes!(files::api::delete_files))
        .routes(routes!(files::api::rename_file))
        .routes(routes!(files::api::get_file))
        .routes(routes!(files::api::get_file_checksum))
        .routes(routes!(files::api::get_file_usage))
        .routes(routes!(files::api::copy_file))
        .routes(routes!(
            files::api::list_archive,
            files::api::create_archive
        ))
        .routes(routes!(files::api::extract_archive))
        .routes(routes!(files::api::download_file))
        .routes(routes!(files::api::chmod_files))
        .routes(routes!(files::api::create_symlink))
        .routes(routes!(files::api::list_trash))
        .routes(routes!(files::api::restore_file))
        .routes(routes!(files::api::empty_trash))
        .routes(routes!(files::api::search_files));
    let rest = OpenApiRouter::new()
        .routes(routes!(operation::api::list_operations))
        .routes(routes!(operation::api::get_operation))
        .routes(routes!(operation::api::cancel_operation))
        .routes(routes!(event::api::list_events))
        .routes(routes!(
            event::api::list_event_consumers,
            event::api::create_event_consumer
        ))
        .routes(routes!(event::api::delete_event_consumer));
    OpenApiRouter::new()
        .merge(people)
        .merge(nodes)
        .merge(eggs)
        .merge(registries)
        .merge(database_hosts)
        .merge(backups)
        .merge(mounts)
        .merge(servers)
        .merge(rest)
        .layer(JSON.while_reading())
        .layer(from_fn(|request: Request, next: Next| {
            JSON.by_length(request, next)
        }))
        .merge(large)
        .merge(picture)
        .merge(file)
}

/// Everything that control answers.
pub fn router(app: App) -> Router {
    let (api, _) = openapi::described(api());
    Router::new()
        .merge(api)
        .route("/api/openapi.json", get(openapi::serve))
        .route("/api/docs", get(docs::page))
        .route("/api/docs/{file}", get(docs::asset))
        .route("/api/{*rest}", any(door::not_found))
        .route("/install.sh", get(install::script))
        .route("/download/{file}", get(install::download))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        // Of a page of JSON the default leaves an eighth less, for three times the work.
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .quality(CompressionLevel::Fastest),
        )
        .route("/ws", get(proxy::splice))
        .route("/transfer", any(proxy::splice))
        .route("/transfer/{*rest}", any(proxy::splice))
        .fallback(web::asset)
        .layer(from_fn_with_state(app.clone(), door::door))
        .layer(from_fn(linger::linger))
        .with_state(app)
}

/// A header line that never fails.
pub(super) fn text(content_type: &'static str) -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]
}
