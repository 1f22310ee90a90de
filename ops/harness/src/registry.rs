//! Debian's `docker-registry` on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clean::sweep_stale;
use crate::image::{Blob, Image, ImageIndex};
use crate::net::free_port;
use crate::process::{Process, Tag};
use crate::tool::tool;

const READY: Duration = Duration::from_secs(15);

/// A running registry; killed and its files removed when dropped.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    binary: PathBuf,
    client: RegistryClient,
    dir: PathBuf,
}

impl Registry {
    /// Starts one, open or asking for HTTP Basic with this user and password.
    ///
    /// # Errors
    /// When docker-registry is missing (names the package) or does not come up.
    pub fn start(auth: Option<(&str, &str)>) -> Result<Self> {
        sweep_stale();
        let binary = tool("docker-registry", "docker-registry")?;
        let dir = Tag::random().make_dir()?;
        let port = free_port()?;
        let conf = conf(&dir, &format!("127.0.0.1:{port}")) + &htpasswd(&dir, "main", auth)?;
        std::fs::write(dir.join("registry.yml"), conf).context("write the registry's config")?;
        let process = launch(&binary, &dir)?;
        let client = RegistryClient::new(port, auth);
        let mut this = Self {
            process,
            binary,
            client,
            dir,
        };
        this.wait_ready()?;
        Ok(this)
    }

    /// Where the registry keeps a blob: tests damage it there, since no push of a wrong digest is
    /// accepted.
    ///
    /// # Errors
    /// When the digest is not `sha256:<hex>`.
    pub fn blob_path(&self, digest: &str) -> Result<PathBuf> {
        let hex = digest
            .strip_prefix("sha256:")
            .context("digest without sha256:")?;
        let first = hex.get(..2).context("digest too short")?;
        let blobs = self.dir.join("data/docker/registry/v2/blobs/sha256");
        Ok(blobs.join(first).join(hex).join("data"))
    }

    /// SIGKILL: a registry that is down.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again on the same port with what it held.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill9();
        self.process = launch(&self.binary, &self.dir)?;
        self.wait_ready()
    }

    /// Serves what it holds a second time: at `listen`, in the network namespace at `netns`, over TLS with this
    /// certificate and key (PEM) or plainly, and to this user alone if one is named.
    ///
    /// # Errors
    /// When it does not start. Whether it answers must be seen from within that namespace.
    pub fn elsewhere(
        &self,
        netns: &Path,
        listen: &str,
        tls: Option<(&str, &str)>,
        auth: Option<(&str, &str)>,
    ) -> Result<Process> {
        let name = listen.replace([':', '.'], "-");
        let mut conf = conf(&self.dir, listen);
        if let Some((certificate, key)) = tls {
            let save = |end: &str, text: &str| {
                let path = self.dir.join(format!("{name}.{end}"));
                std::fs::write(&path, text).context("write a certificate")?;
                anyhow::Ok(path.display().to_string())
            };
            conf += &format!(
                "  tls: {{certificate: {}, key: {}}}\n",
                save("crt", certificate)?,
                save("key", key)?
            );
        }
        conf += &htpasswd(&self.dir, &name, auth)?;
        let path = self.dir.join(format!("{name}.yml"));
        std::fs::write(&path, conf).context("write the registry's config")?;
        let mut command = Command::new(tool("nsenter", "util-linux")?);
        command
            .arg(format!("--net={}", netns.display()))
            .arg(&self.binary)
            .arg("serve")
            .arg(&path);
        let log = self.dir.join(format!("{name}.log"));
        Process::spawn("docker-registry", command, &log)
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let port = self.client.port;
        self.process
            .wait_ready(READY, || TcpStream::connect(("127.0.0.1", port)).is_ok())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill9();
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn conf(dir: &Path, listen: &str) -> String {
    format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}/data}}\n  \
         delete: {{enabled: true}}\nhttp:\n  addr: {listen}\n",
        dir.display()
    )
}

/// The part of a configuration that asks for HTTP Basic; nothing without a user.
fn htpasswd(dir: &Path, name: &str, auth: Option<(&str, &str)>) -> Result<String> {
    let Some((user, password)) = auth else {
        return Ok(String::new());
    };
    let hash = bcrypt::hash(password, 4).context("hash the registry's password")?;
    let path = dir.join(format!("{name}.htpasswd"));
    std::fs::write(&path, format!("{user}:{hash}\n")).context("write htpasswd")?;
    Ok(format!(
        "auth:\n  htpasswd: {{realm: warren-test, path: {}}}\n",
        path.display()
    ))
}

