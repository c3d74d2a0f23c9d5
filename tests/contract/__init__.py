"""The API as its document tells it, tried by schemathesis on a running server."""
