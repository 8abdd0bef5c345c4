-- The secret of somebody's authenticator, sealed under the key of the service. `last_step` is the step of the last code that was
-- taken: none at or before it is taken again.
CREATE TABLE public.srv_totp_secrets (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  sealed_secret bytea NOT NULL,
  made_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  last_step bigint NOT NULL DEFAULT 0
);

-- Codes for the day the authenticator is lost. Each works once and is gone.
CREATE TABLE public.srv_recovery_codes (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
  PRIMARY KEY (user_id, code_hash)
);

-- A telephone that codes are sent to, sealed, and the last code, hashed.
CREATE TABLE public.srv_sms_factors (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  sealed_number bytea NOT NULL,
  confirmed_at timestamptz,
  code_hash bytea CHECK (octet_length(code_hash) = 32),
  code_until timestamptz,
  code_tries integer NOT NULL DEFAULT 0
);

-- Sign-ins whose first factor was right and whose second is still to come, and set-ups by somebody who is signed in, which lead
-- to no session. A ticket is good for ten minutes and five codes.
CREATE TABLE public.srv_sign_in_tickets (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  ticket_hash bytea NOT NULL CHECK (octet_length(ticket_hash) = 32),
  purpose text NOT NULL CHECK (purpose IN ('sign_in', 'set_up')),
  device_id text NOT NULL CHECK (length(device_id) BETWEEN 1 AND 64),
  with_key boolean NOT NULL,
  satisfied boolean NOT NULL DEFAULT false,
  tries integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, ticket_hash)
);

ALTER TABLE public.srv_totp_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_totp_secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_recovery_codes FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sms_factors ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sms_factors FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sign_in_tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sign_in_tickets FORCE ROW LEVEL SECURITY;

CREATE POLICY users_own_data ON public.srv_totp_secrets TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_recovery_codes TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_sms_factors TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_sign_in_tickets TO medtime_accounts
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));

DO $web$
DECLARE
  web text;
BEGIN
  FOR web IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
    EXECUTE format(
      'REVOKE ALL ON public.srv_totp_secrets, public.srv_recovery_codes, public.srv_sms_factors, '
      'public.srv_sign_in_tickets FROM %I', web);
  END LOOP;
END
$web$;

GRANT SELECT, INSERT (user_id, sealed_secret, made_at), UPDATE (sealed_secret, made_at, confirmed_at, last_step)
  ON public.srv_totp_secrets TO medtime_accounts;
GRANT SELECT, INSERT (user_id, code_hash), DELETE ON public.srv_recovery_codes TO medtime_accounts;
GRANT SELECT, INSERT (user_id, sealed_number), UPDATE (sealed_number, confirmed_at, code_hash, code_until, code_tries)
  ON public.srv_sms_factors TO medtime_accounts;
GRANT SELECT, INSERT (user_id, ticket_hash, purpose, device_id, with_key, expires_at), UPDATE (satisfied, tries), DELETE
  ON public.srv_sign_in_tickets TO medtime_accounts;
