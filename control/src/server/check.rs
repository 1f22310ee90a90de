//! What a server may be asked to be: every refusal names the field and what would do.

use std::collections::BTreeMap;

use warren_egg::rules;
use warren_entity::egg_variables;

use super::dto::{CrashPolicyInfo, Limits, ServerCreate};
use crate::{
    backup, database,
    egg::{dto::ImageChoice, view::lenient},
    error::Fields,
    panel::upload,
};

const MIB: u64 = 1024 * 1024;
/// More than any machine has.
const MOST_BYTES: u64 = 1 << 50;
/// A value goes into an environment, where the kernel cuts at 128 KiB.
const MOST_VALUE: usize = 32 * 1024;

/// Limits.
pub fn limits(fields: &mut Fields, limits: &Limits) {
    for (name, bytes, least) in [
        ("limits.memory_bytes", limits.memory_bytes, 16 * MIB),
        ("limits.swap_bytes", limits.swap_bytes, 0),
        ("limits.disk_bytes", limits.disk_bytes, MIB),
    ] {
        fields.check(
            bytes == 0 || (least..=MOST_BYTES).contains(&bytes),
            name,
            "out_of_range",
            format!("is 0 (no limit) or at least {} MiB", least / MIB),
        );
    }
    fields.check(
        limits.cpu_percent.is_finite()
            && (limits.cpu_percent == 0.0 || (1.0..=102_400.0).contains(&limits.cpu_percent)),
        "limits.cpu_percent",
        "out_of_range",
        "is 0 (no limit) or at least 1; 100 is one core",
    );
    if let Some(weight) = limits.io_weight {
        fields.check(
            (10..=1000).contains(&weight),
            "limits.io_weight",
            "out_of_range",
            "is between 10 and 1000",
        );
    }
    if let Some(pids) = limits.pids {
        fields.check(
            pids == 0 || (16..=4_194_304).contains(&pids),
            "limits.pids",
            "out_of_range",
            "is 0 (no limit) or at least 16: threads count too",
        );
    }
    let most = database::service::MOST;
    fields.check(
        limits.databases.is_none_or(|n| u64::from(n) <= most),
        "limits.databases",
        "out_of_range",
        format!("is at most {most}; null is no limit"),
    );
    let most = backup::service::MOST;
    fields.check(
        limits.backups.is_none_or(|n| u64::from(n) <= most),
        "limits.backups",
        "out_of_range",
        format!("is at most {most}; null is no limit"),
    );
    upload::check(fields, "limits.upload_bytes", limits.upload_bytes);
    if let Some(cpuset) = &limits.cpuset {
        fields.check(
            cpuset.is_empty() || is_cpuset(cpuset),
            "limits.cpuset",
            "invalid",
            "is a list of processors like 0-1,3",
        );
    }
}

/// A new server of somebody who may make servers and not set their limits: what no quota counts stays as it comes.
pub fn plain(fields: &mut Fields, wish: &ServerCreate) {
    let (limits, ports) = (&wish.limits, &wish.ports);
    for (field, asked) in [
        ("limits.io_weight", limits.io_weight.is_some()),
        ("limits.cpuset", limits.cpuset.is_some()),
        ("limits.pids", limits.pids.is_some()),
        ("limits.upload_bytes", limits.upload_bytes.is_some()),
        ("ports.primary", ports.primary.is_some()),
        ("ports.more", !ports.more.is_empty()),
    ] {
        let text = "takes the right `admin.server.limits` on the node; leave it out";
        fields.check(!asked, field, "not_allowed", text);
    }
}

/// New limits by somebody who may size their own servers and not set limits: what no quota counts stays as it is.
pub fn uncounted_stay(fields: &mut Fields, before: &Limits, after: &Limits) {
    for (field, same) in [
        ("limits.io_weight", after.io_weight == before.io_weight),
        ("limits.cpuset", after.cpuset == before.cpuset),
        ("limits.pids", after.pids == before.pids),
        (
            "limits.upload_bytes",
            after.upload_bytes == before.upload_bytes,
        ),
    ] {
        let text = "takes the right `admin.server.limits` on the server; send it as it is";
        fields.check(same, field, "not_allowed", text);
    }
}

fn is_cpuset(text: &str) -> bool {
    let number = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
    };
    text.len() <= 256
        && text.split(',').all(|piece| match piece.split_once('-') {
            Some((first, last)) => {
                matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b)
            }
            None => number(piece).is_some(),
        })
}

/// Crash policy.
pub fn crash_policy(fields: &mut Fields, policy: &CrashPolicyInfo) {
    fields.check(
        policy.max_restarts <= 1000,
        "crash_policy.max_restarts",
        "out_of_range",
        "is at most 1000",
    );
    fields.check(
        (1..=86_400).contains(&policy.window_s),
        "crash_policy.window_s",
        "out_of_range",
        "is between 1 second and one day",
    );
}

/// An image: one that the egg offers, or, for those who may, any well-formed reference.
pub fn image(fields: &mut Fields, image: &str, offered: &[ImageChoice], any: bool) {
    if offered.iter().any(|choice| choice.image == image) {
        return;
    }
    if any {
        fields.check(
            is_reference(image),
            "image",
            "invalid",
            "is no image reference like ghcr.io/owner/name:tag",
        );
    } else {
        fields.refuse("image", "not_offered", "is none of the egg's images");
    }
}

