//! Whether the wrappers cover all of rmcp: a method that is not delegated silently becomes
//! the trait's default, and the server inside never sees the request.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Where the source of the rmcp that this build uses is.
fn rmcp() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .expect("cargo should run, to find the source of rmcp");
    assert!(
        output.status.success(),
        "`cargo metadata` should find the source of rmcp: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let manifests: Vec<&str> = packages
        .iter()
        .filter(|package| package["name"] == "rmcp")
        .filter_map(|package| package["manifest_path"].as_str())
        .collect();
    let [manifest] = manifests.as_slice() else {
        panic!("one rmcp should be in the build, found {manifests:?}");
    };
    Path::new(manifest).with_file_name("src")
}

fn read(path: &str) -> String {
    let path = rmcp().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "the source of rmcp has no {} any more: {error}",
            path.display()
        )
    })
}

/// The part of a source between two texts, without comments.
fn between(source: &str, from: &str, to: &str) -> String {
    let (_, rest) = source
        .split_once(from)
        .unwrap_or_else(|| panic!("no `{from}` in rmcp"));
    let (part, _) = rest
        .split_once(to)
        .unwrap_or_else(|| panic!("no `{to}` in rmcp"));
    let code = part
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The functions that a piece of source declares.
fn functions(source: &str) -> Vec<&str> {
    let declared = source.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        let (name, _) = line.strip_prefix("fn ")?.split_once(['(', '<'])?;
        Some(name)
    });
    declared.collect()
}

/// Whether a wrapper passes a method on, written out or as a row of a macro.
fn delegates(wrapper: &str, method: &str) -> bool {
    let written =
        functions(wrapper).contains(&method) && wrapper.contains(&format!("self.inner.{method}("));
    let call = format!("{method}(");
    let row = wrapper.lines().any(|line| {
        // A row starts with what the method is called on the wire, or with a name for it.
        let (first, row) = line.trim_start().split_once(' ').unwrap_or_default();
        first != "fn" && row.starts_with(&call)
    });
    written || row
}

fn missing<'a>(wrapper: &str, methods: &[&'a str]) -> Vec<&'a str> {
    let missing = methods.iter().filter(|method| !delegates(wrapper, method));
    missing.copied().collect()
}

/// The wrapper's `impl` of a trait.
fn implementation(source: &'static str, head: &str) -> String {
    between(source, head, "\n}\n")
}

#[test]
fn the_handler_delegates_every_method() {
    let wrapper = implementation(
        include_str!("../../src/mcp/handler.rs"),
        "impl<H: ServerHandler> ServerHandler for TracedHandler<H> {",
    );
    let source = read("handler/server.rs");
    let declared = between(
        &source,
        "macro_rules! server_handler_methods {",
        "pub trait ServerHandler",
    );
    let methods = functions(&declared);
    for known in [
        "ping",
        "call_tool",
        "get_info",
        "listen",
        "on_custom_notification",
    ] {
        assert!(methods.contains(&known), "`{known}` in {methods:?}");
    }
    assert!(methods.len() >= 32, "{methods:?}");
    assert_eq!(missing(&wrapper, &methods), [""; 0]);
    // The check itself can fail.
    assert_eq!(
        missing(&wrapper, &["ping", "no_such_method"]),
        ["no_such_method"]
    );
    let without = wrapper.replace("\"ping\" ping()", "");
    assert_eq!(missing(&without, &methods), ["ping"]);
    let without = wrapper.replace("self.inner.call_tool(", "");
    assert_eq!(missing(&without, &methods), ["call_tool"]);
}

#[test]
fn the_service_delegates_every_method() {
    let wrapper = implementation(
        include_str!("../../src/mcp/service.rs"),
        "impl<S: Service<RoleServer>> Service<RoleServer> for TracedService<S> {",
    );
    let declared = between(
        &read("service.rs"),
        "pub trait Service<R: ServiceRole>",
        "\n}\n",
    );
    let methods = functions(&declared);
    assert!(methods.len() >= 4, "{methods:?}");
    assert_eq!(missing(&wrapper, &methods), [""; 0]);
}

/// The variants of one of rmcp's messages.
fn variants(source: &str, message: &str) -> Vec<String> {
    let declared = between(source, &format!("export type {message} ="), ";");
    let variants = declared
        .split('|')
        .map(|variant| variant.trim().trim_start_matches("box "))
        .filter(|variant| !variant.is_empty());
    variants.map(str::to_owned).collect()
}

/// Those that the service's wrapper does not name.
fn unnamed(message: &str, variants: &[String]) -> Vec<String> {
    let wrapper = include_str!("../../src/mcp/service.rs");
    let unnamed = variants.iter().filter(|variant| {
        let row = format!("\" {variant};");
        !wrapper.contains(&row) && !wrapper.contains(&format!("{message}::{variant}("))
    });
    unnamed.cloned().collect()
}

/// A custom message has no name that is ours to give.
#[test]
fn the_service_names_every_message() {
    let source = read("model.rs");
    let requests = variants(&source, "ClientRequest");
    assert!(requests.len() >= 20, "{requests:?}");
    assert_eq!(unnamed("ClientRequest", &requests), ["CustomRequest"]);
    let notifications = variants(&source, "ClientNotification");
    assert!(notifications.len() >= 5, "{notifications:?}");
    assert_eq!(
        unnamed("ClientNotification", &notifications),
        ["CustomNotification"]
    );
}