fn launch(binary: &Path, dir: &Path) -> Result<Process> {
    let mut command = Command::new(binary);
    command.arg("serve").arg(dir.join("registry.yml"));
    Process::spawn("docker-registry", command, &dir.join("registry.log"))
}

/// Pushes images to a registry on loopback.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    port: u16,
    auth: Option<(String, String)>,
}

impl RegistryClient {
    /// A client for the registry on this loopback port.
    #[must_use]
    pub fn new(port: u16, auth: Option<(&str, &str)>) -> Self {
        let auth = auth.map(|(user, password)| (user.to_owned(), password.to_owned()));
        Self { port, auth }
    }

    /// Whether it holds an image under this name.
    #[must_use]
    pub fn has(&self, repo: &str, tag: &str) -> bool {
        let path = format!("/v2/{repo}/manifests/{tag}");
        let accept = "application/vnd.oci.image.manifest.v1+json";
        self.request("HEAD", &path, accept, &[])
            .is_ok_and(|(status, _)| status == 200)
    }

    /// `127.0.0.1:<port>`, the first part of an image reference.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:<port>/<repo>:<tag>`.
    #[must_use]
    pub fn reference(&self, repo: &str, tag: &str) -> String {
        format!("{}/{repo}:{tag}", self.host())
    }

    /// Pushes one image and gives its reference.
    ///
    /// # Errors
    /// When the registry refuses; carries its answer.
    pub fn push(&self, repo: &str, tag: &str, image: &Image) -> Result<String> {
        image
            .blobs
            .iter()
            .try_for_each(|blob| self.push_blob(repo, blob))?;
        self.push_manifest(repo, tag, &image.manifest)?;
        Ok(self.reference(repo, tag))
    }

    /// Pushes every image of an index, then the index, and gives its reference.
    ///
    /// # Errors
    /// When the registry refuses; carries its answer.
    pub fn push_index(&self, repo: &str, tag: &str, index: &ImageIndex) -> Result<String> {
        for image in &index.images {
            image
                .blobs
                .iter()
                .try_for_each(|blob| self.push_blob(repo, blob))?;
            self.push_manifest(repo, &image.manifest.digest, &image.manifest)?;
        }
        self.push_manifest(repo, tag, &index.manifest)?;
        Ok(self.reference(repo, tag))
    }

    fn push_blob(&self, repo: &str, blob: &Blob) -> Result<()> {
        let path = format!("/v2/{repo}/blobs/uploads/?digest={}", blob.digest);
        let (status, head) = self.request("POST", &path, "application/octet-stream", &blob.data)?;
        if status == 201 {
            return Ok(());
        }
        // docker-registry takes no single-request upload: it answers with where to put the bytes.
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .with_context(|| format!("upload of {} answered {status}: {head}", blob.digest))?;
        let path = location
            .split_once(&self.host())
            .map_or(location, |(_, path)| path);
        let path = format!("{path}&digest={}", blob.digest);
        let (status, head) = self.request("PUT", &path, "application/octet-stream", &blob.data)?;
        if status != 201 {
            bail!("upload of {} answered {status}: {head}", blob.digest);
        }
        Ok(())
    }

    fn push_manifest(&self, repo: &str, reference: &str, blob: &Blob) -> Result<()> {
        let path = format!("/v2/{repo}/manifests/{reference}");
        let (status, answer) = self.request("PUT", &path, &blob.media_type, &blob.data)?;
        if status != 201 {
            bail!("manifest {repo}:{reference} answered {status}: {answer}");
        }
        Ok(())
    }

    /// One HTTP/1.1 request over its own connection: status and the whole answer as text.
    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).context("registry")?;
        let body = if method == "POST" { &[] } else { body };
        let auth = self
            .auth
            .as_ref()
            .map_or(String::new(), |(user, password)| {
                format!(
                    "Authorization: Basic {}\r\n",
                    STANDARD.encode(format!("{user}:{password}"))
                )
            });
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{auth}\
             Content-Type: {kind}\r\nAccept: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.host(),
            body.len()
        );
        stream.write_all(head.as_bytes()).context("send head")?;
        stream.write_all(body).context("send body")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).context("read answer")?;
        let answer = String::from_utf8_lossy(&answer).replace("\r\n", "\n");
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok((status.context("answer without a status")?, answer))
    }
}

impl std::ops::Deref for Registry {
    type Target = RegistryClient;

    fn deref(&self) -> &RegistryClient {
        &self.client
    }
}
