//! asyncio's task control for tokio programs.

#![forbid(unsafe_code)]
