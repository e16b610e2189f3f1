//! asyncio's task control for tokio programs.
