//! Writing an egg as PTDL_v2, the format that both panels read.

use serde_json::{Map, Value, json};

use crate::model::{ConfigFile, DoneMarker, Egg, StartupCommand, Variable};
use crate::rules;

/// The egg as a PTDL_v2 file, pretty-printed. Reading it again gives the same egg: what the format has no place
/// for stands in fields that Pterodactyl passes over and Pelican knows (`startup_commands`, `uuid`, `tags`, `sort`).
/// `exported_at` is an RFC 3339 time.
pub fn export(egg: &Egg, exported_at: &str) -> String {
    let value = to_value(egg, exported_at);
    // A JSON value always prints; the alternative form is the same without line breaks.
    serde_json::to_string_pretty(&value).unwrap_or_else(|_| value.to_string())
}

fn to_value(egg: &Egg, exported_at: &str) -> Value {
    let mut root = Map::new();
    let mut put = |name: &str, value: Value| root.insert(name.to_owned(), value);
    put(
        "_comment",
        "Exported by Warren in the format of Pterodactyl".into(),
    );
    put(
        "meta",
        json!({ "version": "PTDL_v2", "update_url": egg.update_url }),
    );
    put("exported_at", exported_at.into());
    put("name", egg.name.clone().into());
    put("author", egg.author.clone().into());
    if let Some(uuid) = &egg.uuid {
        put("uuid", uuid.clone().into());
    }
    put("description", egg.description.clone().into());
    if let Some(icon) = &egg.icon {
        put("icon", icon.clone().into());
    }
    if !egg.tags.is_empty() {
        put("tags", json!(egg.tags));
    }
    let features = (!egg.features.is_empty()).then_some(&egg.features);
    put("features", json!(features));
    let images: Map<_, _> = egg
        .images
        .iter()
        .map(|image| (image.label.clone(), Value::from(image.image.clone())))
        .collect();
    put("docker_images", images.into());
    put("file_denylist", json!(egg.file_denylist));
    let first = egg.startup_commands.first();
    put(
        "startup",
        first.map_or("", |first| first.command.as_str()).into(),
    );
    if !is_plain(&egg.startup_commands) {
        let commands = egg.startup_commands.iter();
        let named: Map<_, _> = commands
            .map(|command| (command.name.clone(), Value::from(command.command.clone())))
            .collect();
        put("startup_commands", named.into());
    }
    put("config", config(egg));
    put(
        "scripts",
        json!({ "installation": {
            "script": egg.install.script,
            "container": egg.install.container,
            "entrypoint": egg.install.entrypoint,
        } }),
    );
    put("variables", egg.variables.iter().map(variable).collect());
    Value::Object(root)
}

fn is_plain(commands: &[StartupCommand]) -> bool {
    match commands {
        [] => true,
        [one] => one.name == "Default",
        _ => false,
    }
}

/// Texts that hold JSON, as Pterodactyl wants them.
fn config(egg: &Egg) -> Value {
    let files: Map<_, _> = egg
        .config_files
        .iter()
        .map(|file| (file.path.clone(), config_file(file)))
        .collect();
    let startup = match egg.done.as_slice() {
        [] => json!({}),
        [one] => json!({ "done": one.text() }),
        many => json!({ "done": many.iter().map(DoneMarker::text).collect::<Vec<_>>() }),
    };
    json!({
        "files": Value::Object(files).to_string(),
        "startup": startup.to_string(),
        "logs": "{}",
        "stop": egg.stop.value(),
    })
}

fn config_file(file: &ConfigFile) -> Value {
    let find: Map<_, _> = file
        .find
        .iter()
        .map(|find| (find.key.clone(), find.value.to_json()))
        .collect();
    let mut entry = Map::new();
    entry.insert("parser".into(), file.parser.name().into());
    if !file.create {
        entry.insert("create_file".into(), false.into());
    }
    entry.insert("find".into(), find.into());
    Value::Object(entry)
}

fn variable(variable: &Variable) -> Value {
    // A text, as Pterodactyl wants it; a list, which Pelican takes, where the text would read as other rules.
    let text = variable.rules.join("|");
    let rules = match rules::split(&text) == variable.rules || text.is_empty() {
        true => text.into(),
        false => json!(variable.rules),
    };
    let mut entry = json!({
        "name": variable.name,
        "description": variable.description,
        "env_variable": variable.env,
        "default_value": variable.default,
        "user_viewable": variable.user_viewable,
        "user_editable": variable.user_editable,
        "rules": rules,
        "field_type": "text",
    });
    if let (Some(sort), Value::Object(members)) = (variable.sort, &mut entry) {
        members.insert("sort".into(), sort.into());
    }
    entry
}
