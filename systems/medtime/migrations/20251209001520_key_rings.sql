-- The keys that the services seal with can be replaced: what was sealed under a former one is sealed anew, row by row.

-- Whose rows hold something sealed: after a user, in order. It tells ids and nothing of what is sealed.
CREATE POLICY resealing_sees ON public.srv_totp_secrets FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY resealing_sees ON public.srv_sms_factors FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION public.srv_sealed_users(p_after uuid, p_limit integer) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
  SELECT t.user_id FROM public.srv_totp_secrets AS t WHERE t.user_id > p_after
  UNION
  SELECT s.user_id FROM public.srv_sms_factors AS s WHERE s.user_id > p_after
  ORDER BY 1 LIMIT p_limit;
END;

-- What names are hashed with must stay when the keys are replaced: with another nobody would be found any more. A hash of nothing under it
-- tells whether it did. Nobody's data.
CREATE TABLE public.srv_names_checks (
  service text PRIMARY KEY CHECK (service IN ('accounts', 'messages')),
  names_hash bytea NOT NULL CHECK (octet_length(names_hash) = 32)
);
ALTER TABLE public.srv_names_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_names_checks FORCE ROW LEVEL SECURITY;
CREATE POLICY own_check ON public.srv_names_checks TO medtime_accounts
  USING (service = 'accounts') WITH CHECK (service = 'accounts');
CREATE POLICY own_check_messages ON public.srv_names_checks TO medtime_messenger
  USING (service = 'messages') WITH CHECK (service = 'messages');
GRANT SELECT, INSERT (service, names_hash) ON public.srv_names_checks TO medtime_accounts, medtime_messenger;

REVOKE ALL ON FUNCTION public.srv_sealed_users FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_sealed_users TO medtime_accounts;
GRANT UPDATE (sealed_setup) ON public.srv_opaque_setup TO medtime_accounts;
GRANT UPDATE (sealed_private_key) ON public.srv_signing_keys TO medtime_accounts;

CREATE POLICY sender_reseals ON public.srv_message_phones FOR UPDATE TO medtime_messenger USING (true) WITH CHECK (true);
GRANT UPDATE (sealed_token) ON public.srv_message_devices TO medtime_messenger;
GRANT UPDATE (sealed_number) ON public.srv_message_phones TO medtime_messenger;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_names_checks FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_sealed_users FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
