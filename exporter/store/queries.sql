-- Every fixed query of the store. Names are the keys of exporter.store.queries.QUERIES.

-- name: lock_stream
-- Only one transaction at a time writes a stream of an account; released at its end.
SELECT pg_advisory_xact_lock(hashtextextended(%(account_id)s || '/' || %(stream)s, 0));

-- name: check_lease
-- A row while this process is the account's writer; locked so that no other takes over before the
-- transaction commits. Its own renewals, which change no key, do not wait for that.
SELECT epoch FROM onetrading_sync.leases
WHERE account_id = %(account_id)s AND holder = %(holder)s AND epoch = %(epoch)s
FOR KEY SHARE;

-- name: demand_lease
-- As check_lease, for what is sent after it without waiting for an answer: unless this process is the
-- account's writer it fails (division by zero), and so does all that follows, the COMMIT included.
SELECT 1 / count(*) FROM (
    SELECT FROM onetrading_sync.leases
    WHERE account_id = %(account_id)s AND holder = %(holder)s AND epoch = %(epoch)s
    FOR KEY SHARE) AS held;

-- name: renew_leases
-- Keep the leases that this process holds, over this connection, and tell which of them another one
-- asks for. No row: another process holds it, or this one has given it back, and has to take it like
-- everybody else. With each row, the accounts whose request budget a command shares.
WITH renewed AS (
    UPDATE onetrading_sync.leases
    SET backend_pid = pg_backend_pid(),
        backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),
        expires_at = clock_timestamp() + %(expiry)s
    WHERE account_id = ANY(%(account_ids)s::uuid[]) AND holder = %(holder)s
      AND expires_at > '-infinity'
    RETURNING account_id, epoch, holder
)
SELECT account_id::text, epoch, EXISTS (
           SELECT FROM onetrading_sync.lease_requests AS request
           WHERE request.account_id = renewed.account_id AND request.holder <> renewed.holder
             AND request.expires_at > clock_timestamp()),
       ARRAY(SELECT account FROM onetrading_sync.budgets WHERE shared_until > clock_timestamp())
FROM renewed;

-- name: other_leases
-- Leases of other processes, and those that this one has given back, with what tells whether they are
-- still renewed: see `takeover.Seen`.
SELECT account_id::text,
       lease::text,
       holder,
       expires_at = '-infinity',
       NOT EXISTS (
           SELECT FROM pg_stat_activity AS activity
           WHERE activity.pid = lease.backend_pid
             AND (activity.backend_start IS NULL OR activity.backend_start = lease.backend_start)),
       extract(epoch FROM clock_timestamp()
                          - (coalesce(nullif(expires_at, '-infinity'), now()) - %(expiry)s))::float8,
       (SELECT request.holder FROM onetrading_sync.lease_requests AS request
        WHERE request.account_id = lease.account_id AND request.expires_at > clock_timestamp())
FROM onetrading_sync.leases AS lease
WHERE account_id = ANY(%(account_ids)s::uuid[])
  AND (holder <> %(holder)s OR expires_at = '-infinity');

-- name: lock_takeover
-- One process at a time takes leases, so that two which start together do not divide them by chance.
SELECT pg_advisory_xact_lock(hashtextextended('onetrading_sync.leases', 0));

