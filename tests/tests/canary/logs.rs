//! What the app logs, with `tracing` and with the `log` crate.

use std::io;

use tracing::{error, info, warn};

use crate::place::Arrives::Both;
use crate::place::{Form, Place};

pub(crate) const PLACES: &[Place] = &[
    Place::now("log message", Both, |it| info!("{}", it.text)),
    Place::now("warning", Both, |it| warn!("{}", it.text)),
    Place::now("error message", Both, |it| error!("{}", it.text)),
    Place::now("log field", Both, |it| info!(note = it.text, "noted")),
    Place::now(
        "log field by Display",
        Both,
        |it| info!(note = %it.text, "noted"),
    ),
    Place::now(
        "log field by Debug",
        Both,
        |it| info!(note = ?it.text, "noted"),
    ),
    Place::now("log field in a structure", Both, |it| {
        info!(note = ?Some(vec![&it.text]), "noted");
    }),
    Place::now("log field under the secret's name", Both, |it| {
        info!(beside = it.word, password = it.secret, "noted");
    })
    .form(Form::Named),
    Place::now("field of an error log", Both, |it| {
        error!(note = it.text, "noted")
    }),
    Place::now("error field that is text", Both, |it| {
        error!(error = it.text, "failed")
    }),
    Place::now("error field alone", Both, |it| error!(error = %it.text)),
    Place::now("error field that is an error", Both, |it| {
        let error = io::Error::other(it.text.clone());
        error!(error = &error as &dyn std::error::Error, "failed");
    }),
    Place::now("fatal error", Both, |it| {
        error!(severity = "fatal", error = it.text, "failed");
    }),
    Place::now("instrumented error", Both, |it| drop(fails(&it.text))),
    Place::now("instrumented argument", Both, |it| takes(&it.text)),
    Place::now(
        "instrumented argument under the secret's name",
        Both,
        |it| {
            unlocks(&it.word, &it.secret);
        },
    )
    .form(Form::Named),
    Place::now("instrumented result", Both, |it| {
        gives(&it.text);
    }),
    Place::now("record of the log crate", Both, |it| {
        log::info!("{}", it.text)
    }),
    Place::now("error of the log crate", Both, |it| {
        log::error!("{}", it.text)
    }),
    Place::now(
        "target of the log crate",
        Both,
        |it| log::info!(target: &it.text, "noted"),
    ),
    Place::now("target of an error of the log crate", Both, |it| {
        log::error!(target: &it.text, "noted");
    }),
];

#[tracing::instrument(err, skip(text))]
fn fails(text: &str) -> io::Result<()> {
    Err(io::Error::other(text.to_owned()))
}

#[tracing::instrument]
fn takes(text: &str) {
    let _ = text;
}

#[tracing::instrument]
fn unlocks(beside: &str, password: &str) {
    let _ = (beside, password);
}

#[tracing::instrument(ret, skip(text))]
fn gives(text: &str) -> String {
    text.to_owned()
}
