//! Whether `traced()` has all that rmcp's peers have: whoever misses a method there sends
//! without a span.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// What both roles have.
const COMMON: &str = concat!(
    include_str!("../../src/peer/request.rs"),
    include_str!("../../src/peer/notification.rs"),
);
const CLIENT: &str = include_str!("../../src/peer/client.rs");
const RUNNING: &str = include_str!("../../src/peer/running.rs");
const SERVER: &str = include_str!("../../src/peer/server.rs");

/// Where rmcp declares a type's methods, and where ours are.
const TYPES: [(&str, &str, &[&str]); 6] = [
    ("service.rs", "\nimpl<R: ServiceRole> Peer<R> {", &[COMMON]),
    (
        "service/client.rs",
        "\nimpl Peer<RoleClient> {",
        &[COMMON, CLIENT],
    ),
    (
        "service/client/cache.rs",
        "\nimpl Peer<RoleClient> {",
        &[COMMON, CLIENT],
    ),
    // What it shares with the peer, by the same name, does not go on for several rounds.
    (
        "service/client.rs",
        "\nimpl<S> RunningService<RoleClient, S>\n",
        &[RUNNING, CLIENT],
    ),
    (
        "service/server.rs",
        "\nimpl Peer<RoleServer> {",
        &[COMMON, SERVER],
    ),
    (
        "service.rs",
        "\nimpl<R: ServiceRole, S: Service<R>> RunningService<R, S> {",
        &[],
    ),
];

/// Methods of rmcp's that ask nobody, or that another one stands for.
const LEFT_OUT: [(&str, &str); 29] = [
    ("peer_info", "tells what the handshake told"),
    ("set_peer_info", "keeps it"),
    ("is_transport_closed", "tells of the transport"),
    ("set_response_cache_config", "is about the cache"),
    ("response_cache_config", "is about the cache"),
    ("clear_response_cache", "is about the cache"),
    ("supports_sampling_tools", "tells what the client can do"),
    (
        "supported_elicitation_modes",
        "tells what the client can do",
    ),
    (
        "list_all_tools_with_cache_hint",
        "its result cannot be made outside of rmcp",
    ),
    ("list_all_prompts_with_cache_hint", "the same"),
    ("list_all_resources_with_cache_hint", "the same"),
    ("list_all_skills_with_cache_hint", "the same"),
    ("list_all_resource_templates_with_cache_hint", "the same"),
    (
        "complete_prompt_argument",
        "makes the parameters of `complete`",
    ),
    ("complete_resource_argument", "the same"),
    ("complete_prompt_simple", "the same"),
    ("complete_resource_simple", "the same"),
    (
        "elicit",
        "makes the parameters of `create_elicitation`, behind a feature",
    ),
    ("elicit_with_timeout", "the same"),
    ("elicit_url", "the same"),
    ("elicit_url_with_timeout", "the same"),
    ("service", "gives the handler"),
    ("peer", "gives the peer"),
    ("cancellation_token", "ends the service"),
    ("is_closed", "tells of the service"),
    ("waiting", "waits for the service to end"),
    ("close", "ends the service"),
    ("close_with_timeout", "the same"),
    ("cancel", "the same"),
];

/// What begins a row of rmcp's macro `method!`.
const METHOD_KINDS: [&str; 3] = ["peer_req", "peer_not", "peer_req_with_timeout"];

/// Where the source of the rmcp that this build uses is.
fn rmcp() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline"])
        .arg("--manifest-path")
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
    let mut found = packages.iter().filter(|package| package["name"] == "rmcp");
    let manifest = found.next().expect("rmcp should be in the build");
    let manifest = manifest["manifest_path"].as_str().unwrap();
    Path::new(manifest).with_file_name("src")
}

fn read(path: &str) -> String {
    let path = rmcp().join(path);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("rmcp has no {} any more: {error}", path.display()))
}

/// The blocks of a source that begin with this line, up to the brace in the first column.
fn blocks<'a>(source: &'a str, head: &str) -> Vec<&'a str> {
    let blocks = source.split(head).skip(1);
    let blocks: Vec<_> = blocks
        .map(|rest| rest.split("\n}\n").next().unwrap_or(rest))
        .collect();
    assert!(!blocks.is_empty(), "no `{head}` in rmcp");
    blocks
}

/// The public functions in a block, written out or as a row of rmcp's macro `method!`.
fn functions(block: &str) -> Vec<String> {
    let code = block
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"));
    let declared = code.filter_map(|line| {
        let line = line.strip_prefix("method!(").unwrap_or(line);
        let rest = ["pub async fn ", "pub fn "]
            .iter()
            .find_map(|head| line.strip_prefix(head))
            .or_else(|| {
                let (kind, rest) = line.split_once(' ')?;
                METHOD_KINDS.contains(&kind).then_some(rest)
            })?;
        let name = rest.split(['(', '<', ' ']).next()?;
        Some(name.to_owned())
    });
    declared.collect()
}

/// What rmcp's types have, and where ours should have it.
fn theirs() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, head, mine) in TYPES {
        let source = read(path);
        let blocks = blocks(&source, head);
        let found = blocks.into_iter().flat_map(functions);
        all.extend(found.map(|name| (name, mine.concat())));
    }
    all
}

