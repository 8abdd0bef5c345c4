-- The role of the process that sends. It sees messages and where they go, and nothing of what devices sync; the API, on the other hand,
-- writes messages and cannot read them. Made without login: whoever runs the server gives it a password.
DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'medtime_messenger') THEN
    CREATE ROLE medtime_messenger NOLOGIN;
  END IF;
END
$role$;

GRANT USAGE ON SCHEMA public TO medtime_messenger;

-- Where a user gets push messages. The token is sealed; its keyed hash tells when the same phone went over to somebody else.
CREATE TABLE public.srv_message_devices (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  platform text NOT NULL CHECK (platform IN ('ios', 'android')),
  language text NOT NULL CHECK (language IN ('es', 'en')),
  sealed_token bytea NOT NULL CHECK (octet_length(sealed_token) <= 4300),
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  registered_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, device_id)
);

CREATE INDEX idx_message_devices_token ON public.srv_message_devices (token_hash);

-- The number a user has confirmed, and a number that waits for its code.
CREATE TABLE public.srv_message_phones (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  sealed_number bytea NOT NULL CHECK (octet_length(sealed_number) <= 100),
  number_hash bytea NOT NULL CHECK (octet_length(number_hash) = 32),
  language text NOT NULL CHECK (language IN ('es', 'en')),
  confirmed_at timestamptz NOT NULL
);

CREATE TABLE public.srv_message_phone_checks (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  sealed_number bytea NOT NULL CHECK (octet_length(sealed_number) <= 100),
  number_hash bytea NOT NULL CHECK (octet_length(number_hash) = 32),
  language text NOT NULL CHECK (language IN ('es', 'en')),
  code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
  tries_left smallint NOT NULL CHECK (tries_left BETWEEN 0 AND 5),
  asked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

-- One message for one event and one recipient: the unique key holds that across crashes, repetitions and instances. `due_at` is when
-- somebody may take it; whoever takes it puts that off by a lease. What it says is sealed, and gone once it is over.
CREATE TABLE public.srv_messages (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  type text NOT NULL CHECK (type IN (
    'alert_backup', 'emergency_notification', 'caregiver_notification', 'mfa_code', 'emergency_alert', 'caregiver_reminder'
  )),
  event text NOT NULL CHECK (event ~ '^[A-Za-z0-9:_.-]{1,128}$'),
  audience text NOT NULL CHECK (audience IN ('user', 'device', 'topic')),
  -- The device or the topic; empty for the user.
  target text NOT NULL CHECK (length(target) <= 64),
  -- Null where the device or the number knows it.
  language text CHECK (language IN ('es', 'en')),
  content bytea CHECK (octet_length(content) <= 1000),
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN (
    'waiting', 'sending', 'accepted', 'delivered', 'undelivered', 'failed', 'expired', 'limited', 'stopped', 'nobody', 'spread',
    'unknown'
  )),
  attempts smallint NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 3),
  -- Of whoever took it last.
  claim uuid,
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- The provider's own name for it, and why it failed or was not delivered.
  provider_id text CHECK (length(provider_id) <= 200),
  error_code text CHECK (error_code ~ '^[A-Z0-9_]{1,64}$'),
  UNIQUE (user_id, type, event, target)
);

CREATE INDEX idx_messages_due ON public.srv_messages (due_at) WHERE state IN ('waiting', 'sending');
-- Alarms and codes are looked for first, so that none waits behind a thousand reminders.
CREATE INDEX idx_messages_urgent ON public.srv_messages (due_at)
  WHERE state IN ('waiting', 'sending') AND type IN ('emergency_alert', 'emergency_notification', 'mfa_code');
CREATE INDEX idx_messages_ended ON public.srv_messages (ended_at) WHERE ended_at IS NOT NULL;

-- What counts against the limits: one row for each limit a message was sent under.
CREATE TABLE public.srv_message_sends (
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  message_id uuid NOT NULL REFERENCES public.srv_messages (id) ON DELETE CASCADE,
  bucket text NOT NULL CHECK (length(bucket) <= 160),
  sent_at timestamptz NOT NULL
);

CREATE INDEX idx_message_sends_bucket ON public.srv_message_sends (bucket, sent_at);
CREATE INDEX idx_message_sends_message ON public.srv_message_sends (message_id);

