//! Manifests, indexes and configurations: what of them we take.

use serde::Deserialize;

use crate::runtime::ImageProblem;

type Result<T> = std::result::Result<T, ImageProblem>;

pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

pub const MANIFEST_TYPES: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

const MAX_LAYERS: usize = 500;
const MAX_BLOB: i64 = 256 << 30;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: i64,
    #[serde(default)]
    pub platform: Option<Platform>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub variant: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

/// One of the two things a reference can point at.
#[derive(Debug, Clone)]
pub enum Parsed {
    Index(Vec<Descriptor>),
    Manifest(Manifest),
}

#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    pub config: Descriptor,
    #[serde(default)]
    pub layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

/// Reads a manifest or an index and gives the media type it has.
pub fn parse(bytes: &[u8], header: Option<&str>) -> Result<(Parsed, String)> {
    let broken = |e: serde_json::Error| ImageProblem::Corrupt(format!("unreadable manifest: {e}"));
    let shape: Shape = serde_json::from_slice(bytes).map_err(broken)?;
    if shape.schema_version != 2 {
        return Err(ImageProblem::Unsupported(
            "a manifest of the old schema 1; push the image again with a current tool".into(),
        ));
    }
    let header = header.map(|h| h.split(';').next().unwrap_or(h).trim().to_owned());
    let named = shape.media_type.or(header);
    if let Some(manifests) = shape.manifests {
        let media_type = known(named, [OCI_INDEX, DOCKER_INDEX])?;
        for entry in &manifests {
            check(entry)?;
        }
        return Ok((Parsed::Index(manifests), media_type));
    }
    let media_type = known(named, [OCI_MANIFEST, DOCKER_MANIFEST])?;
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(broken)?;
    if manifest.layers.is_empty() || manifest.layers.len() > MAX_LAYERS {
        return Err(ImageProblem::Unsupported(format!(
            "{} layers",
            manifest.layers.len()
        )));
    }
    if !matches!(
        manifest.config.media_type.as_str(),
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    ) {
        return Err(ImageProblem::Unsupported(format!(
            "it is no container image but {:?}",
            manifest.config.media_type
        )));
    }
    check(&manifest.config)?;
    for layer in &manifest.layers {
        check(layer)?;
        layer_type(&layer.media_type)?;
    }
    Ok((Parsed::Manifest(manifest), media_type))
}

fn known(named: Option<String>, allowed: [&str; 2]) -> Result<String> {
    match named {
        Some(name) if allowed.contains(&name.as_str()) => Ok(name),
        // Registries that answer `application/json` or nothing: the shape decides.
        None => Ok(allowed[0].to_owned()),
        Some(name) if !MANIFEST_TYPES.contains(&name.as_str()) && !name.contains("vnd.") => {
            Ok(allowed[0].to_owned())
        }
        Some(name) => Err(ImageProblem::Unsupported(format!("media type {name:?}"))),
    }
}

fn check(descriptor: &Descriptor) -> Result<()> {
    let digest = &descriptor.digest;
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    let lower = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if hex.len() != 64 || !hex.bytes().all(lower) {
        return Err(ImageProblem::Unsupported(format!("digest {digest:?}")));
    }
    if !(0..=MAX_BLOB).contains(&descriptor.size) {
        return Err(ImageProblem::Unsupported(format!(
            "a blob of {} bytes",
            descriptor.size
        )));
    }
    Ok(())
}

/// The media type under which containerd's differ knows a layer.
pub fn layer_type(media_type: &str) -> Result<&'static str> {
    Ok(match media_type {
        "application/vnd.oci.image.layer.v1.tar"
        | "application/vnd.docker.image.rootfs.diff.tar" => {
            "application/vnd.oci.image.layer.v1.tar"
        }
        "application/vnd.oci.image.layer.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.v1.tar+gzip"
        }
        "application/vnd.oci.image.layer.v1.tar+zstd"
        | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
            "application/vnd.oci.image.layer.v1.tar+zstd"
        }
        other => {
            return Err(ImageProblem::Unsupported(format!(
                "a layer of type {other:?}"
            )));
        }
    })
}

/// What this machine runs, in the words of images.
pub fn host_platform() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", None),
        "aarch64" => ("arm64", Some("v8")),
        "arm" => ("arm", Some("v7")),
        "x86" => ("386", None),
        other => (other, None),
    };
    Platform {
        os: "linux".into(),
        architecture: architecture.into(),
        variant: variant.map(str::to_owned),
    }
}

/// The entry of an index for `host`; an exact variant wins over one that names none.
pub fn choose(entries: &[Descriptor], host: &Platform) -> Result<Descriptor> {
    let fits = |entry: &&Descriptor| {
        entry
            .platform
            .as_ref()
            .is_some_and(|p| p.os == host.os && p.architecture == host.architecture)
    };
    let variant = |entry: &Descriptor| {
        let platform = entry.platform.as_ref();
        platform.and_then(|p| p.variant.clone()).unwrap_or_default()
    };
    let wanted = host.variant.clone().unwrap_or_default();
    let candidates: Vec<&Descriptor> = entries.iter().filter(fits).collect();
    let exact = candidates.iter().find(|e| variant(e) == wanted);
    let plain = candidates.iter().find(|e| variant(e).is_empty());
    // amd64/v1 is plain amd64; higher levels may need instructions that this CPU lacks.
    let base = candidates.iter().find(|e| variant(e) == "v1");
    match exact.or(plain).or(base) {
        Some(entry) => Ok((*entry).clone()),
        None => Err(ImageProblem::NoPlatform {
            wanted: host.to_string(),
            found: found(entries),
        }),
    }
}

