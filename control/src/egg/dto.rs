//! Eggs as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{http::Stamp, operation::dto::Named};

/// An image that an egg offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageChoice {
    /// What people see.
    pub label: String,
    /// OCI reference.
    pub image: String,
}

/// An egg in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EggSummary {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
    /// The nest that it is in; null: in none.
    pub nest: Option<Named>,
    /// As the file says.
    pub author: String,
    /// As the file says.
    pub description: String,
    /// Data URL or https URL.
    pub icon: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Images; the first is the default.
    pub images: Vec<ImageChoice>,
    /// How many servers use it.
    pub servers: u64,
    /// When it was imported.
    pub created_at: Stamp,
    /// `import` or `starter`.
    pub source: String,
}

/// Which form field suits a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Free text.
    Text,
    /// A number.
    Number,
    /// On or off.
    Bool,
    /// One of `options`.
    Select,
}

/// A form field, made from a variable's rules.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VariableInput {
    /// Which field.
    pub kind: InputKind,
    /// Must not be empty.
    pub required: bool,
    /// Smallest number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Most characters.
    pub max_length: Option<u64>,
    /// The possible values, of `select`; of `bool` the value for off, then the one for on.
    pub options: Vec<String>,
}

/// A variable of an egg.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EggVariable {
    /// What people see.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Name in the environment.
    pub env: String,
    /// Value when none is given.
    pub default: String,
    /// People without admin rights see it.
    pub user_viewable: bool,
    /// ... and change it.
    pub user_editable: bool,
    /// As the egg says.
    pub rules: Vec<String>,
    /// Form field.
    pub input: VariableInput,
}

/// A named start command.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StartupCommand {
    /// Name.
    pub name: String,
    /// Raw: the image expands it.
    pub command: String,
}

/// How an egg installs.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct InstallInfo {
    /// Image of the install container.
    pub container: String,
    /// What runs the script.
    pub entrypoint: String,
    /// The script.
    pub script: String,
}

/// A file that is written before each start.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConfigFileInfo {
    /// Below the server's root.
    pub path: String,
    /// Format.
    pub parser: String,
}

/// A whole egg.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Egg {
    /// As in lists.
    #[serde(flatten)]
    pub summary: EggSummary,
    /// Start commands; the first is the default.
    pub startup_commands: Vec<StartupCommand>,
    /// Variables, in the egg's order.
    pub variables: Vec<EggVariable>,
    /// What in the console says that the server is up.
    pub done: Vec<String>,
    /// How it is stopped.
    pub stop: String,
    /// `eula`, `java_version`, ...
    pub features: Vec<String>,
    /// How it is installed; null: not at all.
    pub install: Option<InstallInfo>,
    /// Files that people may not touch.
    pub file_denylist: Vec<String>,
    /// Files that are written before each start.
    pub config_files: Vec<ConfigFileInfo>,
}

/// Which eggs, and which page of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EggQuery {
    /// Id of a nest; `none` for eggs that are in none.
    pub nest: Option<String>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// How to import.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Another name for the egg.
    pub name: Option<String>,
    /// Id of the nest that it goes into; none without it.
    pub nest: Option<String>,
}

/// How to import an egg that comes with Warren.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StarterQuery {
    /// Id of the nest that it goes into; none without it.
    pub nest: Option<String>,
}

/// What changes of an egg. Left out: stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EggPatch {
    /// Id of the nest that it goes into; an empty string: into none.
    #[serde(default)]
    pub nest: Option<String>,
}

/// Something odd in an egg that was imported all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OddThing {
    /// Stable word.
    pub code: String,
    /// Where.
    pub field: String,
    /// For a person.
    pub message: String,
}

/// How an import went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportReport {
    /// `PTDL_v1` ... `PLCN_v3`.
    pub format: String,
    /// What was odd.
    pub odd: Vec<OddThing>,
}

/// An imported egg.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EggImported {
    /// The egg.
    pub egg: Egg,
    /// How it went.
    pub report: ImportReport,
}

/// An egg that comes with Warren.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Starter {
    /// For the address.
    pub key: String,
    /// Name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Licence of the file.
    pub licence: String,
    /// Where the file is from.
    pub source: String,
    /// Egg id, when it has been imported.
    pub egg: Option<String>,
}
