"""The documents' stories in plain asyncio: what the tokio face's examples of these names print."""
