"""The organism on Modal: deployed once, found warm again, and reached through the same protocol as a local one."""