fn is_reference(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=512).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && !text.contains("..")
        && !text.contains("//")
        && bytes.iter().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/' | b':' | b'@')
        })
}

/// A start command: one that the egg offers, or any text that fits into an environment.
pub fn startup(fields: &mut Fields, command: &str) {
    fields.check(
        !command.trim().is_empty(),
        "startup",
        "required",
        "must not be empty",
    );
    fields.check(
        command.len() <= MOST_VALUE && !command.contains('\0'),
        "startup",
        "too_long",
        format!("has at most {MOST_VALUE} bytes"),
    );
}

/// Values of variables. `any`: also those that people without admin rights may not change. `whole`: the ones
/// that are left out must do with their default.
pub fn variables(
    fields: &mut Fields,
    known: &[egg_variables::Model],
    values: &BTreeMap<String, String>,
    any: bool,
    whole: bool,
) {
    for env in values.keys() {
        let field = format!("variables.{env:.191}");
        match known.iter().find(|v| v.env == *env) {
            None => fields.refuse(field, "unknown", "is no variable of this egg"),
            Some(v) if !(any || v.user_editable && v.user_viewable) => {
                fields.refuse(field, "not_editable", "can only be changed by an admin");
            }
            Some(_) => {}
        }
    }
    // Rules such as `required_if` ask for others; of a partial change only what it brings is known here.
    let other = |env: &str| {
        let default = || known.iter().find(|v| whole && v.env == env);
        let given = values.get(env).cloned();
        given.or_else(|| default().map(|v| v.default_value.clone()))
    };
    for variable in known {
        let given = values.get(&variable.env);
        if given.is_none() && !whole {
            continue;
        }
        let value = given.unwrap_or(&variable.default_value);
        let field = format!("variables.{}", variable.env);
        if value.len() > MOST_VALUE || value.contains('\0') {
            fields.refuse(
                &field,
                "too_long",
                format!("has at most {MOST_VALUE} bytes, none of them zero"),
            );
            continue;
        }
        let rules: Vec<String> = lenient(&variable.rules);
        if let Err(broken) = rules::validate_among(&rules, value, &other) {
            let word = broken.rule.split(':').next().unwrap_or_default();
            fields.refuse(
                &field,
                &format!("rule_{}", word.to_ascii_lowercase()),
                format!("{}: {}", variable.name, broken.message),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(check: impl FnOnce(&mut Fields)) -> Vec<String> {
        let mut fields = Fields::new();
        check(&mut fields);
        match fields.finish() {
            Err(crate::error::Error::Invalid(errors)) => errors
                .into_iter()
                .map(|e| format!("{} {}", e.field, e.code))
                .collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn limits_out_of_range_are_named() {
        let bad = Limits {
            memory_bytes: 5,
            cpu_percent: f64::NAN,
            io_weight: Some(5),
            cpuset: Some("0-".into()),
            ..Limits::default()
        };
        let found = refused(|f| limits(f, &bad));
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(refused(|f| limits(f, &Limits::default())).is_empty());
        assert!(is_cpuset("0-1,3") && !is_cpuset("3-1") && !is_cpuset("+1") && !is_cpuset(""));
    }

    #[test]
    fn images_of_strangers_need_the_right_for_it() {
        let offered = [ImageChoice {
            label: "a".into(),
            image: "ghcr.io/a/b:c".into(),
        }];
        assert!(refused(|f| image(f, "ghcr.io/a/b:c", &offered, false)).is_empty());
        assert_eq!(
            refused(|f| image(f, "evil/x", &offered, false)),
            ["image not_offered"]
        );
        assert!(refused(|f| image(f, "127.0.0.1:5000/x@sha256:00", &offered, true)).is_empty());
        for bad in ["", "--help", "a b", "a;b", "../x", "http://x"] {
            assert_eq!(
                refused(|f| image(f, bad, &offered, true)),
                ["image invalid"],
                "{bad}"
            );
        }
    }

    #[test]
    fn variables_follow_their_rules_and_their_guards() {
        let variable = |env: &str, rules: &[&str], editable| egg_variables::Model {
            egg_id: String::new(),
            env: env.into(),
            position: 0,
            name: env.into(),
            description: String::new(),
            default_value: String::new(),
            user_viewable: true,
            user_editable: editable,
            rules: json!(rules),
        };
        let known = [
            variable("A", &["required", "string", "max:3"], true),
            variable("B", &["nullable"], false),
        ];
        let values = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let run = |pairs: &[(&str, &str)], any, whole| {
            refused(|f| variables(f, &known, &values(pairs), any, whole))
        };
        assert_eq!(
            run(&[("A", "long")], false, false),
            ["variables.A rule_max"]
        );
        assert_eq!(
            run(&[("B", "x")], false, false),
            ["variables.B not_editable"]
        );
        assert!(run(&[("B", "x")], true, false).is_empty());
        assert_eq!(run(&[("C", "x")], true, false), ["variables.C unknown"]);
        assert_eq!(run(&[], true, true), ["variables.A rule_required"]);
    }
}
