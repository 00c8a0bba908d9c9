#![doc = include_str!("../README.md")]

mod classify;
mod client;
mod config;
mod error;
mod health;
mod indexes;
mod message;
mod operation;
mod reply;
mod search;
mod send;
mod server_info;
mod session;
mod settings;
mod trace;

pub use client::SplunkClient;
pub use config::{Scheme, SplunkConfig};
pub use error::SplunkError;
pub use health::{Health, HealthStatus};
pub use indexes::Index;
pub use message::SplunkMessage;
pub use operation::Operation;
pub use search::{Search, SearchResults};
pub use server_info::ServerInfo;
pub use settings::{ConfigError, ConfigProblem};
