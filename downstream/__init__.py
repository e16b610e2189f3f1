"""The test suites of packages that build on asyncio, on stock and on stook side by side."""
