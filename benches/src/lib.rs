#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! [`workload`] is what is traced, [`variants`] are the pipelines that trace it. [`cli`]
//! runs [`children`], each of which does one [`measure`]ment; [`rows`] takes the medians,
//! [`verdict`] judges them, [`table`] prints them beside what [`machine`] says.
//! [`sanitizing`] measures the sanitizer over [`texts`]. [`spans`] serves the criterion benchmarks.

pub mod allocation;
pub mod children;
pub mod cli;
pub mod machine;
pub mod measure;
pub mod rows;
pub mod sanitizing;
pub mod spans;
pub mod table;
pub mod texts;
pub mod unended;
pub mod variants;
pub mod verdict;
pub mod workload;