fn found(entries: &[Descriptor]) -> Vec<String> {
    let mut found: Vec<String> = entries
        .iter()
        .filter_map(|e| e.platform.as_ref())
        // Attestations sit in the index as `unknown/unknown`.
        .filter(|p| p.os != "unknown")
        .map(Platform::to_string)
        .take(50)
        .collect();
    found.dedup();
    if found.is_empty() {
        found.push("no platform it names".into());
    }
    found
}

/// The parts of an image's configuration that matter here.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub config: Option<Execution>,
    pub rootfs: RootFs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    #[serde(default)]
    pub env: Option<Vec<String>>,
    #[serde(default)]
    pub entrypoint: Option<Vec<String>>,
    #[serde(default)]
    pub cmd: Option<Vec<String>>,
    #[serde(default)]
    pub working_dir: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RootFs {
    #[serde(default)]
    pub diff_ids: Vec<String>,
}

impl Config {
    /// Reads a configuration and checks that it fits this machine and its manifest.
    pub fn parse(bytes: &[u8], layers: usize, host: &Platform) -> Result<Self> {
        let config: Self = serde_json::from_slice(bytes)
            .map_err(|e| ImageProblem::Corrupt(format!("unreadable configuration: {e}")))?;
        if config.rootfs.diff_ids.len() != layers {
            return Err(ImageProblem::Corrupt(format!(
                "{layers} layers but {} diff ids",
                config.rootfs.diff_ids.len()
            )));
        }
        let os = if config.os.is_empty() {
            "linux"
        } else {
            &config.os
        };
        let fits = config.architecture.is_empty() || config.architecture == host.architecture;
        if os != host.os || !fits {
            return Err(ImageProblem::NoPlatform {
                wanted: host.to_string(),
                found: vec![format!("{os}/{}", config.architecture)],
            });
        }
        Ok(config)
    }

    /// Snapshot names from the lowest layer to the top.
    pub fn chain_ids(&self) -> Vec<String> {
        use sha2::{Digest as _, Sha256};
        let mut chain: Vec<String> = Vec::with_capacity(self.rootfs.diff_ids.len());
        for diff in &self.rootfs.diff_ids {
            let next = match chain.last() {
                None => diff.clone(),
                Some(below) => {
                    let sum = Sha256::digest(format!("{below} {diff}"));
                    format!("sha256:{}", hex::encode(sum))
                }
            };
            chain.push(next);
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(os: &str, architecture: &str, variant: &str) -> Descriptor {
        Descriptor {
            media_type: OCI_MANIFEST.into(),
            digest: format!("sha256:{}", "0".repeat(64)),
            size: 1,
            platform: Some(Platform {
                os: os.into(),
                architecture: architecture.into(),
                variant: (!variant.is_empty()).then(|| variant.into()),
            }),
        }
    }

    fn amd64() -> Platform {
        Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: None,
        }
    }

    #[test]
    fn an_index_gives_the_entry_for_this_machine() {
        let entries = [
            entry("windows", "amd64", ""),
            entry("linux", "amd64", "v3"),
            entry("linux", "amd64", ""),
        ];
        let chosen = choose(&entries, &amd64()).unwrap();
        assert_eq!(chosen.platform.unwrap(), amd64());
    }

    #[test]
    fn a_missing_platform_is_named_with_what_exists() {
        let entries = [
            entry("linux", "arm64", "v8"),
            entry("linux", "s390x", ""),
            entry("unknown", "unknown", ""),
        ];
        let error = choose(&entries, &amd64()).unwrap_err().to_string();
        assert!(error.contains("linux/amd64"), "{error}");
        assert!(error.contains("linux/arm64/v8, linux/s390x"), "{error}");
        assert!(!error.contains("unknown"), "{error}");
    }

    #[test]
    fn chain_ids_are_those_of_the_specification() {
        let config = |ids: &[&str]| Config {
            architecture: String::new(),
            os: String::new(),
            config: None,
            rootfs: RootFs {
                diff_ids: ids.iter().map(|s| (*s).to_owned()).collect(),
            },
        };
        let chain = config(&["sha256:a", "sha256:b"]).chain_ids();
        assert_eq!(chain[0], "sha256:a");
        let expected = <sha2::Sha256 as sha2::Digest>::digest("sha256:a sha256:b");
        assert_eq!(chain[1], format!("sha256:{}", hex::encode(expected)));
    }

    #[test]
    fn old_odd_and_hostile_manifests_are_refused() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let manifest = |config: &str, layer: &str, digest: &str, size: i64| {
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}",
                "config":{{"mediaType":"{config}","digest":"{digest}","size":{size}}},
                "layers":[{{"mediaType":"{layer}","digest":"{digest}","size":{size}}}]}}"#
            )
        };
        let (config, layer) = (
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.oci.image.layer.v1.tar+gzip",
        );
        assert!(parse(manifest(config, layer, &digest, 5).as_bytes(), None).is_ok());
        for bad in [
            manifest(
                "application/vnd.cncf.helm.config.v1+json",
                layer,
                &digest,
                5,
            ),
            manifest(
                config,
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                &digest,
                5,
            ),
            manifest(config, layer, "sha256:../../etc", 5),
            manifest(config, layer, &digest, -5),
            r#"{"schemaVersion":1}"#.to_owned(),
            "[]".to_owned(),
        ] {
            assert!(parse(bad.as_bytes(), None).is_err(), "{bad}");
        }
    }
}