-- What the provider told of a message later. The digest is of the signed request: the same one is taken once.
CREATE TABLE public.srv_message_receipts (
  digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
  message_id uuid NOT NULL REFERENCES public.srv_messages (id) ON DELETE CASCADE,
  provider_id text NOT NULL CHECK (length(provider_id) <= 200),
  status text NOT NULL CHECK (status IN ('accepted', 'delivered', 'undelivered')),
  error_code text CHECK (error_code ~ '^[A-Z0-9_]{1,64}$'),
  received_at timestamptz NOT NULL,
  folded boolean NOT NULL DEFAULT false
);

CREATE INDEX idx_message_receipts_new ON public.srv_message_receipts (received_at) WHERE NOT folded;
CREATE INDEX idx_message_receipts_message ON public.srv_message_receipts (message_id);

-- Nobody's data: a number that wants no SMS, or wants them again, by its keyed hash; the last word counts. It outlives the account, since
-- the wish is of whoever holds the phone. Kept for good, so that no old request can be told again.
CREATE TABLE public.srv_message_wishes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number_hash bytea NOT NULL CHECK (octet_length(number_hash) = 32),
  wish text NOT NULL CHECK (wish IN ('stop', 'start')),
  digest bytea UNIQUE CHECK (octet_length(digest) = 32),
  told_at timestamptz NOT NULL
);

CREATE INDEX idx_message_wishes_number ON public.srv_message_wishes (number_hash, id DESC);

-- Puts a message into the outbox, within the transaction of the event it tells of. 'known' when the event has its message already,
-- 'nobody' when there is no such user: who that is, the caller may not learn in another way, and its transaction goes on.
CREATE FUNCTION public.srv_enqueue_message(
  p_id uuid, p_user uuid, p_type text, p_event text, p_audience text, p_target text, p_language text, p_content bytea,
  p_now timestamptz, p_expires timestamptz
) RETURNS text
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $enqueue$
BEGIN
  -- As the transaction was told; the schema of auth.uid() is not open to those who call.
  IF p_user::text = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' THEN
    INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO public.srv_messages (
    id, user_id, type, event, audience, target, language, content, created_at, due_at, expires_at
  ) VALUES (p_id, p_user, p_type, p_event, p_audience, p_target, p_language, p_content, p_now, p_now, p_expires)
  ON CONFLICT DO NOTHING;
  RETURN CASE WHEN FOUND THEN 'enqueued' ELSE 'known' END;
EXCEPTION WHEN foreign_key_violation THEN
  RETURN 'nobody';
END
$enqueue$;

-- Notes what the provider told of a message: 'noted', 'replayed' when the same request was here before, 'unknown' without such a message.
CREATE FUNCTION public.srv_note_receipt(
  p_digest bytea, p_message uuid, p_provider_id text, p_status text, p_error_code text, p_now timestamptz
) RETURNS text
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $receipt$
BEGIN
  INSERT INTO public.srv_message_receipts (digest, message_id, provider_id, status, error_code, received_at)
    VALUES (p_digest, p_message, p_provider_id, p_status, p_error_code, p_now)
    ON CONFLICT DO NOTHING;
  RETURN CASE WHEN FOUND THEN 'noted' ELSE 'replayed' END;
EXCEPTION WHEN foreign_key_violation THEN
  RETURN 'unknown';
END
$receipt$;

-- Notes a wish: false when the same request told of it before.
CREATE FUNCTION public.srv_note_wish(p_hash bytea, p_wish text, p_digest bytea, p_now timestamptz) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $wish$
BEGIN
  INSERT INTO public.srv_message_wishes (number_hash, wish, digest, told_at)
    VALUES (p_hash, p_wish, p_digest, p_now) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END
$wish$;

ALTER TABLE public.srv_message_devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_devices FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_phones ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_phones FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_phone_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_phone_checks FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_messages FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_sends ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_sends FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_receipts FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_wishes ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_message_wishes FORCE ROW LEVEL SECURITY;

CREATE POLICY users_own_data ON public.srv_message_devices TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_message_phones TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_message_phone_checks TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
-- Users read which messages they were sent, never what these say: the column is granted to nobody but the sender.
CREATE POLICY users_own_data ON public.srv_messages FOR SELECT TO medtime_api USING (user_id = (SELECT auth.uid()));
-- One person's event is another one's message: an alarm goes to whoever cares. What is written here cannot be read back.
CREATE POLICY events_of_anybody ON public.srv_messages FOR INSERT TO medtime_api, medtime_accounts WITH CHECK (true);
-- A provider speaks for itself, not as a user. Its signature is what is checked, and these rows are only ever added.
CREATE POLICY told_by_the_provider ON public.srv_message_receipts FOR INSERT TO medtime_api WITH CHECK (true);
CREATE POLICY told_by_the_provider ON public.srv_message_wishes FOR INSERT TO medtime_api WITH CHECK (true);

