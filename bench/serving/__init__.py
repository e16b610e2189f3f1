"""HTTP servers on every implementation, asked by wrk as fast as they answer."""
