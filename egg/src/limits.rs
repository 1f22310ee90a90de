//! What an egg may hold. The largest of the 990 public eggs is below 60 KiB, has 52 variables and 9 images;
//! the bounds leave generous room above that and keep a hostile file cheap.

/// Bytes of an egg file. An icon may be inside as a data URI.
pub const EGG_BYTES: usize = 4 * 1024 * 1024;
/// Nesting of JSON and YAML, of eggs and of the config files that are written.
pub const DEPTH: usize = 64;
/// Values of a JSON, YAML or XML document, after aliases are written out. Bounds memory: one takes some 150 bytes.
pub const VALUES: usize = 200_000;
/// Characters of an egg's name (Pterodactyl's own bound).
pub const NAME_CHARS: usize = 191;
/// Variables of one egg.
pub const VARIABLES: usize = 500;
/// Entries of any other list or map of an egg.
pub const ENTRIES: usize = 2_000;
/// Rules of one variable.
pub const RULES: usize = 100;
/// Bytes of one regular expression.
pub const PATTERN_BYTES: usize = 4 * 1024;
/// Bytes of a config file that a writer takes on; a larger one is left alone.
pub const CONFIG_BYTES: usize = 16 * 1024 * 1024;
/// The same for the formats that are read into a tree.
pub const CONFIG_TREE_BYTES: usize = 4 * 1024 * 1024;
/// Lines of a config file that is edited line by line.
pub const CONFIG_LINES: usize = 200_000;
/// Bytes of a console line: what is longer is looked at in pieces of this size.
pub const LINE_BYTES: usize = 8 * 1024;
