-- Roles and database of the stack. Postgres's image runs this once, as its superuser, while the
-- data directory is new; passwords come from the container's environment.
--
-- The exporter owns its database and nothing more. onetrading_reader exists before the exporter's
-- migrations run, so that they need not be allowed to create roles; they grant it what it may read.
\set ON_ERROR_STOP on
\getenv exporter_password EXPORTER_PASSWORD
\getenv reader_password READER_PASSWORD

CREATE ROLE onetrading_reader NOLOGIN;
CREATE ROLE onetrading LOGIN PASSWORD :'exporter_password';
CREATE ROLE grafana LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 20 IN ROLE onetrading_reader;

-- A dashboard never writes, and one that asks for too much does not hold the server up.
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
ALTER ROLE grafana SET search_path = reporting;

CREATE DATABASE onetrading OWNER onetrading TEMPLATE template0 ENCODING 'UTF8';
REVOKE CONNECT, TEMPORARY ON DATABASE onetrading FROM PUBLIC;
GRANT CONNECT ON DATABASE onetrading TO onetrading_reader;