-- name: take_leases
-- Take the leases that are still as they were seen (`versions`), and those that nobody ever had
-- (NULL). What a transaction of the holder's has locked is left for later.
WITH wanted AS (
    SELECT * FROM unnest(%(account_ids)s::uuid[], %(versions)s::text[]) AS seen (account_id, version)
), self AS (
    SELECT %(holder)s AS holder, pg_backend_pid() AS pid, clock_timestamp() + %(expiry)s AS expires_at,
           (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS started
), free AS (
    SELECT lease.account_id
    FROM onetrading_sync.leases AS lease JOIN wanted USING (account_id)
    WHERE lease::text = wanted.version
    FOR UPDATE OF lease SKIP LOCKED
), taken AS (
    UPDATE onetrading_sync.leases AS lease
    SET holder = self.holder, epoch = lease.epoch + 1, backend_pid = self.pid,
        backend_start = self.started, expires_at = self.expires_at
    FROM free, self
    WHERE lease.account_id = free.account_id
    RETURNING lease.account_id, lease.epoch
), added AS (
    INSERT INTO onetrading_sync.leases
        (account_id, holder, epoch, backend_pid, backend_start, expires_at)
    SELECT account_id, holder, 1, pid, started, expires_at FROM wanted, self WHERE version IS NULL
    ON CONFLICT (account_id) DO NOTHING
    RETURNING account_id, epoch
), granted AS (
    DELETE FROM onetrading_sync.lease_requests AS request USING taken
    WHERE request.account_id = taken.account_id
)
SELECT account_id::text, epoch FROM taken UNION ALL SELECT account_id::text, epoch FROM added;

-- name: request_leases
-- Ask whoever holds these accounts to give them back; the last one to ask is meant.
INSERT INTO onetrading_sync.lease_requests (account_id, holder, expires_at)
SELECT account_id, %(holder)s, clock_timestamp() + %(lasting)s
FROM unnest(%(account_ids)s::uuid[]) AS wanted (account_id)
ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at;

-- name: end_suspended
-- End sessions that keep a free lease locked: those that wait for a client which does not go on.
-- Postgres itself waits for the data of a COPY without a limit, whatever the timeouts say.
SELECT pg_terminate_backend(activity.pid)
FROM pg_stat_activity AS activity
WHERE activity.datname = current_database()
  AND activity.wait_event_type = 'Client'
  AND activity.xact_start < clock_timestamp() - %(suspended)s
  AND activity.pid <> pg_backend_pid()
  AND pg_has_role(activity.usesysid, 'USAGE')
  AND EXISTS (
      SELECT FROM pg_locks AS held
      WHERE held.pid = activity.pid AND held.mode = 'RowShareLock'
        AND held.relation = 'onetrading_sync.leases'::regclass);

-- name: release_leases
-- Let another process take the accounts at once, and ask for no more.
WITH withdrawn AS (
    DELETE FROM onetrading_sync.lease_requests WHERE holder = %(holder)s
)
UPDATE onetrading_sync.leases SET expires_at = '-infinity' WHERE holder = %(holder)s;

-- name: release_some_leases
-- Let another process take these accounts at once.
UPDATE onetrading_sync.leases SET expires_at = '-infinity'
WHERE account_id = ANY(%(account_ids)s::uuid[]) AND holder = %(holder)s;

-- name: take_budgets
-- The account has come to this process, which keeps its request budget by itself from now on, unless
-- a command shares it; how many seconds the budgets needed to be full, null where nobody said, and
-- whether a command shares them.
WITH before AS (
    SELECT account, full_at, shared_until FROM onetrading_sync.budgets
    WHERE account = ANY(%(accounts)s)
), kept AS (
    INSERT INTO onetrading_sync.budgets AS budget (account) SELECT unnest(%(accounts)s::text[])
    ON CONFLICT (account) DO UPDATE SET full_at = NULL
    WHERE budget.shared_until IS NULL OR budget.shared_until <= clock_timestamp()
)
SELECT account, extract(epoch FROM full_at - clock_timestamp())::float8,
       coalesce(shared_until > clock_timestamp(), false)
FROM before;

-- name: give_budgets
-- The account may go to another process, which has to know what was spent.
UPDATE onetrading_sync.budgets AS budget
SET full_at = clock_timestamp() + make_interval(secs => known.full_in_s)
FROM unnest(%(accounts)s::text[], %(full_in_s)s::float8[]) AS known (account, full_in_s)
WHERE budget.account = known.account
  AND (budget.shared_until IS NULL OR budget.shared_until <= clock_timestamp());

-- name: share_budgets
-- A command sends requests, too: from now on each is taken here. What a service that runs has spent
-- is not known, so nothing may be sent at once.
INSERT INTO onetrading_sync.budgets AS budget (account, full_at, shared_until)
SELECT account, clock_timestamp() + %(burst)s, clock_timestamp() + %(lasting)s
FROM unnest(%(accounts)s::text[]) AS wanted (account)
ORDER BY account
ON CONFLICT (account) DO UPDATE
SET full_at = coalesce(budget.full_at, excluded.full_at),
    acknowledged_by = CASE WHEN budget.shared_until > clock_timestamp() THEN budget.acknowledged_by END,
    shared_until = excluded.shared_until;

-- name: unacknowledged_budgets
-- Accounts that a service holds which does not take its requests here yet, and that service.
SELECT account, lease.holder
FROM unnest(%(accounts)s::text[], %(claims)s::uuid[]) AS wanted (account, claim)
JOIN onetrading_sync.budgets AS budget USING (account)
LEFT JOIN onetrading.accounts AS known ON known.name = account
JOIN onetrading_sync.leases AS lease ON lease.account_id IN (claim, known.account_id)
WHERE lease.expires_at > clock_timestamp()
  AND lease.holder IS DISTINCT FROM budget.acknowledged_by;

-- name: acknowledge_budgets
-- The holder of the leases takes its requests here from now on; what it has sent before counts.
UPDATE onetrading_sync.budgets AS budget
SET acknowledged_by = %(holder)s,
    full_at = greatest(full_at, clock_timestamp() + make_interval(secs => known.full_in_s))
FROM unnest(%(accounts)s::text[], %(full_in_s)s::float8[]) AS known (account, full_in_s)
WHERE budget.account = known.account AND shared_until > clock_timestamp()
  AND acknowledged_by IS DISTINCT FROM %(holder)s;

-- name: keep_budgets
-- No command shares them any more: the holder of the lease keeps them by itself.
UPDATE onetrading_sync.budgets SET full_at = NULL, acknowledged_by = NULL
WHERE account = ANY(%(accounts)s) AND shared_until <= clock_timestamp();

-- name: take_request
-- Take one request from a shared budget, if one is left: whether it was, whether the budget is shared,
-- and else the seconds until one may be. (A budget that is full only in an hour was kept before the
-- clock of Postgres was set back.)
WITH taken AS (
    UPDATE onetrading_sync.budgets
    SET full_at = greatest(least(full_at, clock_timestamp() + %(ahead)s), clock_timestamp()) + %(interval)s,
        shared_until = greatest(shared_until, clock_timestamp() + %(lasting)s)
    WHERE account = %(account)s AND shared_until > clock_timestamp()
      AND NOT full_at BETWEEN clock_timestamp() + %(ahead)s AND clock_timestamp() + interval '1 hour'
    RETURNING account
)
SELECT EXISTS (SELECT FROM taken), coalesce(shared_until > clock_timestamp(), false),
       extract(epoch FROM full_at - clock_timestamp() - %(ahead)s)::float8
FROM onetrading_sync.budgets WHERE account = %(account)s;

-- name: drain_budget
-- The exchange refuses the token for a while (429), whoever sends with it.
UPDATE onetrading_sync.budgets
SET full_at = greatest(full_at, clock_timestamp() + %(full_in)s)
WHERE account = %(account)s AND shared_until > clock_timestamp();

-- name: drop_claims
-- Names whose accounts have ids by now need no claim: one of this process, or of whomever where this
-- process holds the account itself.
DELETE FROM onetrading_sync.leases
WHERE account_id = ANY(%(settled)s::uuid[])
   OR account_id = ANY(%(known)s::uuid[]) AND holder = %(holder)s;

-- name: ids_by_name
-- The identities of configured names, as far as they are known.
SELECT name, account_id::text FROM onetrading.accounts WHERE name = ANY(%(names)s);

-- name: name_by_id
-- The configured name of an account.
SELECT name FROM onetrading.accounts WHERE account_id = %(account_id)s;

-- name: account_by_name
-- The id of the account that is known under a configured name.
SELECT account_id::text FROM onetrading.accounts WHERE name = %(name)s;

-- name: remember_account
-- Record an account, or the new name that the configuration gives it, under which it is read.
INSERT INTO onetrading.accounts AS known (account_id, name) VALUES (%(account_id)s, %(name)s)
ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, left_at = NULL
WHERE known.name <> excluded.name;

-- name: note_configured
-- An account that this process does not have configured has left, unless another process holds its
-- lease; one that it has is back.
UPDATE onetrading.accounts AS known
SET left_at = CASE WHEN name <> ALL(%(names)s) THEN now() END
WHERE name <> 'public' AND (left_at IS NULL) = (name <> ALL(%(names)s))
  AND (name = ANY(%(names)s) OR NOT EXISTS (
        SELECT FROM onetrading_sync.leases AS lease
        WHERE lease.account_id = known.account_id AND expires_at > clock_timestamp()));

-- name: covered
-- The proven ranges of a partition that overlap a window, oldest first.
SELECT lower(range), upper(range) FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND range && tstzrange(%(start)s, %(end)s)
ORDER BY range;

-- name: covered_to
-- The end of the newest proven range of a partition.
SELECT max(upper(range)) FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: covered_scopes
-- The proven ranges of a stream, by scope, oldest first.
SELECT scope, lower(range), upper(range) FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s
ORDER BY scope, range;

-- name: claim
-- Add a window to the proven ranges; ranges that touch become one. A window that is proven
-- already changes nothing.
WITH claimed AS (
    SELECT tstzrange(%(start)s, %(end)s) AS range
    WHERE NOT EXISTS (
        SELECT FROM onetrading_sync.coverage
        WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
          AND range @> tstzrange(%(start)s, %(end)s))
), touching AS (
    DELETE FROM onetrading_sync.coverage AS old USING claimed
    WHERE old.account_id = %(account_id)s AND old.stream = %(stream)s AND old.scope = %(scope)s
      AND (old.range && claimed.range OR old.range -|- claimed.range)
    RETURNING old.range
)
INSERT INTO onetrading_sync.coverage (account_id, stream, scope, range)
SELECT %(account_id)s, %(stream)s, %(scope)s, unnest(range_agg(range))
FROM (SELECT range FROM touching UNION ALL SELECT range FROM claimed) AS parts
WHERE EXISTS (SELECT FROM claimed);

-- name: note_proven_days
-- The UTC days that a claim made complete, and when that was; a day is noted once, when it is over.
INSERT INTO onetrading_sync.proven_days (account_id, stream, scope, day, proven_at)
SELECT %(account_id)s, %(stream)s, %(scope)s, first_day + step, clock_timestamp()
FROM (
    SELECT (lower(range) AT TIME ZONE 'UTC')::date
            + ((lower(range) AT TIME ZONE 'UTC')::time > '00:00')::integer AS from_day,
        (upper(range) AT TIME ZONE 'UTC')::date AS to_day
    FROM onetrading_sync.coverage
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
      AND range && tstzrange(%(start)s, %(end)s)
) AS proven
CROSS JOIN LATERAL (
    SELECT greatest(from_day, (%(start)s::timestamptz AT TIME ZONE 'UTC')::date) AS first_day,
        least(to_day, (%(end)s::timestamptz AT TIME ZONE 'UTC')::date + 1,
            (now() AT TIME ZONE 'UTC')::date) AS end_day
) AS days
CROSS JOIN generate_series(0, end_day - first_day - 1) AS steps (step)
ON CONFLICT DO NOTHING;

-- name: first_run_ahead
-- When the first walk began that wanted more than there was by then: its clock was ahead. The clock
-- of Postgres may differ from the exchange's, whose time is given.
SELECT min(started_at) + (%(now)s - clock_timestamp()) FROM onetrading_sync.runs
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND (upper(wanted) > %(now)s
       OR upper(wanted) > started_at + (%(now)s - clock_timestamp()) + interval '1 minute');

-- name: scopes_ahead
-- The scopes of a stream that are proven beyond an instant, and until when.
SELECT scope, max(upper(range)) FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s
GROUP BY scope HAVING max(upper(range)) > %(at)s ORDER BY scope;

-- name: drop_coverage_from
-- What begins after an instant is not proven any more.
DELETE FROM onetrading_sync.coverage
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND lower(range) >= %(at)s;

-- name: cut_coverage_at
-- What is proven ends at an instant.
UPDATE onetrading_sync.coverage SET range = tstzrange(lower(range), %(at)s)
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND upper(range) > %(at)s;

-- name: drop_proven_days_from
-- The days that end after an instant were not complete when they seemed so.
DELETE FROM onetrading_sync.proven_days
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND day >= (%(at)s::timestamptz AT TIME ZONE 'UTC')::date;

-- name: open_matters
-- Whether a stream has open rejects, and facts that have vanished.
SELECT EXISTS (
    SELECT FROM onetrading_sync.rejects
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND resolved_at IS NULL), EXISTS (
    SELECT FROM onetrading_sync.issues
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND kind = 'vanished'
      AND issues.resolved_at IS NULL);

-- name: start_run
-- The record of a walk, written with its first batch.
INSERT INTO onetrading_sync.runs
    (account_id, stream, scope, lane, wanted, finished_at, pages, rows_inserted, rows_updated,
     rows_rejected, complete)
VALUES (%(account_id)s, %(stream)s, %(scope)s, %(lane)s, tstzrange(%(start)s, %(end)s),
        clock_timestamp(), %(pages)s, %(inserted)s, %(updated)s, %(rejected)s, %(complete)s)
RETURNING run_id;

-- name: number_runs
-- The numbers that the records of some walks will have, for log lines written before them. No row for
-- a role that may write the table but not use its sequence: the insert then numbers the record.
SELECT nextval(numbers) FROM (
    SELECT pg_get_serial_sequence('onetrading_sync.runs', 'run_id')::regclass AS numbers) AS found
CROSS JOIN generate_series(1, %(count)s)
WHERE has_sequence_privilege(numbers, 'USAGE');

-- name: continue_run
-- Add a batch to the record of a walk; inserts the record when its number was drawn beforehand.
INSERT INTO onetrading_sync.runs AS run
    (run_id, account_id, stream, scope, lane, wanted, finished_at, pages, rows_inserted,
     rows_updated, rows_rejected, complete)
OVERRIDING SYSTEM VALUE
VALUES (%(run_id)s, %(account_id)s, %(stream)s, %(scope)s, %(lane)s, tstzrange(%(start)s, %(end)s),
        clock_timestamp(), %(pages)s, %(inserted)s, %(updated)s, %(rejected)s, %(complete)s)
ON CONFLICT (run_id) DO UPDATE
SET finished_at = excluded.finished_at, pages = run.pages + excluded.pages,
    rows_inserted = run.rows_inserted + excluded.rows_inserted,
    rows_updated = run.rows_updated + excluded.rows_updated,
    rows_rejected = run.rows_rejected + excluded.rows_rejected, complete = excluded.complete
RETURNING run_id;

-- name: prune_runs
-- Records of walks are kept for 90 days; coverage holds what they proved.
DELETE FROM onetrading_sync.runs WHERE started_at < now() - interval '90 days';

-- name: keep_reject
-- Store a record that could not be read, once; it is reopened when it comes again, and gets the key
-- that an earlier version could not read. Whether it is new or reopened.
WITH before AS (
    SELECT resolved_at IS NULL AS open FROM onetrading_sync.rejects
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND record_hash = %(record_hash)s
)
INSERT INTO onetrading_sync.rejects AS reject
    (account_id, stream, scope, record, record_hash, reason, key, happened_at, possible_times)
VALUES (%(account_id)s, %(stream)s, %(scope)s, %(record)s, %(record_hash)s, %(reason)s,
        %(key)s, %(happened_at)s, %(times)s::tstzmultirange)
ON CONFLICT (account_id, stream, record_hash) DO UPDATE
SET resolved_at = NULL, key = coalesce(excluded.key, reject.key),
    happened_at = coalesce(excluded.happened_at, reject.happened_at),
    possible_times = CASE WHEN reject.resolved_at IS NULL AND reject.happened_at IS NOT NULL
                          THEN reject.possible_times ELSE excluded.possible_times END
WHERE reject.resolved_at IS NOT NULL OR reject.key IS NULL AND excluded.key IS NOT NULL
   OR reject.happened_at IS NULL AND excluded.happened_at IS NOT NULL
RETURNING NOT coalesce((SELECT open FROM before), false);

-- name: resolve_rejects
-- A later response held the whole state: what it does not hold is not missing any more.
UPDATE onetrading_sync.rejects SET resolved_at = now()
WHERE account_id = %(account_id)s AND stream = %(stream)s AND resolved_at IS NULL
  AND record_hash <> ALL(%(shown)s::bigint[]);

-- name: open_reject_keys
-- The open rejects of a partition whose key is known.
SELECT reject_id, record_hash, key FROM onetrading_sync.rejects
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND resolved_at IS NULL AND key IS NOT NULL;

-- name: resolve_loaded
-- Records of these keys have been loaded.
UPDATE onetrading_sync.rejects SET resolved_at = now() WHERE reject_id = ANY(%(ids)s::bigint[]);

-- name: rejected_times
-- Where in time the open rejects of a stream can lie, by scope, oldest first; null: without a bound.
SELECT scope, lower(part), upper(part) + interval '1 microsecond'
FROM (
    SELECT scope, range_agg(part) AS parts
    FROM onetrading_sync.rejects CROSS JOIN LATERAL unnest(possible_times) AS times (part)
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND resolved_at IS NULL
    GROUP BY scope
) AS scopes CROSS JOIN LATERAL unnest(parts) AS merged (part)
ORDER BY scope, part;

-- name: narrow_rejects
-- A complete walk: what it has shown lies in its window, or at the very edge, which is asked for as
-- well; everything else does not lie in what it has read. A reject that can lie nowhere any more is
-- resolved.
UPDATE onetrading_sync.rejects AS reject
SET possible_times = narrowed.times, resolved_at = CASE WHEN isempty(narrowed.times) THEN now() END
FROM (
    SELECT reject_id, CASE WHEN record_hash = ANY(%(shown)s::bigint[])
        THEN coalesce(nullif(times * %(wanted)s::tstzmultirange, '{}'),
                      nullif(times * %(asked)s::tstzmultirange, '{}'), %(wanted)s::tstzmultirange)
        ELSE times - %(walked)s::tstzmultirange END AS times
    FROM (
        SELECT reject_id, record_hash, coalesce(possible_times, '{(,)}') AS times
        FROM onetrading_sync.rejects
        WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
          AND resolved_at IS NULL
    ) AS open
) AS narrowed
WHERE reject.reject_id = narrowed.reject_id
  AND reject.possible_times IS DISTINCT FROM narrowed.times;

-- name: note_drift
-- Something the documentation does not describe; each thing once, and once an hour that it was met.
WITH again AS (
    UPDATE onetrading_sync.drift SET last_seen_at = now(), hours_seen = hours_seen + 1
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND kind = %(kind)s
      AND path = %(path)s AND sample = %(sample)s AND last_seen_at < now() - interval '1 hour'
)
INSERT INTO onetrading_sync.drift (account_id, stream, kind, path, sample)
VALUES (%(account_id)s, %(stream)s, %(kind)s, %(path)s, %(sample)s)
ON CONFLICT DO NOTHING;

-- name: note_issue
-- A stored fact that came back different, and was replaced.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, new_record, happened_at, found_by)
VALUES (%(account_id)s, %(stream)s, %(kind)s, %(key)s, %(old)s, %(new)s, %(happened_at)s,
        %(found_by)s);

