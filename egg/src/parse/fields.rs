//! Images, icon, start commands and install script, wherever the formats keep them.

use serde_json::Value;

use super::reader::{At, Ctx};
use super::{EggError, Format, line_ends};
use crate::model::{Image, Install, StartupCommand};

/// `docker_images` as a map or list, `images` as a list, `image` as a text; early PLCN_v3 has the icon in `image`.
pub(super) fn read_images(root: &At, ctx: &mut Ctx) -> Result<Vec<Image>, EggError> {
    let mut images: Vec<Image> = Vec::new();
    let fields = [
        ("docker_images", Format::PtdlV2),
        ("images", Format::PtdlV1),
        ("image", Format::PtdlV1),
    ];
    for (field, home) in fields {
        let Some(at) = root.get(field) else { continue };
        if !images.is_empty() {
            break;
        }
        let older = home == Format::PtdlV1 && ctx.format != Format::PtdlV1;
        match at.value {
            Value::String(text)
                if field == "image" && (is_icon(text) || ctx.format == Format::PlcnV3) => {}
            Value::String(text) => add_image(&mut images, text, text, &at.field, ctx),
            Value::Object(_) => {
                for (label, entry) in at.entries()? {
                    add_image(
                        &mut images,
                        label,
                        entry.as_text(ctx)?.as_str(),
                        &entry.field,
                        ctx,
                    );
                }
            }
            Value::Array(items) => {
                if home == Format::PtdlV2 && !items.is_empty() {
                    ctx.odd(
                        "images_as_list",
                        field,
                        "images are a list, not a map: each is named after itself",
                    );
                }
                for item in at.items()? {
                    let text = item.as_text(ctx)?;
                    add_image(&mut images, &text, &text, &item.field, ctx);
                }
            }
            _ => return Err(at.wrong("a map of images")),
        }
        if older && !images.is_empty() {
            ctx.odd(
                "images_of_older_format",
                field,
                "images stand in a field of an older format; they were taken",
            );
        }
    }
    if images.is_empty() {
        ctx.odd(
            "images_missing",
            "docker_images",
            "the egg names no image: each server must bring its own",
        );
    }
    Ok(images)
}

fn is_icon(text: &str) -> bool {
    text.starts_with("data:")
}

fn add_image(images: &mut Vec<Image>, label: &str, image: &str, field: &str, ctx: &mut Ctx) {
    let trimmed = image.trim();
    if trimmed.len() != image.len() {
        ctx.odd(
            "image_trimmed",
            field,
            "spaces around the image were removed",
        );
    }
    if trimmed.is_empty() {
        ctx.odd("image_empty", field, "an empty image was left out");
        return;
    }
    let label = Some(label.trim())
        .filter(|label| !label.is_empty())
        .unwrap_or(trimmed);
    if images.iter().any(|known| known.label == label) {
        ctx.odd(
            "image_repeated",
            field,
            format!("{label:?} occurs twice; the first was kept"),
        );
        return;
    }
    images.push(Image {
        label: label.to_owned(),
        image: trimmed.to_owned(),
    });
}

pub(super) fn read_icon(root: &At, ctx: &mut Ctx) -> Result<Option<String>, EggError> {
    for field in ["icon", "image"] {
        let Some(at) = root.get(field) else { continue };
        if field == "icon" && !at.value.is_string() && !at.is_empty_collection() {
            return Err(at.wrong("a data URI"));
        }
        if let Value::String(text) = at.value
            && !text.is_empty()
        {
            if is_icon(text) {
                return Ok(Some(text.clone()));
            }
            if field == "icon" {
                ctx.odd(
                    "icon_not_data",
                    field,
                    "the icon is not a data URI; it was left out",
                );
            }
        }
    }
    Ok(None)
}

pub(super) fn read_startup(root: &At, ctx: &mut Ctx) -> Result<Vec<StartupCommand>, EggError> {
    let mut commands: Vec<StartupCommand> = Vec::new();
    if let Some(at) = root.get("startup_commands") {
        for (name, entry) in at.entries()? {
            commands.push(StartupCommand {
                name: name.clone(),
                command: entry.as_text(ctx)?,
            });
        }
    }
    if let Some(at) = root.get("startup")
        && commands.is_empty()
    {
        let command = at.as_text(ctx)?;
        if ctx.format == Format::PlcnV3 {
            ctx.odd(
                "startup_of_older_format",
                "startup",
                "the start command stands in a field of an older format",
            );
        }
        commands.push(StartupCommand {
            name: "Default".into(),
            command,
        });
    }
    commands.retain(|command| !command.command.is_empty());
    if commands
        .iter()
        .all(|command| command.command.trim().is_empty())
    {
        ctx.odd(
            "startup_missing",
            "startup",
            "the egg has no start command: the image must know what to run",
        );
    }
    Ok(commands)
}

pub(super) fn read_install(root: &At, ctx: &mut Ctx) -> Result<Install, EggError> {
    let installation = match root.map("scripts")? {
        Some(scripts) => scripts.map("installation")?,
        None => None,
    };
    let Some(at) = installation else {
        ctx.odd(
            "install_missing",
            "scripts.installation",
            "the egg has no install script",
        );
        return Ok(Install::default());
    };
    let script = at.text("script", ctx)?;
    let normal = line_ends(&script);
    if normal.len() != script.len() || script.contains('\r') {
        ctx.odd(
            "script_crlf",
            "scripts.installation.script",
            "line ends were changed from CRLF to LF",
        );
    }
    let mut container = at.text("container", ctx)?;
    if container.trim().len() != container.len() {
        ctx.odd(
            "image_trimmed",
            "scripts.installation.container",
            "spaces around the image were removed",
        );
        container = container.trim().to_owned();
    }
    Ok(Install {
        script: normal,
        container,
        entrypoint: at.text("entrypoint", ctx)?.trim().to_owned(),
    })
}
