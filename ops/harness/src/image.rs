//! Building OCI images in memory: layers, whiteouts, compressions, indexes.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::tool::tool;

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `tar`
    None,
    /// `tar+gzip`
    Gzip,
    /// `tar+zstd`, OCI only
    Zstd,
}

/// Which family of media types an image uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/vnd.oci.image.…`
    Oci,
    /// `application/vnd.docker.…`
    Docker,
}

/// Bytes under a digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Media type.
    pub media_type: String,
    /// `sha256:<hex>` of `data`.
    pub digest: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Blob {
    fn new(media_type: impl Into<String>, data: Vec<u8>) -> Self {
        let digest = sha256(&data);
        Self {
            media_type: media_type.into(),
            digest,
            data,
        }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.data.len()})
    }
}

/// One image: config and layers, and the manifest that names them.
#[derive(Debug, Clone)]
pub struct Image {
    /// Config first, then the layers from the bottom.
    pub blobs: Vec<Blob>,
    /// The manifest.
    pub manifest: Blob,
    /// Operating system, architecture and variant, for an index.
    pub platform: (String, String, Option<String>),
}

impl Image {
    /// The layers from the bottom.
    #[must_use]
    pub fn layers(&self) -> &[Blob] {
        self.blobs.get(1..).unwrap_or_default()
    }

    /// Writes an OCI layout folder (`oci-layout`, `index.json`, `blobs/sha256`) with this one image.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_layout(&self, dir: &Path, tag: &str) -> Result<()> {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).context("make the layout")?;
        for blob in self.blobs.iter().chain([&self.manifest]) {
            let name = blob.digest.trim_start_matches("sha256:");
            fs::write(blobs.join(name), &blob.data).context("write a blob")?;
        }
        let mut entry = self.manifest.descriptor();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        let index = json!({"schemaVersion": 2, "manifests": [entry]});
        fs::write(dir.join("index.json"), index.to_string()).context("write index.json")?;
        let version = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(dir.join("oci-layout"), version.to_string()).context("write oci-layout")
    }
}

/// Several images of different platforms under one name.
#[derive(Debug, Clone)]
pub struct ImageIndex {
    /// The images.
    pub images: Vec<Image>,
    /// The index itself.
    pub manifest: Blob,
}

impl ImageIndex {
    /// An index over `images` in the given family of media types.
    #[must_use]
    pub fn new(media: Media, images: Vec<Image>) -> Self {
        let entries: Vec<Value> = images
            .iter()
            .map(|image| {
                let (os, architecture, variant) = &image.platform;
                let mut entry = image.manifest.descriptor();
                entry["platform"] = json!({"os": os, "architecture": architecture});
                if let Some(variant) = variant {
                    entry["platform"]["variant"] = json!(variant);
                }
                entry
            })
            .collect();
        let kind = match media {
            Media::Oci => "application/vnd.oci.image.index.v1+json",
            Media::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        };
        let body = json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries});
        Self {
            images,
            manifest: Blob::new(kind, body.to_string().into_bytes()),
        }
    }
}

/// A closed layer.
enum Layer {
    Tar(Vec<u8>, Compression),
    Packed { diff_id: String, gzip: Vec<u8> },
}

/// Builds an [`Image`] layer by layer.
pub struct ImageBuilder {
    done: Vec<Layer>,
    current: tar::Builder<Vec<u8>>,
    empty: bool,
    compression: Compression,
    media: Media,
    config: Value,
    platform: (String, String, Option<String>),
}