-- name: note_once
-- A record that was left out in favour of the stored one; each record once, since every pass that
-- reads its page meets it again.
INSERT INTO onetrading_sync.issues
    (account_id, stream, kind, key, old_record, new_record, happened_at)
SELECT %(account_id)s::uuid, %(stream)s, %(kind)s, %(key)s::jsonb, %(old)s::jsonb, %(new)s::jsonb,
    %(happened_at)s
WHERE NOT EXISTS (
    SELECT FROM onetrading_sync.issues
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND kind = %(kind)s
      AND md5(key::text) = md5(%(key)s::jsonb::text) AND new_record = %(new)s::jsonb);

-- name: mend_snapshots
-- Snapshots that were observed in the future, by a wrong clock: no later than the last one before
-- them, or now. Their order, and what was stored, stays; the instants as they were go to the issues.
WITH prior AS (
    SELECT max(last_observed_at) AS at FROM onetrading.snapshots
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND last_observed_at <= %(latest)s
), ahead AS (
    SELECT snapshot_id, first_observed_at, last_observed_at,
        CASE WHEN first_observed_at > %(latest)s THEN coalesce(prior.at, %(now)s)
             ELSE first_observed_at END AS first_at,
        CASE WHEN first_observed_at > %(latest)s THEN coalesce(prior.at, %(now)s)
             ELSE greatest(first_observed_at, %(now)s) END AS last_at
    FROM onetrading.snapshots CROSS JOIN prior
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND last_observed_at > %(latest)s
), mended AS (
    UPDATE onetrading.snapshots AS snapshot
    SET first_observed_at = ahead.first_at, last_observed_at = ahead.last_at
    FROM ahead WHERE snapshot.snapshot_id = ahead.snapshot_id
)
INSERT INTO onetrading_sync.issues (account_id, stream, kind, key, old_record, new_record)
SELECT %(account_id)s, %(stream)s, 'future_snapshot',
    jsonb_build_object('snapshot_id', snapshot_id),
    jsonb_build_object('first_observed_at', first_observed_at, 'last_observed_at', last_observed_at),
    jsonb_build_object('first_observed_at', first_at, 'last_observed_at', last_at)