CREATE POLICY sender ON public.srv_message_devices TO medtime_messenger USING (true);
CREATE POLICY sender ON public.srv_message_phones FOR SELECT TO medtime_messenger USING (true);
CREATE POLICY sender ON public.srv_messages TO medtime_messenger USING (true) WITH CHECK (true);
CREATE POLICY sender ON public.srv_message_sends TO medtime_messenger USING (true) WITH CHECK (true);
CREATE POLICY sender ON public.srv_message_receipts TO medtime_messenger USING (true) WITH CHECK (true);
CREATE POLICY sender ON public.srv_message_wishes TO medtime_messenger USING (true) WITH CHECK (true);
CREATE POLICY sender ON public.srv_sync_epoch FOR SELECT TO medtime_messenger USING (true);

-- Supabase grants its web roles everything in this schema, and every function is everybody's unless said otherwise.
REVOKE ALL ON FUNCTION public.srv_enqueue_message, public.srv_note_receipt, public.srv_note_wish FROM PUBLIC;
DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format(
        'REVOKE ALL ON public.srv_message_devices, public.srv_message_phones, public.srv_message_phone_checks, '
        'public.srv_messages, public.srv_message_sends, public.srv_message_receipts, public.srv_message_wishes FROM %I', web);
      EXECUTE format(
        'REVOKE ALL ON FUNCTION public.srv_enqueue_message, public.srv_note_receipt, public.srv_note_wish FROM %I', web);
    END IF;
  END LOOP;
END
$close$;

GRANT EXECUTE ON FUNCTION public.srv_enqueue_message, public.srv_note_receipt, public.srv_note_wish TO medtime_api;
-- Accounts send codes.
GRANT EXECUTE ON FUNCTION public.srv_enqueue_message TO medtime_accounts;
GRANT INSERT (id, user_id, type, event, audience, target, language, content, created_at, due_at, expires_at)
  ON public.srv_messages TO medtime_accounts;
GRANT SELECT (user_id, device_id, platform, language, registered_at),
  INSERT (user_id, device_id, platform, language, sealed_token, token_hash, registered_at),
  UPDATE (platform, language, sealed_token, token_hash, registered_at),
  DELETE
  ON public.srv_message_devices TO medtime_api;
GRANT SELECT (user_id, language, confirmed_at),
  INSERT (user_id, sealed_number, number_hash, language, confirmed_at),
  UPDATE (sealed_number, number_hash, language, confirmed_at),
  DELETE
  ON public.srv_message_phones TO medtime_api;
GRANT SELECT,
  INSERT (user_id, sealed_number, number_hash, language, code_hash, tries_left, asked_at, expires_at),
  UPDATE (sealed_number, number_hash, language, code_hash, tries_left, asked_at, expires_at),
  DELETE
  ON public.srv_message_phone_checks TO medtime_api;
GRANT SELECT (id, user_id, type, event, audience, target, state, created_at, ended_at),
  INSERT (id, user_id, type, event, audience, target, language, content, created_at, due_at, expires_at)
  ON public.srv_messages TO medtime_api;
GRANT INSERT (digest, message_id, provider_id, status, error_code, received_at)
  ON public.srv_message_receipts TO medtime_api;
GRANT INSERT (number_hash, wish, digest, told_at) ON public.srv_message_wishes TO medtime_api;

GRANT SELECT, DELETE ON public.srv_message_devices TO medtime_messenger;
GRANT SELECT ON public.srv_message_phones TO medtime_messenger;
GRANT SELECT,
  INSERT (id, user_id, type, event, audience, target, language, content, created_at, due_at, expires_at),
  UPDATE (content, state, attempts, claim, due_at, ended_at, provider_id, error_code),
  DELETE
  ON public.srv_messages TO medtime_messenger;
GRANT SELECT, INSERT, DELETE ON public.srv_message_sends TO medtime_messenger;
GRANT SELECT, UPDATE (folded) ON public.srv_message_receipts TO medtime_messenger;
GRANT SELECT, INSERT (number_hash, wish, told_at) ON public.srv_message_wishes TO medtime_messenger;
-- Asked for when the process tells whether it can serve.
GRANT SELECT ON public.srv_sync_epoch TO medtime_messenger;
