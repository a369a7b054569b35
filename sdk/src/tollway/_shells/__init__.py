"""The two shells, blocking and asyncio: each method asks `_core` what to send, sends it, and lets `_core` read the answer."""