FROM ahead ORDER BY snapshot_id;

-- name: data_quality_counts
-- Per account and stream: open rejects, drift, stored facts that changed, and the Unix time at which
-- the newest drift was met first.
SELECT accounts.name, stream, sum(rejects)::bigint, sum(drift)::bigint, sum(changed)::bigint,
    extract(epoch FROM max(newest_drift))::float8
FROM (
    SELECT account_id, stream, count(*) AS rejects, 0 AS drift, 0 AS changed,
        NULL::timestamptz AS newest_drift
    FROM onetrading_sync.rejects WHERE resolved_at IS NULL GROUP BY account_id, stream
    UNION ALL
    SELECT account_id, stream, 0, count(*), 0, max(first_seen_at)
    FROM onetrading_sync.drift GROUP BY account_id, stream
    UNION ALL
    SELECT account_id, stream, 0, 0, count(*), NULL
    FROM onetrading_sync.issues
    WHERE kind NOT IN ('older', 'late', 'vanished', 'funding_sign_changed', 'order_unknown',
                       'future_coverage', 'future_snapshot', 'future_version',
                       -- What does not fit together has not changed.
                       'unbalanced', 'incomplete', 'missing', 'different', 'unlisted')
    GROUP BY account_id, stream
) AS found JOIN onetrading.accounts USING (account_id)
GROUP BY accounts.name, stream;

