"""Who may ask: TLS, client certificates, passwords, headers, as the exporter-toolkit's file says.

`web_config` reads the file, `protection` keeps what it says in force while it changes, `tls` and
`passwords` do what it says, `access` stands before the pages.
"""