impl ImageBuilder {
    /// An image without any file.
    #[must_use]
    pub fn scratch() -> Self {
        Self {
            done: Vec::new(),
            current: tar::Builder::new(Vec::new()),
            empty: true,
            compression: Compression::Gzip,
            media: Media::Oci,
            config: json!({"Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/sbin"]}),
            platform: ("linux".into(), host_architecture().into(), None),
        }
    }

    /// First layer: static busybox with its applets, `/etc/passwd` with `container` (988), a home
    /// at `/home/container`. A second layer is open for more.
    ///
    /// # Errors
    /// When busybox is not installed (names the package).
    pub fn busybox() -> Result<Self> {
        let binary = tool("busybox", "busybox-static")?;
        let list = crate::process::run(std::process::Command::new(&binary).arg("--list"))?;
        let mut this = Self::scratch();
        for dir in [
            "bin", "etc", "tmp", "home", "proc", "sys", "dev", "run", "mnt", "var",
        ] {
            this = this.dir(dir, 0o755)?;
        }
        this = this
            .dir("tmp", 0o1777)?
            .dir("home/container", 0o755)?
            .dir("mnt/server", 0o755)?;
        this = this.file(
            "bin/busybox",
            0o755,
            fs::read(&binary).context("read busybox")?,
        )?;
        for applet in list.lines().filter(|name| *name != "busybox") {
            this = this.symlink(&format!("bin/{applet}"), "busybox")?;
        }
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\
                      container:x:988:988::/home/container:/bin/sh\n";
        this = this.file("etc/passwd", 0o644, passwd)?;
        this = this.file("etc/group", 0o644, "root:x:0:\ncontainer:x:988:\n")?;
        Ok(this.layer()?.workdir("/home/container").cmd(["/bin/sh"]))
    }

    /// Busybox with the programs of [`crate::FakeGame`] in `/games` and an entrypoint that treats
    /// `$STARTUP` as the public images do: `{{NAME}}` becomes the variable, then a shell runs it.
    ///
    /// # Errors
    /// As [`Self::busybox`].
    pub fn game() -> Result<Self> {
        let mut this = Self::busybox()?.dir("games", 0o755)?;
        for (name, script) in crate::game::SCRIPTS {
            this = this.file(&format!("games/{name}"), 0o755, script)?;
        }
        this = this.file("entrypoint.sh", 0o755, ENTRYPOINT)?;
        Ok(this
            .env("HOME", "/home/container")
            .user("988:988")
            .cmd(["/bin/sh", "/entrypoint.sh"]))
    }

    /// A regular file in the open layer.
    ///
    /// # Errors
    /// When the path does not fit into a tar header.
    pub fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Result<Self> {
        self.entry(tar::EntryType::Regular, path, mode, None, content.as_ref())
    }

    /// A folder in the open layer.
    ///
    /// # Errors
    /// When the path does not fit into a tar header.
    pub fn dir(self, path: &str, mode: u32) -> Result<Self> {
        self.entry(tar::EntryType::Directory, path, mode, None, &[])
    }

    /// A symbolic link in the open layer.
    ///
    /// # Errors
    /// When the path does not fit into a tar header.
    pub fn symlink(self, path: &str, target: &str) -> Result<Self> {
        self.entry(tar::EntryType::Symlink, path, 0o777, Some(target), &[])
    }

    /// Deletes a path of the layers below.
    ///
    /// # Errors
    /// When the path does not fit into a tar header.
    pub fn whiteout(self, path: &str) -> Result<Self> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let slash = if dir.is_empty() { "" } else { "/" };
        self.file(&format!("{dir}{slash}.wh.{name}"), 0o644, "")
    }

    /// Hides all that the layers below put into a folder.
    ///
    /// # Errors
    /// When the path does not fit into a tar header.
    pub fn opaque(self, dir: &str) -> Result<Self> {
        self.file(&format!("{dir}/.wh..wh..opq"), 0o644, "")
    }

    /// A program of this machine with the shared libraries and the loader that it needs.
    ///
    /// # Errors
    /// When `ldd` or one of the files cannot be read.
    pub fn program(mut self, host_path: &Path, path: &str) -> Result<Self> {
        let listed = crate::process::run(std::process::Command::new("ldd").arg(host_path));
        let libraries = listed.unwrap_or_default();
        for library in libraries
            .split_whitespace()
            .filter(|word| word.starts_with('/'))
        {
            let data = fs::read(library).with_context(|| format!("read {library}"))?;
            self = self.file(library.trim_start_matches('/'), 0o755, data)?;
        }
        let data = fs::read(host_path).with_context(|| format!("read {}", host_path.display()))?;
        self.file(path, 0o755, data)
    }

    /// Closes the open layer and begins the next.
    ///
    /// # Errors
    /// When the tar cannot be finished.
    pub fn layer(mut self) -> Result<Self> {
        if !self.empty {
            let next = tar::Builder::new(Vec::new());
            let tar = std::mem::replace(&mut self.current, next).into_inner()?;
            self.done.push(Layer::Tar(tar, self.compression));
            self.empty = true;
        }
        Ok(self)
    }

    /// A whole layer made elsewhere: gzipped, with the `sha256:<hex>` of the tar inside.
    ///
    /// # Errors
    /// When the open layer cannot be finished.
    pub fn packed_layer(self, diff_id: &str, gzip: Vec<u8>) -> Result<Self> {
        let mut this = self.layer()?;
        this.done.push(Layer::Packed {
            diff_id: diff_id.to_owned(),
            gzip,
        });
        Ok(this)
    }

    /// How layers closed from here on are packed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The family of media types.
    #[must_use]
    pub fn media(mut self, media: Media) -> Self {
        self.media = media;
        self
    }

    /// `linux`, `amd64` and the like; the default is this machine's.
    #[must_use]
    pub fn platform(mut self, os: &str, architecture: &str, variant: Option<&str>) -> Self {
        self.platform = (os.into(), architecture.into(), variant.map(Into::into));
        self
    }

    /// An environment variable of the image's config.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        if let Some(list) = self.config["Env"].as_array_mut() {
            list.push(json!(format!("{name}={value}")));
        }
        self
    }

    /// The image's entrypoint.
    #[must_use]
    pub fn entrypoint<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.config["Entrypoint"] = words.into_iter().collect();
        self
    }

    /// The image's command.
    #[must_use]
    pub fn cmd<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.config["Cmd"] = words.into_iter().collect();
        self
    }

    /// The image's working directory.
    #[must_use]
    pub fn workdir(mut self, path: &str) -> Self {
        self.config["WorkingDir"] = json!(path);
        self
    }

    /// The image's user, `988` or `988:988`.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.config["User"] = json!(user);
        self
    }

    /// The finished image.
    ///
    /// # Errors
    /// When a layer cannot be packed.
    pub fn build(self) -> Result<Image> {
        let this = self.layer()?;
        let diff_ids: Vec<String> = this.done.iter().map(Layer::diff_id).collect();
        let (os, architecture, variant) = &this.platform;
        let mut config = json!({
            "created": "2026-01-01T00:00:00Z", "architecture": architecture, "os": os,
            "config": this.config, "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        if let Some(variant) = variant {
            config["variant"] = json!(variant);
        }
        let mut blobs = vec![Blob::new(
            config_type(this.media),
            config.to_string().into_bytes(),
        )];
        for layer in this.done {
            blobs.push(layer.into_blob(this.media)?);
        }
        let layers: Vec<Value> = blobs.iter().skip(1).map(Blob::descriptor).collect();
        let kind = manifest_type(this.media);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind,
            "config": blobs[0].descriptor(), "layers": layers,
        });
        let manifest = Blob::new(kind, manifest.to_string().into_bytes());
        Ok(Image {
            blobs,
            manifest,
            platform: this.platform,
        })
    }

    fn entry(
        mut self,
        kind: tar::EntryType,
        path: &str,
        mode: u32,
        target: Option<&str>,
        content: &[u8],
    ) -> Result<Self> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        let added = match target {
            Some(target) => self.current.append_link(&mut header, path, target),
            None => self.current.append_data(&mut header, path, content),
        };
        added.with_context(|| format!("add {path} to a layer"))?;
        self.empty = false;
        Ok(self)
    }
}