-- name: counting_since
-- From which instant on rows count, and until which one while the counters are being opened; no row
-- before the history was complete for the first time.
SELECT since, NULL::timestamptz FROM onetrading_sync.counting
WHERE account_id = %(account_id)s AND stream = %(stream)s
UNION ALL
SELECT since, counted_to FROM onetrading_sync.counting_opening
WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: is_counting
-- A row once the counters of a stream were started.
SELECT FROM onetrading_sync.counting WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: open_counting
-- Start counting, once.
INSERT INTO onetrading_sync.counting (account_id, stream, since)
VALUES (%(account_id)s, %(stream)s, %(since)s)
ON CONFLICT DO NOTHING RETURNING since;

-- name: begin_opening
-- Begin to sum what is stored from an instant on, or go on with it: up to where it was summed. What
-- was summed from another instant on is of no use.
WITH outdated AS (
    DELETE FROM onetrading_sync.counting_sums AS summed USING onetrading_sync.counting_opening AS known
    WHERE known.account_id = %(account_id)s AND known.stream = %(stream)s
      AND known.since <> %(since)s
      AND summed.account_id = known.account_id AND summed.stream = known.stream
)
INSERT INTO onetrading_sync.counting_opening AS known (account_id, stream, since, counted_to)
VALUES (%(account_id)s, %(stream)s, %(since)s, %(since)s)
ON CONFLICT (account_id, stream) DO UPDATE
SET since = excluded.since,
    counted_to = CASE WHEN known.since = excluded.since THEN known.counted_to
                      ELSE excluded.counted_to END
RETURNING counted_to;

-- name: advance_opening
-- What is stored was summed up to here.
UPDATE onetrading_sync.counting_opening SET counted_to = %(end)s
WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: add_to_opening
-- Add rows to sums that are not shown yet.
INSERT INTO onetrading_sync.counting_sums AS total (account_id, stream, metric, labels, value)
SELECT %(account_id)s, %(stream)s, metric, labels, value
FROM jsonb_to_recordset(%(rows)s) AS added (metric text, labels text[], value numeric)
ON CONFLICT (account_id, stream, metric, labels) DO UPDATE SET value = total.value + excluded.value;

-- name: show_opened
-- All is summed: these are the counters.
INSERT INTO onetrading_sync.totals AS total (account_id, stream, metric, labels, value)
SELECT account_id, stream, metric, labels, value FROM onetrading_sync.counting_sums
WHERE account_id = %(account_id)s AND stream = %(stream)s
ON CONFLICT (account_id, stream, metric, labels) DO UPDATE SET value = total.value + excluded.value;

-- name: end_opening
-- What was needed to sum it; its sums go with it.
DELETE FROM onetrading_sync.counting_opening
WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: add_to_totals
-- Add the rows of this transaction to counters.
INSERT INTO onetrading_sync.totals AS total (account_id, stream, metric, labels, value)
SELECT %(account_id)s, %(stream)s, metric, labels, value
FROM jsonb_to_recordset(%(rows)s) AS added (metric text, labels text[], value numeric)
ON CONFLICT (account_id, stream, metric, labels) DO UPDATE SET value = total.value + excluded.value;

-- name: raise_totals
-- Keep the greatest values seen; an older row changes nothing.
INSERT INTO onetrading_sync.totals AS total (account_id, stream, metric, labels, value)
SELECT %(account_id)s, %(stream)s, metric, labels, value
FROM jsonb_to_recordset(%(rows)s) AS seen (metric text, labels text[], value numeric)
ON CONFLICT (account_id, stream, metric, labels) DO UPDATE SET value = excluded.value
WHERE total.value < excluded.value;

-- name: totals
-- The counters of a stream.
SELECT metric, labels, value FROM onetrading_sync.totals
WHERE account_id = %(account_id)s AND stream = %(stream)s
ORDER BY metric, labels;

-- name: last_snapshot
-- The newest snapshot of a stream; one row of nulls when there is none. And whether there is a table
-- of this name: asked with it, to save a request to Postgres.
SELECT last.*, to_regclass(%(table)s) IS NOT NULL
FROM (VALUES (1)) AS one
LEFT JOIN (
    SELECT snapshot_id, content_hash, last_observed_at FROM onetrading.snapshots
    WHERE account_id = %(account_id)s AND stream = %(stream)s
    ORDER BY first_observed_at DESC, snapshot_id DESC LIMIT 1
) AS last ON true;

-- name: extend_snapshot
-- The same response again. Never moves backwards.
UPDATE onetrading.snapshots SET last_observed_at = %(last)s
WHERE snapshot_id = %(snapshot_id)s AND last_observed_at < %(last)s;

-- name: add_snapshot
-- The header of a new response; no row when another account's snapshot has its number.
INSERT INTO onetrading.snapshots
    (snapshot_id, account_id, stream, first_observed_at, last_observed_at, row_count, content_hash,
     header)
VALUES (%(snapshot_id)s, %(account_id)s, %(stream)s, %(first)s, %(last)s, %(row_count)s,
        %(content_hash)s, %(header)s)
ON CONFLICT DO NOTHING
RETURNING snapshot_id;

-- name: make_partitions
-- Those of the tables of snapshots that are missing, for some months.
SELECT onetrading.make_partitions(%(at)s, %(ahead)s);

-- name: numbers_ahead
-- The numbers of a stream's snapshots that tell a time after an instant, or follow one that does.
SELECT snapshot_id FROM onetrading.snapshots
WHERE account_id = %(account_id)s AND stream = %(stream)s AND snapshot_id >= %(bound)s
ORDER BY snapshot_id;

-- name: last_number_before
-- The greatest number of a stream's snapshots below another.
SELECT max(snapshot_id) FROM onetrading.snapshots
WHERE account_id = %(account_id)s AND stream = %(stream)s AND snapshot_id < %(bound)s;

-- name: renumber_snapshot
-- Another number for the header of a snapshot.
UPDATE onetrading.snapshots SET snapshot_id = %(new)s WHERE snapshot_id = %(old)s;

-- name: require
-- From when on the history of a partition must be complete: as asked for, as far as it is served. An
-- explicit start replaces the stored one.
INSERT INTO onetrading_sync.progress AS known
    (account_id, stream, scope, asked_from, required_from, settle)
