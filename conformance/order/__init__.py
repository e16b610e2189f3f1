"""The order fuzzer: random asyncio programs run on two engines, their traces compared."""