const ENTRYPOINT: &str = r#"#!/bin/sh
cd /home/container || exit 70
command=$(echo "$STARTUP" | sed -e 's/{{/${/g' -e 's/}}/}/g')
eval "exec $command"
"#;

impl Layer {
    fn diff_id(&self) -> String {
        match self {
            Self::Tar(tar, _) => sha256(tar),
            Self::Packed { diff_id, .. } => diff_id.clone(),
        }
    }

    fn into_blob(self, media: Media) -> Result<Blob> {
        Ok(match self {
            Self::Tar(tar, how) => Blob::new(layer_type(media, how), pack(&tar, how)?),
            Self::Packed { gzip, .. } => Blob::new(layer_type(media, Compression::Gzip), gzip),
        })
    }
}

fn pack(tar: &[u8], compression: Compression) -> Result<Vec<u8>> {
    Ok(match compression {
        Compression::None => tar.to_vec(),
        Compression::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(tar).context("gzip a layer")?;
            gzip.finish().context("gzip a layer")?
        }
        Compression::Zstd => zstd::encode_all(tar, 1).context("zstd a layer")?,
    })
}

fn sha256(data: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(data)))
}

fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn config_type(media: Media) -> &'static str {
    match media {
        Media::Oci => "application/vnd.oci.image.config.v1+json",
        Media::Docker => "application/vnd.docker.container.image.v1+json",
    }
}

fn manifest_type(media: Media) -> &'static str {
    match media {
        Media::Oci => "application/vnd.oci.image.manifest.v1+json",
        Media::Docker => "application/vnd.docker.distribution.manifest.v2+json",
    }
}

fn layer_type(media: Media, compression: Compression) -> &'static str {
    match (media, compression) {
        (Media::Oci, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
        (Media::Oci, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
        (Media::Oci, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        (Media::Docker, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
        (Media::Docker, _) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
    }
}
