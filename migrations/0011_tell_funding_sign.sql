-- Which sign a received funding payment has: judged from the cash balances beside the payments.
--
-- Only creates views: no table is locked for longer than an instant.

-- The cash after a payment, less the cash after the payment before it, is that payment: as sent where
-- received ones are positive, negated where paid ones are. Trades and the settlement of each minute
-- move cash as well, so only payments of one funding time that were booked within a minute of each
-- other are compared, and only a difference of the size of the payment votes. Where both signs fit,
-- or none, there is no vote. Payments with one stamp came in an order that is not known: any of the
-- others may have been the one before. Not materialized: that would be for all accounts, each time
-- that one of them is asked for.
CREATE VIEW onetrading.funding_sign_votes AS
WITH payments AS NOT MATERIALIZED (
    SELECT account_id, funding_time, instrument_code, booked_at, amount, cash_balance,
        max(booked_at) OVER (
            PARTITION BY account_id, funding_time ORDER BY booked_at
            RANGE BETWEEN UNBOUNDED PRECEDING AND interval '1 microsecond' PRECEDING) AS before_at
    FROM onetrading.funding_payments
    WHERE cash_balance IS NOT NULL
), compared AS (
    SELECT payment.account_id, payment.booked_at, payment.instrument_code,
        bool_or(abs(payment.cash_balance - before.cash_balance - payment.amount)
            <= abs(payment.amount) / 100) AS as_sent,
        bool_or(abs(payment.cash_balance - before.cash_balance + payment.amount)
            <= abs(payment.amount) / 100) AS negated
    FROM payments AS payment
    JOIN payments AS before
        ON before.account_id = payment.account_id AND before.funding_time = payment.funding_time
        AND before.instrument_code <> payment.instrument_code
        AND (before.booked_at = payment.booked_at
            OR before.booked_at = payment.before_at
            AND payment.booked_at - payment.before_at <= interval '1 minute')
    WHERE payment.amount <> 0
    GROUP BY payment.account_id, payment.booked_at, payment.instrument_code
)
SELECT account_id, booked_at, instrument_code, as_sent AS received_positive
FROM compared WHERE as_sent <> negated;
COMMENT ON VIEW onetrading.funding_sign_votes IS 'What the cash balance after a funding payment, compared with that after the payment just before it, says of the sign of amount. Payments that say nothing are left out.';
COMMENT ON COLUMN onetrading.funding_sign_votes.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_votes.booked_at IS 'When the payment was booked.';
COMMENT ON COLUMN onetrading.funding_sign_votes.instrument_code IS 'The payment''s instrument.';
COMMENT ON COLUMN onetrading.funding_sign_votes.received_positive IS 'Whether cash moved by amount as sent (received payments are positive), or by its opposite (paid ones are).';

