//! Image references, as far as control and agent must agree on them.

/// Docker's own registry, however it is spelled.
pub const DOCKER_HUB: &str = "docker.io";

/// The registry that an image comes from: `host` or `host:port`, lower case. The first part of the name is a
/// host if it has a dot or a port or is `localhost`; all else is Docker's own.
#[must_use]
pub fn registry_of(image: &str) -> String {
    let host = match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => DOCKER_HUB,
    };
    normal(host)
}

/// One spelling for each registry.
#[must_use]
pub fn normal(host: &str) -> String {
    match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB.into(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_the_first_part_that_looks_like_a_host() {
        for (image, host) in [
            ("alpine", "docker.io"),
            ("alpine:3", "docker.io"),
            ("library/alpine:3.19", "docker.io"),
            ("index.docker.io/library/alpine", "docker.io"),
            ("ghcr.io/games/one:latest", "ghcr.io"),
            ("GHCR.io/games/one@sha256:00", "ghcr.io"),
            ("localhost/game", "localhost"),
            ("localhost:5000/game", "localhost:5000"),
            ("127.0.0.1:5000/game:1", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry_of(image), host, "{image}");
        }
    }
}
