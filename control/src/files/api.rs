//! Files of a server, through its node's jail.

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    archive,
    archive_dto::{ArchiveCreate, ArchiveExtract, ArchivePage, ArchiveQuery},
    download::{self, FileDownload},
    dto::{
        ChecksumInfo, ChecksumQuery, DirectoryCreate, FileCopiedInfo, FileCopyRequest, FileInfo,
        FilePage, FileQuery, FileRenameRequest, FileRestore, FileRestoredInfo, FileSearchRequest,
        FileWrittenInfo, FilesChmod, FilesDelete, FilesDeletedInfo, ListQuery, SearchInfo,
        StatQuery, SymlinkCreate, TrashEmptyRequest, TrashPage, TrashQuery, UsageInfo,
    },
    service,
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::Result,
    http::{Json, Query, read_body},
    operation::dto::Operation,
    problem::Problems,
};

/// What stands in a directory: directories first, then by name, size or last change.
#[utoipa::path(get, path = "/servers/{server}/files", tag = "files",
    params(("server" = String, Path, description = "Server id"), ListQuery),
    responses((status = 200, body = FilePage), Problems))]
pub async fn list_files(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ListQuery>,
) -> Result<Json<FilePage>> {
    access.require(Key::FileRead)?;
    service::list(&app, &access, &query).await.map(Json)
}

/// One entry, not followed if it is a symlink.
#[utoipa::path(get, path = "/servers/{server}/files/stat", tag = "files",
    params(("server" = String, Path, description = "Server id"), StatQuery),
    responses((status = 200, body = FileInfo), Problems))]
pub async fn get_file(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<StatQuery>,
) -> Result<Json<FileInfo>> {
    access.require(Key::FileRead)?;
    service::stat(&app, &access, query).await.map(Json)
}

/// The checksum of a file's content (504 `took_too_long` for very large ones).
#[utoipa::path(get, path = "/servers/{server}/files/checksum", tag = "files",
    params(("server" = String, Path, description = "Server id"), ChecksumQuery),
    responses((status = 200, body = ChecksumInfo), Problems))]
pub async fn get_file_checksum(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ChecksumQuery>,
) -> Result<Json<ChecksumInfo>> {
    access.require(Key::FileReadContent)?;
    service::checksum(&app, &access, query).await.map(Json)
}

/// What a file, or a directory with all that is in it, occupies on the disk.
#[utoipa::path(get, path = "/servers/{server}/files/usage", tag = "files",
    params(("server" = String, Path, description = "Server id"), FileQuery),
    responses((status = 200, body = UsageInfo), Problems))]
pub async fn get_file_usage(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<FileQuery>,
) -> Result<Json<UsageInfo>> {
    access.require(Key::FileRead)?;
    service::usage(&app, &access, query.path).await.map(Json)
}

/// A file's bytes, at most 1 MiB (413 `file_too_large`).
#[utoipa::path(get, path = "/servers/{server}/files/content", tag = "files",
    params(("server" = String, Path, description = "Server id"), FileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream",
        headers(("etag" = String, description = "For `if-match`"))), Problems))]
pub async fn read_file(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<FileQuery>,
) -> Result<Response> {
    access.require(Key::FileReadContent)?;
    let file = service::read(&app, &access, &query.path).await?;
    // What a server's people wrote must never run as a page of the panel.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::ETAG, format!("\"{}\"", file.etag)),
    ];
    Ok((headers, file.data).into_response())
}

/// Writes a file of at most 1 MiB, whole or not at all.
///
/// `if-match: "<etag>"` refuses when it has changed (412 `changed_meanwhile`); `if-none-match: *` when it exists.
#[utoipa::path(put, path = "/servers/{server}/files/content", tag = "files",
    params(("server" = String, Path, description = "Server id"), FileQuery,
        ("if-match" = Option<String>, Header, description = "Etag that the file must have"),
        ("if-none-match" = Option<String>, Header, description = "`*`: the file must not exist")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FileWrittenInfo), Problems))]
pub async fn write_file(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<FileWrittenInfo>> {
    access.require(Key::FileUpdate)?;
    let data: Bytes = read_body(request).await?;
    service::write(&app, &access, &query.path, &headers, data)
        .await
        .map(Json)
}

/// Makes a directory, with its parents.
#[utoipa::path(post, path = "/servers/{server}/files/directories", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn create_directory(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<DirectoryCreate>,
) -> Result<StatusCode> {
    access.require(Key::FileCreate)?;
    service::mkdir(&app, &access, req.path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes files, and directories with all that is in them: into the trash, unless `permanent`.
#[utoipa::path(post, path = "/servers/{server}/files/delete", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = FilesDeletedInfo), Problems))]
pub async fn delete_files(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FilesDelete>,
) -> Result<Json<FilesDeletedInfo>> {
    access.require(Key::FileDelete)?;
    service::delete(&app, &access, req).await.map(Json)
}

/// What was deleted and can be had back, newest first.
#[utoipa::path(get, path = "/servers/{server}/files/trash", tag = "files",
    params(("server" = String, Path, description = "Server id"), TrashQuery),
    responses((status = 200, body = TrashPage), Problems))]
