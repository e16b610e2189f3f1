"""CPython's own asyncio tests, run on an engine and compared with the stock result."""