VALUES (%(account_id)s, %(stream)s, %(scope)s, %(required_from)s, %(required_from)s, %(settle)s)
ON CONFLICT (account_id, stream, scope) DO UPDATE
SET asked_from = CASE WHEN %(explicit)s OR known.required_from IS NULL
        THEN excluded.asked_from ELSE known.asked_from END,
    required_from = CASE WHEN %(explicit)s OR known.required_from IS NULL
        THEN greatest(excluded.required_from, known.served_from) ELSE known.required_from END,
    settle = excluded.settle
WHERE known.settle <> excluded.settle OR known.required_from IS NULL
   OR (%(explicit)s AND known.asked_from IS DISTINCT FROM excluded.asked_from);

-- name: progress
-- Where a stream stands, by scope: see bookkeeping.Progress.
SELECT scope, retired_because, required_from, asked_from, settle, (
    SELECT max(upper(range)) FROM onetrading_sync.coverage
    WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
      AND coverage.scope = progress.scope)
FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: history_marks
-- What the gaps of each stream of an account follow from: what is required of which scopes, what is
-- proven of them, and which instruments there are. Not the end of the newest proven range of a scope,
-- which each pass moves, and which leaves no gap behind.
SELECT stream, md5(concat_ws('|',
    (SELECT string_agg(concat_ws(',', scope, asked_from, required_from, served_from, settle,
                                 retired_because), ';' ORDER BY scope)
     FROM onetrading_sync.progress
     WHERE progress.account_id = %(account_id)s AND progress.stream = wanted.stream),
    (SELECT string_agg(concat_ws(',', scope, lower(range), CASE WHEN follows THEN upper(range) END),
                       ';' ORDER BY scope, range)
     FROM (
         SELECT scope, range, lead(range) OVER (PARTITION BY scope ORDER BY range) IS NOT NULL AS follows
         FROM onetrading_sync.coverage
         WHERE coverage.account_id = %(account_id)s AND coverage.stream = wanted.stream
     ) AS ranges),
    listed.mark))
FROM unnest(%(streams)s::text[]) AS wanted (stream)
CROSS JOIN (
    SELECT concat_ws(',', count(*), max(valid_from), max(valid_to)) AS mark
    FROM onetrading.instruments
) AS listed;

-- name: remember_reach
-- The exchange serves a history from an instant on; null: as far back as it is asked for.
UPDATE onetrading_sync.progress
SET served_from = %(reach)s, served_asked_at = now(),
    required_from = greatest(asked_from, %(reach)s)
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: reach_to_ask_again
-- The start that was asked for and not served, if the exchange was not asked for a while.
SELECT asked_from FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
    AND asked_from < served_from AND served_asked_at < now() - %(after)s;

-- name: note_reach_asked
-- The exchange still does not serve what it did not serve before.
UPDATE onetrading_sync.progress SET served_asked_at = now()
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: served_from
-- From when on the exchange serves a history; null where it was not found to end.
SELECT served_from FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: required_from
-- From when on the history of a partition must be complete.
SELECT required_from FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: retire
-- A partition that is no longer read; null resumes it.
UPDATE onetrading_sync.progress SET retired_because = %(because)s
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND retired_because IS DISTINCT FROM %(because)s;

-- name: note_attempt
-- How the last pass ended. A success clears the error, and what was not expected before is now.
INSERT INTO onetrading_sync.progress AS known
    (account_id, stream, scope, last_attempt_at, last_success_at, next_due_at, last_error)
VALUES (%(account_id)s, %(stream)s, %(scope)s, now(),
        CASE WHEN %(error)s::text IS NULL THEN now() END, now() + %(interval)s, %(error)s)
ON CONFLICT (account_id, stream, scope) DO UPDATE
SET last_attempt_at = excluded.last_attempt_at,
    last_success_at = coalesce(excluded.last_success_at, known.last_success_at),
    next_due_at = excluded.next_due_at,
    last_error = excluded.last_error,
    retired_because = CASE WHEN excluded.last_error IS NOT NULL THEN known.retired_because END;

-- name: note_successes
-- A pass over some scopes of a stream succeeded: as note_attempt.
INSERT INTO onetrading_sync.progress AS known
    (account_id, stream, scope, last_attempt_at, last_success_at, next_due_at)
SELECT %(account_id)s, %(stream)s, scope, now(), now(), now() + %(interval)s
FROM unnest(%(scopes)s::text[]) AS read (scope)
ON CONFLICT (account_id, stream, scope) DO UPDATE
SET last_attempt_at = excluded.last_attempt_at, last_success_at = excluded.last_success_at,
    next_due_at = excluded.next_due_at, last_error = NULL, retired_because = NULL;

-- name: ever_succeeded
-- Whether any pass of a stream of an account succeeded, ever.
SELECT EXISTS (
    SELECT FROM onetrading_sync.progress JOIN onetrading.accounts USING (account_id)
    WHERE name = %(name)s AND stream = %(stream)s AND last_success_at IS NOT NULL
);

-- name: choose_streams
-- Nothing is expected of a stream that is not configured for an account, until it is again.
UPDATE onetrading_sync.progress
SET retired_because = CASE WHEN stream = ANY(%(streams)s) THEN NULL ELSE %(because)s END
FROM onetrading.accounts
WHERE accounts.account_id = progress.account_id AND name = %(name)s
  AND CASE WHEN stream = ANY(%(streams)s) THEN retired_because = %(because)s
           ELSE retired_because IS DISTINCT FROM %(because)s END;

-- name: succeeded_after
-- Whether a pass of a stream succeeded later than this, by the clock of Postgres.
SELECT EXISTS (
    SELECT FROM onetrading_sync.progress
    WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
        AND last_success_at > %(at)s
);

-- name: futures
-- Instruments that are not SPOT, with their state as listed last, and since when they are not.
SELECT instrument_code, state, valid_to FROM (
    SELECT DISTINCT ON (instrument_code) instrument_code, kind, state, valid_to
    FROM onetrading.instruments ORDER BY instrument_code, valid_from DESC
) AS newest
WHERE kind <> 'SPOT' ORDER BY instrument_code;

-- name: retired
-- Why each scope of a stream is no longer read; null for one that is.
SELECT scope, retired_because FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s;

-- name: retired_because
-- Why a partition is no longer read.
SELECT retired_because FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s;