pub async fn list_trash(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<TrashQuery>,
) -> Result<Json<TrashPage>> {
    access.require(Key::FileRead)?;
    service::list_trash(&app, &access, query).await.map(Json)
}

/// Puts back what was deleted (409 `file_exists` where something is, unless `rename`).
#[utoipa::path(post, path = "/servers/{server}/files/trash/restore", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = FileRestoredInfo), Problems))]
pub async fn restore_file(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FileRestore>,
) -> Result<Json<FileRestoredInfo>> {
    access.require(Key::FileDelete)?;
    service::restore(&app, &access, req).await.map(Json)
}

/// Deletes for good what is in the trash.
#[utoipa::path(post, path = "/servers/{server}/files/trash/empty", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn empty_trash(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<TrashEmptyRequest>,
) -> Result<StatusCode> {
    access.require(Key::FileDelete)?;
    service::empty_trash(&app, &access, req).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks for files by name, and by content with `file.read-content`, within bounds that it names.
#[utoipa::path(post, path = "/servers/{server}/files/search", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = SearchInfo), Problems))]
pub async fn search_files(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FileSearchRequest>,
) -> Result<Json<SearchInfo>> {
    access.require(Key::FileRead)?;
    service::search(&app, &access, req).await.map(Json)
}

/// Moves a file or directory; what stands at the new path is not replaced.
#[utoipa::path(post, path = "/servers/{server}/files/rename", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn rename_file(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FileRenameRequest>,
) -> Result<StatusCode> {
    access.require(Key::FileUpdate)?;
    service::rename(&app, &access, req.from, req.to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Copies a file, a symlink, or a directory with all that is in it; nothing is replaced, nothing is left of half a copy.
#[utoipa::path(post, path = "/servers/{server}/files/copy", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = FileCopiedInfo), Problems))]
pub async fn copy_file(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FileCopyRequest>,
) -> Result<Json<FileCopiedInfo>> {
    access.require(Key::FileCreate)?;
    service::copy(&app, &access, req.from, req.to)
        .await
        .map(Json)
}

/// Sets the permission bits of files and directories.
#[utoipa::path(post, path = "/servers/{server}/files/chmod", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn chmod_files(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FilesChmod>,
) -> Result<StatusCode> {
    access.require(Key::FileUpdate)?;
    service::chmod(&app, &access, req.paths, req.mode).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a symlink that leads to something below the server's root.
#[utoipa::path(post, path = "/servers/{server}/files/symlink", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 204), Problems))]
pub async fn create_symlink(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<SymlinkCreate>,
) -> Result<StatusCode> {
    access.require(Key::FileCreate)?;
    service::symlink(&app, &access, req.path, req.target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What stands in a directory of an archive, which is not unpacked for it (504 `took_too_long` for very large ones).
#[utoipa::path(get, path = "/servers/{server}/files/archive", tag = "files",
    params(("server" = String, Path, description = "Server id"), ArchiveQuery),
    responses((status = 200, body = ArchivePage), Problems))]
pub async fn list_archive(
    State(app): State<App>,
    access: ServerAccess,
    Query(query): Query<ArchiveQuery>,
) -> Result<Json<ArchivePage>> {
    access.require(Key::FileRead)?;
    archive::browse(&app, &access, query).await.map(Json)
}

/// Begins to pack files and directories, also of a server that runs. The archive appears when it is whole.
#[utoipa::path(post, path = "/servers/{server}/files/archive", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn create_archive(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<ArchiveCreate>,
) -> Result<(StatusCode, Json<Operation>)> {
    access.require(Key::FileArchive)?;
    let begun = archive::create(&app, &access, req).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// Begins to unpack an archive, also of a server that runs. Its files appear when all of them are there.
#[utoipa::path(post, path = "/servers/{server}/files/extract", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn extract_archive(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<ArchiveExtract>,
) -> Result<(StatusCode, Json<Operation>)> {
    access.require(Key::FileArchive)?;
    let begun = archive::extract(&app, &access, req).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// Begins to fetch a file from an address to the server: its node calls it, also beside a server that runs. Only addresses
/// of the public internet are called, and such as the node's own settings allow; the file appears when it is whole.
#[utoipa::path(post, path = "/servers/{server}/files/download", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 202, body = Operation), Problems))]
pub async fn download_file(
    State(app): State<App>,
    access: ServerAccess,
    Json(req): Json<FileDownload>,
) -> Result<(StatusCode, Json<Operation>)> {
    access.require(Key::FileCreate)?;
    let begun = download::download(&app, &access, req).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}
