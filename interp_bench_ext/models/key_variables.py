"""The environment variables that hold the credentials for Claude; a module that costs a starting server nothing."""

from __future__ import annotations

KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - the variable's name
BEDROCK_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
KEY_VARIABLES = (KEY_VARIABLE, TOKEN_VARIABLE, BEDROCK_VARIABLE)