-- name: status
-- The state of each stream, for `status`; null where nothing of it is expected to be read. What was
-- read, and of which nothing has to be proven yet, counts as proven up to where it begins.
SELECT coalesce(accounts.name, due.account_id::text) AS account, due.account_id, due.stream,
       fresh.kind, fresh.last_success_at, now() - covered.covered_to AS lag,
       fresh.required_from, due.served_from, covered.covered_to,
       CASE WHEN fresh.required_from IS NOT NULL THEN
           CASE WHEN proven.wanted > 0 THEN round(least(proven.seconds / proven.wanted, 1), 6)
           ELSE 1 END
       END AS coverage,
       due.next_due_at, fresh.last_error,
       coalesce(due.unread, '[]') AS unread
FROM (
    SELECT account_id, stream, min(next_due_at) AS next_due_at,
        jsonb_agg(jsonb_build_object('scope', scope, 'reason', retired_because) ORDER BY scope)
            FILTER (WHERE retired_because <> %(closed)s) AS unread,
        max(served_from) FILTER (WHERE asked_from < served_from AND retired_because IS NULL)
            AS served_from
    FROM onetrading_sync.progress GROUP BY account_id, stream
) AS due
LEFT JOIN onetrading.accounts USING (account_id)
LEFT JOIN reporting.freshness AS fresh USING (account_id, stream)
CROSS JOIN LATERAL (
    SELECT CASE WHEN fresh.covered_to IS NULL AND fresh.last_success_at IS NOT NULL
        THEN fresh.required_from ELSE fresh.covered_to END AS covered_to
) AS covered
-- Each scope by where its own history begins: not all begin at the same instant.
LEFT JOIN LATERAL (
    SELECT sum(extract(epoch FROM until - scope.required_from)) AS wanted,
        sum((
            SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)
            FROM onetrading_sync.coverage AS known
            CROSS JOIN LATERAL (
                SELECT known.range * tstzrange(scope.required_from, until) AS part
            ) AS inside
            WHERE known.account_id = scope.account_id AND known.stream = scope.stream
              AND known.scope = scope.scope AND NOT isempty(part)
        )) AS seconds
    FROM onetrading_sync.progress AS scope
    CROSS JOIN LATERAL (
        SELECT greatest(coalesce(fresh.covered_to, now()), scope.required_from) AS until
    ) AS ends
    WHERE scope.account_id = fresh.account_id AND scope.stream = fresh.stream
      AND scope.retired_because IS NULL AND scope.required_from IS NOT NULL
) AS proven ON true
ORDER BY 1, due.stream;

-- name: facts
-- How many facts or snapshots are stored, by account and stream.
SELECT account_id, stream, rows FROM onetrading_sync.fact_counts;

-- name: add_facts
-- So many more facts are stored.
INSERT INTO onetrading_sync.fact_counts AS kept (account_id, stream, rows)
VALUES (%(account_id)s, %(stream)s, %(more)s)
ON CONFLICT (account_id, stream) DO UPDATE SET rows = kept.rows + excluded.rows;

-- name: gaps
-- The required history that is not proven complete, for `gaps`; and what is missing of scopes that
-- the exchange refuses or no longer lists, and what it does not serve, with the reason why it does
-- not count.
SELECT account, stream, scope, gap_start, gap_end, is_tail, NULL AS not_counted_because
FROM reporting.coverage_gaps
UNION ALL
SELECT coalesce(accounts.name, account_id::text), stream, scope, lower(gap), upper(gap),
    upper(gap) = settled_to, retired_because
FROM (
    SELECT *, now() - settle AS settled_to FROM onetrading_sync.progress
    WHERE scope <> '' AND retired_because IS NOT NULL
        AND retired_because <> %(closed)s AND required_from < now() - settle
) AS scopes
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(range), '{}') AS ranges FROM onetrading_sync.coverage
    WHERE coverage.account_id = scopes.account_id AND coverage.stream = scopes.stream
      AND coverage.scope = scopes.scope
) AS proven
CROSS JOIN LATERAL unnest(tstzmultirange(tstzrange(required_from, settled_to)) - ranges) AS gaps (gap)
LEFT JOIN onetrading.accounts USING (account_id)
UNION ALL
SELECT coalesce(accounts.name, account_id::text), stream, scope, asked_from, served_from, false,
    'the exchange does not serve what is that old'
FROM onetrading_sync.progress LEFT JOIN onetrading.accounts USING (account_id)
WHERE asked_from < served_from AND retired_because IS NULL
ORDER BY account, stream, scope, gap_start;

-- name: failing_months
-- What keeps which month from being complete, for `status`: what costs little is judged now, the
-- rest was judged within the hour (older months: within the day).
SELECT account, month, check_name, detail, failing_since FROM (
    SELECT account, month, check_name, detail, failing_since FROM onetrading.coverage_checks
    WHERE state = 'failing' AND zone = (SELECT zone FROM onetrading.business_zone)
        AND NOT EXISTS (
            SELECT FROM onetrading.closes
            WHERE closes.zone = coverage_checks.zone AND closes.month = coverage_checks.month
                AND reopened_at IS NULL)
    UNION ALL
    SELECT coalesce(accounts.name, judged.account_id::text), month,
        concat_ws(' ', check_name, nullif(currency, '')), detail, failing_since
    FROM onetrading_sync.judgements AS judged
    LEFT JOIN onetrading.accounts USING (account_id)
    WHERE state = 'failing' AND zone = (SELECT zone FROM onetrading.business_zone)
        AND check_name NOT IN ('coverage', 'rejects')
) AS checks
ORDER BY month, account, check_name;

-- name: timelines
-- The proven coverage of each history stream, from the required start to now less the allowed
-- lateness: as a share, for every partition (which requires nothing before its own start), and for
-- at least one.
WITH scopes AS (
    SELECT account_id, stream, scope, now() - settle AS settled_to,
        least(required_from, now() - settle) AS required_from
    FROM onetrading_sync.progress
    WHERE required_from IS NOT NULL AND retired_because IS NULL
), proven AS (
    SELECT scopes.*, ranges * tstzmultirange(tstzrange(required_from, settled_to)) AS ranges
    FROM scopes CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(range), '{}') AS ranges FROM onetrading_sync.coverage
        WHERE coverage.account_id = scopes.account_id AND coverage.stream = scopes.stream
          AND coverage.scope = scopes.scope
    ) AS found
), measured AS (
    SELECT account_id, stream, scope, coalesce(sum(upper(part) - lower(part)), '0') AS done,
        coalesce(max(upper(part)), settled_to) - required_from AS wanted
    FROM proven LEFT JOIN LATERAL unnest(ranges) AS parts (part) ON true
    GROUP BY account_id, stream, scope, required_from, settled_to
), shares AS (
    SELECT account_id, stream, CASE WHEN sum(wanted) = '0' THEN 1 ELSE
        extract(epoch FROM sum(done)) / extract(epoch FROM sum(wanted)) END AS proven_ratio
    FROM measured GROUP BY account_id, stream
), for_all AS (
    SELECT account_id, stream, count(*) AS scopes, min(required_from) AS required_from,
        max(settled_to) AS settled_to,
        range_intersect_agg(tstzmultirange(tstzrange(NULL, required_from)) + ranges) AS ranges
    FROM proven GROUP BY account_id, stream
), for_any AS (
    SELECT account_id, stream, range_agg(part) AS ranges
    FROM proven CROSS JOIN LATERAL unnest(ranges) AS parts (part) GROUP BY account_id, stream
)
SELECT coalesce(accounts.name, for_all.account_id::text), for_all.stream, scopes, required_from,
    settled_to, proven_ratio::float8,
    for_all.ranges * tstzmultirange(tstzrange(required_from, settled_to)),
    coalesce(for_any.ranges, '{}')