/// Whether one of ours has this name, written out or as a row of a macro.
fn offers(mine: &str, name: &str) -> bool {
    let row = format!("{name}(");
    let list = format!("{name} and ");
    let listed = format!(" and {name} ->");
    let rounds = format!(" and {name}(");
    mine.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with(&format!("pub async fn {row}"))
            || line.starts_with(&row)
            || line.starts_with(&list)
            || line.contains(&listed)
            || line.contains(&rounds)
    })
}

/// What ours do not have, where `text` is taken out of them.
fn missing(theirs: &[(String, String)], text: &str) -> BTreeSet<String> {
    let left_out = |name: &str| LEFT_OUT.iter().any(|(left, _)| *left == name);
    let missing = theirs
        .iter()
        .filter(|(name, _)| !left_out(name))
        .filter(|(name, mine)| !offers(&mine.replace(text, ""), name));
    missing.map(|(name, _)| name.clone()).collect()
}

#[test]
fn every_method_of_rmcps_peers_is_offered() {
    let theirs = theirs();
    for known in [
        "send_request",
        "send_cancellable_request",
        "send_notification",
        "discover",
        "call_tool_once",
        "call_tool_with_mrtr_max_rounds",
        "set_level",
        "list_all_tools",
        "notify_roots_list_changed",
        "listen_with_capacity",
        "create_message",
        "list_roots",
        "create_elicitation_with_timeout",
        "notify_logging_message",
    ] {
        assert!(
            theirs.iter().any(|(it, _)| it == known),
            "`{known}` in {theirs:?}"
        );
    }
    assert!(theirs.len() >= 80, "{}", theirs.len());
    assert_eq!(missing(&theirs, "no such text"), BTreeSet::new());
    // The check itself can fail, for each of the forms.
    let new = [("no_such_method".to_owned(), CLIENT.to_owned())];
    assert_eq!(missing(&new, "no such text").len(), 1);
    for (text, method) in [
        ("call_tool_once(", "call_tool_once"),
        ("list_tools and ", "list_tools"),
        (" and list_all_skills ->", "list_all_skills"),
        (
            " and call_tool_with_mrtr_max_rounds(",
            "call_tool_with_mrtr_max_rounds",
        ),
        ("pub async fn discover(", "discover"),
        ("pub async fn send_request(", "send_request"),
        ("pub async fn list_roots(", "list_roots"),
    ] {
        let mine = [COMMON, CLIENT, RUNNING, SERVER].concat();
        assert!(mine.contains(text), "{text}");
        let gone = missing(&theirs, text);
        assert!(gone.contains(method), "{text}: {gone:?}");
    }
}

/// What is left out is there to be left out.
#[test]
fn nothing_is_left_out_that_is_not_there() {
    let theirs = theirs();
    let there = |name: &str| theirs.iter().any(|(it, _)| it == name);
    let gone: Vec<_> = LEFT_OUT.iter().filter(|(name, _)| !there(name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// `create_message` checks what it is given, and ours has to check the same.
#[test]
fn rmcp_checks_sampling_as_ours_does() {
    let server = read("service/server.rs");
    let (_, body) = server.split_once("pub async fn create_message(").unwrap();
    let (checks, _) = body.split_once("let result = self").unwrap();
    let (_, checks) = checks.split_once("{\n").unwrap();
    let code = checks
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(str::split_whitespace);
    let expected = r#"
        if (params.tools.is_some() || params.tool_choice.is_some())
            && !self.supports_sampling_tools()
        {
            return Err(ServiceError::McpError(ErrorData::invalid_params(
                "tools or toolChoice provided but client does not support sampling tools capability",
                None,
            )));
        }
        params
            .validate()
            .map_err(|e| ServiceError::McpError(ErrorData::invalid_params(e, None)))?;
    "#;
    let code: Vec<_> = code.collect();
    assert_eq!(code, expected.split_whitespace().collect::<Vec<_>>());
}

/// Each kind of message that rmcp's enums have is described by its own name.
#[test]
fn every_message_is_named() {
    let model = read("model.rs");
    let mine = concat!(
        include_str!("../../src/peer/role.rs"),
        include_str!("../../src/mcp/service.rs")
    );
    for union in [
        "ClientRequest",
        "ServerRequest",
        "ClientNotification",
        "ServerNotification",
    ] {
        let head = format!("export type {union} =");
        let (_, rest) = model.split_once(&head).unwrap();
        let (variants, _) = rest.split_once(';').unwrap();
        let variants = variants
            .split('|')
            .map(str::trim)
            .filter(|it| !it.is_empty());
        let unnamed: Vec<_> = variants
            .filter(|variant| {
                let written = mine.contains(&format!("{union}::{variant}("));
                let row = mine.lines().any(|line| {
                    let row = line.trim_start().strip_prefix('"');
                    row.is_some_and(|row| row.ends_with(&format!("\" {variant};")))
                });
                !written && !row
            })
            .collect();
        assert_eq!(unnamed, [""; 0], "{union}");
    }
}
