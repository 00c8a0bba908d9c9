//! Errors, captured by the app, by the SDK and by nobody.

use std::error::Error;
use std::fmt;
use std::panic::catch_unwind;

use mcp_telemetry::sentry::protocol::{Context, Event, Exception, Request, User, Value};
use mcp_telemetry::sentry::{self, Level, Scope};
use mcp_telemetry::{McpErrorContext, capture_mcp_error};

use crate::place::Arrives::{Nowhere, Sentry};
use crate::place::{Form, Place};
use crate::world::percent;

pub(crate) const PLACES: &[Place] = &[
    Place::now("captured error", Sentry, |it| {
        captured(&it.text, McpErrorContext::new())
    }),
    Place::now("source of a captured error", Sentry, |it| {
        let error = Outer(std::io::Error::other(it.text.clone()));
        capture_mcp_error(&error, McpErrorContext::new());
    }),
    Place::now("Debug text of a captured error", Sentry, |it| {
        capture_mcp_error(&Odd(it.text.clone()), McpErrorContext::new());
    }),
    Place::now("tool of a captured error", Sentry, |it| {
        captured("it broke", McpErrorContext::new().with_tool_name(&*it.text));
    }),
    Place::now("prompt of a captured error", Sentry, |it| {
        captured(
            "it broke",
            McpErrorContext::new().with_prompt_name(&*it.text),
        );
    }),
    Place::now("resource of a captured error", Sentry, |it| {
        let uri = format!("parrot://a?note={}", percent(&it.text));
        captured("it broke", McpErrorContext::new().with_resource_uri(uri));
    })
    .gated()
    .form(Form::InUrl),
    Place::now("extra of a captured error", Sentry, |it| {
        captured(
            "it broke",
            McpErrorContext::new().with_extra("note", it.text.clone()),
        );
    }),
    Place::now("extra under the secret's name", Sentry, |it| {
        let context = McpErrorContext::new().with_extra("beside", it.word.clone());
        captured(
            "it broke",
            context.with_extra("session_key", it.secret.clone()),
        );
    })
    .form(Form::Named),
    Place::now("structure in an extra", Sentry, |it| {
        let extra = serde_json::json!({ "list": [{ "note": it.text }] });
        captured(
            "it broke",
            McpErrorContext::new().with_extra("inner", extra),
        );
    }),
    Place::now("name of an extra", Sentry, |it| {
        captured("it broke", McpErrorContext::new().with_extra(&*it.text, 1));
    })
    .form(Form::Brief),
    Place::now("panic", Sentry, |it| {
        let text = it.text.clone();
        assert!(catch_unwind(|| panic!("{text}")).is_err());
    }),
    Place::now("message to the SDK", Sentry, |it| {
        sentry::capture_message(&it.text, Level::Warning);
    }),
    Place::now("error to the SDK", Sentry, |it| {
        sentry::capture_error(&std::io::Error::other(it.text.clone()));
    }),
    Place::now("tag", Sentry, |it| {
        scoped(|scope| scope.set_tag("note", &it.text));
    }),
    Place::now("tag under the secret's name", Sentry, |it| {
        scoped(|scope| {
            scope.set_tag("beside", &it.word);
            scope.set_tag("api_key", &it.secret);
        });
    })
    .form(Form::Named),
    Place::now("name of a tag", Sentry, |it| {
        scoped(|scope| scope.set_tag(&it.text, "1"));
    })
    .form(Form::Brief)
    .mended(),
    Place::now("extra of a scope", Sentry, |it| {
        scoped(|scope| scope.set_extra("note", it.text.clone().into()));
    }),
    Place::now("context of a scope", Sentry, |it| {
        let values = [("note".to_owned(), Value::from(it.text.clone()))];
        scoped(|scope| scope.set_context("app's own", Context::Other(values.into())));
    }),
    Place::now("name of a context", Sentry, |it| {
        let values = [("note".to_owned(), Value::from(1))];
        scoped(|scope| scope.set_context(&it.text, Context::Other(values.into())));
    })
    .form(Form::Brief),
    Place::now("fingerprint", Sentry, |it| {
        scoped(|scope| scope.set_fingerprint(Some(&[&it.text])));
    }),
    Place::now("name of a transaction", Sentry, |it| {
        scoped(|scope| scope.set_transaction(Some(&it.text)));
    }),
    Place::now("user's id", Sentry, |it| {
        user(User {
            id: Some(it.text.clone()),
            ..User::default()
        });
    }),
    Place::now("user's name", Sentry, |it| {
        user(User {
            username: Some(it.text.clone()),
            ..User::default()
        });
    })
    .gated(),
    Place::now("user's address", Sentry, |it| {
        user(User {
            email: Some(it.text.clone()),
            ..User::default()
        });
    })
    .mended()
    .gated(),
    Place::now("more about a user", Sentry, |it| {
        let other = [("note".to_owned(), Value::from(it.text.clone()))];
        user(User {
            other: other.into(),
            ..User::default()
        });
    })
    .gated(),
    Place::now("exception of an event", Sentry, |it| {
        event(Event {
            exception: vec![Exception {
                ty: it.text.clone(),
                module: Some(it.text.clone()),
                ..Exception::default()
            }]
            .into(),
            ..Event::default()
        });
    }),
    Place::now("logger of an event", Sentry, |it| {
        event(Event {
            logger: Some(it.text.clone()),
            ..broken()
        });
    })
    .mended(),
    Place::now("server of an event", Sentry, |it| {
        event(Event {
            server_name: Some(it.text.clone().into()),
            ..broken()
        });
    }),
    Place::now("release of an event", Sentry, |it| {
        event(Event {
            release: Some(it.text.clone().into()),
            ..broken()
        });
    })
    .mended(),
    Place::now("distribution of an event", Sentry, |it| {
        event(Event {
            dist: Some(it.text.clone().into()),
            ..broken()
        });
    })
    .mended(),
    Place::now("environment of an event", Sentry, |it| {
        event(Event {
            environment: Some(it.text.clone().into()),
            ..broken()
        });
    })
    .mended(),
    Place::now("module of an event", Sentry, |it| {
        let modules = [(it.text.clone(), it.text.clone())];
        event(Event {
            modules: modules.into(),
            ..broken()
        });
    }),
    Place::now("query of an event's request", Sentry, |it| {
        requested(Request {
            query_string: Some(it.text.clone()),
            ..Request::default()
        });
    }),
    Place::now("body of an event's request", Sentry, |it| {
        requested(Request {
            data: Some(it.text.clone()),
            ..Request::default()
        });
    }),
    Place::now("header of an event's request", Sentry, |it| {
        let headers = [
            ("note".to_owned(), it.text.clone()),
            ("authorization".to_owned(), it.secret.clone()),
        ];
        requested(Request {
            headers: headers.into(),
            ..Request::default()
        });
    }),
    Place::now("cookies of an event's request", Nowhere, |it| {
        requested(Request {
            cookies: Some(it.text.clone()),
            ..Request::default()
        });
    }),
    Place::now("URL of an event's request", Sentry, |it| {
        let url = format!("https://host/?note={}", percent(&it.text));
        requested(Request {
            url: url.parse().ok(),
            ..Request::default()
        });
    }),
    Place::now("method of an event's request", Nowhere, |it| {
        requested(Request {
            method: Some(it.text.clone()),
            ..Request::default()
        });
    }),
];

/// Its text says nothing, its source does.
#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it broke")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The first word of its `Debug` text, by which errors are named, is a user's.
struct Odd(String);

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Odd {}

fn captured(text: &str, context: McpErrorContext) {
    let error = std::io::Error::other(text.to_owned());
    capture_mcp_error(&error, context);
}

fn scoped(change: impl FnOnce(&mut Scope)) {
    sentry::configure_scope(change);
    captured("it broke", McpErrorContext::new());
}

fn user(user: User) {
    scoped(|scope| scope.set_user(Some(user)));
}

fn broken() -> Event<'static> {
    Event {
        message: Some("it broke".to_owned()),
        ..Event::default()
    }
}

fn event(event: Event<'static>) {
    sentry::capture_event(event);
}

fn requested(request: Request) {
    event(Event {
        request: Some(request),
        ..broken()
    });
}
