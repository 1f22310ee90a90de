use std::process::Command;

use warren_harness::{Compression, ImageBuilder, ImageIndex, Media, Registry, tool};

fn skopeo(args: &[&str]) -> (bool, String) {
    let skopeo = tool("skopeo", "skopeo").unwrap();
    let output = Command::new(skopeo).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_pushed_image_is_readable_by_others() {
    let registry = Registry::start(None).unwrap();
    let image = ImageBuilder::game().unwrap().layer().unwrap();
    let image = image
        .compression(Compression::Zstd)
        .whiteout("games/eat")
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(image.layers().len(), 3);
    let name = registry.push("warren/game", "1", &image).unwrap();
    let (ok, text) = skopeo(&["inspect", "--tls-verify=false", &format!("docker://{name}")]);
    assert!(ok && text.contains(&image.layers()[2].digest), "{text}");
    assert!(registry.blob_path(&image.manifest.digest).unwrap().exists());
}

#[test]
fn an_index_offers_both_platforms() {
    let registry = Registry::start(None).unwrap();
    let arms = |arch: &str| {
        let builder = ImageBuilder::scratch()
            .platform("linux", arch, None)
            .media(Media::Docker);
        builder.file("arch", 0o644, arch).unwrap().build().unwrap()
    };
    let index = ImageIndex::new(Media::Docker, vec![arms("amd64"), arms("arm64")]);
    let name = registry.push_index("two", "latest", &index).unwrap();
    let (ok, text) = skopeo(&[
        "inspect",
        "--raw",
        "--tls-verify=false",
        &format!("docker://{name}"),
    ]);
    assert!(
        ok && text.contains("amd64") && text.contains("arm64"),
        "{text}"
    );
}

#[test]
fn a_private_registry_wants_its_password() {
    let registry = Registry::start(Some(("warren", "hopping"))).unwrap();
    let image = ImageBuilder::scratch()
        .file("a", 0o644, "a")
        .unwrap()
        .build()
        .unwrap();
    let name = format!(
        "docker://{}",
        registry.push("private", "1", &image).unwrap()
    );
    assert!(!skopeo(&["inspect", "--tls-verify=false", &name]).0);
    let (ok, text) = skopeo(&[
        "inspect",
        "--tls-verify=false",
        "--creds",
        "warren:hopping",
        &name,
    ]);
    assert!(ok, "{text}");
}
