"""A person's own program as the investigator: Claude Code, Codex or Gemini CLI, given the run's tools over MCP."""
