-- Reports of crashes of the app. There is no user in a row: `user_hash` is made on the device, with a key the server does not have, so
-- that nobody here can tell whose it is. No column takes a text somebody typed.
CREATE TABLE public.srv_app_crashes (
  id uuid PRIMARY KEY,
  received_at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('crash', 'hang', 'out_of_memory')),
  class text NOT NULL CHECK (class ~ '^[A-Za-z]{1,40}$'),
  code text CHECK (code ~ '^[A-Z][A-Z_]{1,39}$'),
  -- Places in modules of the app: path, line, column.
  frames text[] NOT NULL CHECK (cardinality(frames) <= 30
    AND array_to_string(frames, ' ', '!') ~ '^([A-Za-z0-9_./-]+\.[jt]sx?:[0-9]+:[0-9]+( |$))*$'),
  platform text NOT NULL CHECK (platform IN ('ios', 'android')),
  version text NOT NULL CHECK (version ~ '^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$'),
  user_hash text NOT NULL CHECK (user_hash ~ '^[0-9a-f]{32}$')
);
CREATE INDEX idx_app_crashes_received ON public.srv_app_crashes (received_at);
ALTER TABLE public.srv_app_crashes ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_app_crashes FORCE ROW LEVEL SECURITY;

-- The API writes and never reads. Whoever mends the app reads as the owner.
CREATE POLICY nobodys_data ON public.srv_app_crashes FOR INSERT TO medtime_api WITH CHECK (true);
GRANT INSERT ON public.srv_app_crashes TO medtime_api;
CREATE POLICY owner_reads ON public.srv_app_crashes FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY cleaning_removes ON public.srv_app_crashes FOR DELETE TO CURRENT_USER
  USING (received_at < now() - interval '90 days');

-- Keeps one report. A device that heard no answer sends it again: then it is there already, and false is returned.
CREATE FUNCTION public.srv_keep_app_crash(p_id uuid, p_now timestamptz, p_kind text, p_class text, p_code text,
    p_frames text[], p_platform text, p_version text, p_user_hash text) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $keep$
BEGIN
  INSERT INTO public.srv_app_crashes (id, received_at, kind, class, code, frames, platform, version, user_hash)
    VALUES (p_id, p_now, p_kind, p_class, p_code, p_frames, p_platform, p_version, p_user_hash)
    ON CONFLICT DO NOTHING;
  RETURN FOUND;
END
$keep$;

-- Removes what is older than 90 days. Returns how many were removed.
CREATE FUNCTION public.srv_clean_app_crashes(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $clean$
DECLARE
  removed bigint;
BEGIN
  DELETE FROM public.srv_app_crashes WHERE received_at < p_now - interval '90 days';
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$clean$;

REVOKE ALL ON FUNCTION public.srv_keep_app_crash, public.srv_clean_app_crashes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_keep_app_crash, public.srv_clean_app_crashes TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_app_crashes FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_keep_app_crash, public.srv_clean_app_crashes FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
