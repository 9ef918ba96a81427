"""The simulated exchange as an HTTP server.

Reading order: `exchange` (a request goes in, a response comes out), `clock`, `control` (faults,
time and state at run time), `http_server` (the sockets), `simulator` (builds and joins them).
"""
