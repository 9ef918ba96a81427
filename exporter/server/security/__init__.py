"""Access control, in the file format of the Prometheus exporter-toolkit: TLS, passwords, headers.

`web_config` and `tls_config` read the file (`document` its YAML, `unsupported` refuses what no
Python server can do), `watcher` reads it again when it changes, `tls` and `passwords` carry it out,
`access` stands in front of the pages, `exposure` warns of what is missing.
"""