-- A convention holds where at least three of the last twenty votes, and nine tenths of them, are for
-- it. It goes on until another one holds.
CREATE VIEW onetrading.funding_sign_conventions AS
WITH judged AS (
    SELECT account_id, booked_at, instrument_code,
        CASE
            WHEN count(*) OVER lately < 3 THEN NULL
            WHEN 10 * count(*) FILTER (WHERE received_positive) OVER lately
                >= 9 * count(*) OVER lately THEN 'received_positive'
            WHEN 10 * count(*) FILTER (WHERE NOT received_positive) OVER lately
                >= 9 * count(*) OVER lately THEN 'paid_positive'
        END AS convention,
        min(booked_at) FILTER (WHERE received_positive) OVER lately AS received_since,
        min(booked_at) FILTER (WHERE NOT received_positive) OVER lately AS paid_since
    FROM onetrading.funding_sign_votes
    WINDOW lately AS (
        PARTITION BY account_id ORDER BY booked_at, instrument_code
        ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), known AS (
    SELECT *, lag(convention) OVER (
            PARTITION BY account_id ORDER BY booked_at, instrument_code) AS previous
    FROM judged WHERE convention IS NOT NULL
)
SELECT account_id, convention, previous,
    CASE convention WHEN 'received_positive' THEN received_since ELSE paid_since END AS since,
    booked_at AS known_at
FROM known WHERE convention IS DISTINCT FROM previous;
COMMENT ON VIEW onetrading.funding_sign_conventions IS 'The conventions of the sign of funding payments that have held, one row per account and change.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.account_id IS 'As in onetrading.funding_payments.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.convention IS 'received_positive or paid_positive.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.previous IS 'The convention before; null for the first one.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.since IS 'The first payment that speaks for it, of those that decided.';
COMMENT ON COLUMN onetrading.funding_sign_conventions.known_at IS 'The payment with which it was decided.';

CREATE VIEW reporting.funding_sign AS
SELECT coalesce(accounts.name, judged.account_id::text) AS account, judged.account_id,
    convention,
    count(vote.booked_at) FILTER (
        WHERE vote.received_positive = (convention <> 'paid_positive')) AS votes_for,
    count(vote.booked_at) FILTER (
        WHERE vote.received_positive <> (convention <> 'paid_positive')) AS votes_against,
    since, max(vote.booked_at) AS last_vote_at
FROM (
    SELECT account_id,
        CASE WHEN 10 * greatest(lately.received, lately.paid) >= 9 * (lately.received + lately.paid)
                AND lately.received + lately.paid >= 3
            THEN held.convention ELSE 'unknown' END AS convention,
        CASE WHEN 10 * greatest(lately.received, lately.paid) >= 9 * (lately.received + lately.paid)
                AND lately.received + lately.paid >= 3
            THEN held.since END AS since
    FROM (SELECT DISTINCT account_id FROM onetrading.funding_payments) AS paying
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE received_positive) AS received,
            count(*) FILTER (WHERE NOT received_positive) AS paid
        FROM (
            SELECT received_positive FROM onetrading.funding_sign_votes AS votes
            WHERE votes.account_id = paying.account_id
            ORDER BY booked_at DESC, instrument_code DESC LIMIT 20
        ) AS newest
    ) AS lately
    LEFT JOIN LATERAL (
        SELECT conventions.convention, conventions.since
        FROM onetrading.funding_sign_conventions AS conventions
        WHERE conventions.account_id = paying.account_id
        ORDER BY known_at DESC LIMIT 1
    ) AS held ON true
) AS judged
LEFT JOIN onetrading.accounts ON accounts.account_id = judged.account_id
LEFT JOIN onetrading.funding_sign_votes AS vote
    ON vote.account_id = judged.account_id AND vote.booked_at >= coalesce(since, '-infinity')
GROUP BY 1, 2, 3, since;
COMMENT ON VIEW reporting.funding_sign IS 'Which sign funding payments have, which the exchange does not document for sure: judged from cash_balance. Where several instruments are paid at one funding time, the cash after a payment less the cash after the one before it is that payment, as sent or negated, unless a trade or a settlement moved cash in between. Each payment of that kind is a vote; a convention holds when at least three of the last twenty votes and nine tenths of them are for it. A change is noted in onetrading_sync.issues as funding_sign_changed. reporting.funding_payments and the monthly views read amount as received_positive whatever is found here: amount stays as sent.

Example:
SELECT account, convention, votes_for, votes_against, since FROM reporting.funding_sign ORDER BY account;';
COMMENT ON COLUMN reporting.funding_sign.account IS 'Configured name of the account; its account_id as text when it has none.';
COMMENT ON COLUMN reporting.funding_sign.account_id IS 'Identity of the account at the exchange.';
COMMENT ON COLUMN reporting.funding_sign.convention IS 'received_positive (a positive amount came in), paid_positive (a positive amount was paid) or unknown (too few votes, or they do not agree).';
COMMENT ON COLUMN reporting.funding_sign.votes_for IS 'Payments since then that speak for the convention; while it is unknown, all that speak for received_positive.';
COMMENT ON COLUMN reporting.funding_sign.votes_against IS 'Payments since then that speak against it; while it is unknown, all that speak for paid_positive.';
COMMENT ON COLUMN reporting.funding_sign.since IS 'booked_at of the first payment that speaks for the convention that holds now, of those that decided; null while it is unknown.';
COMMENT ON COLUMN reporting.funding_sign.last_vote_at IS 'booked_at of the newest payment that is counted; null without any.';
