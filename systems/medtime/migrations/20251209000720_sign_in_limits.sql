-- Which key a password was registered under: a new one each time. Were it always that of the address, the first message of a
-- sign-up would evaluate guesses at the password of an account that exists, past every limit on sign-ins.
ALTER TABLE public.srv_account_passwords ADD COLUMN registration_id uuid NOT NULL;
GRANT INSERT (registration_id), UPDATE (registration_id) ON public.srv_account_passwords TO medtime_accounts;

-- Nobody's data: what was counted of an account or an address, by slices of time. Names are keyed hashes, and are counted alike
-- whether or not there is such an account.
CREATE TABLE public.srv_auth_counts (
  bucket text NOT NULL CHECK (length(bucket) BETWEEN 1 AND 128),
  slice bigint NOT NULL,
  count integer NOT NULL,
  empty_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, slice)
) WITH (fillfactor = 50);
CREATE INDEX idx_auth_counts_empty ON public.srv_auth_counts (empty_at);

-- Nobody's data: challenges that were solved, so that each lets one request through.
CREATE TABLE public.srv_spent_challenges (
  challenge_hash bytea PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
  expires_at timestamptz NOT NULL
);
CREATE INDEX idx_spent_challenges_expires ON public.srv_spent_challenges (expires_at);

ALTER TABLE public.srv_auth_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_auth_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_spent_challenges ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_spent_challenges FORCE ROW LEVEL SECURITY;
CREATE POLICY nobodys_data ON public.srv_auth_counts TO medtime_accounts USING (true) WITH CHECK (true);
CREATE POLICY nobodys_data ON public.srv_spent_challenges TO medtime_accounts USING (true) WITH CHECK (true);

DO $web$
DECLARE
  web text;
BEGIN
  FOR web IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    EXECUTE format('REVOKE ALL ON public.srv_auth_counts, public.srv_spent_challenges FROM %I', web);
  END LOOP;
END
$web$;

GRANT SELECT, INSERT (bucket, slice, count, empty_at), UPDATE (count), DELETE ON public.srv_auth_counts TO medtime_accounts;
GRANT SELECT, INSERT (challenge_hash, expires_at), DELETE ON public.srv_spent_challenges TO medtime_accounts;
