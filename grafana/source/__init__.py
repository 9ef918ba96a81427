"""The dashboards as code: `scripts/dashboards` writes them as JSON.

Read `freshness` for what makes the age of the data visible on each panel, `panels` and `tables` for
the kinds of panel, `layout` for how a dashboard is put together; then one file per dashboard, which
declares.
"""