FROM for_all
JOIN shares USING (account_id, stream)
LEFT JOIN for_any USING (account_id, stream)
LEFT JOIN onetrading.accounts ON accounts.account_id = for_all.account_id;

-- name: may_write
-- Whether the role has rights on the database, or on the schema where it exists.
SELECT has_database_privilege(current_database(), 'CREATE')
    OR coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace
                 WHERE nspname = 'onetrading'), false);

-- name: not_writable
-- The tables of ours that the role may not write, by name.
SELECT nspname || '.' || relname
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition
  AND nspname IN ('onetrading', 'onetrading_sync')
  AND NOT (has_table_privilege(pg_class.oid, 'SELECT') AND has_table_privilege(pg_class.oid, 'INSERT')
           AND has_table_privilege(pg_class.oid, 'UPDATE')
           AND has_table_privilege(pg_class.oid, 'DELETE'))
ORDER BY 1;

-- name: oldest_required
-- From when on any history of an account must be complete.
SELECT min(required_from) FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND retired_because IS NULL;

-- name: orders_left
-- Open orders that are not among those listed, oldest first, but first of all those that the
-- exchange still tells of one by one.
SELECT order_id::text, created_at FROM onetrading.orders
WHERE account_id = %(account_id)s AND is_open AND order_id <> ALL(%(listed)s::uuid[])
ORDER BY created_at < %(answers_from)s, created_at, order_id;

-- name: orders_still_open
-- Those of some orders that are open as far as is known.
SELECT order_id::text FROM onetrading.orders
WHERE account_id = %(account_id)s AND is_open AND order_id = ANY(%(ids)s::uuid[]);

-- name: orders_created
-- How many orders are known of a time.
SELECT count(*) FROM onetrading.orders
WHERE account_id = %(account_id)s AND created_at >= %(start)s AND created_at < %(end)s;

-- name: reopen_listed
-- An order whose state was unknown, or that was judged closed, is listed in the state that it had.
UPDATE onetrading.orders AS stored SET is_open = true
FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(filled)s::numeric[])
    AS listed (order_id, status, filled_amount)
WHERE stored.order_id = listed.order_id AND stored.account_id = %(account_id)s
  AND stored.is_open IS NOT TRUE
  AND stored.status = listed.status AND stored.filled_amount = listed.filled_amount;

-- name: judge_order
-- Judge an order that left the list of open ones; its status stays as it was told.
UPDATE onetrading.orders SET is_open = %(is_open)s
WHERE order_id = %(order_id)s AND account_id = %(account_id)s AND is_open
RETURNING onetrading.record_text(raw, record_page, record_ordinal), created_at;

-- name: orders_unknown
-- How many orders of an account are in an unknown state.
SELECT count(*) FROM onetrading.orders
WHERE account_id = %(account_id)s AND is_open IS NULL;

-- name: proven_of_other
-- From when on the history of another stream of the account must be complete, and what of it is
-- proven; no row when nothing is expected of it.
SELECT required_from, coalesce((
    SELECT range_agg(range) FROM onetrading_sync.coverage
    WHERE coverage.account_id = progress.account_id AND coverage.stream = progress.stream
      AND coverage.scope = progress.scope), '{}')
FROM onetrading_sync.progress
WHERE account_id = %(account_id)s AND stream = %(stream)s AND scope = %(scope)s
  AND required_from IS NOT NULL AND retired_because IS NULL;

-- name: orders_to_check
-- Orders whose trades can be compared with those of the list: it is proven for the life of the
-- order, as far as it is required at all. Oldest first.
SELECT order_id::text, row_hash, created_at,
    greatest(updated_at, created_at) + interval '1 microsecond',
    onetrading.record_text(raw, record_page, record_ordinal)
FROM onetrading.orders
WHERE account_id = %(account_id)s AND NOT trades_checked
  AND (created_at, order_id) > (%(after)s, %(after_id)s::uuid)
  AND (%(required_from)s::timestamptz IS NULL
       OR coalesce(updated_at, created_at) < %(required_from)s
       OR %(proven)s::tstzmultirange @> tstzrange(
            greatest(created_at, %(required_from)s),
            greatest(coalesce(updated_at, created_at), created_at, %(required_from)s), '[]'))
ORDER BY created_at, order_id LIMIT %(most)s;

-- name: trades_checked
-- The trades inside of these orders were compared; not those of a record that came meanwhile.
UPDATE onetrading.orders AS stored SET trades_checked = true
FROM unnest(%(ids)s::uuid[], %(hashes)s::bigint[]) AS checked (order_id, row_hash)
WHERE stored.order_id = checked.order_id AND stored.row_hash = checked.row_hash;

-- name: lock_moving
-- One process at a time moves records; triggers on facts are told, to whom that is no change.
SELECT set_config('onetrading.moving_records', 'on', true)
FROM pg_try_advisory_xact_lock(hashtextextended('onetrading_sync.record_moves', 0)) AS locked
WHERE locked;

-- name: next_to_move
-- A table that was not gone through lately: its name, the block to go on with, and its length.
SELECT table_name, next_block,
    pg_relation_size(('onetrading.' || table_name)::regclass)
        / current_setting('block_size')::bigint
FROM onetrading_sync.record_moves
WHERE finished_at IS NULL OR finished_at < now() - interval '1 day'
ORDER BY finished_at NULLS FIRST, table_name LIMIT 1;

-- name: note_moved
-- Records of a table were moved, up to a block.
UPDATE onetrading_sync.record_moves
SET next_block = CASE WHEN %(finished)s THEN 0 ELSE %(block)s END, moved = moved + %(moved)s,
    finished_at = CASE WHEN %(finished)s THEN clock_timestamp() END
WHERE table_name = %(table)s;

-- name: drop_record_pages
-- Pages whose records are all in others by now.
DELETE FROM onetrading.record_pages WHERE page_id = ANY(%(pages)s::bigint[]);
