-- The role the accounts service connects as, made without login as the one of the API. Neither reads what the other keeps.
DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'medtime_accounts') THEN
    CREATE ROLE medtime_accounts NOLOGIN;
  END IF;
END
$role$;

GRANT USAGE ON SCHEMA public TO medtime_accounts;

CREATE TABLE public.srv_accounts (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  email text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
  tier text NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'pro', 'perfect')),
  created_at timestamptz NOT NULL
);

-- Leads from what a person names to whose account it is: hashes and ids, and nothing beside them. It is what is read before
-- anybody is known, so its policy lets the service see all of it; every other table of a user is read as that user alone.
CREATE TABLE public.srv_account_handles (
  kind text NOT NULL CHECK (kind IN ('email', 'identity')),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  PRIMARY KEY (kind, hash)
);
CREATE INDEX idx_account_handles_user ON public.srv_account_handles (user_id);

-- What OPAQUE keeps in place of a password, how the client stretched it, and the master key wrapped by what only the password
-- opens.
CREATE TABLE public.srv_account_passwords (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  registration_record text NOT NULL CHECK (length(registration_record) BETWEEN 1 AND 1024),
  kdf_memory_kib integer NOT NULL CHECK (kdf_memory_kib > 0),
  kdf_iterations integer NOT NULL CHECK (kdf_iterations > 0),
  kdf_parallelism integer NOT NULL CHECK (kdf_parallelism > 0),
  wrapped_master_key bytea NOT NULL CHECK (octet_length(wrapped_master_key) BETWEEN 1 AND 512),
  changed_at timestamptz NOT NULL
);

-- The master key wrapped by the recovery code, and the hash of what proves that somebody has the code.
CREATE TABLE public.srv_account_recoveries (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  proof_hash bytea NOT NULL CHECK (octet_length(proof_hash) = 32),
  wrapped_master_key bytea NOT NULL CHECK (octet_length(wrapped_master_key) BETWEEN 1 AND 512),
  changed_at timestamptz NOT NULL
);

-- Nobody's data: what the server remembers between the two messages of a sign-in, sealed. A row is written whether or not
-- there is such an account, and is gone with the second message or two minutes later.
CREATE TABLE public.srv_sign_in_attempts (
  attempt_id uuid PRIMARY KEY,
  handle bytea NOT NULL CHECK (octet_length(handle) = 32),
  state bytea NOT NULL CHECK (octet_length(state) BETWEEN 1 AND 4096),
  expires_at timestamptz NOT NULL
);
CREATE INDEX idx_sign_in_attempts_expires ON public.srv_sign_in_attempts (expires_at);

-- Nobody's data: the server's half of OPAQUE, sealed under the key of the service, and the record that stands in where there
-- is no account. One row, the same for every instance: without it no password opens anything any more.
CREATE TABLE public.srv_opaque_setup (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  sealed_setup bytea NOT NULL,
  stand_in_record text NOT NULL
);

ALTER TABLE public.srv_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_handles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_handles FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_passwords ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_passwords FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_recoveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_account_recoveries FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sign_in_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sign_in_attempts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_opaque_setup ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_opaque_setup FORCE ROW LEVEL SECURITY;

CREATE POLICY accounts_make_users ON public.srv_users FOR INSERT TO medtime_accounts
  WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_accounts TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY anybody_is_looked_up ON public.srv_account_handles FOR SELECT TO medtime_accounts USING (true);
CREATE POLICY users_own_data ON public.srv_account_handles FOR INSERT TO medtime_accounts
  WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_account_passwords TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_account_recoveries TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY nobodys_data ON public.srv_sign_in_attempts TO medtime_accounts USING (true) WITH CHECK (true);
CREATE POLICY nobodys_data ON public.srv_opaque_setup TO medtime_accounts USING (true) WITH CHECK (true);

-- Supabase grants its web roles whatever is made in public.
DO $web$
DECLARE
  web text;
BEGIN
  FOR web IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    EXECUTE format(
      'REVOKE ALL ON public.srv_accounts, public.srv_account_handles, public.srv_account_passwords, '
      'public.srv_account_recoveries, public.srv_sign_in_attempts, public.srv_opaque_setup FROM %I', web);
  END LOOP;
END
$web$;

GRANT INSERT (user_id) ON public.srv_users TO medtime_accounts;
GRANT SELECT, INSERT (user_id, email, tier, created_at), UPDATE (tier) ON public.srv_accounts TO medtime_accounts;
GRANT SELECT, INSERT (kind, hash, user_id) ON public.srv_account_handles TO medtime_accounts;
GRANT SELECT,
  INSERT (user_id, registration_record, kdf_memory_kib, kdf_iterations, kdf_parallelism, wrapped_master_key, changed_at),
  UPDATE (registration_record, kdf_memory_kib, kdf_iterations, kdf_parallelism, wrapped_master_key, changed_at)
  ON public.srv_account_passwords TO medtime_accounts;
GRANT SELECT, INSERT (user_id, proof_hash, wrapped_master_key, changed_at),
  UPDATE (proof_hash, wrapped_master_key, changed_at)
  ON public.srv_account_recoveries TO medtime_accounts;
GRANT SELECT, INSERT (attempt_id, handle, state, expires_at), DELETE ON public.srv_sign_in_attempts TO medtime_accounts;
GRANT SELECT, INSERT (sealed_setup, stand_in_record) ON public.srv_opaque_setup TO medtime_accounts;
