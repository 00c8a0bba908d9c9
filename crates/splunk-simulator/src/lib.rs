#![doc = include_str!("../README.md")]

mod args;
mod auth;
mod clock;
mod data;
mod endpoints;
mod fault;
mod reply;
mod search;
mod server;
mod simulator;
mod world;
mod xml;

pub use fault::Fault;
pub use simulator::{Simulator, SimulatorBuilder};
pub use world::SeenRequest;

/// The token a simulator accepts unless it is told another.
pub const DEFAULT_TOKEN: &str = "simulator-token";

/// The user a simulator accepts unless it is told another.
pub const DEFAULT_USERNAME: &str = "admin";

/// The password of [`DEFAULT_USERNAME`] unless the simulator is told another.
pub const DEFAULT_PASSWORD: &str = "simulator-password";

/// What "now" is for a simulator unless it is told otherwise: 2026-01-15T12:00:00Z in epoch seconds.
pub const DEFAULT_CLOCK: i64 = 1_768_478_400;
