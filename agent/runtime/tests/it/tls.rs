//! Registries behind TLS. They listen in a network namespace of the test's own, since loopback is spoken to plainly.

use std::fs::File;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use warren_harness::{ImageBuilder, Process, eventually};
use warren_runtime::containerd::{self, Containerd};
use warren_runtime::runtime::{Error, ImageProblem, PullRequest, RegistryAuth, Runtime};

use crate::machine::{LIMIT, Machine, config};
use crate::net::{apart, sh};

const HOST: &str = "198.51.100.9";

struct Ca(Issuer<'static, KeyPair>, String);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Certificate and key.
    fn issue(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn self_signed(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// The machine's registry once more, at this port of `HOST`.
fn serve(machine: &Machine, port: u16, tls: Option<&(String, String)>, private: bool) -> Process {
    let netns = format!(
        "/proc/{}/task/{}/ns/net",
        std::process::id(),
        nix::unistd::gettid()
    );
    let auth = private.then_some(("me", "secret"));
    let tls = tls.map(|(certificate, key)| (certificate.as_str(), key.as_str()));
    let at = format!("{HOST}:{port}");
    let process = machine
        .registry
        .elsewhere(&PathBuf::from(netns), &at, tls, auth);
    eventually("the registry", LIMIT, || {
        std::net::TcpStream::connect(&at).ok()
    })
    .unwrap();
    process.unwrap()
}

fn engine(machine: &Machine, change: impl FnOnce(&mut containerd::Config)) -> Containerd {
    let mut config = config(&machine.containerd);
    change(&mut config);
    Containerd::new(config).unwrap()
}

/// Pushes the image over the real loopback and gives this namespace its address.
fn image(machine: &Machine) {
    let image = ImageBuilder::busybox().unwrap();
    let image = image
        .file("tls", 0o644, "over TLS")
        .unwrap()
        .build()
        .unwrap();
    let here = File::open(format!("/proc/self/task/{}/ns/net", nix::unistd::gettid())).unwrap();
    // The main thread never left.
    let home = File::open("/proc/self/ns/net").unwrap();
    nix::sched::setns(home, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
    machine.registry.push("games/tls", "1", &image).unwrap();
    nix::sched::setns(here, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
    sh(&format!("ip addr add {HOST}/32 dev lo"));
}

fn request(port: u16) -> PullRequest {
    PullRequest::new(format!("{HOST}:{port}/games/tls:1").parse().unwrap())
}

async fn refused(engine: &Containerd, port: u16) -> (ImageProblem, String) {
    match engine.pull(request(port)).await.unwrap_err() {
        error @ Error::Image { .. } => {
            let text = error.to_string();
            let Error::Image { problem, .. } = error else {
                unreachable!()
            };
            (problem, text)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_private_registry_behind_tls_is_trusted_by_its_ca_and_asked_with_the_password() {
    apart(async |machine| {
        image(&machine);
        let ca = Ca::new();
        let _registry = serve(&machine, 5443, Some(&ca.issue(HOST)), true);
        let file = machine.dir().join("ca.pem");
        std::fs::write(&file, &ca.1).unwrap();
        let engine = engine(&machine, |c| c.registry_ca_files = vec![file]);
        let (nobody, _) = refused(&engine, 5443).await;
        assert!(matches!(nobody, ImageProblem::Unauthorized(_)), "{nobody}");
        let mut request = request(5443);
        let with = |password: &str| RegistryAuth::Basic {
            username: "me".into(),
            password: password.into(),
        };
        request.auth = with("hunter2");
        let wrong = engine.pull(request.clone()).await.unwrap_err();
        assert_eq!(wrong.code(), "image_unauthorized", "{wrong}");
        request.auth = with("secret");
        let pulled = engine.pull(request).await.unwrap();
        assert!(pulled.fetched_bytes > 0);
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_by_name_with_what_to_do() {
    apart(async |machine| {
        image(&machine);
        let (ours, theirs) = (Ca::new(), Ca::new());
        let _one = serve(&machine, 5443, Some(&self_signed(HOST)), false);
        let _two = serve(&machine, 5444, Some(&theirs.issue(HOST)), false);
        let _three = serve(&machine, 5445, Some(&ours.issue("other.example")), false);
        let file = machine.dir().join("ca.pem");
        std::fs::write(&file, &ours.1).unwrap();
        let with_ca = engine(&machine, |c| c.registry_ca_files = vec![file]);
        for port in [5443, 5444, 5445] {
            let (problem, text) = refused(&with_ca, port).await;
            assert!(
                matches!(problem, ImageProblem::Untrusted { .. }),
                "{problem}"
            );
            let place = format!("certificate of {HOST}:{port}");
            for word in [place.as_str(), "registry_ca_files", "games/tls:1"] {
                assert!(text.contains(word), "no {word:?} in {text}");
            }
        }
        // The right CA in the list, and it is taken; and once here, an expired one stops no game.
        let two = machine.dir().join("two.pem");
        std::fs::write(&two, format!("{}{}", ours.1, theirs.1)).unwrap();
        let both = engine(&machine, |c| c.registry_ca_files = vec![two]);
        both.pull(request(5444)).await.unwrap();
        let stale = with_ca.pull(request(5444)).await.unwrap();
        assert!(stale.stale_because.unwrap().contains("not trusted"));
    });
}

#[test]
fn plain_http_is_spoken_only_to_registries_that_are_listed_for_it() {
    apart(async |machine| {
        image(&machine);
        let _plain = serve(&machine, 5080, None, false);
        let strict = engine(&machine, |_| {});
        let (problem, text) = refused(&strict, 5080).await;
        assert_eq!(
            problem,
            ImageProblem::NoTls(format!("{HOST}:5080")),
            "{text}"
        );
        assert!(text.contains("insecure_registries"), "{text}");
        let listed = engine(&machine, |c| {
            c.insecure_registries = vec![format!("{HOST}:5080")]
        });
        listed.pull(request(5080)).await.unwrap();
    });
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, missing) = (dir.path().join("empty.pem"), dir.path().join("missing.pem"));
    std::fs::write(&empty, "not a certificate").unwrap();
    for file in [empty, missing] {
        let mut config = containerd::Config::tagged(&dir.path().join("c.sock"), "x").unwrap();
        config.registry_ca_files = vec![file.clone()];
        let error = Containerd::new(config).err().unwrap().to_string();
        assert!(error.contains("registry_ca_files"), "{error}");
        assert!(error.contains(&file.display().to_string()), "{error}");
    }
}
